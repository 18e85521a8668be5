/* safetensors_writer.c - declared first, streamed after, renamed into place last. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "format/json_writer.h"
#include "format/quote.h"
#include "format/safetensors_header.h"

typedef struct declared {
    char *name;
    size_t size;
} declared;

typedef enum writer_phase { METADATA, TENSORS, DATA, SEALED } writer_phase;

struct safetensors_writer {
    char *path;
    file_writer *file;
    cadre_status status; /* the first failure stays */
    writer_phase phase;
    json_writer header;
    declared *list; /* [count] */
    size_t count, room;
    size_t declared_bytes; /* of all of them */
    size_t filled;         /* of these, written */
    size_t at, done;       /* the tensor whose bytes are coming, and how many of its came */
    bool hashes;
    uint8_t *rows; /* [1 + count, HASH_BYTES]: hashes of header and tensors; NULL without `hashes` */
    hash_stream *of_file, *of_tensor;
    hash128 file_hash;
};

static void writer_free(safetensors_writer *w)
{
    file_writer_discard(w->file);
    for (size_t i = 0; i < w->count; i++) mem_free(w->list[i].name);
    mem_free(w->list);
    mem_free(w->rows);
    json_writer_free(&w->header);
    hash_stream_free(w->of_file);
    hash_stream_free(w->of_tensor);
    mem_free(w->path);
    mem_free(w);
}

cadre_status safetensors_writer_open(const char *path, bool hashes, safetensors_writer **writer)
{
    safetensors_writer *w = MEM_ARRAY(safetensors_writer, 1);
    if (!w) return CADRE_ENOMEM;
    cadre_status status = CADRE_ENOMEM;
    w->hashes = hashes;
    w->path = mem_strdup(path);
    w->of_file = hash_stream_new();
    w->of_tensor = hash_stream_new();
    if (w->path && w->of_file && w->of_tensor) status = file_writer_open(path, &w->file);
    if (status != CADRE_OK) {
        writer_free(w);
        return status;
    }
    w->header = json_writer_new(0);
    json_put_object(&w->header, NULL);
    json_put_object(&w->header, SAFETENSORS_METADATA);
    *writer = w;
    return CADRE_OK;
}

void safetensors_writer_discard(safetensors_writer *w)
{
    if (w) writer_free(w);
}

/* ---- declaring ---- */

cadre_status safetensors_writer_metadata(safetensors_writer *w, const char *key, const char *value)
{
    if (w->status != CADRE_OK) return w->status;
    if (w->phase != METADATA)
        return w->status = cadre_fail(CADRE_EARGUMENT, w->path, "metadata must be declared before tensors");
    json_put_string(&w->header, key, value);
    return w->status = w->header.text.status;
}

static cadre_status add_declared(safetensors_writer *w, const char *name, size_t size)
{
    if (w->count == w->room) {
        size_t room = w->room ? 2 * w->room : 64;
        declared *list = mem_resize(w->list, w->count, room, sizeof *list);
        if (!list) return CADRE_ENOMEM;
        w->list = list;
        w->room = room;
    }
    char *copy = mem_strdup(name);
    if (!copy) return CADRE_ENOMEM;
    w->list[w->count++] = (declared){ copy, size };
    return CADRE_OK;
}

static void put_entry(json_writer *header, const char *name, const char *dtype, int rank, const int64_t *shape, size_t begin, size_t end)
{
    json_put_object(header, name);
    json_put_string(header, "dtype", dtype);
    json_put_array(header, "shape");
    for (int i = 0; i < rank; i++) json_put_int(header, NULL, shape[i]);
    json_put_close(header, ']');
    json_put_array(header, "data_offsets");
    json_put_int(header, NULL, (int64_t)begin);
    json_put_int(header, NULL, (int64_t)end);
    json_put_close(header, ']');
    json_put_close(header, '}');
}

static cadre_status declare(safetensors_writer *w, const char *name, const char *dtype, int rank, const int64_t *shape)
{
    int64_t elements, bits;
    size_t end;
    int width = safetensors_dtype_bits(dtype);
    if (w->phase > TENSORS || rank < 0 || rank > SAFETENSORS_RANK || !width || !strcmp(name, SAFETENSORS_METADATA))
        return cadre_fail(CADRE_EARGUMENT, w->path, "%s: a tensor of %d dimensions and dtype %s cannot be declared here",
                          quote_text(name).text, rank, quote_text(dtype).text);
    if (!checked_product(shape, rank, &elements) || __builtin_mul_overflow(elements, width, &bits) || bits % 8 ||
        !checked_add(w->declared_bytes, (size_t)(bits / 8), &end) || end > INT64_MAX)
        return cadre_fail(CADRE_EARGUMENT, w->path, "%s: expected a shape that takes whole bytes and fits 64 bits", quote_text(name).text);
    if (w->phase == METADATA) json_put_close(&w->header, '}');
    w->phase = TENSORS;
    CADRE_TRY(add_declared(w, name, (size_t)(bits / 8)));
    put_entry(&w->header, name, dtype, rank, shape, w->declared_bytes, end);
    w->declared_bytes = end;
    return w->header.text.status;
}

cadre_status safetensors_writer_declare(safetensors_writer *w, const char *name, const char *dtype, int rank, const int64_t *shape)
{
    if (w->status == CADRE_OK) w->status = declare(w, name, dtype, rank, shape);
    return w->status;
}

/* ---- from the header to the data ---- */

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static cadre_status refuse_duplicates(const safetensors_writer *w)
{
    const char **names = MEM_ARRAY(const char *, w->count);
    if (!names) return CADRE_ENOMEM;
    for (size_t i = 0; i < w->count; i++) names[i] = w->list[i].name;
    qsort(names, w->count, sizeof *names, by_text);
    cadre_status status = CADRE_OK;
    for (size_t i = 1; i < w->count && status == CADRE_OK; i++)
        if (!strcmp(names[i - 1], names[i]))
            status = cadre_fail(CADRE_EARGUMENT, w->path, "two tensors are named %s", quote_text(names[i]).text);
    mem_free(names);
    return status;
}

static cadre_status write_bytes(safetensors_writer *w, const void *data, size_t size)
{
    hash_stream_add(w->of_file, data, size);
    return file_writer_put(w->file, data, size);
}

static cadre_status declare_hashes(safetensors_writer *w)
{
    int64_t shape[2] = { (int64_t)w->count + 1, HASH_BYTES };
    CADRE_TRY(declare(w, SAFETENSORS_HASHES, "U8", 2, shape));
    w->rows = MEM_ARRAY(uint8_t, w->count * HASH_BYTES); /* one for the header in the place of its own */
    return w->rows ? CADRE_OK : CADRE_ENOMEM;
}

/* Leaves tensors whose bytes are all there behind: the one that was just filled, and any of no bytes after it. */
static void advance(safetensors_writer *w)
{
    while (w->at < w->count && w->done == w->list[w->at].size) {
        if (w->rows && w->at + 1 < w->count) hash_store(hash_stream_value(w->of_tensor), w->rows + (w->at + 1) * HASH_BYTES);
        hash_stream_reset(w->of_tensor);
        w->done = 0;
        w->at++;
    }
}

static cadre_status begin_data(safetensors_writer *w)
{
    if (w->hashes) CADRE_TRY(declare_hashes(w));
    CADRE_TRY(refuse_duplicates(w));
    json_writer *header = &w->header;
    if (w->phase == METADATA) json_put_close(header, '}');
    w->phase = DATA;
    json_put_close(header, '}');
    byte_buffer_fill(&header->text, ' ', (8 - header->text.size % 8) % 8); /* data at a multiple of 8 */
    CADRE_TRY(header->text.status);
    size_t size = header->text.size;
    if (size > SAFETENSORS_HEADER_LIMIT)
        return cadre_fail(CADRE_EARGUMENT, w->path, "its header of %zu bytes is beyond the format's limit", size);
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(size >> 8 * i);
    CADRE_TRY(write_bytes(w, length, sizeof length));
    CADRE_TRY(write_bytes(w, header->text.data, size));
    if (w->rows) hash_store(hash_stream_value(w->of_file), w->rows);
    advance(w);
    return CADRE_OK;
}

/* ---- data ---- */

/* `size` bytes that are known to fit the tensors from here on. */
static cadre_status fill(safetensors_writer *w, const uint8_t *data, size_t size)
{
    while (size) {
        size_t left = w->list[w->at].size - w->done, step = size < left ? size : left;
        CADRE_TRY(write_bytes(w, data, step));
        if (w->rows) hash_stream_add(w->of_tensor, data, step);
        w->done += step;
        w->filled += step;
        data += step;
        size -= step;
        advance(w);
    }
    return CADRE_OK;
}

static size_t hash_rows_size(const safetensors_writer *w) { return w->rows ? w->count * HASH_BYTES : 0; }

static cadre_status put(safetensors_writer *w, const void *data, size_t size)
{
    if (w->phase < DATA) CADRE_TRY(begin_data(w));
    if (w->phase == SEALED || size > w->declared_bytes - hash_rows_size(w) - w->filled)
        return cadre_fail(CADRE_EARGUMENT, w->path, "was given more bytes than its tensors hold");
    return fill(w, data, size);
}

cadre_status safetensors_writer_put(safetensors_writer *w, const void *data, size_t size)
{
    if (w->status == CADRE_OK) w->status = put(w, data, size);
    return w->status;
}

static cadre_status seal(safetensors_writer *w)
{
    if (w->phase < DATA) CADRE_TRY(begin_data(w));
    if (w->rows && w->at + 1 == w->count) CADRE_TRY(fill(w, w->rows, hash_rows_size(w)));
    if (w->at < w->count)
        return cadre_fail(CADRE_EARGUMENT, w->path, "%s: expected %zu bytes, was given %zu", quote_text(w->list[w->at].name).text,
                          w->list[w->at].size, w->done);
    w->file_hash = hash_stream_value(w->of_file);
    w->phase = SEALED;
    return file_writer_seal(w->file);
}

cadre_status safetensors_writer_seal(safetensors_writer *w, hash128 *file_hash)
{
    if (w->status == CADRE_OK && w->phase != SEALED) w->status = seal(w);
    if (w->status == CADRE_OK && file_hash) *file_hash = w->file_hash;
    return w->status;
}

cadre_status safetensors_writer_commit(safetensors_writer *w)
{
    cadre_status status = safetensors_writer_seal(w, NULL);
    if (status == CADRE_OK) {
        status = file_writer_commit(w->file);
        w->file = NULL;
    }
    writer_free(w);
    return status;
}

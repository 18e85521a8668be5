/* safetensors_writer.c - builds the header while metadata and tensors are declared; the stream does
 * the rest. */
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "format/json_writer.h"
#include "format/quote.h"
#include "format/safetensors_header.h"
#include "format/tensor_stream.h"

struct safetensors_writer {
    tensor_stream stream;
    json_writer header;
    bool in_metadata;  /* the first member of the header is still open */
    size_t data_bytes; /* declared */
    /* [tensors + 1, HASH_BYTES] after the header was written; NULL: the file takes no hashes */
    uint8_t *hash_rows;
    bool hashes;
};

static void writer_free(safetensors_writer *w)
{
    tensor_stream_close(&w->stream);
    json_writer_free(&w->header);
    mem_free(w->hash_rows);
    mem_free(w);
}

/* Frees the writer if its stream has failed, or is without a file because other ranks have it. */
static cadre_status begin_writer(safetensors_writer *w, bool hashes, safetensors_writer **writer)
{
    cadre_status status = w->stream.status;
    if (status != CADRE_OK || !w->stream.file) {
        writer_free(w);
        *writer = NULL;
        return status;
    }
    w->hashes = hashes;
    w->header = json_writer_new(0);
    json_put_object(&w->header, NULL);
    json_put_object(&w->header, SAFETENSORS_METADATA);
    w->in_metadata = true;
    *writer = w;
    return CADRE_OK;
}

cadre_status safetensors_writer_open(const char *path, bool hashes, safetensors_writer **writer)
{
    safetensors_writer *w = MEM_ARRAY(safetensors_writer, 1);
    if (!w) return CADRE_ENOMEM;
    tensor_stream_open(&w->stream, path, 1);
    return begin_writer(w, hashes, writer);
}

cadre_status safetensors_writer_open_among(
    const char *path, bool hashes, comm *ranks, safetensors_writer **writer, int *blind)
{
    safetensors_writer *w = MEM_ARRAY(safetensors_writer, 1);
    if (!w) return CADRE_ENOMEM;
    tensor_stream_open_among(&w->stream, path, ranks, blind);
    return begin_writer(w, hashes, writer);
}

void safetensors_writer_discard(safetensors_writer *w)
{
    if (w) writer_free(w);
}

/* ---- declaring ---- */

static void end_metadata(safetensors_writer *w)
{
    if (w->in_metadata) json_put_close(&w->header, '}');
    w->in_metadata = false;
}

cadre_status safetensors_writer_metadata(safetensors_writer *w, const char *key, const char *value)
{
    tensor_stream *s = &w->stream;
    if (s->status == CADRE_OK && !w->in_metadata)
        s->status =
            cadre_fail(CADRE_EARGUMENT, s->path, "metadata must be declared before tensors");
    if (s->status != CADRE_OK) return s->status;
    json_put_string(&w->header, key, value);
    return s->status = w->header.text.status;
}

static void put_entry(json_writer *header, const char *name, const char *dtype, int rank,
    const int64_t *shape, size_t begin, size_t end)
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

static cadre_status declare(
    safetensors_writer *w, const char *name, const char *dtype, int rank, const int64_t *shape)
{
    int64_t elements, bits;
    int width = safetensors_dtype_bits(dtype);
    if (w->stream.begun || rank < 0 || rank > SAFETENSORS_RANK || !width ||
        !strcmp(name, SAFETENSORS_METADATA))
        return cadre_fail(CADRE_EARGUMENT, w->stream.path,
            "%s: a tensor of %d dimensions and dtype %s cannot be declared here",
            quote_text(name).text, rank, quote_text(dtype).text);
    if (!checked_product(shape, rank, &elements) ||
        __builtin_mul_overflow(elements, width, &bits) || bits % 8)
        return cadre_fail(CADRE_EARGUMENT, w->stream.path,
            "%s: expected a shape that takes whole bytes and fits 64 bits", quote_text(name).text);
    size_t size = (size_t)(bits / 8), begin = w->data_bytes;
    CADRE_TRY(tensor_stream_declare(&w->stream, name, size));
    end_metadata(w);
    put_entry(&w->header, name, dtype, rank, shape, begin, begin + size);
    w->data_bytes = begin + size;
    return w->header.text.status;
}

cadre_status safetensors_writer_declare(
    safetensors_writer *w, const char *name, const char *dtype, int rank, const int64_t *shape)
{
    if (w->stream.status == CADRE_OK) w->stream.status = declare(w, name, dtype, rank, shape);
    return w->stream.status;
}

/* ---- writing ---- */

static cadre_status declare_hashes(safetensors_writer *w)
{
    int64_t shape[2] = { (int64_t)w->stream.count + 1, HASH_BYTES };
    w->hash_rows = MEM_ARRAY(uint8_t, (w->stream.count + 1) * HASH_BYTES);
    return w->hash_rows ? declare(w, SAFETENSORS_HASHES, "U8", 2, shape) : CADRE_ENOMEM;
}

static cadre_status begin(safetensors_writer *w)
{
    if (w->hashes) CADRE_TRY(declare_hashes(w));
    end_metadata(w);
    json_put_close(&w->header, '}');
    byte_buffer *json = &w->header.text, whole = { 0 };
    byte_buffer_fill(json, ' ', (8 - json->size % 8) % 8); /* data begin at a multiple of 8 */
    if (json->size > SAFETENSORS_HEADER_LIMIT)
        return cadre_fail(CADRE_EARGUMENT, w->stream.path,
            "its header of %zu bytes is beyond the format's limit", json->size);
    for (int i = 0; i < 8; i++) byte_buffer_fill(&whole, (char)(json->size >> 8 * i), 1);
    byte_buffer_put(&whole, json->data, json->size);
    cadre_status status = json->status != CADRE_OK ? json->status : whole.status;
    if (status == CADRE_OK) status = tensor_stream_begin(&w->stream, whole.data, whole.size);
    if (status == CADRE_OK && w->hash_rows)
        hash_store(hash_bytes(whole.data, whole.size), w->hash_rows);
    byte_buffer_free(&whole);
    return status;
}

static cadre_status ensure_begun(safetensors_writer *w)
{
    if (w->stream.status == CADRE_OK && !w->stream.begun) w->stream.status = begin(w);
    return w->stream.status;
}

/* Refuses bytes of the last tensor, the hashes, which callers do not write. */
static cadre_status check_room(safetensors_writer *w, size_t size)
{
    CADRE_TRY(ensure_begun(w));
    tensor_stream *s = &w->stream;
    size_t own = w->hash_rows ? s->list[s->count - 1].size : 0;
    if (s->status == CADRE_OK && size > s->left - own)
        s->status =
            cadre_fail(CADRE_EARGUMENT, s->path, "was given more bytes than its tensors hold");
    return s->status;
}

cadre_status safetensors_writer_put(safetensors_writer *w, const void *data, size_t size)
{
    CADRE_TRY(check_room(w, size));
    return tensor_stream_put(&w->stream, data, size);
}

cadre_status safetensors_writer_skip(safetensors_writer *w, size_t size)
{
    CADRE_TRY(check_room(w, size));
    return tensor_stream_skip(&w->stream, size);
}

size_t safetensors_writer_written(const safetensors_writer *w)
{
    return file_writer_written(w->stream.file);
}

static bool leads(const safetensors_writer *w)
{
    return !w->stream.ranks || w->stream.ranks->rank == 0;
}

/* Writes the last tensor, whose bytes are known now that the others are written. */
static cadre_status put_hashes(safetensors_writer *w)
{
    const tensor_stream *s = &w->stream;
    const size_t size = s->list[s->at].size;
    if (!leads(w)) return tensor_stream_skip(&w->stream, size);
    for (size_t i = 0; i < s->at; i++)
        hash_store(s->list[i].hash, w->hash_rows + (i + 1) * HASH_BYTES);
    return tensor_stream_put(&w->stream, w->hash_rows, size);
}

cadre_status safetensors_writer_finish(safetensors_writer *w, hash128 *file_hash)
{
    CADRE_TRY(ensure_begun(w));
    tensor_stream *s = &w->stream;
    /* If a tensor lacks bytes, tensor_stream_finish will refuse. */
    if (s->at + (w->hash_rows != NULL) == s->count && !s->done) {
        CADRE_TRY(tensor_stream_gather(s));
        if (w->hash_rows) CADRE_TRY(put_hashes(w));
    }
    CADRE_TRY(tensor_stream_finish(s));
    if (file_hash) *file_hash = leads(w) ? hash_stream_value(s->of_file) : (hash128){ 0, 0 };
    return CADRE_OK;
}

cadre_status safetensors_writer_commit(safetensors_writer *w)
{
    cadre_status status = safetensors_writer_finish(w, NULL);
    if (status == CADRE_OK) status = tensor_stream_commit(&w->stream);
    writer_free(w);
    return status;
}

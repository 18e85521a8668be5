/* gguf_writer.c - builds the metadata and the tensor entries while they are declared; the stream
 * does the rest. */
#include <string.h>

#include "base/memory.h"
#include "base/buffer.h"
#include "format/gguf_header.h"
#include "format/quote.h"
#include "format/tensor_stream.h"

enum { ALIGN = 32, VERSION = 3 };

struct gguf_writer {
    tensor_stream stream;
    byte_buffer keys, tensors; /* their entries */
    byte_buffer key_names;     /* each with its NUL */
    uint64_t key_count;
    uint64_t offset; /* where the data of the next declared tensor go */
};

static void writer_free(gguf_writer *w)
{
    tensor_stream_close(&w->stream);
    byte_buffer_free(&w->keys);
    byte_buffer_free(&w->tensors);
    byte_buffer_free(&w->key_names);
    mem_free(w);
}

cadre_status gguf_writer_open(const char *path, gguf_writer **writer)
{
    gguf_writer *w = MEM_ARRAY(gguf_writer, 1);
    if (!w) return CADRE_ENOMEM;
    cadre_status status = tensor_stream_open(&w->stream, path, ALIGN);
    if (status == CADRE_OK) *writer = w;
    else writer_free(w);
    return status;
}

cadre_status gguf_writer_open_header(const char *name, gguf_writer **writer)
{
    gguf_writer *w = MEM_ARRAY(gguf_writer, 1);
    if (!w) return CADRE_ENOMEM;
    if (!(w->stream.path = mem_strdup(name))) {
        writer_free(w);
        return CADRE_ENOMEM;
    }
    *writer = w;
    return CADRE_OK;
}

void gguf_writer_discard(gguf_writer *w)
{
    if (w) writer_free(w);
}

/* ---- little-endian pieces ---- */

static void put_number(byte_buffer *b, uint64_t value, size_t size)
{
    char bytes[8];
    for (size_t i = 0; i < size; i++) bytes[i] = (char)(value >> 8 * i);
    byte_buffer_put(b, bytes, size);
}

static void put_string(byte_buffer *b, const char *text, size_t size)
{
    put_number(b, size, 8);
    byte_buffer_put(b, text, size);
}

static void put_f32(byte_buffer *b, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_number(b, bits, 4);
}

/* ---- metadata ---- */

static bool key_is_there(const gguf_writer *w, const char *key)
{
    const char *at = w->key_names.data, *end = at + w->key_names.size;
    while (at != end && strcmp(at, key)) at += strlen(at) + 1;
    return at != end;
}

static cadre_status check_key(const gguf_writer *w, const char *key)
{
    if (w->stream.begun)
        return cadre_fail(CADRE_EARGUMENT, w->stream.path,
            "%s: metadata must be declared before the tensors' bytes", quote_text(key).text);
    if (!key_is_there(w, key)) return CADRE_OK;
    return cadre_fail(
        CADRE_EARGUMENT, w->stream.path, "%s: this key is there already", quote_text(key).text);
}

/* Writes the front of an entry: its key and type. */
static cadre_status put_key(gguf_writer *w, const char *key, gguf_type type)
{
    tensor_stream *s = &w->stream;
    if (s->status == CADRE_OK) s->status = check_key(w, key);
    if (s->status != CADRE_OK) return s->status;
    byte_buffer_put(&w->key_names, key, strlen(key) + 1);
    put_string(&w->keys, key, strlen(key));
    put_number(&w->keys, type, 4);
    w->key_count++;
    return s->status = w->key_names.status != CADRE_OK ? w->key_names.status : w->keys.status;
}

static cadre_status put_array(gguf_writer *w, const char *key, gguf_type type, size_t count)
{
    CADRE_TRY(put_key(w, key, GGUF_ARRAY));
    put_number(&w->keys, type, 4);
    put_number(&w->keys, count, 8);
    return CADRE_OK;
}

static cadre_status finish_value(gguf_writer *w) { return w->stream.status = w->keys.status; }

static bool holds(gguf_type type, int64_t value)
{
    switch (type) {
    case GGUF_U8: return value >= 0 && value <= UINT8_MAX;
    case GGUF_I8: return value >= INT8_MIN && value <= INT8_MAX;
    case GGUF_U16: return value >= 0 && value <= UINT16_MAX;
    case GGUF_I16: return value >= INT16_MIN && value <= INT16_MAX;
    case GGUF_U32: return value >= 0 && value <= UINT32_MAX;
    case GGUF_I32: return value >= INT32_MIN && value <= INT32_MAX;
    case GGUF_BOOL: return value == 0 || value == 1;
    case GGUF_U64: return value >= 0;
    case GGUF_I64: return true;
    default: return false;
    }
}

static cadre_status put_int(gguf_writer *w, const char *key, gguf_type type, int64_t value)
{
    if (!holds(type, value))
        return w->stream.status = cadre_fail(CADRE_EARGUMENT, w->stream.path,
                   "%s: %lld does not fit the type of this key", quote_text(key).text,
                   (long long)value);
    put_number(&w->keys, (uint64_t)value, gguf_type_size(type));
    return CADRE_OK;
}

cadre_status gguf_writer_int(gguf_writer *w, const char *key, gguf_type type, int64_t value)
{
    CADRE_TRY(put_key(w, key, type));
    CADRE_TRY(put_int(w, key, type, value));
    return finish_value(w);
}

cadre_status gguf_writer_ints(
    gguf_writer *w, const char *key, gguf_type type, const int64_t *values, size_t count)
{
    CADRE_TRY(put_array(w, key, type, count));
    for (size_t i = 0; i < count; i++) CADRE_TRY(put_int(w, key, type, values[i]));
    return finish_value(w);
}

cadre_status gguf_writer_bool(gguf_writer *w, const char *key, bool value)
{
    return gguf_writer_int(w, key, GGUF_BOOL, value);
}

cadre_status gguf_writer_real(gguf_writer *w, const char *key, double value)
{
    CADRE_TRY(put_key(w, key, GGUF_F32));
    put_f32(&w->keys, (float)value);
    return finish_value(w);
}

cadre_status gguf_writer_reals(gguf_writer *w, const char *key, const float *values, size_t count)
{
    CADRE_TRY(put_array(w, key, GGUF_F32, count));
    for (size_t i = 0; i < count; i++) put_f32(&w->keys, values[i]);
    return finish_value(w);
}

cadre_status gguf_writer_string(gguf_writer *w, const char *key, const char *text, size_t size)
{
    CADRE_TRY(put_key(w, key, GGUF_STRING));
    put_string(&w->keys, text, size);
    return finish_value(w);
}

cadre_status gguf_writer_strings(
    gguf_writer *w, const char *key, const gguf_string *values, size_t count)
{
    CADRE_TRY(put_array(w, key, GGUF_STRING, count));
    for (size_t i = 0; i < count; i++) put_string(&w->keys, values[i].data, values[i].size);
    return finish_value(w);
}

cadre_status gguf_writer_copy(gguf_writer *w, const gguf *file, const char *key)
{
    gguf_string value;
    if (!gguf_metadata_value(file, key, &value)) return w->stream.status;
    CADRE_TRY(put_key(w, key, gguf_type_of(file, key)));
    byte_buffer_put(&w->keys, value.data, value.size);
    return finish_value(w);
}

/* ---- tensors ---- */

static cadre_status declare(
    gguf_writer *w, const char *name, int type, int rank, const int64_t *extent)
{
    int64_t elements;
    size_t size;
    tensor_stream *s = &w->stream;
    if (s->begun || rank < 0 || rank > GGUF_RANK || !*name || strlen(name) >= GGUF_NAME)
        return cadre_fail(CADRE_EARGUMENT, s->path,
            "%s: a tensor of %d dimensions and this name cannot be declared here",
            quote_text(name).text, rank);
    if (!gguf_tensor_size(type, rank, extent, &elements, &size))
        return cadre_fail(CADRE_EARGUMENT, s->path,
            "%s: expected a known type, rows of whole blocks and a size that fits 64 bits",
            quote_text(name).text);
    CADRE_TRY(tensor_stream_declare(s, name, size));
    put_string(&w->tensors, name, strlen(name));
    put_number(&w->tensors, (uint64_t)rank, 4);
    for (int i = 0; i < rank; i++) put_number(&w->tensors, (uint64_t)extent[i], 8);
    put_number(&w->tensors, (uint64_t)type, 4);
    put_number(&w->tensors, w->offset, 8);
    w->offset += (size + ALIGN - 1) / ALIGN * ALIGN;
    return w->tensors.status;
}

cadre_status gguf_writer_declare(
    gguf_writer *w, const char *name, int type, int rank, const int64_t *extent)
{
    if (w->stream.status == CADRE_OK) w->stream.status = declare(w, name, type, rank, extent);
    return w->stream.status;
}

cadre_status gguf_writer_header(const gguf_writer *w, byte_buffer *bytes)
{
    CADRE_TRY(w->stream.status);
    byte_buffer_text(bytes, "GGUF");
    put_number(bytes, VERSION, 4);
    put_number(bytes, w->stream.count, 8);
    put_number(bytes, w->key_count, 8);
    byte_buffer_put(bytes, w->keys.data, w->keys.size);
    byte_buffer_put(bytes, w->tensors.data, w->tensors.size);
    return bytes->status;
}

static cadre_status begin(gguf_writer *w)
{
    byte_buffer header = { 0 };
    cadre_status status = gguf_writer_header(w, &header);
    if (status == CADRE_OK) status = tensor_stream_begin(&w->stream, header.data, header.size);
    byte_buffer_free(&header);
    return status;
}

static cadre_status ensure_begun(gguf_writer *w)
{
    if (w->stream.status == CADRE_OK && !w->stream.begun) w->stream.status = begin(w);
    return w->stream.status;
}

cadre_status gguf_writer_put(gguf_writer *w, const void *data, size_t size)
{
    CADRE_TRY(ensure_begun(w));
    return tensor_stream_put(&w->stream, data, size);
}

cadre_status gguf_writer_commit(gguf_writer *w)
{
    cadre_status status = ensure_begun(w);
    if (status == CADRE_OK) status = tensor_stream_finish(&w->stream);
    if (status == CADRE_OK) status = tensor_stream_commit(&w->stream);
    writer_free(w);
    return status;
}

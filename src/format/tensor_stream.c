/* tensor_stream.c - writes the bytes of tensors to a file. */
#include "format/tensor_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "format/quote.h"

cadre_status tensor_stream_open(tensor_stream *s, const char *path, size_t align)
{
    *s = (tensor_stream){ .align = align };
    s->path = mem_strdup(path);
    s->of_file = hash_stream_new();
    s->of_tensor = hash_stream_new();
    s->status =
        s->path && s->of_file && s->of_tensor ? file_writer_open(path, &s->file) : CADRE_ENOMEM;
    return s->status;
}

void tensor_stream_close(tensor_stream *s)
{
    file_writer_discard(s->file);
    for (size_t i = 0; i < s->count; i++) mem_free(s->list[i].name);
    mem_free(s->list);
    hash_stream_free(s->of_file);
    hash_stream_free(s->of_tensor);
    mem_free(s->path);
    *s = (tensor_stream){ 0 };
}

/* ---- declaring ---- */

static cadre_status declare(tensor_stream *s, const char *name, size_t size)
{
    size_t left;
    if (!checked_add(s->left, size, &left) || left > INT64_MAX / 2)
        return cadre_fail(CADRE_EARGUMENT, s->path,
            "%s: expected tensors whose sizes add up in 64 bits", quote_text(name).text);
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        tensor_slot *list = mem_resize(s->list, s->count, room, sizeof *list);
        if (!list) return CADRE_ENOMEM;
        s->list = list;
        s->room = room;
    }
    char *copy = mem_strdup(name);
    if (!copy) return CADRE_ENOMEM;
    s->list[s->count++] = (tensor_slot){ .name = copy, .size = size };
    s->left = left;
    return CADRE_OK;
}

cadre_status tensor_stream_declare(tensor_stream *s, const char *name, size_t size)
{
    if (s->status == CADRE_OK) s->status = declare(s, name, size);
    return s->status;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static cadre_status refuse_duplicates(const tensor_stream *s)
{
    const char **names = MEM_ARRAY(const char *, s->count);
    if (!names) return CADRE_ENOMEM;
    for (size_t i = 0; i < s->count; i++) names[i] = s->list[i].name;
    qsort(names, s->count, sizeof *names, by_text);
    cadre_status status = CADRE_OK;
    for (size_t i = 1; i < s->count && status == CADRE_OK; i++)
        if (!strcmp(names[i - 1], names[i]))
            status = cadre_fail(
                CADRE_EARGUMENT, s->path, "two tensors are named %s", quote_text(names[i]).text);
    mem_free(names);
    return status;
}

/* ---- writing ---- */

static cadre_status write_bytes(tensor_stream *s, const void *data, size_t size)
{
    hash_stream_add(s->of_file, data, size);
    return file_writer_put(s->file, data, size);
}

static cadre_status pad(tensor_stream *s, size_t size)
{
    static const char zeros[64];
    for (size_t left = (s->align - size % s->align) % s->align; left;) {
        size_t step = left < sizeof zeros ? left : sizeof zeros;
        CADRE_TRY(write_bytes(s, zeros, step));
        left -= step;
    }
    return CADRE_OK;
}

/* Goes past tensors whose bytes are complete: the one that was just filled, and any of no bytes
 * after it. */
static cadre_status advance(tensor_stream *s)
{
    while (s->at < s->count && s->done == s->list[s->at].size) {
        CADRE_TRY(pad(s, s->done));
        s->list[s->at++].hash = hash_stream_value(s->of_tensor);
        hash_stream_reset(s->of_tensor);
        s->done = 0;
    }
    return CADRE_OK;
}

static cadre_status begin(tensor_stream *s, const void *header, size_t size)
{
    CADRE_TRY(refuse_duplicates(s));
    s->begun = true;
    CADRE_TRY(write_bytes(s, header, size));
    CADRE_TRY(pad(s, size));
    return advance(s);
}

cadre_status tensor_stream_begin(tensor_stream *s, const void *header, size_t size)
{
    if (s->status == CADRE_OK) s->status = begin(s, header, size);
    return s->status;
}

static cadre_status put(tensor_stream *s, const char *data, size_t size)
{
    if (size > s->left)
        return cadre_fail(CADRE_EARGUMENT, s->path, "was given more bytes than its tensors hold");
    while (size) {
        size_t missing = s->list[s->at].size - s->done, step = size < missing ? size : missing;
        CADRE_TRY(write_bytes(s, data, step));
        hash_stream_add(s->of_tensor, data, step);
        s->done += step;
        s->left -= step;
        data += step;
        size -= step;
        CADRE_TRY(advance(s));
    }
    return CADRE_OK;
}

cadre_status tensor_stream_put(tensor_stream *s, const void *data, size_t size)
{
    if (s->status == CADRE_OK) s->status = put(s, data, size);
    return s->status;
}

static cadre_status finish(tensor_stream *s)
{
    if (s->at < s->count)
        return cadre_fail(CADRE_EARGUMENT, s->path, "%s: expected %zu bytes, was given %zu",
            quote_text(s->list[s->at].name).text, s->list[s->at].size, s->done);
    s->finished = true;
    return file_writer_finish(s->file);
}

cadre_status tensor_stream_finish(tensor_stream *s)
{
    if (s->status == CADRE_OK && !s->finished) s->status = finish(s);
    return s->status;
}

cadre_status tensor_stream_commit(tensor_stream *s)
{
    if (s->status != CADRE_OK) return s->status;
    s->status = file_writer_commit(s->file);
    s->file = NULL;
    return s->status;
}

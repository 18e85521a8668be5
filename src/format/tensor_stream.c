/* tensor_stream.c - writes the bytes of tensors to a file. */
#include "format/tensor_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file_reader.h"
#include "base/memory.h"
#include "base/shared_file.h"
#include "format/quote.h"

static cadre_status open_stream(tensor_stream *s, const char *path, size_t align)
{
    *s = (tensor_stream){ .align = align };
    s->path = mem_strdup(path);
    s->of_file = hash_stream_new();
    s->of_tensor = hash_stream_new();
    return s->path && s->of_file && s->of_tensor ? CADRE_OK : CADRE_ENOMEM;
}

cadre_status tensor_stream_open(tensor_stream *s, const char *path, size_t align)
{
    s->status = open_stream(s, path, align);
    if (s->status == CADRE_OK) s->status = file_writer_open(path, &s->file);
    return s->status;
}

cadre_status tensor_stream_open_among(tensor_stream *s, const char *path, comm *ranks, int *blind)
{
    s->status = open_stream(s, path, 1);
    if (s->status == CADRE_OK) s->status = shared_file_open(ranks, path, &s->file, blind);
    if (s->status == CADRE_OK && *blind < 0) s->ranks = ranks;
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

static bool leads(const tensor_stream *s) { return !s->ranks || s->ranks->rank == 0; }

/* Whether bytes are hashed as they pass: all that this process writes alone */
static bool hashes(const tensor_stream *s) { return !s->ranks || s->gathered; }

static cadre_status write_bytes(tensor_stream *s, const void *data, size_t size)
{
    if (hashes(s)) hash_stream_add(s->of_file, data, size);
    return file_writer_put(s->file, data, size);
}

/* Once the ranks are gathered, only rank 0 has the file. */
static cadre_status skip_bytes(tensor_stream *s, size_t size)
{
    return s->gathered && !leads(s) ? CADRE_OK : file_writer_skip(s->file, size);
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
        if (hashes(s)) s->list[s->at].hash = hash_stream_value(s->of_tensor);
        hash_stream_reset(s->of_tensor);
        s->at++;
        s->done = 0;
    }
    return CADRE_OK;
}

/* The header of rank 0 may be longer or shorter than those of others, which are not written. */
static cadre_status begin_among(tensor_stream *s, const void *header)
{
    int64_t sizes[2] = { (int64_t)s->header, (int64_t)s->left }, own = sizes[1];
    if (leads(s)) CADRE_TRY(file_writer_reserve(s->file, sizes[0] + sizes[1]));
    comm_broadcast(s->ranks, sizes, sizeof sizes, 0);
    CADRE_TRY(comm_status(s->ranks));
    if (sizes[1] != own)
        return cadre_fail(CADRE_EMISMATCH, s->path,
            "ranks do not agree: expected %lld bytes of tensors, found %lld on rank 0",
            (long long)own, (long long)sizes[1]);
    s->header = (size_t)sizes[0];
    if (leads(s)) return write_bytes(s, header, s->header);
    CADRE_TRY(file_writer_reserve(s->file, sizes[0] + sizes[1]));
    return skip_bytes(s, s->header);
}

static cadre_status begin(tensor_stream *s, const void *header, size_t size)
{
    CADRE_TRY(refuse_duplicates(s));
    s->begun = true;
    s->header = size;
    CADRE_TRY(s->ranks ? begin_among(s, header) : write_bytes(s, header, size));
    CADRE_TRY(pad(s, size));
    return advance(s);
}

cadre_status tensor_stream_begin(tensor_stream *s, const void *header, size_t size)
{
    if (s->status == CADRE_OK) s->status = begin(s, header, size);
    return s->status;
}

/* Writes the next bytes; data NULL: passes over them */
static cadre_status pass(tensor_stream *s, const char *data, size_t size)
{
    if (size > s->left)
        return cadre_fail(CADRE_EARGUMENT, s->path, "was given more bytes than its tensors hold");
    while (size) {
        size_t missing = s->list[s->at].size - s->done, step = size < missing ? size : missing;
        CADRE_TRY(data ? write_bytes(s, data, step) : skip_bytes(s, step));
        if (data && hashes(s)) hash_stream_add(s->of_tensor, data, step);
        if (data) data += step;
        s->done += step;
        s->left -= step;
        size -= step;
        CADRE_TRY(advance(s));
    }
    return CADRE_OK;
}

cadre_status tensor_stream_put(tensor_stream *s, const void *data, size_t size)
{
    if (s->status == CADRE_OK && size) s->status = pass(s, data, size);
    return s->status;
}

cadre_status tensor_stream_skip(tensor_stream *s, size_t size)
{
    if (s->status == CADRE_OK && size && !s->ranks)
        s->status = cadre_fail(CADRE_EARGUMENT, s->path, "has no other ranks to write its bytes");
    if (s->status == CADRE_OK) s->status = pass(s, NULL, size);
    return s->status;
}

/* ---- hashes of what several ranks have written ---- */

enum { HASHED = 1 << 20 }; /* bytes that are read at a time */

/* Reads the next bytes, and adds them to the hashes of the file and of the tensor. */
static cadre_status hash_part(
    tensor_stream *s, const file_reader *file, char *buffer, size_t at, size_t size)
{
    for (size_t end = at + size; at < end;) {
        size_t step = end - at < HASHED ? end - at : HASHED;
        CADRE_TRY(file_reader_at(file, (int64_t)at, buffer, step));
        hash_stream_add(s->of_file, buffer, step);
        hash_stream_add(s->of_tensor, buffer, step);
        at += step;
    }
    return CADRE_OK;
}

static cadre_status hash_all(tensor_stream *s, const file_reader *file, char *buffer)
{
    size_t at = s->header;
    cadre_status status = hash_part(s, file, buffer, 0, at);
    for (size_t i = 0; i < s->at && status == CADRE_OK; i++) {
        hash_stream_reset(s->of_tensor);
        status = hash_part(s, file, buffer, at, s->list[i].size);
        at += s->list[i].size;
        s->list[i].hash = hash_stream_value(s->of_tensor);
    }
    hash_stream_reset(s->of_tensor);
    return status;
}

static cadre_status hash_written(tensor_stream *s)
{
    file_reader file;
    char *buffer = mem_alloc(HASHED, 1);
    if (!buffer) return CADRE_ENOMEM;
    cadre_status status = file_reader_open(file_writer_temporary(s->file), &file);
    if (status == CADRE_OK) {
        status = hash_all(s, &file, buffer);
        file_reader_close(&file);
    }
    mem_free(buffer);
    return status;
}

static cadre_status gather(tensor_stream *s)
{
    CADRE_TRY(leads(s) ? file_writer_flush(s->file) : file_writer_finish(s->file));
    comm_barrier(s->ranks);
    CADRE_TRY(comm_status(s->ranks));
    s->gathered = true;
    return leads(s) ? hash_written(s) : CADRE_OK;
}

cadre_status tensor_stream_gather(tensor_stream *s)
{
    if (s->status == CADRE_OK && s->ranks && !s->gathered) s->status = gather(s);
    return s->status;
}

/* ---- finishing ---- */

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

/* identity.c - checks that all ranks run the same command on the same files, before anything is
 * computed. Options are compared as text. Files are compared by their size and a hash of samples,
 * because a model can be too large to be read whole. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "dist/ranks.h"
#include "format/hash.h"

/* ---- files ---- */

enum { SAMPLES = 16, SAMPLE = 1 << 16 };

typedef struct sampled {
    hash_stream *stream;
    int64_t bytes;
} sampled;

/* Hashes a short file whole. Of a long file it hashes samples at equal distances, which include the
 * first and the last bytes. */
static void add_samples(const file_map *map, sampled *s)
{
    uint64_t size = map->size;
    s->bytes += (int64_t)size;
    hash_stream_add(s->stream, &size, sizeof size);
    if (size <= (uint64_t)SAMPLES * SAMPLE) {
        if (size) hash_stream_add(s->stream, map->data, map->size);
        return;
    }
    for (uint64_t i = 0; i < SAMPLES; i++)
        hash_stream_add(s->stream, map->data + (size - SAMPLE) * i / (SAMPLES - 1), SAMPLE);
}

static cadre_status add_file(const char *path, sampled *s)
{
    file_map map;
    CADRE_TRY(file_map_open(path, &map));
    add_samples(&map, s);
    file_map_close(&map);
    return CADRE_OK;
}

static cadre_status add_path(const char *path, int depth, sampled *s);

static cadre_status add_entry(const char *folder, const char *name, int depth, sampled *s)
{
    char *path = file_join(folder, name);
    if (!path) return CADRE_ENOMEM;
    hash_stream_add(s->stream, name, strlen(name) + 1);
    cadre_status status = add_path(path, depth, s);
    mem_free(path);
    return status;
}

enum { MOST_DEPTH = 16 };

static cadre_status add_path(const char *path, int depth, sampled *s)
{
    char **names;
    int count;
    if (!file_is_folder(path)) return add_file(path, s);
    if (depth > MOST_DEPTH) return CADRE_OK;
    CADRE_TRY(file_list(path, &names, &count));
    cadre_status status = CADRE_OK;
    for (int i = 0; i < count && status == CADRE_OK; i++)
        if (names[i][0] != '.') status = add_entry(path, names[i], depth + 1, s);
    file_list_free(names, count);
    return status;
}

cadre_status cadre_file_identity(const char *path, char text[CADRE_FILE_IDENTITY])
{
    sampled s = { hash_stream_new(), 0 };
    char digits[HASH_TEXT];
    if (!s.stream) return CADRE_ENOMEM;
    cadre_status status = add_path(path, 0, &s);
    if (status == CADRE_OK)
        snprintf(text, CADRE_FILE_IDENTITY, "%lld bytes, hash %.12s", (long long)s.bytes,
            hash_text(hash_stream_value(s.stream), digits));
    hash_stream_free(s.stream);
    return status;
}

/* ---- comparing ---- */

/* Writes "name\0value\0" for each pair. */
static cadre_status write_all(
    const char *const *names, const char *const *values, int count, byte_buffer *b)
{
    for (int i = 0; i < count; i++) {
        byte_buffer_put(b, names[i], strlen(names[i]) + 1);
        byte_buffer_put(b, values[i], strlen(values[i]) + 1);
    }
    return b->status;
}

/* Reads the next name and its value; false: the text has no more. */
static bool next_pair(const char **at, const char *end, const char **name, const char **value)
{
    if (*at >= end) return false;
    *name = *at;
    *value = *name + strlen(*name) + 1;
    *at = *value + strlen(*value) + 1;
    return true;
}

static const char *value_of(const char *text, size_t size, const char *wanted)
{
    const char *name, *value, *end = text + size;
    while (next_pair(&text, end, &name, &value))
        if (!strcmp(name, wanted)) return value;
    return NULL;
}

/* Fails with the first name whose value differs between rank 0 and another rank, or which one of
 * the two lacks. */
static cadre_status compare_two(string_view first, string_view other, int rank)
{
    const string_view sides[2] = { first, other };
    for (int side = 0; side < 2; side++) {
        const char *at = sides[side].data, *end = at + sides[side].size, *name, *value;
        while (next_pair(&at, end, &name, &value)) {
            const char *a = value_of(first.data, first.size, name),
                       *b = value_of(other.data, other.size, name);
            if (a && b && !strcmp(a, b)) continue;
            return cadre_fail(CADRE_EMISMATCH, NULL,
                "%s: expected the same on all ranks, found %.200s on rank 0 and %.200s on rank %d",
                name, a ? a : "nothing", b ? b : "nothing", rank);
        }
    }
    return CADRE_OK;
}

static cadre_status compare_texts(const char *all, const int64_t *first, int size)
{
    string_view zero = { all + first[0], (size_t)(first[1] - first[0]) };
    for (int r = 1; r < size; r++)
        CADRE_TRY(compare_two(
            zero, (string_view){ all + first[r], (size_t)(first[r + 1] - first[r]) }, r));
    return CADRE_OK;
}

/* All ranks compare the texts of all ranks, and so find the same difference. */
static cadre_status gather_and_compare(comm *c, const byte_buffer *own)
{
    int64_t size = (int64_t)own->size, *first = MEM_ARRAY(int64_t, c->size + 1);
    if (!first) return CADRE_ENOMEM;
    comm_all_gather(c, &size, sizeof size, first + 1);
    for (int r = 0; r < c->size; r++) first[r + 1] += first[r];
    char *all = MEM_ARRAY(char, first[c->size] + 1);
    if (all) comm_all_gather_v(c, own->data, first, 1, all);
    cadre_status status = all ? comm_status(c) : CADRE_ENOMEM;
    if (status == CADRE_OK) status = compare_texts(all, first, c->size);
    mem_free(all);
    mem_free(first);
    return status;
}

cadre_status cadre_ranks_compare(
    cadre_ranks *ranks, const char *const *names, const char *const *values, int count)
{
    byte_buffer own = { 0 };
    cadre_status status = write_all(names, values, count, &own);
    if (status == CADRE_OK) status = gather_and_compare(&ranks->world.comm, &own);
    byte_buffer_free(&own);
    return status;
}

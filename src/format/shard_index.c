/* shard_index.c - reads {"metadata": {...}, "weight_map": {"tensor": "file", ...}} from left to
 * right. */
#include "format/shard_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "format/foreign.h"
#include "format/json_cursor.h"
#include "format/quote.h"

enum { SHARDS = 10000 };

typedef struct reader {
    json_cursor c;
    shard_index *index;
    size_t entry_room, file_room;
    char *strings; /* the end of those taken so far */
    bool map;      /* weight_map was read */
} reader;

static const char *keep(reader *r, string_view text)
{
    char *kept = r->strings;
    if (text.size) memcpy(kept, text.data, text.size);
    kept[text.size] = '\0';
    r->strings += text.size + 1;
    return kept;
}

static bool plain_name(const char *name)
{
    return *name && !strchr(name, '/') && !strchr(name, '\\') && strcmp(name, ".") &&
           strcmp(name, "..");
}

/* The file of an entry: usually that of the previous entry, otherwise a new one in the list. */
static cadre_status take_file(reader *r, const char **file)
{
    shard_index *x = r->index;
    string_view name;
    json_cursor_peek(&r->c);
    size_t begin = r->c.at;
    CADRE_TRY(json_cursor_string(&r->c, &name));
    if (x->file_count && string_view_is(name, x->files[x->file_count - 1])) {
        *file = x->files[x->file_count - 1];
        return CADRE_OK;
    }
    CADRE_TRY(buffer_grow((void **)&x->files, x->file_count, &r->file_room, 1, sizeof *x->files));
    *file = x->files[x->file_count++] = keep(r, name);
    if (plain_name(*file)) return CADRE_OK;
    r->c.at = begin;
    return json_cursor_refuse(&r->c, "the plain name of a file in the same folder");
}

static cadre_status take_map(reader *r)
{
    shard_index *x = r->index;
    bool first = true, more;
    string_view name;
    r->c.where = "weight_map";
    if (r->map) return json_cursor_refuse(&r->c, "one map");
    r->map = true;
    CADRE_TRY(json_cursor_expect(&r->c, '{'));
    for (;;) {
        CADRE_TRY(json_cursor_member(&r->c, &first, &name, &more));
        if (!more) return CADRE_OK;
        CADRE_TRY(
            buffer_grow((void **)&x->entries, x->count, &r->entry_room, 1, sizeof *x->entries));
        shard_entry *entry = &x->entries[x->count++];
        entry->name = keep(r, name);
        CADRE_TRY(take_file(r, &entry->file));
    }
}

static cadre_status take_all(reader *r)
{
    bool first = true, more;
    string_view key;
    CADRE_TRY(json_cursor_expect(&r->c, '{'));
    for (;;) {
        r->c.where = "the index";
        CADRE_TRY(json_cursor_member(&r->c, &first, &key, &more));
        if (!more) break;
        CADRE_TRY(string_view_is(key, "weight_map") ? take_map(r) : json_cursor_skip(&r->c));
    }
    json_cursor_peek(&r->c);
    if (r->c.at < r->c.size) return json_cursor_refuse(&r->c, "nothing after the index");
    return r->map ? CADRE_OK
                  : cadre_fail(
                        CADRE_EFORMAT, r->c.file, "weight_map: expected an object, found nothing");
}

/* ---- the whole index ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static cadre_status sort_files(shard_index *x, const char *path)
{
    size_t distinct = 0;
    if (x->file_count) qsort(x->files, x->file_count, sizeof *x->files, by_text);
    for (size_t i = 0; i < x->file_count; i++)
        if (!i || strcmp(x->files[i], x->files[i - 1])) x->files[distinct++] = x->files[i];
    x->file_count = distinct;
    if (distinct <= SHARDS) return CADRE_OK;
    return cadre_fail(
        CADRE_EFORMAT, path, "weight_map: expected at most %d files, found %zu", SHARDS, distinct);
}

static cadre_status index_names(shard_index *x, const char *path)
{
    uint32_t twice;
    CADRE_TRY(name_index_make(
        x->count ? &x->entries->name : NULL, sizeof *x->entries, x->count, &x->by_name, &twice));
    if (twice == NAME_NONE) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, path,
        "weight_map: %s: expected this tensor once, found it twice",
        quote_text(x->entries[twice].name).text);
}

cadre_status shard_index_read(const char *path, shard_index *index)
{
    file_map map;
    CADRE_TRY(file_map_open(path, &map));
    cadre_status status = CADRE_OK;
    reader r = { .c = { .text = (const char *)map.data,
                     .size = map.size,
                     .file = path,
                     .where = "the index" },
        .index = index };
    if (map.size > SAFETENSORS_HEADER_LIMIT)
        status = cadre_fail(CADRE_EFORMAT, path, "expected at most %zu bytes, found %zu",
            SAFETENSORS_HEADER_LIMIT, map.size);
    if (status == CADRE_OK) status = foreign_check(path, map.data, map.size, "an index of weights");
    /* Each string with its NUL is shorter than the same string in quotes. */
    if (status == CADRE_OK && !(r.strings = index->strings = mem_alloc(map.size + 1, 1)))
        status = CADRE_ENOMEM;
    if (status == CADRE_OK) status = take_all(&r);
    if (status == CADRE_OK) status = sort_files(index, path);
    if (status == CADRE_OK) status = index_names(index, path);
    json_cursor_free(&r.c);
    file_map_close(&map);
    return status;
}

void shard_index_free(shard_index *index)
{
    mem_free(index->entries);
    mem_free(index->files);
    mem_free(index->strings);
    name_index_free(&index->by_name);
}

cadre_status shard_index_keep(
    shard_index *index, const safetensors_shard *shard, safetensors_tensor *tensors, size_t *count)
{
    const char *file = file_base(shard->path);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        uint32_t entry = name_index_find(&index->by_name, tensors[i].name);
        if (entry == NAME_NONE)
            return cadre_fail(CADRE_EFORMAT, shard->path,
                "expected only tensors that the index names, found %s",
                quote_text(tensors[i].name).text);
        if (strcmp(index->entries[entry].file, file)) continue;
        index->entries[entry].found = true;
        tensors[kept++] = tensors[i];
    }
    *count = kept;
    return CADRE_OK;
}

cadre_status shard_index_check(const shard_index *index, const char *path)
{
    for (size_t i = 0; i < index->count; i++) {
        const shard_entry *e = &index->entries[i];
        if (!e->found)
            return cadre_fail(CADRE_EFORMAT, path,
                "weight_map: %s: expected this tensor in %s, found none", quote_text(e->name).text,
                quote_text(e->file).text);
    }
    return CADRE_OK;
}

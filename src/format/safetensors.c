/* safetensors.c - the tensors of one file or of many shards, found by name. */
#define _GNU_SOURCE
#include "format/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "format/name_index.h"
#include "format/quote.h"
#include "format/safetensors_header.h"
#include "format/shard_index.h"

struct safetensors {
    char *path; /* as given, or what a folder led to */
    safetensors_shard *shards;
    size_t shard_count;
    safetensors_tensor *tensors; /* [count], in the order of shards and headers */
    size_t count, room;          /* each shard adds its own */
    name_index by_name;
};

void safetensors_close(safetensors *file)
{
    if (!file) return;
    for (size_t i = 0; i < file->shard_count; i++) {
        safetensors_shard *s = &file->shards[i];
        if (!s->borrowed) file_map_close(&s->map);
        mem_free(s->path);
        mem_free(s->strings);
        mem_free(s->notes);
    }
    mem_free(file->shards);
    mem_free(file->tensors);
    name_index_free(&file->by_name);
    mem_free(file->path);
    mem_free(file);
}

size_t safetensors_shard_of(const safetensors *file, const uint8_t *at, int64_t *offset)
{
    size_t shard = 0;
    while ((*offset = file_map_offset(&file->shards[shard].map, at)) < 0) shard++;
    return shard;
}

const char *safetensors_shard_path(const safetensors *file, size_t shard)
{
    return file->shards[shard].path;
}

/* ---- one file ---- */

/* Reads one file. Without an index, which is then NULL, the file itself says how many tensors there
 * are. */
static cadre_status read_shard(safetensors *file, safetensors_shard *shard, shard_index *index)
{
    const char *text;
    size_t size, count;
    safetensors_tensor *tensors;
    CADRE_TRY(safetensors_header_frame(shard, &text, &size));
    CADRE_TRY(safetensors_header_read(shard, text, size, &tensors, &count));
    cadre_status status = index ? shard_index_keep(index, shard, tensors, &count) : CADRE_OK;
    if (status == CADRE_OK && file->count > 0)
        status =
            buffer_grow((void **)&file->tensors, file->count, &file->room, count, sizeof *tensors);
    if (status == CADRE_OK && file->count == 0) {
        mem_free(file->tensors);
        file->tensors = tensors;
        file->room = file->count = count;
        return CADRE_OK;
    }
    if (status == CADRE_OK) {
        if (count) memcpy(file->tensors + file->count, tensors, count * sizeof *tensors);
        file->count += count;
    }
    mem_free(tensors);
    return status;
}

static cadre_status open_shard(safetensors *file, const char *path, shard_index *index)
{
    safetensors_shard *shard = &file->shards[file->shard_count++];
    if (!(shard->path = mem_strdup(path))) return CADRE_ENOMEM;
    CADRE_TRY(file_map_open(path, &shard->map));
    return read_shard(file, shard, index);
}

static cadre_status open_single(safetensors *file)
{
    if (!(file->shards = MEM_ARRAY(safetensors_shard, 1))) return CADRE_ENOMEM;
    return open_shard(file, file->path, NULL);
}

/* ---- shards ---- */

static cadre_status open_shards(safetensors *file, shard_index *index)
{
    file->shards = MEM_ARRAY(safetensors_shard, index->file_count);
    if (!file->shards) return CADRE_ENOMEM;
    size_t folder = (size_t)(file_base(file->path) - file->path);
    for (size_t i = 0; i < index->file_count; i++) {
        char *path = mem_printf("%.*s%s", (int)folder, file->path, index->files[i]);
        if (!path) return CADRE_ENOMEM;
        bool there = file_exists(path);
        cadre_status status = open_shard(file, path, index);
        mem_free(path);
        if (!there && status == CADRE_EIO)
            cadre_fail_advice(
                "The index names %zu files with the model's weights, all of which must be there.",
                index->file_count);
        CADRE_TRY(status);
    }
    return shard_index_check(index, file->path);
}

static cadre_status open_index(safetensors *file)
{
    shard_index index = { 0 };
    cadre_status status = shard_index_read(file->path, &index);
    if (status == CADRE_OK) status = open_shards(file, &index);
    shard_index_free(&index);
    return status;
}

/* ---- opening ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcmp(text + length - tail, end);
}

/* The file that `path` leads to: itself, or in a folder its model.safetensors or the index of its
 * shards. NULL: out of memory. */
static char *resolve(const char *path)
{
    if (!file_is_folder(path)) return mem_strdup(path);
    char *single = file_join(path, "model.safetensors"),
         *index = file_join(path, "model.safetensors.index.json");
    char *found = NULL;
    if (single && index) found = !file_exists(single) && file_exists(index) ? index : single;
    if (found != single) mem_free(single);
    if (found != index) mem_free(index);
    return found;
}

static cadre_status index_names(safetensors *file)
{
    uint32_t twice;
    const char *const *first = file->count ? &file->tensors->name : NULL;
    CADRE_TRY(name_index_make(first, sizeof *file->tensors, file->count, &file->by_name, &twice));
    if (twice == NAME_NONE) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, file->path, "%s: expected this tensor once, found it twice",
        quote_text(file->tensors[twice].name).text);
}

static cadre_status finish(safetensors *opened, cadre_status status, safetensors **file)
{
    if (status == CADRE_OK) status = index_names(opened);
    if (status == CADRE_OK) *file = opened;
    else safetensors_close(opened);
    return status;
}

cadre_status safetensors_open(const char *path, safetensors **file)
{
    safetensors *opened = MEM_ARRAY(safetensors, 1);
    if (!opened) return CADRE_ENOMEM;
    opened->path = resolve(path);
    cadre_status status = CADRE_ENOMEM;
    if (opened->path)
        status = ends_with(opened->path, ".json") ? open_index(opened) : open_single(opened);
    return finish(opened, status, file);
}

cadre_status safetensors_parse(const char *name, const void *data, size_t size, safetensors **file)
{
    safetensors *opened = MEM_ARRAY(safetensors, 1);
    if (!opened) return CADRE_ENOMEM;
    opened->path = mem_strdup(name);
    opened->shards = MEM_ARRAY(safetensors_shard, 1);
    cadre_status status = CADRE_ENOMEM;
    if (opened->path && opened->shards) {
        safetensors_shard *shard = &opened->shards[opened->shard_count++];
        *shard = (safetensors_shard){
            .path = mem_strdup(name), .map = { data, size }, .borrowed = true
        };
        if (shard->path) status = read_shard(opened, shard, NULL);
    }
    return finish(opened, status, file);
}

/* ---- looking up ---- */

const char *safetensors_path(const safetensors *file) { return file->path; }

size_t safetensors_count(const safetensors *file) { return file->count; }

const safetensors_tensor *safetensors_at(const safetensors *file, size_t index)
{
    return &file->tensors[index];
}

const safetensors_tensor *safetensors_find(const safetensors *file, const char *name)
{
    uint32_t i = name_index_find(&file->by_name, name);
    return i == NAME_NONE ? NULL : &file->tensors[i];
}

static cadre_status refuse_absent(const safetensors *file, const char *name)
{
    return cadre_fail(
        CADRE_EFORMAT, file->path, "expected a tensor %s, found none", quote_text(name).text);
}

/* "[2, 3, any]" */
typedef struct shape_text {
    char text[192];
} shape_text;

static shape_text text_of_shape(const int64_t *shape, int rank)
{
    shape_text s = { "[" };
    size_t used = 1;
    for (int i = 0; i < rank && used < sizeof s.text; i++) {
        const char *comma = i ? ", " : "";
        int wrote = shape[i] < 0 ? snprintf(s.text + used, sizeof s.text - used, "%sany", comma)
                                 : snprintf(s.text + used, sizeof s.text - used, "%s%lld", comma,
                                       (long long)shape[i]);
        used += (size_t)wrote;
    }
    if (used < sizeof s.text) snprintf(s.text + used, sizeof s.text - used, "]");
    return s;
}

cadre_status safetensors_get_as(const safetensors *file, const char *name, const char *dtype,
    int rank, const int64_t *shape, const safetensors_tensor **tensor)
{
    const safetensors_tensor *t = safetensors_find(file, name);
    if (!t) return refuse_absent(file, name);
    bool same = t->rank == rank && (!dtype || !strcmp(dtype, t->dtype));
    for (int i = 0; same && i < rank; i++) same = shape[i] < 0 || shape[i] == t->shape[i];
    if (!same)
        return cadre_fail(CADRE_EMISMATCH, file->path, "%s: expected %s %s, found %s %s",
            quote_text(name).text, dtype ? dtype : "shape", text_of_shape(shape, rank).text,
            t->dtype, text_of_shape(t->shape, t->rank).text);
    *tensor = t;
    return CADRE_OK;
}

const char *safetensors_metadata_text(const safetensors *file, const char *key, size_t *size)
{
    for (size_t i = 0; i < file->shard_count; i++)
        for (size_t j = 0; j < file->shards[i].note_count; j++) {
            const safetensors_note *note = &file->shards[i].notes[j];
            if (strcmp(note->key, key)) continue;
            *size = note->size;
            return note->value;
        }
    return NULL;
}

const char *safetensors_metadata(const safetensors *file, const char *key)
{
    size_t size;
    return safetensors_metadata_text(file, key, &size);
}

cadre_status safetensors_verify(const safetensors *file)
{
    const safetensors_tensor *hashes;
    int64_t rows = (int64_t)file->count, shape[2] = { rows, HASH_BYTES };
    CADRE_TRY(safetensors_get_as(file, SAFETENSORS_HASHES, "U8", 2, shape, &hashes));
    if (hashes != &file->tensors[file->count - 1] || file->shard_count != 1)
        return cadre_fail(
            CADRE_EFORMAT, file->path, "expected its hashes in the last tensor of one file");
    const file_map *map = &file->shards[0].map;
    hash128 found = hash_bytes(map->data, map->size - safetensors_data_size(&file->shards[0]));
    const char *part = "the header";
    for (int64_t i = 0; hash_equal(found, hash_load(hashes->data + i * HASH_BYTES)); i++) {
        if (i == rows - 1) return CADRE_OK;
        part = file->tensors[i].name;
        found = hash_bytes(file->tensors[i].data, file->tensors[i].size);
    }
    return cadre_fail(CADRE_EMISMATCH, file->path,
        "%s: its bytes do not match their hash: the file is damaged", quote_text(part).text);
}

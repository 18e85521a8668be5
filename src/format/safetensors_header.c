/* safetensors_header.c - the rules of a safetensors header, each checked where its sentence is.
 *
 * Readers that disagree about a header can be made to see different weights in one file; so what the reference reader refuses is
 * refused here too: duplicate keys, holes and overlaps between tensors, bytes after the last one. */
#define _GNU_SOURCE
#include "format/safetensors_header.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "format/quote.h"

static const struct {
    const char *name;
    int bits;
} dtypes[] = {
    { "F32", 32 }, { "BF16", 16 }, { "F16", 16 }, { "F64", 64 }, { "U8", 8 }, { "I8", 8 }, { "U16", 16 }, { "I16", 16 },
    { "U32", 32 }, { "I32", 32 }, { "U64", 64 }, { "I64", 64 }, { "BOOL", 8 }, { "F8_E4M3", 8 }, { "F8_E5M2", 8 },
    { "F8_E8M0", 8 }, { "F8_E4M3FNUZ", 8 }, { "F8_E5M2FNUZ", 8 }, { "F6_E2M3", 6 }, { "F6_E3M2", 6 }, { "F4", 4 }, { "C64", 64 },
};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

static int dtype_index(const char *name)
{
    for (int i = 0; i < DTYPES; i++)
        if (!strcmp(dtypes[i].name, name)) return i;
    return -1;
}

const char *safetensors_dtype_of(const char *name, size_t size)
{
    for (int i = 0; i < DTYPES; i++)
        if (strlen(dtypes[i].name) == size && !memcmp(dtypes[i].name, name, size)) return dtypes[i].name;
    return NULL;
}

int safetensors_dtype_bits(const char *dtype)
{
    int i = dtype_index(dtype);
    return i < 0 ? 0 : dtypes[i].bits;
}

/* ---- the frame ---- */

static uint64_t header_length(const uint8_t *data)
{
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--) n = n << 8 | data[i];
    return n;
}

static const uint8_t *data_begin(const safetensors_shard *s) { return s->map.data + 8 + header_length(s->map.data); }

size_t safetensors_data_size(const safetensors_shard *s) { return s->map.size - 8 - (size_t)header_length(s->map.data); }

cadre_status safetensors_header_frame(const safetensors_shard *shard, const char **begin, size_t *bytes)
{
    const file_map *map = &shard->map;
    if (map->size < 8)
        return cadre_fail(CADRE_EFORMAT, shard->path, "expected a safetensors file of at least 8 bytes, found %zu", map->size);
    uint64_t length = header_length(map->data);
    if (length > SAFETENSORS_HEADER_LIMIT)
        return cadre_fail(CADRE_EFORMAT, shard->path, "expected a safetensors header of at most %zu bytes, found %llu",
                          SAFETENSORS_HEADER_LIMIT, (unsigned long long)length);
    if (length > map->size - 8)
        return cadre_fail(CADRE_EFORMAT, shard->path, "expected a header of %llu bytes, found %zu: the file is cut short",
                          (unsigned long long)length, map->size - 8);
    const char *text = (const char *)map->data + 8;
    size_t size = (size_t)length;
    while (size && text[size - 1] == ' ') size--;
    if (size < 2 || text[0] != '{' || text[size - 1] != '}')
        return cadre_fail(CADRE_EFORMAT, shard->path, "expected a header that is one JSON object and spaces, found \"%s\"",
                          quote_bytes(text, size < 24 ? size : 24).text);
    *begin = text;
    *bytes = size;
    return CADRE_OK;
}

size_t safetensors_header_count(const json_node *header)
{
    json_node metadata = json_member(header, SAFETENSORS_METADATA);
    return json_count(header) - (json_kind_of(&metadata) != JSON_KIND_ABSENT);
}

/* ---- one tensor ---- */

static cadre_status read_shape(const json_node *entry, safetensors_tensor *t)
{
    json_node shape;
    CADRE_TRY(json_get_array(entry, "shape", &shape));
    size_t rank = json_count(&shape);
    if (rank > SAFETENSORS_RANK) return json_refuse(&shape, "at most %d dimensions", SAFETENSORS_RANK);
    t->rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        json_node item = json_item(&shape, i);
        CADRE_TRY(json_as_count(&item, 0, INT64_MAX, &t->shape[i]));
    }
    if (!checked_product(t->shape, t->rank, &t->elements)) return json_refuse(&shape, "a shape whose product fits 64 bits");
    return CADRE_OK;
}

static cadre_status read_dtype(const json_node *entry, safetensors_tensor *t)
{
    const char *dtype;
    CADRE_TRY(json_get_string(entry, "dtype", &dtype));
    int index = dtype_index(dtype);
    if (index < 0) {
        json_node found = json_member(entry, "dtype");
        return json_refuse(&found, "a dtype of safetensors, such as \"F32\"");
    }
    t->dtype = dtypes[index].name;
    int64_t bits;
    if (__builtin_mul_overflow(t->elements, dtypes[index].bits, &bits) || bits % 8) {
        json_node shape = json_member(entry, "shape");
        return json_refuse(&shape, "a shape that takes whole bytes of %s and fits 64 bits", t->dtype);
    }
    t->size = (size_t)(bits / 8);
    return CADRE_OK;
}

static cadre_status read_offsets(const json_node *entry, const safetensors_shard *shard, safetensors_tensor *t)
{
    json_node offsets;
    int64_t begin, end;
    CADRE_TRY(json_get_array(entry, "data_offsets", &offsets));
    if (json_count(&offsets) != 2) return json_refuse(&offsets, "an array of 2");
    json_node first = json_item(&offsets, 0), last = json_item(&offsets, 1);
    CADRE_TRY(json_as_count(&first, 0, (int64_t)safetensors_data_size(shard), &begin));
    CADRE_TRY(json_as_count(&last, begin, (int64_t)safetensors_data_size(shard), &end));
    if ((size_t)(end - begin) != t->size)
        return json_refuse(&last, "%lld, where %zu bytes of %s end", (long long)begin + (long long)t->size, t->size, t->dtype);
    t->data = data_begin(shard) + begin;
    return CADRE_OK;
}

static cadre_status read_tensor(const json_node *entry, const safetensors_shard *shard, safetensors_tensor *t)
{
    CADRE_TRY(json_as_object(entry));
    CADRE_TRY(read_shape(entry, t));
    CADRE_TRY(read_dtype(entry, t));
    CADRE_TRY(read_offsets(entry, shard, t));
    if (json_count(entry) != 3) return json_refuse(entry, "dtype, shape and data_offsets alone");
    return CADRE_OK;
}

/* ---- all of them ---- */

static int by_place(const void *a, const void *b, void *context)
{
    const safetensors_tensor *tensors = context, *x = &tensors[*(const uint32_t *)a], *y = &tensors[*(const uint32_t *)b];
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->size > y->size) - (x->size < y->size); /* those of no bytes first, wherever they say they are */
}

/* Without a hole or an overlap from the first byte of data to the last. */
cadre_status safetensors_header_check(const safetensors_shard *shard, safetensors_tensor *tensors, size_t count)
{
    const uint8_t *reached = data_begin(shard), *end = reached + safetensors_data_size(shard);
    uint32_t *order = MEM_ARRAY(uint32_t, count);
    if (!order) return CADRE_ENOMEM;
    bool sorted = true;
    for (size_t i = 0; i < count; i++) {
        order[i] = (uint32_t)i;
        sorted = sorted && (i == 0 || by_place(&order[i - 1], &order[i], tensors) <= 0);
    }
    if (!sorted) qsort_r(order, count, sizeof *order, by_place, tensors);
    cadre_status status = CADRE_OK;
    for (size_t i = 0; i < count && status == CADRE_OK; i++) {
        const safetensors_tensor *t = &tensors[order[i]];
        if (t->data != reached)
            status = cadre_fail(CADRE_EFORMAT, shard->path, "%s: expected its data at offset %zu, found %zu: %s",
                                quote_text(t->name).text, (size_t)(reached - data_begin(shard)),
                                (size_t)(t->data - data_begin(shard)), t->data < reached ? "tensors overlap" : "a hole");
        reached = t->data + t->size;
    }
    mem_free(order);
    if (status == CADRE_OK && reached != end)
        status = cadre_fail(CADRE_EFORMAT, shard->path, "expected %zu bytes of tensors, found %zu",
                            (size_t)(reached - data_begin(shard)), safetensors_data_size(shard));
    return status;
}

/* Copies a string to the end of those taken so far; gives its place. */
static const char *append(char **end, const char *text, size_t size)
{
    char *place = memcpy(*end, text, size + 1);
    *end += size + 1;
    return place;
}

/* Room for every name and metadata string with its NUL. */
static cadre_status take_strings(safetensors_shard *shard, const json_node *header, const json_node *metadata)
{
    size_t total = 0;
    for (json_node m = { 0 }; json_next(header, &m);) total += strlen(m.key) + 1;
    for (json_node m = { 0 }; json_next(metadata, &m);) {
        const char *value;
        size_t size;
        CADRE_TRY(json_as_string(&m, &value, &size));
        total += strlen(m.key) + size + 2;
    }
    shard->strings = mem_alloc(total, 1);
    shard->notes = MEM_ARRAY(safetensors_note, json_count(metadata));
    return shard->strings && shard->notes ? CADRE_OK : CADRE_ENOMEM;
}

cadre_status safetensors_header_read(safetensors_shard *shard, const json_node *header, safetensors_tensor *tensors)
{
    json_node metadata = json_member(header, SAFETENSORS_METADATA);
    if (json_kind_of(&metadata) != JSON_KIND_ABSENT) CADRE_TRY(json_as_object(&metadata));
    CADRE_TRY(take_strings(shard, header, &metadata));
    char *end = shard->strings;
    size_t count = 0;
    for (json_node entry = { 0 }; json_next(header, &entry);) {
        if (!strcmp(entry.key, SAFETENSORS_METADATA)) continue;
        CADRE_TRY(read_tensor(&entry, shard, &tensors[count]));
        tensors[count++].name = append(&end, entry.key, strlen(entry.key));
    }
    for (json_node m = { 0 }; json_next(&metadata, &m);) {
        safetensors_note *note = &shard->notes[shard->note_count++];
        const char *value;
        CADRE_TRY(json_as_string(&m, &value, &note->size));
        note->key = append(&end, m.key, strlen(m.key));
        note->value = append(&end, value, note->size);
    }
    return CADRE_OK;
}

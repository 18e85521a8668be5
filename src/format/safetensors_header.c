/* safetensors_header.c - checks the rules of a safetensors header, each where its error sentence
 * is.
 *
 * Readers that disagree about a header can be made to see different weights in one file. Therefore
 * what the reference reader refuses is refused here too: duplicate keys, holes and overlaps between
 * tensors, bytes after the last tensor.
 *
 * The header is read from left to right, without a tree. A stranger's header is refused at the
 * first wrong byte, and tens of thousands of tensors are read in milliseconds. */
#define _GNU_SOURCE
#include "format/safetensors_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "format/foreign.h"
#include "format/json_cursor.h"
#include "format/name_index.h"
#include "format/quote.h"

static const struct {
    const char *name;
    int bits;
} dtypes[] = {
    { "F32", 32 },
    { "BF16", 16 },
    { "F16", 16 },
    { "F64", 64 },
    { "U8", 8 },
    { "I8", 8 },
    { "U16", 16 },
    { "I16", 16 },
    { "U32", 32 },
    { "I32", 32 },
    { "U64", 64 },
    { "I64", 64 },
    { "BOOL", 8 },
    { "F8_E4M3", 8 },
    { "F8_E5M2", 8 },
    { "F8_E8M0", 8 },
    { "F8_E4M3FNUZ", 8 },
    { "F8_E5M2FNUZ", 8 },
    { "F6_E2M3", 6 },
    { "F6_E3M2", 6 },
    { "F4", 4 },
    { "C64", 64 },
};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

static const char *dtype_of(string_view name) /* NULL: unknown */
{
    for (int i = 0; i < DTYPES; i++)
        if (string_view_is(name, dtypes[i].name)) return dtypes[i].name;
    return NULL;
}

int safetensors_dtype_bits(const char *dtype)
{
    for (int i = 0; i < DTYPES; i++)
        if (!strcmp(dtypes[i].name, dtype)) return dtypes[i].bits;
    return 0;
}

/* ---- the frame ---- */

static uint64_t header_length(const uint8_t *data)
{
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--) n = n << 8 | data[i];
    return n;
}

static const uint8_t *data_begin(const safetensors_shard *s)
{
    return s->map.data + 8 + header_length(s->map.data);
}

size_t safetensors_data_size(const safetensors_shard *s)
{
    return s->map.size - 8 - (size_t)header_length(s->map.data);
}

cadre_status safetensors_header_frame(
    const safetensors_shard *shard, const char **begin, size_t *bytes)
{
    const file_map *map = &shard->map;
    if (map->size < 8)
        return cadre_fail(CADRE_EFORMAT, shard->path,
            "expected a safetensors file of at least 8 bytes, found %zu", map->size);
    uint64_t length = header_length(map->data);
    size_t size = length <= map->size - 8 ? (size_t)length : 0;
    const char *text = (const char *)map->data + 8;
    while (size && text[size - 1] == ' ') size--;
    bool framed = size >= 2 && text[0] == '{' && text[size - 1] == '}';
    if (!framed) CADRE_TRY(foreign_check(shard->path, map->data, map->size, "a safetensors file"));
    if (length > SAFETENSORS_HEADER_LIMIT)
        return cadre_fail(CADRE_EFORMAT, shard->path,
            "expected a safetensors header of at most %zu bytes, found %llu",
            SAFETENSORS_HEADER_LIMIT, (unsigned long long)length);
    if (length > map->size - 8)
        return cadre_fail(CADRE_EFORMAT, shard->path,
            "expected a header of %llu bytes, found %zu: the file is cut short",
            (unsigned long long)length, map->size - 8);
    if (!framed)
        return cadre_fail(CADRE_EFORMAT, shard->path,
            "expected a header that is one JSON object and spaces, found \"%s\"",
            quote_bytes(text, size < 24 ? size : 24).text);
    *begin = text;
    *bytes = size;
    return CADRE_OK;
}

/* ---- where tensors lie ---- */

static int by_place(const void *a, const void *b, void *context)
{
    const safetensors_tensor *tensors = context, *x = &tensors[*(const uint32_t *)a],
                             *y = &tensors[*(const uint32_t *)b];
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    /* Tensors of no bytes come first, whatever place they claim. */
    return (x->size > y->size) - (x->size < y->size);
}

/* Checks that tensors fill the data from the first byte to the last, without holes or overlaps. */
static cadre_status check_places(
    const safetensors_shard *shard, safetensors_tensor *tensors, size_t count)
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
            status = cadre_fail(CADRE_EFORMAT, shard->path,
                "%s: expected its data at offset %zu, found %zu: %s", quote_text(t->name).text,
                (size_t)(reached - data_begin(shard)), (size_t)(t->data - data_begin(shard)),
                t->data < reached ? "tensors overlap" : "a hole");
        reached = t->data + t->size;
    }
    mem_free(order);
    if (status == CADRE_OK && reached != end)
        status = cadre_fail(CADRE_EFORMAT, shard->path, "expected %zu bytes of tensors, found %zu",
            (size_t)(reached - data_begin(shard)), safetensors_data_size(shard));
    return status;
}

/* ---- one tensor ---- */

/* Tensors of one file: far more than any model has, and read in tens of milliseconds */
enum { TENSORS = 262144 };
enum { DTYPE, SHAPE, OFFSETS, FIELDS };
static const char *const field_names[FIELDS] = { "dtype", "shape", "data_offsets" };
static const char *const field_kinds[FIELDS] = { "a string", "an array", "an array" };

typedef struct reader {
    json_cursor c;
    safetensors_shard *shard;
    safetensors_tensor *tensors;
    size_t count, room, note_room;
    char *strings; /* the end of those taken so far */
    bool metadata; /* the metadata were read */
    bool explain;  /* the tensor is read again, to say what is wrong with it */
    char place[2 * QUOTE_ROOM];
} reader;

/* Sets the place that a refusal names: the tensor, its field (NULL: the tensor itself), and an item
 * of the field (-1: the field itself). */
static void at(reader *r, const char *field, int item)
{
    if (!r->explain) return;
    int used =
        snprintf(r->place, sizeof r->place, "%s", quote_text(r->tensors[r->count - 1].name).text);
    if (field) used += snprintf(r->place + used, sizeof r->place - (size_t)used, ".%s", field);
    if (item >= 0) snprintf(r->place + used, sizeof r->place - (size_t)used, "[%d]", item);
    r->c.where = r->place;
}

static cadre_status take_shape(reader *r, safetensors_tensor *t)
{
    bool first = true, more;
    CADRE_TRY(json_cursor_expect(&r->c, '['));
    for (t->rank = 0;; t->rank++) {
        CADRE_TRY(json_cursor_next(&r->c, ']', &first, &more));
        if (!more) return CADRE_OK;
        if (t->rank == SAFETENSORS_RANK) return json_cursor_refuse(&r->c, "at most 8 dimensions");
        at(r, field_names[SHAPE], t->rank);
        CADRE_TRY(json_cursor_int(&r->c, 0, INT64_MAX, &t->shape[t->rank]));
    }
}

static cadre_status take_dtype(reader *r, safetensors_tensor *t)
{
    string_view name;
    json_cursor_peek(&r->c);
    size_t begin = r->c.at;
    CADRE_TRY(json_cursor_string(&r->c, &name));
    t->dtype = dtype_of(name);
    if (t->dtype) return CADRE_OK;
    r->c.at = begin;
    return json_cursor_refuse(&r->c, "a dtype of safetensors, such as \"F32\"");
}

static cadre_status refuse_beyond(reader *r, size_t begin, int64_t most)
{
    char expected[96];
    snprintf(expected, sizeof expected,
        "at most the %lld bytes of tensors that the file has (is it cut short?)", (long long)most);
    r->c.at = begin;
    return json_cursor_refuse(&r->c, expected);
}

static cadre_status take_offsets(reader *r, int64_t offsets[2])
{
    bool first = true, more;
    int64_t least = 0, most = (int64_t)safetensors_data_size(r->shard);
    CADRE_TRY(json_cursor_expect(&r->c, '['));
    for (int i = 0;; i++) {
        at(r, field_names[OFFSETS], -1);
        CADRE_TRY(json_cursor_next(&r->c, ']', &first, &more));
        if (more != (i < 2)) return json_cursor_refuse(&r->c, "an array of 2");
        if (!more) return CADRE_OK;
        at(r, field_names[OFFSETS], i);
        json_cursor_peek(&r->c);
        size_t begin = r->c.at;
        CADRE_TRY(json_cursor_int(&r->c, least, INT64_MAX, &offsets[i]));
        if (offsets[i] > most) return refuse_beyond(r, begin, most);
        least = offsets[i];
    }
}

/* Checks what can be checked only when all fields are known. */
static cadre_status place_tensor(const reader *r, safetensors_tensor *t, const int64_t offsets[2])
{
    const char *path = r->shard->path;
    int64_t bits;
    if (!checked_product(t->shape, t->rank, &t->elements))
        return cadre_fail(CADRE_EFORMAT, path,
            "%s.shape: expected a shape whose product fits 64 bits", quote_text(t->name).text);
    if (__builtin_mul_overflow(t->elements, safetensors_dtype_bits(t->dtype), &bits) || bits % 8)
        return cadre_fail(CADRE_EFORMAT, path,
            "%s.shape: expected a shape that takes whole bytes of %s and fits 64 bits",
            quote_text(t->name).text, t->dtype);
    t->size = (size_t)(bits / 8);
    if (offsets[1] - offsets[0] != bits / 8)
        return cadre_fail(CADRE_EFORMAT, path,
            "%s.data_offsets[1]: expected %lld, where %zu bytes of %s end, found %lld",
            quote_text(t->name).text, (long long)(offsets[0] + bits / 8), t->size, t->dtype,
            (long long)offsets[1]);
    t->data = data_begin(r->shard) + offsets[0];
    return CADRE_OK;
}

static int field_of(string_view key)
{
    int field = 0;
    while (field < FIELDS && !string_view_is(key, field_names[field])) field++;
    return field;
}

/* {"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}, in any order */
static cadre_status take_tensor(reader *r, safetensors_tensor *t)
{
    bool first = true, more, seen[FIELDS] = { false };
    int64_t offsets[2] = { 0 };
    at(r, NULL, -1);
    CADRE_TRY(json_cursor_expect(&r->c, '{'));
    for (;;) {
        string_view key;
        at(r, NULL, -1);
        CADRE_TRY(json_cursor_next(&r->c, '}', &first, &more));
        if (!more) break;
        size_t begin = r->c.at;
        CADRE_TRY(json_cursor_string(&r->c, &key));
        int field = field_of(key);
        if (field == FIELDS || seen[field]) {
            r->c.at = begin;
            return json_cursor_refuse(&r->c, "dtype, shape and data_offsets alone, each once");
        }
        seen[field] = true;
        at(r, field_names[field], -1);
        CADRE_TRY(json_cursor_expect(&r->c, ':'));
        CADRE_TRY(field == DTYPE   ? take_dtype(r, t)
                  : field == SHAPE ? take_shape(r, t)
                                   : take_offsets(r, offsets));
    }
    for (int i = 0; i < FIELDS; i++)
        if (!seen[i])
            return cadre_fail(CADRE_EFORMAT, r->shard->path, "%s.%s: expected %s, found nothing",
                quote_text(t->name).text, field_names[i], field_kinds[i]);
    return place_tensor(r, t, offsets);
}

/* ---- all entries ---- */

/* Copies a string and adds a NUL. Together they are shorter than the string with its quotes in the
 * header. */
static const char *keep(reader *r, string_view text)
{
    char *kept = r->strings;
    if (text.size) memcpy(kept, text.data, text.size);
    kept[text.size] = '\0';
    r->strings += text.size + 1;
    return kept;
}

/* Takes one entry. Only when something is wrong is the tensor read again to explain it, so that
 * thousands of correct tensors cost no time for that. */
static cadre_status take_entry(reader *r, string_view name)
{
    size_t begin = r->c.at;
    if (r->count == TENSORS) return json_cursor_refuse(&r->c, "at most 262144 tensors in one file");
    CADRE_TRY(buffer_grow((void **)&r->tensors, r->count, &r->room, 1, sizeof *r->tensors));
    safetensors_tensor *t = &r->tensors[r->count++];
    *t = (safetensors_tensor){ .name = keep(r, name) };
    cadre_status status = take_tensor(r, t);
    if (status != CADRE_EFORMAT) return status;
    r->c.at = begin;
    r->explain = true;
    return take_tensor(r, t);
}

/* Takes {"key":"value", ...}. */
static cadre_status take_metadata(reader *r)
{
    safetensors_shard *shard = r->shard;
    bool first = true, more;
    string_view key, value;
    r->c.where = SAFETENSORS_METADATA;
    if (r->metadata) return json_cursor_refuse(&r->c, "the metadata once");
    r->metadata = true;
    CADRE_TRY(json_cursor_expect(&r->c, '{'));
    for (;;) {
        CADRE_TRY(json_cursor_member(&r->c, &first, &key, &more));
        if (!more) return CADRE_OK;
        r->c.nul = true;
        cadre_status status = json_cursor_string(&r->c, &value);
        r->c.nul = false;
        CADRE_TRY(status);
        CADRE_TRY(buffer_grow(
            (void **)&shard->notes, shard->note_count, &r->note_room, 1, sizeof *shard->notes));
        safetensors_note *note = &shard->notes[shard->note_count++];
        note->key = keep(r, key);
        note->value = keep(r, value);
        note->size = value.size;
    }
}

static cadre_status take_all(reader *r)
{
    bool first = true, more;
    string_view name;
    CADRE_TRY(json_cursor_expect(&r->c, '{'));
    for (;;) {
        r->c.where = "the header";
        CADRE_TRY(json_cursor_member(&r->c, &first, &name, &more));
        if (!more) break;
        CADRE_TRY(
            string_view_is(name, SAFETENSORS_METADATA) ? take_metadata(r) : take_entry(r, name));
    }
    return r->c.at == r->c.size ? CADRE_OK : json_cursor_refuse(&r->c, "nothing after the header");
}

static cadre_status check_metadata(const safetensors_shard *shard)
{
    name_index keys;
    uint32_t twice;
    const char *const *first = shard->note_count ? &shard->notes->key : NULL;
    CADRE_TRY(name_index_make(first, sizeof *shard->notes, shard->note_count, &keys, &twice));
    name_index_free(&keys);
    if (twice == NAME_NONE) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, shard->path, "%s.%s: expected this key once, found it twice",
        SAFETENSORS_METADATA, quote_text(shard->notes[twice].key).text);
}

cadre_status safetensors_header_read(safetensors_shard *shard, const char *text, size_t size,
    safetensors_tensor **tensors, size_t *count)
{
    reader r = { .c = { .text = text, .size = size, .file = shard->path }, .shard = shard };
    r.strings = shard->strings = mem_alloc(size + 1, 1);
    cadre_status status = r.strings ? take_all(&r) : CADRE_ENOMEM;
    if (status == CADRE_OK) status = check_metadata(shard);
    if (status == CADRE_OK) status = check_places(shard, r.tensors, r.count);
    json_cursor_free(&r.c);
    if (status == CADRE_OK) {
        *tensors = r.tensors;
        *count = r.count;
    } else {
        mem_free(r.tensors);
    }
    return status;
}

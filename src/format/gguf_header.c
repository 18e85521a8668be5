/* gguf_header.c - checks the rules of GGUF in one walk over the header.
 *
 * Counts are compared with the bytes that are left before anything is reserved for them, nothing is
 * multiplied unchecked, and duplicates are found by sorting. The walk keeps places in the map,
 * which all later reads trust. */
#define _GNU_SOURCE
#include "format/gguf_header.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "format/foreign.h"
#include "format/quote.h"

enum {
    /* Far more than any model has; either can be checked in a few milliseconds. */
    KEYS = 65536,
    TENSORS = 262144,
    ARRAY_STRINGS = 1 << 22,
    /* The size of the smallest entry, by which counts are bounded */
    KEY_BYTES = 65535,
    KEY_LEAST = 13,
    TENSOR_LEAST = 24,
    ALIGN_DEFAULT = 32,
    ALIGN_LEAST = 8,
    ALIGN_MOST = 65536,
};

size_t gguf_type_size(gguf_type type)
{
    static const uint8_t sizes[GGUF_TYPES] = { [GGUF_U8] = 1,
        [GGUF_I8] = 1,
        [GGUF_U16] = 2,
        [GGUF_I16] = 2,
        [GGUF_U32] = 4,
        [GGUF_I32] = 4,
        [GGUF_F32] = 4,
        [GGUF_BOOL] = 1,
        [GGUF_U64] = 8,
        [GGUF_I64] = 8,
        [GGUF_F64] = 8 };
    return sizes[type];
}

/* ---- reading entries that were checked ---- */

gguf_string gguf_entry_name(const uint8_t *entry)
{
    return (gguf_string){ (const char *)entry + 8, (size_t)gguf_u64(entry) };
}

static const uint8_t *after_name(const uint8_t *entry) { return entry + 8 + gguf_u64(entry); }

gguf_type gguf_entry_type(const uint8_t *entry) { return (gguf_type)gguf_u32(after_name(entry)); }

const uint8_t *gguf_entry_value(const uint8_t *entry) { return after_name(entry) + 4; }

gguf_tensor gguf_entry_tensor(const uint8_t *entry, size_t *offset)
{
    gguf_tensor t = { .extent = { 1, 1, 1, 1 } };
    gguf_string name = gguf_entry_name(entry);
    memcpy(t.name, name.data, name.size);
    const uint8_t *at = after_name(entry);
    t.rank = (int)gguf_u32(at);
    at += 4;
    for (int i = 0; i < t.rank; i++, at += 8) t.extent[i] = (int64_t)gguf_u64(at);
    t.type = (int)gguf_u32(at);
    *offset = (size_t)gguf_u64(at + 4);
    gguf_tensor_size(t.type, t.rank, t.extent, &t.elements, &t.size);
    return t;
}

static int compare(gguf_string a, gguf_string b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int by_name(const void *a, const void *b, void *context)
{
    const uint8_t *const *entries = *(const uint8_t *const **)context;
    return compare(gguf_entry_name(entries[*(const uint32_t *)a]),
        gguf_entry_name(entries[*(const uint32_t *)b]));
}

uint32_t *gguf_sort(const uint8_t *const *entries, size_t count)
{
    uint32_t *sorted = MEM_ARRAY(uint32_t, count);
    if (!sorted) return NULL;
    for (size_t i = 0; i < count; i++) sorted[i] = (uint32_t)i;
    qsort_r(sorted, count, sizeof *sorted, by_name, &entries);
    return sorted;
}

const uint8_t *gguf_twice(const uint8_t *const *entries, const uint32_t *sorted, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (!compare(gguf_entry_name(entries[sorted[i - 1]]), gguf_entry_name(entries[sorted[i]])))
            return entries[sorted[i]];
    return NULL;
}

const uint8_t *gguf_search(const uint8_t *const *entries, const uint32_t *sorted, size_t count,
    const char *name, size_t *index)
{
    gguf_string wanted = { name, strlen(name) };
    for (size_t low = 0, high = count; low < high;) {
        size_t middle = low + (high - low) / 2;
        *index = sorted[middle];
        int order = compare(wanted, gguf_entry_name(entries[*index]));
        if (order == 0) return entries[*index];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

/* ---- the walk ---- */

typedef struct walk {
    const char *path;
    const uint8_t *begin, *at, *end;
    size_t strings; /* in the arrays so far */
} walk;

static size_t left(const walk *w) { return (size_t)(w->end - w->at); }

static cadre_status need(const walk *w, uint64_t size, const char *what)
{
    if (size <= left(w)) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, w->path,
        "expected %llu bytes of %s at offset %zu, found %zu: the file is cut short or damaged",
        (unsigned long long)size, what, (size_t)(w->at - w->begin), left(w));
}

static cadre_status take_u32(walk *w, const char *what, uint32_t *value)
{
    CADRE_TRY(need(w, 4, what));
    *value = gguf_u32(w->at);
    w->at += 4;
    return CADRE_OK;
}

static cadre_status take_u64(walk *w, const char *what, uint64_t *value)
{
    CADRE_TRY(need(w, 8, what));
    *value = gguf_u64(w->at);
    w->at += 8;
    return CADRE_OK;
}

/* Takes a key or a tensor's name: printable text of bounded length. */
static cadre_status take_name(walk *w, const char *what, size_t most, gguf_string *name)
{
    uint64_t size;
    CADRE_TRY(take_u64(w, what, &size));
    if (size == 0 || size > most)
        return cadre_fail(CADRE_EFORMAT, w->path,
            "expected %s of 1..%zu bytes at offset %zu, found %llu", what, most,
            (size_t)(w->at - w->begin), (unsigned long long)size);
    CADRE_TRY(need(w, size, what));
    *name = (gguf_string){ (const char *)w->at, (size_t)size };
    bool printable = utf8_valid(name->data, name->size);
    for (size_t i = 0; i < name->size && printable; i++)
        printable = (unsigned char)name->data[i] >= 0x20 && name->data[i] != 0x7f;
    if (!printable)
        return cadre_fail(CADRE_EFORMAT, w->path, "expected %s of printable UTF-8, found \"%s\"",
            what, quote_bytes(name->data, name->size).text);
    w->at += size;
    return CADRE_OK;
}

/* Refuses something of a key or tensor. */
static cadre_status refuse(
    const walk *w, gguf_string name, const char *expected, unsigned long long found)
{
    return cadre_fail(CADRE_EFORMAT, w->path, "%s: expected %s, found %llu",
        quote_bytes(name.data, name.size).text, expected, found);
}

static cadre_status take_bools(walk *w, gguf_string key, size_t count)
{
    CADRE_TRY(need(w, count, "booleans"));
    for (size_t i = 0; i < count; i++)
        if (w->at[i] > 1) return refuse(w, key, "booleans of 0 or 1", w->at[i]);
    w->at += count;
    return CADRE_OK;
}

static cadre_status take_strings(walk *w, gguf_string key, uint64_t count)
{
    if (count > left(w) / 8)
        return refuse(w, key, "no more strings than the file has room for", count);
    if (count > ARRAY_STRINGS - w->strings)
        return refuse(w, key, "at most 4194304 strings in all arrays", count + w->strings);
    w->strings += (size_t)count;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t size;
        CADRE_TRY(take_u64(w, "a string's length", &size));
        CADRE_TRY(need(w, size, "a string"));
        w->at += size;
    }
    return CADRE_OK;
}

static cadre_status take_type(walk *w, gguf_string key, gguf_type *type)
{
    uint32_t number;
    CADRE_TRY(take_u32(w, "a value's type", &number));
    if (number >= GGUF_TYPES) return refuse(w, key, "a value type of 0..12", number);
    *type = (gguf_type)number;
    return CADRE_OK;
}

/* Takes `count` values of one type, from an array or a single one. */
static cadre_status take_values(walk *w, gguf_string key, gguf_type type, uint64_t count)
{
    if (type == GGUF_STRING) return take_strings(w, key, count);
    size_t size = gguf_type_size(type);
    if (count > left(w) / size)
        return refuse(w, key, "no more values than the file has room for", count);
    if (type == GGUF_BOOL) return take_bools(w, key, (size_t)count);
    w->at += count * size;
    return CADRE_OK;
}

static cadre_status take_key(walk *w)
{
    gguf_string key;
    gguf_type type;
    uint64_t count = 1;
    CADRE_TRY(take_name(w, "a key", KEY_BYTES, &key));
    CADRE_TRY(take_type(w, key, &type));
    if (type == GGUF_ARRAY) {
        CADRE_TRY(take_type(w, key, &type));
        if (type == GGUF_ARRAY)
            return cadre_fail(CADRE_EUNSUPPORTED, w->path,
                "%s: expected an array of plain values, found an array of arrays",
                quote_bytes(key.data, key.size).text);
        CADRE_TRY(take_u64(w, "an array's length", &count));
    }
    return take_values(w, key, type, count);
}

/* Finds where the tensor's entry ends. Its offset is checked when all entries are known. */
static cadre_status take_tensor(walk *w)
{
    gguf_string name;
    uint32_t rank, type;
    int64_t extent[GGUF_RANK], elements;
    size_t size;
    CADRE_TRY(take_name(w, "a tensor's name", GGUF_NAME - 1, &name));
    CADRE_TRY(take_u32(w, "a tensor's rank", &rank));
    if (rank > GGUF_RANK) return refuse(w, name, "at most 4 dimensions", rank);
    for (uint32_t i = 0; i < rank; i++) {
        uint64_t value;
        CADRE_TRY(take_u64(w, "a tensor's shape", &value));
        if (value > INT64_MAX) return refuse(w, name, "dimensions below 2^63", value);
        extent[i] = (int64_t)value;
    }
    CADRE_TRY(take_u32(w, "a tensor's type", &type));
    if (type > INT32_MAX || !gguf_tensor_type_name((int)type))
        return refuse(w, name, "a tensor type that exists", type);
    if (!gguf_tensor_size((int)type, (int)rank, extent, &elements, &size))
        return cadre_fail(CADRE_EFORMAT, w->path,
            "%s: expected a shape that fits 64 bits and rows of whole %s blocks, found otherwise",
            quote_bytes(name.data, name.size).text, gguf_tensor_type_name((int)type));
    CADRE_TRY(need(w, 8, "a tensor's offset"));
    w->at += 8;
    return CADRE_OK;
}

typedef cadre_status take_entry(walk *w);

/* Walks over `count` entries and keeps where each begins. */
static cadre_status take_entries(walk *w, take_entry *take, size_t count, const uint8_t ***entries)
{
    if (!(*entries = MEM_ARRAY(const uint8_t *, count))) return CADRE_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        (*entries)[i] = w->at;
        CADRE_TRY(take(w));
    }
    return CADRE_OK;
}

/* ---- the whole header ---- */

static cadre_status take_count(walk *w, const char *what, uint64_t count, size_t least, size_t most)
{
    if (count <= most && count <= left(w) / least) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, w->path, "expected at most %zu %s in %zu bytes, found %llu",
        left(w) / least < most ? left(w) / least : most, what, left(w), (unsigned long long)count);
}

static cadre_status read_counts(gguf_part *part, walk *w)
{
    uint64_t tensors, keys;
    bool magic = left(w) >= 4 && !memcmp(w->at, "GGUF", 4);
    if (!magic) CADRE_TRY(foreign_check(w->path, w->at, left(w), "a GGUF file"));
    if (!magic)
        return cadre_fail(CADRE_EFORMAT, w->path,
            "expected a GGUF file, found one that begins with \"%s\"",
            quote_bytes((const char *)w->at, left(w) < 4 ? left(w) : 4).text);
    w->at += 4;
    CADRE_TRY(take_u32(w, "the version", &part->version));
    if (part->version && !(part->version & 0xffff))
        return cadre_fail(CADRE_EUNSUPPORTED, w->path,
            "expected a little-endian GGUF file, found a big-endian one");
    if (part->version != 2 && part->version != 3)
        return cadre_fail(
            CADRE_EUNSUPPORTED, w->path, "expected GGUF version 2 or 3, found %u", part->version);
    CADRE_TRY(take_u64(w, "the number of tensors", &tensors));
    CADRE_TRY(take_u64(w, "the number of keys", &keys));
    CADRE_TRY(take_count(w, "tensors", tensors, TENSOR_LEAST, TENSORS));
    CADRE_TRY(take_count(w, "keys", keys, KEY_LEAST, KEYS));
    part->tensor_count = (size_t)tensors;
    part->key_count = (size_t)keys;
    return CADRE_OK;
}

static cadre_status refuse_duplicate_keys(const gguf_part *part)
{
    const uint8_t *twice = gguf_twice(part->keys, part->keys_by_name, part->key_count);
    if (!twice) return CADRE_OK;
    gguf_string key = gguf_entry_name(twice);
    return cadre_fail(CADRE_EFORMAT, part->path, "%s: expected this key once, found it twice",
        quote_bytes(key.data, key.size).text);
}

static cadre_status read_align(gguf_part *part)
{
    size_t index;
    const uint8_t *entry =
        gguf_search(part->keys, part->keys_by_name, part->key_count, "general.alignment", &index);
    part->align = ALIGN_DEFAULT;
    if (!entry) return CADRE_OK;
    uint32_t align = gguf_entry_type(entry) == GGUF_U32 ? gguf_u32(gguf_entry_value(entry)) : 0;
    if (align < ALIGN_LEAST || align > ALIGN_MOST || (align & (align - 1)))
        return cadre_fail(CADRE_EFORMAT, part->path,
            "general.alignment: expected a u32 power of two in %d..%d, found otherwise",
            ALIGN_LEAST, ALIGN_MOST);
    part->align = align;
    return CADRE_OK;
}

/* Checks that tensors lie one after the other in the order of their entries, each at the next
 * aligned offset, and that the file ends with the last. */
static cadre_status check_places(gguf_part *part, const walk *w)
{
    /* `end` is the end of the header, then of the last tensor. */
    size_t begin, reached = 0, end = (size_t)(w->at - w->begin);
    if (!checked_pad(end, part->align, &begin))
        return cadre_fail(CADRE_EFORMAT, w->path, "its header does not fit 64 bits");
    part->data = begin < part->map.size ? w->begin + begin : w->end;
    for (size_t i = 0; i < part->tensor_count; i++) {
        size_t offset;
        gguf_tensor t = gguf_entry_tensor(part->tensors[i], &offset);
        if (offset != reached)
            return cadre_fail(CADRE_EFORMAT, w->path,
                "%s: expected its data at offset %zu, found %zu", quote_text(t.name).text, reached,
                offset);
        if (!checked_add(begin, reached, &end) || !checked_add(end, t.size, &end) ||
            end > part->map.size)
            return cadre_fail(CADRE_EFORMAT, w->path,
                "%s: expected %zu bytes at offset %zu of the data, found the file's end: it is cut "
                "short",
                quote_text(t.name).text, t.size, reached);
        if (!checked_pad(reached + t.size, part->align, &reached))
            return cadre_fail(CADRE_EFORMAT, w->path, "its tensors do not fit 64 bits");
    }
    if (part->map.size > begin + reached)
        return cadre_fail(CADRE_EFORMAT, w->path, "expected at most %zu bytes, found %zu",
            begin + reached, part->map.size);
    return CADRE_OK;
}

cadre_status gguf_part_read(gguf_part *part)
{
    const uint8_t *begin = part->map.data ? part->map.data : (const uint8_t *)"";
    walk w = { .path = part->path, .begin = begin, .at = begin, .end = begin + part->map.size };
    CADRE_TRY(read_counts(part, &w));
    CADRE_TRY(take_entries(&w, take_key, part->key_count, &part->keys));
    part->keys_by_name = gguf_sort(part->keys, part->key_count);
    part->key_read = MEM_ARRAY(bool, part->key_count);
    if (!part->keys_by_name || !part->key_read) return CADRE_ENOMEM;
    CADRE_TRY(refuse_duplicate_keys(part));
    CADRE_TRY(read_align(part));
    CADRE_TRY(take_entries(&w, take_tensor, part->tensor_count, &part->tensors));
    return check_places(part, &w);
}

void gguf_part_close(gguf_part *part)
{
    if (!part->borrowed) file_map_close(&part->map);
    mem_free(part->path);
    mem_free((void *)part->keys);
    mem_free(part->keys_by_name);
    mem_free(part->key_read);
    mem_free((void *)part->tensors);
}

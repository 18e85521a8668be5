/* gguf_metadata.c - reads metadata values where they lie in the map. */
#include <assert.h>
#include <float.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "format/gguf_header.h"
#include "format/quote.h"

/* ---- one value ---- */

static bool is_int(gguf_type type)
{
    return type <= GGUF_I32 || type == GGUF_U64 || type == GGUF_I64;
}

static bool is_real(gguf_type type) { return type == GGUF_F32 || type == GGUF_F64; }

static int64_t int_at(gguf_type type, const uint8_t *p)
{
    assert(is_int(type) || type == GGUF_BOOL);
    switch (type) {
    case GGUF_U8:
    case GGUF_BOOL: return p[0];
    case GGUF_I8: return (int8_t)p[0];
    case GGUF_U16: return gguf_u16(p);
    case GGUF_I16: return (int16_t)gguf_u16(p);
    case GGUF_U32: return gguf_u32(p);
    case GGUF_I32: return (int32_t)gguf_u32(p);
    case GGUF_I64: return (int64_t)gguf_u64(p);
    case GGUF_U64: return gguf_u64(p) > INT64_MAX ? INT64_MAX : (int64_t)gguf_u64(p);
    default: return 0;
    }
}

static double real_at(gguf_type type, const uint8_t *p)
{
    if (type == GGUF_F32) {
        uint32_t bits = gguf_u32(p);
        float value;
        memcpy(&value, &bits, sizeof value);
        return (double)value;
    }
    if (type == GGUF_F64) {
        uint64_t bits = gguf_u64(p);
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    return (double)int_at(type, p);
}

static gguf_string string_at(const uint8_t *p)
{
    return (gguf_string){ (const char *)p + 8, (size_t)gguf_u64(p) };
}

/* ---- keys ---- */

static const uint8_t *look(const gguf *file, const char *key, size_t *index)
{
    const gguf_part *part = &file->parts[0];
    return gguf_search(part->keys, part->keys_by_name, part->key_count, key, index);
}

/* The key's entry, of which it is remembered that it was read; NULL: there is none. */
static const uint8_t *find(const gguf *file, const char *key)
{
    size_t index;
    const uint8_t *entry = look(file, key, &index);
    if (entry) file->parts[0].key_read[index] = true;
    return entry;
}

size_t gguf_key_count(const gguf *file) { return file->parts[0].key_count; }

gguf_string gguf_key_at(const gguf *file, size_t index)
{
    return gguf_entry_name(file->parts[0].keys[index]);
}

bool gguf_has(const gguf *file, const char *key)
{
    size_t index;
    return look(file, key, &index) != NULL;
}

bool gguf_has_number(const gguf *file, const char *key, double *value)
{
    size_t index;
    const uint8_t *entry = look(file, key, &index);
    gguf_type type = entry ? gguf_entry_type(entry) : GGUF_TYPES;
    if (!entry || !(is_int(type) || is_real(type) || type == GGUF_BOOL)) return false;
    *value = real_at(type, gguf_entry_value(entry));
    return true;
}

bool gguf_was_read(const gguf *file, const char *key)
{
    size_t index;
    return look(file, key, &index) && file->parts[0].key_read[index];
}

gguf_type gguf_type_of(const gguf *file, const char *key)
{
    const uint8_t *entry = find(file, key);
    return entry ? gguf_entry_type(entry) : GGUF_TYPES;
}

static const char *type_name(gguf_type type)
{
    static const char *const names[GGUF_TYPES] = { "u8", "i8", "u16", "i16", "u32", "i32", "f32",
        "a boolean", "a string", "an array", "u64", "i64", "f64" };
    return names[type];
}

enum { VALUE = 96 };

static void value_words(const uint8_t *entry, char text[VALUE])
{
    snprintf(text, VALUE, "nothing");
    if (!entry) return;
    gguf_type type = gguf_entry_type(entry);
    const uint8_t *value = gguf_entry_value(entry);
    if (is_int(type)) snprintf(text, VALUE, "%lld", (long long)int_at(type, value));
    else if (is_real(type)) snprintf(text, VALUE, "%.9g", real_at(type, value));
    else if (type == GGUF_BOOL) snprintf(text, VALUE, "a boolean, %s", *value ? "true" : "false");
    else if (type == GGUF_STRING)
        snprintf(
            text, VALUE, "\"%s\"", quote_bytes(string_at(value).data, string_at(value).size).text);
    else snprintf(text, VALUE, "%s", type_name(type));
}

static cadre_status refuse(
    const gguf *file, const char *key, const char *expected, const uint8_t *entry)
{
    char found[VALUE];
    value_words(entry, found);
    return cadre_fail(CADRE_EFORMAT, file->parts[0].path, "%s: expected %s, found %s",
        quote_text(key).text, expected, found);
}

/* ---- typed ---- */

cadre_status gguf_get_int(
    const gguf *file, const char *key, int64_t min, int64_t max, int64_t *value)
{
    char expected[80];
    const uint8_t *entry = find(file, key);
    if (entry && is_int(gguf_entry_type(entry))) {
        int64_t v = int_at(gguf_entry_type(entry), gguf_entry_value(entry));
        if (v >= min && v <= max) {
            *value = v;
            return CADRE_OK;
        }
    }
    if (min == max) snprintf(expected, sizeof expected, "%lld", (long long)min);
    else
        snprintf(
            expected, sizeof expected, "an integer in %lld..%lld", (long long)min, (long long)max);
    return refuse(file, key, expected, entry);
}

cadre_status gguf_opt_int(
    const gguf *file, const char *key, int64_t min, int64_t max, int64_t *value)
{
    return gguf_has(file, key) ? gguf_get_int(file, key, min, max, value) : CADRE_OK;
}

cadre_status gguf_get_real(const gguf *file, const char *key, double min, double max, double *value)
{
    char expected[80];
    const uint8_t *entry = find(file, key);
    gguf_type type = entry ? gguf_entry_type(entry) : GGUF_TYPES;
    if (entry && (is_int(type) || is_real(type))) {
        double v = real_at(type, gguf_entry_value(entry));
        if (v >= min && v <= max) {
            *value = v;
            return CADRE_OK;
        }
    }
    if (min <= -DBL_MAX && max >= DBL_MAX) snprintf(expected, sizeof expected, "a finite number");
    else snprintf(expected, sizeof expected, "a number in %g..%g", min, max);
    return refuse(file, key, expected, entry);
}

cadre_status gguf_opt_real(const gguf *file, const char *key, double min, double max, double *value)
{
    return gguf_has(file, key) ? gguf_get_real(file, key, min, max, value) : CADRE_OK;
}

cadre_status gguf_opt_bool(const gguf *file, const char *key, bool *value)
{
    const uint8_t *entry = find(file, key);
    if (!entry) return CADRE_OK;
    if (gguf_entry_type(entry) != GGUF_BOOL) return refuse(file, key, "a boolean", entry);
    *value = *gguf_entry_value(entry) != 0;
    return CADRE_OK;
}

cadre_status gguf_get_string(const gguf *file, const char *key, gguf_string *value)
{
    const uint8_t *entry = find(file, key);
    if (!entry || gguf_entry_type(entry) != GGUF_STRING)
        return refuse(file, key, "a string", entry);
    *value = string_at(gguf_entry_value(entry));
    return CADRE_OK;
}

cadre_status gguf_opt_string(const gguf *file, const char *key, gguf_string *value)
{
    return gguf_has(file, key) ? gguf_get_string(file, key, value) : CADRE_OK;
}

cadre_status gguf_get_array(const gguf *file, const char *key, gguf_array *value)
{
    const uint8_t *entry = find(file, key);
    if (!entry || gguf_entry_type(entry) != GGUF_ARRAY) return refuse(file, key, "an array", entry);
    const uint8_t *p = gguf_entry_value(entry);
    *value = (gguf_array){ (gguf_type)gguf_u32(p), (size_t)gguf_u64(p + 4), p + 12 };
    return CADRE_OK;
}

bool gguf_string_is(gguf_string s, const char *text)
{
    return s.size == strlen(text) && !memcmp(s.data, text, s.size);
}

/* ---- arrays ---- */

bool gguf_array_is_int(const gguf_array *a) { return is_int(a->type) || a->type == GGUF_BOOL; }

bool gguf_array_is_real(const gguf_array *a) { return is_real(a->type); }

int64_t gguf_array_int(const gguf_array *a, size_t index)
{
    assert(index < a->count);
    return int_at(a->type, a->data + index * gguf_type_size(a->type));
}

double gguf_array_real(const gguf_array *a, size_t index)
{
    assert(index < a->count);
    return real_at(a->type, a->data + index * gguf_type_size(a->type));
}

gguf_string gguf_array_next_string(const uint8_t **at)
{
    gguf_string s = string_at(*at);
    *at += 8 + s.size;
    return s;
}

void gguf_array_strings(const gguf_array *a, gguf_string *items)
{
    assert(a->type == GGUF_STRING);
    const uint8_t *at = a->data;
    for (size_t i = 0; i < a->count; i++) items[i] = gguf_array_next_string(&at);
}

/* ---- a value as bytes ---- */

static size_t values_size(gguf_type type, size_t count, const uint8_t *begin)
{
    if (type != GGUF_STRING) return count * gguf_type_size(type);
    const uint8_t *at = begin;
    while (count--) at += 8 + gguf_u64(at);
    return (size_t)(at - begin);
}

bool gguf_metadata_value(const gguf *file, const char *key, gguf_string *value)
{
    const uint8_t *entry = find(file, key);
    if (!entry) return false;
    gguf_type type = gguf_entry_type(entry);
    const uint8_t *begin = gguf_entry_value(entry);
    size_t size;
    if (type == GGUF_ARRAY)
        size =
            12 + values_size((gguf_type)gguf_u32(begin), (size_t)gguf_u64(begin + 4), begin + 12);
    else size = values_size(type, 1, begin);
    *value = (gguf_string){ (const char *)begin, size };
    return true;
}

/* ---- comparing ---- */

static bool same(const gguf *file, const gguf *as, const char *key)
{
    const uint8_t *x = find(file, key), *y = find(as, key);
    gguf_string of_x, of_y;
    if (!x || !y) return x == y;
    gguf_type type = gguf_entry_type(x), other = gguf_entry_type(y);
    if (is_int(type) && is_int(other))
        return int_at(type, gguf_entry_value(x)) == int_at(other, gguf_entry_value(y));
    if (is_real(type) && is_real(other))
        return (float)real_at(type, gguf_entry_value(x)) ==
               (float)real_at(other, gguf_entry_value(y));
    return type == other && gguf_metadata_value(file, key, &of_x) &&
           gguf_metadata_value(as, key, &of_y) && of_x.size == of_y.size &&
           !memcmp(of_x.data, of_y.data, of_x.size);
}

cadre_status gguf_check_as(const gguf *file, const gguf *as, const char *key, const char *why)
{
    char expected[VALUE], sentence[2 * VALUE];
    if (same(file, as, key)) return CADRE_OK;
    value_words(find(as, key), expected);
    snprintf(sentence, sizeof sentence, "%s%s", expected, why);
    return refuse(file, key, sentence, find(file, key));
}

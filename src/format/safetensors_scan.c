/* safetensors_scan.c - the header as nearly every file has it, read from left to right without a tree, several times as fast.
 *
 * It reads what it is sure of: names and types of plain ASCII, integers, the three keys of a tensor. At anything else (an escape,
 * a fraction, a rule that does not hold) it gives up without a word, and the header is read as JSON, which refuses it with a
 * sentence or reads it after all. So a header is never accepted here that would not be accepted there; names that occur twice
 * are found by the caller. */
#include "format/safetensors_header.h"

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"

typedef struct scan {
    const char *at, *end;
    safetensors_shard *shard;
    safetensors_tensor *tensors;
    size_t count, room;
    char *strings; /* the end of those taken so far */
    bool no_memory;
} scan;

static bool take(scan *s, char wanted)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n')) s->at++;
    if (s->at == s->end || *s->at != wanted) return false;
    s->at++;
    return true;
}

/* A string of plain characters: its place and size. */
static const char *take_string(scan *s, size_t *size)
{
    if (!take(s, '"')) return NULL;
    const char *begin = s->at;
    while (s->at < s->end && *s->at >= 0x20 && *s->at < 0x7f && *s->at != '"' && *s->at != '\\') s->at++;
    *size = (size_t)(s->at - begin);
    if (s->at == s->end || *s->at != '"') return NULL;
    s->at++;
    return begin;
}

static bool is(const char *text, size_t size, const char *word) { return size == strlen(word) && !memcmp(text, word, size); }

static bool take_count(scan *s, int64_t *value)
{
    enum { DIGITS = 18 };
    while (s->at < s->end && *s->at == ' ') s->at++;
    const char *begin = s->at;
    int64_t number = 0;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9' && s->at - begin < DIGITS) number = 10 * number + (*s->at++ - '0');
    *value = number;
    return s->at > begin && (s->at - begin == 1 || *begin != '0'); /* what follows must be a comma or a bracket */
}

static bool take_counts(scan *s, int64_t *values, int most, int *count)
{
    *count = 0;
    if (!take(s, '[')) return false;
    if (take(s, ']')) return true;
    do {
        if (*count == most || !take_count(s, &values[(*count)++])) return false;
    } while (take(s, ','));
    return take(s, ']');
}

/* As safetensors_header.c checks it: the shape's product, whole bytes, the place. */
static bool place(const scan *s, safetensors_tensor *t, const int64_t offsets[2])
{
    int64_t bits, data = (int64_t)safetensors_data_size(s->shard);
    if (!checked_product(t->shape, t->rank, &t->elements)) return false;
    if (__builtin_mul_overflow(t->elements, safetensors_dtype_bits(t->dtype), &bits) || bits % 8) return false;
    t->size = (size_t)(bits / 8);
    if (offsets[1] < offsets[0] || offsets[1] > data || (size_t)(offsets[1] - offsets[0]) != t->size) return false;
    t->data = s->shard->map.data + s->shard->map.size - data + offsets[0];
    return true;
}

/* {"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}, in any order */
static bool take_tensor(scan *s, safetensors_tensor *t)
{
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 };
    int64_t offsets[2];
    int seen = 0, count = 2;
    if (!take(s, '{')) return false;
    do {
        size_t size, length;
        const char *key = take_string(s, &size);
        if (!key || !take(s, ':')) return false;
        int which = is(key, size, "dtype") ? DTYPE : is(key, size, "shape") ? SHAPE : is(key, size, "data_offsets") ? OFFSETS : 0;
        if (!which || seen & which) return false;
        seen |= which;
        if (which == DTYPE) {
            const char *dtype = take_string(s, &length);
            if (!dtype || !(t->dtype = safetensors_dtype_of(dtype, length))) return false;
        }
        if (which == SHAPE && !take_counts(s, t->shape, SAFETENSORS_RANK, &t->rank)) return false;
        if (which == OFFSETS && !take_counts(s, offsets, 2, &count)) return false;
    } while (take(s, ','));
    return take(s, '}') && seen == (DTYPE | SHAPE | OFFSETS) && count == 2 && place(s, t, offsets);
}

static const char *keep(scan *s, const char *text, size_t size)
{
    char *kept = memcpy(s->strings, text, size);
    kept[size] = '\0';
    s->strings += size + 1;
    return kept;
}

/* {"key":"value", ...} of few members */
static bool take_notes(scan *s)
{
    enum { MOST = 16 };
    safetensors_shard *shard = s->shard;
    if (shard->notes || !take(s, '{')) return false;
    s->no_memory = !(shard->notes = MEM_ARRAY(safetensors_note, MOST));
    if (s->no_memory) return false;
    if (take(s, '}')) return true;
    do {
        size_t size, length;
        const char *key = take_string(s, &size), *value = key && take(s, ':') ? take_string(s, &length) : NULL;
        if (!value || shard->note_count == MOST) return false;
        for (size_t i = 0; i < shard->note_count; i++)
            if (is(key, size, shard->notes[i].key)) return false;
        safetensors_note *note = &shard->notes[shard->note_count++];
        *note = (safetensors_note){ keep(s, key, size), keep(s, value, length), length };
    } while (take(s, ','));
    return take(s, '}');
}

static bool take_member(scan *s)
{
    size_t size;
    const char *name = take_string(s, &size);
    if (!name || !take(s, ':')) return false;
    if (is(name, size, SAFETENSORS_METADATA)) return take_notes(s);
    if (s->count == s->room) {
        safetensors_tensor *more = mem_resize(s->tensors, s->room, s->room * 2, sizeof *more);
        s->no_memory = !more;
        if (!more) return false;
        s->tensors = more;
        s->room *= 2;
    }
    safetensors_tensor *t = &s->tensors[s->count++];
    *t = (safetensors_tensor){ .name = keep(s, name, size) };
    return take_tensor(s, t);
}

static bool scan_all(scan *s)
{
    if (!take(s, '{')) return false;
    do {
        if (!take_member(s)) return false;
    } while (take(s, ','));
    return take(s, '}') && s->at == s->end;
}

cadre_status safetensors_header_scan(safetensors_shard *shard, const char *text, size_t size, safetensors_tensor **tensors,
                                     size_t *count)
{
    enum { FIRST = 64 };
    scan s = { .at = text, .end = text + size, .shard = shard, .room = FIRST };
    s.tensors = MEM_ARRAY(safetensors_tensor, FIRST);
    s.strings = shard->strings = mem_alloc(size + 1, 1); /* a string and its NUL are shorter than the string in quotes */
    s.no_memory = !s.tensors || !s.strings;
    if (!s.no_memory && scan_all(&s)) {
        *tensors = s.tensors;
        *count = s.count;
        return CADRE_OK;
    }
    mem_free(s.tensors);
    mem_free(shard->strings);
    mem_free(shard->notes);
    shard->strings = NULL;
    shard->notes = NULL;
    shard->note_count = 0;
    *tensors = NULL;
    return s.no_memory ? CADRE_ENOMEM : CADRE_OK;
}

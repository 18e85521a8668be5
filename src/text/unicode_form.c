/* unicode_form.c - decomposes, orders marks and composes, one segment of text at a time.
 *
 * No ASCII character changes, and none combines with what stands before it. So ASCII is copied, and
 * every other segment is normalised alone, together with the ASCII character before it, to which
 * its marks may belong. Marks are ordered here and not by utf8proc, whose insertion sort would take
 * quadratic time for long runs of marks. */
#include "text/unicode_form.h"

#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"
#include "base/utf8.h"

enum { EXPANSION_MAX = 18, CLASSES = 256 }; /* code points that one character may become (U+FDFA) */

typedef struct segment {
    utf8proc_int32_t *codes; /* [count] */
    utf8proc_int32_t *moved; /* [count] */
    size_t count, capacity, moved_capacity;
} segment;

static utf8proc_option_t options_of(unicode_form form)
{
    bool compatible = form == UNICODE_NFKC || form == UNICODE_NFKD,
         compose = form == UNICODE_NFC || form == UNICODE_NFKC;
    return (utf8proc_option_t)(UTF8PROC_STABLE | (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
                               (compatible ? UTF8PROC_COMPAT : 0));
}

/* Characters that got a compatibility form only in Unicode 10 or later. The reference's tables
 * leave them as they are. */
static bool stays_as_it_is(uint32_t code)
{
    static const uint32_t ranges[][2] = { { 0x32ff, 0x32ff }, { 0xa7f2, 0xa7f4 },
        { 0xab69, 0xab69 }, { 0x10781, 0x107ba }, { 0x1e030, 0x1e06d }, { 0x1f16c, 0x1f16c },
        { 0x1fbf0, 0x1fbf9 } };
    for (size_t i = 0; code >= ranges[0][0] && i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i][0] && code <= ranges[i][1]) return true;
    return false;
}

static int class_of(utf8proc_int32_t code) { return utf8proc_get_property(code)->combining_class; }

static cadre_status decompose(segment *s, string_view text, utf8proc_option_t options)
{
    uint32_t code;
    s->count = 0;
    for (size_t at = 0; at < text.size;) {
        CADRE_TRY(buffer_grow(
            (void **)&s->codes, s->count, &s->capacity, EXPANSION_MAX, sizeof *s->codes));
        at += utf8_decode(text.data + at, text.size - at, &code);
        int boundary = 0;
        if (options & UTF8PROC_COMPAT && stays_as_it_is(code)) {
            s->codes[s->count++] = (utf8proc_int32_t)code;
            continue;
        }
        utf8proc_ssize_t made = utf8proc_decompose_char(
            (utf8proc_int32_t)code, s->codes + s->count, EXPANSION_MAX, options, &boundary);
        if (made < 0 || made > EXPANSION_MAX)
            return cadre_fail(CADRE_EUNSUPPORTED, NULL, "U+%04X has no normal form here", code);
        s->count += (size_t)made;
    }
    return CADRE_OK;
}

/* Sorts codes[begin..end), which all have a combining class, by that class. This is a counting
 * sort, so equal classes keep their order. */
static cadre_status order_marks(segment *s, size_t begin, size_t end)
{
    size_t starts[CLASSES + 1] = { 0 };
    CADRE_TRY(
        buffer_grow((void **)&s->moved, 0, &s->moved_capacity, end - begin, sizeof *s->moved));
    for (size_t i = begin; i < end; i++) starts[class_of(s->codes[i]) + 1]++;
    for (int c = 0; c < CLASSES; c++) starts[c + 1] += starts[c];
    for (size_t i = begin; i < end; i++) s->moved[starts[class_of(s->codes[i])]++] = s->codes[i];
    memcpy(s->codes + begin, s->moved, (end - begin) * sizeof *s->codes);
    return CADRE_OK;
}

static cadre_status order(segment *s)
{
    for (size_t begin = 0, end; begin < s->count; begin = end) {
        bool sorted = true;
        for (end = begin; end < s->count && class_of(s->codes[end]) != 0; end++)
            if (end > begin && class_of(s->codes[end]) < class_of(s->codes[end - 1]))
                sorted = false;
        if (!sorted) CADRE_TRY(order_marks(s, begin, end));
        if (end == begin) end++;
    }
    return CADRE_OK;
}

static cadre_status put_segment(
    segment *s, string_view text, utf8proc_option_t options, byte_buffer *out)
{
    CADRE_TRY(decompose(s, text, options));
    CADRE_TRY(order(s));
    utf8proc_ssize_t count =
        utf8proc_normalize_utf32(s->codes, (utf8proc_ssize_t)s->count, options);
    if (count < 0)
        return cadre_fail(
            CADRE_EUNSUPPORTED, NULL, "a text has no normal form here: %s", utf8proc_errmsg(count));
    CADRE_TRY(byte_buffer_reserve(out, (size_t)count * UTF8_MAX));
    for (utf8proc_ssize_t i = 0; i < count; i++)
        out->size += utf8_encode((uint32_t)s->codes[i], out->data + out->size);
    return CADRE_OK;
}

static bool is_ascii(char c) { return (unsigned char)c < 0x80; }

cadre_status unicode_form_put(unicode_form form, string_view text, byte_buffer *out)
{
    segment s = { 0 };
    cadre_status status = CADRE_OK;
    for (size_t at = 0; at < text.size && status == CADRE_OK;) {
        size_t plain = at;
        while (plain < text.size && is_ascii(text.data[plain])) plain++;
        if (plain < text.size && plain > at) plain--; /* marks may belong to this character */
        status = byte_buffer_put(out, text.data + at, plain - at);
        size_t end = plain + 1;
        while (end < text.size && !is_ascii(text.data[end])) end++;
        if (status == CADRE_OK && plain < text.size)
            status = put_segment(
                &s, (string_view){ text.data + plain, end - plain }, options_of(form), out);
        at = plain < text.size ? end : plain;
    }
    mem_free(s.codes);
    mem_free(s.moved);
    return status;
}

/* charsmap.c - reads the map and looks texts up in it. */
#include "text/charsmap.h"

#include <stdbool.h>
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"

/* A grapheme of this many bytes or more is mapped character by character. */
enum { GRAPHEME_MAX = 6 };

/* ---- reading ---- */

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static cadre_status decode_base64(const char *text, size_t size, const char *path, byte_buffer *out)
{
    size_t padding = 0;
    if (size % 4 != 0)
        return cadre_fail(CADRE_EFORMAT, path,
            "normalizer: precompiled_charsmap: expected base64, found %zu digits", size);
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=') padding++;
    CADRE_TRY(byte_buffer_reserve(out, size / 4 * 3));
    uint32_t bits = 0;
    for (size_t i = 0; i < size - padding; i++) {
        int digit = base64_digit(text[i]);
        if (digit < 0)
            return cadre_fail(CADRE_EFORMAT, path,
                "normalizer: precompiled_charsmap: expected base64, found byte 0x%02x at %zu",
                (unsigned)(unsigned char)text[i], i);
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 != 0) out->data[out->size++] = (char)(bits >> (6 - 2 * (i % 4)));
    }
    return CADRE_OK;
}

static uint32_t u32_at(const char *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

cadre_status charsmap_read(const char *base64, size_t size, const char *path, charsmap *map)
{
    charsmap m = { 0 };
    cadre_status status = decode_base64(base64, size, path, &m.blob);
    size_t trie = status == CADRE_OK && m.blob.size >= 4 ? u32_at(m.blob.data) : 0;
    if (status == CADRE_OK && (trie == 0 || trie % 4 != 0 || trie > m.blob.size - 4))
        status = cadre_fail(CADRE_EFORMAT, path,
            "normalizer: precompiled_charsmap: expected a trie within its %zu bytes, found one of "
            "%zu",
            m.blob.size, trie);
    if (status == CADRE_OK && !utf8_valid(m.blob.data + 4 + trie, m.blob.size - 4 - trie))
        status = cadre_fail(CADRE_EFORMAT, path,
            "normalizer: precompiled_charsmap: expected replacements in UTF-8");
    if (status == CADRE_OK) status = byte_buffer_put(&m.blob, "", 1);
    if (status != CADRE_OK) {
        byte_buffer_free(&m.blob);
        return status;
    }
    m.units = m.blob.data + 4;
    m.unit_count = trie / 4;
    m.replacements = m.units + trie;
    m.replacement_bytes = m.blob.size - 4 - trie;
    *map = m;
    return CADRE_OK;
}

void charsmap_free(charsmap *map)
{
    byte_buffer_free(&map->blob);
    *map = (charsmap){ 0 };
}

/* ---- walking ---- */

static bool unit_at(const charsmap *m, size_t place, uint32_t *unit)
{
    if (place >= m->unit_count) return false;
    *unit = u32_at(m->units + 4 * place);
    return true;
}

static size_t offset_of(uint32_t unit) { return (size_t)(unit >> 10) << ((unit & 1u << 9) >> 6); }

/* Finds the replacement for the shortest spelling in the map that the text begins with. As in the
 * reference, a match on part of a grapheme replaces all of it. */
static bool find_replacement(const charsmap *m, string_view text, string_view *replacement)
{
    uint32_t unit;
    size_t place = 0;
    if (!unit_at(m, 0, &unit)) return false;
    place ^= offset_of(unit);
    for (size_t i = 0; i < text.size && text.data[i]; i++) {
        place ^= (unsigned char)text.data[i];
        if (!unit_at(m, place, &unit) || (unit & (1u << 31 | 0xff)) != (unsigned char)text.data[i])
            return false;
        place ^= offset_of(unit);
        if (!(unit >> 8 & 1)) continue;
        size_t begin = unit_at(m, place, &unit) ? unit & ~(1u << 31) : SIZE_MAX;
        if (begin >= m->replacement_bytes || utf8_continues(m->replacements[begin])) return false;
        *replacement = (string_view){ m->replacements + begin, strlen(m->replacements + begin) };
        return true;
    }
    return false;
}

static cadre_status put_grapheme(const charsmap *m, string_view grapheme, byte_buffer *out)
{
    string_view replacement;
    if (grapheme.size < GRAPHEME_MAX && find_replacement(m, grapheme, &replacement))
        return byte_buffer_put(out, replacement.data, replacement.size);
    for (size_t at = 0, length; at < grapheme.size; at += length) {
        length = utf8_length(grapheme.data[at]);
        string_view character = { grapheme.data + at, length };
        if (find_replacement(m, character, &replacement)) character = replacement;
        CADRE_TRY(byte_buffer_put(out, character.data, character.size));
    }
    return CADRE_OK;
}

/* The size in bytes of the grapheme cluster that the text begins with. */
static size_t grapheme_size(string_view text)
{
    uint32_t code, next;
    utf8proc_int32_t state = 0;
    size_t size = utf8_decode(text.data, text.size, &code);
    while (size < text.size) {
        size_t length = utf8_decode(text.data + size, text.size - size, &next);
        if (utf8proc_grapheme_break_stateful(
                (utf8proc_int32_t)code, (utf8proc_int32_t)next, &state))
            break;
        size += length;
        code = next;
    }
    return size;
}

cadre_status charsmap_put(const charsmap *map, string_view text, byte_buffer *out)
{
    while (text.size > 0) {
        size_t size = grapheme_size(text);
        CADRE_TRY(put_grapheme(map, (string_view){ text.data, size }, out));
        text = (string_view){ text.data + size, text.size - size };
    }
    return CADRE_OK;
}

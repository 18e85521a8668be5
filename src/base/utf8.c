/* utf8.c - encodes, and decodes with every rule of well-formedness. */
#include "base/utf8.h"

#include <string.h>

/* How many bytes a character has that begins with this byte; 0: no character does. */
static size_t length_of(unsigned char first)
{
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first < 0xe0) return 2;
    if (first >= 0xe0 && first < 0xf0) return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* The second byte's range excludes long forms, surrogates and what lies beyond U+10FFFF. */
static bool second_fits(unsigned char first, unsigned char second)
{
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

size_t utf8_decode(const char *text, size_t size, uint32_t *code)
{
    if (size == 0) return 0;
    unsigned char first = (unsigned char)text[0];
    size_t length = length_of(first);
    if (length == 0 || length > size) return 0;
    if (length == 1) {
        *code = first;
        return 1;
    }
    if (!second_fits(first, (unsigned char)text[1])) return 0;
    uint32_t value = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (!utf8_continues(text[i])) return 0;
        value = value << 6 | ((unsigned char)text[i] & 0x3f);
    }
    *code = value;
    return length;
}

size_t utf8_encode(uint32_t code, char out[UTF8_MAX])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)((0xf00u >> length & 0xf0) | code);
    return length;
}

size_t utf8_valid_prefix(const char *text, size_t size)
{
    size_t at = 0;
    uint32_t code;
    while (at < size) {
        uint64_t eight;
        if (size - at >= sizeof eight) { /* plain ASCII, eight bytes at a time */
            memcpy(&eight, text + at, sizeof eight);
            if (!(eight & 0x8080808080808080u)) {
                at += sizeof eight;
                continue;
            }
        }
        size_t length = utf8_decode(text + at, size - at, &code);
        if (length == 0) break;
        at += length;
    }
    return at;
}

bool utf8_incomplete(const char *text, size_t size)
{
    if (size == 0 || length_of((unsigned char)text[0]) <= size) return false;
    if (size > 1 && !second_fits((unsigned char)text[0], (unsigned char)text[1])) return false;
    return size < 3 || utf8_continues(text[2]);
}

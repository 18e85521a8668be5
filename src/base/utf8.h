/* utf8.h - characters in bytes that may not be valid UTF-8.
 *
 * Well-formed UTF-8 is as Unicode defines it: shortest forms, no surrogates, at most U+10FFFF. */
#ifndef CADRE_BASE_UTF8_H
#define CADRE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_MAX = 4 }; /* bytes of a character */

/* Returns the length of the well-formed character at the start of `size` bytes and sets its code
 * point; returns 0 if there is none. */
size_t utf8_decode(const char *text, size_t size, uint32_t *code);

/* Writes one character (code < 0x110000) and returns its length. */
size_t utf8_encode(uint32_t code, char out[UTF8_MAX]);

/* Returns the length of the longest well-formed prefix. */
size_t utf8_valid_prefix(const char *text, size_t size);
static inline bool utf8_valid(const char *text, size_t size)
{
    return utf8_valid_prefix(text, size) == size;
}

/* Whether `size` (1..3) bytes could be the beginning of a character whose rest has not come yet. */
bool utf8_incomplete(const char *text, size_t size);

/* Returns the length of the character that begins with this byte, in text that is known to be
 * well-formed. */
static inline size_t utf8_length(char first)
{
    unsigned char c = (unsigned char)first;
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static inline bool utf8_continues(char byte) { return ((unsigned char)byte & 0xc0) == 0x80; }

#endif

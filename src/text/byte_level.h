/* byte_level.h - the alphabet of byte-level tokenizers, in which each of the 256 bytes is one
 * visible character.
 *
 * Vocabularies of this kind are written in that alphabet, so that any bytes are a valid string.
 * Printable Latin-1 characters stand for themselves; the other 68 bytes are, in order, U+0100 and
 * up. */
#ifndef CADRE_TEXT_BYTE_LEVEL_H
#define CADRE_TEXT_BYTE_LEVEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* The splitting pattern of GPT-2, which is also what "ByteLevel" means in a tokenizer.json. */
#define BYTE_LEVEL_PATTERN                                                                         \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

enum { BYTE_LEVEL_END = 0x144 }; /* this character and those beyond it are not in the alphabet */

uint32_t byte_level_char(uint8_t byte);
int byte_level_byte(uint32_t code); /* -1: the character is not in the alphabet */

/* Writes bytes as visible text. */
cadre_status byte_level_put(byte_buffer *out, const char *bytes, size_t size);

#endif

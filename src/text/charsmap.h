/* charsmap.h - SentencePiece's compiled normalisation map: a double-array trie from spellings to
 * their replacements.
 *
 * The blob holds the size of the trie in bytes as u32, the trie as u32 units, then the
 * replacements, each ended by a NUL. A unit of the trie is label | offset << 10 with flags: with
 * bit 8 the node has a value, with bit 9 the offset counts in units of 256; a value unit has bit
 * 31. The file may hold anything, so every step of a walk is checked against the array. */
#ifndef CADRE_TEXT_CHARSMAP_H
#define CADRE_TEXT_CHARSMAP_H

#include <stdint.h>

#include "base/buffer.h"

typedef struct charsmap {
    byte_buffer blob;
    const char *units; /* [unit_count] little-endian u32, in blob */
    size_t unit_count;
    const char *replacements; /* [replacement_bytes] in blob, a NUL at the end */
    size_t replacement_bytes;
} charsmap;

/* Reads base64 text, as tokenizer.json has it. */
cadre_status charsmap_read(const char *base64, size_t size, const char *path, charsmap *map);
void charsmap_free(charsmap *map);

/* Appends the normalised form of well-formed text, grapheme by grapheme as in the reference. */
cadre_status charsmap_put(const charsmap *map, string_view text, byte_buffer *out);

#endif

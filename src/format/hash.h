/* hash.h - XXH3-128, which tells an intact file or tensor from one with a flipped bit. It is no
 * defence against forgery. */
#ifndef CADRE_FORMAT_HASH_H
#define CADRE_FORMAT_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { HASH_BYTES = 16, HASH_TEXT = 33 }; /* bytes in a file; characters in a text, with NUL */

typedef struct hash128 {
    uint64_t high, low;
} hash128;

hash128 hash_bytes(const void *data, size_t size);
cadre_status hash_file(const char *path, hash128 *hash);

static inline bool hash_equal(hash128 a, hash128 b) { return a.high == b.high && a.low == b.low; }
/* Writes 32 hexadecimal digits and returns `text`. */
const char *hash_text(hash128 hash, char text[HASH_TEXT]);
void hash_store(hash128 hash, uint8_t bytes[HASH_BYTES]); /* big-endian, as the text */
hash128 hash_load(const uint8_t bytes[HASH_BYTES]);

/* The same for bytes that come in pieces */
typedef struct hash_stream hash_stream;
hash_stream *hash_stream_new(void); /* NULL: out of memory, with the last error set */
void hash_stream_free(hash_stream *s);
void hash_stream_reset(hash_stream *s);
void hash_stream_add(hash_stream *s, const void *data, size_t size);
hash128 hash_stream_value(const hash_stream *s);

#endif

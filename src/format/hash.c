/* hash.c - computes XXH3-128 of memory, files and streams with libxxhash. */
#include "format/hash.h"

#include <string.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/memory.h"

static hash128 of(XXH128_hash_t h) { return (hash128){ h.high64, h.low64 }; }

hash128 hash_bytes(const void *data, size_t size)
{
    return of(XXH3_128bits(size ? data : "", size));
}

cadre_status hash_file(const char *path, hash128 *hash)
{
    file_map map;
    CADRE_TRY(file_map_open(path, &map));
    *hash = hash_bytes(map.data, map.size);
    file_map_close(&map);
    return CADRE_OK;
}

void hash_store(hash128 hash, uint8_t bytes[HASH_BYTES])
{
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(hash.high >> (56 - 8 * i));
        bytes[8 + i] = (uint8_t)(hash.low >> (56 - 8 * i));
    }
}

hash128 hash_load(const uint8_t bytes[HASH_BYTES])
{
    hash128 hash = { 0, 0 };
    for (int i = 0; i < 8; i++) {
        hash.high = hash.high << 8 | bytes[i];
        hash.low = hash.low << 8 | bytes[8 + i];
    }
    return hash;
}

const char *hash_text(hash128 hash, char text[HASH_TEXT])
{
    uint8_t bytes[HASH_BYTES];
    hash_store(hash, bytes);
    for (int i = 0; i < HASH_BYTES; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    text[HASH_TEXT - 1] = 0;
    return text;
}

struct hash_stream {
    XXH3_state_t *state;
};

hash_stream *hash_stream_new(void)
{
    hash_stream *s = MEM_ARRAY(hash_stream, 1);
    if (!s) return NULL;
    s->state = XXH3_createState();
    if (!s->state) {
        cadre_fail(CADRE_ENOMEM, NULL, "out of memory");
        mem_free(s);
        return NULL;
    }
    hash_stream_reset(s);
    return s;
}

void hash_stream_free(hash_stream *s)
{
    if (s) XXH3_freeState(s->state);
    mem_free(s);
}

void hash_stream_reset(hash_stream *s) { XXH3_128bits_reset(s->state); }

void hash_stream_add(hash_stream *s, const void *data, size_t size)
{
    if (size) XXH3_128bits_update(s->state, data, size);
}

hash128 hash_stream_value(const hash_stream *s) { return of(XXH3_128bits_digest(s->state)); }

/* byte_level.c - computes the alphabet: three runs of bytes stand for themselves, three are
 * moved. */
#include "text/byte_level.h"

#include "base/utf8.h"

/* Bytes 33..126, 161..172 and 174..255 stand for themselves. The others are moved, in order: 0..32
 * to 256.., 127..160 to 289.., and 173 to 323. */
uint32_t byte_level_char(uint8_t byte)
{
    if (byte <= 32) return 256u + byte;
    if (byte >= 127 && byte <= 160) return 289u + (byte - 127u);
    return byte == 173 ? 323u : byte;
}

int byte_level_byte(uint32_t code)
{
    if (code >= BYTE_LEVEL_END) return -1;
    if (code == 323) return 173;
    if (code >= 289) return (int)(code - 289 + 127);
    if (code >= 256) return (int)(code - 256);
    return byte_level_char((uint8_t)code) == code ? (int)code : -1;
}

cadre_status byte_level_put(byte_buffer *out, const char *bytes, size_t size)
{
    /* No character of the alphabet is longer than two bytes. */
    CADRE_TRY(byte_buffer_reserve(out, 2 * size));
    for (size_t i = 0; i < size; i++)
        out->size += utf8_encode(byte_level_char((uint8_t)bytes[i]), out->data + out->size);
    return CADRE_OK;
}

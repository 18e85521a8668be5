/* base64.c - every three bytes become four letters. */
#include "base/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

cadre_status base64_put(byte_buffer *b, const void *data, size_t size)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        uint32_t bits = (uint32_t)at[i] << 16;
        if (n > 1) bits |= (uint32_t)at[i + 1] << 8;
        if (n > 2) bits |= at[i + 2];
        char four[4];
        for (size_t k = 0; k < 4; k++) four[k] = k <= n ? letters[bits >> (18 - 6 * k) & 63] : '=';
        CADRE_TRY(byte_buffer_put(b, four, sizeof four));
    }
    return CADRE_OK;
}

bool base64_is(const char *text)
{
    size_t size = strspn(text, letters), end = strspn(text + size, "=");
    return end < 3 && !text[size + end] && (size + end) % 4 == 0;
}

/* quant_words.h - numbers of 32 and 16 bits as they lie in a block, however aligned. */
#ifndef CADRE_KERNEL_QUANT_WORDS_H
#define CADRE_KERNEL_QUANT_WORDS_H

#include <stdint.h>
#include <string.h>

static inline __attribute__((always_inline)) uint32_t word_at(const uint8_t *at)
{
    uint32_t x;
    memcpy(&x, at, sizeof x);
    return x;
}

static inline __attribute__((always_inline)) uint16_t half_word_at(const uint8_t *at)
{
    uint16_t x;
    memcpy(&x, at, sizeof x);
    return x;
}

#endif

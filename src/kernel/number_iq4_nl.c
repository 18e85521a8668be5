/* number_iq4_nl.c - IQ4_NL: blocks of 32 four-bit indices q into a table of 16 uneven levels. Read
 * only.
 *
 *     value = scale * level[q]
 *
 *     bytes 0-1     scale: float16
 *     bytes 2-17    q: byte j holds element j in its lower half and element j + 16 in its upper */
#include "kernel/number.h"
#include "kernel/number_half.h"
#include "kernel/number_levels.h"

enum { BLOCK = 32, BLOCK_BYTES = 18, HALF = BLOCK / 2 };

static void unpack(const void *blocks, float *values, int64_t count)
{
    const uint8_t *block = blocks;
    for (int64_t i = 0; i < count; i += BLOCK, block += BLOCK_BYTES) {
        const float scale = number_half_at(block);
        const uint8_t *quants = block + 2;
        for (int j = 0; j < HALF; j++) {
            values[i + j] = scale * (float)number_iq4_levels[quants[j] & 15];
            values[i + j + HALF] = scale * (float)number_iq4_levels[quants[j] >> 4];
        }
    }
}

const number_format number_iq4_nl = { "iq4_nl", NULL, 20, BLOCK, BLOCK_BYTES, unpack, NULL, 0, 25 };

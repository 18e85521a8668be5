/* quant_strips.c - which matrices are laid out in strips, and how; reading them is
 * quant_template.h's. */
#include "kernel/quant_strips.h"

#include <string.h>

#include "kernel/quant_kernels.h"

enum { WORD = 4 };

size_t quant_strips_bytes(
    const kernel_variant *v, const number_format *format, int64_t rows, int64_t cols)
{
    const gemm_group g = { .k = cols, .b = { .format = format, .stride = cols, .strips = true } };
    if (!quant_kernel_of(v, GEMM_NT, &g, false)) return 0;
    int64_t lanes = v->quant->lanes;
    return (size_t)((rows + lanes - 1) / lanes * lanes) * number_row_bytes(format, cols);
}

/* One block of a strip, from the first `rows` of its rows. An odd number is first in blocks of one
 * scale, else last. */
static void lay_block(const number_format *f, int lanes, int64_t rows, const uint8_t *w,
    size_t row_bytes, uint8_t *strip)
{
    int odd = f->block_bytes % WORD, odd_at = f->block == QUANT_BLOCK ? 0 : f->block_bytes - odd;
    for (int i = 0, size; i < f->block_bytes; i += size) {
        size = odd && i == odd_at ? odd : WORD;
        for (int64_t r = 0; r < rows; r++)
            memcpy(strip + i * lanes + r * size, w + (size_t)r * row_bytes + i, (size_t)size);
    }
}

void quant_strips_lay(const kernel_variant *v, const number_format *format, int64_t rows,
    int64_t cols, const void *w, int64_t stride, int64_t begin, int64_t end, void *strips)
{
    int lanes = v->quant->lanes;
    size_t row_bytes = number_row_bytes(format, stride),
           strip_bytes = (size_t)lanes * number_row_bytes(format, cols);
    size_t block_bytes = (size_t)format->block_bytes;
    for (int64_t s = begin; s < end; s++) {
        int64_t here = rows - s * lanes < lanes ? rows - s * lanes : lanes;
        const uint8_t *from = (const uint8_t *)w + (size_t)(s * lanes) * row_bytes;
        uint8_t *strip = (uint8_t *)strips + (size_t)s * strip_bytes;
        if (here < lanes) memset(strip, 0, strip_bytes);
        for (int64_t b = 0; b < cols / format->block;
             b++, from += block_bytes, strip += (size_t)lanes * block_bytes)
            lay_block(format, lanes, here, from, row_bytes, strip);
    }
}

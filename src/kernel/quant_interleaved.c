/* quant_interleaved.c - which matrices can be interleaved, and the interleaving. quant_template.h
 * reads them. */
#include "kernel/quant_interleaved.h"

#include <string.h>

#include "kernel/quant_kernels.h"

enum { WORD = 4 };

size_t quant_interleaved_bytes(
    const kernel_variant *v, const number_format *format, int64_t rows, int64_t cols)
{
    const gemm_group g = { .k = cols,
        .b = { .format = format, .stride = cols, .interleaved = true } };
    const quant_kernel *kernel = quant_kernel_of(v, GEMM_NT, &g, false);
    if (!kernel || !kernel->interleaved) return 0;
    int64_t lanes = v->quant->lanes;
    return (size_t)((rows + lanes - 1) / lanes * lanes) * number_row_bytes(format, cols);
}

/* Interleaves one block of the first `rows` rows of a group. An odd element is first in blocks of
 * QUANT_BLOCK, else last. */
static void interleave_block(const number_format *f, int lanes, int64_t rows, const uint8_t *w,
    size_t row_bytes, uint8_t *group)
{
    int odd = f->block_bytes % WORD, odd_at = f->block == QUANT_BLOCK ? 0 : f->block_bytes - odd;
    for (int i = 0, size; i < f->block_bytes; i += size) {
        size = odd && i == odd_at ? odd : WORD;
        for (int64_t r = 0; r < rows; r++)
            memcpy(group + i * lanes + r * size, w + (size_t)r * row_bytes + i, (size_t)size);
    }
}

void quant_interleave(const kernel_variant *v, const number_format *format, int64_t rows,
    int64_t cols, const void *w, int64_t stride, int64_t begin, int64_t end, void *interleaved)
{
    int lanes = v->quant->lanes;
    size_t row_bytes = number_row_bytes(format, stride),
           group_bytes = (size_t)lanes * number_row_bytes(format, cols);
    size_t block_bytes = (size_t)format->block_bytes;
    for (int64_t g = begin; g < end; g++) {
        int64_t here = rows - g * lanes < lanes ? rows - g * lanes : lanes;
        const uint8_t *from = (const uint8_t *)w + (size_t)(g * lanes) * row_bytes;
        uint8_t *group = (uint8_t *)interleaved + (size_t)g * group_bytes;
        if (here < lanes) memset(group, 0, group_bytes);
        for (int64_t b = 0; b < cols / format->block;
             b++, from += block_bytes, group += (size_t)lanes * block_bytes)
            interleave_block(format, lanes, here, from, row_bytes, group);
    }
}

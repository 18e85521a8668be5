/* quant_kernels.h - what a CPU variant brings to the products with quantised weights: for each
 * format, how its blocks are read into a panel, and the tiles that multiply panels. */
#ifndef CADRE_KERNEL_QUANT_KERNELS_H
#define CADRE_KERNEL_QUANT_KERNELS_H

#include "kernel/quant.h"

enum {
    QUANT_SPAN = 8, /* blocks of k in a panel, at most: one block of the formats of 256 */
    QUANT_MAX_LANES = 16,
    QUANT_MAX_ROWS = 8,    /* of a tile */
    QUANT_DIRECT_ROWS = 8, /* of x that share a pass without a panel, at most */
    QUANT_PANEL_BYTES = QUANT_SPAN * 12 * 4 * QUANT_MAX_LANES,
};

/* A block of a row of x, quantised. `start` is what the integer sum starts from, minus the format's
 * offset times the sum of q, for the block or for each half: sum (w - offset) q = sum w q - offset
 * sum q. */
typedef struct quant_block {
    int8_t q[QUANT_BLOCK];
    float scale, sum; /* sum: scale * sum of q */
    int32_t start[2];
} quant_block;

/* Unpacks `blocks` blocks of LANES rows of w into a panel. The rows begin at `at` and lie `stride`
 * bytes apart. */
typedef void quant_unpack(int blocks, const uint8_t *at, int64_t stride, void *panel);

/* sums [rows, LANES] += the same blocks times those of some rows of x, which lie `x_stride` blocks
 * apart, without a panel. */
typedef void quant_direct(int blocks, const uint8_t *at, int64_t stride, const quant_block *x,
    int64_t x_stride, float *sums);

/* sums [rows, LANES] += the panel's blocks times those of some rows of x, which lie `x_stride`
 * blocks apart. */
typedef void quant_tile(
    int blocks, const void *panel, const quant_block *x, int64_t x_stride, float *sums);

/* How w is read in one of its layouts. */
typedef struct quant_reader {
    int max_direct; /* rows of x up to which no panel is made */
    int at_once;    /* of those, rows that share a pass */
    quant_unpack *unpack;
    quant_direct *direct[QUANT_DIRECT_ROWS]; /* [rows - 1] */
} quant_reader;

/* One format. Its quantised values are unsigned in a panel and stand for value - offset. */
struct quant_kernel {
    const number_format *format;
    int offset;
    bool halves; /* two scales a block */
    /* For w as files have it, and interleaved (quant_interleaved.h), or NULL */
    const quant_reader *rows, *interleaved;
    quant_tile *const *tile; /* [rows - 1] */
};

typedef struct quant_kernels {
    int lanes, rows; /* of a panel, of the largest tile */
    void (*quantise)(int64_t blocks, const real *x, int offset, bool halves, quant_block *out);
    const quant_kernel *list;
    int count;
} quant_kernels;

extern const quant_kernels quant_portable, quant_avx2, quant_avxvnni, quant_avx512vnni;

#endif

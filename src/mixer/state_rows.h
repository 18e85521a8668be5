/* state_rows.h - how the keys or the values of a layer lie in a block of a pool: 64 tokens, in a
 * number format, what a head has side by side, since attention reads a head of all tokens.
 *
 *     head 0: 64 tokens    head 1: 64 tokens    ...
 *
 * Values lie as rows, a token's elements side by side. Keys lie as columns where an element of the
 * format stands alone: first element 0 of all tokens, then element 1. So scores are sums of a few
 * rows, and nothing is transposed when they are computed. Keys of formats with blocks lie as rows,
 * and so do keys that are the values, too. */
#ifndef CADRE_MIXER_STATE_ROWS_H
#define CADRE_MIXER_STATE_ROWS_H

#include "base/real.h"
#include "mixer/mixer.h"

enum { STATE_BLOCK = 64 }; /* tokens */

typedef struct state_rows {
    const number_format *format; /* NULL: real */
    int64_t heads, width;        /* elements of a head; 0: there are none */
    bool columns;
    int64_t stride, head; /* elements from a token's to the next one's, or of columns to the next
                             column; and from head to head */
} state_rows;

state_rows state_keys_of(const mixer_state_size *size);
state_rows state_values_of(const mixer_state_size *size); /* the keys', where there are no others */

int64_t state_rows_bytes(const state_rows *r, int64_t elements);
/* The bytes that the keys and values of one layer take in a block */
int64_t state_block_bytes(const mixer_state_size *size);

/* Token `row` of a block becomes from [heads * width]. */
void state_rows_put(const state_rows *r, void *block, int64_t row, const real *from);

#endif

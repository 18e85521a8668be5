/* embedding.h - rows of a table by token id, and the gradients that come back to them. */
#ifndef CADRE_OP_EMBEDDING_H
#define CADRE_OP_EMBEDDING_H

#include <stdint.h>

#include "kernel/compute.h"
#include "kernel/weight.h"

/* x [T, D] = scale * table [V, D] at ids [T]; the caller has checked 0 <= id < V. Any number
 * format. */
void embedding_forward(const compute *c, const weight *table, real scale, int64_t tokens,
    const int32_t *ids, real *x, int64_t x_stride);

/* dtable [V, width] += scale * dx, at ids, in token order */
void embedding_backward(const compute *c, int64_t width, real scale, int64_t tokens,
    const int32_t *ids, const real *dx, int64_t dx_stride, real *dtable);

#endif

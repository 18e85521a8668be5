/* embedding.h - rows of a table by token id, and the gradients that come back to them. */
#ifndef CADRE_OP_EMBEDDING_H
#define CADRE_OP_EMBEDDING_H

#include <stdint.h>

#include "kernel/compute.h"
#include "kernel/weight.h"
#include "op/strided.h"

typedef struct embedding {
    const weight *table; /* [V, D], of any number format; or a slice of its rows */
    real scale;
    real *dtable;    /* [V, D]; NULL: forward only */
    bool accumulate; /* dtable is added to; else written, with zeros where no token is */
} embedding;

/* x [T, D] = scale * table at ids [T]; the caller has checked 0 <= id < V. Tokens whose ids have
 * their rows in another slice are left alone. */
void embedding_forward(
    const compute *c, const embedding *e, int64_t tokens, const int32_t *ids, strided_out x);

/* dtable (+)= scale * dx [T, D], at ids, in token order */
void embedding_backward(
    const compute *c, const embedding *e, int64_t tokens, const int32_t *ids, strided_in dx);

#endif

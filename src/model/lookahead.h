/* lookahead.h - guesses the experts of the next sparse layer while those of this one are read.
 *
 * A block adds little to the residual stream, so the next layer's router, applied to what this
 * layer reads, picks most of the experts that it will pick in its turn. No result depends on it. */
#ifndef CADRE_MODEL_LOOKAHEAD_H
#define CADRE_MODEL_LOOKAHEAD_H

#include "model/transformer_state.h"

/* Tells the source of experts, where there is one and the batch is of a few tokens. y [T, D] is the
 * residual stream before layer l's experts; next: the sparse layer behind it, -1: there is none. */
void lookahead(transformer *t, const model_weights *w, int64_t next, const real *y);

#endif

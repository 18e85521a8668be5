/* ffn.h - a dense feed-forward: y = act(x Wg^T, x Wu^T) Wd^T, with one input matrix or two, and its
 * gradients. */
#ifndef CADRE_OP_FFN_H
#define CADRE_OP_FFN_H

#include "base/memory.h"
#include "kernel/rows.h"
#include "op/gather.h"
#include "op/linear.h"

typedef struct ffn {
    /* One of the CPU variant's; its `inputs` says whether `up` is used */
    const row_activation *activation;
    real limit;            /* of gpt-oss's activation */
    linear gate, up, down; /* [H, D], [H, D], [D, H] */
    /* Joins the ranks that have some rows each of these; NULL: this one has all */
    const column_gather *tensor;
} ffn;

/* What forward keeps for backward. */
typedef struct ffn_state {
    real *hidden; /* [T, inputs * H] */
    real *active; /* [T, H] */
} ffn_state;

void ffn_state_layout(ffn_state *s, arena *a, int inputs, int64_t hidden, int64_t tokens);

void ffn_forward(
    compute *c, const ffn *f, int64_t tokens, strided_in x, ffn_state *s, strided_out y);

/* dx (+)= its gradient. s holds nothing useful afterwards. */
void ffn_backward(compute *c, const ffn *f, int64_t tokens, strided_in x, ffn_state *s,
    strided_in dy, strided_out dx);

#endif

/* state_space.h - the selective state space of Mamba-2 (Dao and Gu 2024), each head by itself:
 *
 *     a = exp(-dt exp(a_log))
 *     h = a h + (dt x) B^T         [P, N]      h: 0 before the first token
 *     y = h C + d x                [P]
 *
 * x [P], dt, a_log and d belong to the head; B and C [N] to the group of neighbouring heads that it
 * is in. What later tokens need of a sequence is h.
 *
 * A sequence is read token by token, so that its division into passes changes no bit. Backward
 * needs the h of every token: training's forward keeps it at the begin of every STATE_SPACE_STEPS
 * tokens, from which those between are computed again. */
#ifndef CADRE_OP_STATE_SPACE_H
#define CADRE_OP_STATE_SPACE_H

#include "kernel/compute.h"
#include "op/batch.h"
#include "op/leaves.h"
#include "op/strided.h"

enum { STATE_SPACE_STEPS = 32 };

typedef struct state_space {
    int64_t heads, head_dim; /* H, P */
    int64_t groups, state;   /* G, a divisor of H; N */
    const real *a_log, *d;   /* [H] */
    real *da_log, *dd;       /* NULL: not trained */
    bool accumulate;
    const leaf_list *leaves; /* how the gradients are summed; NULL: as accumulate says */
} state_space;

/* Elements of a token's x, B and C [H P + 2 G N], and of what a sequence keeps [H, P, N] */
static inline int64_t state_space_row(const state_space *s)
{
    return s->heads * s->head_dim + 2 * s->groups * s->state;
}
static inline int64_t state_space_past(const state_space *s)
{
    return s->heads * s->head_dim * s->state;
}

/* Elements of what forward keeps for backward, and of what each worker and all together need in
 * backward */
int64_t state_space_kept(const state_space *s, const batch_limits *most);
int64_t state_space_worker(const state_space *s);
int64_t state_space_shared(const state_space *s, const batch_limits *most);

/* States [H, P, N] of the sequences [B]: those that came before, and those that follow */
typedef struct state_space_states {
    const real *const *before; /* NULL: all sequences begin here */
    real *const *after;        /* NULL: not wanted; then there is scratch [workers, P, N] instead */
    real *scratch;
    real *kept; /* for backward; NULL: not wanted */
} state_space_states;

/* y [T, H P] of rows xbc [T, H P + 2 G N] and dt [T, H] */
void state_space_forward(const compute *c, const state_space *s, const token_batch *b,
    const state_space_states *states, strided_in xbc, strided_in dt, strided_out y);

/* What a call of backward works with */
typedef struct state_space_memory {
    const real *kept; /* by forward */
    real *workers;    /* [workers, state_space_worker] */
    real *shared;     /* [state_space_shared] */
} state_space_memory;

/* What forward read, and the gradient by its output */
typedef struct state_space_inputs {
    strided_in xbc, dt, dy;
} state_space_inputs;

/* Writes the gradients by xbc and dt, and those of a_log and d. Nothing came before. */
void state_space_backward(const compute *c, const state_space *s, const token_batch *b,
    const state_space_memory *m, const state_space_inputs *in, strided_out dxbc, strided_out ddt);

#endif

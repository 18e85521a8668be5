/* batch.h - the tokens of one pass: sequences one after another. Every layer reads this one
 * description, forward and backward, in training and in inference.
 *
 * Example: two sequences of 3 and 2 tokens are tokens 0 .. 4, start = 0 3 5. In training a sequence
 * begins with the pass; in inference it may continue one whose past its state holds. */
#ifndef CADRE_OP_BATCH_H
#define CADRE_OP_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/real.h"

struct comm;           /* base/comm.h */
struct sequence_state; /* mixer/sequence_state.h */

/* A router's random numbers where a program gives them; NULL: it draws them itself. T tokens, E
 * experts; hierarchical: G groups of Ei. */
typedef struct router_draws {
    const real *normal;   /* [T, E], hierarchical [T, G]: standard normal */
    const real *inner;    /* [T, G, Ei] hierarchical: of the experts in each group */
    const real *gumbel;   /* [picks, T, E] sparsemixer */
    const real *uniform;  /* [picks, T] sparsemixer: in [0, 1) */
    const real *logistic; /* [T, E] expert-choice by sigmoid */
} router_draws;

enum { BATCH_RANKS = 64 }; /* at most */

/* Ranks that divide the sequences of a batch among them, in the order of the sequences. Others may
 * have the same sequences: those of `slices`, which divide the work on each token. */
typedef struct batch_ranks {
    struct comm *comm;
    struct comm *slices;        /* NULL: there are none */
    const int64_t *first;       /* [size + 1] first sequence of each rank */
    const int64_t *first_token; /* [size + 1] and its first token */
    int64_t tokens;             /* of all ranks */
} batch_ranks;

/* Random numbers of a pass (noise, jitter, dropout) are functions of these, of the layer and of the
 * token's place. */
typedef struct batch_random {
    bool train; /* false: there are none */
    uint64_t seed, step;
    int64_t first_token;              /* place of token 0 among all tokens of the optimiser step */
    const struct router_draws *given; /* NULL: the router draws its numbers itself */
} batch_random;

typedef struct token_batch {
    int64_t tokens, sequences;            /* T, B */
    const int64_t *start;                 /* [B + 1] first token of each sequence; start[B] = T */
    const bool *valid;                    /* [T] false: padding; NULL: all are valid */
    const int32_t *inputs;                /* [T] token ids, of a whole model or router hash */
    const int32_t *types;                 /* [T] kind of token (text, image ...); NULL: all are 0 */
    const int32_t *positions;             /* [T] in their sequences; the model fills them in */
    struct sequence_state *const *states; /* [B] pasts; NULL: every sequence begins here */
    /* [M, D] of the same sequences; NULL: the model has no encoder */
    const real *encoder_output;
    const int64_t *encoder_start; /* [B + 1] first row of each sequence in encoder_output */
    batch_random random;
    const batch_ranks *ranks; /* that have the other sequences; NULL: this is all of the batch */
    bool may_stop;            /* the pass ends between two layers when the user asks for a stop */
} token_batch;

/* The largest batch that memory is laid out for. */
typedef struct batch_limits {
    int64_t tokens, sequences;
    int64_t keys;           /* of one sequence, its past included */
    int64_t encoder_tokens; /* rows of an encoder's output; 0: there is none */
    bool training;          /* a backward pass follows */
    /* In training: of a layer's forward, only its input and its routing stay, and the rest is
     * computed again just before its backward. */
    bool recompute;
    int32_t leaves; /* of the step, along which its gradients are summed; 0: none */
    /* Ranks that divide a batch, and its tokens and sequences on all of them; 0: no batch has
     * ranks (batch_ranks) */
    int32_t ranks;
    int64_t all_tokens, all_sequences;
} batch_limits;

#endif

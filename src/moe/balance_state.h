/* balance_state.h - what a balance holds; for balance.c, which judges, and balance_collect.c, which
 * gathers.
 *
 * Three kinds of memory: a layer's part holds, by sequence, what the last forward handed over, and
 * the derivatives that finish made of it; tallies hold whole numbers, of the part and of the step,
 * all layers' in one block so that ranks add theirs in one call; `work` is one set of tokens while
 * a loss looks at it. */
#ifndef CADRE_MOE_BALANCE_STATE_H
#define CADRE_MOE_BALANCE_STATE_H

#include "base/memory.h"
#include "moe/balance.h"

/* Statistics of sequences, or of the pool of some: rows of `stride` numbers a set. */
typedef struct sums {
    double *tokens; /* [sets] */
    double *count;  /* [sets, E], and so on as in balance_set, but for sums instead of means */
    double *first, *probability, *importance, *load;
    double *sent;        /* [sets, devices] */
    double *entropy, *z; /* [sets] z: sum of logsumexp^2 */
} sums;

/* Whole numbers of a layer: count [E], first [E], sent [devices], tokens, dropped, rerouted. */
typedef struct tally {
    int64_t *count, *first, *sent, *scalars;
} tally;
enum { TALLY_TOKENS, TALLY_DROPPED, TALLY_REROUTED, TALLY_SCALARS };

typedef struct layer_part {
    balance_layer about;
    int64_t sequences; /* of the part that was collected last */
    sums sums;         /* by sequence */
    /* [B, E] and [B]: derivatives by one token's numbers */
    double *dprobability, *dimportance, *dload, *dentropy;
    real *pull_probability, *pull_importance, *pull_load; /* the same as the layer reads them */
    score_pull *pull;                                     /* [B] */
    sums ahead; /* one set: all parts of the step, surveyed before its first backward pass */
    tally part, step, step_ahead;
    double *step_probability; /* [E] */
    double step_entropy, step_lse, step_logit_max, lse, logit_max;
    int64_t step_local_tokens;
    bool bias_moved;
} layer_part;

struct balance {
    balance_options options;
    comm self, *comm; /* comm: &self where there is one rank */
    int layers;
    layer_part *layer;
    arena memory;
    int64_t step_sequences, step_tokens;
    bool counts_are_global, ended, surveyed;
    balance_values value;
    /* All layers' tallies, one behind the other */
    int64_t *part_tally, *step_tally, *ahead_tally, tally_size;
    sums work;                                                 /* one set */
    double *slope_probability, *slope_importance, *slope_load; /* [E] */
    real *inverse, *entropy; /* [T] of the layer that is being collected */
};

static inline int32_t balance_devices(const balance *b)
{
    return b->options.devices > 0 ? b->options.devices : 1;
}

#endif

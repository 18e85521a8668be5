/* balance_state.h - what a balance holds, for balance.c, which evaluates the losses, and for the
 * files that check its options, lay it out and gather the statistics.
 *
 * There are three kinds of memory. layer_statistics holds, by sequence, what a layer's last forward
 * handed over, and the derivatives that balance_finish computed. Tallies hold integers, of the
 * micro-batch and of the step, all layers' in one block, so that ranks add theirs in one call.
 * `work` is the one set of tokens that a loss is evaluated on. */
#ifndef CADRE_MOE_BALANCE_STATE_H
#define CADRE_MOE_BALANCE_STATE_H

#include "base/memory.h"
#include "moe/balance.h"

/* Statistics of sets of tokens: of sequences, or of a pool of them. */
typedef struct sums {
    double *tokens; /* [sets] */
    double *count;  /* [sets, E], and so on as in balance_set, but for sums instead of means */
    double *first, *probability, *importance, *load;
    double *sent;        /* [sets, devices] */
    double *entropy, *z; /* [sets] z: sum of logsumexp^2 */
    double *lse, *most;  /* [sets] sum of logsumexp; the largest logit */
    double *lost;        /* [sets, 2] edges that were dropped, and rerouted */
} sums;

/* Integers of a layer: count [E], first [E], sent [devices], and tokens, dropped, rerouted. */
typedef struct tally {
    int64_t *count, *first, *sent, *scalars;
} tally;
enum { TALLY_TOKENS, TALLY_DROPPED, TALLY_REROUTED, TALLY_SCALARS };

typedef struct layer_statistics {
    balance_layer about;
    int64_t sequences; /* of the micro-batch that was collected last, on all ranks */
    int64_t first;     /* of them that are on this rank begin with this one ... */
    int64_t own;       /* ... and are so many */
    sums sums;         /* by sequence */
    /* [B, E] and [B]: derivatives by the scores, weights and loads of one token */
    double *dprobability, *dimportance, *dload, *dentropy;
    real *score_dprobability, *score_dimportance, *score_dload; /* the same, for the layer */
    score_gradient *dscore;                                     /* [B] */
    sums survey; /* one set: all micro-batches of the step, before its first backward pass */
    tally micro, step, step_survey;
    double *step_probability; /* [E] */
    /* The losses of the routing: [T, E] gradients by the logits, NULL where there are none, and
     * their values */
    real *dlogits;
    double routing_value[BALANCE_MAX_TERMS], routing_scale[BALANCE_MAX_TERMS];
    double step_entropy, step_lse, step_logit_max;
    double lambda; /* of router relu when it was collected last */
    bool bias_moved;
} layer_statistics;

struct balance {
    balance_options options;
    int layers;
    layer_statistics *layer;
    arena arena;
    int64_t step_sequences, step_tokens;
    bool ended, surveyed;
    bool several;                    /* ranks */
    const struct batch_ranks *ranks; /* of the micro-batch; NULL: one has all of it */
    int64_t packed;                  /* doubles of a sequence in `exchange` */
    double *exchange;                /* [sequences of all ranks, packed]; NULL: there is one rank */
    balance_values value;
    /* The tallies of all layers, one after another */
    int64_t *micro_tally, *step_tally, *survey_tally, tally_size;
    sums work;                                  /* one set */
    double *dprobability, *dimportance, *dload; /* [E] */
    real *inverse, *entropy;                    /* [T] of the layer that is being collected */
};

static inline int32_t balance_devices(const balance *b)
{
    return b->options.devices > 0 ? b->options.devices : 1;
}

/* Doubles that say all of one sequence of a layer */
static inline int64_t balance_packed(const balance *b, const layer_statistics *p)
{
    return balance_packed_layer(p->about.experts, balance_devices(b));
}

/* Whether a term is taken over such sets of tokens, or a layer has one of this loss, or one of the
 * routing. */
bool balance_has_over(const balance_options *o, balance_over over);
bool balance_has_loss(const balance_options *o, const balance_layer *a, const char *name);
bool balance_has_routing_loss(const balance_options *o, const balance_layer *a);

/* Whether layers [b->layers] can have the terms that b->options has. */
cadre_status balance_check(const balance *b, const balance_layer *layers);

#endif

/* balance.h - what keeps experts evenly used: the balancing losses, the z-loss, and the bias update without a loss.
 *
 * A loss over several layers, or over the whole optimiser step, can only be known once all of them have routed. So a
 * layer's forward hands its statistics over (counts and mean scores, per sequence); when all layers are through, balance_finish computes
 * the losses and, for each layer and sequence, their gradient by each expert's mean score; each layer's backward reads that.
 *
 *     balance_step_begin(b, sequences, tokens)         of the optimiser step, over all its parts and ranks
 *       for each part of the batch:
 *         balance_part_begin(b, seqs, valid)
 *         moe_layer_forward(..., b, l) for every layer
 *         balance_finish(b)
 *         moe_layer_backward(..., b, l) for every layer
 *     balance_step_end(b)                              counts of the step, over all parts and ranks
 *     balance_update_bias(b, l, bias)                  where the router has one
 *
 * Running a layer's forward again (recomputation) replaces its statistics and counts nothing twice; evaluation passes no
 * balance. Padding is in no count and no mean. Every part is weighted with its share of the step, so values and gradients do not
 * depend on the number of threads and ranks, nor, for terms per sequence and the bias, on how the batch was cut. */
#ifndef CADRE_MOE_BALANCE_H
#define CADRE_MOE_BALANCE_H

#include "base/comm.h"
#include "moe/dispatch.h"
#include "moe/router.h"

typedef enum balance_over {
    BALANCE_MICRO,    /* each part of the batch, on each rank, by itself */
    BALANCE_STEP,     /* counts of the whole step so far, over all ranks; mean scores of this part */
    BALANCE_SEQUENCE, /* each sequence by itself, then the mean over the step's sequences */
} balance_over;

typedef enum balance_form {
    BALANCE_LAYER,  /* a loss a layer, summed */
    BALANCE_MEAN,   /* a loss a layer, mean over layers (MegaBlocks) */
    BALANCE_POOLED, /* transformers' own: all layers' tokens in one pool, summed over the K picks */
} balance_form;

/* Statistics of one set of tokens that a loss looks at. */
typedef struct balance_set {
    int32_t experts, picks;
    int64_t tokens;             /* T, valid ones */
    const double *count;        /* [E] picks, before capacity */
    const double *first;        /* [E] first picks */
    double count_tokens;        /* tokens that count and first were taken over (the whole step for BALANCE_STEP) */
    const double *probability;  /* [E] mean over tokens of the score normalised to sum 1 */
    const double *importance;   /* [E] sum of weights */
    const double *load;         /* [E] smooth load estimate, zeros where the router has none */
    int32_t devices;            /* groups of the device and communication losses */
    int32_t devices_used;
    const double *sent;         /* [devices] tokens with at least one pick there */
    double entropy;             /* mean over tokens of the entropy of the normalised score */
} balance_set;

/* Gradient of a loss by what it looked at; added to. */
typedef struct balance_slope {
    double *probability; /* [E] by the mean */
    double *importance;  /* [E] */
    double *load;        /* [E] */
    double *entropy;     /* [1] by the mean */
} balance_slope;

/* A row of THE LIST of balancing losses: the value over one set, `scale` times its gradient added to the slopes. */
typedef struct balance_loss {
    const char *name;
    const char *help;
    double (*value)(const balance_set *s, double scale, balance_slope *slope);
} balance_loss;

const balance_loss *const *balance_losses(int *count);
/* "load" sum f P (Switch, Mixtral, OLMoE, DeepSeek), "first-choice" (GShard), "importance" and "smooth-load" (Shazeer 2017), "device" and
 * "communication" (DeepSeek-V2), "mutual-information" (ModuleFormer), "entropy" (Dynamic MoE). NULL: unknown */
const balance_loss *balance_loss_by_name(const char *name);

typedef struct balance_term {
    const balance_loss *loss;
    double coefficient;
    balance_over over;
    balance_form form;
} balance_term;

enum { BALANCE_MAX_TERMS = 8 };

typedef struct balance_options {
    balance_term term[BALANCE_MAX_TERMS];
    int terms;
    double z_loss;    /* coefficient * mean over layers of mean over tokens of logsumexp(z)^2 */
    double bias_rate; /* u of the bias update; 0: none */
    int32_t devices, devices_used; /* of the terms that look at groups of experts; 0: none does */
} balance_options;

void balance_add(balance_options *o, const char *loss, double coefficient, balance_over over, balance_form form);

/* What the balance must know of a sparse layer. */
typedef struct balance_layer {
    const router *router;
    int32_t experts, picks;
} balance_layer;

typedef struct balance balance;

/* For at most `sequences` sequences in a part of the batch. comm: borrowed; NULL: one rank. */
cadre_status balance_new(const balance_options *options, const balance_layer *layers, int count, int64_t sequences,
                         const comm *comm, balance **b);
void balance_free(balance *b);
size_t balance_bytes(const balance_options *options, const balance_layer *layers, int count, int64_t sequences);

void balance_step_begin(balance *b, int64_t sequences, int64_t tokens); /* valid tokens, of the whole step on all ranks */
void balance_part_begin(balance *b, const moe_sequences *seqs, const bool *valid);
cadre_status balance_finish(balance *b);
cadre_status balance_step_end(balance *b);

/* After balance_step_end: b_e += rate * sign(mean count - count_e), once a step; a second call in a step changes nothing. */
void balance_update_bias(balance *b, int layer, real *bias /* [E] */);

/* Losses as added to the language model's, coefficients included, summed over the parts of the step so far. */
typedef struct balance_values {
    double aux, z;
} balance_values;
balance_values balance_value(const balance *b);

/* Per layer, over the step on all ranks, after balance_step_end. Borrowed until the next step. */
typedef struct balance_totals {
    int32_t experts;
    int64_t tokens, picks;  /* valid tokens, and their picks */
    int64_t dropped, rerouted;
    const int64_t *count;   /* [E] picks before capacity */
    const double *probability; /* [E] sum over tokens, this rank */
    double entropy;         /* sum over tokens of the entropy of the normalised score, this rank */
    double logit_max, lse;  /* largest logit; sum over tokens of logsumexp, this rank */
    int64_t local_tokens;   /* tokens behind the four sums of this rank */
} balance_totals;
balance_totals balance_total(const balance *b, int layer);

/* ---- between a layer and the balance ---- */

/* After routing and dispatch of one layer's part. */
void balance_collect(balance *b, int layer, compute *c, const plan *p, const router_state *s, const router_weights *w,
                     const router_options *o, const router_random *random);

/* What a layer's backward adds, per sequence: arrays [E], times the derivative by the token's own number. */
typedef struct balance_gradient {
    const real *probability; /* [E] by each token's normalised score */
    const real *importance;  /* [E] by each token's weight; NULL: none */
    const real *load;        /* [E] by each token's smooth load; NULL: none */
    real entropy;            /* by each token's entropy */
    real z;                  /* by each token's logsumexp^2 */
    bool none;               /* all of it is zero */
} balance_gradient;
balance_gradient balance_gradient_of(const balance *b, int layer, int64_t sequence);

#endif

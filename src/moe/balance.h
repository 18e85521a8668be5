/* balance.h - what keeps experts evenly used: the balancing losses, the z-loss, and the bias
 * update, which needs no loss.
 *
 * A loss over several layers, or over the whole optimiser step, is known only when all of them have
 * routed. So a layer's forward hands over its statistics (counts and sums of scores, by sequence);
 * when all layers are through, balance_finish computes the losses and, for each layer and sequence,
 * their derivatives; each layer's backward reads those.
 *
 *     balance_step_begin(b, sequences, tokens)         of the whole optimiser step, on all ranks
 *       for each micro-batch:
 *         moe_layer_forward(..., b, l) for every layer
 *         balance_finish(b)
 *         moe_layer_backward(..., b, l) for every layer
 *     balance_step_end(b)                              the counts of the step, over all ranks
 *     balance_update_bias(b, l, bias)                  where the router has a correction bias
 *
 * To run a layer's forward again (recomputation) replaces its statistics and counts nothing twice.
 * Evaluation passes no balance. Padding is in no count and no mean. Every micro-batch is weighted
 * with its share of the step, so that values and gradients do not depend on the number of threads
 * and ranks, nor, for terms per sequence and the bias, on how the batch was split. */
#ifndef CADRE_MOE_BALANCE_H
#define CADRE_MOE_BALANCE_H

#include "base/comm.h"
#include "moe/routing.h"

typedef enum balance_over {
    BALANCE_MICRO, /* each micro-batch by itself */
    /* The whole step. Later micro-batches are known where there was a survey; else the counts are
     * those so far. */
    BALANCE_STEP,
    BALANCE_SEQUENCE, /* each sequence by itself, then the mean over the step's sequences */
} balance_over;

typedef enum balance_form {
    BALANCE_LAYER,  /* a loss for each layer, summed */
    BALANCE_MEAN,   /* a loss for each layer, mean over layers (MegaBlocks) */
    BALANCE_POOLED, /* transformers' own: all layers' tokens in one pool, summed over the K picks */
} balance_form;

enum { BALANCE_MAX_TERMS = 8, BALANCE_NAME = 48 };

/* A layer's own coefficients of the terms and of the rest of balance_options; 0: it has not the
 * term. */
typedef struct balance_coefficients {
    bool given; /* false: the layer has those of balance_options */
    double term[BALANCE_MAX_TERMS];
    double z_loss, bias_rate;
} balance_coefficients;

/* What the balance needs to know about a sparse layer. */
typedef struct balance_layer {
    const router *router;
    int32_t experts, picks;
    const router_options *route; /* borrowed, as types; NULL: of no loss of the routing */
    int32_t weighted;            /* experts with weights; 0: all */
    double tau;                  /* what the others count in the loss heterogeneous */
    const token_types *types;
    balance_coefficients own;
} balance_layer;

/* Which tokens a loss of the routing is of. */
typedef struct routing_loss_of {
    int type;               /* -1: of all */
    double entropy_experts; /* of the type */
} routing_loss_of;

/* Statistics of the set of tokens that a loss is evaluated on. */
typedef struct balance_set {
    int32_t experts;
    double tokens;             /* T, valid tokens, of the sums and means below */
    double count_tokens;       /* of count, first and sent, which may cover more micro-batches */
    const double *count;       /* [E] picks, before capacity */
    const double *first;       /* [E] first picks */
    const double *probability; /* [E] mean over tokens of the score normalised to sum 1 */
    const double *importance;  /* [E] sum of weights */
    const double *load;        /* [E] sum of the smooth load; zeros where the router has none */
    double entropy;            /* mean over tokens of the entropy of the normalised score */
    bool summed;               /* shares of picks are summed over the K picks, not averaged */
    int32_t weighted;          /* experts with weights; the others count tau */
    double tau;
    int32_t picks;        /* K of the layer */
    double lambda;        /* the coefficient that router relu has as a state */
    int32_t devices;      /* groups of experts of the device and communication losses */
    int32_t devices_used; /* the most that a token's picks are on */
    const double *sent;   /* [devices] tokens with at least one pick there */
} balance_set;

/* Derivatives of a loss by the statistics of its set; they are added to. */
typedef struct balance_gradient {
    double *probability; /* [E] by the mean */
    double *importance;  /* [E] by the sum */
    double *load;        /* [E] by the sum */
    double entropy;      /* by the mean */
} balance_gradient;

/* A loss that no set of statistics has: it reads the routing of a whole micro-batch. */
typedef struct routing_loss {
    bool by_type; /* it is taken over the tokens of one type, and named NAME.TYPE */
    bool sums;    /* over tokens; else it is a mean, and a micro-batch counts by its share */
    /* Why a layer cannot have it; NULL: it can */
    const char *(*refuses)(const balance_layer *layer);
    /* The loss without its coefficient; dlogits [T, E] += scale times the derivatives by the
     * logits */
    double (*value)(const routing *r, const routing_loss_of *of, double scale, real *dlogits);
    /* g += scale times the derivatives by the router's parameters; NULL: there are none */
    void (*parameters)(const routing *r, double scale, router_gradients *g);
} routing_loss;

/* An entry of THE LIST of balancing losses. `value` returns the loss of one set and adds `scale`
 * times its derivatives to d. */
typedef struct balance_loss {
    const char *name;
    const char *help;
    double (*value)(const balance_set *s, double scale, balance_gradient *d);
    const routing_loss *routing; /* in place of `value`; NULL: it is of a set */
} balance_loss;

const balance_loss *balance_losses(int *count);             /* the rows */
const balance_loss *balance_loss_by_name(const char *name); /* NULL: unknown */

typedef struct balance_term {
    const balance_loss *loss;
    double coefficient;
    balance_over over;
    balance_form form;
    char name[BALANCE_NAME];          /* of the loss; by type "local-entropy.text" */
    char type_name[ROUTER_TYPE_NAME]; /* of by_type */
} balance_term;

typedef struct balance_options {
    balance_term term[BALANCE_MAX_TERMS];
    int terms;
    balance_over over; /* of the losses that routers ask for by themselves */
    double z_loss;     /* coefficient * mean over layers of mean over tokens of logsumexp(z)^2 */
    double bias_rate;  /* u of the bias update; 0: none */
    int32_t devices, devices_used; /* of the terms over groups of experts; 0: 1 */
} balance_options;

/* What a layer has, by its own coefficients: of a term (0: it has not the term) ... */
static inline double balance_coefficient(
    const balance_options *o, const balance_coefficients *own, int term)
{
    return own->given ? own->term[term] : o->term[term].coefficient;
}
/* ... of the z-loss, and the rate of the bias */
static inline double balance_z_loss(const balance_options *o, const balance_coefficients *own)
{
    return own->given ? own->z_loss : o->z_loss;
}
static inline double balance_bias_rate(const balance_options *o, const balance_coefficients *own)
{
    return own->given ? own->bias_rate : o->bias_rate;
}

/* Adds a term of the named loss; a coefficient of 0 adds nothing. The name is one of the list, and
 * there is room. */
void balance_add(
    balance_options *o, const char *loss, double coefficient, balance_over over, balance_form form);
/* The losses that routers ask for by themselves (relu: l1), once each, of the layers that have such
 * a router; for a model, or a layer alone. Those of sets are taken over o->over, the others over
 * micro-batches. */
void balance_add_of_routers(balance_options *o, balance_layer *layers, int count, bool model);

typedef struct balance balance;

/* Makes a balance for micro-batches of at most this size, which several ranks may divide. */
cadre_status balance_new(const balance_options *options, const balance_layer *layers, int count,
    const batch_limits *most, balance **b);
void balance_free(balance *b);
size_t balance_bytes(const balance_options *options, const balance_layer *layers, int count,
    const batch_limits *most);

/* Where ranks divide the micro-batches, each hands over its own sequences, and balance_finish (or
 * the survey) brings them together: every rank then computes the same as one would.
 *
 * The numbers of valid tokens and sequences of the whole step on all ranks. An error between ranks
 * stays in their communicator; what is computed after it is not valid. */
void balance_step_begin(balance *b, int64_t sequences, int64_t tokens);
void balance_finish(balance *b);
/* The derivatives once more, of a micro-batch that was finished before; its losses and counts are
 * added to nothing again. */
void balance_repeat(balance *b);
void balance_step_end(balance *b);

/* Where ranks have different layers, balance_pack writes what the layers layer .. layer_end - 1 of
 * this rank have collected of a micro-batch, and balance_unpack reads what all layers have, before
 * balance_finish or the survey. `to` and `from` are [own sequences, balance_packed_sequence]
 * doubles. */
int64_t balance_packed_sequence(const balance *b);
int64_t balance_packed_layer(int32_t experts, int32_t devices); /* of it, a layer's */
void balance_pack(const balance *b, int layer, int layer_end, double *to);
void balance_unpack(balance *b, const struct batch_ranks *ranks, double *from);

/* Returns true where a step has several micro-batches and a loss is taken over the whole step.
 * Then, between balance_step_begin and the micro-batches above, the forward of each micro-batch
 * runs once more, with balance_survey after it. */
bool balance_wants_survey(const balance *b);
void balance_survey(balance *b);

/* Call it after balance_step_end, once a step: b_e += rate * sign(mean count - count_e). A second
 * call in a step changes nothing. */
void balance_update_bias(balance *b, int layer, real *bias /* [E] */);

/* The losses as they are added to the language model's, coefficients included, summed over the
 * micro-batches of the step so far. */
typedef struct balance_values {
    double aux, z; /* of all terms together; of the z-loss */
    int terms;
    struct {
        const char *name;
        double value;
    } term[BALANCE_MAX_TERMS];
} balance_values;
bool balance_has_z_loss(const balance *b);
balance_values balance_value(const balance *b);

/* The totals of one layer over one step, of all ranks' tokens, valid after balance_step_end. They
 * are borrowed until the next step. */
typedef struct balance_totals {
    int32_t experts;
    const int64_t *count;      /* [E] picks before capacity */
    int64_t tokens;            /* valid tokens */
    int64_t dropped, rerouted; /* picks */
    const double *probability; /* [E] sum over tokens of the normalised score */
    double entropy, lse;       /* sums over tokens */
    double logit_max;
} balance_totals;
balance_totals balance_total(const balance *b, int layer);
/* counts [E]: the same picks of one sequence of the last forward */
void balance_counts(const balance *b, int layer, int64_t sequence, int32_t *counts);

/* ---- between a layer and the balance ---- */

/* A layer calls it after the routing and dispatch of its micro-batch. */
void balance_collect(balance *b, int layer, const routing *r);

/* Returns the gradients of the losses by the routing of the tokens of each sequence of this rank,
 * [B], after balance_finish. NULL: there are none. */
const score_gradient *balance_gradients(const balance *b, int layer);

/* [T, E] of the losses of the routing, by the logits; NULL: there are none. */
const real *balance_routing_gradient(const balance *b, int layer);
/* Adds what they give by the router's parameters. */
void balance_parameter_gradients(
    const balance *b, int layer, const routing *r, router_gradients *g);

#endif

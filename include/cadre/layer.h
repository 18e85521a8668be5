/* layer.h - a sparse layer, for programs with a model of their own.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_LAYER_PUBLIC_H
#define CADRE_LAYER_PUBLIC_H

#include "cadre/context.h"
#include "cadre/options.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A sparse layer has a router, E experts and perhaps a shared expert, with their weights and
 * gradients: y is the sum of w_e expert_e(x) over the K experts that the router picks for a token.
 * It computes forward and backward; the optimiser is the caller's. Results do not depend on the
 * number of threads. Without capacity, a token's result does not depend on the tokens beside it.
 *
 * One thread at a time may use a layer; layers of different contexts may be used at the same
 * time. */
typedef struct cadre_moe cadre_moe;

typedef struct cadre_moe_shape {
    size_t size;           /* sizeof(cadre_moe_shape) */
    int64_t width, hidden; /* D; H of one expert */
    int32_t experts, topk; /* E, K */
    int64_t shared;        /* hidden width of an expert that every token passes through; 0: none */
    bool shared_gated;     /* its output times sigmoid(w . x) (Qwen2-MoE) */
    bool expert_bias, router_bias;
    const char *router; /* as --router takes it: "softmax" (also NULL), "sigmoid-bias" ... */
    const char *form;   /* as --expert-form takes it: "swiglu" (also NULL), "relu" ... */
    double limit;       /* form gpt-oss: the clamp, 7 as published; 0: none */
    int32_t layer;      /* index in the caller's model, so that random numbers of layers differ */
    int64_t tokens, sequences; /* most tokens and sequences of a batch */
    int64_t latent;            /* width in which routed experts work; 0: D */
    int64_t residual;   /* hidden width of an expert that is mixed with the routed ones (PR-MoE) */
    int64_t vocabulary; /* routers hash, hash-next and multi-hash: token ids */
    int64_t projector;  /* router cosine: the width in which angles are measured; 0: the option's */
    bool residual_logits;       /* as the option of that name */
    const int64_t *bank_hidden; /* H of each bank's experts (option banks); NULL: H */
} cadre_moe_shape;

/* Makes a layer. options: those of the table cadre_routing_options (jitter, capacity, balancing
 * losses ...); NULL: none. Weights start normal with deviation 0.02, as a function of `seed`;
 * biases and noise weights start at 0. Borrows the context. CADRE_EARGUMENT: the error names what
 * is not possible. */
CADRE_API cadre_status cadre_moe_new(cadre_context *context, const cadre_moe_shape *shape,
    const cadre_options *options, uint64_t seed, cadre_moe **moe);
CADRE_API void cadre_moe_free(cadre_moe *moe);

/* A matrix or vector of the layer, for the caller's optimiser, files and sums. Pointers are
 * borrowed and never change. */
typedef struct cadre_moe_parameter {
    /* "router.weight", "experts.gate", "experts.down.bias" ...; in a bank "text.router.weight" */
    const char *name;
    int32_t expert;     /* index in its bank; -1: it belongs to no expert */
    int64_t rows, cols; /* [out, in]; a vector has rows 1 */
    cadre_real *values; /* [rows, cols] */
    /* [rows, cols]; NULL: a state, which cadre_moe_step_end changes, or nobody (a hash table) */
    cadre_real *gradient;
    /* The shape in files: 3 [slices, rows / slices, cols], 2 [rows, cols], 1 [cols] */
    int32_t rank;
    int64_t slices;
    bool integers;   /* files hold 32-bit integers */
    int32_t experts; /* in its bank; 0: it belongs to no expert */
} cadre_moe_parameter;

CADRE_API int64_t cadre_moe_parameters(const cadre_moe *moe); /* how many */
/* Parameter i, from 0 */
CADRE_API cadre_moe_parameter cadre_moe_parameter_at(const cadre_moe *moe, int64_t i);

/* Random numbers for the routing of a batch with train, if the program gives them; NULL: they are
 * drawn from the seed. A hierarchy has G groups of Ei experts. */
typedef struct cadre_moe_draws {
    const cadre_real *normal;   /* [T, E], hierarchical [T, G]: standard normal */
    const cadre_real *inner;    /* [T, G, Ei] hierarchical */
    const cadre_real *gumbel;   /* [K, T, E] sparsemixer */
    const cadre_real *uniform;  /* [K, T] sparsemixer: in [0, 1) */
    const cadre_real *logistic; /* [T, E] expert-choice by sigmoid */
} cadre_moe_draws;

typedef struct cadre_moe_batch {
    int64_t tokens;       /* T */
    int64_t sequences;    /* B; 0: all tokens are one sequence */
    const int64_t *start; /* [B + 1] the first token of each, then T; NULL where sequences is 0 */
    /* [T] false: padding, which is neither routed nor counted; NULL: all are valid */
    const bool *valid;
    /* Jitter, dropout, capacity and balancing are on, and backward may follow. */
    bool train;
    bool differentiate;           /* backward may follow although train is false */
    const cadre_moe_draws *draws; /* NULL: all are drawn */
    const int32_t *ids;           /* [T] of the routers hash: token ids */
    const int32_t *types;         /* [T] types of tokens, for banks and losses; NULL: all are 0 */
    const cadre_real *logits_before; /* [T, E] of the previous sparse layer, with residual-logits */
    cadre_real *logits_before_gradient; /* [T, E] which backward writes; NULL: not wanted */
} cadre_moe_batch;

/* An optimiser step:
 *     cadre_moe_step_begin(moe, step, sequences, tokens)   counts of the whole step: the valid
 *         tokens of all its batches
 *     for each batch: cadre_moe_forward, cadre_moe_backward
 *     cadre_moe_step_end(moe)                              counts, and moves the correction bias
 *         if the router has one
 * Evaluation is cadre_moe_forward alone, with train false. The gradients of a step's first backward
 * replace the old ones, later ones are added. They include the balancing losses of the options,
 * whose values cadre_moe_losses gives. Losses over a step (balance-over step) count the batches so
 * far, because what follows a batch is not known here. */
CADRE_API void cadre_moe_step_begin(
    cadre_moe *moe, uint64_t step, int64_t sequences, int64_t tokens);
CADRE_API cadre_status cadre_moe_step_end(cadre_moe *moe);

/* Computes y [T, D] of x [T, D], without the residual connection. x, start and valid must stay
 * unchanged until backward. */
CADRE_API cadre_status cadre_moe_forward(
    cadre_moe *moe, const cadre_moe_batch *batch, const cadre_real *x, cadre_real *y);

/* Computes dx [T, D] and the parameters' gradients of dy [T, D], the gradient of the loss by y. It
 * is called once after each forward with train or differentiate. With n tasks, y and dy are
 * [n, T, D]. */
CADRE_API cadre_status cadre_moe_backward(cadre_moe *moe, const cadre_real *dy, cadre_real *dx);

/* Gives the terms to add to the caller's loss: the balancing losses and the z-loss, each multiplied
 * by its coefficient and summed over the step's batches so far. */
CADRE_API void cadre_moe_losses(const cadre_moe *moe, double *aux, double *z);

/* Gives the same terms one by one: name (static) and value of loss i. Returns false if there are
 * no more. */
CADRE_API bool cadre_moe_loss_at(const cadre_moe *moe, int i, const char **name, double *value);

/* Where the last forward pass sent its tokens: edges from tokens to experts, token after token. A
 * token has as many edges as its router gave it: K, fewer, or none (padding). Borrowed until the
 * next forward. */
typedef struct cadre_moe_routes {
    int64_t tokens, edges;     /* T, N */
    const int64_t *start;      /* [T + 1] the first edge of each token, then N */
    const int32_t *expert;     /* [N] a token's best first */
    const cadre_real *weight;  /* [N] by which the expert's output is multiplied */
    const int32_t *row;        /* [N] the edge's row among all experts' rows; -1: dropped */
    int64_t capacity;          /* most rows of an expert for the longest sequence; 0: no limit */
    int64_t dropped, rerouted; /* edges */
} cadre_moe_routes;
CADRE_API cadre_moe_routes cadre_moe_routes_get(const cadre_moe *moe);

/* What the router computed besides its routes: "transport" [T, E], "quantile" [E], "dispatch" and
 * "combine" [T, E, slots] of router soft ... Borrowed until the next forward. Returns false if
 * there are no more. */
typedef struct cadre_moe_tensor {
    const char *name; /* static */
    int32_t rank;
    int64_t shape[4];
    const cadre_real *values;
} cadre_moe_tensor;
CADRE_API bool cadre_moe_tensor_at(cadre_moe *moe, int i, cadre_moe_tensor *tensor);

/* Gives the edges of the last forward that found their expert full, in token order. *cursor starts
 * at 0. Returns false if there are no more. */
typedef struct cadre_moe_overflow {
    int64_t token;
    /* Which of the token's edges it is; the full expert; the expert that serves it instead, -1:
     * none */
    int32_t rank, wanted, instead;
} cadre_moe_overflow;
CADRE_API bool cadre_moe_next_overflow(
    const cadre_moe *moe, int64_t *cursor, cadre_moe_overflow *overflow);

/* How evenly and how decidedly a layer routes, over an optimiser step. Entropies are in nats. */
typedef struct cadre_moe_metrics {
    double max_vio;             /* max(count) / mean(count) - 1; 0 without tokens */
    double cv;                  /* deviation(count) / mean(count), population */
    double min_share;           /* smallest count / mean count */
    int32_t dead;               /* experts without a pick */
    double load_entropy;        /* entropy of the counts' shares */
    double effective_experts;   /* exp(load_entropy) */
    double token_entropy;       /* mean entropy of a token's normalised scores */
    double mean_entropy;        /* entropy of the mean of the normalised scores */
    double drop_rate;           /* dropped picks / picks */
    double picks_per_token;     /* differs from K if their number varies */
    double logit_max, lse_mean; /* of the router's logits, and the mean of their logsumexp */
} cadre_moe_metrics;

/* The metrics of the step that cadre_moe_step_end closed. count [E]: picks before capacity,
 * borrowed until the next step; NULL: not wanted. */
CADRE_API cadre_moe_metrics cadre_moe_metrics_get(const cadre_moe *moe, const int64_t **count);

/* Computes a sparse layer on given numbers, forward and backward, so that it can be compared with
 * what other software computed. path: a safetensors file with F32 "x" and "dy" [B, S, D], the
 * parameters under their names ("router.weight" [E, D], "experts.gate" [E, H, D] ...), I32 "valid"
 * [B, S] if tokens are padding, "ids" and "types" [B, S], and "draws.normal" [B S, E] and so on if
 * noise is given. options: those of the tables cadre_layer_options and cadre_routing_options. out:
 * a safetensors file that is written, with "y", "picks" and "weights" [B S, K] of the edges that
 * capacity left, by rising expert (then -1 and 0; K is E if their number varies), what the router
 * leaves (cadre_moe_tensor), "grad.NAME" of the sum of dy y and of all losses, and "loss.NAME" [1].
 * The listener (NULL: none) hears every loss. CADRE_EFORMAT and CADRE_EUNSUPPORTED name the
 * tensor. */
typedef void (*cadre_layer_listener)(void *arg, const char *loss, double value);
CADRE_API cadre_option_table cadre_layer_options(void);
CADRE_API cadre_status cadre_layer_run(cadre_context *context, const char *path,
    const cadre_options *options, const char *out, cadre_layer_listener listener, void *arg);

#ifdef __cplusplus
}
#endif
#endif

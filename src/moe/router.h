/* router.h - THE LIST of routers: each has an entry, in a file moe/router_X.c.
 *
 * A router turns the logits z = W x (+ b) of a batch of tokens into scores, joins tokens to experts
 * by a selection key, and gives each edge of the plan a weight. An entry says how:
 *
 *     project   a batch: x -> logits, where it is not W x (+ b) alone (cosine, a grid, a hierarchy)
 *     assign    a batch of tokens: logits -> scores and edges. Where every token chooses by itself,
 *               it is assign_by_token (moe/choose_token.c), which calls the entry's `score` and
 *               `truncate`; where experts choose, moe/choose_expert.c
 *     weigh     one token: the weights of its edges, after a capacity limit was applied
 *     backward  one token: gradients by the weights and scores -> gradients by the logits
 *     project_backward   a batch: gradients by the logits -> by the parameters and x
 *
 * Beside the matrix W a router may have parameters of its own, which `parameters` lists.
 *
 * Edges are constants to the gradient. It goes through the weights, and, where there is a balancing
 * loss, through the scores. Everything is computed in `real` (float32), whatever the format of the
 * weights is.
 *
 * Always: a token's edges lead to distinct experts within range, whatever the logits are (a NaN key
 * is the lowest); of equal keys the lower index wins; a correction bias is part of the key, never
 * of the weight, and has no gradient. */
#ifndef CADRE_MOE_ROUTER_H
#define CADRE_MOE_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "kernel/rows.h"
#include "moe/plan.h"

enum {
    ROUTER_MAX_EXPERTS = 4096,
    ROUTER_OWN_PARAMETERS = 4,
    ROUTER_TENSORS = 2,
    ROUTER_MAX_GRID = 8,
    ROUTER_MAX_TASKS = 64,
    ROUTER_MAX_TYPES = 8,
    ROUTER_TYPE_NAME = 24
};

/* DeepSeek-V2; DeepSeek-V3: sum of the two largest */
typedef enum group_score { GROUP_MAX, GROUP_TOP2 } group_score;
/* The keys of groups that were left out become -inf, or 0.0 as in transformers */
typedef enum group_mask { GROUP_MASK_INF, GROUP_MASK_ZERO } group_mask;

/* The function that makes scores of logits, where a router offers a choice. */
typedef enum score_function {
    SCORE_SOFTMAX,
    SCORE_SIGMOID,
    SCORE_SQRT_SOFTPLUS,
    SCORE_TOPK_SOFTMAX, /* weights are softmax over the picks */
    SCORE_NONE,         /* every pick weighs the same */
} score_function;

/* The options of routers. Each entry's `options` says which of them it understands; router_defaults
 * fills all. */
typedef struct router_options {
    int32_t topk;        /* K; for top-p the most picks */
    int32_t groups;      /* experts lie in so many equal, contiguous groups ... */
    int32_t groups_used; /* ... of which picks come from so many; equal to groups: no limit */
    group_score group_score;
    group_mask group_mask;
    bool renormalise;      /* softmax-bias: weights sum to `scale` */
    real scale;            /* routed scaling factor: every weight times it */
    real norm_eps;         /* guards the sum that weights are divided by */
    real top_p;            /* top-p: picks until their scores' sum first exceeds it */
    real noise_floor;      /* noisy-topk: added to softplus(W_noise x) */
    real jitter;           /* the router reads x * U(1 - jitter, 1 + jitter), in training */
    bool jitter_experts;   /* so do the experts (transformers' Mixtral) */
    bool renormalise_kept; /* weights are renormalised over the picks that were kept, not dropped */
    score_function score;
    real logit_noise; /* V-MoE: in training the logits are z + s / E * N(0, 1) */
    real capacity;    /* expert-choice: an expert takes so many times its even share of tokens */
    real tolerance;   /* sinkhorn: iterations go on until the factors change by less, on average */
    real l1;          /* relu: the initial coefficient of its loss l1 */
    real l1_multiplier; /* relu: the factor by which its controller moves that coefficient */
    real mask_epsilon;  /* sparsemixer: experts that are too far from the best cannot be sampled */
    real quantile_ema;  /* quantile: share of the old bias that stays at a step */
    int32_t slots;      /* soft: P of an expert */
    int32_t vocabulary; /* hash, hash-next, multi-hash: V, token ids */
    int32_t projector;  /* cosine: P, the width in which angles are measured */
    int32_t tasks;      /* dense: gates, each with an output of its own */
    int32_t grid[ROUTER_MAX_GRID]; /* product: n1 * n2 * ... = E */
    int32_t dimensions;            /* of the grid */
    bool omega; /* sparsemixer-1: a learned factor for each channel of the output */
    /* The router's logits have R * (the logits of the sparse layer before) added (MoE++) */
    bool residual;
    bool drop_last; /* MoE++: the last expert, a zero, weighs 0 before renormalising */
    /* Banks: experts in runs, one a type of token; 0: every token knows all experts */
    int32_t banks;
    int32_t bank_experts[ROUTER_MAX_TYPES];
} router_options;

/* How the router's gradient is taken, where it does not go through the weights alone. */
typedef enum estimator {
    ESTIMATOR_ROUTER,           /* as the router has it */
    ESTIMATOR_STRAIGHT_THROUGH, /* the expert reads x (1 + w - the constant w) */
    ESTIMATOR_DENSE,            /* from the outputs of experts that were not picked too */
    ESTIMATOR_SPARSEMIXER,      /* the sampling routers' own */
} estimator;

/* Kinds of tokens, such as text and image: an index in token_batch.types. */
typedef struct token_types {
    int32_t count;
    char name[ROUTER_MAX_TYPES][ROUTER_TYPE_NAME];
    double entropy_experts[ROUTER_MAX_TYPES]; /* of the loss global-entropy */
} token_types;
int token_type_by_name(const token_types *t, const char *name); /* -1: none */

enum router_trait {
    ROUTER_CORRECTION = 1 << 0, /* has a correction bias, which is added for the choice */
    /* Has noise weights, and the smooth load estimate that they allow */
    ROUTER_NOISE = 1 << 1,
    /* Scores do not sum to 1: balancing losses normalise them per token */
    ROUTER_INDEPENDENT = 1 << 2,
    /* Weights of a token sum to `scale`: a single pick has no gradient */
    ROUTER_RENORMALISES = 1 << 3,
    ROUTER_VARIABLE = 1 << 4, /* the number of picks differs from token to token */
    /* A token's routes depend on tokens behind it: training a decoder with it leaks the future */
    ROUTER_LOOKS_AHEAD = 1 << 5,
    ROUTER_OWN_CAPACITY = 1 << 6, /* reads the capacity factor itself; nothing is dropped */
    /* An edge's weight multiplies what the expert reads, not its output (Llama 4) */
    ROUTER_WEIGHS_INPUT = 1 << 7,
    ROUTER_READS_IDS = 1 << 8,     /* reads the tokens' ids */
    ROUTER_NO_MATRIX = 1 << 9,     /* has no matrix W */
    ROUTER_MIXES = 1 << 10,        /* slots that are mixtures of tokens in place of edges (Soft) */
    ROUTER_EVERY_EXPERT = 1 << 11, /* all experts serve all tokens: K is not asked for */
    ROUTER_ADDS_INPUT = 1 << 12,   /* cadre_moe's y holds x itself (BASE) */
    ROUTER_ONE_PICK = 1 << 13,     /* K is 1 */
    ROUTER_HIERARCHY = 1 << 14,    /* two levels: K experts in each of groups_used groups */
    /* A token's routes depend on the id of the token behind it, so that no text can be continued */
    ROUTER_READS_NEXT = 1 << 15,
    /* MultiHash: experts are parts of whole ones, in K runs of E / K; a token has one of each */
    ROUTER_SEGMENTS = 1 << 16,
};

/* What a parameter starts with: random values, one value, or a table [V, K] of experts by id
 * (hash), whose column k may name experts of the k-th of K runs alone (multi-hash). */
typedef enum router_start { START_DRAWN, START_VALUE, START_TABLE, START_SEGMENTS } router_start;

/* A parameter of a router beside W, its bias, correction and noise, with its shape in files. */
typedef struct router_parameter {
    const char *name; /* "router.scale" */
    /* [slices, rows, cols]; slices 0: [rows, cols]; rows 0 too: [cols] */
    int64_t slices, rows, cols;
    bool trained;  /* false: a state */
    bool integers; /* files hold int32 */
    router_start start;
    real value; /* of START_VALUE */
} router_parameter;
/* The expert of a run of `experts`, counted from the run's first, to which id leads in run k of a
 * table that begins with START_SEGMENTS: runs part ids that another one has together. */
static inline int64_t router_segment_expert(int64_t id, int64_t k, int64_t experts)
{
    return (id + k * (id / experts)) % experts;
}
/* Sets *value to the start of element j; returns false where it is random. */
bool router_parameter_start(const router_parameter *p, int32_t experts, int64_t j, real *value);
int64_t router_parameter_count(const router_parameter *p); /* its elements */

/* A tensor that forward leaves and that others may want to see: a transport, slots' weights. */
typedef struct router_tensor {
    const char *name;
    int rank;
    int64_t shape[4];
    const real *values;
} router_tensor;

/* One token, as the functions of an entry see it. Its edges are `count` experts, best first, with a
 * weight each. */
typedef struct router_token {
    const router_options *options;
    const row_kernels *rows;
    int32_t experts;          /* E, or those of the token's bank ... */
    int32_t first;            /* ... which begins here: the ids below count from it */
    const real *logits;       /* [E] z */
    const real *correction;   /* [E]; NULL: none */
    const real *noise_logits; /* [E] W_noise x; NULL: the router has none */
    const real *noise;        /* [E] standard normal; NULL: evaluation, no noise */
    /* [E] p or s: what weights, priorities, balancing losses and metrics read */
    real *score;
    real *lse; /* [1] logsumexp(z) */
    real *key; /* [E] what picks are taken by */
    int32_t count;
    gexp *expert;       /* [count] */
    real *weight;       /* [count] */
    const int32_t *row; /* [count] after dispatch, -1: dropped; NULL: every edge counts */
    /* [2] noisy-topk, the top-k threshold: the last expert that was picked, and the best that was
     * not (-1: all are) */
    gexp *threshold;
    real *load;                    /* [E] noisy-topk: P(e is picked again under fresh noise) */
    const struct routing *routing; /* the batch ... */
    int64_t index;                 /* ... and which of its tokens this is */
} router_token;

/* The gradients by one token's weights and scores, and by its logits, which they become. */
typedef struct token_gradient {
    real *dweight;       /* [count] */
    real *dprobability;  /* [E] by the score normalised to sum 1; the callee may overwrite it */
    const real *dload;   /* [E] by the smooth load; NULL: none */
    real *dlogits;       /* [E] written */
    real *dnoise_logits; /* [E] written; NULL where there are none */
} token_gradient;

struct routing;
struct router_gradients;

typedef struct router {
    const char *name; /* as --router takes it */
    const char *help; /* its line in the program's help */
    uint32_t traits;
    /* A loss of the routing that belongs to it, and its coefficient; NULL: none. loss_of_models: a
     * layer has it only when asked to */
    const char *loss;
    double loss_coefficient;
    bool loss_of_models;
    /* Names of rows in THE TABLE of options (settings.h) that only some routers understand and this
     * one does, NULL after the last */
    const char *const *options;
    uint32_t scores; /* 1 << score_function: those that it takes; 0: it has one of its own */
    void (*defaults)(router_options *o); /* what differs from router_defaults' own; NULL: nothing */
    /* The most edges of a token; NULL: K */
    int32_t (*most_picks)(const router_options *o, int32_t experts);
    /* The most edges of a batch; NULL: the most of a token, times the tokens */
    int64_t (*most_rows)(
        const router_options *o, int32_t experts, int64_t tokens, int64_t sequences);
    /* Rows of W; NULL: E */
    int64_t (*matrix_rows)(const router_options *o, int32_t experts);
    /* Lists up to ROUTER_OWN_PARAMETERS, returns how many; NULL: none */
    int (*parameters)(
        const router_options *o, int64_t width, int32_t experts, router_parameter *list);
    /* Elements that forward leaves for backward beside router_state's; NULL: none */
    int64_t (*own)(const router_options *o, int64_t tokens, int64_t width, int32_t experts);
    void (*project)(struct routing *r); /* x -> logits; NULL: W x (+ b) */
    /* Gradients by the logits -> parameters', and dx, which it overwrites; NULL: of W x (+ b) */
    void (*project_backward)(struct routing *r, const real *dlogits, struct router_gradients *g,
        bool accumulate, real *dx);
    /* A batch: logits -> scores, and the edges of its plan */
    void (*assign)(struct routing *r);
    void (*score)(const router_token *t); /* logits -> score, lse, key */
    /* How many of the K best the token keeps; NULL: all */
    int32_t (*truncate)(const router_token *t);
    void (*weigh)(const router_token *t);                             /* score, expert -> weight */
    void (*backward)(const router_token *t, const token_gradient *d); /* weight, score -> logits */
    void (*load)(const router_token *t); /* key, expert -> threshold, load; NULL: no smooth load */
    /* Once an optimiser step: moves the state among its own parameters by what the last forward
     * left; NULL: there is none to move */
    void (*end_step)(struct routing *r, real *const *own);
    /* Checks, before they are used, that own parameters which a file or a caller gave are valid for
     * a token id; NULL: any are. The error names `where`. */
    cadre_status (*check_id)(const router_options *o, int32_t experts, const real *const *own,
        int64_t id, const char *where);
    /* Lists up to ROUTER_TENSORS, returns how many; NULL: none */
    int (*tensors)(const struct routing *r, router_tensor *list);
} router;

const router *const *router_list(int *count);
/* The routers by the names that options take: name and meaning of router i; the name is NULL after
 * the last */
const char *router_list_name(int i);
const char *router_list_meaning(int i);
const router *router_by_name(const char *name); /* NULL: unknown */

int32_t router_most_picks(const router *r, const router_options *o, int32_t experts);
/* K of the capacity: the picks of a token, or, where their number varies, the option topk. */
int32_t router_capacity_picks(const router *r, const router_options *o);
/* The most edges that a batch can have, and the room for them before they are moved together. */
int64_t router_most_rows(
    const router *r, const router_options *o, int32_t experts, int64_t tokens, int64_t sequences);
int64_t router_edge_room(const router *r, const router_options *o, int32_t experts, int64_t tokens);
/* 0: it has no matrix */
int64_t router_matrix_rows(const router *r, const router_options *o, int32_t experts);
int router_parameters(const router *r, const router_options *o, int64_t width, int32_t experts,
    router_parameter *list);

void router_defaults(const router *r, int32_t topk, router_options *o);
bool router_understands(const router *r, const char *option);
/* Scores do not sum to 1, by the router or by the score that it was told to take. */
bool router_is_independent(const router *r, const router_options *o);
cadre_status router_check(
    const router *r, const router_options *o, int64_t experts, const char *where);

/* Renormalised weights of a single pick are the constant `scale`: the router learns nothing from
 * the experts. */
bool router_renormalises(const router *r, const router_options *o);
bool router_learns_nothing(const router *r, const router_options *o);

#endif

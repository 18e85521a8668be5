/* param_list.h - THE LIST of parameters: one row for each role, with everything that holds for it
 * in every model.
 *
 * The order of roles is the order of model files and of the optimiser's state: first the model's
 * own, then those of each layer, then those of its experts, one expert after another. Nothing else
 * follows from the order: arch/param_part.h says which roles belong together. */
#ifndef CADRE_ARCH_PARAM_LIST_H
#define CADRE_ARCH_PARAM_LIST_H

#include "arch/config.h"

typedef enum param_role {
    /* A bias for each bucket of distances and head */
    ROLE_EMBED,
    ROLE_OUT_NORM,
    ROLE_HEAD,
    ROLE_RELATIVE,
    ROLE_IMAGE_CODES, /* [K patches] one after another */
    ROLE_ATTN_NORM,
    ROLE_Q,
    ROLE_K,
    ROLE_V,
    ROLE_O,
    ROLE_Q_NORM,
    ROLE_K_NORM,
    ROLE_Q_BIAS,
    ROLE_K_BIAS,
    ROLE_V_BIAS,
    ROLE_O_BIAS,
    ROLE_SINKS,
    ROLE_ATTN_GATE,
    /* K_B, V_B: KV_B in two */
    ROLE_Q_A,
    ROLE_Q_A_NORM,
    ROLE_Q_B,
    ROLE_KV_A,
    ROLE_KV_A_NORM,
    ROLE_KV_B,
    ROLE_K_B,
    ROLE_V_B,
    ROLE_Q_A_BIAS,
    ROLE_KV_A_BIAS,
    ROLE_LSTM_INPUT,
    ROLE_LSTM_HIDDEN,
    ROLE_LSTM_BIAS,
    ROLE_CONV_IN,
    ROLE_CONV, /* [channels taps] one after another */
    ROLE_CONV_OUT,
    ROLE_DELTA_IN, /* for a delta rule, which has others of a state space too */
    ROLE_DELTA_GATE_LOW,
    ROLE_DELTA_GATE,
    ROLE_DELTA_BETA,
    ROLE_DELTA_DECAY_LOW,
    ROLE_DELTA_DECAY,
    ROLE_CONV_Q,
    ROLE_CONV_K,
    ROLE_CONV_V,
    ROLE_STATE_IN, /* for a state space */
    ROLE_CONV_BIAS,
    ROLE_A_LOG,
    ROLE_DT_BIAS,
    ROLE_STATE_D,
    ROLE_STATE_NORM,
    ROLE_STATE_OUT,
    ROLE_ATTN_POST_NORM,
    ROLE_FFN_POST_NORM,
    /* Where a dense feed-forward and experts are beside each other, these norms stand behind the
     * one, before the others and behind the others */
    ROLE_BESIDE_POST_NORM,
    ROLE_EXPERT_PRE_NORM,
    ROLE_EXPERT_POST_NORM,
    ROLE_LAYER_SCALE, /* a number */
    ROLE_CROSS_NORM,
    ROLE_CROSS_Q,
    ROLE_CROSS_K,
    ROLE_CROSS_V,
    ROLE_CROSS_O,
    ROLE_FFN_NORM,
    ROLE_GATE,
    ROLE_UP,
    ROLE_DOWN,
    ROLE_GATE_BIAS,
    ROLE_UP_BIAS,
    ROLE_DOWN_BIAS,
    ROLE_ROUTER,
    ROLE_ROUTER_BIAS,
    ROLE_ROUTER_NORM,         /* of what the router reads, if that is not what experts read */
    ROLE_ROUTER_EXPERT_SCALE, /* multiplies the weights of each expert */
    ROLE_ROUTER_CORRECTION,
    ROLE_ROUTER_NOISE,
    /* Those that router_parameters lists, in its order, each as one vector */
    ROLE_ROUTER_OWN_0,
    ROLE_ROUTER_OWN_1,
    ROLE_ROUTER_OWN_2,
    ROLE_ROUTER_OMEGA,
    ROLE_LATENT_DOWN,
    ROLE_LATENT_UP,
    /* Each as one vector */
    ROLE_CONSTANT_WEIGHT,
    ROLE_CONSTANT_VALUE,
    ROLE_EXPERT_GATE,
    ROLE_EXPERT_UP,
    ROLE_EXPERT_DOWN,
    ROLE_EXPERT_GATE_BIAS,
    ROLE_EXPERT_UP_BIAS,
    ROLE_EXPERT_DOWN_BIAS,
    ROLE_SHARED_GATE,
    ROLE_SHARED_UP,
    ROLE_SHARED_DOWN,
    ROLE_SHARED_EXPERT_GATE,
    ROLE_RESIDUAL_GATE,
    ROLE_RESIDUAL_UP,
    ROLE_RESIDUAL_DOWN,
    ROLE_RESIDUAL_COEFFICIENT,
    ROLE_RESIDUAL_COEFFICIENT_BIAS,
    ROLE_COUNT
} param_role;

/* PARAM_STATE: part of the model, but not trained by gradient */
typedef enum param_kind {
    PARAM_MATRIX,
    PARAM_NORM,
    PARAM_BIAS,
    PARAM_ROUTER,
    PARAM_EMBEDDING,
    PARAM_STATE
} param_kind;

/* There is one for the model, one for each layer, or one for each expert. */
typedef enum param_scope { OF_MODEL, OF_LAYER, OF_EXPERT } param_scope;

/* REPACKED: a matrix that products read as a whole, and that --repack may lay out again. The others
 * differ: rows of the embedding are looked up, and latent attention takes its matrices apart. */
typedef enum param_repacking { AS_IT_IS, REPACKED } param_repacking;

/* Where tensor parallelism cuts a parameter: between rows of a matrix or elements of a vector,
 * never across a sum over k (kernel/gemm.h), so that the slices' outputs side by side are the bits
 * of the whole. Expert parallelism cuts no parameter: the rank that holds an expert holds
 * everything that is OF_EXPERT. */
typedef enum param_cut {
    WHOLE,   /* every rank holds it: norms, and routers, which read whole rows */
    BY_ROW,  /* between any two rows */
    BY_HEAD, /* between key-value heads, each with the queries that read it */
} param_cut;

typedef struct param_shape {
    int64_t rows, cols; /* a vector has rows 1; rows 0: it does not exist */
} param_shape;

/* The part that a parameter is of a file's tensor */
enum tensor_form {
    TENSOR_EXPERTS = 1 << 0,      /* [experts, ...]: all experts of the layer, one after another */
    TENSOR_TRANSPOSED = 1 << 1,   /* [in, out] */
    TENSOR_MAY_BE_ROWS = 1 << 21, /* with TRANSPOSED: unless [out, in] alone fits */
    /* Gate and up in one tensor: this is the first half of its rows (of a bias: elements) ... */
    TENSOR_FIRST = 1 << 2,
    TENSOR_SECOND = 1 << 3, /* ... the second half, */
    TENSOR_EVEN = 1 << 4,   /* ... or rows 0, 2, 4 ... */
    TENSOR_ODD = 1 << 5,    /* ... and 1, 3, 5 ... */
    /* NAME_blocks [rows, cols / 32, 16] and NAME_scales [rows, cols / 32] */
    TENSOR_MXFP4 = 1 << 6,
    TENSOR_PAIRED = 1 << 7, /* rows i and i + half of a head are neighbours, 2i and 2i + 1 */
    TENSOR_HEADS = 1 << 8,  /* [heads, rows of one head, cols] */
    /* Rows (of a bias: elements) of queries, then of keys, then of values */
    TENSOR_QKV = 1 << 9,
    TENSOR_ONE_ROW = 1 << 10,    /* a vector as a matrix [1, elements] */
    TENSOR_CHANNELS = 1 << 11,   /* the taps of a convolution as [channels, taps] ... */
    TENSOR_FILTERS = 1 << 12,    /* ... or as [channels, 1, taps] */
    TENSOR_LESS_ONE = 1 << 13,   /* the elements less 1: a norm's gain of 1 + weight */
    TENSOR_ONE_COLUMN = 1 << 14, /* a vector as a matrix [elements, 1] ... */
    TENSOR_GROUPS = 1 << 15,     /* ... or [groups of a state space, elements of a group] */
    TENSOR_EXP = 1 << 16,        /* exp of the elements, ... */
    TENSOR_NEGATED = 1 << 17,    /* ... or - exp of them */
    TENSOR_TILED = 1 << 18,      /* the heads of values are tiled, as model_config.tiled_heads */
    /* A delta rule has for each head of keys its rows of q, k, v and the gate, or of beta and the
     * decay */
    TENSOR_BY_KEY_HEAD = 1 << 19,
    TENSOR_IN_ONES = 1 << 20, /* with ONE_COLUMN: [1, 1, elements, 1] */
    TENSOR_VALUES = TENSOR_LESS_ONE | TENSOR_EXP | TENSOR_NEGATED, /* forms of each element */
    TENSOR_HALF = TENSOR_FIRST | TENSOR_SECOND | TENSOR_EVEN | TENSOR_ODD,
};

/* A tensor's name, in which "{l}" stands for the layer and "{e}" for the expert, and its form */
typedef struct tensor_pattern {
    const char *pattern;
    unsigned form;
} tensor_pattern;

enum { PARAM_PATTERNS = 4 };

typedef struct param_row {
    param_kind kind;
    param_scope scope;
    param_repacking repacking;
    param_cut cut;
    /* l is NULL if the scope is the model. */
    param_shape (*shape)(const model_config *c, const layer_config *l);
    /* How the files of most families hold it: a file has one of these, and the first is written. */
    tensor_pattern folder[PARAM_PATTERNS], gguf[PARAM_PATTERNS];
} param_row;

const param_row *param_row_of(param_role role);

static inline bool param_kind_is_vector(param_kind kind)
{
    return kind == PARAM_NORM || kind == PARAM_BIAS || kind == PARAM_STATE;
}

/* Into how many pieces a parameter of this shape may be cut: 1, its heads, or its rows (of a
 * vector: elements). */
int64_t param_pieces(
    const param_row *row, const model_config *c, const layer_config *l, param_shape shape);

#endif

/* mixer.h - THE LIST of token mixers: the half of a block in which a token reads others, between
 * its norm and the residual. Each has an entry, in a file mixer/X.c.
 *
 * A mixer works on memory that its caller gives it: `kept`, what forward leaves for backward (one a
 * layer when training), and a workspace that is of no value between calls. What it must know of a
 * sequence's past is its state: rows of every token, and a fixed part that stands for all of them
 * (sequence_state.h). Training has no states: a sequence's own tokens are all that it reads. */
#ifndef CADRE_MIXER_MIXER_H
#define CADRE_MIXER_MIXER_H

#include "kernel/compute.h"
#include "kernel/weight.h"
#include "op/batch.h"
#include "op/rope.h"

typedef struct mixer mixer;

/* Norms of queries and keys: of each head, or over the whole projection. */
typedef enum qk_norm { QK_NORM_NONE, QK_NORM_HEAD, QK_NORM_FULL } qk_norm;

/* A layer's mixer in numbers. */
typedef struct mixer_config {
    const mixer *row; /* of THE LIST; NULL: the layer has none */
    int64_t width;    /* of a token */
    /* Attention; of latent attention, head_dim = nope_dim + rope_dim and kv_heads = heads */
    int64_t heads, kv_heads, head_dim, value_dim;
    int64_t window;     /* keys a query sees, its own included; 0: all before it */
    bool bidirectional; /* it sees what comes after, too */
    double scale, softcap;
    qk_norm qk_norm;
    double norm_eps;
    double clip;      /* queries, keys and values are clipped to +- this; 0: not */
    bool paired_rows; /* rows of a head's queries and keys lie in pairs */
    /* Latent attention. q_lora 0: queries are projected directly */
    int64_t q_lora, kv_lora, nope_dim, rope_dim;
    double latent_norm_eps;
    bool split_kv_b; /* MIXER_KV_B is there as MIXER_K_B and MIXER_V_B */
} mixer_config;

/* Parameters; those that a layer does not have are empty. */
typedef enum mixer_part {
    MIXER_NOTHING, /* where a part may be missing: never there */
    MIXER_Q,
    MIXER_K,
    MIXER_V,
    MIXER_O,
    MIXER_Q_BIAS,
    MIXER_K_BIAS,
    MIXER_V_BIAS,
    MIXER_O_BIAS,
    MIXER_Q_NORM,
    MIXER_K_NORM,
    MIXER_SINKS,
    MIXER_Q_A, /* latent attention's */
    MIXER_Q_A_BIAS,
    MIXER_Q_A_NORM,
    MIXER_Q_B,
    MIXER_KV_A,
    MIXER_KV_A_BIAS,
    MIXER_KV_A_NORM,
    MIXER_KV_B,
    MIXER_K_B,
    MIXER_V_B,
    MIXER_LSTM_INPUT, /* a recurrent layer's gates, of the token and of what came before */
    MIXER_LSTM_HIDDEN,
    MIXER_LSTM_BIAS,
    MIXER_PARTS
} mixer_part;

typedef struct mixer_weights {
    weight part[MIXER_PARTS]; /* .data NULL: it is not there */
} mixer_weights;

typedef struct mixer_gradients {
    real *part[MIXER_PARTS]; /* NULL: not trained */
    bool accumulate;         /* they are added to; else written */
} mixer_gradients;

/* Where tokens stand: rotary positions, or a bias of scores by distance. */
typedef struct mixer_positions {
    const rope *rope; /* NULL: there are none */
    /* bias[head * span + zero + key - query]; NULL: none */
    const real *bias;
    real *dbias; /* its gradient by this layer; NULL: not trained */
    int64_t span, zero;
} mixer_positions;

/* What a call works with; kept and workspace as large as the row says, CADRE_ALIGN-aligned. */
typedef struct mixer_call {
    compute *compute;
    const mixer_config *config;
    const mixer_weights *weights;
    const token_batch *batch;
    const batch_limits *most; /* that kept and workspace were measured for */
    mixer_positions positions;
    int64_t layer;  /* whose state it is, where the batch has states */
    real *dencoder; /* [M, D] the gradient by the batch's encoder_output, which is added to */
    void *kept, *workspace;
    size_t kept_bytes, workspace_bytes;
} mixer_call;

/* The state of one sequence, in elements. */
typedef struct mixer_state_size {
    /* A row a token, in two parts: keys and values, say; values 0: they are the keys' first part */
    int64_t key_row, value_row;
    int64_t fixed; /* however many tokens there were; all 0 before the first */
} mixer_state_size;

struct mixer {
    const char *name, *words;
    size_t (*kept_bytes)(const mixer_config *c, const batch_limits *most);
    size_t (*workspace_bytes)(const mixer_config *c, const batch_limits *most, int workers);
    /* y [T, D] of x [T, D]. Where the batch has states, reads them and moves them on */
    void (*forward)(const mixer_call *call, const real *x, real *y);
    /* After forward on the same batch: dx is written. NULL: it cannot be trained */
    void (*backward)(
        const mixer_call *call, const mixer_gradients *g, const real *x, const real *dy, real *dx);
    mixer_state_size (*state)(const mixer_config *c);
    /* A sequence may forget its last tokens: nothing of them is in the fixed part */
    bool rewinds;
    bool places; /* it reads where tokens stand: mixer_call's positions */
};

extern const mixer mixer_grouped, mixer_latent, mixer_cross, mixer_lstm;

const mixer *const *mixer_list(int *count);

#endif

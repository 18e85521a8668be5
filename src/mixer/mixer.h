/* mixer.h - THE LIST of token mixers: the half of a block in which a token reads other tokens,
 * between its norm and the residual. Each has an entry in a file mixer/X.c.
 *
 * A mixer works in memory that its caller gives it: `kept`, which forward leaves for backward (one
 * for each layer in training), and a workspace without value between calls. What it must know of a
 * sequence's past is its state: rows for every token, and a fixed part that stands for all of them
 * (sequence_state.h). Training has no states, because a mixer then reads only the sequence's own
 * tokens. */
#ifndef CADRE_MIXER_MIXER_H
#define CADRE_MIXER_MIXER_H

#include "op/leaves.h"
#include "kernel/compute.h"
#include "kernel/weight.h"
#include "op/batch.h"
#include "op/gather.h"
#include "op/rope.h"

typedef struct mixer mixer;

/* Norms of queries and keys: over each head, or over the whole projection */
typedef enum qk_norm { QK_NORM_NONE, QK_NORM_HEAD, QK_NORM_FULL } qk_norm;

/* What multiplies each head's result before the projection MIXER_O: nothing, or a function of the
 * token's x. Its matrix is part of MIXER_Q, whose rows are then [head_dim queries | head_dim gates]
 * for each head, or it is MIXER_GATE with a row for each element, or one for each head. */
typedef enum output_gating { GATE_NONE, GATE_IN_QUERIES, GATE_ELEMENTS, GATE_HEADS } output_gating;

/* Values: x Wv^T; that with a norm over each head, which has no gain; or the same of the keys
 * before their own norm, so that MIXER_V does not exist. */
typedef enum value_form { VALUES_PLAIN, VALUES_NORMED, VALUES_OF_KEYS } value_form;

/* The configuration of a layer's mixer */
typedef struct mixer_config {
    const mixer *row; /* of THE LIST; NULL: the layer has none */
    int64_t width;    /* of a token */
    /* Attention. With latent attention, head_dim = nope_dim + rope_dim and kv_heads = heads. */
    int64_t heads, kv_heads, head_dim, value_dim;
    int64_t window;     /* keys that a query sees, including its own; 0: all up to it */
    bool bidirectional; /* a query also sees later tokens */
    bool unplaced;      /* queries and keys are not rotated, although other layers' are */
    double scale, softcap;
    qk_norm qk_norm;
    double norm_eps;
    double clip;      /* queries, keys and values are clipped to +- this; 0: they are not */
    bool paired_rows; /* rows of a head's queries and keys are stored in pairs */
    value_form values;
    output_gating gating;
    bool gate_softplus; /* of what the gate's matrix gives; else sigmoid */
    /* Latent attention. q_lora 0: queries are projected directly */
    int64_t q_lora, kv_lora, nope_dim, rope_dim;
    double latent_norm_eps;
    bool split_kv_b; /* MIXER_KV_B is stored as MIXER_K_B and MIXER_V_B */
    int64_t conv;    /* tokens that a convolution over time reads, the token's own included */
    /* A state space (op/state_space.h): its heads, their width, the elements of a state for each
     * element of a head, and the groups of heads that share what writes and reads states */
    int64_t state_heads, state_head_dim, state_dim, state_groups;
    /* A delta rule: heads of values, whose states are [head_dim, value_dim], and of keys */
    int64_t key_heads;
    bool tiled_heads;   /* value head h reads key head h modulo key_heads, else neighbours one */
    double decay_bound; /* of a decay that is bounded; 0: it is not */
    int64_t low_rank;   /* the small width of its decay and gate; 0: they have none */
    /* The format in which a state keeps its rows, chosen when the model is opened; NULL: real */
    const number_format *cache;
    /* Where a rank has some of the heads, all ranks together have so many of keys and values; 0:
     * this rank has all */
    int64_t whole_kv_heads;
    bool elsewhere; /* another rank has the layer, and its state */
} mixer_config;

/* The parameters; those that a layer does not have are empty. */
typedef enum mixer_part {
    MIXER_NOTHING, /* stands for a part that does not exist */
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
    MIXER_GATE,
    MIXER_Q_A, /* for latent attention */
    MIXER_Q_A_BIAS,
    MIXER_Q_A_NORM,
    MIXER_Q_B,
    MIXER_KV_A,
    MIXER_KV_A_BIAS,
    MIXER_KV_A_NORM,
    MIXER_KV_B,
    MIXER_K_B,
    MIXER_V_B,
    MIXER_LSTM_INPUT, /* the gates of a recurrent layer, by the token and by the previous h */
    MIXER_LSTM_HIDDEN,
    MIXER_LSTM_BIAS,
    MIXER_CONV_IN, /* of a short convolution; the taps of each channel in a row */
    MIXER_CONV,
    MIXER_CONV_OUT,
    MIXER_STATE_IN, /* of a state space; it and a delta rule have MIXER_CONV too */
    MIXER_CONV_BIAS,
    MIXER_A_LOG,
    MIXER_DT_BIAS,
    MIXER_STATE_D,
    MIXER_STATE_NORM,
    MIXER_STATE_OUT,
    MIXER_DELTA_IN,    /* of a delta rule: queries, keys and values of all heads */
    MIXER_DELTA_BETA,  /* how much of what a state says of a key is replaced */
    MIXER_DELTA_DECAY, /* a of decay_gate.h, or of what _LOW projects to a small width */
    MIXER_DELTA_DECAY_LOW,
    MIXER_DELTA_GATE, /* of the output, in the same way */
    MIXER_DELTA_GATE_LOW,
    MIXER_CONV_Q, /* instead of MIXER_CONV */
    MIXER_CONV_K,
    MIXER_CONV_V,
    MIXER_PARTS
} mixer_part;

typedef struct mixer_weights {
    weight part[MIXER_PARTS]; /* .data NULL: it does not exist */
} mixer_weights;

typedef struct mixer_gradients {
    real *part[MIXER_PARTS]; /* NULL: it is not trained */
    bool accumulate;         /* gradients are added; otherwise overwritten */
    const leaf_list *leaves; /* how they are summed; NULL: as accumulate says */
} mixer_gradients;

/* The positions of tokens: rotary, or a bias of scores by distance */
typedef struct mixer_positions {
    const rope *rope; /* NULL: there are no rotary positions */
    /* bias[head * span + zero + key - query]; NULL: none */
    const real *bias;
    real *dbias; /* the gradient by it of this layer; NULL: it is not trained */
    int64_t span, zero;
} mixer_positions;

/* What a call works with. kept and workspace are as large as the row says, and
 * CADRE_ALIGN-aligned. */
typedef struct mixer_call {
    compute *compute;
    const mixer_config *config;
    const mixer_weights *weights;
    const token_batch *batch;
    const batch_limits *most;    /* for which kept and workspace were measured */
    const column_gather *tensor; /* of the ranks that have its other heads; NULL: there are none */
    mixer_positions positions;
    int64_t layer;  /* whose state is used if the batch has states */
    real *dencoder; /* [M, D] the gradient by the batch's encoder_output; added to */
    void *kept, *workspace;
    size_t kept_bytes, workspace_bytes;
} mixer_call;

/* The size of one sequence's state, in elements */
typedef struct mixer_state_size {
    /* A row for each token in two parts, such as keys and values; values 0: they are part of the
     * keys */
    int64_t key_row, value_row;
    int64_t fixed; /* for any number of tokens; all 0 before the first */
    int64_t heads; /* that a row consists of; 0: one */
    /* The rows that are read: those of the last tokens, including the token's own; 0: all */
    int64_t window;
    /* The format of the rows, of which a head has whole blocks in each; NULL: real. The fixed part
     * is always real. */
    const number_format *format;
} mixer_state_size;

struct mixer {
    const char *name, *words;
    size_t (*kept_bytes)(const mixer_config *c, const batch_limits *most);
    size_t (*workspace_bytes)(const mixer_config *c, const batch_limits *most, int workers);
    /* y [T, D] of x [T, D]. If the batch has states, reads them and advances them. */
    void (*forward)(const mixer_call *call, const real *x, real *y);
    /* Called after forward on the same batch; writes dx. NULL: it cannot be trained. */
    void (*backward)(
        const mixer_call *call, const mixer_gradients *g, const real *x, const real *dy, real *dx);
    mixer_state_size (*state)(const mixer_config *c);
    /* A sequence may forget its last tokens, because nothing of them is in the fixed part. */
    bool rewinds;
    bool places; /* it reads positions (mixer_call's) */
};

extern const mixer mixer_grouped, mixer_latent, mixer_cross, mixer_lstm, mixer_short_conv,
    mixer_mamba2, mixer_none, mixer_gated_delta, mixer_kda;

const mixer *const *mixer_list(int *count);

#endif

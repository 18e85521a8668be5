/* param.h - the parameters of a model, one row each: role, place, shape, kind.
 *
 * A table is computed from a model_config alone. It is the order of model files, of the optimiser's state and of every loop over
 * parameters: loading, saving, initialising, decaying, hashing all walk it. */
#ifndef CADRE_MODEL_PARAM_H
#define CADRE_MODEL_PARAM_H

#include "model/config.h"

typedef enum param_role {
    ROLE_EMBED, ROLE_OUT_NORM, ROLE_HEAD, ROLE_RELATIVE, /* a bias for each bucket of distances and head */
    ROLE_ATTN_NORM, ROLE_Q, ROLE_K, ROLE_V, ROLE_O, ROLE_Q_NORM, ROLE_K_NORM,
    ROLE_Q_BIAS, ROLE_K_BIAS, ROLE_V_BIAS, ROLE_O_BIAS, ROLE_SINKS,
    ROLE_Q_A, ROLE_Q_A_NORM, ROLE_Q_B, ROLE_KV_A, ROLE_KV_A_NORM, ROLE_KV_B, ROLE_K_B, ROLE_V_B, /* K_B, V_B: KV_B in two */
    ROLE_Q_A_BIAS, ROLE_KV_A_BIAS,
    ROLE_ATTN_POST_NORM, ROLE_FFN_POST_NORM,
    ROLE_CROSS_NORM, ROLE_CROSS_Q, ROLE_CROSS_K, ROLE_CROSS_V, ROLE_CROSS_O,
    ROLE_FFN_NORM, ROLE_GATE, ROLE_UP, ROLE_DOWN, ROLE_GATE_BIAS, ROLE_UP_BIAS, ROLE_DOWN_BIAS,
    ROLE_ROUTER, ROLE_ROUTER_BIAS, ROLE_ROUTER_CORRECTION, ROLE_ROUTER_NOISE,
    ROLE_EXPERT_GATE, ROLE_EXPERT_UP, ROLE_EXPERT_DOWN,
    ROLE_EXPERT_GATE_BIAS, ROLE_EXPERT_UP_BIAS, ROLE_EXPERT_DOWN_BIAS,
    ROLE_SHARED_GATE, ROLE_SHARED_UP, ROLE_SHARED_DOWN, ROLE_SHARED_SIGMOID,
    ROLE_COUNT
} param_role;

typedef enum param_kind { PARAM_MATRIX, PARAM_NORM, PARAM_BIAS, PARAM_ROUTER, PARAM_EMBEDDING, PARAM_STATE } param_kind;

typedef struct param {
    param_role role;
    param_kind kind;      /* PARAM_STATE: part of the model, not trained by gradient */
    int32_t layer;        /* -1: of the model */
    int32_t expert;       /* -1: not one of several experts */
    int64_t rows, cols;   /* [rows, cols]; a vector has rows 1 */
    int64_t offset;       /* of its first element when all lie one after another, each 16-aligned */
} param;

typedef struct param_table {
    param *rows;
    int64_t count;
    int64_t elements; /* of the flat layout, padding included */
    int64_t total;    /* parameters, PARAM_STATE left out */
    int64_t active;   /* of those, used by one token (of the embedding its one row, where the head is another matrix) */
} param_table;

cadre_status param_table_make(const model_config *config, param_table *table);
void param_table_free(param_table *table);

bool param_is_expert(param_role role); /* one matrix or vector an expert */

#endif

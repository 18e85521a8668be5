/* param.h - the parameters of a model, one row each: role, place, shape, kind.
 *
 * A table is computed from a model_config alone. It is the order of model files, of the optimiser's
 * state and of every loop over parameters: loading, saving, initialising, decaying, hashing all
 * walk it. */
#ifndef CADRE_ARCH_PARAM_H
#define CADRE_ARCH_PARAM_H

#include "arch/param_list.h"

/* What a router's own parameter starts with, and the columns that it has to its router. */
typedef struct param_start {
    router_start kind;
    real value;
    int32_t cols, experts;
} param_start;

typedef struct param {
    param_role role;
    param_kind kind;    /* PARAM_STATE: part of the model, not trained by gradient */
    int32_t layer;      /* -1: of the model */
    int32_t expert;     /* -1: not one of several experts */
    bool encoder;       /* of the stack that reads, not of the one that writes */
    int64_t rows, cols; /* [rows, cols]; a vector has rows 1 */
    int64_t offset;     /* of its first element when all lie one after another, each 16-aligned */
    /* Where the table is of one rank's share: rows (of a vector: numbers) of the whole that come
     * before these, and of how many */
    int64_t first, whole;
    param_start start; /* of ROLE_ROUTER_OWN_* */
    bool copy; /* other ranks hold the same, and one of them counts it in sums over parameters */
} param;

/* What one rank holds: of every parameter that is cut one of so many slices, of each layer's
 * experts one of so many groups of neighbours, and all the rest. */
typedef struct param_share {
    int32_t slice, slices;
    int32_t group, groups;
} param_share;

typedef struct param_table {
    param *rows;
    int64_t count;
    int64_t elements; /* of the flat layout, padding included */
    int64_t total;    /* parameters, PARAM_STATE left out */
    /* Of those, used by one token (of the embedding its one row, where the head is another
     * matrix) */
    int64_t active;
} param_table;

cadre_status param_table_make(const model_config *config, param_table *table);
/* The same, and behind it what its encoder has: all but the embedding where the two share it. */
cadre_status param_table_make_whole(const model_config *config, param_table *table);
/* The model or its encoder: what the parameter's layer is a layer of. */
const model_config *param_stack(const model_config *config, const param *p);
/* Of one rank's share: rows and elements are those that it holds, total and active the model's. */
cadre_status param_table_make_share(
    const model_config *config, const param_share *share, param_table *table);
void param_table_free(param_table *table);

/* A matrix of one row is none */
static inline bool param_is_vector(const param *p) { return param_kind_is_vector(p->kind); }

/* Elements of the whole that come before the first one here. */
static inline int64_t param_elements_before(const param *p)
{
    return param_is_vector(p) ? p->first : p->first * p->cols;
}

static inline bool param_is_expert(param_role role)
{
    return param_row_of(role)->scope == OF_EXPERT;
}

#endif

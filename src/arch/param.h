/* param.h - the parameters of a model, one row each: role, place, shape, kind.
 *
 * A table is computed from a model_config alone. It is the order of model files, of the optimiser's
 * state and of every loop over parameters: loading, saving, initialising, decaying, hashing all
 * walk it. */
#ifndef CADRE_ARCH_PARAM_H
#define CADRE_ARCH_PARAM_H

#include "arch/param_list.h"

typedef struct param {
    param_role role;
    param_kind kind;    /* PARAM_STATE: part of the model, not trained by gradient */
    int32_t layer;      /* -1: of the model */
    int32_t expert;     /* -1: not one of several experts */
    int64_t rows, cols; /* [rows, cols]; a vector has rows 1 */
    int64_t offset;     /* of its first element when all lie one after another, each 16-aligned */
} param;

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
void param_table_free(param_table *table);

static inline bool param_is_expert(param_role role)
{
    return param_row_of(role)->scope == OF_EXPERT;
}

#endif

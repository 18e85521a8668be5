/* param.h - the parameters of a model, one row for each: role, place, shape, kind.
 *
 * A table is computed from a model_config alone. It gives the order of model files, of the
 * optimiser's state and of every loop over parameters: loading, saving, initialising, decaying and
 * hashing all walk it. */
#ifndef CADRE_ARCH_PARAM_H
#define CADRE_ARCH_PARAM_H

#include "arch/param_part.h"

/* What a router's own parameter starts with, and how many columns it has for its router */
typedef struct param_start {
    router_start kind;
    real value;
    int32_t cols, experts;
} param_start;

typedef struct param {
    param_role role;
    param_kind kind;    /* PARAM_STATE: part of the model, but not trained by gradient */
    int32_t layer;      /* -1: it belongs to the model */
    int32_t expert;     /* -1: it belongs to no expert */
    bool encoder;       /* it belongs to the encoder */
    int64_t rows, cols; /* [rows, cols]; a vector has rows 1 */
    int64_t offset;     /* of its first element in the flat layout, a multiple of 16 */
    int64_t index;      /* its row in the table of the whole model */
    /* In a table of one rank's share: the rows (of a vector: elements) of the whole parameter that
     * come before these, and how many there are in all */
    int64_t first, whole;
    param_start start; /* for ROLE_ROUTER_OWN_* */
} param;

/* Elements first .. end - 1 of a parameter, row after row */
typedef struct param_range {
    int64_t first, end;
} param_range;

/* What one rank holds: one of several slices of every parameter that is cut, one of several groups
 * of neighbouring experts of each layer, and everything else */
typedef struct param_share {
    int32_t slice, slices;
    int32_t group, groups;
    bool whole_experts; /* an expert's parameters are not cut */
    /* The layers are cut into stages * chunks parts, of which the rank holds the parts stage, stage
     * + stages, ...; with stages 0 it holds all. The model's own parameters belong to its first
     * layer (the embedding) or its last; an embedding that is the output matrix too, to both. */
    int32_t stage, stages, chunks;
} param_share;

typedef struct param_table {
    param *rows;
    int64_t count;
    int64_t elements; /* of the flat layout, including padding */
    int64_t total;    /* parameters without PARAM_STATE */
    /* Those of them that one token uses. Of the embedding that is one row, if the head is another
     * matrix. */
    int64_t active;
} param_table;

cadre_status param_table_make(const model_config *config, param_table *table);
/* Does the same and adds the parameters of its encoder after them, except an embedding that both
 * share. */
cadre_status param_table_make_whole(const model_config *config, param_table *table);
/* The configuration, of the model or its encoder, that the parameter's layer belongs to */
const model_config *param_stack(const model_config *config, const param *p);
/* Makes the table of one rank's share: rows and elements are those that it holds, total and active
 * those of the model. */
cadre_status param_table_make_share(
    const model_config *config, const param_share *share, param_table *table);
cadre_status param_table_copy(const param_table *from, param_table *table);
void param_table_free(param_table *table);

/* A matrix with one row is not a vector. */
static inline bool param_is_vector(const param *p) { return param_kind_is_vector(p->kind); }

/* The shape of a parameter of layer l (of the model: not read) and of an expert (-1: of none).
 * Experts of a bank may have a width of their own. */
param_shape param_shape_of(
    const model_config *config, const param_row *row, int64_t l, int64_t expert);

/* The rows (of a vector: elements) of the whole parameter that come before slice i of a cut one */
int64_t param_slice_begin(const model_config *config, const param *p, int32_t i, int32_t slices);

/* Whether an expert of a layer is in the group of the share */
bool param_share_has_expert(
    const model_config *config, const param_share *share, int64_t layer, int64_t expert);

/* The elements of the whole parameter that come before the first one here */
static inline int64_t param_elements_before(const param *p)
{
    return param_is_vector(p) ? p->first : p->first * p->cols;
}

static inline bool param_is_expert(param_role role)
{
    return param_row_of(role)->scope == OF_EXPERT;
}

#endif

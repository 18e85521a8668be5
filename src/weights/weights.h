/* weights.h - a model's parameters as the arithmetic sees them: views by layer and role, and tables
 * of pointers for experts.
 *
 * The numbers lie elsewhere: in one flat array when training, in a mapped file otherwise. Gradients
 * have the same form. */
#ifndef CADRE_WEIGHTS_WEIGHTS_H
#define CADRE_WEIGHTS_WEIGHTS_H

#include "arch/param.h"
#include "kernel/weight.h"
#include "weights/weight_file.h"

/* Streamed: not in memory but while a source of experts has brought it there. */
typedef enum place_kind { PLACE_MAPPED, PLACE_COPIED, PLACE_STREAMED } place_kind;

/* Where the numbers of table->rows[i] are. */
typedef struct param_place {
    place_kind kind;
    /* [rows, cols]; vectors (rows 1) always `real`; NULL where they are streamed: */
    const void *data;
    file_range range, factor_range; /* the bytes from the first number's to the last's */
    const number_format *format;    /* NULL: `real` */
    /* Numbers from row to row; the experts of one layer have the same, and the same format */
    int64_t stride;
    number_block_scales block_scales;
    /* As in kernel/weight.h; of all experts of one role and layer, or none */
    bool interleaved;
} param_place;

typedef struct layer_weights {
    weight role[ROLE_COUNT];    /* plain matrices and vectors; .data NULL: this layer has none */
    mixer_weights mixer, cross; /* views of some of these, as mixers have them */
    moe_weights moe;            /* of a sparse layer */
} layer_weights;

typedef struct model_weights {
    weight embed, out_norm, head; /* head: the embedding where they are tied */
    weight relative;              /* [buckets, heads]; .data NULL: none */
    layer_weights *layer;         /* [layers] */
    const void **pointers;        /* the experts' tables, then those of their block scales */
    expert_source *source;        /* borrowed; NULL: the experts are where the tables say */
} model_weights;

typedef struct layer_gradients {
    real *role[ROLE_COUNT];
    mixer_gradients mixer, cross;
    moe_gradients moe;
    bool accumulate; /* the next backward adds to what is there; else it writes */
} layer_gradients;

typedef struct model_gradients {
    real *embed, *out_norm, *head; /* head: the embedding's where they are tied */
    real *relative;                /* [buckets, heads]; NULL: none */
    layer_gradients *layer;        /* [layers] */
    real **pointers;
    bool accumulate; /* as in each layer's */
} model_gradients;

/* Borrows everything that `place` points to. */
cadre_status model_weights_make(const model_config *config, const param_table *table,
    const param_place *place, model_weights *w);
void model_weights_free(model_weights *w);

/* Views into flat arrays of table->elements: of the rows of this stack, which an encoder's
 * configuration tells from its decoder's. */
cadre_status model_weights_of_flat(
    const model_config *config, const param_table *table, const real *values, model_weights *w);
cadre_status model_gradients_of_flat(
    const model_config *config, const param_table *table, real *values, model_gradients *g);
void model_gradients_free(model_gradients *g);
/* Whether the next backward adds to what is there, or writes: the first of a step. */
void model_gradients_accumulate(model_gradients *g, int64_t layers, bool accumulate);

static inline const real *weight_reals(const weight *w) { return w->data; }

#endif

/* weights.h - a model's parameters as the arithmetic sees them: views by layer and role, and tables
 * of pointers for experts.
 *
 * The values lie elsewhere: in one flat array in training, otherwise in a mapped file. Gradients
 * have the same form. */
#ifndef CADRE_WEIGHTS_WEIGHTS_H
#define CADRE_WEIGHTS_WEIGHTS_H

#include "arch/param.h"
#include "kernel/weight.h"
#include "weights/weight_file.h"

/* A streamed parameter is in memory only while a source of experts holds it. */
typedef enum place_kind { PLACE_MAPPED, PLACE_COPIED, PLACE_STREAMED } place_kind;

/* Where the elements of table->rows[i] are */
typedef struct param_place {
    place_kind kind;
    /* [rows, cols]; vectors (rows 1) are always `real`; NULL: streamed, and then `range` holds. */
    const void *data;
    file_range range, scales_range; /* all bytes of the values; of their block scales */
    const number_format *format;    /* NULL: `real` */
    /* Elements from row to row. The experts of a layer share it, and the format. */
    int64_t stride;
    number_block_scales block_scales;
    /* As in kernel/weight.h; the same for all experts of one role and layer */
    bool interleaved;
    const weight_slice *slice; /* as in kernel/weight.h */
} param_place;

typedef struct layer_weights {
    weight role[ROLE_COUNT];    /* plain matrices and vectors; .data NULL: this layer has none */
    mixer_weights mixer, cross; /* views of some of these, as mixers have them */
    moe_weights moe;            /* of a sparse layer */
} layer_weights;

typedef struct model_weights {
    weight embed, out_norm, head; /* head: the embedding where they are tied */
    weight relative;              /* [buckets, heads]; .data NULL: none */
    weight image_codes;           /* of a model that reads images; .data NULL: none */
    layer_weights *layer;         /* [layers] */
    const void **pointers;        /* the experts' tables, then those of their block scales */
    /* [layers, ROUTER_MAX_TYPES] of experts whose width is their bank's */
    expert_weights *banks;
    expert_source *source; /* borrowed; NULL: the experts are where the tables say */
} model_weights;

typedef struct layer_gradients {
    real *role[ROLE_COUNT];
    mixer_gradients mixer, cross;
    moe_gradients moe;
    bool accumulate;         /* the next backward pass adds, instead of overwriting */
    const leaf_list *leaves; /* along which dense gradients are summed; NULL: as accumulate says */
} layer_gradients;

typedef struct model_gradients {
    real *embed, *out_norm, *head; /* head: the embedding's where they are tied */
    real *relative;                /* [buckets, heads]; NULL: none */
    layer_gradients *layer;        /* [layers] */
    real **pointers;
    expert_gradients *banks; /* as in model_weights */
    bool accumulate;         /* as in each layer's */
    const leaf_list *leaves;
} model_gradients;

/* Borrows everything that `place` points to. */
cadre_status model_weights_make(const model_config *config, const param_table *table,
    const param_place *place, model_weights *w);
void model_weights_free(model_weights *w);

/* Attaches low-rank pairs, borrowed, to a parameter of a layer: one, or those of all of its
 * experts. After the last of them, the views that mixers and sparse layers have get them too. */
void model_weights_pair(model_weights *w, int64_t layer, param_role role, const low_rank *pairs);
void model_weights_share_pairs(model_weights *w, int64_t layers);

/* Makes views into flat arrays of table->elements, of the rows of this stack: an encoder's
 * configuration tells its rows from its decoder's. slices: [table->count] of those that are cut,
 * borrowed (.whole 0: it is not); NULL: none is. */
cadre_status model_weights_of_flat(
    const model_config *config, const param_table *table, const real *values, model_weights *w);
cadre_status model_weights_of_slices(const model_config *config, const param_table *table,
    const real *values, const weight_slice *slices, model_weights *w);
cadre_status model_gradients_of_flat(
    const model_config *config, const param_table *table, real *values, model_gradients *g);
void model_gradients_free(model_gradients *g);
/* Says whether the next backward pass adds to the gradients or, as the first of a step, overwrites
 * them; and how it sums those of dense parameters, where leaves is not NULL. */
void model_gradients_accumulate(
    model_gradients *g, int64_t layers, bool accumulate, const leaf_list *leaves);

static inline const real *weight_reals(const weight *w) { return w->data; }

#endif

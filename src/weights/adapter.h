/* adapter.h - adapters of a model (LoRA, Hu et al. 2021): a pair of small matrices A [R, in] and
 * B [out, R] beside each of some matrices W [out, in], which stay as they are. A layer computes
 * W x + (alpha / R) B A x.
 *
 * The pairs are a table of parameters of their own, which is trained, saved and loaded like that of
 * a model: two rows for each pair. The folder that holds them has the layout of the peft package.
 * Experts' pairs are there in one of two forms:
 *
 *     modules      gate, up and down of each expert have pairs with names of their own
 *     parameters   gate and up of an expert share a pair with 2H outputs, and all experts of a
 *                  layer are one tensor: A [E R, in], expert by expert; B [out, R E], where column
 *                  r E + e belongs to expert e */
#ifndef CADRE_WEIGHTS_ADAPTER_H
#define CADRE_WEIGHTS_ADAPTER_H

#include "arch/tensor_name.h"
#include "weights/weights.h"

/* The matrices that pairs adapt, as --targets names them */
typedef enum adapter_target {
    ADAPT_Q = 1 << 0,
    ADAPT_K = 1 << 1,
    ADAPT_V = 1 << 2,
    ADAPT_O = 1 << 3,
    ADAPT_GATE = 1 << 4, /* of experts, shared experts and dense layers: modules */
    ADAPT_UP = 1 << 5,
    ADAPT_DOWN = 1 << 6,
    ADAPT_GATE_UP = 1 << 7, /* of routed experts: parameters */
    ADAPT_FUSED_DOWN = 1 << 8,
} adapter_target;

/* Parses "q,k,v,o" and the like. "down" is that of modules beside "gate" or "up", else that of
 * parameters. */
cadre_status adapter_targets_parse(const char *text, unsigned *targets);
/* Writes targets in the form that is parsed. */
enum { ADAPTER_TARGETS_TEXT = 40 };
void adapter_targets_text(unsigned targets, char text[ADAPTER_TARGETS_TEXT]);

typedef struct adapter_spec {
    int64_t rank;
    double alpha;
    unsigned targets;
} adapter_spec;

/* One pair: rows 2 i (A) and 2 i + 1 (B) of the table */
typedef struct adapter_pair {
    param_role role; /* with gate_up, ROLE_EXPERT_GATE */
    int32_t layer, expert;
    bool fused; /* the pairs of all experts of the layer are one tensor */
} adapter_pair;

typedef struct adapter {
    adapter_spec spec;
    /* The experts of a layer and role are neighbours, in their order. */
    adapter_pair *pair; /* [count] */
    int64_t count;
    param_table table;
} adapter;

/* Lists the pairs of a model. Refuses targets that the model does not have, and models whose layers
 * cannot have pairs. */
cadre_status adapter_make(const model_config *config, const adapter_spec *spec, adapter *a);
void adapter_free(adapter *a);

/* Fills values [table elements]: A at random, as PyTorch fills a linear layer, and B with zeros. */
void adapter_initialise(const adapter *a, uint64_t seed, real *values);

/* Sets views of the pairs [count]. table: the adapter's, with the offsets of values. gradient NULL:
 * they are not trained. */
void adapter_views(const adapter *a, const param_table *table, const real *values, real *gradient,
    low_rank *pairs);
/* Does the same, and gives them to the model's weights, which borrow them. */
void adapter_bind(const adapter *a, const param_table *table, const real *values, real *gradient,
    low_rank *pairs, const model_config *config, model_weights *w);

/* A model that is not changed, in any number formats, and the pairs that are trained */
typedef struct adapted_model {
    const adapter *adapter;
    const param_table *table; /* the model's */
    const param_place *place; /* [table->count]; NULL: memory is only measured */
} adapted_model;

/* The most rows that reach the pairs of one layer in a pass, for low_rank_reserve */
int64_t adapter_most_rows(const model_config *config, int64_t tokens, int64_t sequences);

#endif

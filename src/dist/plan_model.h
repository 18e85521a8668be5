/* plan_model.h - the numbers of a model on which the time and the memory of its layouts depend. */
#ifndef CADRE_DIST_PLAN_MODEL_H
#define CADRE_DIST_PLAN_MODEL_H

#include "arch/param.h"

typedef struct plan_model {
    /* the largest of any layer for experts and picks */
    int layers, sparse_layers, experts, picks, kv_heads;
    double width, heads_width, hidden, vocab;
    /* Ranks that divide matrices gather the hidden rows of each feed-forward: of the picked
     * experts, of a shared expert, of a dense layer. How many gathers that are in a pass, and how
     * many elements of a token, in all layers */
    double hidden_gathers, hidden_elements;
    double dense_parameters, expert_parameters, active_parameters;
    double dense_bytes, expert_bytes; /* bytes of the weights; experts: all of all layers */
    double dense_read;                /* bytes that every pass reads */
    double token_cache;               /* bytes that a token takes in the cache */
} plan_model;

/* Counts the parameters, with this many bits for each weight. */
cadre_status plan_model_of_config(const model_config *config, double bits, plan_model *m);

#endif

/* plan_model.h - of a model, what the time and the memory of its layouts depend on. */
#ifndef CADRE_DIST_PLAN_MODEL_H
#define CADRE_DIST_PLAN_MODEL_H

#include "arch/param.h"

typedef struct plan_model {
    int layers, sparse_layers, experts, picks, kv_heads; /* experts: of a layer, at most */
    double width, heads_width, hidden, vocab;
    double dense_parameters, expert_parameters, active_parameters;
    double dense_bytes, expert_bytes; /* of the weights, all experts of all layers */
    double dense_read;                /* bytes that every pass reads */
    double token_cache;               /* bytes that a token leaves in the cache */
} plan_model;

/* Counts parameters, as weights of so many bits each. */
cadre_status plan_model_of_config(const model_config *config, double bits, plan_model *m);

#endif

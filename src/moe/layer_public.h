/* layer_public.h - what a public sparse layer holds: layer_public.c makes it and runs its steps,
 * layer_parameters.c lays out, lists and fills its parameters. */
#ifndef CADRE_MOE_LAYER_PUBLIC_H
#define CADRE_MOE_LAYER_PUBLIC_H

#include "cadre/layer.h"
#include "moe/layer.h"

struct cadre_moe {
    cadre_context *context; /* borrowed */
    compute *compute;       /* of the context */
    moe_config config;
    batch_limits most;
    int32_t layer;
    arena arena;
    moe_weights weights;
    moe_gradients gradients;
    real *correction; /* [E]; NULL: the router has none */
    real *own[ROUTER_OWN_PARAMETERS];
    expert_weights bank_weights[ROUTER_MAX_TYPES];
    expert_gradients bank_gradients[ROUTER_MAX_TYPES];
    cadre_moe_parameter *parameter;
    int64_t parameters;
    moe_state state;
    void *scratch;
    size_t scratch_bytes;
    balance *balance;

    uint64_t seed, step;
    int64_t tokens_before; /* of this step, in batches before the one at hand */
    token_batch batch;     /* the last forward's */
    router_draws draws;    /* of it */
    const real *logits_before;
    real *dlogits_before;
    real *dy;            /* [n, T, D] what backward was given, with zeros where there is padding */
    bool differentiates; /* backward may follow */
    int64_t one[2];      /* start, where all tokens are one sequence */
    const real *x;       /* of a forward that awaits its backward; NULL: none does */
};

/* Lays parameters, gradients and the layer's memory out over an arena, once to measure; the second
 * run also lists the parameters in m->parameter. */
void layer_parameters_layout(cadre_moe *m, arena *a);
int64_t layer_parameters_most(const moe_config *c); /* entries of the list */
void layer_parameters_initialise(cadre_moe *m);

#endif

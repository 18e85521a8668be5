/* sparsify.h - what upcycling and merging share: a dense model's configuration becomes a sparse
 * one's, which gets a router. */
#ifndef CADRE_GROW_SPARSIFY_H
#define CADRE_GROW_SPARSIFY_H

#include "cadre/write.h"
#include "arch/param.h"

/* What a dense model's feed-forwards become */
typedef struct sparse_form {
    int64_t experts, topk, width; /* E, K, H of an expert */
    int64_t every;                /* every so many-th layer becomes sparse */
    const struct router *router;
} sparse_form;

/* Refuses anything but a decoder without sparse layers. */
cadre_status sparsify_check_dense(const model_config *c, const char *path);

/* Turns the dense model's configuration into the sparse one's, and checks it. */
cadre_status sparsify(const sparse_form *form, const char *where, model_config *c);

/* Chooses a sparse family whose blocks are like those of dense models, or cadre's own layout. */
cadre_status sparsify_choose_layout(
    const char *where, const cadre_output_listener *listener, model_config *c);

/* The dense role that a role of an expert is made of; a role of no expert is returned as it is. */
param_role sparsify_dense_role(param_role role);
/* Whether it belongs to the router, which the sparse model has and the dense one has not. */
bool sparsify_is_router(param_role role);

/* The router of a model that had none */
typedef struct new_router {
    double deviation; /* of its weights; 0: they are zero */
    int64_t alike;    /* this many neighbours have equal rows */
    uint64_t seed;
    double sum; /* of a token's weights if all logits are equal, or always if fixed */
} new_router;

/* Fills in the sum. Refuses a router for which it cannot be said. */
cadre_status new_router_fit(new_router *r, const model_config *c, bool *fixed);
void new_router_make(const new_router *r, const param *p, real *values);

#endif

/* moe_case.h - a small sparse layer with random weights, inputs and everything around it, for tests
 * of the moe room. */
#ifndef CADRE_TESTS_MOE_CASE_H
#define CADRE_TESTS_MOE_CASE_H

#include "moe/layer.h"
#include "support/gradient.h"

typedef struct moe_parameter {
    const char *name;
    real *value, *gradient;
    int64_t count;
} moe_parameter;

enum { MOE_CASE_PARAMETERS = 12 };

typedef struct moe_case {
    moe_config config;
    compute *compute;
    token_batch batch;
    moe_call call;
    moe_weights weights;
    moe_gradients gradients;
    moe_parameter parameter[MOE_CASE_PARAMETERS];
    int parameters;
    real *x, *y, *dy, *dx; /* [T, D] */
    moe_state state;
    int64_t *start;
    bool *valid;
    real losses[2], ones[2]; /* aux and z of the balance, as outputs of the gradient check */
    void *owned[64];         /* blocks to free */
    int blocks;
    arena arena;
} moe_case;

/* A config of experts with one row of options: the router by name. */
moe_config moe_case_config(const char *router, int32_t experts, int32_t topk);

/* All weights normal, the router's wide enough that picks are well apart. train is on. */
moe_case *moe_case_new(
    const moe_config *config, int64_t sequences, int64_t length, int threads, uint64_t seed);
void moe_case_free(moe_case *c);

/* Draws tokens anew until no small change of anything changes a pick, a slot, or the side of a kink
 * that an activation is on: differences then mean something. */
void moe_case_settle(moe_case *c);

/* A balance of this one layer. */
balance *moe_case_balance(const moe_case *c, const balance_options *options);

/* One step of one part: balance_step_begin, forward, balance_finish. Leaves the losses in
 * `losses`. */
void moe_case_forward(void *c);
void moe_case_backward(moe_case *c, bool accumulate);

/* Settles the case, then differences against the gradient of sum(y dy) + aux + z by every parameter
 * and by x. */
void moe_case_check_gradients(moe_case *c, const char *what);

#endif

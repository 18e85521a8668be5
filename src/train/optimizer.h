/* optimizer.h - THE LIST of optimisers, which turn gradients into updates of the flat parameters.
 *
 * The norm of the whole gradient, used for clipping, counts every trained parameter once. An expert
 * that got no tokens has a gradient of zeros and is updated like any other: its momentum still
 * moves it, and it decays. */
#ifndef CADRE_TRAIN_OPTIMIZER_H
#define CADRE_TRAIN_OPTIMIZER_H

#include "arch/param.h"
#include "base/comm.h"
#include "kernel/compute.h"
#include "train/freeze.h"

typedef struct optimizer_method optimizer_method; /* a row of the list */

typedef struct optimizer_options {
    const optimizer_method *method; /* NULL: AdamW */
    double beta1, beta2, eps;       /* AdamW, also for the parameters that Muon leaves to it */
    double weight_decay;
    double momentum;     /* SGD, Muon */
    bool original_scale; /* Muon: its step is scaled as first published, not to AdamW's size */
    double clip;         /* 0: no clipping */
    bool keep_norms, keep_biases, keep_router, keep_embeddings; /* kinds that do not decay */
    freeze_list freeze;
} optimizer_options;

typedef struct optimizer optimizer;

enum { OPTIMIZER_BLOCK = 1 << 14 }; /* elements that one worker updates and one rank owns */

/* The rows of the list; NULL: i is past its end, or there is no such name */
const optimizer_method *optimizer_method_at(int i);
const optimizer_method *optimizer_method_by_name(const char *name);
const char *optimizer_name(int i);
const char *optimizer_meaning(int i);
const char *optimizer_method_name(const optimizer_method *m); /* NULL: AdamW's */
double optimizer_default_momentum(const optimizer_method *m); /* 0: it has none */
bool optimizer_has_betas(const optimizer_method *m);          /* it reads beta1, beta2 and eps */
/* Whether a parameter is a router's, whose learning rate is --router-lr */
bool optimizer_is_router(const param *p);
/* Whether ranks may divide a parameter; otherwise one of them updates all of it */
bool optimizer_divides(const optimizer_method *m);

/* Makes an optimiser whose states are zero. Borrows c and table. */
cadre_status optimizer_new(
    compute *c, const param_table *table, const optimizer_options *options, optimizer **o);
void optimizer_free(optimizer *o);
/* What optimizer_new will allocate */
size_t optimizer_bytes(const param_table *table, const optimizer_options *options);

enum { OPTIMIZER_STATES = 2 };

/* A state that the optimiser keeps from step to step, and that checkpoints hold: an array for each
 * parameter, with the shapes of `table`. A row of PARAM_STATE has no array. */
typedef struct optimizer_state {
    const char *prefix; /* of tensors' names: "adamw.m." */
    const param_table *table;
    real *values; /* [table->elements] */
} optimizer_state;
int optimizer_states(const optimizer *o);
optimizer_state optimizer_state_at(const optimizer *o, int i);
/* Whether states have other shapes than their parameters */
bool optimizer_has_shapes(const optimizer *o);
/* Makes the layout of a state for another table of parameters. */
cadre_status optimizer_state_table(
    const optimizer *o, int state, const param_table *table, param_table *own);

/* How several ranks divide the parameters. A rank's table has its share of the model
 * (arch/param.h), in which the experts come last and are updated by this rank. The dense parameters
 * before them are the same for all ranks of `owners`, and each of these ranks updates elements
 * first[rank] .. first[rank + 1] - 1, which are whole parameters if the method does not divide
 * them. The norm counts every parameter of the model once; a block of which several ranks have
 * pieces is put together for it. */
typedef struct optimizer_share {
    comm *ranks;              /* all ranks */
    comm *owners;             /* those that divide the dense parameters */
    bool counts_whole;        /* this rank counts, in the norm, parameters that are not cut */
    bool counts_embedding;    /* it counts the embedding, which a tied head's stage has too */
    const param_table *whole; /* of the whole model */
    /* With an adapter every rank has the pairs of all experts, and `held` says which of them it
     * updates. NULL: there is no adapter, and a rank updates all experts that it has */
    const model_config *adapted;
    param_share held;
    int64_t dense;  /* elements of dense parameters */
    int64_t *first; /* [owners + 1] optimizer_divide writes it; borrowed */
} optimizer_share;
cadre_status optimizer_divide(optimizer *o, const param_table *table, const optimizer_share *share);

/* The norm of the gradient before clipping, the same for any number of workers and ranks. */
double optimizer_gradient_norm(optimizer *o, const real *gradient);

/* Takes step number t, counted from 1. If the norm is larger than clip, the gradient is scaled by
 * clip / norm. */
void optimizer_step(optimizer *o, real *values, const real *gradient, double norm, double lr,
    double router_lr, int64_t t);

#endif

/* optimizer.h - how a gradient becomes a step: THE LIST of optimisers over the flat parameters. The
 * norm of the whole gradient, used for clipping, counts every trained parameter once. An expert
 * without tokens has a gradient of zeros like any other: its momentum goes on, and it decays. */
#ifndef CADRE_TRAIN_OPTIMIZER_H
#define CADRE_TRAIN_OPTIMIZER_H

#include "arch/param.h"
#include "base/comm.h"
#include "kernel/compute.h"
#include "train/freeze.h"

typedef struct optimizer_method optimizer_method; /* a row of the list */

typedef struct optimizer_options {
    const optimizer_method *method;         /* NULL: AdamW */
    double beta1, beta2, eps, weight_decay; /* AdamW, and what Muon leaves to it */
    double momentum;                        /* SGD, Muon */
    bool original_scale; /* Muon: its step is scaled as first published, not to AdamW's size */
    double clip;         /* 0: no clipping */
    bool keep_norms, keep_biases, keep_router, keep_embeddings; /* kinds that do not decay */
    freeze_list freeze;
} optimizer_options;

typedef struct optimizer optimizer;

enum { OPTIMIZER_BLOCK = 1 << 14 }; /* elements that are updated, and owned, together */

/* The list; NULL past its end, or unknown */
const optimizer_method *optimizer_method_at(int i);
const optimizer_method *optimizer_method_by_name(const char *name);
const char *optimizer_name(int i);
const char *optimizer_meaning(int i);
const char *optimizer_method_name(const optimizer_method *m); /* NULL: AdamW's */
double optimizer_usual_momentum(const optimizer_method *m);   /* 0: it has none */
bool optimizer_has_betas(const optimizer_method *m);          /* it reads beta1, beta2 and eps */
/* Whether ranks may divide a parameter; else each parameter is updated by one of them */
bool optimizer_divides(const optimizer_method *m);

/* Borrows c and table. Allocates the states, which begin at zero. */
cadre_status optimizer_new(
    compute *c, const param_table *table, const optimizer_options *options, optimizer **o);
void optimizer_free(optimizer *o);
/* What optimizer_new will allocate */
size_t optimizer_bytes(const param_table *table, const optimizer_options *options);

enum { OPTIMIZER_STATES = 2 };

/* What it keeps from step to step, as checkpoints hold it: an array for each parameter. The shapes
 * are those of `table`, in which a row of PARAM_STATE has none. */
typedef struct optimizer_state {
    const char *prefix; /* of tensors' names: "adamw.m." */
    const param_table *table;
    real *values; /* [table->elements] */
} optimizer_state;
int optimizer_states(const optimizer *o);
optimizer_state optimizer_state_at(const optimizer *o, int i);
/* Whether the states have tables of their own, and a state's for another table of parameters (which
 * is a copy of that where they have not) */
bool optimizer_has_shapes(const optimizer *o);
cadre_status optimizer_state_table(
    const optimizer *o, int state, const param_table *table, param_table *own);

/* Several ranks divide the parameters. A rank's table has its share of the model (arch/param.h).
 * The ranks of `owners` have the same table, but for its experts, which are this rank's; of the
 * others, which lie before them, each updates elements first[rank] .. first[rank + 1] - 1, which
 * are whole parameters where the method does not divide them. The norm
 * counts every parameter of the model once: a block of which slices have pieces is brought
 * together. */
typedef struct optimizer_share {
    comm *ranks; /* all */
    comm *owners;
    bool counts_whole;        /* this rank's are the ones that count, of those that are not cut */
    bool counts_embedding;    /* and of an embedding, which the last stage may have too */
    const param_table *whole; /* of the model */
    /* Every rank has the parameters of all experts, and `held` says which of them it updates; NULL:
     * it has those alone */
    const model_config *adapted;
    param_share held;
    int64_t dense;  /* elements of parameters that are no experts */
    int64_t *first; /* [owners + 1] written; borrowed */
} optimizer_share;
cadre_status optimizer_divide(optimizer *o, const param_table *table, const optimizer_share *share);

/* The norm of the gradient before clipping, the same for any number of workers and ranks. */
double optimizer_gradient_norm(optimizer *o, const real *gradient);

/* Takes one step; t counts from 1. If the norm is larger than clip, the gradient is scaled by clip
 * / norm. */
void optimizer_step(optimizer *o, real *values, const real *gradient, double norm, double lr,
    double router_lr, int64_t t);

#endif

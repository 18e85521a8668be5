/* optimizer.h - AdamW over the flat parameters (Loshchilov & Hutter 2019; PyTorch's order of
 * operations). The norm of the whole gradient, used for clipping, counts every trained parameter
 * once. */
#ifndef CADRE_TRAIN_OPTIMIZER_H
#define CADRE_TRAIN_OPTIMIZER_H

#include "arch/param.h"
#include "base/comm.h"
#include "kernel/compute.h"
#include "train/freeze.h"

typedef struct optimizer_options {
    double beta1, beta2, eps, weight_decay;
    double clip;                                                /* 0: no clipping */
    bool keep_norms, keep_biases, keep_router, keep_embeddings; /* kinds that do not decay */
    freeze_list freeze;
} optimizer_options;

typedef struct optimizer optimizer;

enum { OPTIMIZER_BLOCK = 1 << 14 }; /* elements that are updated, and owned, together */

/* Borrows c and table. Allocates m and v, which begin at zero. */
cadre_status optimizer_new(
    compute *c, const param_table *table, const optimizer_options *options, optimizer **o);
void optimizer_free(optimizer *o);
size_t optimizer_bytes(const param_table *table); /* what optimizer_new will allocate */

real *optimizer_first_moment(optimizer *o); /* [table->elements], the flat layout */
real *optimizer_second_moment(optimizer *o);

/* Several ranks divide the parameters. A rank's table has its share of the model (arch/param.h).
 * The ranks of `owners` have the same table, but for its experts, which are this rank's; of the
 * others, which lie before them, each updates elements first[rank] .. first[rank + 1] - 1. The norm
 * counts every parameter of the model once: a block of which slices have pieces is brought
 * together. */
typedef struct optimizer_share {
    comm *ranks; /* all */
    comm *owners;
    bool counts_whole;        /* this rank's are the ones that count, of those that are not cut */
    bool counts_embedding;    /* and of an embedding, which the last stage may have too */
    const param_table *whole; /* of the model */
    int64_t dense;            /* elements of parameters that are no experts */
    int64_t *first;           /* [owners + 1] written; borrowed */
} optimizer_share;
cadre_status optimizer_divide(optimizer *o, const param_table *table, const optimizer_share *share);

/* The norm of the gradient before clipping, the same for any number of workers and ranks. */
double optimizer_gradient_norm(optimizer *o, const real *gradient);

/* Takes one step; t counts from 1. If the norm is larger than clip, the gradient is scaled by clip
 * / norm. */
void optimizer_step(optimizer *o, real *values, const real *gradient, double norm, double lr,
    double router_lr, int64_t t);

#endif

/* optimizer.h - AdamW over the flat parameters (Loshchilov & Hutter 2019; PyTorch's order of
 * operations). The norm of the whole gradient, used for clipping, counts every trained parameter
 * once. */
#ifndef CADRE_TRAIN_OPTIMIZER_H
#define CADRE_TRAIN_OPTIMIZER_H

#include "arch/param.h"
#include "kernel/compute.h"
#include "train/freeze.h"

typedef struct optimizer_options {
    double beta1, beta2, eps, weight_decay;
    double clip;                                                /* 0: no clipping */
    bool keep_norms, keep_biases, keep_router, keep_embeddings; /* kinds that do not decay */
    freeze_list freeze;
} optimizer_options;

typedef struct optimizer optimizer;

/* Borrows c and table. Allocates m and v, which begin at zero. */
cadre_status optimizer_new(
    compute *c, const param_table *table, const optimizer_options *options, optimizer **o);
void optimizer_free(optimizer *o);
size_t optimizer_bytes(const param_table *table); /* what optimizer_new will allocate */

real *optimizer_first_moment(optimizer *o); /* [table->elements], the flat layout */
real *optimizer_second_moment(optimizer *o);

/* The norm of the gradient before clipping, the same for any number of workers. With a rank's share
 * (arch/param.h), the norm of those parameters that this rank counts. */
double optimizer_gradient_norm(optimizer *o, const real *gradient);

/* Takes one step; t counts from 1. If the norm is larger than clip, the gradient is scaled by clip
 * / norm. */
void optimizer_step(optimizer *o, real *values, const real *gradient, double norm, double lr,
    double router_lr, int64_t t);

#endif

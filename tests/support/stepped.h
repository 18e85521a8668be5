/* stepped.h - a few parameters of every kind that an optimiser steps, for its tests. */
#ifndef CADRE_TESTS_STEPPED_H
#define CADRE_TESTS_STEPPED_H

#include "train/optimizer.h"

/* A wide matrix, a tall one, a large one of several blocks, a router, an embedding, a norm */
enum { STEPPED_WIDE, STEPPED_TALL, STEPPED_LARGE, STEPPED_ROUTER, STEPPED_EMBED, STEPPED_NORM };
enum { STEPPED_PARAMS = STEPPED_NORM + 1, STEPPED_STEPS = 4 };

extern const double stepped_lr, stepped_router_lr;
const param_table *stepped_table(void);

/* Where a parameter begins among the values. */
static inline const param *stepped_param(int i) { return &stepped_table()->rows[i]; }

real *stepped_values(void);           /* those that every run begins with; freed by mem_free */
real *stepped_gradient(int64_t step); /* of a step, from 1 */

/* The values after STEPPED_STEPS steps */
real *stepped_run(const optimizer_options *options, int threads);

/* The bits are the same for 1, 2 and 3 threads, and where another optimiser goes on with the
 * states. */
void stepped_same_bits(const optimizer_options *options);

/* What is frozen stays, and the norm does not count it. */
void stepped_freezes_router(const optimizer_options *options);

#endif

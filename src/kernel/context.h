/* context.h - what the public cadre_context is made of: no globals, so everything that runs hangs
 * on one of these. */
#ifndef CADRE_KERNEL_CONTEXT_H
#define CADRE_KERNEL_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/comm.h"
#include "base/guard.h"
#include "base/layout.h"
#include "base/status.h"
#include "kernel/compute.h"

struct model_config;

/* What ranks will do with a model: run it, or train it on `batch` sequences of `length` tokens a
 * step, in `accumulate` micro-batches */
typedef struct layout_work {
    int64_t weight_bytes;              /* of a model that is run; 0: not known */
    int64_t batch, length, accumulate; /* batch 0: the model is run */
} layout_work;

/* Which layouts of the world's ranks would do that, the fastest first; returns how many of at most
 * `most`. */
typedef int (*layout_order)(const comm *world, const struct model_config *config,
    const layout_work *work, rank_layout *best, int most);

struct cadre_context {
    compute *compute;
    guard guard;
    comm self, *world;  /* world: &self where there is one process; borrowed */
    rank_layout layout; /* of the world's ranks */
    bool layout_given;  /* and not chosen by default */
    layout_order order; /* by which it is chosen; NULL: simple layouts alone are tried */
    /* How ranks that run a model have its experts, as cadre_context_place says; borrowed */
    const char *placement, *loads;
    int replicas;
};

/* threads 0: the cores this process may use. variant NULL: CADRE_CPU if set, else the best that the
 * machine has. */
cadre_status compute_new(int threads, const char *variant, compute **c);
void compute_free(compute *c);
size_t compute_bytes(const compute *c); /* of its workers' scratch */

/* NULL: as compute_new says */
cadre_status variant_choose(const char *name, const kernel_variant **variant);

/* Every public call that computes stands between the two. CADRE_EBUSY: another thread is inside. */
cadre_status context_enter(cadre_context *context);
cadre_status context_leave(cadre_context *context, cadre_status status); /* returns the status */

#endif

/* context.h - what the public cadre_context is made of: no globals, so everything that runs hangs on one of these. */
#ifndef CADRE_KERNEL_CONTEXT_H
#define CADRE_KERNEL_CONTEXT_H

#include "base/status.h"
#include "kernel/compute.h"

struct cadre_context {
    compute *compute;
};

/* threads 0: the cores this process may use. variant NULL: CADRE_CPU if set, else the best that the machine has. */
cadre_status compute_new(int threads, const char *variant, compute **c);
void compute_free(compute *c);
size_t compute_bytes(const compute *c); /* of its workers' scratch */

cadre_status variant_choose(const char *name, const kernel_variant **variant); /* NULL: as compute_new says */

#endif

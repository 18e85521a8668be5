/* context.h - what the public cadre_context is made of: no globals, so everything that runs hangs on one of these. */
#ifndef CADRE_KERNEL_CONTEXT_H
#define CADRE_KERNEL_CONTEXT_H

#include "kernel/compute.h"

struct cadre_context {
    compute *compute;
};

#endif

/* share.h - handing work over rows to the workers, unless there is too little of it. */
#ifndef CADRE_MOE_SHARE_H
#define CADRE_MOE_SHARE_H

#include "kernel/compute.h"

/* Runs task over all workers, or on the caller alone where fewer than `worth` items would not pay for waking them. */
static inline void share_out(const compute *c, int64_t items, int64_t worth, pool_task task, void *arg)
{
    if (items < worth) task(arg, 0, 1);
    else pool_run(c->pool, task, arg);
}

#endif

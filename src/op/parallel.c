/* parallel.c - the loop over workers that ops use which split their work into ranges. */
#include "op/parallel.h"

enum {
    WORK_WORTH_WAKING = 1 << 14
}; /* elements: some microseconds, what it costs to wake a thread */

typedef struct ranges {
    int64_t count, grain;
    parallel_task task;
    void *arg;
} ranges;

static void run_range(void *arg, int worker, int workers)
{
    const ranges *r = arg;
    pool_range own = pool_share(r->count, r->grain, worker, workers);
    if (own.begin < own.end) r->task(r->arg, own.begin, own.end);
}

void parallel_over(
    const compute *c, int64_t count, int64_t grain, int64_t work, parallel_task task, void *arg)
{
    ranges r = { count, grain, task, arg };
    if (work < WORK_WORTH_WAKING) run_range(&r, 0, 1);
    else pool_run(c->pool, run_range, &r);
}

typedef struct addition {
    const row_kernels *rows;
    const real *from;
    real *to;
} addition;

static void add_range(void *arg, int64_t begin, int64_t end)
{
    const addition *a = arg;
    a->rows->add(end - begin, a->from + begin, a->to + begin);
}

void parallel_add(const compute *c, int64_t count, const real *from, real *to)
{
    addition a = { c->variant->rows, from, to };
    parallel_over(c, count, ROW_LANES, count, add_range, &a);
}

/* gemm.c - the grouped product: which worker computes which outputs. */
#include "kernel/gemm.h"

#include "kernel/gemm_kernels.h"

typedef struct call {
    compute *compute;
    gemm_kind kind;
    const gemm_group *groups;
    int64_t count;
    bool accumulate;
} call;

size_t gemm_scratch_bytes(void) { return 4096; }

static void task(void *arg, int worker, int workers)
{
    const call *job = arg;
    for (int64_t i = 0; i < job->count; i++) {
        const gemm_group *g = &job->groups[i];
        pool_range own = pool_share(g->n, 1, worker, workers);
        if (g->m > 0 && own.begin < own.end)
            job->compute->variant->gemm->block(job->kind, g, 0, g->m, own.begin, own.end, job->accumulate,
                                               job->compute->scratch[worker]);
    }
}

void gemm_grouped(compute *c, gemm_kind kind, const gemm_group *groups, int64_t count, bool accumulate)
{
    call job = { c, kind, groups, count, accumulate };
    pool_run(c->pool, task, &job);
}

void gemm_serial(compute *c, int worker, gemm_kind kind, const gemm_group *group, bool accumulate)
{
    if (group->m > 0 && group->n > 0)
        c->variant->gemm->block(kind, group, 0, group->m, 0, group->n, accumulate, c->scratch[worker]);
}

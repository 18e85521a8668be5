/* gemm.c - the grouped product: which worker computes which outputs.
 *
 * Think of the groups as laid end to end on a line, each as long as its work. The line is split
 * into one share for each worker, and a share may take a slice of a group. For example, with two
 * workers and experts that got 10, 70 and 20 tokens, worker 0 computes the first expert and four
 * sevenths of the second, worker 1 the rest. A group is split between columns of C that share no
 * cache line, or where it is taller than wide, between micro-panels of its rows. Where it is split
 * changes no bit. */
#include "kernel/gemm.h"

#include "kernel/compute_times.h"
#include "kernel/gemm_block.h"
#include "kernel/gemm_kernels.h"
#include "kernel/quant.h"

typedef struct call {
    compute *compute;
    gemm_kind kind;
    const gemm_group *groups;
    int64_t count;
    bool accumulate;
    double work;
    const gemm_kernels *kernels;
} call;

/* The work of a group in multiply-adds, with what else it costs in their measure: B is read and
 * packed, C is written. */
static double work_of(const gemm_group *g)
{
    if (g->m <= 0 || g->n <= 0) return 0;
    double m = (double)g->m, n = (double)g->n, k = (double)g->k;
    return m * n * k + 8 * n * k + 16 * m * n;
}

/* Which of a group's `units` lies at the point `at` of its `work`. */
static int64_t unit_at(double at, double work, int64_t units)
{
    if (at <= 0) return 0;
    return at >= work ? units : (int64_t)(at / work * (double)units + 0.5);
}

static void run_slice(
    const call *job, const gemm_group *g, double from, double to, double work, int worker)
{
    enum { LINE = 16 };
    const kernel_variant *v = job->compute->variant;
    const gemm_kernels *kernels = job->kernels;
    const quant_kernel *quant = quant_kernel_of(v, job->kind, g, job->accumulate);
    bool tall = g->m > g->n && !quant;
    int64_t size = tall ? g->m : g->n, grain = quant ? quant_grain(v) : tall ? kernels->rows : LINE;
    int64_t units = (size + grain - 1) / grain;
    int64_t begin = unit_at(from, work, units) * grain, end = unit_at(to, work, units) * grain;
    if (end > size) end = size;
    if (begin >= end) return;
    if (quant) {
        quant_columns(v, quant, g, begin, end, job->compute->quant_scratch[worker]);
        return;
    }
    bool last = g + 1 == job->groups + job->count;
    gemm_slice slice = { kernels, job->kind, g, 0, g->m, 0, g->n, job->accumulate,
        last ? NULL : g[1].b.data };
    if (tall) slice.m0 = begin, slice.m1 = end;
    else slice.n0 = begin, slice.n1 = end;
    gemm_block(&slice, job->compute->scratch[worker]);
}

static const gemm_kernels *kernels_of(const compute *c)
{
    return c->bf16 && c->variant->bf16 ? c->variant->bf16 : c->variant->gemm;
}

static void run_share(void *arg, int worker, int workers)
{
    const call *job = arg;
    double begin = job->work * worker / workers, at = 0;
    double end = worker + 1 == workers ? job->work : job->work * (worker + 1) / workers;
    gemm_block_begin(job->compute->scratch[worker]);
    quant_begin(job->compute->quant_scratch[worker]);
    for (int64_t i = 0; i < job->count && at < end; i++) {
        double work = work_of(&job->groups[i]);
        if (work > 0 && at + work > begin)
            run_slice(job, &job->groups[i], begin - at, end - at, work, worker);
        at += work;
    }
}

void gemm_grouped(
    compute *c, gemm_kind kind, const gemm_group *groups, int64_t count, bool accumulate)
{
    enum { WORTH_WAKING = 50000 };
    call job = { c, kind, groups, count, accumulate, 0, kernels_of(c) };
    for (int64_t i = 0; i < count; i++) job.work += work_of(&groups[i]);
    compute_subject before = compute_enter(c, TIME_PRODUCTS);
    if (job.work < WORTH_WAKING) run_share(&job, 0, 1);
    else pool_run(c->pool, run_share, &job);
    compute_leave(c, before);
}

void gemm_serial_begin(compute *c, int worker)
{
    gemm_block_begin(c->scratch[worker]);
    quant_begin(c->quant_scratch[worker]);
}

void gemm_serial_next(compute *c, int worker, gemm_kind kind, const gemm_group *group,
    bool accumulate, const void *next_b)
{
    const quant_kernel *quant = quant_kernel_of(c->variant, kind, group, accumulate);
    if (group->m <= 0 || group->n <= 0) return;
    if (quant) {
        quant_columns(c->variant, quant, group, 0, group->n, c->quant_scratch[worker]);
        return;
    }
    gemm_slice slice = { kernels_of(c), kind, group, 0, group->m, 0, group->n, accumulate, next_b };
    gemm_block(&slice, c->scratch[worker]);
}

void gemm_serial(compute *c, int worker, gemm_kind kind, const gemm_group *group, bool accumulate)
{
    gemm_serial_begin(c, worker);
    gemm_serial_next(c, worker, kind, group, accumulate, NULL);
}

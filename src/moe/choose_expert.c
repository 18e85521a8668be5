/* choose_expert.c - assignment where every expert takes the C tokens with the highest keys: of each
 * sequence (expert choice), or of the whole batch (thresholds learnt from it).
 *
 * The keys [T, E] are read by column. Each (group of tokens, expert) finds its C-th best token by
 * keeping the best so far in a heap of token numbers; its tokens are marked in [T, E], and the
 * marks become the tokens' edges. Of equal keys the earlier token's counts as larger. */
#include <string.h>

#include "moe/routing.h"
#include "moe/select.h"
#include "op/parallel.h"

/* Returns whether token a's key for an expert is worse than token b's. */
static bool worse(const real *column, int64_t stride, int32_t a, int32_t b)
{
    real x = column[a * stride], y = column[b * stride];
    return x < y || (!(y < x) && a > b);
}

/* The worst of the tokens in the heap is at its root. */
static void sift_down(const real *column, int64_t stride, int32_t *heap, int64_t count, int64_t at)
{
    for (int64_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && worse(column, stride, heap[child + 1], heap[child])) child++;
        if (!worse(column, stride, heap[child], heap[at])) return;
        int32_t other = heap[at];
        heap[at] = heap[child], heap[child] = other;
    }
}

typedef struct column_job {
    const routing *r;
    const choose_columns *c;
} column_job;

static bool may_take(const column_job *job, int64_t t, int32_t e)
{
    return plan_is_valid(job->r->plan, t) && job->c->key[t * job->r->plan->experts + e] > -REAL_INF;
}

/* Marks the tokens that expert e takes among begin .. end. */
static void mark_column(const column_job *job, int64_t group, int32_t e)
{
    const choose_columns *c = job->c;
    int64_t stride = job->r->plan->experts, begin = c->start[group], end = c->start[group + 1];
    int64_t most = c->most(job->r, group, e), count = 0;
    const real *column = c->key + e;
    /* The column's own part of the order: tokens of the group, one column after another */
    int32_t *heap = c->heap + begin * stride + e * (end - begin);
    for (int64_t t = begin; t < end; t++) {
        c->mark[t * stride + e] = 0;
        if (!may_take(job, t, e) || most < 1) continue;
        if (count < most) {
            heap[count++] = (int32_t)t;
            for (int64_t i = count / 2; count == most && i-- > 0;)
                sift_down(column, stride, heap, count, i);
        } else if (worse(column, stride, heap[0], (int32_t)t)) {
            heap[0] = (int32_t)t;
            sift_down(column, stride, heap, count, 0);
        }
    }
    for (int64_t i = 0; i < count; i++) c->mark[heap[i] * stride + e] = 1;
}

static void column_task(void *arg, int64_t begin, int64_t end)
{
    const column_job *job = arg;
    int64_t experts = job->r->plan->experts;
    for (int64_t i = begin; i < end; i++) mark_column(job, i / experts, (int32_t)(i % experts));
}

void choose_by_column(const routing *r, const choose_columns *c)
{
    column_job job = { r, c };
    int64_t elements = r->plan->tokens * r->plan->experts;
    parallel_over(r->compute, c->groups * r->plan->experts, 1, elements, column_task, &job);
}

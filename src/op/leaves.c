/* leaves.c - sums over the leaves of a batch along their tree. A worker takes a part of a gradient
 * that its cache holds, computes each leaf's sum of it, and adds two sums as soon as they are the
 * halves of a node, so that few are kept. */
#include "op/leaves.h"

#include <assert.h>
#include <string.h>

#include "kernel/compute_times.h"
#include "op/parallel.h"

enum { CHUNK = 1 << 20, LEAST = 1 << 14, COLUMNS = 256, GRAIN = 16 };

void leaves_layout(
    leaf_list *l, arena *a, int workers, int32_t count, int64_t largest, int64_t whole)
{
    l->levels = 0;
    for (int32_t n = 1; n < count; n *= 2) l->levels++;
    l->chunk = largest < CHUNK ? (largest + LEAST - 1) / LEAST * LEAST : CHUNK;
    l->whole = whole;
    int64_t room = workers * l->chunk;
    l->scratch = ARENA_ARRAY(a, real, l->levels * (room > whole ? room : whole));
}

/* ---- the tree ---- */

void leaf_tree_push(leaf_tree *t, int32_t node, int32_t level)
{
    assert(t->count < LEAVES_LEVELS);
    t->node[t->count] = node;
    t->level[t->count++] = level;
}

void leaf_tree_pop(leaf_tree *t)
{
    int last = --t->count;
    t->level[last - 1] =
        (t->level[last] > t->level[last - 1] ? t->level[last] : t->level[last - 1]) + 1;
    t->node[last - 1] /= 2;
}

bool leaf_tree_joins(const leaf_tree *t)
{
    int i = t->count - 1;
    return i > 0 && t->level[i] == t->level[i - 1] && t->node[i - 1] % 2 == 0 &&
           t->node[i] == t->node[i - 1] + 1;
}

/* A part of a gradient: rows of `width` elements, `stride` apart */
typedef struct patch {
    real *at;
    int64_t rows, width, stride;
} patch;

/* Sums of nodes that wait for their right halves, the first one at the target itself where it is
 * written. */
typedef struct pending {
    const row_kernels *rows;
    patch target;
    real *scratch; /* [levels, chunk] */
    int64_t chunk;
    bool at_target; /* the first node stands there */
    leaf_tree tree;
} pending;

static patch patch_of(const pending *p, int i)
{
    if (i == 0 && p->at_target) return p->target;
    real *at = p->scratch + (i - p->at_target) * p->chunk;
    return (patch){ at, p->target.rows, p->target.width, p->target.width };
}

static void add_patch(const row_kernels *rows, const patch *from, const patch *to)
{
    for (int64_t r = 0; r < to->rows; r++)
        rows->add(to->width, from->at + r * from->stride, to->at + r * to->stride);
}

/* Adds the last node to the one before it. */
static void join(pending *p)
{
    patch from = patch_of(p, p->tree.count - 1), to = patch_of(p, p->tree.count - 2);
    add_patch(p->rows, &from, &to);
    leaf_tree_pop(&p->tree);
}

/* Where the sum of the next leaf goes; then enter_leaf joins it with what it completes. */
static patch next_leaf(const pending *p) { return patch_of(p, p->tree.count); }

static void enter_leaf(pending *p, int32_t leaf)
{
    leaf_tree_push(&p->tree, leaf, 0);
    while (leaf_tree_joins(&p->tree)) join(p);
}

/* What is left are the nodes at the right edge of the tree. */
static void finish(pending *p)
{
    while (p->tree.count > 1) join(p);
    if (p->at_target || !p->tree.count) return;
    patch sum = patch_of(p, 0);
    add_patch(p->rows, &sum, &p->target);
}

/* Where one chain is all of a run */
static bool is_chain(const leaf_run *r) { return r->end - r->begin == 1 && r->mode != LEAF_ADD; }

/* ---- products ---- */

typedef struct product {
    compute *c;
    const leaf_list *l;
    const gemm_group *groups;
    int64_t count;
} product;

/* The product of some rows and columns over the tokens of a leaf, written or added to `to` */
static void multiply_leaf(
    const product *p, int worker, const gemm_group *part, const int64_t *tokens, patch to, bool add)
{
    gemm_group g = *part;
    g.k = tokens[1] - tokens[0];
    g.a += tokens[0] * g.a_stride;
    g.b = matrix_of_floats((const real *)g.b.data + tokens[0] * g.b.stride, g.b.stride);
    g.c = to.at;
    g.c_stride = to.stride;
    gemm_serial(p->c, worker, GEMM_TN, &g, add);
}

static void multiply_run(const product *p, int worker, const gemm_group *part, const leaf_run *run)
{
    const leaf_list *l = p->l;
    pending sums = { .rows = p->c->variant->rows,
        .target = { part->c + run->to, part->m, part->n, part->c_stride },
        .scratch = l->scratch + worker * l->levels * l->chunk,
        .chunk = l->chunk,
        .at_target = run->mode == LEAF_WRITE };
    if (is_chain(run)) {
        multiply_leaf(
            p, worker, part, l->start + run->begin, sums.target, run->mode == LEAF_CONTINUE);
        return;
    }
    for (int32_t i = run->begin; i < run->end; i++) {
        multiply_leaf(p, worker, part, l->start + i, next_leaf(&sums), false);
        enter_leaf(&sums, i - run->begin);
    }
    finish(&sums);
}

/* Rows m0 .. m1 - 1 and columns n0 .. n1 - 1 of a group */
static void multiply_part(const product *p, int worker, const gemm_group *g, int64_t m0, int64_t m1,
    int64_t n0, int64_t n1)
{
    gemm_group part = *g;
    part.m = m1 - m0;
    part.n = n1 - n0;
    part.a += m0;
    part.b = matrix_of_floats((const real *)g->b.data + n0, g->b.stride);
    part.c += m0 * g->c_stride + n0;
    for (int32_t i = 0; i < p->l->runs; i++) multiply_run(p, worker, &part, &p->l->run[i]);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* A worker's share of a group, along its longer side, chunk by chunk */
static void multiply_share(const product *p, const gemm_group *g, int worker, int workers)
{
    bool tall = g->m > g->n;
    pool_range own = pool_share(tall ? g->m : g->n, GRAIN, worker, workers);
    pool_range m = tall ? own : (pool_range){ 0, g->m }, n = tall ? (pool_range){ 0, g->n } : own;
    int64_t height = least(m.end - m.begin, p->l->chunk >> 8),
            width = height > 0 ? p->l->chunk / height / GRAIN * GRAIN : 0;
    assert(!height || width > 0);
    for (int64_t i = m.begin; i < m.end; i += height)
        for (int64_t j = n.begin; j < n.end; j += width)
            multiply_part(p, worker, g, i, least(i + height, m.end), j, least(j + width, n.end));
}

static void multiply_task(void *arg, int worker, int workers)
{
    const product *p = arg;
    for (int64_t i = 0; i < p->count; i++) multiply_share(p, &p->groups[i], worker, workers);
}

void leaves_multiply(
    compute *c, const leaf_list *l, const gemm_group *groups, int64_t count, bool accumulate)
{
    enum { WORTH_WAKING = 50000 };
    product p = { c, l, groups, count };
    double work = 0;
    if (!l) {
        gemm_grouped(c, GEMM_TN, groups, count, accumulate);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        work += (double)groups[i].m * (double)groups[i].n * (double)groups[i].k;
    compute_subject before = compute_enter(c, TIME_PRODUCTS);
    if (work < WORTH_WAKING) multiply_task(&p, 0, 1);
    else pool_run(c->pool, multiply_task, &p);
    compute_leave(c, before);
}

/* ---- other sums ---- */

/* The columns begin .. end - 1 of a sum; scratch: [LEAVES_LEVELS, end - begin] */
static void sum_run(const compute *c, const leaf_list *l, const leaf_sum *s, const leaf_run *run,
    const pool_range *columns, real *scratch, real *to)
{
    int64_t width = columns->end - columns->begin;
    size_t bytes = (size_t)width * sizeof(real);
    pending sums = { .rows = c->variant->rows,
        .target = { to + run->to + columns->begin, 1, width, width },
        .scratch = scratch,
        .chunk = width,
        .at_target = run->mode != LEAF_ADD };
    for (int32_t i = run->begin; i < run->end; i++) {
        patch own = next_leaf(&sums);
        if (run->mode != LEAF_CONTINUE) memset(own.at, 0, bytes);
        s->add(s->arg, l->start[i], l->start[i + 1], columns->begin, columns->end, own.at);
        enter_leaf(&sums, i - run->begin);
    }
    finish(&sums);
}

typedef struct sum_job {
    const compute *c;
    const leaf_list *l;
    const leaf_sum *s;
    real *to;
} sum_job;

static void sum_chain(const sum_job *job, int64_t begin, int64_t end)
{
    const leaf_sum *s = job->s;
    if (!s->accumulate) memset(job->to + begin, 0, (size_t)(end - begin) * sizeof(real));
    s->add(s->arg, 0, s->tokens, begin, end, job->to + begin);
}

static void sum_columns(void *arg, int64_t begin, int64_t end)
{
    const sum_job *job = arg;
    real scratch[LEAVES_LEVELS * COLUMNS];
    if (!job->l) {
        sum_chain(job, begin, end);
        return;
    }
    for (int64_t at = begin; at < end; at += COLUMNS) {
        pool_range columns = { at, least(at + COLUMNS, end) };
        for (int32_t i = 0; i < job->l->runs; i++)
            sum_run(job->c, job->l, job->s, &job->l->run[i], &columns, scratch, job->to);
    }
}

void leaves_sum(const compute *c, const leaf_list *l, const leaf_sum *s, real *to)
{
    sum_job job = { c, l, s, to };
    parallel_over(c, s->width, ROW_LANES, s->work, sum_columns, &job);
}

void leaves_sum_whole(const compute *c, const leaf_list *l, const leaf_sum *s, real *to)
{
    sum_job job = { c, l, s, to };
    pool_range columns = { 0, s->width };
    assert(!l || s->width <= l->whole);
    if (!l) sum_chain(&job, 0, s->width);
    for (int32_t i = 0; l && i < l->runs; i++)
        sum_run(c, l, s, &l->run[i], &columns, l->scratch, to);
}

/* loss.c - chunk by chunk of rows:
 *
 *     1. logits = head(x)                             [rows, V]
 *     2. losses, and in place of the logits their gradient
 *     3. dx, and the head's gradients, from that */
#include "op/loss.h"

#include <assert.h>
#include <string.h>

#include "op/parallel.h"

enum { MIN_ROWS = 64, MAX_ROWS = 512, LOGITS_AT_ONCE = 1 << 20 };

typedef struct loss_task {
    const row_kernels *rows;
    int64_t vocabulary;
    real logit_scale, logit_cap, scale;
    const real *weights; /* NULL: 1 */
    const int32_t *targets;
    real *logits, *losses;
} loss_task;

loss_scratch loss_scratch_take(
    arena *a, int64_t tokens, int64_t vocabulary, int64_t own, int64_t width, int32_t leaves)
{
    int64_t sums = 0;
    for (int32_t n = 1; n < leaves; n *= 2) sums++;
    int64_t rows = LOGITS_AT_ONCE / vocabulary;
    rows = rows < MIN_ROWS ? MIN_ROWS : rows > MAX_ROWS ? MAX_ROWS : rows;
    if (rows > tokens) rows = tokens;
    loss_scratch s = { .rows = rows, .logits = ARENA_ARRAY(a, real, rows * vocabulary) };
    if (sums) s.sums = ARENA_ARRAY(a, real, sums * own * width);
    return s;
}

void loss_cap_logits(const row_kernels *rows, real cap, int64_t n, real *x)
{
    rows->scale(n, 1 / cap, x, x);
    rows->tanh(n, x, x);
    rows->scale(n, cap, x, x);
}

/* z = logit_scale y, loss = log sum e^z - z[target]:  dy = logit_scale (softmax(z) - onehot) */
static void entropy_rows(void *arg, int64_t begin, int64_t end)
{
    const loss_task *k = arg;
    int64_t n = k->vocabulary;
    for (int64_t t = begin; t < end; t++) {
        real *logits = k->logits + t * n;
        if (k->targets[t] < 0) {
            memset(logits, 0, (size_t)n * sizeof *logits);
            k->losses[t] = 0;
            continue;
        }
        assert(k->targets[t] < n);
        if (k->logit_scale != 1) k->rows->scale(n, k->logit_scale, logits, logits);
        if (k->logit_cap > 0) loss_cap_logits(k->rows, k->logit_cap, n, logits);
        real scale = k->scale * k->logit_scale * (k->weights ? k->weights[t] : 1);
        k->losses[t] = k->rows->cross_entropy(n, logits, k->targets[t], scale);
    }
}

/* Tokens first .. first + rows - 1. head: where its gradients go; NULL: forward only */
static void run_chunk(compute *c, const loss_head *h, const loss_scratch *scratch,
    const loss_pass *p, const linear *head, int64_t first, int64_t rows)
{
    int64_t n = h->tensor ? h->all : h->head.w.rows;
    real *own = scratch->logits + gather_first(h->tensor, n, n);
    loss_task k = { c->variant->rows, n, h->logit_scale, h->logit_cap, head ? p->scale : 0,
        p->weights ? p->weights + first : NULL, p->targets + first, scratch->logits,
        p->losses + first };
    strided_in x = rows_from(p->x.at + first * p->x.stride, p->x.stride);
    linear_forward(c, &h->head, rows, x, rows_to(own, n));
    gather_columns(h->tensor, rows, n, n, scratch->logits);
    parallel_over(c, rows, 1, rows * n, entropy_rows, &k);
    if (!head) return;
    strided_out dx = { p->dx.at + first * p->dx.stride, p->dx.stride, p->dx.add };
    linear_backward(c, head, rows, x, rows_from(scratch->logits, n), dx);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* The head's gradient in one chain: after the first chunk it is added to. */
static void run_chain(compute *c, const loss_head *h, const loss_scratch *scratch,
    const loss_pass *p, const linear *head, int64_t first, int64_t end)
{
    linear own = head ? *head : (linear){ .w = h->head.w };
    for (int64_t t = first; t < end; t += scratch->rows) {
        run_chunk(c, h, scratch, p, head ? &own : NULL, t, least(scratch->rows, end - t));
        own.accumulate = true;
    }
}

/* ---- the head's gradient along the tree of leaves: sums of nodes are whole gradients ---- */

typedef struct whole_sums {
    compute *c;
    const loss_scratch *scratch;
    int64_t elements;
    real *target;
    bool at_target; /* the first node stands there */
    leaf_tree tree;
} whole_sums;

static real *sum_at(const whole_sums *s, int i)
{
    if (i == 0 && s->at_target) return s->target;
    return s->scratch->sums + (i - s->at_target) * s->elements;
}

static void join(whole_sums *s)
{
    parallel_add(s->c, s->elements, sum_at(s, s->tree.count - 1), sum_at(s, s->tree.count - 2));
    leaf_tree_pop(&s->tree);
}

/* The level of the largest node that begins with leaf i of the run and whose logits there is room
 * for */
static int32_t level_at(
    const leaf_list *l, const leaf_run *run, const loss_scratch *scratch, int32_t i)
{
    int32_t level = 0, at = i - run->begin;
    for (int32_t size = 2; at % size == 0 && i + size <= run->end &&
                           l->start[i + size] - l->start[i] <= scratch->rows;
         size *= 2)
        level++;
    return level;
}

static void run_node(const whole_sums *s, const loss_head *h, const loss_pass *p,
    const leaf_run *run, int32_t i, int32_t size)
{
    const leaf_list *all = h->head.leaves;
    int64_t first = all->start[i], end = all->start[i + size], start[LEAVES_MOST + 1];
    leaf_list own = *all;
    linear head = { .w = h->head.w, .dw = sum_at(s, s->tree.count) };
    own.runs = 1;
    own.run = &(leaf_run){ 0, size, LEAF_WRITE, 0 };
    own.start = start;
    for (int32_t j = 0; j <= size; j++) start[j] = all->start[i + j] - first;
    if (size > 1) head.leaves = &own;
    head.accumulate = run->mode == LEAF_CONTINUE;
    run_chain(s->c, h, s->scratch, p, &head, first, end);
}

static void run_leaves(compute *c, const loss_head *h, const loss_scratch *scratch,
    const loss_pass *p, const leaf_run *run)
{
    whole_sums s = { .c = c,
        .scratch = scratch,
        .elements = h->head.w.rows * h->head.w.cols,
        .target = h->head.dw + run->to,
        .at_target = run->mode != LEAF_ADD };
    for (int32_t i = run->begin; i < run->end;) {
        int32_t level = level_at(h->head.leaves, run, scratch, i), size = 1 << level;
        run_node(&s, h, p, run, i, size);
        leaf_tree_push(&s.tree, (i - run->begin) >> level, level);
        while (leaf_tree_joins(&s.tree)) join(&s);
        i += size;
    }
    while (s.tree.count > 1) join(&s);
    if (!s.at_target) parallel_add(c, s.elements, sum_at(&s, 0), s.target);
}

void loss_forward(
    compute *c, const loss_head *h, const loss_scratch *scratch, const loss_pass *pass)
{
    run_chain(c, h, scratch, pass, NULL, 0, pass->tokens);
}

void loss_forward_backward(
    compute *c, const loss_head *h, const loss_scratch *scratch, const loss_pass *pass)
{
    const leaf_list *l = h->head.dw ? h->head.leaves : NULL;
    for (int32_t i = 0; l && i < l->runs; i++) run_leaves(c, h, scratch, pass, &l->run[i]);
    if (!l) run_chain(c, h, scratch, pass, &h->head, 0, pass->tokens);
    gather_columns(h->tensor, pass->tokens, pass->dx.stride, pass->dx.stride, pass->dx.at);
}

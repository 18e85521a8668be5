/* router_soft.c - Soft MoE: an expert's slots are mixtures of a sequence's tokens, and a token's
 * output is a mixture of all slots'; nothing is chosen, nothing dropped (Puigcerver et al. 2023).
 *
 *     L [T, E P] = s x' m',  x' and the slots m' with length 1
 *     D = softmax of L over the tokens of a sequence     what a slot reads: sum over t of D x
 *     C = softmax of L over all slots                    y = sum over slots of C out
 *
 * moe/slots.c mixes; here are D and C, and the gradients by them. As edges every token leads to
 * every expert, with the weight of its slots together. What a slot reads comes from the whole
 * sequence: a decoder that is trained with it sees the future. */
#include <math.h>

#include "kernel/gemm.h"
#include "moe/routing.h"
#include "moe/select.h"
#include "moe/slots.h"
#include "op/parallel.h"

enum { SLOTS, SCALE }; /* [E, P, D], [1] */

typedef struct soft {
    int64_t slots;                /* E P */
    real *token, *slot;           /* [T, D], [E P, D] with length 1 */
    real *token_size, *slot_size; /* [T], [E P] what they were divided by */
    slot_weights weights;
    real *dlogits; /* [T, E P] */
    real *dslot;   /* [E P, D] */
} soft;

static void lay_out(
    soft *s, arena *a, const router_options *o, int64_t tokens, int64_t width, int64_t experts)
{
    int64_t slots = s->slots = experts * o->slots;
    s->token = ARENA_ARRAY(a, real, tokens * width);
    s->slot = ARENA_ARRAY(a, real, slots * width);
    s->token_size = ARENA_ARRAY(a, real, tokens);
    s->slot_size = ARENA_ARRAY(a, real, slots);
    s->weights.dispatch = ARENA_ARRAY(a, real, tokens * slots);
    s->weights.combine = ARENA_ARRAY(a, real, tokens * slots);
    s->weights.ddispatch = ARENA_ARRAY(a, real, tokens * slots);
    s->weights.dcombine = ARENA_ARRAY(a, real, tokens * slots);
    s->dlogits = ARENA_ARRAY(a, real, tokens * slots);
    s->dslot = ARENA_ARRAY(a, real, slots * width);
}

static int64_t own(const router_options *o, int64_t tokens, int64_t width, int32_t experts)
{
    soft s;
    arena measured = { 0 };
    lay_out(&s, &measured, o, tokens, width, experts);
    return (int64_t)(measured.used / sizeof(real)) + 1;
}

static soft soft_of(const routing *r)
{
    soft s;
    arena own = routing_own_memory(r);
    lay_out(&s, &own, r->options, r->plan->tokens, r->width, r->plan->experts);
    return s;
}

slot_weights slot_weights_of(const routing *r) { return soft_of(r).weights; }

/* ---- forward ---- */

/* unit = x / sqrt(sum x^2 + 1e-6) */
static void normalise(const routing *r, int64_t rows, const real *x, real *unit, real *size)
{
    const row_kernels *kernels = r->compute->variant->rows;
    for (int64_t i = 0; i < rows; i++) {
        size[i] = (real)sqrt(kernels->sum_squares(r->width, x + i * r->width) + 1e-6);
        kernels->scale(r->width, 1 / size[i], x + i * r->width, unit + i * r->width);
    }
}

static void project(routing *r)
{
    soft s = soft_of(r);
    normalise(r, r->plan->tokens, routing_input(r), s.token, s.token_size);
    normalise(r, s.slots, r->weights->own[SLOTS], s.slot, s.slot_size);
    weight slots = weight_of_floats(s.slot, s.slots, r->width);
    real *logits = s.weights.combine; /* until they are its softmax */
    routing_multiply(r, s.token, &slots, NULL, logits, false);
    r->compute->variant->rows->scale(
        r->plan->tokens * s.slots, r->weights->own[SCALE][0], logits, logits);
}

enum { COLUMNS = 256 }; /* of D that are taken together, row by row */

/* The largest of each of n columns of L over the valid tokens of a sequence. */
static void column_most(
    const routing *r, const soft *s, int64_t sequence, int64_t slot, int64_t n, real *most)
{
    for (int64_t i = 0; i < n; i++) most[i] = -REAL_INF;
    for (int64_t t = r->batch->start[sequence]; t < r->batch->start[sequence + 1]; t++) {
        const real *z = s->weights.combine + t * s->slots + slot;
        for (int64_t i = 0; plan_is_valid(r->plan, t) && i < n; i++)
            most[i] = z[i] > most[i] ? z[i] : most[i];
    }
}

/* Columns slot .. slot + n of D: each is the softmax over the valid tokens of a sequence. */
static void softmax_columns(
    const routing *r, const soft *s, int64_t sequence, int64_t slot, int64_t n)
{
    const row_kernels *kernels = r->compute->variant->rows;
    int64_t begin = r->batch->start[sequence], end = r->batch->start[sequence + 1];
    real most[COLUMNS], by[COLUMNS];
    double sum[COLUMNS] = { 0 };
    column_most(r, s, sequence, slot, n, most);
    for (int64_t t = begin; t < end; t++) {
        const real *z = s->weights.combine + t * s->slots + slot;
        real *d = s->weights.dispatch + t * s->slots + slot;
        if (!plan_is_valid(r->plan, t)) {
            memset(d, 0, (size_t)n * sizeof(real));
            continue;
        }
        for (int64_t i = 0; i < n; i++) d[i] = z[i] - most[i];
        kernels->exp(n, d, d);
        for (int64_t i = 0; i < n; i++) sum[i] += (double)d[i];
    }
    for (int64_t i = 0; i < n; i++) by[i] = sum[i] > 0 ? (real)(1 / sum[i]) : 0;
    for (int64_t t = begin; t < end; t++) {
        real *d = s->weights.dispatch + t * s->slots + slot;
        kernels->multiply(n, by, d, d);
    }
}

/* Row t of C, and what others see of the token: an expert's logit is its best slot's. */
static void score(const router_token *t)
{
    soft s = soft_of(t->routing);
    int64_t each = t->options->slots;
    real *c = s.weights.combine + t->index * s.slots, *logits = t->routing->state->logits;
    *t->lse = t->rows->log_sum_exp(s.slots, c);
    for (int32_t e = 0; e < t->experts; e++)
        logits[t->index * t->experts + e] = t->rows->max(each, c + e * each);
    t->rows->softmax(s.slots, c, c);
    for (int32_t e = 0; e < t->experts; e++)
        t->score[e] = t->key[e] = t->rows->sum(each, c + e * each);
    if (!plan_is_valid(t->routing->plan, t->index)) memset(c, 0, (size_t)s.slots * sizeof(real));
}

static int32_t choose(const router_token *t)
{
    score(t);
    for (int32_t e = 0; e < t->experts; e++) t->expert[e] = (gexp){ e };
    return t->experts;
}

/* Rows are slots: an expert's stand behind each other, sequence after sequence. */
static void lay_rows(routing *r)
{
    plan *p = r->plan;
    int64_t each = r->batch->sequences * r->options->slots;
    for (int32_t e = 0; e <= p->experts; e++) p->first[e] = e * each;
    for (int32_t e = 0; e < p->experts; e++) p->kept[e] = p->load[e] = 0;
    for (int64_t i = 0; i < p->edges; i++) {
        p->edge_row[i] = (int32_t)p->first[p->edge_expert[i].id];
        p->load[p->edge_expert[i].id]++, p->kept[p->edge_expert[i].id]++;
    }
    p->rows = p->experts * each;
    for (int64_t row = 0; row < p->rows; row++) {
        int64_t sequence = row % each / r->options->slots;
        p->row_token[row] = (int32_t)r->batch->start[sequence];
        p->row_edge[row] = -1;
    }
    p->capacity = p->dropped = p->rerouted = 0;
}

/* All columns of all sequences, some at a time. */
typedef struct column_job {
    const routing *r;
    soft s;
    void (*columns)(const routing *r, const soft *s, int64_t sequence, int64_t slot, int64_t count);
} column_job;

static void column_task(void *arg, int64_t begin, int64_t end)
{
    const column_job *job = arg;
    for (int64_t i = begin, n; i < end; i += n) {
        int64_t slot = i % job->s.slots, left = job->s.slots - slot;
        n = end - i < left ? end - i : left;
        if (n > COLUMNS) n = COLUMNS;
        job->columns(job->r, &job->s, i / job->s.slots, slot, n);
    }
}

static void over_columns(column_job *job)
{
    const routing *r = job->r;
    parallel_over(r->compute, r->batch->sequences * job->s.slots, 16,
        r->plan->tokens * job->s.slots, column_task, job);
}

static void assign(routing *r)
{
    over_columns(&(column_job){ r, soft_of(r), softmax_columns });
    assign_each(r, choose);
    lay_rows(r);
}

/* ---- backward ---- */

/* A token's part of dL: through C, which the losses' scores are sums of too. */
static void backward(const router_token *t, const token_gradient *d)
{
    soft s = soft_of(t->routing);
    int64_t at = t->index * s.slots, each = t->options->slots;
    real *dc = s.weights.dcombine + at;
    for (int64_t i = 0; i < s.slots; i++) dc[i] += d->dprobability[i / each];
    t->rows->softmax_backward(s.slots, s.weights.combine + at, dc, s.dlogits + at);
    memset(d->dlogits, 0, (size_t)t->experts * sizeof(real));
}

/* dL += of columns slot .. slot + n of D: D (dD - <D, dD>) */
static void columns_backward(
    const routing *r, const soft *s, int64_t sequence, int64_t slot, int64_t n)
{
    int64_t begin = r->batch->start[sequence], end = r->batch->start[sequence + 1];
    double mean[COLUMNS] = { 0 };
    for (int64_t t = begin; t < end; t++) {
        const real *d = s->weights.dispatch + t * s->slots + slot,
                   *dd = s->weights.ddispatch + t * s->slots + slot;
        for (int64_t i = 0; i < n; i++) mean[i] += (double)d[i] * (double)dd[i];
    }
    for (int64_t t = begin; t < end; t++) {
        int64_t at = t * s->slots + slot;
        const real *d = s->weights.dispatch + at, *dd = s->weights.ddispatch + at;
        real *dlogits = s->dlogits + at;
        for (int64_t i = 0; i < n; i++)
            dlogits[i] += (real)((double)d[i] * ((double)dd[i] - mean[i]));
    }
}

/* Forward: unit = x / size. d, by the unit rows, becomes by x: (d - unit <unit, d>) / size. (The
 * 1e-6 under the root makes it unit's own length, not 1, that counts: the formula holds as it is.)
 */
static void normalise_backward(
    const routing *r, int64_t rows, const real *unit, const real *size, real *d)
{
    const row_kernels *kernels = r->compute->variant->rows;
    for (int64_t i = 0; i < rows; i++) {
        const real *u = unit + i * r->width;
        real *di = d + i * r->width;
        kernels->axpy(r->width, -kernels->dot(r->width, u, di), u, di);
        kernels->scale(r->width, 1 / size[i], di, di);
    }
}

typedef struct soft_sum {
    const routing *r;
    const soft *s;
    const real *d; /* [T, D] by the unit tokens */
} soft_sum;

static void add_scale(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const soft_sum *sum = arg;
    int64_t width = sum->r->width;
    (void)begin, (void)end;
    for (int64_t t = token; t < token_end; t++)
        *to += sum->r->compute->variant->rows->dot(
            width, sum->s->token + t * width, sum->d + t * width);
}

/* Forward: L = s U M^T, U = x', M = m'. With d U = dL M, as if s were 1, ds = <dL, U M^T> is
 * <d U, U>. */
static void token_gradients(
    routing *r, const soft *s, router_gradients *g, bool accumulate, real *dx)
{
    const row_kernels *kernels = r->compute->variant->rows;
    weight slots = weight_of_floats(s->slot, s->slots, r->width);
    routing_product p = { .a = s->token, .w = &slots, .da = rows_to(dx, r->width) };
    routing_multiply_backward(r, &p, s->dlogits);
    soft_sum job = { r, s, dx };
    leaf_sum scale = { r->plan->tokens, 1, 0, accumulate, add_scale, &job };
    leaves_sum(r->compute, g->leaves, &scale, g->own[SCALE]);
    kernels->scale(r->plan->tokens * r->width, r->weights->own[SCALE][0], dx, dx);
    normalise_backward(r, r->plan->tokens, s->token, s->token_size, dx);
}

/* A sequence after another, so that a batch in parts adds the same numbers. */
static void add_slots(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const soft_sum *sum = arg;
    const routing *r = sum->r;
    const soft *s = sum->s;
    const row_kernels *kernels = r->compute->variant->rows;
    const int64_t *start = r->batch->start;
    int64_t elements = s->slots * r->width;
    (void)begin, (void)end;
    for (int64_t i = 0; i < r->batch->sequences; i++) {
        if (start[i] < token || start[i] >= token_end) continue;
        gemm(r->compute, GEMM_TN, s->slots, r->width, start[i + 1] - start[i],
            s->dlogits + start[i] * s->slots, s->slots, s->token + start[i] * r->width, r->width,
            s->dslot, r->width, false);
        kernels->scale(elements, r->weights->own[SCALE][0], s->dslot, s->dslot);
        normalise_backward(r, s->slots, s->slot, s->slot_size, s->dslot);
        kernels->add(elements, s->dslot, to);
    }
}

static void project_backward(
    routing *r, const real *dlogits, router_gradients *g, bool accumulate, real *dx)
{
    column_job job = { r, soft_of(r), columns_backward };
    soft *s = &job.s;
    int64_t tokens = r->plan->tokens;
    (void)dlogits;
    for (int64_t t = 0; t < tokens; t++)
        if (!plan_is_valid(r->plan, t))
            memset(s->dlogits + t * s->slots, 0, (size_t)s->slots * sizeof(real));
    over_columns(&job);
    token_gradients(r, s, g, accumulate, dx);
    soft_sum each = { r, s, NULL };
    leaf_sum slots = { tokens, s->slots * r->width, 0, accumulate, add_slots, &each };
    leaves_sum_whole(r->compute, g->leaves, &slots, g->own[SLOTS]);
}

/* ---- sizes ---- */

static int64_t most_rows(
    const router_options *o, int32_t experts, int64_t tokens, int64_t sequences)
{
    (void)tokens;
    return sequences * experts * o->slots;
}

static int parameters(
    const router_options *o, int64_t width, int32_t experts, router_parameter *list)
{
    list[SLOTS] =
        (router_parameter){ "router.slots", experts, o->slots, width, true, false, START_DRAWN, 0 };
    list[SCALE] = (router_parameter){ "router.scale", 0, 0, 1, true, false, START_VALUE, 1 };
    return 2;
}

static int tensors(const routing *r, router_tensor *list)
{
    soft s = soft_of(r);
    const plan *p = r->plan;
    list[0] = (router_tensor){ "dispatch", 3, { p->tokens, p->experts, r->options->slots },
        s.weights.dispatch };
    list[1] = (router_tensor){ "combine", 3, { p->tokens, p->experts, r->options->slots },
        s.weights.combine };
    return 2;
}

const router router_soft = {
    .name = "soft",
    .help = "experts read mixtures of a sequence's tokens, and tokens get mixtures of all outputs; "
            "nothing is chosen (Soft MoE)",
    .traits = ROUTER_NO_MATRIX | ROUTER_MIXES | ROUTER_LOOKS_AHEAD | ROUTER_EVERY_EXPERT,
    .options = (const char *const[]){ "slots", NULL },
    .most_picks = picks_of_all,
    .most_rows = most_rows,
    .parameters = parameters,
    .own = own,
    .project = project,
    .project_backward = project_backward,
    .assign = assign,
    .score = score,
    .weigh = weigh_raw,
    .backward = backward,
    .tensors = tensors,
};

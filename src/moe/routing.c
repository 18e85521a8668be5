/* routing.c - the products around a router's row, and its weights and gradients token by token. */
#include "moe/routing.h"

#include <string.h>

#include "base/random.h"
#include "kernel/gemm.h"
#include "op/parallel.h"
#include "op/strided.h"

enum { GRAIN = 16 }; /* tokens: neighbours that one worker takes */

void router_state_layout(router_state *s, arena *a, const router *r, const router_options *o,
    int64_t tokens, int64_t width, int64_t experts)
{
    *s = (router_state){ 0 };
    s->logits = ARENA_ARRAY(a, real, tokens * experts);
    s->score = ARENA_ARRAY(a, real, tokens * experts);
    s->lse = ARENA_ARRAY(a, real, tokens);
    if (o->jitter > 0) s->jittered = ARENA_ARRAY(a, real, tokens * width);
    if (!(r->traits & ROUTER_NOISE)) return;
    s->noise_logits = ARENA_ARRAY(a, real, tokens * experts);
    s->noise = ARENA_ARRAY(a, real, tokens * experts);
    s->load = ARENA_ARRAY(a, real, tokens * experts);
    s->threshold = ARENA_ARRAY(a, gexp, tokens * 2);
}

static int64_t numbers_of(const routing *r) { return r->plan->tokens * r->plan->experts; }
static bool has_jitter(const routing *r)
{
    return r->batch->random.train && r->options->jitter > 0;
}
static bool has_noise(const routing *r)
{
    return r->batch->random.train && (r->router->traits & ROUTER_NOISE);
}

const real *routing_input(const routing *r) { return has_jitter(r) ? r->state->jittered : r->x; }

router_token routing_token(const routing *r, int64_t t, int64_t first_edge, int32_t count)
{
    const router_state *s = r->state;
    const plan *p = r->plan;
    int64_t row = t * p->experts;
    router_token token = {
        .options = r->options,
        .rows = r->compute->variant->rows,
        .experts = p->experts,
        .logits = s->logits + row,
        .correction = r->weights->correction,
        .score = s->score + row,
        .lse = s->lse + t,
        .key = r->key + row,
        .count = count,
        .expert = p->edge_expert + first_edge,
        .weight = p->edge_weight + first_edge,
    };
    if (has_noise(r)) {
        token.noise_logits = s->noise_logits + row;
        token.noise = s->noise + row;
        token.threshold = s->threshold + 2 * t;
        token.load = s->load + row;
    }
    return token;
}

/* After dispatch: the token's edges and their rows. */
static router_token dispatched_token(const routing *r, int64_t t)
{
    int64_t first = r->plan->token_start[t];
    router_token token = routing_token(r, t, first, plan_edges_of(r->plan, t));
    token.row = r->plan->edge_row + first;
    return token;
}

/* ---- forward: logits, scores, edges ---- */

static random_key jitter_key(const routing *r)
{
    return random_key_of(
        r->batch->random.seed, "router jitter", r->batch->random.step, (uint64_t)r->layer);
}

/* y[i] = x[i] * U(1 - jitter, 1 + jitter), i = t * D ... */
static void jitter_row(const routing *r, random_key key, int64_t t, const real *x, real *y)
{
    uint64_t first = (uint64_t)((r->batch->random.first_token + t) * r->width);
    for (int64_t i = 0; i < r->width; i++) {
        double u = 2 * random_uniform(key, first + (uint64_t)i) - 1;
        y[i] = x[i] * (real)(1 + (double)r->options->jitter * u);
    }
}

static void jitter_task(void *arg, int64_t begin, int64_t end)
{
    const routing *r = arg;
    random_key key = jitter_key(r);
    for (int64_t t = begin; t < end; t++)
        jitter_row(r, key, t, r->x + t * r->width, r->state->jittered + t * r->width);
}

/* out [T, E] = x~ W^T + bias */
static void project(const routing *r, const weight *w, const real *bias, real *out)
{
    const plan *p = r->plan;
    gemm_group g = { .m = p->tokens,
        .n = p->experts,
        .k = r->width,
        .a = routing_input(r),
        .a_stride = r->width,
        .b = weight_matrix(w, 0),
        .c = out,
        .c_stride = p->experts };
    gemm_grouped(r->compute, GEMM_NT, &g, 1, false);
    for (int64_t t = 0; bias && t < p->tokens; t++)
        r->compute->variant->rows->add(p->experts, bias, out + t * p->experts);
}

static void draw_noise(const routing *r, int64_t t)
{
    random_key key = random_key_of(
        r->batch->random.seed, "router noise", r->batch->random.step, (uint64_t)r->layer);
    int64_t experts = r->plan->experts;
    uint64_t first = (uint64_t)((r->batch->random.first_token + t) * experts);
    const real *given = r->batch->random.normal;
    for (int64_t e = 0; e < experts; e++)
        r->state->noise[t * experts + e] =
            given ? given[t * experts + e] : (real)random_normal(key, first + (uint64_t)e);
}

static void noise_task(void *arg, int64_t begin, int64_t end)
{
    for (int64_t t = begin; t < end; t++) draw_noise(arg, t);
}

void routing_assign(routing *r)
{
    int64_t tokens = r->plan->tokens;
    if (has_jitter(r)) parallel_over(r->compute, tokens, 1, tokens * r->width, jitter_task, r);
    project(r, &r->weights->matrix, r->weights->bias, r->state->logits);
    if (has_noise(r)) {
        project(r, &r->weights->noise, NULL, r->state->noise_logits);
        parallel_over(r->compute, tokens, GRAIN, numbers_of(r), noise_task, r);
    }
    r->router->assign(r);
}

/* ---- forward: weights ---- */

static void weigh_task(void *arg, int64_t begin, int64_t end)
{
    const routing *r = arg;
    for (int64_t i = begin; i < end; i++) {
        router_token t = dispatched_token(r, i);
        if (t.count > 0) r->router->weigh(&t);
    }
}

void routing_weigh(routing *r)
{
    parallel_over(r->compute, r->plan->tokens, GRAIN, numbers_of(r), weigh_task, r);
}

/* ---- backward ---- */

typedef struct backward_job {
    routing *r;
    const routing_gradient *d;
} backward_job;

/* Forward: H = - sum q log q. dq -= coefficient (log q + 1); where q is 0, the factor q of the
 * softmax's gradient is 0 too. */
static void backward_entropy(const router_token *t, real coefficient, real *scratch, real *dq)
{
    real sum = t->rows->sum(t->experts, t->score);
    t->rows->scale(t->experts, 1 / sum, t->score, scratch);
    t->rows->log(t->experts, scratch, scratch);
    for (int32_t e = 0; e < t->experts; e++)
        if (t->score[e] > 0) dq[e] -= coefficient * (scratch[e] + 1);
}

/* Forward: lse^2. dz += 2 coefficient lse softmax(z) */
static void backward_z(
    const routing *r, const router_token *t, real coefficient, real *scratch, real *dz)
{
    const real *p = t->score;
    if (r->router->traits & ROUTER_INDEPENDENT) {
        t->rows->softmax(t->experts, t->logits, scratch);
        p = scratch;
    }
    t->rows->axpy(t->experts, 2 * coefficient * *t->lse, p, dz);
}

/* Adds the gradient of the balancing losses by one token's routing to that from the experts. */
static void add_balance_gradient(
    const router_token *t, const score_gradient *dscore, token_gradient *d)
{
    memcpy(d->dprobability, dscore->probability, (size_t)t->experts * sizeof(real));
    if (dscore->entropy != 0) backward_entropy(t, dscore->entropy, d->dlogits, d->dprobability);
    for (int32_t k = 0; dscore->importance && k < t->count; k++)
        d->dweight[k] += dscore->importance[t->expert[k].id];
    if (t->load) d->dload = dscore->load;
}

static void backward_token(const backward_job *job, int64_t i, const score_gradient *dscore)
{
    const routing *r = job->r;
    int64_t row = i * r->plan->experts;
    size_t bytes = (size_t)r->plan->experts * sizeof(real);
    router_token t = dispatched_token(r, i);
    token_gradient d = { .dweight = job->d->dweight + r->plan->token_start[i],
        .dprobability = job->d->dprobability + row,
        .dlogits = job->d->dlogits + row };
    if (job->d->dnoise_logits) d.dnoise_logits = job->d->dnoise_logits + row;
    if (!plan_is_valid(r->plan, i)) {
        memset(d.dlogits, 0, bytes);
        if (d.dnoise_logits) memset(d.dnoise_logits, 0, bytes);
        return;
    }
    if (dscore) add_balance_gradient(&t, dscore, &d);
    else memset(d.dprobability, 0, bytes);
    r->router->backward(&t, &d);
    if (dscore && dscore->z != 0) backward_z(r, &t, dscore->z, d.dprobability, d.dlogits);
}

static void backward_task(void *arg, int64_t begin, int64_t end)
{
    const backward_job *job = arg;
    const int64_t *start = job->r->batch->start;
    int64_t s = 0;
    for (int64_t t = begin; t < end; t++) {
        while (start[s + 1] <= t) s++;
        backward_token(job, t, job->d->dscore ? &job->d->dscore[s] : NULL);
    }
}

/* Forward: out = x~ W^T + b. dW (+)= dout^T x~, db (+)= sum of dout in token order, dx~ (+)= dout
 * W */
static void project_backward(const routing *r, const weight *w, const real *dout, real *dw,
    real *dbias, bool accumulate, strided_out dx)
{
    int64_t tokens = r->plan->tokens, experts = r->plan->experts;
    gemm(r->compute, GEMM_TN, experts, r->width, tokens, dout, experts, routing_input(r), r->width,
        dw, r->width, accumulate);
    if (dbias && !accumulate) memset(dbias, 0, (size_t)experts * sizeof(real));
    for (int64_t t = 0; dbias && t < tokens; t++)
        r->compute->variant->rows->add(experts, dout + t * experts, dbias);
    gemm(r->compute, GEMM_NN, tokens, r->width, experts, dout, experts, w->data, w->stride, dx.at,
        dx.stride, dx.add);
}

void routing_backward(
    routing *r, const routing_gradient *d, router_gradients *g, bool accumulate, real *dx)
{
    backward_job job = { r, d };
    parallel_over(r->compute, r->plan->tokens, GRAIN, numbers_of(r), backward_task, &job);
    project_backward(
        r, &r->weights->matrix, d->dlogits, g->matrix, g->bias, accumulate, rows_to(dx, r->width));
    if (d->dnoise_logits)
        project_backward(r, &r->weights->noise, d->dnoise_logits, g->noise, NULL, accumulate,
            rows_added(dx, r->width));
}

typedef struct jitter_job {
    const routing *r;
    real *dx;
} jitter_job;

static void unjitter_task(void *arg, int64_t begin, int64_t end)
{
    const jitter_job *job = arg;
    random_key key = jitter_key(job->r);
    for (int64_t t = begin; t < end; t++) {
        real *dx = job->dx + t * job->r->width;
        jitter_row(job->r, key, t, dx, dx);
    }
}

/* Forward: x~ = x * factor. dx = dx~ * factor */
void routing_apply_jitter(routing *r, real *dx)
{
    jitter_job job = { r, dx };
    if (has_jitter(r))
        parallel_over(
            r->compute, r->plan->tokens, 1, r->plan->tokens * r->width, unjitter_task, &job);
}

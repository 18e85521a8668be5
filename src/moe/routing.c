/* routing.c - the products around a router's row, and its weights and gradients token by token. */
#include "moe/routing.h"

#include <math.h>
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
    if (o->logit_noise > 0) s->clean = ARENA_ARRAY(a, real, tokens * experts);
    if (r->own) s->own = ARENA_ARRAY(a, real, r->own(o, tokens, width, (int32_t)experts));
    bool rows = r->traits & ROUTER_NOISE && !(r->traits & ROUTER_HIERARCHY);
    if (rows) s->noise_logits = ARENA_ARRAY(a, real, tokens * experts);
    if (rows || o->logit_noise > 0) s->noise = ARENA_ARRAY(a, real, tokens * experts);
    if (!(r->traits & ROUTER_NOISE)) return;
    s->load = ARENA_ARRAY(a, real, tokens * experts);
    if (rows) s->threshold = ARENA_ARRAY(a, gexp, tokens * 2);
}

arena routing_own_memory(const routing *r)
{
    int64_t count = r->router->own(r->options, r->plan->tokens, r->width, r->plan->experts);
    return (arena){
        .base = (char *)r->state->own, .size = (size_t)count * sizeof(real), .overlaid = true
    };
}

static int64_t numbers_of(const routing *r) { return r->plan->tokens * r->plan->experts; }
static bool has_jitter(const routing *r)
{
    return r->batch->random.train && r->options->jitter > 0;
}
static bool has_noise(const routing *r) { return r->batch->random.train && r->state->noise_logits; }

/* The matrix of the residual logits stands behind the router's other parameters. */
static bool has_residual(const routing *r) { return r->options->residual && r->before; }
static int residual_index(const routing *r)
{
    router_parameter list[ROUTER_OWN_PARAMETERS];
    return router_parameters(r->router, r->options, r->width, r->plan->experts, list) - 1;
}
static weight residual_of(const routing *r)
{
    return weight_of_floats(r->weights->own[residual_index(r)], r->plan->experts, r->plan->experts);
}

const real *routing_input(const routing *r) { return has_jitter(r) ? r->state->jittered : r->x; }

/* ---- banks: each type of token has experts of its own, in one run of ids ---- */

int32_t routing_bank(const routing *r, int64_t t, int32_t *experts)
{
    const router_options *o = r->options;
    int32_t first = 0, type = r->batch->types ? r->batch->types[t] : 0;
    *experts = o->banks ? o->bank_experts[type] : r->plan->experts;
    for (int32_t i = 0; o->banks && i < type; i++) first += o->bank_experts[i];
    return first;
}

int32_t routing_bank_of_expert(const routing *r, int32_t expert)
{
    int32_t bank = 0;
    while (r->options->banks && expert >= r->options->bank_experts[bank])
        expert -= r->options->bank_experts[bank++];
    return bank;
}

/* A token's row counts experts from its bank's first, the plan from the layer's. */
static void move_ids(const router_token *t, int32_t count, int32_t by)
{
    for (int32_t k = 0; by && k < count; k++) t->expert[k].id += by;
}

void routing_choose(const router_token *t, int32_t count) { move_ids(t, count, t->first); }

router_token routing_token(const routing *r, int64_t t, int64_t first_edge, int32_t count)
{
    const router_state *s = r->state;
    const plan *p = r->plan;
    int32_t experts, first = routing_bank(r, t, &experts);
    int64_t row = t * p->experts + first;
    router_token token = {
        .options = r->options,
        .rows = r->compute->variant->rows,
        .experts = experts,
        .first = first,
        .logits = s->logits + row,
        .correction = r->weights->correction ? r->weights->correction + first : NULL,
        .score = s->score + row,
        .lse = s->lse + t,
        .key = r->key + row,
        .count = count,
        .expert = p->edge_expert + first_edge,
        .weight = p->edge_weight + first_edge,
        .routing = r,
        .index = t,
    };
    if (r->batch->random.train && s->load) token.load = s->load + row;
    if (has_noise(r)) {
        token.noise_logits = s->noise_logits + row;
        token.noise = s->noise + row;
        token.threshold = s->threshold + 2 * t;
    }
    return token;
}

/* Returns the token with its edges and their rows, after dispatch. */
static router_token dispatched_token(const routing *r, int64_t t)
{
    int64_t first = r->plan->token_start[t];
    router_token token = routing_token(r, t, first, plan_edges_of(r->plan, t));
    token.row = r->plan->edge_row + first;
    return token;
}

/* ---- jitter ---- */

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

/* ---- products and random numbers, for the rows too ---- */

void routing_multiply(
    const routing *r, const real *a, const weight *w, const real *bias, real *out, bool add)
{
    gemm_group g = { .m = r->plan->tokens,
        .n = w->rows,
        .k = w->cols,
        .a = a,
        .a_stride = w->cols,
        .b = weight_matrix(w, 0),
        .c = out,
        .c_stride = w->rows };
    gemm_grouped(r->compute, GEMM_NT, &g, 1, add);
    for (int64_t t = 0; bias && t < r->plan->tokens; t++)
        r->compute->variant->rows->add(w->rows, bias, out + t * w->rows);
}

static double draw(routing_draw_kind kind, random_key key, uint64_t index)
{
    if (kind == DRAW_NORMAL) return random_normal(key, index);
    double u = random_uniform(key, index);
    if (kind == DRAW_UNIFORM) return u;
    u = u < 1e-12 ? 1e-12 : u > 1 - 1e-12 ? 1 - 1e-12 : u;
    return kind == DRAW_GUMBEL ? -log(-log(u)) : log(u) - log1p(-u);
}

typedef struct draw_job {
    const routing *r;
    routing_draw_kind kind;
    random_key key;
    const real *given;
    int64_t count;
    real *out;
} draw_job;

static void draw_task(void *arg, int64_t begin, int64_t end)
{
    const draw_job *job = arg;
    uint64_t first = (uint64_t)(job->r->batch->random.first_token * job->count);
    for (int64_t i = begin * job->count; i < end * job->count; i++)
        job->out[i] =
            job->given ? job->given[i] : (real)draw(job->kind, job->key, first + (uint64_t)i);
}

void routing_draw(const routing *r, routing_draw_kind kind, const char *name, const real *given,
    int64_t count, real *out)
{
    const batch_random *random = &r->batch->random;
    draw_job job = { r, kind, random_key_of(random->seed, name, random->step, (uint64_t)r->layer),
        given, count, out };
    parallel_over(r->compute, r->plan->tokens, GRAIN, r->plan->tokens * count, draw_task, &job);
}

/* ---- forward: logits, scores, edges ---- */

static const router_draws *draws_of(const routing *r)
{
    static const router_draws none = { 0 };
    return r->batch->random.given ? r->batch->random.given : &none;
}

/* z = x~ W^T + b (+ R z_before) */
static void project(routing *r)
{
    if (r->router->project) {
        r->router->project(r);
        return;
    }
    if (router_matrix_rows(r->router, r->options, r->plan->experts))
        routing_multiply(
            r, routing_input(r), &r->weights->matrix, r->weights->bias, r->state->logits, false);
    else memset(r->state->logits, 0, (size_t)numbers_of(r) * sizeof(real));
    if (has_residual(r)) {
        weight w = residual_of(r);
        routing_multiply(r, r->before, &w, NULL, r->state->logits, true);
    }
}

/* V-MoE: z += s / E * N(0, 1) */
static void add_logit_noise(routing *r)
{
    real scale = r->options->logit_noise / (real)r->plan->experts;
    memcpy(r->state->clean, r->state->logits, (size_t)numbers_of(r) * sizeof(real));
    if (!r->batch->random.train) return;
    routing_draw(
        r, DRAW_NORMAL, "router noise", draws_of(r)->normal, r->plan->experts, r->state->noise);
    r->compute->variant->rows->axpy(numbers_of(r), scale, r->state->noise, r->state->logits);
}

/* Scores for the experts of other banks are 0, and their keys the lowest. */
static void forget_other_banks(routing *r)
{
    memset(r->state->score, 0, (size_t)numbers_of(r) * sizeof(real));
    for (int64_t i = 0; i < numbers_of(r); i++) r->key[i] = -REAL_INF;
}

void routing_assign(routing *r)
{
    int64_t tokens = r->plan->tokens;
    bool before = compute_in_full(r->compute);
    if (has_jitter(r)) parallel_over(r->compute, tokens, 1, tokens * r->width, jitter_task, r);
    if (r->options->banks) forget_other_banks(r);
    project(r);
    if (r->options->logit_noise > 0) add_logit_noise(r);
    if (has_noise(r)) {
        routing_multiply(
            r, routing_input(r), &r->weights->noise, NULL, r->state->noise_logits, false);
        routing_draw(
            r, DRAW_NORMAL, "router noise", draws_of(r)->normal, r->plan->experts, r->state->noise);
    }
    r->router->assign(r);
    r->compute->bf16 = before;
}

/* ---- forward: weights ---- */

static void weigh_task(void *arg, int64_t begin, int64_t end)
{
    const routing *r = arg;
    for (int64_t i = begin; i < end; i++) {
        router_token t = dispatched_token(r, i);
        move_ids(&t, t.count, -t.first);
        if (t.count > 0) r->router->weigh(&t);
        move_ids(&t, t.count, t.first);
        for (int32_t k = 0; r->weights->expert_scale && k < t.count; k++)
            t.weight[k] *= r->weights->expert_scale[t.expert[k].id];
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
    if (router_is_independent(r->router, r->options)) {
        t->rows->softmax(t->experts, t->logits, scratch);
        p = scratch;
    }
    t->rows->axpy(t->experts, 2 * coefficient * *t->lse, p, dz);
}

/* Adds the gradient of the balancing losses by one token's routing to that from the experts. */
static void add_balance_gradient(
    const router_token *t, const score_gradient *dscore, token_gradient *d)
{
    memcpy(d->dprobability, dscore->probability + t->first, (size_t)t->experts * sizeof(real));
    if (dscore->entropy != 0) backward_entropy(t, dscore->entropy, d->dlogits, d->dprobability);
    for (int32_t k = 0; dscore->importance && k < t->count; k++)
        d->dweight[k] += dscore->importance[t->first + t->expert[k].id];
    if (t->load) d->dload = dscore->load;
}

/* Dense estimator: an expert that was not picked would have weighed scale p, or scale p / (sum over
 * picks of p), the sum taken as a constant. */
static void add_unpicked(const router_token *t, const real *unpicked, token_gradient *d)
{
    real by = t->options->scale, sum = 0;
    for (int32_t k = 0; k < t->count; k++) sum += t->score[t->expert[k].id];
    if (router_renormalises(t->routing->router, t->options)) by /= sum > 0 ? sum : 1;
    t->rows->axpy(t->experts, by, unpicked, d->dprobability);
}

static void backward_token(const backward_job *job, int64_t i, const score_gradient *dscore)
{
    const routing *r = job->r;
    int64_t row = i * r->plan->experts;
    size_t bytes = (size_t)r->plan->experts * sizeof(real);
    router_token t = dispatched_token(r, i);
    token_gradient d = { .dweight = job->d->dweight + r->plan->token_start[i],
        .dprobability = job->d->dprobability + row + t.first,
        .dlogits = job->d->dlogits + row + t.first };
    bool valid = plan_is_valid(r->plan, i);
    if (job->d->dnoise_logits) d.dnoise_logits = job->d->dnoise_logits + row + t.first;
    if (!valid || t.first > 0 || t.experts < r->plan->experts)
        memset(job->d->dlogits + row, 0, bytes);
    if (!valid && d.dnoise_logits) memset(d.dnoise_logits, 0, bytes);
    if (!valid) return;
    move_ids(&t, t.count, -t.first);
    if (dscore) add_balance_gradient(&t, dscore, &d);
    else memset(d.dprobability, 0, (size_t)t.experts * sizeof(real));
    if (job->d->unpicked) add_unpicked(&t, job->d->unpicked + row, &d);
    r->router->backward(&t, &d);
    if (dscore && dscore->z != 0) backward_z(r, &t, dscore->z, d.dprobability, d.dlogits);
    move_ids(&t, t.count, t.first);
    if (job->d->losses) t.rows->add(r->plan->experts, job->d->losses + row, job->d->dlogits + row);
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

typedef struct bias_job {
    const row_kernels *rows;
    const real *dout;
    int64_t n;
} bias_job;

static void add_bias_gradient(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const bias_job *job = arg;
    for (int64_t t = token; t < token_end; t++)
        job->rows->add(end - begin, job->dout + t * job->n + begin, to);
}

void routing_multiply_backward(const routing *r, const routing_product *p, const real *dout)
{
    int64_t tokens = r->plan->tokens, n = p->w->rows, k = p->w->cols;
    gemm_group input = { .m = tokens,
        .n = k,
        .k = n,
        .a = dout,
        .a_stride = n,
        .b = weight_matrix(p->w, 0),
        .c = p->da.at,
        .c_stride = p->da.stride };
    gemm_group own = { .m = n,
        .n = k,
        .k = tokens,
        .a = dout,
        .a_stride = n,
        .b = matrix_of_floats(p->a, k),
        .c = p->dw,
        .c_stride = k };
    bias_job bias = { r->compute->variant->rows, dout, n };
    leaf_sum sum = { tokens, n, tokens * n, p->accumulate, add_bias_gradient, &bias };
    if (p->dw) leaves_multiply(r->compute, p->leaves, &own, 1, p->accumulate);
    if (p->dbias) leaves_sum(r->compute, p->leaves, &sum, p->dbias);
    if (p->da.at) gemm_grouped(r->compute, GEMM_NN, &input, 1, p->da.add);
}

void routing_matrix_backward(
    const routing *r, const real *dout, router_gradients *g, bool accumulate, real *dx)
{
    routing_product p = { .a = routing_input(r),
        .w = &r->weights->matrix,
        .dw = g->matrix,
        .dbias = g->bias,
        .accumulate = accumulate,
        .leaves = g->leaves,
        .da = rows_to(dx, r->width) };
    routing_multiply_backward(r, &p, dout);
}

/* Forward: z += R z_before. dR (+)= dz^T z_before, dz_before = dz R */
static void residual_backward(
    const routing *r, const real *dlogits, router_gradients *g, bool accumulate)
{
    weight w = residual_of(r);
    routing_product p = { .a = r->before,
        .w = &w,
        .dw = g->own[residual_index(r)],
        .accumulate = accumulate,
        .leaves = g->leaves,
        .da = rows_to(r->dbefore, r->plan->experts) };
    routing_multiply_backward(r, &p, dlogits);
}

/* Clears the gradients of parameters that only losses read, no product (thresholds). */
static void clear_own(const routing *r, router_gradients *g, int64_t to)
{
    router_parameter list[ROUTER_OWN_PARAMETERS];
    if (!r->router->parameters) return;
    int count = r->router->parameters(r->options, r->width, r->plan->experts, list);
    for (int i = 0; i < count; i++)
        if (list[i].trained && g->own[i])
            memset(g->own[i] + to, 0, (size_t)router_parameter_count(&list[i]) * sizeof(real));
}

static void project_backward(
    routing *r, const real *dlogits, router_gradients *g, bool accumulate, real *dx)
{
    if (r->router->project_backward) {
        r->router->project_backward(r, dlogits, g, accumulate, dx);
        return;
    }
    if (!accumulate) clear_own(r, g, 0);
    for (int32_t i = 0; g->leaves && i < g->leaves->runs; i++)
        if (g->leaves->run[i].mode == LEAF_WRITE) clear_own(r, g, g->leaves->run[i].to);
    if (router_matrix_rows(r->router, r->options, r->plan->experts))
        routing_matrix_backward(r, dlogits, g, accumulate, dx);
    else memset(dx, 0, (size_t)(r->plan->tokens * r->width) * sizeof(real));
    if (has_residual(r)) residual_backward(r, dlogits, g, accumulate);
}

void routing_backward(
    routing *r, const routing_gradient *d, router_gradients *g, bool accumulate, real *dx)
{
    backward_job job = { r, d };
    bool before = compute_in_full(r->compute);
    parallel_over(r->compute, r->plan->tokens, GRAIN, numbers_of(r), backward_task, &job);
    if (d->after) r->compute->variant->rows->add(numbers_of(r), d->after, d->dlogits);
    project_backward(r, d->dlogits, g, accumulate, dx);
    routing_product noise = { .a = routing_input(r),
        .w = &r->weights->noise,
        .dw = g->noise,
        .accumulate = accumulate,
        .leaves = g->leaves,
        .da = rows_added(dx, r->width) };
    if (d->dnoise_logits) routing_multiply_backward(r, &noise, d->dnoise_logits);
    r->compute->bf16 = before;
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

/* layer_beside.c - what stands beside and behind the routed experts: the shared expert and its
 * gate, the latent space, a factor for each channel, and a residual expert (layer_run.h). */
#include <string.h>

#include "moe/layer_run.h"

/* ---- an expert whose rows are the tokens, with weight 1 or the gate's ---- */

typedef struct token_pass {
    expert_weights weights;
    int64_t first[2];
    expert_pass pass;
} token_pass;

static void token_pass_begin(
    const layer_run *r, token_pass *p, int64_t hidden, real *pre, const real *row_weight)
{
    p->first[0] = 0;
    p->first[1] = r->s->plan.tokens;
    p->pass = (expert_pass){ .compute = r->call->compute,
        .weights = &p->weights,
        .limit = clamp_of(r->c),
        .width = r->c->width,
        .form = layer_form(r->call->compute->variant->rows, r->c),
        .hidden = hidden,
        .pre = pre,
        .act = r->scratch.act,
        .group = r->scratch.group,
        .wanted = r->scratch.wanted,
        .tensor = r->call->tensor,
        .own_hidden = gather_own(r->call->tensor, hidden, hidden),
        .keeps = r->call->tensor && r->call->batch->ranks };
    p->pass.rows = (expert_rows){ .experts = 1, .first = p->first, .weight = row_weight };
}

static void shared_begin(const layer_run *r, token_pass *p)
{
    p->weights = (expert_weights){ .gate = r->w->shared_gate_proj,
        .up = r->w->shared_up,
        .down = r->w->shared_down,
        .joined = r->w->shared_joined };
    token_pass_begin(r, p, r->c->shared, r->s->shared_pre, r->s->shared_expert_gate);
}

/* row_weight: [T] where the row's gradient is weighed; NULL: 1. */
static void residual_begin(const layer_run *r, token_pass *p, const real *row_weight)
{
    p->weights = (expert_weights){ .gate = r->w->residual_gate,
        .up = r->w->residual_up,
        .down = r->w->residual_down,
        .joined = r->w->residual_joined };
    token_pass_begin(r, p, r->c->residual, r->s->residual_pre, row_weight);
}

/* ---- the shared expert ---- */

/* gate [T] = sigmoid(x . w) */
static void gate_shared(const layer_run *r)
{
    int64_t tokens = r->s->plan.tokens;
    gemm_group g = { .m = tokens,
        .n = 1,
        .k = r->c->width,
        .a = r->x,
        .a_stride = r->c->width,
        .b = weight_matrix(&r->w->shared_expert_gate, 0),
        .c = r->s->shared_expert_gate,
        .c_stride = 1 };
    gemm_grouped(r->call->compute, GEMM_NT, &g, 1, false);
    r->call->compute->variant->rows->sigmoid(
        tokens, r->s->shared_expert_gate, r->s->shared_expert_gate);
}

cadre_status beside_forward(layer_run *r, real *y)
{
    token_pass shared;
    if (r->c->shared_gated) gate_shared(r);
    if (!r->c->shared) return CADRE_OK;
    shared_begin(r, &shared);
    if (sums_own_columns(r) && !keeps_sparse(r->c) && !r->w->shared_down.pairs)
        shared.pass.columns = COLUMNS_IN_PLACE; /* the routed experts' sum follows */
    return experts_forward(&shared.pass, r->x, y);
}

/* Forward: y = gate * shared(x). Adds to dx. */
static void shared_backward(layer_run *r, const real *dy, real *dx, const moe_gradients *g)
{
    token_pass shared;
    expert_gradients into = { .gate = &(real *const){ g->shared_gate_proj },
        .up = &(real *const){ g->shared_up },
        .down = &(real *const){ g->shared_down },
        .joined = g->shared_joined,
        .accumulate = g->accumulate,
        .leaves = g->router.leaves };
    if (!g->shared_gate_proj) into.gate = into.up = into.down = NULL;
    shared_begin(r, &shared);
    experts_backward(&shared.pass, r->x, dy, &into, r->scratch.dshared_expert_gate, dx, true);
}

/* Forward: gate = sigmoid(z), z = x . w. Given dgate, which becomes dz:  dw (+)= dz^T x,
 * dx += dz w */
static void gate_backward(layer_run *r, real *dx, const moe_gradients *g)
{
    int64_t tokens = r->s->plan.tokens, width = r->c->width;
    const weight *w = &r->w->shared_expert_gate;
    real *dz = r->scratch.dshared_expert_gate;
    for (int64_t t = 0; t < tokens; t++)
        dz[t] *= r->s->shared_expert_gate[t] * (1 - r->s->shared_expert_gate[t]);
    routing_product gate = { .a = r->x,
        .w = w,
        .dw = g->shared_expert_gate,
        .accumulate = g->accumulate,
        .leaves = g->router.leaves,
        .da = rows_added(dx, width) };
    routing_multiply_backward(&r->routing, &gate, dz);
}

/* ---- the latent space ---- */

void latent_forward(layer_run *r)
{
    routing_multiply(&r->routing, r->x, &r->w->latent_down, NULL, r->s->latent, false);
}

/* Forward: y += sparse U^T. dU (+)= dy^T sparse, dsparse = dy U */
static void latent_backward(layer_run *r, const real *dy, const moe_gradients *g)
{
    routing_product up = { .a = r->s->sparse,
        .w = &r->w->latent_up,
        .dw = g->latent_up,
        .accumulate = g->accumulate,
        .leaves = g->router.leaves,
        .da = rows_to(r->scratch.sparse, r->c->latent) };
    routing_multiply_backward(&r->routing, &up, dy);
}

/* ---- a factor for each channel ---- */

static void omega_forward(layer_run *r, real *y)
{
    for (int64_t t = 0; t < r->s->plan.tokens; t++)
        for (int64_t i = 0; i < r->c->width; i++)
            y[t * r->c->width + i] += r->w->omega[i] * r->s->sparse[t * r->c->width + i];
}

typedef struct omega_job {
    const layer_run *r;
    const real *dy;
} omega_job;

static void add_omega_gradient(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const omega_job *job = arg;
    int64_t width = job->r->c->width;
    for (int64_t t = token; t < token_end; t++) {
        const real *row = job->dy + t * width, *sparse = job->r->s->sparse + t * width;
        for (int64_t i = begin; i < end; i++) to[i - begin] += row[i] * sparse[i];
    }
}

/* domega (+)= sum over tokens of dy * sparse, dsparse = dy * omega */
static void omega_backward(layer_run *r, const real *dy, const moe_gradients *g)
{
    int64_t width = r->c->width, tokens = r->s->plan.tokens;
    const row_kernels *kernels = r->call->compute->variant->rows;
    omega_job job = { r, dy };
    leaf_sum sum = { tokens, width, tokens * width, g->accumulate, add_omega_gradient, &job };
    leaves_sum(r->call->compute, g->router.leaves, &sum, g->omega);
    for (int64_t t = 0; t < tokens; t++)
        kernels->multiply(width, dy + t * width, r->w->omega, r->scratch.sparse + t * width);
}

/* ---- the residual expert ---- */

static cadre_status residual_forward(layer_run *r, real *y)
{
    token_pass residual;
    const row_kernels *kernels = r->call->compute->variant->rows;
    int64_t width = r->c->width;
    residual_begin(r, &residual, NULL);
    CADRE_TRY(experts_forward(&residual.pass, r->x, r->s->residual));
    routing_multiply(
        &r->routing, r->x, &r->w->coefficient, r->w->coefficient_bias, r->s->coefficient, false);
    for (int64_t t = 0; t < r->s->plan.tokens; t++) {
        real *c = r->s->coefficient + 2 * t;
        kernels->softmax(2, c, c);
        kernels->axpy(width, c[0], r->s->sparse + t * width, y + t * width);
        kernels->axpy(width, c[1], r->s->residual + t * width, y + t * width);
    }
    return CADRE_OK;
}

/* Forward: y += c0 sparse + c1 residual, c = softmax(z). dsparse = c0 dy; dz = c (dc - <c, dc>);
 * of dc the first half is <sparse, dy>, the second <residual, dy>. */
static void residual_backward(layer_run *r, const real *dy)
{
    const row_kernels *kernels = r->call->compute->variant->rows;
    int64_t width = r->c->width;
    for (int64_t t = 0; t < r->s->plan.tokens; t++) {
        const real *c = r->s->coefficient + 2 * t, *row = dy + t * width;
        real dc[] = { kernels->dot(width, r->s->sparse + t * width, row),
            kernels->dot(width, r->s->residual + t * width, row) };
        kernels->softmax_backward(2, c, dc, r->scratch.coefficient + 2 * t);
        kernels->scale(width, c[0], row, r->scratch.sparse + t * width);
    }
}

/* The rest of it, once dx is there to be added to. c1 becomes the rows' weights. */
static void residual_backward_input(layer_run *r, const real *dy, real *dx, const moe_gradients *g)
{
    token_pass residual;
    real *second = r->s->coefficient; /* spent: [T] */
    expert_gradients into = { .gate = &(real *const){ g->residual_gate },
        .up = &(real *const){ g->residual_up },
        .down = &(real *const){ g->residual_down },
        .joined = g->residual_joined,
        .accumulate = g->accumulate,
        .leaves = g->router.leaves };
    routing_product coefficient = { .a = r->x,
        .w = &r->w->coefficient,
        .dw = g->coefficient,
        .dbias = g->coefficient_bias,
        .accumulate = g->accumulate,
        .leaves = g->router.leaves,
        .da = rows_added(dx, r->c->width) };
    routing_multiply_backward(&r->routing, &coefficient, r->scratch.coefficient);
    for (int64_t t = 0; t < r->s->plan.tokens; t++) second[t] = second[2 * t + 1];
    residual_begin(r, &residual, second);
    /* The scratch holds what dweight would be, which is spent already */
    experts_backward(&residual.pass, r->x, dy, &into, r->scratch.coefficient, dx, true);
}

/* ---- all of it ---- */

/* y = gate * shared, or 0, before anything is added to it. */
void begin_sum(const layer_run *r, real *y)
{
    const row_kernels *kernels = r->call->compute->variant->rows;
    int64_t width = r->c->width, tokens = r->s->plan.tokens;
    if (!r->c->shared) memset(y, 0, (size_t)(tokens * width) * sizeof(real));
    for (int64_t t = 0; r->c->shared_gated && t < tokens; t++)
        kernels->scale(width, r->s->shared_expert_gate[t], y + t * width, y + t * width);
}

cadre_status behind_forward(layer_run *r, real *y)
{
    begin_sum(r, y);
    if (r->c->residual) return residual_forward(r, y);
    if (r->c->route.omega) omega_forward(r, y);
    else routing_multiply(&r->routing, r->s->sparse, &r->w->latent_up, NULL, y, true);
    return CADRE_OK;
}

const real *behind_backward(layer_run *r, const real *dy, moe_gradients *g)
{
    if (r->c->residual) residual_backward(r, dy);
    else if (r->c->route.omega) omega_backward(r, dy, g);
    else latent_backward(r, dy, g);
    return r->scratch.sparse;
}

void beside_backward(layer_run *r, const real *dy, real *dx, moe_gradients *g)
{
    if (r->c->shared) shared_backward(r, dy, dx, g);
    if (r->c->shared_gated) gate_backward(r, dx, g);
    if (r->c->residual) residual_backward_input(r, dy, dx, g);
}

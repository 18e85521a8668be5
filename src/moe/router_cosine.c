/* router_cosine.c - logits are the cosine of the angle between the projected token and each
 * expert's vector, times a learned temperature; then softmax and the k largest: X-MoE, Tutel.
 *
 *     u = W x + b [P];  z_e = tau u.m_e / (|u| |m_e|);  tau = exp(min(t, log 100)) */
#include <math.h>

#include "kernel/gemm.h"
#include "moe/routing.h"
#include "moe/select.h"

enum { EXPERTS, TEMPERATURE }; /* [E, P], [1] */

static const double most_temperature = 4.60517018598809136804; /* log 100 */

/* Own buffers: u / |u| [T, P], then |u| [T], m / |m| [E, P], |m| [E], a sequence's dm [E, P]. */
static int64_t own(const router_options *o, int64_t tokens, int64_t width, int32_t experts)
{
    (void)width;
    return (tokens + experts) * (o->projector + 1) + (int64_t)experts * o->projector;
}

typedef struct angles {
    int64_t width;
    real *token, *token_size, *expert, *expert_size, *dexpert;
    real tau;
} angles;

static angles angles_of(const routing *r)
{
    angles a = { .width = r->options->projector, .token = r->state->own };
    double t = (double)r->weights->own[TEMPERATURE][0];
    a.token_size = a.token + r->plan->tokens * a.width;
    a.expert = a.token_size + r->plan->tokens;
    a.expert_size = a.expert + r->plan->experts * a.width;
    a.dexpert = a.expert_size + r->plan->experts;
    a.tau = (real)exp(t < most_temperature ? t : most_temperature);
    return a;
}

/* Rows become unit vectors; size: what they were divided by, never 0. */
static void normalise(const routing *r, int64_t rows, int64_t n, real *x, real *size)
{
    const row_kernels *kernels = r->compute->variant->rows;
    for (int64_t i = 0; i < rows; i++) {
        double length = sqrt(kernels->sum_squares(n, x + i * n));
        size[i] = (real)(length > 1e-12 ? length : 1e-12);
        kernels->scale(n, 1 / size[i], x + i * n, x + i * n);
    }
}

static void project(routing *r)
{
    angles a = angles_of(r);
    int64_t experts = r->plan->experts, elements = r->plan->tokens * experts;
    routing_multiply(r, routing_input(r), &r->weights->matrix, r->weights->bias, a.token, false);
    normalise(r, r->plan->tokens, a.width, a.token, a.token_size);
    memcpy(a.expert, r->weights->own[EXPERTS], (size_t)(experts * a.width) * sizeof(real));
    normalise(r, experts, a.width, a.expert, a.expert_size);
    weight m = weight_of_floats(a.expert, experts, a.width);
    routing_multiply(r, a.token, &m, NULL, r->state->logits, false);
    r->compute->variant->rows->scale(elements, a.tau, r->state->logits, r->state->logits);
}

typedef struct angle_sum {
    const routing *r;
    const angles *a;
    const real *d; /* [T, E] by the logits, or by the cosines */
} angle_sum;

static void add_temperature(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const angle_sum *s = arg;
    int64_t experts = s->r->plan->experts;
    (void)begin, (void)end;
    for (int64_t t = token; t < token_end; t++)
        *to += s->r->compute->variant->rows->dot(
            experts, s->d + t * experts, s->r->state->logits + t * experts);
}

/* Forward: z = tau cos; tau = exp(t), t below its bound. dt += sum dz z, dcos = tau dz. */
static void temperature_backward(
    const routing *r, const angles *a, const real *dlogits, router_gradients *g, bool accumulate)
{
    int64_t elements = r->plan->tokens * r->plan->experts;
    bool bound = (double)r->weights->own[TEMPERATURE][0] > most_temperature;
    angle_sum s = { r, a, dlogits };
    leaf_sum sum = { r->plan->tokens, 1, elements, accumulate, add_temperature, &s };
    if (bound) memset(r->state->logits, 0, (size_t)elements * sizeof(real));
    leaves_sum(r->compute, g->leaves, &sum, g->own[TEMPERATURE]);
    r->compute->variant->rows->scale(elements, a->tau, dlogits, r->state->logits);
}

/* A sequence after another: with d = sum over its tokens of dcos u / |u|,
 * dm = (d - <d, unit> unit) / |m| */
static void add_experts(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const angle_sum *s = arg;
    const routing *r = s->r;
    const angles *a = s->a;
    int64_t experts = r->plan->experts, n = a->width;
    const int64_t *start = r->batch->start;
    const row_kernels *kernels = r->compute->variant->rows;
    (void)begin, (void)end;
    for (int64_t i = 0; i < r->batch->sequences; i++) {
        if (start[i] < token || start[i] >= token_end) continue;
        gemm(r->compute, GEMM_TN, experts, n, start[i + 1] - start[i], s->d + start[i] * experts,
            experts, a->token + start[i] * n, n, a->dexpert, n, false);
        for (int64_t e = 0; e < experts; e++) {
            real *d = a->dexpert + e * n;
            const real *unit = a->expert + e * n;
            kernels->axpy(n, -kernels->dot(n, unit, d), unit, d);
            kernels->axpy(n, 1 / a->expert_size[e], d, to + e * n);
        }
    }
}

/* dm (+)= of the experts' vectors */
static void experts_gradient(
    const routing *r, const angles *a, const real *dcos, router_gradients *g, bool accumulate)
{
    angle_sum s = { r, a, dcos };
    leaf_sum sum = { r->plan->tokens, r->plan->experts * a->width, 0, accumulate, add_experts, &s };
    leaves_sum_whole(r->compute, g->leaves, &sum, g->own[EXPERTS]);
}

static void project_backward(
    routing *r, const real *dlogits, router_gradients *g, bool accumulate, real *dx)
{
    angles a = angles_of(r);
    real *dcos = r->state->logits; /* spent */
    temperature_backward(r, &a, dlogits, g, accumulate);
    experts_gradient(r, &a, dcos, g, accumulate);
    /* du goes to where the unit vectors stand, once they were read: token by token */
    const row_kernels *kernels = r->compute->variant->rows;
    for (int64_t t = 0; t < r->plan->tokens; t++) {
        real *unit = a.token + t * a.width, along = 0;
        const real *by = dcos + t * r->plan->experts;
        for (int32_t e = 0; e < r->plan->experts; e++)
            along += by[e] * kernels->dot(a.width, unit, a.expert + e * a.width);
        kernels->scale(a.width, -along, unit, unit);
        for (int32_t e = 0; e < r->plan->experts; e++)
            kernels->axpy(a.width, by[e], a.expert + e * a.width, unit);
        kernels->scale(a.width, 1 / a.token_size[t], unit, unit);
    }
    routing_matrix_backward(r, a.token, g, accumulate, dx);
}

static int64_t matrix_rows(const router_options *o, int32_t experts)
{
    (void)experts;
    return o->projector;
}

static int parameters(
    const router_options *o, int64_t width, int32_t experts, router_parameter *list)
{
    (void)width;
    list[EXPERTS] = (router_parameter){ "router.experts", 0, experts, o->projector, true, false,
        START_DRAWN, 0 };
    list[TEMPERATURE] = (router_parameter){ "router.temperature", 0, 0, 1, true, false, START_VALUE,
        REAL_C(2.302585092994046) };
    return 2;
}

static void score(const router_token *t)
{
    score_softmax(t);
    key_of_softmax(t);
}

const router router_cosine = {
    .name = "cosine",
    .help = "cosine of the angle between a projection of the token and each expert's vector; "
            "softmax; the k largest are chosen (X-MoE)",
    .options = (const char *const[]){ "renormalise", "norm-eps", "survivors", "projector", NULL },
    .matrix_rows = matrix_rows,
    .parameters = parameters,
    .own = own,
    .project = project,
    .project_backward = project_backward,
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh_by_renormalise,
    .backward = backward_by_renormalise,
};

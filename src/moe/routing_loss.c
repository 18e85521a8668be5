/* routing_loss.c - the losses of routing_loss.h, each with its gradient by the logits, and by the
 * router's parameters where it has one.
 *
 * p = softmax(z) is the score; where a loss has the derivative a_e by p_e of a token, the logits
 * get p_e (a_e - <p, a>). Edges and counts are constants. */
#include "moe/routing_loss.h"

#include <math.h>
#include <string.h>

static bool counts(const routing *r, const routing_loss_of *of, int64_t t)
{
    int32_t type = r->batch->types ? r->batch->types[t] : 0;
    return plan_is_valid(r->plan, t) && (of->type < 0 || type == of->type);
}

static double tokens_of(const routing *r, const routing_loss_of *of)
{
    double tokens = 0;
    for (int64_t t = 0; t < r->plan->tokens; t++) tokens += counts(r, of, t);
    return tokens;
}

/* dz += p (a - <p, a>) */
static void softmax_gradient(int64_t n, const real *p, const double *a, real *dz)
{
    double mean = 0;
    for (int64_t e = 0; e < n; e++) mean += (double)p[e] * a[e];
    for (int64_t e = 0; e < n; e++) dz[e] += (real)((double)p[e] * (a[e] - mean));
}

static const char *wants_softmax(const balance_layer *l)
{
    return l->route && !router_is_independent(l->router, l->route)
               ? NULL
               : "wants a router whose scores are a softmax";
}

/* ---- entropies by type of token (Mustafa et al. 2022, LIMoE) ---- */

static double log_of(double p) { return p > 0 ? log(p) : 0; }

/* mean over the type's tokens of H(p); its derivative by p_e is -(log p_e + 1) */
static double local_entropy(
    const routing *r, const routing_loss_of *of, double scale, real *dlogits)
{
    int32_t experts = r->plan->experts;
    double tokens = tokens_of(r, of), sum = 0, a[ROUTER_MAX_EXPERTS];
    for (int64_t t = 0; t < r->plan->tokens; t++) {
        const real *p = r->state->score + t * experts;
        if (!counts(r, of, t)) continue;
        for (int32_t e = 0; e < experts; e++) {
            sum -= (double)p[e] * log_of((double)p[e]) / tokens;
            a[e] = -scale / tokens * (log_of((double)p[e]) + 1);
        }
        softmax_gradient(experts, p, a, dlogits + t * experts);
    }
    return sum;
}

/* max(0, log n - H(mean of p)) */
static double global_entropy(
    const routing *r, const routing_loss_of *of, double scale, real *dlogits)
{
    int32_t experts = r->plan->experts;
    double tokens = tokens_of(r, of), mean[ROUTER_MAX_EXPERTS] = { 0 }, value = 0;
    if (!(tokens > 0)) return 0;
    for (int64_t t = 0; t < r->plan->tokens; t++)
        for (int32_t e = 0; counts(r, of, t) && e < experts; e++)
            mean[e] += (double)r->state->score[t * experts + e] / tokens;
    value = log(of->entropy_experts > 0 ? of->entropy_experts : experts);
    for (int32_t e = 0; e < experts; e++) value += mean[e] * log_of(mean[e]);
    if (!(value > 0)) return 0;
    for (int32_t e = 0; e < experts; e++) mean[e] = scale / tokens * (log_of(mean[e]) + 1);
    for (int64_t t = 0; t < r->plan->tokens; t++)
        if (counts(r, of, t))
            softmax_gradient(experts, r->state->score + t * experts, mean, dlogits + t * experts);
    return value;
}

const routing_loss loss_local_entropy = {
    .by_type = true, .refuses = wants_softmax, .value = local_entropy
};
const routing_loss loss_global_entropy = {
    .by_type = true, .refuses = wants_softmax, .value = global_entropy
};

/* ---- V-MoE (Riquelme et al. 2021) ---- */

static const char *wants_noise(const balance_layer *l)
{
    return l->route && l->route->logit_noise > 0 ? wants_softmax(l)
                                                 : "wants the option logit-noise above 0";
}

/* CV^2 of the sums over tokens of softmax(z), z without its noise */
static double score_importance(
    const routing *r, const routing_loss_of *of, double scale, real *dlogits)
{
    int32_t experts = r->plan->experts;
    double sum[ROUTER_MAX_EXPERTS] = { 0 }, a[ROUTER_MAX_EXPERTS] = { 0 };
    real p[ROUTER_MAX_EXPERTS];
    const row_kernels *rows = r->compute->variant->rows;
    for (int64_t t = 0; t < r->plan->tokens; t++) {
        if (!counts(r, of, t)) continue;
        rows->softmax(experts, r->state->clean + t * experts, p);
        for (int32_t e = 0; e < experts; e++) sum[e] += (double)p[e];
    }
    double value = squared_variation(experts, sum, scale, a);
    for (int64_t t = 0; t < r->plan->tokens; t++) {
        if (!counts(r, of, t)) continue;
        rows->softmax(experts, r->state->clean + t * experts, p);
        softmax_gradient(experts, p, a, dlogits + t * experts);
    }
    return value;
}

/* A token's threshold: the expert with the K-th largest noisy logit. */
static int32_t last_picked(const routing *r, int64_t t)
{
    int64_t end = r->plan->token_start[t + 1];
    return r->plan->edge_expert[end - 1].id;
}

static double density(double x) { return exp(-x * x / 2) / sqrt(2 * acos(-1.0)); }
static double distribution(double x) { return erfc(-x / sqrt(2)) / 2; }

/* (z_e - theta) / sigma, sigma = s / E */
static double distance(const routing *r, int64_t t, int32_t e, int32_t last)
{
    int32_t experts = r->plan->experts;
    double z = (double)r->state->clean[t * experts + e],
           theta = (double)r->state->logits[t * experts + last];
    return (z - theta) * experts / (double)r->options->logit_noise;
}

/* CV^2 of the means over tokens of Phi(distance); theta is the K-th largest noisy logit, whose
 * gradient goes to its expert's logit. */
static double noise_load(const routing *r, const routing_loss_of *of, double scale, real *dlogits)
{
    int32_t experts = r->plan->experts;
    double tokens = tokens_of(r, of), by = experts / (double)r->options->logit_noise / tokens;
    double load[ROUTER_MAX_EXPERTS] = { 0 }, a[ROUTER_MAX_EXPERTS] = { 0 };
    for (int64_t t = 0; t < r->plan->tokens; t++)
        for (int32_t e = 0; counts(r, of, t) && plan_edges_of(r->plan, t) > 0 && e < experts; e++)
            load[e] += distribution(distance(r, t, e, last_picked(r, t))) / tokens;
    double value = squared_variation(experts, load, scale, a);
    for (int64_t t = 0; t < r->plan->tokens; t++)
        for (int32_t e = 0; counts(r, of, t) && plan_edges_of(r->plan, t) > 0 && e < experts; e++) {
            int32_t last = last_picked(r, t);
            real d = (real)(a[e] * by * density(distance(r, t, e, last)));
            dlogits[t * experts + e] += d;
            dlogits[t * experts + last] -= d;
        }
    return value;
}

const routing_loss loss_score_importance = { .refuses = wants_noise, .value = score_importance };
const routing_loss loss_noise_load = { .refuses = wants_noise, .value = noise_load };

/* ---- rows of W at right angles ---- */

static const char *wants_matrix(const balance_layer *l)
{
    return l->router->traits & ROUTER_NO_MATRIX ? "wants a router with a matrix" : NULL;
}

static const real *row_of(const routing *r, int64_t i)
{
    return (const real *)r->weights->matrix.data + i * r->weights->matrix.stride;
}

static double row_length(const routing *r, int64_t i)
{
    return sqrt(r->compute->variant->rows->sum_squares(r->weights->matrix.cols, row_of(r, i))) +
           1e-30;
}

/* Returns the cosine of row j and row i, whose length is given; *other becomes the length of row
 * j. */
static double row_cosine(const routing *r, int64_t i, double length, int64_t j, double *other)
{
    const real *a = row_of(r, i), *b = row_of(r, j);
    double dot = 0;
    for (int64_t k = 0; k < r->weights->matrix.cols; k++) dot += (double)a[k] * (double)b[k];
    *other = row_length(r, j);
    return dot / (length * *other);
}

/* |W' W'^T - I|^2, W' the unit rows of W */
static double orthogonality(
    const routing *r, const routing_loss_of *of, double scale, real *dlogits)
{
    double sum = 0, other;
    (void)of, (void)scale, (void)dlogits;
    for (int64_t i = 0; i < r->weights->matrix.rows; i++) {
        double length = row_length(r, i);
        for (int64_t j = 0; j < i; j++) {
            double c = row_cosine(r, i, length, j, &other);
            sum += 2 * c * c;
        }
    }
    return sum;
}

/* The gradient by row i is the sum over j of 4 c_ij (w'_j - c_ij w'_i) / |w_i|. */
static void orthogonality_parameters(const routing *r, double scale, router_gradients *g)
{
    const weight *w = &r->weights->matrix;
    for (int64_t i = 0; i < w->rows; i++) {
        const real *own = row_of(r, i);
        double length = row_length(r, i), other;
        for (int64_t j = 0; j < w->rows; j++) {
            if (i == j) continue;
            double c = row_cosine(r, i, length, j, &other), by = 4 * scale * c / length;
            const real *row = row_of(r, j);
            for (int64_t k = 0; k < w->cols; k++)
                g->matrix[i * w->cols + k] +=
                    (real)(by * ((double)row[k] / other - c * (double)own[k] / length));
        }
    }
}

const routing_loss loss_orthogonality = {
    .refuses = wants_matrix, .value = orthogonality, .parameters = orthogonality_parameters
};

/* ---- thresholds (Shazeer et al. 2017): sum over t, e of (1[p > theta] - 1[picked]) (p - theta)
 * ---- */

static const char *wants_threshold(const balance_layer *l)
{
    return !strcmp(l->router->name, "threshold") ? NULL : "belongs to router threshold";
}

static double sign_of(const routing *r, int64_t t, int32_t e)
{
    const plan *p = r->plan;
    double sign = r->state->score[t * p->experts + e] > r->weights->own[0][e];
    for (int64_t i = p->token_start[t]; i < p->token_start[t + 1]; i++)
        if (p->edge_expert[i].id == e) return sign - 1;
    return sign;
}

static double threshold(const routing *r, const routing_loss_of *of, double scale, real *dlogits)
{
    int32_t experts = r->plan->experts;
    double sum = 0, a[ROUTER_MAX_EXPERTS];
    for (int64_t t = 0; t < r->plan->tokens; t++) {
        const real *p = r->state->score + t * experts;
        if (!counts(r, of, t)) continue;
        for (int32_t e = 0; e < experts; e++) {
            double sign = sign_of(r, t, e);
            sum += sign * ((double)p[e] - (double)r->weights->own[0][e]);
            a[e] = scale * sign;
        }
        softmax_gradient(experts, p, a, dlogits + t * experts);
    }
    return sum;
}

static void threshold_parameters(const routing *r, double scale, router_gradients *g)
{
    for (int64_t t = 0; t < r->plan->tokens; t++)
        for (int32_t e = 0; plan_is_valid(r->plan, t) && e < r->plan->experts; e++)
            g->own[0][e] -= (real)(scale * sign_of(r, t, e));
}

const routing_loss loss_threshold = {
    .sums = true, .refuses = wants_threshold, .value = threshold, .parameters = threshold_parameters
};

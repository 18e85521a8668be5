/* router_noisy_topk.c - logits with learned noise, the k largest, softmax over these: Shazeer et
 * al. 2017, with their smooth estimate of how often each expert would be picked again under fresh
 * noise, which gives a load loss a gradient.
 *
 *     h_e = z_e + eps_e sigma_e,  sigma = softplus(W_noise x) + floor     (evaluation: h = z)
 *     P_e = Phi((z_e - theta_e) / sigma_e),  theta_e = the k-th largest of h without h_e */
#include <math.h>
#include <string.h>

#include "moe/select.h"

#define ROOT_HALF 0.70710678118654752440            /* 1 / sqrt(2) */
#define ROOT_HALF_PI_INVERSE 0.39894228040143267794 /* 1 / sqrt(2 pi) */

static double sigma_of(const router_token *t, int32_t e)
{
    double n = (double)t->noise_logits[e];
    return (n > 0 ? n : 0) + log1p(exp(-fabs(n))) + (double)t->options->noise_floor;
}

static double sigmoid(real x) { return 1 / (1 + exp(-(double)x)); }

static real noisy(const router_token *t, int32_t e)
{
    return t->noise ? (real)((double)t->logits[e] + (double)t->noise[e] * sigma_of(t, e))
                    : t->logits[e];
}

static void score(const router_token *t)
{
    score_softmax(t);
    for (int32_t e = 0; e < t->experts; e++) t->key[e] = noisy(t, e);
}

/* Softmax over the picks of h. */
static void weigh(const router_token *t)
{
    for (int32_t k = 0; k < t->count; k++)
        t->weight[k] = edge_counts(t, k) ? noisy(t, t->expert[k].id) : -REAL_INF;
    t->rows->softmax(t->count, t->weight, t->weight);
    t->rows->scale(t->count, t->options->scale, t->weight, t->weight);
}

/* ---- the smooth load ---- */

/* (z_e - theta) / sigma_e with theta = h of `other` */
static double distance(const router_token *t, int32_t e, int32_t other)
{
    return ((double)t->logits[e] - (double)noisy(t, other)) / sigma_of(t, e);
}

/* The expert whose h is theta_e: the last one that was picked, or for the picks the best that was
 * not. -1: e is always picked. */
static int32_t theta_expert(const router_token *t, int32_t e)
{
    real last = noisy(t, t->threshold[0].id), own = noisy(t, e);
    bool picked = own > last || (own == last && e <= t->threshold[0].id);
    return picked ? t->threshold[1].id : t->threshold[0].id;
}

static void find_threshold(const router_token *t)
{
    t->threshold[0] = t->expert[t->count - 1];
    t->threshold[1] = GEXP_NONE;
    for (int32_t e = 0; e < t->experts; e++) {
        bool picked = false;
        for (int32_t k = 0; k < t->count; k++) picked |= t->expert[k].id == e;
        if (!picked && (t->threshold[1].id < 0 || t->key[e] > t->key[t->threshold[1].id]))
            t->threshold[1] = (gexp){ e };
    }
}

static void load(const router_token *t)
{
    find_threshold(t);
    for (int32_t e = 0; e < t->experts; e++) {
        int32_t other = theta_expert(t, e);
        t->load[e] = other < 0 ? 1 : (real)(0.5 * erfc(-distance(t, e, other) * ROOT_HALF));
    }
}

/* ---- gradient ---- */

/* Adds the gradient through sigma to the noise logits: dsigma / dn = sigmoid(n). */
static void add_sigma(const router_token *t, const token_gradient *d, int32_t e, double dsigma)
{
    d->dnoise_logits[e] += (real)(dsigma * sigmoid(t->noise_logits[e]));
}

/* Forward: P_e = Phi(u), u = (z_e - theta) / sigma_e, theta = h of another expert. */
static void backward_load(const router_token *t, const token_gradient *d)
{
    for (int32_t e = 0; e < t->experts; e++) {
        int32_t other = theta_expert(t, e);
        if (other < 0) continue;
        double sigma = sigma_of(t, e), u = distance(t, e, other);
        double du = (double)d->dload[e] * exp(-0.5 * u * u) * ROOT_HALF_PI_INVERSE;
        d->dlogits[e] += (real)(du / sigma);
        add_sigma(t, d, e, -du * u / sigma);
        d->dlogits[other] -= (real)(du / sigma);
        add_sigma(t, d, other, -du / sigma * (double)t->noise[other]);
    }
}

/* Forward: w = softmax over the picks of h, h = z + eps sigma; the balancing losses' score is
 * softmax(z), without noise. */
static void backward(const router_token *t, const token_gradient *d)
{
    size_t bytes = (size_t)t->experts * sizeof(real);
    memset(d->dnoise_logits, 0, bytes);
    backward_probability(t, d);
    real *dh = d->dprobability; /* spent */
    memset(dh, 0, bytes);
    backward_picked_softmax(t, &(token_gradient){ .dweight = d->dweight, .dlogits = dh });
    t->rows->add(t->experts, dh, d->dlogits);
    for (int32_t e = 0; t->noise && e < t->experts; e++)
        add_sigma(t, d, e, (double)(dh[e] * t->noise[e]));
    if (d->dload) backward_load(t, d);
}

static void defaults(router_options *o) { o->noise_floor = REAL_C(0.01); }

const router router_noisy_topk = {
    .name = "noisy-topk",
    .help = "logits with learned noise in training, the k largest, softmax over these (Shazeer et "
            "al. 2017)",
    .traits = ROUTER_NOISE | ROUTER_RENORMALISES,
    .options = (const char *const[]){ "noise-floor", "survivors", NULL },
    .defaults = defaults,
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh,
    .backward = backward,
    .load = load,
};

/* noisy_row.c - logits with learned noise, and their smooth load, forward beside backward. */
#include "moe/noisy_row.h"

#include <math.h>

#define ROOT_HALF 0.70710678118654752440            /* 1 / sqrt(2) */
#define ROOT_HALF_PI_INVERSE 0.39894228040143267794 /* 1 / sqrt(2 pi) */

static double sigma_of(const noisy_row *r, int32_t e)
{
    double n = (double)r->n[e];
    return (n > 0 ? n : 0) + log1p(exp(-fabs(n))) + (double)r->floor;
}

static double sigmoid(real x) { return 1 / (1 + exp(-(double)x)); }

real noisy_logit(const noisy_row *r, int32_t e)
{
    return r->eps ? (real)((double)r->z[e] + (double)r->eps[e] * sigma_of(r, e)) : r->z[e];
}

/* dsigma / dn = sigmoid(n) */
static void add_sigma(const noisy_row *r, int32_t e, double dsigma, real *dn)
{
    dn[e] += (real)(dsigma * sigmoid(r->n[e]));
}

void noisy_logit_backward(const noisy_row *r, int32_t e, real dh, real *dn)
{
    if (r->eps) add_sigma(r, e, (double)(dh * r->eps[e]), dn);
}

/* Returns whether h_e is among the picks, the last of which is `last`; of equal values the lower
 * index is picked. */
static bool is_picked(const noisy_row *r, int32_t last, int32_t e)
{
    real least = noisy_logit(r, last), own = noisy_logit(r, e);
    return own > least || (own == least && e <= last);
}

noisy_threshold noisy_threshold_of(const noisy_row *r, int32_t last)
{
    noisy_threshold t = { last, -1 };
    for (int32_t e = 0; e < r->count; e++)
        if (!is_picked(r, last, e) && (t.next < 0 || noisy_logit(r, e) > noisy_logit(r, t.next)))
            t.next = e;
    return t;
}

/* The one whose h is theta_e: the last one that was picked, or for the picks the best that was not.
 * -1: e is always picked. */
static int32_t theta_of(const noisy_row *r, noisy_threshold t, int32_t e)
{
    return is_picked(r, t.last, e) ? t.next : t.last;
}

/* (z_e - theta) / sigma_e with theta = h of `other` */
static double distance(const noisy_row *r, int32_t e, int32_t other)
{
    return ((double)r->z[e] - (double)noisy_logit(r, other)) / sigma_of(r, e);
}

real noisy_load(const noisy_row *r, noisy_threshold t, int32_t e)
{
    int32_t other = theta_of(r, t, e);
    return other < 0 ? 1 : (real)(0.5 * erfc(-distance(r, e, other) * ROOT_HALF));
}

/* Forward: P_e = Phi(u), u = (z_e - theta) / sigma_e, theta = h of another. */
void noisy_load_backward(
    const noisy_row *r, noisy_threshold t, int32_t e, double dp, real *dz, real *dn)
{
    int32_t other = theta_of(r, t, e);
    if (other < 0) return;
    double sigma = sigma_of(r, e), u = distance(r, e, other);
    double du = dp * exp(-0.5 * u * u) * ROOT_HALF_PI_INVERSE;
    dz[e] += (real)(du / sigma);
    add_sigma(r, e, -du * u / sigma, dn);
    dz[other] -= (real)(du / sigma);
    if (r->eps) add_sigma(r, other, -du / sigma * (double)r->eps[other], dn);
}

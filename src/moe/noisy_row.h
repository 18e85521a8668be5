/* noisy_row.h - one row of logits with learned noise, and the smooth estimate of how often each of
 * its members would be picked again under fresh noise (Shazeer et al. 2017). Routers with noise
 * have one a token; hierarchical ones have one for the groups and one for each group's experts.
 *
 *     h_e = z_e + eps_e sigma_e,  sigma = softplus(n) + floor     (without eps: h = z)
 *     P_e = Phi((z_e - theta_e) / sigma_e),  theta_e = the k-th largest of h without h_e */
#ifndef CADRE_MOE_NOISY_ROW_H
#define CADRE_MOE_NOISY_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/real.h"

typedef struct noisy_row {
    int32_t count;
    const real *z, *n;
    const real *eps; /* NULL: evaluation */
    real floor;
} noisy_row;

real noisy_logit(const noisy_row *r, int32_t e);

/* The last that was picked, and the best that was not (-1: all are). */
typedef struct noisy_threshold {
    int32_t last, next;
} noisy_threshold;
noisy_threshold noisy_threshold_of(const noisy_row *r, int32_t last);

/* P_e; 1 where all are picked. */
real noisy_load(const noisy_row *r, noisy_threshold t, int32_t e);
/* dz, dn += the gradient of P_e times dp */
void noisy_load_backward(
    const noisy_row *r, noisy_threshold t, int32_t e, double dp, real *dz, real *dn);

/* Forward: h. dn[e] += dh eps sigmoid(n); dz is the caller's. */
void noisy_logit_backward(const noisy_row *r, int32_t e, real dh, real *dn);

#endif

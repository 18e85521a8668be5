/* routing_loss.h - losses that read the routing of a micro-batch itself, not sums over it: each
 * token's scores and edges, the tokens of one type, the router's own parameters. THE LIST
 * (balance_loss.c) names them beside the others. */
#ifndef CADRE_MOE_ROUTING_LOSS_H
#define CADRE_MOE_ROUTING_LOSS_H

#include "moe/balance.h"

extern const routing_loss loss_score_importance, loss_noise_load, loss_orthogonality,
    loss_threshold, loss_local_entropy, loss_global_entropy;

/* The squared coefficient of variation, V / (m^2 + 1e-10), of v [n], where m is their mean and V
 * their population variance; d [n] += scale times its derivatives. */
double squared_variation(int32_t n, const double *v, double scale, double *d);

#endif

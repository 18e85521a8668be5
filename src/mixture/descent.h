/* descent.h - gradient descent on the three losses of Jacobs et al. (1991). */
#ifndef CADRE_MIXTURE_DESCENT_H
#define CADRE_MIXTURE_DESCENT_H

#include "mixture/fit.h"

/* Computes loss, likelihood and gradient at the current parameters. The loss is the mean over rows
 * of
 *     gradient     -log sum p_i exp(-||d - o_i||^2 / 2); for classes -log sum p_i P_i(d)
 *     competitive  sum p_i ||d - o_i||^2 / 2; for classes -sum p_i log P_i(d)
 *     cooperative  ||d - sum p_i o_i||^2 / 2; with a gate for each task, each target has its own
 * p */
void descent_expect(fit *f);

/* Takes a step of f->rate down the gradient, for all parameters at once. */
void descent_step(fit *f);

#endif

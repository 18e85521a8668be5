/* descent.h - gradient descent on the three losses of Jacobs et al. (1991). */
#ifndef CADRE_MIXTURE_DESCENT_H
#define CADRE_MIXTURE_DESCENT_H

#include "mixture/fit.h"

/* Loss, likelihood and gradient at the parameters as they are; the loss is the mean over rows of
 *     gradient     -log sum p_i exp(-||d - o_i||^2 / 2); of classes -log sum p_i P_i(d)
 *     competitive  sum p_i ||d - o_i||^2 / 2; of classes -sum p_i log P_i(d)
 *     cooperative  ||d - sum p_i o_i||^2 / 2, with a gate a task each target by its own p */
void descent_expect(fit *f);

/* A step of f->rate down the gradient, all parameters at once. */
void descent_step(fit *f);

#endif

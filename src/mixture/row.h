/* row.h - what a mixture computes for one row of a table: gates, experts' outputs, densities.
 *
 * Gates and densities are logarithms throughout, so that those of experts far from a row do not
 * become 0. */
#ifndef CADRE_MIXTURE_ROW_H
#define CADRE_MIXTURE_ROW_H

#include "mixture/shape.h"

typedef struct mixture_row {
    double *input;      /* [D] the row's inputs, then 1; set by the caller */
    double *group;      /* [G] log p_g, in a hierarchy */
    double *gate;       /* [1 or O, E] log p_i */
    double *hidden;     /* [E, H + 1] tanh, then 1; for networks */
    double *output;     /* [E, O] o_i; for classes log P_i */
    double *density;    /* [E] log P_i(d | x) */
    double *posterior;  /* [E] h_i */
    double *prediction; /* [O] */
    double *block;      /* the memory of all of these */
} mixture_row;

cadre_status mixture_row_open(const mixture_shape *s, mixture_row *r);
void mixture_row_close(mixture_row *r);

double log_sum_exp(const double *values, int64_t count);

/* w [K, D] times x [D], then log softmax. */
void log_softmax_of(const double *w, const double *x, int64_t k, int64_t d, double *out);

/* From input to group, gate, hidden, output and prediction, which is the sum of p_i o_i, or of p_i
 * P_i. */
void mixture_row_forward(
    const mixture_shape *s, const mixture_layout *l, const double *parameters, mixture_row *r);

/* Called after forward. From target [O], or the class [1], to density; the variance is 1 if the
 * mixture learns none. */
void mixture_row_density(const mixture_shape *s, const mixture_layout *l, const double *parameters,
    const double *target, mixture_row *r);

/* Called after density. Computes posterior, and returns the log of the sum of p_i P_i(d | x). */
double mixture_row_posterior(const mixture_shape *s, mixture_row *r);

/* The row's part of the log-likelihood: as above, or, with a gate for each task, that of the
 * prediction with variance 1. */
double mixture_row_likelihood(const mixture_shape *s, const mixture_layout *l,
    const double *parameters, const double *target, mixture_row *r);

#endif

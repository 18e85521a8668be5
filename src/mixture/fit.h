/* fit.h - what the methods of fitting share: data, parameters, and working memory. */
#ifndef CADRE_MIXTURE_FIT_H
#define CADRE_MIXTURE_FIT_H

#include <string.h>

#include "mixture/plan.h"
#include "mixture/row.h"

typedef struct fit {
    enum mixture_method method;
    const mixture_shape *shape;
    const mixture_layout *layout;
    int64_t rows;          /* N */
    const double *input;   /* [N, D] */
    const double *target;  /* [N, targets] */
    double rate;           /* learning rate of gradient descent */
    double *parameters;    /* [layout.count] */
    double log_likelihood; /* at these parameters, after the expect step */
    double loss;           /* at the same parameters; NaN: the method has none */
    double *gradient;      /* [layout.count] of the loss; NULL for EM */
    double *posterior;     /* [N, E] h; NULL for gradient descent */
    double *share;         /* [N, E or O] what a softmax is fitted to; NULL for gradient descent */
    double *room;          /* for the solvers; NULL for gradient descent */
    double least_variance; /* of an expert */
    mixture_row row;
} fit;

static inline double *fit_part(const fit *f, enum mixture_part_name part)
{
    return f->parameters + f->layout->part[part].offset;
}

/* Copies row n's inputs and a 1 into f->row, and runs the forward pass. */
static inline void fit_forward(fit *f, int64_t n)
{
    int64_t d = mixture_width(f->shape);
    memcpy(f->row.input, f->input + n * d, (size_t)d * sizeof(double));
    mixture_row_forward(f->shape, f->layout, f->parameters, &f->row);
}

#endif

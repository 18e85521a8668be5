/* fit.h - what the methods of fitting share: data, parameters, and memory to work in. */
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
    double rate;           /* of gradient descent */
    double *parameters;    /* [layout.count] */
    double log_likelihood; /* at these parameters, after expect */
    double loss;           /* the same; NaN: none */
    double *gradient;      /* [layout.count] of the loss; NULL: by EM */
    double *posterior;     /* [N, E] h; NULL: by gradient */
    double *share;         /* [N, E or O] what a softmax is fitted to; NULL: by gradient */
    double *room;          /* of the solvers; NULL: by gradient */
    double least_variance; /* that an expert may have */
    mixture_row row;
} fit;

static inline double *fit_part(const fit *f, enum mixture_part_name part)
{
    return f->parameters + f->layout->part[part].offset;
}

/* Row n's inputs and 1 into f->row, and forward. */
static inline void fit_forward(fit *f, int64_t n)
{
    int64_t d = mixture_width(f->shape);
    memcpy(f->row.input, f->input + n * d, (size_t)d * sizeof(double));
    mixture_row_forward(f->shape, f->layout, f->parameters, &f->row);
}

#endif

/* model.h - a mixture: its sizes, its columns, its parameters, and how it was fitted. */
#ifndef CADRE_MIXTURE_MODEL_H
#define CADRE_MIXTURE_MODEL_H

#include "cadre/mixture.h"
#include "mixture/plan.h"
#include "mixture/row.h"

/* What is known about a column of the table */
typedef struct mixture_column {
    char *name;
    double mean, deviation; /* numbers are taken as (x - mean) / deviation: 0 and 1 as they stand */
    double low, high;       /* in the rows that it was fitted to */
} mixture_column;

struct cadre_mixture {
    enum mixture_method method;
    mixture_shape shape;
    mixture_layout layout;
    mixture_column *column; /* [inputs + targets] inputs in the table's order, then targets */
    double *parameters;     /* [layout.count] */
    int64_t records;        /* iterations + 1 */
    double *likelihood;     /* [records] before the first iteration, and after each */
    double *loss;           /* [records]; NULL: the method has none */
    int64_t rows;           /* that it was fitted to */
    double *share;          /* [E] of these rows: the mean of the gate */
    int64_t sample_rows;
    double *sample; /* [sample_rows, inputs + targets] some of them, in the table's units */
};

/* Allocates a mixture of these sizes, whose columns have no names yet; records may be 0. */
cadre_status mixture_new(enum mixture_method method, const mixture_shape *shape, int64_t records,
    int64_t sample_rows, cadre_mixture **mixture);

static inline int64_t mixture_columns(const cadre_mixture *m)
{
    return m->shape.inputs + mixture_targets(&m->shape);
}

/* Computes the outputs for inputs in the table's units: r->gate, r->output and r->prediction. The
 * last two are in the table's units too, or are log probabilities and probabilities. */
void mixture_answer_row(const cadre_mixture *m, const double *inputs, mixture_row *r);

#endif

/* model.h - a mixture: its sizes, its columns, its parameters, and how it came about. */
#ifndef CADRE_MIXTURE_MODEL_H
#define CADRE_MIXTURE_MODEL_H

#include "mixture/plan.h"
#include "mixture/row.h"

/* What is known of a column of the table. */
typedef struct mixture_column {
    char *name;
    double mean, deviation; /* numbers are taken as (x - mean) / deviation: 0 and 1 as they stand */
    double low, high;       /* of the rows that it was fitted on */
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
    int64_t rows;           /* that it was fitted on */
    double *share;          /* [E] of these rows that it answers for: mean of the gate */
    int64_t sample_rows;
    double *sample; /* [sample_rows, inputs + targets] some of them, as they stand in the table */
};

/* Memory for a mixture of these sizes, with columns that have no name yet; records may be 0. */
cadre_status mixture_new(enum mixture_method method, const mixture_shape *shape, int64_t records,
    int64_t sample_rows, cadre_mixture **mixture);

static inline int64_t mixture_columns(const cadre_mixture *m)
{
    return m->shape.inputs + mixture_targets(&m->shape);
}

/* The outputs for inputs as they stand in a table: r->gate, r->output and r->prediction, the last
 * two as the table has its targets, or log probabilities and probabilities. */
void mixture_answer_row(const cadre_mixture *m, const double *inputs, mixture_row *r);

#endif

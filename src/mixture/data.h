/* data.h - a table in the form to which a mixture is fitted. */
#ifndef CADRE_MIXTURE_DATA_H
#define CADRE_MIXTURE_DATA_H

#include "mixture/model.h"
#include "mixture/table.h"

typedef struct mixture_data {
    table table;
    table_numbers numbers; /* [N, inputs + targets] as given, in the order of the columns */
    int64_t inputs, targets, classes;
    int64_t *chosen;        /* [inputs + targets] the columns of the table that are used */
    mixture_column *column; /* [inputs + targets]; names are the table's */
    double *input;          /* [N, D] standardised, then 1 */
    double *target;         /* [N, targets] standardised, or classes */
} mixture_data;

/* Reads and checks the table, and completes the sizes of plan->shape. */
cadre_status mixture_data_open(const char *path, mixture_plan *plan, mixture_data *d);
void mixture_data_close(mixture_data *d);

#endif

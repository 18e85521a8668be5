/* data.h - a table as a mixture is fitted on it. */
#ifndef CADRE_MIXTURE_DATA_H
#define CADRE_MIXTURE_DATA_H

#include "mixture/model.h"
#include "mixture/table.h"

typedef struct mixture_data {
    table table;
    table_numbers numbers; /* [N, inputs + targets] as they stand, in the order of the columns */
    int64_t inputs, targets, classes;
    int64_t *chosen;        /* [inputs + targets] columns of the table */
    mixture_column *column; /* [inputs + targets]; names are the table's */
    double *input;          /* [N, D] standardised, then 1 */
    double *target;         /* [N, targets] standardised, or classes */
} mixture_data;

/* Reads and checks the table, and fills the sizes of plan->shape in. */
cadre_status mixture_data_open(const char *path, mixture_plan *plan, mixture_data *d);
void mixture_data_close(mixture_data *d);

#endif

/* batch_rows.h - rows of a step's batch, of `context` tokens each: [rows, context].
 *
 * A row is one sequence, or several documents one after another, of which each is a sequence of the
 * model: attention, positions and states begin anew there. */
#ifndef CADRE_TRAIN_BATCH_ROWS_H
#define CADRE_TRAIN_BATCH_ROWS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct batch_rows {
    int32_t *inputs, *targets; /* a target of -1 is not counted in the loss */
    bool *begins;              /* a document begins with this token; its row's first one always */
    /* [rows] of answers that are compared: the log-probability that the model at the run's start
     * gives each; NULL: not wanted */
    double *reference;
} batch_rows;

#endif

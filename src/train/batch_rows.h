/* batch_rows.h - rows of a step's batch, of `context` tokens each: [rows, context].
 *
 * A row is one sequence, or several packed documents, each of which is a sequence: attention,
 * positions and recurrent states begin anew with it. */
#ifndef CADRE_TRAIN_BATCH_ROWS_H
#define CADRE_TRAIN_BATCH_ROWS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct batch_rows {
    int32_t *inputs, *targets; /* a target of -1 is not counted in the loss */
    bool *begins; /* a document begins with this token; not read for a row's first token */
    /* [rows] of preference pairs: the answers' log-probabilities in the reference model; NULL: they
     * are not wanted */
    double *reference;
} batch_rows;

#endif

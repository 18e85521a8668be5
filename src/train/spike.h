/* spike.h - which batches are skipped: those whose loss is not finite or far above the moving
 * average of the losses before (a loss spike, for instance from a damaged document). The step of
 * such a batch changes nothing.
 *
 * A checkpoint holds the average and the counts, so that a resumed run skips the same batches. */
#ifndef CADRE_TRAIN_SPIKE_H
#define CADRE_TRAIN_SPIKE_H

#include <stdbool.h>
#include <stdint.h>

enum { SPIKE_IN_A_ROW = 8 }; /* after so many bad batches in a row, the run has diverged */

typedef struct spike_guard {
    double ratio; /* a loss above ratio * mean is bad; 0: no batch is skipped */
    double mean;  /* the exponential moving average of losses */
    int64_t seen; /* how many losses it has */
    int64_t bad;  /* how many batches in a row were skipped */
} spike_guard;

/* The limit above which a loss is bad; INFINITY: too few losses were seen, or none is skipped */
double spike_limit(const spike_guard *g);

/* Called after a step, with its loss and whether its batch was skipped */
void spike_count(spike_guard *g, double loss, bool skipped);

#endif

/* spike.h - batches that are not learnt from: those whose loss is no number or stands far above the
 * losses before it, as of a damaged document. Their step passes without changing anything.
 *
 * What it knows is two numbers, which a checkpoint holds, so that a resumed run skips the same. */
#ifndef CADRE_TRAIN_SPIKE_H
#define CADRE_TRAIN_SPIKE_H

#include <stdbool.h>
#include <stdint.h>

enum { SPIKE_IN_A_ROW = 8 }; /* so many bad batches in a row are the run's fault, not theirs */

typedef struct spike_guard {
    double ratio; /* a loss above ratio * mean is bad; 0: no batch is skipped */
    double mean;  /* of losses, of which older ones count less and less */
    int64_t seen; /* losses in it */
    int64_t bad;  /* skipped in a row */
} spike_guard;

/* Losses above this are bad; INFINITY: too few were seen, or none is */
double spike_limit(const spike_guard *g);

/* After a step: its loss, and whether its batch was skipped */
void spike_count(spike_guard *g, double loss, bool skipped);

#endif

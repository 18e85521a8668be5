/* batches.h - which tokens a step trains on. This is a function of the step alone, so that a
 * resumed run goes on where it was.
 *
 * From a corpus, every domain's tokens are cut into windows of context + 1. Each epoch visits all
 * windows of all domains once, in an order and from an offset that are drawn from (seed, epoch). A
 * file gives its batches, in its order. */
#ifndef CADRE_TRAIN_BATCHES_H
#define CADRE_TRAIN_BATCHES_H

#include <stdint.h>

#include "base/file.h"
#include "base/status.h"

typedef struct token_run {
    const int32_t *tokens; /* borrowed */
    int64_t count;
} token_run;

typedef struct batches {
    int64_t batch, context;
    uint64_t seed;
    /* from a corpus */
    int runs;
    const token_run *run; /* [runs], borrowed */
    int64_t windows;      /* of one epoch */
    /* from a file */
    const int32_t *table; /* [steps, batch, context + 1]; NULL: a corpus */
    int64_t steps;
} batches;

/* Refuses a corpus in which no domain holds a window. */
cadre_status batches_of_corpus(
    const token_run *run, int runs, int64_t batch, int64_t context, uint64_t seed, batches *b);

/* The sequences first .. first + count - 1 of the step's batch, as inputs and targets, both [count,
 * context]. */
void batches_take(const batches *b, int64_t step, int64_t first, int64_t count, int32_t *inputs,
    int32_t *targets);

#endif

/* interleaving.h - the order in which stages of a pipeline work when each has several chunks of
 * layers (interleaved 1F1B, Narayanan et al. 2021). With P stages and V chunks, chunk c of stage s
 * is virtual stage c P + s: the layers are divided among P V virtual stages in this order, and a
 * micro-batch passes through the P stages V times. A stage then idles for P - 1 passes of a chunk,
 * each 1/V as long as one without chunks.
 *
 * Time is counted in ticks. In a tick a stage takes one forward pass of a chunk, one backward pass,
 * or one of each, and the results reach the next stage before the next tick. With 2 stages of 2
 * chunks and 4 micro-batches, written as chunk.micro-batch:
 *
 *     stage 0   F0.0 F0.1 F1.0 F1.1 F0.2 B1.0 F0.3 B1.1 ...
 *     stage 1        F0.0 F0.1 F1.0 B1.0 F1.1 B1.1 ...
 *
 * Each chunk takes its forward and its backward passes in the order of the micro-batches, as one
 * process does. Every rank computes the whole order, and so knows which messages to send and
 * receive. */
#ifndef CADRE_TRAIN_INTERLEAVING_H
#define CADRE_TRAIN_INTERLEAVING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/layout.h"
#include "op/batch.h"

/* What a stage does in a tick */
typedef struct stage_work {
    bool forward, backward;
    int forward_chunk, backward_chunk;
    int64_t forward_micro, backward_micro;
} stage_work;

typedef struct interleaving {
    int stages, chunks;
    int64_t micro_batches; /* a multiple of the stages */
    bool forward_only;
    int64_t forwards[BATCH_RANKS], backwards[BATCH_RANKS]; /* passes that each stage has done */
    /* [stage][chunk] how many micro-batches' hidden states, and gradients, have reached it */
    int64_t rows[BATCH_RANKS][LAYOUT_CHUNKS], gradients[BATCH_RANKS][LAYOUT_CHUNKS];
} interleaving;

/* Advances by one tick, and says what each stage does in it; false: nothing is left to do. The
 * first four fields are set by the caller, and the rest begin as 0. */
bool interleaving_tick(interleaving *t, stage_work *work /* [stages] */);

/* The most that a stage keeps at once: of each chunk, micro-batches between their forward and
 * backward passes; of all chunks, messages that have been received and not yet used */
typedef struct interleaving_peak {
    int passes[LAYOUT_CHUNKS], messages;
} interleaving_peak;
interleaving_peak interleaving_measure(int stages, int chunks, int64_t micro_batches, int stage);

#endif

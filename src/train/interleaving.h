/* interleaving.h - the order in which stages of a pipeline work when each has several chunks of
 * layers (interleaved 1F1B, Narayanan et al. 2021): with P stages and V chunks, chunk c of stage s
 * is part c P + s of the layers, so that a micro-batch goes around the stages V times. A stage then
 * waits for P - 1 parts of a micro-batch, each 1/V as long as without chunks.
 *
 * Time is counted in ticks. In a tick a stage does one forward, one backward, or one of both, and
 * what comes of them is at the next stage before the tick after. With 2 stages of 2 chunks and 4
 * micro-batches, as chunk.micro-batch:
 *
 *     stage 0   F0.0 F0.1 F1.0 F1.1 F0.2 B1.0 F0.3 B1.1 ...
 *     stage 1        F0.0 F0.1 F1.0 B1.0 F1.1 B1.1 ...
 *
 * Each chunk goes forward and backward in the order of the micro-batches, as one process does.
 * Every rank knows the whole order, and so who sends what to whom. */
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
    int64_t forwards[BATCH_RANKS], backwards[BATCH_RANKS]; /* that each stage has done */
    /* Micro-batches whose rows, and whose gradients, have come to a chunk */
    int64_t rows[BATCH_RANKS][LAYOUT_CHUNKS], gradients[BATCH_RANKS][LAYOUT_CHUNKS];
} interleaving;

/* The next tick: false where nothing is left to do. It begins as { stages, chunks, micro_batches,
 * forward_only }. */
bool interleaving_tick(interleaving *t, stage_work *work /* [stages] */);

/* The most that a stage keeps at once: of each chunk, micro-batches between their forward and their
 * backward; of all, messages that wait for their turn */
typedef struct interleaving_room {
    int passes[LAYOUT_CHUNKS], messages;
} interleaving_room;
interleaving_room interleaving_measure(int stages, int chunks, int64_t micro_batches, int stage);

#endif

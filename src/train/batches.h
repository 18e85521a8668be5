/* batches.h - which tokens a step trains on. This is a function of the step alone, so that a
 * resumed run goes on where it was.
 *
 * From a corpus, every domain's tokens are cut into windows of context + 1. Each epoch visits all
 * windows of all domains once, in an order and from an offset that are drawn from (seed, epoch).
 * Where domains have weights, BATCHES_MIX rows have as many of each as its weight says, in an order
 * that is drawn for them, and every domain has epochs of its own. A file gives its batches, in its
 * order.
 *
 * Where documents are packed, a document begins a sequence of the model, and a target that belongs
 * to another document than its input is not counted. */
#ifndef CADRE_TRAIN_BATCHES_H
#define CADRE_TRAIN_BATCHES_H

#include <stdint.h>

#include "base/status.h"
#include "text/token_store.h"
#include "train/batch_rows.h"

/* Words as text/token_word.h says, borrowed: in memory, or in a store */
typedef struct token_run {
    const int32_t *words;
    const token_store *store; /* NULL: they are in memory */
    int64_t count;
    int64_t weight; /* rows of it among BATCHES_MIX; 0 of all runs: as many as it has windows */
} token_run;

enum { BATCHES_MIX = 1 << 12 };

/* Words from .. from + count - 1 of a run */
cadre_status token_run_read(const token_run *run, int64_t from, int64_t count, int32_t *words);

typedef struct batches {
    int64_t batch, context;
    int64_t vocabulary; /* an id of a store that is not in it is damage */
    uint64_t seed;
    /* from a corpus */
    int runs;
    const token_run *run; /* [runs], borrowed */
    int64_t windows;      /* of one epoch */
    bool weighted;
    bool pack; /* documents */
    /* from a file */
    const int32_t *table; /* [steps, batch, context + 1]; NULL: a corpus */
    int64_t steps;
    const int32_t *targets; /* [steps, batch, context], below 0: not counted; NULL: what follows */
    /* [steps, batch, context + 1] numbers that rise along a row; NULL: documents are not packed */
    const int32_t *documents;
} batches;

/* Refuses a corpus in which no domain holds a window, or one with a weight holds none. */
cadre_status batches_of_corpus(
    const token_run *run, int runs, int64_t batch, int64_t context, uint64_t seed, batches *b);

/* Rows first .. first + count - 1 of the step's batch. rows->begins is all false before. Fails if a
 * store cannot be read; then the rows are of no use, but their ids are some of the vocabulary. */
cadre_status batches_take(
    const batches *b, int64_t step, int64_t first, int64_t count, const batch_rows *rows);

/* The most documents that one row holds */
int64_t batches_most_documents(const batches *b);

#endif

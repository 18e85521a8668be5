/* batches.h - which tokens a step trains on. This is a function of the step alone, so that a
 * resumed run continues with the tokens that come next.
 *
 * The tokens of every domain of a corpus are cut into windows of context + 1. Each epoch visits all
 * windows of all domains once, in a random order and from a random offset, both functions of (seed,
 * epoch). If domains have weights, every BATCHES_MIX rows contain as many windows of each domain as
 * its weight says, in a random order, and every domain has epochs of its own. A token file's
 * batches are taken in its order.
 *
 * If documents are packed, every document is a sequence of its own, and a target that belongs to
 * another document than its input does not count. */
#ifndef CADRE_TRAIN_BATCHES_H
#define CADRE_TRAIN_BATCHES_H

#include <stdint.h>

#include "base/status.h"
#include "text/token_store.h"
#include "train/batch_rows.h"

/* The tokens of one domain, as words of text/token_word.h, in memory or in a store; borrowed */
typedef struct token_run {
    const int32_t *words;
    const token_store *store; /* NULL: they are in memory */
    int64_t count;
    /* How many of BATCHES_MIX rows are of it; 0 in all runs: rows are in proportion to windows */
    int64_t weight;
} token_run;

enum { BATCHES_MIX = 1 << 12 };

/* Reads words from .. from + count - 1 of a run. */
cadre_status token_run_read(const token_run *run, int64_t from, int64_t count, int32_t *words);

typedef struct batches {
    int64_t batch, context;
    int64_t vocabulary; /* ids of a store that are not below it are refused */
    uint64_t seed;
    /* of a corpus */
    int runs;
    const token_run *run; /* [runs], borrowed */
    int64_t windows;      /* of one epoch */
    bool weighted;
    bool pack; /* documents are packed */
    /* of a token file */
    const int32_t *table; /* [steps, batch, context + 1]; NULL: a corpus */
    int64_t steps;
    /* [steps, batch, context] those below 0 do not count; NULL: the tokens that follow */
    const int32_t *targets;
    /* [steps, batch, context + 1] the number of each token's document, which never falls along a
     * row; NULL: documents are not packed */
    const int32_t *documents;
} batches;

/* Refuses a corpus in which no domain holds a window, or one with a weight holds none. */
cadre_status batches_of_corpus(
    const token_run *run, int runs, int64_t batch, int64_t context, uint64_t seed, batches *b);

/* Writes rows first .. first + count - 1 of the step's batch; the caller has set all of
 * rows->begins to false. If it fails, because a store cannot be read, all ids are 0. */
cadre_status batches_take(
    const batches *b, int64_t step, int64_t first, int64_t count, const batch_rows *rows);

/* The most documents that one row holds */
int64_t batches_most_documents(const batches *b);

#endif

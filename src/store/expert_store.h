/* expert_store.h - the expert store: a cache of experts for a model that is larger than memory. It
 * has a fixed number of slots, each of which holds any one expert, and reads experts from the file
 * past the system's page cache.
 *
 * It is a source of experts (moe/expert_source.h). A pass gives it the plan of a layer as soon as
 * that is made, and it begins to read the experts that are missing. The layer computes the experts
 * that are there, and then the others in the order in which they arrive. Experts that the layer
 * still needs are not evicted; of the others, the policy says which is evicted. A slot is memory
 * that only its own reads write, so that results have the same bits as with the mapped file.
 *
 *     slot      EMPTY -> READING -> READY -> EMPTY ...
 *     expert    is in at most one slot
 *
 * Only the computing thread calls it, except for expert_store_stats. */
#ifndef CADRE_STORE_EXPERT_STORE_H
#define CADRE_STORE_EXPERT_STORE_H

#include "base/read_queue.h"
#include "moe/expert_source.h"
#include "store/disk_bandwidth.h"
#include "store/expert_frequency.h"
#include "store/policy.h"
#include "weights/expert_record.h"

typedef struct expert_store expert_store;

/* One stack of layers: a model, or an encoder or a decoder of one. */
typedef struct store_stack {
    const model_config *config;
    const expert_records *records;
    const model_weights *weights; /* the store makes its own views of these; all are borrowed */
} store_stack;

typedef struct store_options {
    int32_t slots;
    const char *policy;        /* NULL: the first of THE LIST */
    const read_engine *engine; /* NULL: the best that works here */
    double accuracy;           /* of guesses, assumed at first: above 0.6 they are read at once */
    double timeout;            /* seconds without an answer of the disk; 0: STORE_TIMEOUT */
} store_options;

enum { STORE_TIMEOUT = 30, STORE_DEPTH = 32 };

/* The memory that the experts of some stacks need */
typedef struct store_size {
    int64_t slot_bytes; /* of one slot, which can hold any of the experts */
    int32_t experts, layers;
    int32_t least; /* the least number of slots: one token's picks in a layer */
} store_size;
store_size expert_store_size(const store_stack *stacks, int count);

cadre_status expert_store_open(const weight_file *file, const store_stack *stacks, int count,
    const store_options *options, expert_store **store);
void expert_store_close(expert_store *s); /* NULL is fine */

/* Called before the first pass: reads the experts that were used most in `past`, as many as there
 * are slots, and tells the policy of them. Experts that cannot be read are left out. Takes over the
 * content of `past`; kept: expert_store_frequency will add it to this run's counts. */
typedef void (*store_progress)(void *arg, int64_t done, int64_t total); /* NULL: not wanted */
cadre_status expert_store_warm(
    expert_store *s, expert_frequency *past, bool kept, store_progress progress, void *arg);
policy_shape expert_store_shape(const expert_store *s); /* the layers and experts that it streams */
/* How often experts were used in this run, and, if kept, in earlier ones. After it the store can
 * only be closed. */
const expert_frequency *expert_store_frequency(expert_store *s);
expert_source *expert_store_source(expert_store *s, int stack);

typedef struct store_stats {
    int64_t picks;      /* experts that passes used in a layer */
    int64_t hits;       /* those that were in memory since they were last used */
    int64_t read_bytes; /* in all */
    double busy;        /* seconds in which any read was in flight */
    double waited;      /* seconds in which nothing was computed because experts were missing */
    int32_t slots, held;
    int64_t ahead,
        right; /* experts that were read on a guess, and those of them that were needed */
    const char *engine, *policy; /* static */
} store_stats;
/* Measures the disk on the first of the model's files. */
cadre_status expert_store_disk(
    const expert_store *s, double seconds, disk_measurement *measurement);
store_stats expert_store_stats(expert_store *s); /* any thread may ask */
/* Whether the disk did not answer in time at the last wait */
bool expert_store_stalled(const expert_store *s);

#endif

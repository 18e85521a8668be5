/* expert_store.h - the experts of a model whose file is larger than memory: a fixed number of
 * slots, each of which holds any one expert, filled from the file past the system's page cache.
 *
 * It is a source of experts (moe/expert_source.h). A pass tells it the plan of a layer as soon as
 * that is made, and it starts to read what is missing; the layer computes those that are there, and
 * then the others in the order in which they arrive. What a pass still needs of the layer stays;
 * of the rest, the policy says which goes. A slot is memory that only its own reads write, so that
 * the results are those of the mapped file, to the bit.
 *
 *     slot      EMPTY -> READING -> READY -> EMPTY ...
 *     expert    is in at most one slot
 *
 * Only the thread that computes calls it, but for expert_store_stats. */
#ifndef CADRE_STORE_EXPERT_STORE_H
#define CADRE_STORE_EXPERT_STORE_H

#include "base/read_queue.h"
#include "moe/expert_source.h"
#include "store/disk_bandwidth.h"
#include "store/expert_heat.h"
#include "store/policy.h"
#include "weights/expert_record.h"

typedef struct expert_store expert_store;

/* One stack of layers: a model, or an encoder or a decoder of one. */
typedef struct store_stack {
    const model_config *config;
    const expert_records *records;
    const model_weights *weights; /* whose views the store completes; borrowed, as are the others */
} store_stack;

typedef struct store_options {
    int32_t slots;
    const char *policy;        /* NULL: the first of THE LIST */
    const read_engine *engine; /* NULL: the best that works here */
    double trust;              /* in guesses, before any came: above 0.6 they are read at once */
    double patience;           /* seconds without an answer of the disk; 0: STORE_PATIENCE */
} store_options;

enum { STORE_PATIENCE = 30, STORE_DEPTH = 32 };

/* What a stack's experts take */
typedef struct store_size {
    int64_t slot_bytes; /* of one slot, which holds any of them */
    int32_t experts, layers;
    int32_t least; /* slots that must be there: those of one token's picks of a layer */
} store_size;
store_size expert_store_size(const store_stack *stacks, int count);

cadre_status expert_store_open(const weight_file *file, const store_stack *stacks, int count,
    const store_options *options, expert_store **store);
void expert_store_close(expert_store *s); /* NULL is fine */

/* Before the first pass: reads the experts that were used most, as many as there are slots, and
 * lets the policy know. What cannot be read is left out. Takes the content of `past`, which later
 * runs are to know too if it is `kept`. */
typedef void (*store_progress)(void *arg, int64_t done, int64_t total); /* NULL: not wanted */
cadre_status expert_store_warm(
    expert_store *s, expert_heat *past, bool kept, store_progress progress, void *arg);
policy_shape expert_store_shape(const expert_store *s); /* of the experts that it numbers */
/* What was used, and what is kept of the past; the store may only be closed after it. */
const expert_heat *expert_store_heat(expert_store *s);
expert_source *expert_store_source(expert_store *s, int stack);

typedef struct store_stats {
    int64_t picks;      /* of experts by tokens */
    int64_t hits;       /* of experts that were not read since they were last used */
    int64_t read_bytes; /* in all */
    double busy;        /* seconds in which any read was in flight */
    double waited;      /* seconds in which nothing could be computed for want of an expert */
    int32_t slots, held;
    int64_t ahead, right; /* experts that were read on a guess, and of them those that came */
    const char *engine, *policy; /* static */
} store_stats;
/* Measures the disk on the first of the model's files. */
cadre_status expert_store_disk(const expert_store *s, double seconds, disk_sweep *sweep);
store_stats expert_store_stats(expert_store *s); /* any thread may ask */
/* Whether the disk did not answer in time when it was last waited for */
bool expert_store_stalls(const expert_store *s);

#endif

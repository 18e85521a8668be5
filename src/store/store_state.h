/* store_state.h - what the files of the expert store share: the slots and who is in them. */
#ifndef CADRE_STORE_STORE_STATE_H
#define CADRE_STORE_STORE_STATE_H

#include <stdatomic.h>

#include "base/direct_file.h"
#include "store/expert_store.h"
#include "store/slot_layout.h"

enum { STORE_READ = 1 << 20 }; /* bytes of one read, at most */
enum { NONE = -1 };
enum { STORE_GUESSES = 64 }; /* of a layer */

typedef enum slot_state { SLOT_EMPTY, SLOT_READING, SLOT_READY } slot_state;

typedef struct store_slot {
    slot_state state;
    int32_t expert;
    bool pinned;               /* its products are being computed */
    bool ahead;                /* read on a guess, and its layer has not come yet */
    bool unused;               /* read on a guess, and nothing has used it since */
    int submitted, unfinished; /* reads */
    const read_job *failed;
} store_slot;

typedef struct stack_source {
    expert_source source; /* first: the source is the stack */
    expert_store *store;
    store_stack stack;
    int64_t *visit; /* [layers] the layer's number among all that stream, or NONE */
} stack_source;

struct expert_store {
    stack_source *stack; /* [stacks] */
    int stacks;
    direct_file *file; /* [files] */
    size_t files;
    int64_t layers;               /* sparse ones of all stacks */
    int32_t *first;               /* [layers + 1] expert 0 of each among all */
    const expert_record **record; /* [experts] */
    const void **table;           /* [EXPERT_RANGES, experts] */
    expert_weights *view;         /* [layers] */
    store_slot *slot;             /* [slots] */
    int32_t *slot_of;             /* [experts] or NONE */
    int64_t *wanted;              /* [experts] the layer's visit that still needs it */
    int32_t *rows;                /* [the most experts of a layer] */
    read_job *job;                /* [slots, jobs] */
    int32_t slots, jobs;
    uint8_t *memory; /* [slots, slot_bytes] */
    int64_t slot_bytes;
    int64_t visit; /* counts layers; what is wanted now has this number */
    double patience;
    bool stalls;
    int64_t guessed_of;                    /* the layer of the guesses; NONE: there are none */
    int32_t guess[STORE_GUESSES], guesses; /* experts of that layer, the likeliest first */
    /* Guessed experts that were missing, and how many of such have come of late: a mean */
    int32_t missed[STORE_GUESSES], misses;
    int64_t missed_of; /* their layer, or NONE */
    double trust;
    policy policy;
    expert_heat used, past; /* of this run; of those before it, if later ones are to know it */
    read_queue *queue;
    atomic_int_least64_t picks, hits, held, ahead, right;
    atomic_int_least64_t waited; /* waited: in microseconds */
};

/* Reads of about the same length that bring a piece */
static inline int64_t store_reads_of(const slot_piece *piece)
{
    return (piece->bytes + STORE_READ - 1) / STORE_READ;
}

/* The source of a stack, without the stack */
extern const expert_source store_source;

#endif

/* store_state.h - the data of the expert store, which its files share: slots, guesses, counts. */
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
    bool ahead;                /* it was read on a guess, and its layer has not been visited yet */
    bool unused;               /* it was read before it was needed, and not used since */
    int submitted, unfinished; /* reads */
    const read_job *failed;    /* a read that failed; NULL: none did */
} store_slot;

typedef struct stack_source {
    expert_source source; /* first, so that a pointer to it is one to the stack_source */
    expert_store *store;
    store_stack stack;
    int64_t *visit; /* [layers] the layer's index among all streamed layers, or NONE */
} stack_source;

struct expert_store {
    stack_source *stack; /* [stacks] */
    int stacks;
    direct_file *file; /* [files] */
    size_t files;
    int64_t layers;               /* streamed layers of all stacks */
    int32_t *first;               /* [layers + 1] the number of each layer's first expert */
    const expert_record **record; /* [experts] where each expert is in the files */
    const void **table;           /* [EXPERT_RANGES, experts] where each range is in memory */
    expert_weights *view;         /* [layers] weights whose pointers are in `table` */
    store_slot *slot;             /* [slots] */
    int32_t *slot_of;             /* [experts] the slot of each, or NONE */
    int64_t *wanted;              /* [experts] the visit that still needs it */
    int32_t *rows;                /* [the most experts of a layer] rows of each in this visit */
    read_job *job;                /* [slots, jobs] */
    int32_t slots, jobs;
    uint8_t *memory; /* [slots, slot_bytes] */
    int64_t slot_bytes;
    int64_t visit; /* the number of the current visit of a layer by a pass */
    double timeout;
    bool stalled;
    int64_t guessed_layer;                 /* the layer of the guesses; NONE: there are none */
    int32_t guess[STORE_GUESSES], guesses; /* experts of that layer, the likeliest first */
    int32_t missed[STORE_GUESSES], misses; /* guessed experts that were not in memory */
    int64_t missed_layer;                  /* their layer, or NONE */
    double accuracy;                       /* the share of such guesses that were right lately */
    policy policy;
    expert_frequency used; /* of this run */
    expert_frequency past; /* of earlier runs, if it is kept; use NULL: it is not */
    read_queue *queue;
    atomic_int_least64_t picks, hits, held, ahead, right;
    atomic_int_least64_t waited; /* in microseconds */
};

/* How many reads of about the same length a piece is divided into */
static inline int64_t store_reads_of(const slot_piece *piece)
{
    return (piece->bytes + STORE_READ - 1) / STORE_READ;
}

/* The functions of a stack_source's source */
extern const expert_source store_source;

#endif

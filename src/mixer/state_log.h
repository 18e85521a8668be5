/* state_log.h - what happens to sequences' pasts between two passes, for ranks that keep other
 * heads or layers of the same sequences: they do the same with what they keep, before the next
 * pass.
 *
 * Which blocks make a sequence is said with each pass; here is what is copied, cleared and
 * freed. */
#ifndef CADRE_MIXER_STATE_LOG_H
#define CADRE_MIXER_STATE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/guard.h"

typedef enum state_happening {
    STATE_BLOCK_COPIED,     /* block `to` of the pool from block `from` */
    STATE_SEQUENCE_CLEARED, /* the fixed parts of sequence `to` */
    STATE_SEQUENCE_TAKEN,   /* they are those of sequence `from` */
    STATE_SEQUENCE_ENDED,
    STATE_POOL_ENDED,
} state_happening;

typedef struct state_event {
    int64_t what, pool, to, from;
} state_event;

typedef struct state_log {
    lock lock;
    state_event *events; /* [count] */
    size_t count, room;
    int64_t pools, sequences; /* so many have numbers, from 1 on */
    bool lost;                /* an event, because there was no memory */
} state_log;

void state_log_open(state_log *l);
void state_log_close(state_log *l);

void state_log_put(state_log *l, const state_event *e); /* l NULL: nothing */
int64_t state_log_number(state_log *l, int64_t *counter);

#endif

/* state_log.c - a list that grows. */
#include "mixer/state_log.h"

#include "base/buffer.h"
#include "base/memory.h"

void state_log_open(state_log *l)
{
    *l = (state_log){ 0 };
    lock_open(&l->lock);
}

void state_log_close(state_log *l)
{
    mem_free(l->events);
    l->events = NULL;
    lock_close(&l->lock);
}

void state_log_put(state_log *l, const state_event *e)
{
    if (!l) return;
    lock_take(&l->lock);
    void *events = l->events;
    l->lost |= buffer_grow(&events, l->count, &l->room, 1, sizeof *e) != CADRE_OK;
    l->events = events;
    if (!l->lost) l->events[l->count++] = *e;
    lock_give(&l->lock);
}

int64_t state_log_number(state_log *l, int64_t *counter)
{
    lock_take(&l->lock);
    int64_t number = ++*counter;
    lock_give(&l->lock);
    return number;
}

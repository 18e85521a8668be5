/* state_log.c - a list that grows. */
#include "mixer/state_log.h"

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

static bool has_room(state_log *l)
{
    if (l->count < l->room) return true;
    size_t room = l->room ? 2 * l->room : 64;
    state_event *more = mem_resize(l->events, l->room, room, sizeof *more);
    if (!more) return false;
    l->events = more;
    l->room = room;
    return true;
}

void state_log_put(state_log *l, const state_event *e)
{
    if (!l) return;
    lock_take(&l->lock);
    if (has_room(l)) l->events[l->count++] = *e;
    else l->lost = true;
    lock_give(&l->lock);
}

int64_t state_log_number(state_log *l, int64_t *counter)
{
    lock_take(&l->lock);
    int64_t number = ++*counter;
    lock_give(&l->lock);
    return number;
}

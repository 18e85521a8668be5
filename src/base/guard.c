/* guard.c - which thread is inside, and which ones wait. */
#include "base/guard.h"

static _Thread_local char self; /* its address identifies this thread */

bool guard_enter(guard *g)
{
    uintptr_t nobody = 0, me = (uintptr_t)&self;
    if (atomic_load_explicit(&g->owner, memory_order_relaxed) != me &&
        !atomic_compare_exchange_strong_explicit(
            &g->owner, &nobody, me, memory_order_acquire, memory_order_relaxed))
        return false;
    g->depth++;
    return true;
}

void guard_leave(guard *g)
{
    if (--g->depth == 0) atomic_store_explicit(&g->owner, 0, memory_order_release);
}

void lock_open(lock *l) { pthread_mutex_init(&l->mutex, NULL); }
void lock_take(lock *l) { pthread_mutex_lock(&l->mutex); }
void lock_give(lock *l) { pthread_mutex_unlock(&l->mutex); }
void lock_close(lock *l) { pthread_mutex_destroy(&l->mutex); }

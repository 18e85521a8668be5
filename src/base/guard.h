/* guard.h - two ways to keep threads apart: a guard turns the second one away, where it would spoil
 * the first one's work; a lock lets it wait, for short work that is done once by whoever comes
 * first. */
#ifndef CADRE_BASE_GUARD_H
#define CADRE_BASE_GUARD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Zeroed memory is a guard that nobody has entered. */
typedef struct guard {
    atomic_uintptr_t owner; /* names the thread that is inside; 0: none */
    int depth;              /* calls of the owner that have not returned */
} guard;

/* The thread that is inside may enter again, as a listener does that calls back; false: another
 * thread is inside. */
bool guard_enter(guard *g);
void guard_leave(guard *g); /* once for each guard_enter that was true */

typedef struct lock {
    pthread_mutex_t mutex;
} lock;

void lock_open(lock *l);
void lock_take(lock *l);
void lock_give(lock *l);
void lock_close(lock *l);

#endif

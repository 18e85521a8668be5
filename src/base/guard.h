/* guard.h - two ways to keep threads apart. A guard turns a second thread away, where it would
 * spoil the work of the first. A lock makes it wait, for short work that is done once by whichever
 * thread comes first. */
#ifndef CADRE_BASE_GUARD_H
#define CADRE_BASE_GUARD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Zeroed memory is a guard with no thread inside. */
typedef struct guard {
    atomic_uintptr_t owner; /* identifies the thread inside; 0: there is none */
    int depth;              /* calls of the owner that have not returned */
} guard;

/* Returns false if another thread is inside. The thread that is inside may enter again, as a
 * listener does when it calls the library. */
bool guard_enter(guard *g);
void guard_leave(guard *g); /* once for each guard_enter that returned true */

typedef struct lock {
    pthread_mutex_t mutex;
} lock;

void lock_open(lock *l);
void lock_take(lock *l);
void lock_give(lock *l);
void lock_close(lock *l);

#endif

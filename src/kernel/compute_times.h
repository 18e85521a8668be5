/* compute_times.h - what a computation spends its time on, for a profile: seconds by subject, where
 * whoever owns the compute asked for them. What runs within a subject counts for that one, so that
 * each moment counts once. */
#ifndef CADRE_KERNEL_COMPUTE_TIMES_H
#define CADRE_KERNEL_COMPUTE_TIMES_H

#include "base/clock.h"
#include "kernel/compute.h"

typedef enum compute_subject {
    TIME_OTHER, /* norms, activations, the embedding, the loss, sums of rows */
    TIME_PRODUCTS,
    TIME_ATTENTION, /* with its own products */
    TIME_ROUTING,   /* the same */
    TIME_OPTIMIZER,
    TIME_SUBJECTS
} compute_subject;

typedef struct compute_times {
    double since; /* clock_seconds() when the subject changed last */
    compute_subject now;
    double seconds[TIME_SUBJECTS];
} compute_times;

/* Begins the subject, unless one has begun already. Returns what compute_leave wants back. */
static inline compute_subject compute_enter(compute *c, compute_subject subject)
{
    compute_times *t = c->times;
    if (!t || t->now != TIME_OTHER) return subject;
    double now = clock_seconds();
    t->seconds[t->now] += now - t->since;
    t->since = now;
    t->now = subject;
    return TIME_OTHER;
}

/* Ends what compute_enter has begun. */
static inline void compute_leave(compute *c, compute_subject before)
{
    compute_times *t = c->times;
    if (!t || before != TIME_OTHER) return;
    double now = clock_seconds();
    t->seconds[t->now] += now - t->since;
    t->since = now;
    t->now = TIME_OTHER;
}

#endif

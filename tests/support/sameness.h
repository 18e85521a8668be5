/* sameness.h - runs something under every CPU variant of this machine and 1, 2 and 3 threads, and
 * wants the same bits. */
#ifndef CADRE_TESTS_SAMENESS_H
#define CADRE_TESTS_SAMENESS_H

#include <stdint.h>

#include "base/real.h"
#include "kernel/compute.h"

/* Writes `count` numbers of a computation into out, which holds zeros. */
typedef void (*sameness_run)(compute *c, void *state, real *out);

/* Fails the test (cmocka) where a run differs from the portable one on a single thread. */
void sameness_check(sameness_run run, void *state, int64_t count);

#endif

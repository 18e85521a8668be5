/* same_bits.h - runs something under every CPU variant of this machine and 1, 2 and 3 threads, and
 * wants the same bits. */
#ifndef CADRE_TESTS_SAME_BITS_H
#define CADRE_TESTS_SAME_BITS_H

#include <stdint.h>

#include "base/real.h"
#include "kernel/compute.h"

/* Writes `count` numbers of a computation into out, which holds zeros. */
typedef void (*same_bits_run)(compute *c, void *state, real *out);

/* Fails the test (cmocka) where a run differs from the portable one on a single thread. */
void same_bits_check(same_bits_run run, void *state, int64_t count);

#endif

/* peak.h - the limits of this machine: how fast it can multiply and add, in chains in registers
 * that wait for nothing but themselves, and how fast it can read memory. Benchmarks divide by
 * them. */
#ifndef CADRE_KERNEL_PEAK_H
#define CADRE_KERNEL_PEAK_H

#include <stdint.h>

#include "base/real.h"

/* Runs `rounds` rounds of independent multiply-adds and returns the number of floating-point
 * operations, two for each. *sink takes the sum, so that compilers cannot leave them out. */
typedef double peak_kernel(int64_t rounds, real *sink);

peak_kernel peak_portable, peak_avx2, peak_avx512, peak_neon; /* variant.c lists them */

/* Reads words [count] in `streams` parts at once, each in order, and returns their sum, so that
 * compilers cannot leave a read out. count is a multiple of 32 x streams. */
uint64_t peak_read(const uint64_t *words, int64_t count, int streams);

#endif

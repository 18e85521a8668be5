/* peak.h - how fast multiply-adds can go on this machine, in chains in registers that wait for
 * nothing but themselves, and how fast memory can be read. Benchmarks divide by what these give. */
#ifndef CADRE_KERNEL_PEAK_H
#define CADRE_KERNEL_PEAK_H

#include <stdint.h>

#include "base/real.h"

/* Runs `rounds` rounds of independent multiply-adds and returns the floating-point operations, two
 * each, that they are. *sink takes the sum, so that they cannot be left out. */
typedef double peak_kernel(int64_t rounds, real *sink);

peak_kernel peak_portable, peak_avx2, peak_avx512, peak_neon; /* the stamps; variant.c lists them */

/* Reads words [count], a multiple of 8, in order; the sum, so that no reading can be left out. */
uint64_t peak_read(const uint64_t *words, int64_t count);

#endif

/* peak.h - how fast multiply-adds can go on this machine: chains in registers that wait for nothing but themselves.
 *
 * A function a variant; benchmarks divide by what it gives. */
#ifndef CADRE_KERNEL_PEAK_H
#define CADRE_KERNEL_PEAK_H

#include <stdint.h>

#include "base/real.h"

/* Runs `rounds` rounds of independent multiply-adds and returns the floating-point operations, two each, that they are.
 * *sink takes the sum, so that they cannot be left out. */
typedef double peak_kernel(int64_t rounds, real *sink);

peak_kernel peak_portable, peak_avx2, peak_avx512, peak_neon; /* the stamps; variant.c lists them */

#endif

/* real.h - the one floating-point type of the arithmetic.
 *
 * `real` is float. Built with -DCADRE_REAL_DOUBLE the same sources compute in double, which the
 * gradient checks need. Only this header and the vector kernels, which exist in float alone, ask
 * which it is. */
#ifndef CADRE_BASE_REAL_H
#define CADRE_BASE_REAL_H

#include <math.h>
#include <stdint.h>

#include "cadre/context.h"

#ifdef CADRE_REAL_DOUBLE
typedef double real;
    #define REAL_C(x) x
    #define REAL_IS_DOUBLE 1
static inline real real_sqrt(real x) { return sqrt(x); }
static inline real real_fabs(real x) { return fabs(x); }
static inline real real_fma(real a, real b, real c) { return fma(a, b, c); }
#else
typedef float real;
    #define REAL_C(x) x##f
    #define REAL_IS_DOUBLE 0
static inline real real_sqrt(real x) { return sqrtf(x); }
static inline real real_fabs(real x) { return fabsf(x); }
static inline real real_fma(real a, real b, real c) { return fmaf(a, b, c); }
#endif

#define REAL_INF ((real)INFINITY)

#endif

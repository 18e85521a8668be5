/* real.h - the one typedef of the arithmetic.
 *
 * The product computes in float. Built with -DCADRE_REAL_DOUBLE the same sources compute in double,
 * which is what the gradient checks run on. Nothing but this header asks which it is, except the
 * vector kernels, which exist in float alone. */
#ifndef CADRE_BASE_REAL_H
#define CADRE_BASE_REAL_H

#include <math.h>
#include <stdint.h>

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

/* openblas.h - OpenBLAS, if this machine has it, to compare matrix products with. It is opened at
 * run time, and nothing that cadre computes comes from it. */
#ifndef CADRE_BENCH_OPENBLAS_H
#define CADRE_BENCH_OPENBLAS_H

#include "base/real.h"

typedef struct openblas openblas;

openblas *openblas_open(int threads); /* NULL: not installed, or not as expected */
void openblas_close(openblas *o);

/* c [m, n] = a [m, k] . b [n, k]^T, rows dense. */
void openblas_product(
    const openblas *o, int64_t m, int64_t n, int64_t k, const real *a, const real *b, real *c);

#endif

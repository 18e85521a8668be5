/* strided.h - rows of elements a stride apart, as one value: what an op reads, and where it writes.
 *
 * Example: of a matrix [T, heads * width], head h of every token is rows_from(x + h * width,
 * heads * width). It owns nothing. */
#ifndef CADRE_OP_STRIDED_H
#define CADRE_OP_STRIDED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/real.h"

typedef struct strided_in {
    const real *at;
    int64_t stride; /* elements from row to row */
} strided_in;

typedef struct strided_out {
    real *at; /* NULL: not wanted */
    int64_t stride;
    bool add; /* to what is there; else it is written */
} strided_out;

static inline strided_in rows_from(const real *at, int64_t stride)
{
    return (strided_in){ at, stride };
}

static inline strided_out rows_to(real *at, int64_t stride)
{
    return (strided_out){ at, stride, false };
}

static inline strided_out rows_added(real *at, int64_t stride)
{
    return (strided_out){ at, stride, true };
}

#endif

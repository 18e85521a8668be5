/* share.h - block distribution: n elements are divided among `parts` owners in order, in runs whose
 * lengths differ by at most one. */
#ifndef CADRE_BASE_SHARE_H
#define CADRE_BASE_SHARE_H

#include <stdint.h>

/* The first element of owner i, or with i = parts the end of the last. */
static inline int64_t share_begin(int64_t n, int32_t i, int32_t parts) { return n * i / parts; }

/* The owner of element i. */
static inline int32_t share_owner(int64_t n, int64_t i, int32_t parts)
{
    return (int32_t)(((i + 1) * parts - 1) / n);
}

#endif

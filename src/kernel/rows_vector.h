/* rows_vector.h - part of rows_template.h: the vector type of the variant being instantiated, its
 * loads and stores, and the loops that apply a function of vectors to a row. The file that includes
 * this defines VECTOR_BYTES.
 *
 * Elementwise kernels take a vector of the native width at a time. Sums take blocks of ROW_LANES
 * elements, which LANE_VECTORS vectors hold, so that the order of additions is that of the lanes
 * and does not depend on the machine. */
#include <string.h>

#include "kernel/rows.h"

#define FORCE_INLINE static inline __attribute__((always_inline))

#if REAL_IS_DOUBLE
typedef int64_t lane_bits;
    #define LANES_A_VECTOR (VECTOR_BYTES / 8)
#else
typedef int32_t lane_bits;
    #define LANES_A_VECTOR (VECTOR_BYTES / 4)
#endif
#if LANES_A_VECTOR == 2
    #define LANE_NUMBERS 0, 1
#elif LANES_A_VECTOR == 4
    #define LANE_NUMBERS 0, 1, 2, 3
#elif LANES_A_VECTOR == 8
    #define LANE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7
#else
    #define LANE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#endif
typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
/* A mask: in each lane all bits are set or none */
typedef lane_bits vec_bits __attribute__((vector_size(VECTOR_BYTES)));
typedef real vec_anywhere
    __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

enum { WIDTH = LANES_A_VECTOR, LANE_VECTORS = ROW_LANES / WIDTH };

FORCE_INLINE vec splat(real x) { return x - (vec){ 0 }; }
FORCE_INLINE vec load(const real *x) { return *(const vec_anywhere *)x; }
FORCE_INLINE void store(real *y, vec v) { *(vec_anywhere *)y = v; }
FORCE_INLINE vec select(vec_bits mask, vec yes, vec no)
{
    return (vec)((mask & (vec_bits)yes) | (~mask & (vec_bits)no));
}
FORCE_INLINE vec vec_max(vec x, vec y) { return select(x > y, x, y); } /* y where either is NaN */
FORCE_INLINE vec vec_fabs(vec x) { return (vec)((vec_bits)x & ~(vec_bits)splat(REAL_C(-0.0))); }
FORCE_INLINE vec copy_sign(vec size, vec sign)
{
    vec_bits minus = (vec_bits)splat(REAL_C(-0.0));
    return (vec)(((vec_bits)size & ~minus) | ((vec_bits)sign & minus));
}

/* The end of a row: n elements, 0 < n < WIDTH; the other lanes hold `fill`. */
FORCE_INLINE vec load_partial(const real *x, int64_t n, real fill)
{
    vec v = splat(fill);
    for (int64_t i = 0; i < n; i++) v[i] = x[i];
    return v;
}

FORCE_INLINE void store_partial(real *y, int64_t n, vec v)
{
    for (int64_t i = 0; i < n; i++) y[i] = v[i];
}

/* y[i] = f(x[i], c) */
FORCE_INLINE void map_one(vec (*f)(vec, vec), int64_t n, const real *x, real c, real *y)
{
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) store(y + i, f(load(x + i), splat(c)));
    if (i < n) store_partial(y + i, n - i, f(load_partial(x + i, n - i, 0), splat(c)));
}

/* y[i] = f(x[i], z[i], c) */
FORCE_INLINE void map_two(
    vec (*f)(vec, vec, vec), int64_t n, const real *x, const real *z, real c, real *y)
{
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) store(y + i, f(load(x + i), load(z + i), splat(c)));
    if (i < n)
        store_partial(y + i, n - i,
            f(load_partial(x + i, n - i, 0), load_partial(z + i, n - i, 0), splat(c)));
}

/* The lanes of a running sum or maximum. */
typedef struct lanes {
    vec vector[LANE_VECTORS];
} lanes;

FORCE_INLINE lanes lanes_of(real x)
{
    lanes all;
    for (int j = 0; j < LANE_VECTORS; j++) all.vector[j] = splat(x);
    return all;
}

/* Vector j of a block of which the first n elements exist. */
FORCE_INLINE vec load_lanes(const real *x, int64_t n, int j, real fill)
{
    int64_t left = n - (int64_t)j * WIDTH;
    if (left >= WIDTH) return load(x + j * WIDTH);
    return left > 0 ? load_partial(x + j * WIDTH, left, fill) : splat(fill);
}

FORCE_INLINE void store_lanes(real *y, int64_t n, int j, vec v)
{
    int64_t left = n - (int64_t)j * WIDTH;
    if (left >= WIDTH) store(y + j * WIDTH, v);
    else if (left > 0) store_partial(y + j * WIDTH, left, v);
}

/* Lane i of the result is lane i + h of v, modulo WIDTH. */
FORCE_INLINE vec rotate_lanes(vec v, int h)
{
    vec_bits from = ((vec_bits){ LANE_NUMBERS } + (lane_bits)h) & (lane_bits)(WIDTH - 1);
#if defined(__clang__)
    vec rotated = v;
    for (int i = 0; i < WIDTH; i++) rotated[i] = v[from[i]];
    return rotated;
#else
    return __builtin_shuffle(v, from);
#endif
}

/* Joins lane j with lane j + h, for h = ROW_LANES / 2 ... 1, and returns lane 0. What other lanes
 * then hold does not matter. */
FORCE_INLINE real lanes_fold(lanes all, vec (*join)(vec, vec))
{
    for (int h = LANE_VECTORS / 2; h > 0; h /= 2)
        for (int j = 0; j < h; j++) all.vector[j] = join(all.vector[j], all.vector[j + h]);
    for (int h = WIDTH / 2; h > 0; h /= 2)
        all.vector[0] = join(all.vector[0], rotate_lanes(all.vector[0], h));
    return all.vector[0][0];
}

FORCE_INLINE vec join_sum(vec x, vec y) { return x + y; }

/* Folds step(lane, x[i], y[i], z[i]) over a row. `fill` takes the place of the elements of x that
 * are missing from the last block. */
FORCE_INLINE real reduce(vec (*step)(vec, vec, vec, vec), vec (*join)(vec, vec), int64_t n,
    real start, real fill, const real *x, const real *y, const real *z)
{
    lanes all = lanes_of(start);
    int64_t i = 0;
    for (; i + ROW_LANES <= n; i += ROW_LANES)
        for (int j = 0; j < LANE_VECTORS; j++) {
            int64_t at = i + j * WIDTH;
            all.vector[j] = step(all.vector[j], load(x + at), load(y + at), load(z + at));
        }
    if (i < n)
        for (int j = 0; j < LANE_VECTORS; j++)
            all.vector[j] = step(all.vector[j], load_lanes(x + i, n - i, j, fill),
                load_lanes(y + i, n - i, j, 0), load_lanes(z + i, n - i, j, 0));
    return lanes_fold(all, join);
}

/* gemm_template.h - the register tiles of one CPU variant, instantiated by gemm_X.c.
 *
 * The file that includes this has defined: vec (a vector of WIDTH elements), ROWS and VECS (the
 * largest tile), vec_load, vec_store, vec_all (broadcasts an element), vec_fma (a * b + c) and
 * vec_keep (returns its argument, which the compiler then loads once and keeps in a register).
 *
 * A tile is written once, over constants that the compiler unrolls. ROWS * VECS accumulators, VECS
 * vectors of B and one broadcast element of A must fit the registers: 4 x 3 + 3 + 1 = 16 for AVX2,
 * 8 x 3 + 3 + 1 = 28 of 32 for AVX-512. */
#include "kernel/gemm_kernels.h"

#ifndef SEGMENT
    #define SEGMENT 16 /* so many floats are 64 bytes */
#endif
#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
    #define UNROLL _Pragma("unroll")
    #define UNROLL_16 UNROLL
#else
    #define UNROLL _Pragma("GCC unroll 8")
    #define UNROLL_16 _Pragma("GCC unroll 16")
#endif

INLINE void tile(const int rows, const int vecs, int64_t k, const real *a, int64_t a_row,
    int64_t a_step, const real *b, int64_t b_step, const real *from, int64_t from_stride, real *c,
    int64_t c_stride, const gemm_prefetch *prefetch)
{
    vec acc[ROWS][VECS];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < vecs; v++) acc[r][v] = vec_load(from + r * from_stride + v * WIDTH);
    }
    /* Pointers to every third row of A. The two rows after it are reached by a_row and 2 a_row,
     * which addresses of instructions can hold: so few registers are needed for pointers */
    const real *third[(ROWS + 2) / 3];
    UNROLL
    for (int r = 0; r < rows; r += 3) third[r / 3] = a + r * a_row;
    UNROLL
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs * WIDTH; v += 16)
            __builtin_prefetch(prefetch->c + r * c_stride + v, 0, 2);
    const char *fetch = prefetch->at;
    /* SEGMENT steps of k at a time, and then the next 64 bytes of each row */
    const int64_t segment = prefetch->rows > 0 ? SEGMENT : k;
    for (int64_t left = k; left > 0; left -= segment, fetch += 64) {
        for (int64_t r = 0; r < prefetch->rows; r++)
            __builtin_prefetch(fetch + r * prefetch->stride, 0, 2);
        for (int64_t q = left < segment ? left : segment; q > 0; q--) {
            vec b_vec[VECS];
            UNROLL
            for (int v = 0; v < vecs; v++) b_vec[v] = vec_keep(vec_load(b + v * WIDTH));
            UNROLL
            for (int r = 0; r < rows; r++) {
                vec a_vec = vec_all(third[r / 3][r % 3 * a_row]);
                UNROLL
                for (int v = 0; v < vecs; v++) acc[r][v] = vec_fma(a_vec, b_vec[v], acc[r][v]);
            }
            b += b_step;
            UNROLL
            for (int r = 0; r < rows; r += 3) third[r / 3] += a_step;
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < vecs; v++) vec_store(c + r * c_stride + v * WIDTH, acc[r][v]);
    }
}

#define TILE(R, V)                                                                                 \
    static void tile_##R##_##V(int64_t k, const real *a, int64_t a_row, int64_t a_step,            \
        const real *b, int64_t b_step, const real *from, int64_t from_stride, real *c,             \
        int64_t c_stride, const gemm_prefetch *prefetch)                                           \
    {                                                                                              \
        tile(R, V, k, a, a_row, a_step, b, b_step, from, from_stride, c, c_stride, prefetch);      \
    }
#define TILE_ROW(R)                                                                                \
    TILE(R, 1)                                                                                     \
    TILE(R, 2)                                                                                     \
    TILE(R, 3)
#define TILE_ENTRY(R)                                                                              \
    {                                                                                              \
        tile_##R##_1, tile_##R##_2, tile_##R##_3                                                   \
    }
TILE_ROW(1)
TILE_ROW(2)
TILE_ROW(3)
TILE_ROW(4)
#define TILES_4 TILE_ENTRY(1), TILE_ENTRY(2), TILE_ENTRY(3), TILE_ENTRY(4)
#if TILE_ROWS == 8
TILE_ROW(5)
TILE_ROW(6)
TILE_ROW(7)
TILE_ROW(8)
    #define TILES_8 TILES_4, TILE_ENTRY(5), TILE_ENTRY(6), TILE_ENTRY(7), TILE_ENTRY(8)
#endif

INLINE void copy_vectors(
    const int vecs, int64_t k, const real *in, int64_t stride, const int32_t *rows, real *out)
{
    for (int64_t q = 0; q < k; q++, out += vecs * WIDTH) {
        const real *row = in + (rows ? rows[q] : q) * stride;
        for (int v = 0; v < vecs; v++) vec_store(out + v * WIDTH, vec_load(row + v * WIDTH));
    }
}

static void copy(
    int vecs, int64_t k, const real *in, int64_t stride, const int32_t *rows, real *out)
{
    if (vecs == 3) copy_vectors(3, k, in, stride, rows, out);
    else if (vecs == 2) copy_vectors(2, k, in, stride, rows, out);
    else copy_vectors(1, k, in, stride, rows, out);
}

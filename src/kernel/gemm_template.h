/* gemm_template.h - the register tiles of one CPU variant, stamped by gemm_X.c.
 *
 * The file that includes this has defined: vec (a vector of reals), WIDTH, ROWS, VECS (the largest tile), vec_load, vec_store,
 * vec_all (one number in every lane), vec_fma (a * b + c). The tiles are written once, over constants that the compiler
 * unrolls; ROWS * VECS accumulators, VECS numbers of y and one of x must fit the registers. */
#include "kernel/gemm_kernels.h"

#define INLINE static inline __attribute__((always_inline))

INLINE void tile(const int rows, const int vecs, int64_t k, const real *x, int64_t x_row, int64_t x_step, const real *y,
                 int64_t y_step, const real *from, int64_t from_stride, real *c, int64_t c_stride)
{
    vec acc[ROWS][VECS];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) acc[r][v] = vec_load(from + r * from_stride + v * WIDTH);
    const real *third[(ROWS + 2) / 3]; /* every third row: the two after it are reached by x_row and 2 x_row */
    for (int r = 0; r < rows; r += 3) third[r / 3] = x + r * x_row;
    for (int64_t q = 0; q < k; q++) {
        vec b[VECS];
        for (int v = 0; v < vecs; v++) b[v] = vec_load(y + v * WIDTH);
        for (int r = 0; r < rows; r++) {
            vec a = vec_all(third[r / 3][r % 3 * x_row]);
            for (int v = 0; v < vecs; v++) acc[r][v] = vec_fma(a, b[v], acc[r][v]);
        }
        y += y_step;
        for (int r = 0; r < rows; r += 3) third[r / 3] += x_step;
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) vec_store(c + r * c_stride + v * WIDTH, acc[r][v]);
}

#define TILE(R, V)                                                                                                           \
    static void tile_##R##_##V(int64_t k, const real *x, int64_t x_row, int64_t x_step, const real *y, int64_t y_step,       \
                               const real *from, int64_t from_stride, real *c, int64_t c_stride)                             \
    {                                                                                                                        \
        tile(R, V, k, x, x_row, x_step, y, y_step, from, from_stride, c, c_stride);                                          \
    }
#define TILE_ROW(R) TILE(R, 1) TILE(R, 2) TILE(R, 3)
#define TILE_ENTRY(R) { tile_##R##_1, tile_##R##_2, tile_##R##_3 }
TILE_ROW(1) TILE_ROW(2) TILE_ROW(3) TILE_ROW(4)
#define TILES_4 TILE_ENTRY(1), TILE_ENTRY(2), TILE_ENTRY(3), TILE_ENTRY(4)
#if TILE_ROWS == 8
TILE_ROW(5) TILE_ROW(6) TILE_ROW(7) TILE_ROW(8)
#define TILES_8 TILES_4, TILE_ENTRY(5), TILE_ENTRY(6), TILE_ENTRY(7), TILE_ENTRY(8)
#endif

INLINE void copy_vectors(const int vecs, int64_t k, const real *in, int64_t stride, const int32_t *rows, real *out)
{
    for (int64_t q = 0; q < k; q++, out += vecs * WIDTH) {
        const real *row = in + (rows ? rows[q] : q) * stride;
        for (int v = 0; v < vecs; v++) vec_store(out + v * WIDTH, vec_load(row + v * WIDTH));
    }
}

static void copy(int vecs, int64_t k, const real *in, int64_t stride, const int32_t *rows, real *out)
{
    if (vecs == 3) copy_vectors(3, k, in, stride, rows, out);
    else if (vecs == 2) copy_vectors(2, k, in, stride, rows, out);
    else copy_vectors(1, k, in, stride, rows, out);
}

/* Enough chains to cover the latency of a multiply-add on any core of today (4 cycles, two a cycle), and then some. */
static double multiply_adds(int64_t rounds)
{
    enum { CHAINS = 10 };
    vec acc[CHAINS], a = vec_all((real)0.5), b = vec_all((real)1);
    for (int i = 0; i < CHAINS; i++) acc[i] = b;
    for (int64_t q = 0; q < rounds; q++)
        for (int i = 0; i < CHAINS; i++) acc[i] = vec_fma(acc[i], a, b);
    vec sum = acc[0];
    for (int i = 1; i < CHAINS; i++) sum = vec_fma(acc[i], a, sum);
    real out[WIDTH];
    vec_store(out, sum);
    return out[0] > 0 ? 2.0 * WIDTH * CHAINS * (double)rounds : 0;
}

static real read_memory(const real *x, int64_t count)
{
    enum { CHAINS = 8 };
    vec acc[CHAINS], one = vec_all((real)1);
    for (int i = 0; i < CHAINS; i++) acc[i] = one;
    for (int64_t q = 0; q + CHAINS * WIDTH <= count; q += CHAINS * WIDTH)
        for (int i = 0; i < CHAINS; i++) acc[i] = vec_fma(vec_load(x + q + i * WIDTH), one, acc[i]);
    for (int i = 1; i < CHAINS; i++) acc[0] = vec_fma(acc[i], one, acc[0]);
    real out[WIDTH];
    vec_store(out, acc[0]);
    return out[0];
}

/* gemm_portable.c - the products in plain loops: what every other variant must equal bit for bit, and the only one for which
 * `real` may be double. */
#include "kernel/gemm_kernels.h"

enum { CHUNK = 256 }; /* values unpacked at once; a multiple of every format's block */

static void clear(const gemm_group *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1)
{
    for (int64_t i = m0; i < m1; i++)
        for (int64_t j = n0; j < n1; j++) g->c[i * g->c_stride + j] = 0;
}

/* Elements from..from + count of stored row `row` of b as reals: in place, or unpacked into `values`. */
static const real *b_values(const gemm_group *g, int64_t row, int64_t from, int64_t count, real values[CHUNK])
{
    if (!g->b_format) return (const real *)g->b + row * g->b_stride + from;
    const number_format *f = g->b_format;
    float unpacked[CHUNK];
    int64_t skip = from % f->block, whole = (skip + count + f->block - 1) / f->block * f->block;
    f->unpack((const char *)g->b + number_row_bytes(f, row * g->b_stride + from - skip), unpacked, whole);
    for (int64_t i = 0; i < count; i++) values[i] = (real)unpacked[skip + i];
    return values;
}

static void dot_rows(const gemm_group *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1)
{
    real values[CHUNK];
    for (int64_t j = n0; j < n1; j++)
        for (int64_t k = 0; k < g->k; k += CHUNK) {
            int64_t count = g->k - k < CHUNK ? g->k - k : CHUNK;
            const real *b = b_values(g, j, k, count, values);
            for (int64_t i = m0; i < m1; i++) {
                const real *a = g->a + (g->a_rows ? g->a_rows[i] : i) * g->a_stride + k;
                real sum = g->c[i * g->c_stride + j];
                for (int64_t q = 0; q < count; q++) sum = real_fma(a[q], b[q], sum);
                g->c[i * g->c_stride + j] = sum;
            }
        }
}

static real a_value(gemm_kind kind, const gemm_group *g, int64_t i, int64_t k)
{
    int64_t row = kind == GEMM_TN ? k : i, col = kind == GEMM_TN ? i : k;
    return g->a[(g->a_rows ? g->a_rows[row] : row) * g->a_stride + col];
}

static void add_rows(gemm_kind kind, const gemm_group *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1)
{
    real values[CHUNK];
    for (int64_t k = 0; k < g->k; k++)
        for (int64_t j = n0; j < n1;) {
            int64_t stop = (j / CHUNK + 1) * CHUNK, count = (stop < n1 ? stop : n1) - j;
            const real *b = b_values(g, g->b_rows ? g->b_rows[k] : k, j, count, values);
            for (int64_t i = m0; i < m1; i++) {
                real a = a_value(kind, g, i, k), *c = g->c + i * g->c_stride + j;
                for (int64_t q = 0; q < count; q++) c[q] = real_fma(a, b[q], c[q]);
            }
            j += count;
        }
}

static void block(gemm_kind kind, const gemm_group *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1, bool accumulate,
                  void *scratch)
{
    (void)scratch;
    if (!accumulate) clear(g, m0, m1, n0, n1);
    if (kind == GEMM_NT) dot_rows(g, m0, m1, n0, n1);
    else add_rows(kind, g, m0, m1, n0, n1);
}

extern const gemm_kernels gemm_portable;
const gemm_kernels gemm_portable = { block };

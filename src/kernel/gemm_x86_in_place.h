/* gemm_x86_in_place.h - skinny products whose B runs along the columns of C (NN), which is read
 * once, where it is stored: a token's attention to keys and values that lie in blocks of a cache.
 *
 * A piece of up to eight rows of A keeps eight vectors of sums in registers, whatever its shape: 1
 * row of 8, 2 of 4, 4 of 2, 8 of 1. Each element is one chain in the order of k.
 *
 * The file that includes this has defined what gemm_template.h wants, vec_multiply, and
 * vec_of_halves, vec_of_bfloats and vec_of_bytes, which read a vector of elements of another
 * format. */
#ifndef CADRE_KERNEL_GEMM_X86_IN_PLACE_H
#define CADRE_KERNEL_GEMM_X86_IN_PLACE_H

enum { Q8_BLOCK = 32, Q8_BYTES = 34 };

/* A vector of elements of a stored row, from column j on, which is a multiple of its width. */
INLINE vec stored_vector(const int source, const char *row, int64_t j)
{
    if (source == GEMM_FLOAT) return vec_load((const real *)row + j);
    if (source == GEMM_F16) return vec_of_halves(row + 2 * j);
    if (source == GEMM_BF16) return vec_of_bfloats(row + 2 * j);
    const char *block = row + j / Q8_BLOCK * Q8_BYTES;
    uint16_t half;
    memcpy(&half, block, sizeof half);
    return vec_multiply(vec_all(_cvtsh_ss(half)), vec_of_bytes(block + 2 + j % Q8_BLOCK));
}

/* Bytes of a row that a vector takes, on average. */
INLINE int64_t vector_bytes(const int source)
{
    return source == GEMM_FLOAT  ? 4 * WIDTH
           : source == GEMM_Q8_0 ? WIDTH * Q8_BYTES / Q8_BLOCK
                                 : 2 * WIDTH;
}

/* Rows i .. i + rows of C, `vecs` vectors from column j on. */
INLINE void in_place_tile(const int source, const int rows, const int vecs, const gemm_skinny *p,
    int64_t i, int64_t j, const char *prefetch)
{
    vec acc[8][8];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < vecs; v++)
            acc[r][v] =
                p->accumulate ? vec_load(p->c + (i + r) * p->c_stride + j + v * WIDTH) : vec_all(0);
    }
    const int64_t bytes = vecs * vector_bytes(source);
    const char *row = p->b;
    for (int64_t q = 0; q < p->k; q++, row += p->b_stride, prefetch += bytes) {
        vec b_vec[8];
        UNROLL
        for (int v = 0; v < vecs; v++) b_vec[v] = stored_vector(source, row, j + v * WIDTH);
        UNROLL
        for (int r = 0; r < rows; r++) {
            vec a_vec = vec_all(p->a[i + r][q]);
            UNROLL
            for (int v = 0; v < vecs; v++) acc[r][v] = vec_fma(a_vec, b_vec[v], acc[r][v]);
        }
        UNROLL
        for (int64_t line = 0; line < bytes; line += 64) __builtin_prefetch(prefetch + line, 0, 2);
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < vecs; v++)
            vec_store(p->c + (i + r) * p->c_stride + j + v * WIDTH, acc[r][v]);
    }
}

/* All columns of `rows` rows, of which a tile of `vecs` vectors is the widest. */
INLINE void in_place_rows(
    const int source, const int rows, const int vecs, const gemm_skinny *p, int64_t i)
{
    const char *prefetch = p->prefetch;
    const int64_t step = p->k * vector_bytes(source);
    int64_t j = 0;
    for (; j + vecs * WIDTH <= p->columns; j += vecs * WIDTH, prefetch += vecs * step)
        in_place_tile(source, rows, vecs, p, i, j, prefetch);
    for (; j < p->columns; j += WIDTH, prefetch += step)
        in_place_tile(source, rows, 1, p, i, j, prefetch);
}

INLINE void in_place(const int source, const gemm_skinny *p)
{
    int64_t i = 0;
    for (; i + 8 <= p->rows; i += 8) in_place_rows(source, 8, 1, p, i);
    for (; i + 4 <= p->rows; i += 4) in_place_rows(source, 4, 2, p, i);
    for (; i + 2 <= p->rows; i += 2) in_place_rows(source, 2, 4, p, i);
    if (i < p->rows) in_place_rows(source, 1, 8, p, i);
}

static void in_place_float(const gemm_skinny *p) { in_place(GEMM_FLOAT, p); }
static void in_place_f16(const gemm_skinny *p) { in_place(GEMM_F16, p); }
static void in_place_bf16(const gemm_skinny *p) { in_place(GEMM_BF16, p); }
static void in_place_q8_0(const gemm_skinny *p) { in_place(GEMM_Q8_0, p); }
#define IN_PLACE                                                                                   \
    {                                                                                              \
        [GEMM_FLOAT] = in_place_float, [GEMM_F16] = in_place_f16, [GEMM_BF16] = in_place_bf16,     \
        [GEMM_Q8_0] = in_place_q8_0                                                                \
    }

/* count: a multiple of the block */
static void unpack_q8_0(const void *in, real *out, int64_t count)
{
    for (int64_t j = 0; j < count; j += WIDTH) vec_store(out + j, stored_vector(GEMM_Q8_0, in, j));
}

#endif

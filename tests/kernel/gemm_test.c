/* gemm_test.c - every CPU variant against one chain of multiply-adds an element, bit for bit: all
 * kinds, shapes around every block's edge, strides, gathered rows, accumulation, number formats,
 * ragged groups, any number of workers.
 *
 * Arrays are cut to their exact size, so that a sanitizer sees each read beyond them; what lies
 * between c's rows is guarded. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernel/bf16.h"
#include "kernel/compute.h"
#include "kernel/context.h"
#include "kernel/gemm.h"
#include "kernel/quant.h"
#include "support/long.h"

static const real GUARD = (real)12345.5;

enum { Q8_0_BLOCK = 32, LARGEST_BLOCK = 256 };

typedef struct shape {
    int64_t m, n, k;
    int64_t gap; /* added to every stride */
    bool gather_a, gather_b, accumulate;
    const number_format *format;
    const number_block_scale_form
        *block_scales; /* of a format that is read only: its elements are drawn */
    int64_t skip;      /* rows of the first row of scales that lie before b */
} shape;

/* One product with its own memory; `expected` is what c must become. */
typedef struct product {
    gemm_group group;
    real *a, *c, *expected;
    real *rounded; /* what c must become of operands rounded to bfloat16; NULL: there is no way */
    void *b;
    uint8_t *block_scales;
    int32_t *a_rows, *b_rows;
    int64_t c_count;
} product;

/* Full mantissas, so that every sum rounds and its order shows. */
static real value_at(uint64_t seed, int64_t i)
{
    return (real)(random_uniform((random_key){ (uint32_t)seed, 7 }, (uint64_t)i) * 2 - 1);
}

static real *values(int64_t count, uint64_t seed)
{
    real *x = malloc((size_t)(count ? count : 1) * sizeof *x);
    for (int64_t i = 0; i < count; i++) x[i] = value_at(seed, i);
    return x;
}

/* `count` row numbers among `stored`, some twice, in no order. */
static int32_t *row_numbers(int64_t count, int64_t stored, uint64_t seed)
{
    int32_t *rows = malloc((size_t)(count ? count : 1) * sizeof *rows);
    for (int64_t i = 0; i < count; i++)
        rows[i] = (int32_t)(random_bits((random_key){ (uint32_t)seed, 9 }, (uint64_t)i) %
                            (uint64_t)stored);
    return rows;
}

static int64_t extent(int64_t rows, int64_t cols, int64_t stride)
{
    return rows ? (rows - 1) * stride + cols : 0;
}

/* A block of a format that is read only, of bytes that are drawn until they are finite numbers. */
static void draw_block(const number_format *f, uint64_t seed, uint64_t i, char *at, float *x)
{
    bool finite = false;
    for (uint64_t tries = 0; !finite; tries++) {
        for (int j = 0; j < f->block_bytes; j++)
            at[j] = (char)random_bits(
                (random_key){ (uint32_t)seed, (uint32_t)i }, (uint64_t)j + tries * LARGEST_BLOCK);
        f->unpack(at, x, f->block);
        finite = true;
        for (int j = 0; j < f->block; j++) finite = finite && fabsf(x[j]) < 1e9f;
    }
}

/* b as it is stored, and (through `plain`) the floats that it stands for. */
static void make_b(
    product *p, int64_t count, const number_format *format, uint64_t seed, real **plain)
{
    int64_t block = format ? format->block : 1, whole = (count + block - 1) / block * block;
    *plain = values(whole, seed);
    if (!format) {
        p->b = malloc((size_t)(count ? count : 1) * sizeof(real));
        memcpy(p->b, *plain, (size_t)count * sizeof(real));
        return;
    }
    p->b = malloc(number_row_bytes(format, whole) + 1);
    for (int64_t i = 0; i < whole; i += block) {
        float x[LARGEST_BLOCK];
        char *at = (char *)p->b + number_row_bytes(format, i);
        for (int64_t j = 0; j < block; j++) x[j] = (float)(*plain)[i + j];
        if (format->pack) format->pack(x, at, block);
        else draw_block(format, seed, (uint64_t)i, at, x);
        format->unpack(at, x, block);
        for (int64_t j = 0; j < block; j++) (*plain)[i + j] = (real)x[j];
    }
}

/* Elements and block scales as they come, NaNs aside. */
static void make_coded(
    product *p, int64_t rows, int64_t cols, const shape *s, uint64_t seed, real **plain)
{
    const number_block_scale_form *form = s->block_scales;
    gemm_group *g = &p->group;
    int64_t count = extent(rows, cols, g->b.stride),
            bytes = (count + s->format->block - 1) / s->format->block;
    int64_t across = (cols + form->cols - 1) / form->cols;
    g->b.block_scales =
        (number_block_scales){ .form = form, .stride = across * form->bytes, .skip = s->skip };
    p->b = malloc((size_t)(bytes ? bytes : 1));
    p->block_scales = malloc((size_t)(number_block_scale_bytes(form, s->skip + rows, cols) + 1));
    *plain = calloc((size_t)(count ? count : 1), sizeof(real));
    for (int64_t i = 0; i < bytes; i++) {
        uint8_t code = (uint8_t)random_bits((random_key){ (uint32_t)seed, 8 }, (uint64_t)i);
        ((uint8_t *)p->b)[i] = (code & 127) == 127 ? 0 : code;
    }
    for (int64_t i = 0; i < number_block_scale_bytes(form, s->skip + rows, cols) / form->bytes;
         i++) {
        float factor = (float)value_at(seed + 1, i);
        if (form->bytes > 1)
            memcpy(p->block_scales + i * form->bytes, (char *)(&factor + 1) - form->bytes,
                (size_t)form->bytes);
        else p->block_scales[i] = (uint8_t)(123 + i % 7);
    }
    for (int64_t i = 0; i < rows * cols; i++) {
        int64_t r = i / cols, c = i % cols, at = r * g->b.stride + c;
        float pair[2];
        s->format->unpack((uint8_t *)p->b + at / s->format->block, pair, s->format->block);
        const uint8_t *factor =
            p->block_scales + ((s->skip + r) / form->rows * across + c / form->cols) * form->bytes;
        (*plain)[at] = (real)(pair[at % s->format->block] * form->value(factor));
    }
    g->b.block_scales.at = p->block_scales;
}

/* One step of an element's chain */
static real step_of(bool rounds, real x, real y, real sum)
{
#if !REAL_IS_DOUBLE
    if (rounds) return bf16_step(bf16_round(x), bf16_round(y), bf16_flushed(sum));
#endif
    (void)rounds;
    return real_fma(x, y, sum);
}

/* The sums of the chains. Inlined into two functions, one of which has the processor's own
 * multiply-add instead of the library's. */
static inline __attribute__((always_inline)) void add_up(
    const product *p, gemm_kind kind, const real *b, bool accumulate, real *expected)
{
    bool rounds = expected == p->rounded;
    const gemm_group *g = &p->group;
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            real sum = accumulate ? p->c[i * g->c_stride + j] : 0;
            for (int64_t k = 0; k < g->k; k++) {
                int64_t a_row = kind == GEMM_TN ? k : i, b_row = kind == GEMM_NT ? j : k;
                if (g->a_rows) a_row = g->a_rows[a_row];
                if (g->b_rows) b_row = g->b_rows[b_row];
                real x = g->a[a_row * g->a_stride + (kind == GEMM_TN ? i : k)];
                sum = step_of(rounds, x, b[b_row * g->b.stride + (kind == GEMM_NT ? k : j)], sum);
            }
            expected[i * g->c_stride + j] = sum;
        }
}

#ifdef __x86_64__
__attribute__((target("fma"))) static void add_up_fused(
    const product *p, gemm_kind kind, const real *b, bool accumulate, real *expected)
{
    add_up(p, kind, b, accumulate, expected);
}
#endif

static void expect(product *p, gemm_kind kind, const real *b, bool accumulate, real *expected)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("fma")) return add_up_fused(p, kind, b, accumulate, expected);
#endif
    add_up(p, kind, b, accumulate, expected);
}

/* What c is before a product, and what brings it back. */
static real *c_of(const product *p)
{
    real *before = malloc((size_t)(p->c_count ? p->c_count : 1) * sizeof *before);
    memcpy(before, p->c, (size_t)p->c_count * sizeof *before);
    return before;
}

/* Whether the product is of floats, into which B is unpacked; quantised ones are integers'. */
static bool is_float(const number_format *f) { return !f || f->block == 1; }

static product product_make(gemm_kind kind, const shape *s, uint64_t seed)
{
    product p = { 0 };
    bool tn = kind == GEMM_TN, nt = kind == GEMM_NT;
    int64_t a_need = tn ? s->k : s->m, b_need = nt ? s->n : s->k, a_cols = tn ? s->m : s->k,
            b_cols = nt ? s->k : s->n;
    int64_t a_stored = s->gather_a ? a_need + 3 : a_need,
            b_stored = s->gather_b ? b_need / 2 + 1 : b_need;
    p.a_rows = s->gather_a ? row_numbers(a_need, a_stored, seed + 1) : NULL;
    p.b_rows = s->gather_b ? row_numbers(b_need, b_stored, seed + 2) : NULL;
    p.group = (gemm_group){ .m = s->m,
        .n = s->n,
        .k = s->k,
        .a_stride = a_cols + s->gap,
        .a_rows = p.a_rows,
        .b = { .stride = b_cols + s->gap, .format = s->format },
        .b_rows = p.b_rows,
        .c_stride = s->n + s->gap };
    p.a = values(extent(a_stored, a_cols, p.group.a_stride), seed + 3);
    real *plain;
    if (s->block_scales) make_coded(&p, b_stored, b_cols, s, seed + 4, &plain);
    else make_b(&p, extent(b_stored, b_cols, p.group.b.stride), s->format, seed + 4, &plain);
    p.c_count = extent(s->m, s->n, p.group.c_stride);
    p.c = values(p.c_count, seed + 5);
    for (int64_t i = 0; i < p.c_count; i++)
        if (i % p.group.c_stride >= s->n) p.c[i] = GUARD;
    p.expected = malloc((size_t)(p.c_count ? p.c_count : 1) * sizeof(real));
    memcpy(p.expected, p.c, (size_t)p.c_count * sizeof(real));
    p.group.a = p.a;
    p.group.b.data = p.b;
    p.group.c = p.c;
    expect(&p, kind, plain, s->accumulate, p.expected);
    if (REAL_IS_DOUBLE) return free(plain), p;
    p.rounded = c_of(&p);
    expect(&p, kind, plain, s->accumulate, p.rounded);
    free(plain);
    return p;
}

static void product_free(product *p)
{
    free(p->a);
    free(p->b);
    free(p->block_scales);
    free(p->c);
    free(p->expected);
    free(p->rounded);
    free(p->a_rows);
    free(p->b_rows);
}

static void assert_product(const product *p, const compute *c, gemm_kind kind)
{
    const real *expected = c->bf16 ? p->rounded : p->expected;
    if (memcmp(p->c, expected, (size_t)p->c_count * sizeof(real)) == 0) return;
    for (int64_t i = 0; i < p->c_count; i++)
        if (memcmp(&p->c[i], &expected[i], sizeof(real)))
            fail_msg("%s%s kind %d m %ld n %ld k %ld: c[%ld, %ld] is %.9g, expected %.9g",
                c->variant->name, c->bf16 ? " rounded" : "", kind, (long)p->group.m,
                (long)p->group.n, (long)p->group.k, (long)(i / p->group.c_stride),
                (long)(i % p->group.c_stride), (double)p->c[i], (double)expected[i]);
}

/* The computes of every variant that this machine runs, `threads` workers each. */
typedef struct machines {
    compute *compute[8];
    int count;
} machines;

static machines machines_make(int threads)
{
    machines all = { .count = 0 };
    int count;
    const kernel_variant *const *list = variant_list(&count);
    for (int i = 0; i < count; i++) {
        if (list[i]->needs & ~cpu_features())
            print_message("SKIP: this machine cannot run the variant: %s\n", list[i]->name);
        else
            assert_int_equal(
                compute_new(threads, list[i]->name, &all.compute[all.count++]), CADRE_OK);
    }
    return all;
}

static void machines_free(machines *all)
{
    for (int i = 0; i < all->count; i++) compute_free(all->compute[i]);
}

static void restore_c(const product *p, const real *before)
{
    memcpy(p->c, before, (size_t)p->c_count * sizeof *before);
}

/* One product on the machines of each of `sets`. */
static void try_shape_on(
    const machines *sets, int set_count, gemm_kind kind, const shape *s, bool serial)
{
    product p = product_make(kind, s, (uint64_t)(s->m * 977 + s->n * 131 + s->k));
    real *before = c_of(&p);
    for (const machines *all = sets; all < sets + set_count; all++)
        for (int i = 0; i < all->count; i++) {
            restore_c(&p, before);
            if (serial) gemm_serial(all->compute[i], 0, kind, &p.group, s->accumulate);
            else gemm_grouped(all->compute[i], kind, &p.group, 1, s->accumulate);
            assert_product(&p, all->compute[i], kind);
            if (!p.rounded || !is_float(s->format)) continue;
            restore_c(&p, before);
            all->compute[i]->bf16 = true;
            if (serial) gemm_serial(all->compute[i], 0, kind, &p.group, s->accumulate);
            else gemm_grouped(all->compute[i], kind, &p.group, 1, s->accumulate);
            assert_product(&p, all->compute[i], kind);
            all->compute[i]->bf16 = false;
        }
    free(before);
    product_free(&p);
}

static void try_shape(const machines *all, gemm_kind kind, const shape *s, bool serial)
{
    try_shape_on(all, 1, kind, s, serial);
}

static void small_shapes(void **state)
{
    (void)state;
    machines all = machines_make(1);
    for (int kind = GEMM_NT; kind <= GEMM_TN; kind++)
        for (int64_t m = 0; m <= 20; m++)
            for (int64_t n = 0; n <= 20; n++)
                for (int64_t k = 0; k <= 20; k += 1 + (m + n + k) % 3) {
                    shape s = {
                        .m = m, .n = n, .k = k, .gap = k % 3, .accumulate = (m + n + k) % 2
                    };
                    try_shape(&all, (gemm_kind)kind, &s, true);
                }
    machines_free(&all);
}

/* Each of m, n, k around the edges of tiles, panels and blocks, the other two at a few sizes. */
static void edges_of_blocks(void **state)
{
    (void)state;
    static const int64_t edges[] = { 23, 24, 25, 47, 48, 49, 63, 64, 65, 95, 96, 97, 127, 128, 129,
        191, 192, 193, 255, 256, 257, 513 };
    machines all = machines_make(1);
    for (int kind = GEMM_NT; kind <= GEMM_TN; kind++)
        for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
            bool odd = i % 2;
            int64_t e = edges[i];
            try_shape(&all, (gemm_kind)kind,
                &(shape){ .m = e, .n = 17, .k = 21, .gap = 1, .accumulate = odd, .gather_a = !odd },
                true);
            try_shape(&all, (gemm_kind)kind,
                &(shape){ .m = 9, .n = e, .k = 130, .gap = 3, .accumulate = !odd }, true);
            try_shape(&all, (gemm_kind)kind,
                &(shape){ .m = 9, .n = e, .k = 19, .gap = 3, .accumulate = odd }, true);
            try_shape(&all, (gemm_kind)kind,
                &(shape){ .m = 7, .n = 50, .k = e, .accumulate = odd, .gather_b = kind == GEMM_TN },
                true);
        }
    for (int kind = GEMM_NT; kind <= GEMM_TN; kind++) {
        try_shape(&all, (gemm_kind)kind, &(shape){ .m = 5, .n = 1100, .k = 300 }, true);
        try_shape(&all, (gemm_kind)kind, &(shape){ .m = 5, .n = 1025, .k = 40, .accumulate = true },
            true);
        try_shape(&all, (gemm_kind)kind, &(shape){ .m = 3, .n = 40, .k = 1030, .gap = 2 }, true);
        try_shape(&all, (gemm_kind)kind, &(shape){ .m = 401, .n = 60, .k = 140, .gap = 513 }, true);
    }
    machines_free(&all);
}

static void formats_of_b(void **state)
{
    (void)state;
    static const int64_t sizes[] = { 1, 7, 16, 33, 50, 130, 270 };
    machines all = machines_make(1);
    int count;
    const number_format *const *list = number_list(&count);
    for (int kind = GEMM_NT; kind <= GEMM_NN; kind++)
        for (int f = 0; f < count; f++)
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
                    if (!list[f]->pack || list[f]->block != 1) continue;
                    shape s = { .m = 1 + (int64_t)(i + j) * 3,
                        .n = sizes[i],
                        .k = sizes[j],
                        .gap = (int64_t)i % 2,
                        .format = list[f],
                        .gather_a = i == j };
                    try_shape(&all, (gemm_kind)kind, &s, true);
                }
    machines_free(&all);
}

/* Those for which there is no kernel in integers are unpacked for a product in floats. */
static void blocks_that_are_only_read(void **state)
{
    (void)state;
    machines all = machines_make(1);
    int count;
    const number_format *const *list = number_list(&count);
    for (int f = 0; f < count; f++) {
        const int64_t block = list[f]->block;
        const gemm_group usual = { .k = 2 * block,
            .b = { .format = list[f], .stride = 2 * block } };
        if (list[f]->pack || block == 1 || list[f] == &number_e2m1 || list[f] == &number_int4)
            continue;
        if (quant_kernel_of(all.compute[0]->variant, GEMM_NT, &usual, false)) continue;
        for (int kind = GEMM_NT; kind <= GEMM_NN; kind++)
            for (int64_t m = 1; m <= 9; m += 4) {
                bool nt = kind == GEMM_NT;
                shape s = { .m = m, .n = nt ? 33 : 2 * block, .k = nt ? 2 * block : 33 };
                s.format = list[f];
                s.gap = m == 5 ? block : 0;
                try_shape(&all, (gemm_kind)kind, &s, true);
            }
    }
    machines_free(&all);
}

/* As a cache of keys and values has it: rows of whole blocks; and rows that begin within one. */
static void q8_0_along_the_columns_on_1_2_3_workers(void **state)
{
    (void)state;
    static const int64_t rows[] = { 1, 2, 3, 7, 8, 9, 30 },
                         columns[] = { 7, 32, 64, 130, 270, 600 };
    static const int64_t inner[] = { 1, 7, 64, 130 };
    enum {
        ROWS = sizeof rows / sizeof *rows,
        COLUMNS = sizeof columns / sizeof *columns,
        INNER = sizeof inner / sizeof *inner
    };
    machines all[3] = { machines_make(1), machines_make(2), machines_make(3) };
    for (int i = 0; i < ROWS * COLUMNS * INNER; i++) {
        shape s = { .m = rows[i % ROWS],
            .n = columns[i / ROWS % COLUMNS],
            .k = inner[i / ROWS / COLUMNS],
            .format = &number_q8_0,
            .gather_a = i % 2,
            .accumulate = i % 3 == 0 };
        s.gap = (Q8_0_BLOCK - s.n % Q8_0_BLOCK) % Q8_0_BLOCK + i % 4 / 2 * Q8_0_BLOCK;
        try_shape_on(all, 3, GEMM_NN, &s, false);
        s.gap += 5;
        try_shape(&all[i % 3], GEMM_NN, &s, false);
    }
    for (int i = 0; i < 3; i++) machines_free(&all[i]);
}

/* Each number of columns with each inner size, and each of both with each number of rows. The
 * number of workers goes round. */
static void try_coded(
    const machines *one_two_three, const number_format *format, const number_block_scale_form *form)
{
    static const int64_t rows[] = { 1, 2, 5, 8, 9, 30 }, columns[] = { 7, 40, 130, 270 };
    static const int64_t inner[] = { 1, 20, 64, 96, 160, 300, 520 };
    enum {
        ROWS = sizeof rows / sizeof *rows,
        COLUMNS = sizeof columns / sizeof *columns,
        INNER = sizeof inner / sizeof *inner,
        PAIRS = COLUMNS * INNER
    };
    int rounds = long_form() ? ROWS : 2;
    for (int i = 0; i < PAIRS * rounds; i++) {
        int round = i / PAIRS, column = i % COLUMNS, depth = i / COLUMNS % INNER;
        shape s = { .m = rows[(column + depth + round * (ROWS / rounds)) % ROWS],
            .n = columns[column],
            .k = inner[depth],
            .format = format,
            .block_scales = form,
            .gather_a = (column + depth) % 2,
            .accumulate = i % 3 == 0,
            .skip = i % 5 * 31 % form->rows };
        s.gap = (32 - s.k % 32) % 32 + (depth + round) % 2 * 32;
        try_shape(&one_two_three[i % 3], GEMM_NT, &s, false);
        s.gap = (32 - s.n % 32) % 32;
        try_shape(&one_two_three[i % 3], GEMM_NN, &s, false);
    }
}

static void formats_with_block_scales_on_1_2_3_workers(void **state)
{
    (void)state;
    machines all[3] = { machines_make(1), machines_make(2), machines_make(3) };
    try_coded(all, &number_f8_e4m3, &number_block_scale_f32);
    try_coded(all, &number_f8_e4m3, &number_block_scale_bf16);
    try_coded(all, &number_e2m1, &number_block_scale_e8m0);
    try_coded(all, &number_f8_e4m3, number_block_scale_form_of(1, 0, &number_bf16));
    try_coded(all, &number_f8_e4m3, number_block_scale_form_of(0, 0, &number_f32));
    try_coded(all, &number_int4, number_block_scale_form_of(1, 32, &number_f16));
    try_coded(all, &number_int4, number_block_scale_form_of(1, 0, &number_bf16));
    for (int i = 0; i < 3; i++) machines_free(&all[i]);
}

enum { CODES = 16 }; /* tried in one product, each in a column of its own */

/* In each column one number among zeros, all under one factor: as it is in plain C, by way of
 * packing or not. */
static void try_numbers(const machines *all, const number_format *format,
    const number_block_scale_form *form, int first, const void *factor)
{
    enum { AT = 36 };
    for (int64_t m = 1; m < 10; m += 8) {
        shape s = { .m = m, .n = CODES, .k = 64, .format = format, .block_scales = form };
        product p = product_make(GEMM_NT, &s, 3);
        float expected[CODES];
        memset(p.a, 0, (size_t)(m * s.k) * sizeof *p.a);
        memset(p.b, 0, (size_t)(s.n * s.k / format->block));
        for (int64_t i = 0; i < m; i++) p.a[i * s.k + AT] = 1;
        for (int64_t i = 0; i < number_block_scale_bytes(form, s.n, s.k); i += form->bytes)
            memcpy(p.block_scales + i, factor, (size_t)form->bytes);
        for (int64_t j = 0; j < CODES; j++) {
            uint8_t *code = (uint8_t *)p.b + (j * s.k + AT) / format->block;
            float value[2];
            *code = (uint8_t)(first + j);
            format->unpack(code, value, format->block);
            expected[j] = value[0] * form->value(factor);
        }
        for (int i = 0; i < all->count; i++) {
            gemm_serial(all->compute[i], 0, GEMM_NT, &p.group, false);
            for (int64_t c = 0; c < p.c_count; c++) {
                float value = expected[c % CODES];
                assert_true((float)p.c[c] == value || (isnan(value) && isnan(p.c[c])));
            }
        }
        product_free(&p);
    }
}

static void every_value_under_block_scales_of_any_size(void **state)
{
    (void)state;
    static const float scales[] = { 0x1p-149f, 0x1p-126f, 1, 0x1p119f, 0x1p120f, -0x1p127f, 0 };
    static const uint16_t halved[] = { 1, 0x0080, 0x3f80, 0x7b00, 0x7b80, 0xff00, 0x3f9b };
    machines all = machines_make(1);
    for (int first = 0; first < 256; first += CODES) {
        for (size_t f = 0; f < sizeof scales / sizeof *scales; f++)
            try_numbers(&all, &number_f8_e4m3, &number_block_scale_f32, first, &scales[f]);
        for (size_t f = 0; f < sizeof halved / sizeof *halved; f++)
            try_numbers(&all, &number_f8_e4m3, &number_block_scale_bf16, first, &halved[f]);
    }
    for (int exponent = 0; exponent < 256; exponent++)
        try_numbers(
            &all, &number_e2m1, &number_block_scale_e8m0, 0, &(uint8_t){ (uint8_t)exponent });
    machines_free(&all);
}

static const int64_t ragged[] = { 3, 0, 1, 40, 0, 17, 8, 130, 0, 2, 66, 1, 0 };
enum { GROUPS = sizeof ragged / sizeof *ragged };

enum { SETS = 4 }; /* of machines, with other numbers of workers */

/* Ragged groups, empty ones among them, in one call; in TN it is k that is ragged. Neighbours share
 * a and its rows. */
static void try_groups(
    const machines *sets, gemm_kind kind, int64_t n, int64_t k, bool gather, bool accumulate)
{
    product made[GROUPS];
    gemm_group groups[GROUPS];
    real *before[GROUPS];
    for (int e = 0; e < GROUPS; e++) {
        int64_t rows = ragged[e];
        shape s = { .m = kind == GEMM_TN ? k : rows,
            .n = n,
            .k = kind == GEMM_TN ? rows : k,
            .gather_a = gather,
            .gather_b = gather && kind == GEMM_TN,
            .accumulate = accumulate };
        made[e] = product_make(kind, &s, (uint64_t)(e + 50));
        groups[e] = made[e].group;
        before[e] = c_of(&made[e]);
    }
    for (const machines *all = sets; all < sets + SETS; all++)
        for (int i = 0; i < all->count; i++) {
            for (int e = 0; e < GROUPS; e++) restore_c(&made[e], before[e]);
            gemm_grouped(all->compute[i], kind, groups, GROUPS, accumulate);
            for (int e = 0; e < GROUPS; e++) assert_product(&made[e], all->compute[i], kind);
        }
    for (int e = 0; e < GROUPS; e++) {
        product_free(&made[e]);
        free(before[e]);
    }
}

static void ragged_groups_on_1_2_3_5_workers(void **state)
{
    (void)state;
    machines sets[SETS] = { machines_make(1), machines_make(2), machines_make(3),
        machines_make(5) };
    for (int kind = GEMM_NT; kind <= GEMM_TN; kind++) {
        try_groups(sets, (gemm_kind)kind, 100, 70, false, false);
        try_groups(sets, (gemm_kind)kind, 33, 260, true, true);
        try_groups(sets, (gemm_kind)kind, 5, 5, true, false);
        try_shape_on(sets, SETS, (gemm_kind)kind, &(shape){ .m = 300, .n = 90, .k = 33 }, false);
        try_shape_on(sets, SETS, (gemm_kind)kind,
            &(shape){ .m = 30, .n = 400, .k = 270, .accumulate = true }, false);
    }
    for (int i = 0; i < SETS; i++) machines_free(&sets[i]);
}

/* Two weights for the same rows, neighbours in the list: the packing of a that they share must be
 * the right one, also after a's numbers have changed. */
static void groups_that_share_a(void **state)
{
    (void)state;
    machines all = machines_make(2);
    shape s = { .m = 40, .n = 50, .k = 60, .gather_a = true };
    for (int i = 0; i < all.count; i++) {
        product one = product_make(GEMM_NT, &s, 1), two = product_make(GEMM_NT, &s, 2);
        two.group.a = one.a;
        two.group.a_rows = one.a_rows;
        for (int round = 0; round < 2; round++) {
            for (int64_t q = 0; q < 30; q++) one.a[q] = two.a[q] = one.a[q] + (real)round;
            gemm_group pair[2] = { one.group, two.group };
            expect(&one, GEMM_NT, one.b, false, one.expected);
            expect(&two, GEMM_NT, two.b, false, two.expected);
            gemm_grouped(all.compute[i], GEMM_NT, pair, 2, false);
            assert_product(&one, all.compute[i], GEMM_NT);
            assert_product(&two, all.compute[i], GEMM_NT);
        }
        product_free(&one);
        product_free(&two);
    }
    machines_free(&all);
}

static void products_allocate_nothing(void **state)
{
    (void)state;
    machines all = machines_make(2);
    product p = product_make(GEMM_NT, &(shape){ .m = 40, .n = 50, .k = 60, .gather_a = true }, 1);
    mem_fail_at(1, true);
    for (int i = 0; i < all.count; i++) gemm_grouped(all.compute[i], GEMM_NT, &p.group, 1, false);
    assert_int_equal(mem_count(), 0);
    mem_fail_at(0, false);
    product_free(&p);
    machines_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_shapes),
        cmocka_unit_test(edges_of_blocks),
        cmocka_unit_test(formats_of_b),
        cmocka_unit_test(blocks_that_are_only_read),
        cmocka_unit_test(q8_0_along_the_columns_on_1_2_3_workers),
        cmocka_unit_test(formats_with_block_scales_on_1_2_3_workers),
        cmocka_unit_test(every_value_under_block_scales_of_any_size),
        cmocka_unit_test(ragged_groups_on_1_2_3_5_workers),
        cmocka_unit_test(groups_that_share_a),
        cmocka_unit_test(products_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

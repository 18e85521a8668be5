/* quant_test.c - products with quantised weights: every format in the portable kernels against the
 * unpacked weights and the rounded rows in double precision; every CPU variant against the portable
 * one, bit for bit, in ragged shapes; and that neither other rows nor the number of workers changes
 * a bit.
 *
 * AVX-VNNI is computed by support/avxvnni.c where the machine lacks it. Arrays are cut to their
 * exact size, so that a sanitizer sees each read beyond them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernel/context.h"
#include "kernel/gemm.h"
#include "kernel/number_half.h"
#include "kernel/quant_kernels.h"
#include "support/avxvnni.h"

#if REAL_IS_DOUBLE
int main(void) { return 0; } /* the kernels exist in float alone */
#else

static const kernel_variant *portable(void) { return variant_list(&(int){ 0 })[0]; }

static float uniform(uint64_t seed, int64_t i)
{
    return (float)(random_uniform((random_key){ (uint32_t)seed, 7 }, (uint64_t)i) * 2 - 1);
}

static float *normal_rows(int64_t count, uint64_t seed)
{
    float *x = malloc((size_t)count * sizeof *x);
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)random_normal((random_key){ (uint32_t)seed, 8 }, (uint64_t)i);
    return x;
}

/* Where the half-precision numbers of a block stand, which random bytes would make infinite. */
static void put_scales(const number_format *f, uint8_t *block, uint64_t seed, int64_t i)
{
    static const struct {
        const number_format *format;
        int at, count;
    } halves[] = { { &number_q8_0, 0, 1 }, { &number_q4_0, 0, 1 }, { &number_q4_1, 0, 2 },
        { &number_q5_0, 0, 1 }, { &number_q5_1, 0, 2 }, { &number_q2_k, 80, 2 },
        { &number_q3_k, 108, 1 }, { &number_q4_k, 0, 2 }, { &number_q5_k, 0, 2 },
        { &number_q6_k, 208, 1 }, { &number_iq4_nl, 0, 1 }, { &number_iq4_xs, 0, 1 },
        { &number_iq2_xxs, 0, 1 }, { &number_iq2_xs, 0, 1 }, { &number_iq2_s, 0, 1 },
        { &number_iq3_xxs, 0, 1 }, { &number_iq3_s, 0, 1 }, { &number_iq1_s, 0, 1 },
        { &number_tq1_0, 52, 1 }, { &number_tq2_0, 64, 1 } };
    for (size_t h = 0; h < sizeof halves / sizeof *halves; h++)
        for (int j = 0; halves[h].format == f && j < halves[h].count; j++)
            number_put_half(block + halves[h].at + 2 * j, uniform(seed, 2 * i + j));
    if (f == &number_iq1_m) { /* four bits of each half-word are the scale's */
        uint8_t half[2];
        number_put_half(half, uniform(seed, i));
        for (int j = 0; j < 4; j++)
            block[49 + 2 * j] =
                (uint8_t)((block[49 + 2 * j] & 15) | (half[j / 2] >> j % 2 * 4 & 15) << 4);
    }
    if (f == &number_mxfp4) block[0] = (uint8_t)(120 + block[0] % 8);
}

/* Random blocks, all codes among them. */
static uint8_t *random_blocks(const number_format *f, int64_t count, uint64_t seed)
{
    uint8_t *bytes = malloc(number_row_bytes(f, count));
    for (size_t i = 0; i < number_row_bytes(f, count); i++)
        bytes[i] = (uint8_t)random_bits((random_key){ (uint32_t)seed, 9 }, i);
    for (int64_t i = 0; i < count / f->block; i++)
        put_scales(f, bytes + i * f->block_bytes, seed, i);
    return bytes;
}

typedef struct product {
    gemm_group g;
    float *x, *y;
    uint8_t *w;
} product;

static product product_make(const number_format *f, int64_t m, int64_t n, int64_t k, uint64_t seed)
{
    product p = { .x = normal_rows(m * k, seed),
        .y = malloc((size_t)(m * n) * sizeof(float)),
        .w = random_blocks(f, n * k, seed + 1) };
    p.g = (gemm_group){ .m = m,
        .n = n,
        .k = k,
        .a = p.x,
        .a_stride = k,
        .c = p.y,
        .c_stride = n,
        .b = { .data = p.w, .stride = k, .format = f } };
    return p;
}

static void product_free(product *p)
{
    free(p->x);
    free(p->y);
    free(p->w);
}

/* y on one worker of a variant */
static void run(const kernel_variant *v, const gemm_group *g)
{
    const quant_kernel *kernel = quant_kernel_of(v, GEMM_NT, g, false);
    quant_scratch *scratch = mem_alloc(quant_scratch_bytes(), 1);
    assert_non_null(kernel);
    quant_begin(scratch);
    quant_columns(v, kernel, g, 0, g->n, scratch);
    mem_free(scratch);
}

/* On this machine, or with what tests add to it: asked for anew in each test, for cmocka takes all
 * signals at its beginning. */
static bool runs_here(const kernel_variant *v)
{
    return (v->needs & ~(cpu_features() | avxvnni_emulated())) == 0;
}

/* ---- the portable kernels ---- */

/* What a rounded row stands for. */
static void rounded_row(int64_t k, const float *x, double *out)
{
    quant_block block;
    for (int64_t i = 0; i < k; i += QUANT_BLOCK) {
        portable()->quant->quantise(1, x + i, 0, false, &block);
        for (int j = 0; j < QUANT_BLOCK; j++) out[i + j] = (double)block.scale * block.q[j];
    }
}

static void check_portable(const number_format *f, int64_t m, int64_t n, int64_t k)
{
    product p = product_make(f, m, n, k, 11);
    float *w = malloc((size_t)(n * k) * sizeof *w);
    double *x = malloc((size_t)k * sizeof *x);
    f->unpack(p.w, w, n * k);
    run(portable(), &p.g);
    for (int64_t i = 0; i < m; i++) {
        rounded_row(k, p.x + i * k, x);
        for (int64_t j = 0; j < n; j++) {
            double sum = 0, size = 0;
            for (int64_t q = 0; q < k; q++) {
                sum += x[q] * (double)w[j * k + q];
                size += fabs(x[q] * (double)w[j * k + q]);
            }
            double away = fabs(sum - (double)p.y[i * n + j]);
            if (!(away <= 2e-6 * size))
                fail_msg(
                    "%s: y[%ld, %ld] is %g away from %g", f->name, (long)i, (long)j, away, sum);
        }
    }
    free(w);
    free(x);
    product_free(&p);
}

static void portable_is_right(void **state)
{
    const quant_kernels *q = portable()->quant;
    (void)state;
    for (int i = 0; i < q->count; i++) check_portable(q->list[i].format, 3, 5, 1024);
}

/* Half a step of a block's scale at most; zeros stay zeros. */
static void rounding_is_near(void **state)
{
    float x[QUANT_BLOCK];
    quant_block block;
    (void)state;
    for (int64_t seed = 0; seed < 50; seed++) {
        for (int i = 0; i < QUANT_BLOCK; i++)
            x[i] = uniform((uint64_t)seed, i) * (float)pow(10, (double)(seed % 9) - 4);
        portable()->quant->quantise(1, x, 8, true, &block);
        int sum[2] = { 0 };
        for (int i = 0; i < QUANT_BLOCK; i++) {
            assert_true(fabs((double)x[i] - (double)block.scale * block.q[i]) <=
                        0.50001 * (double)block.scale);
            sum[i * 2 / QUANT_BLOCK] += block.q[i];
        }
        assert_int_equal(block.start[0], -8 * sum[0]);
        assert_int_equal(block.start[1], -8 * sum[1]);
        assert_true(block.sum == block.scale * (float)(sum[0] + sum[1]));
    }
    memset(x, 0, sizeof x);
    portable()->quant->quantise(1, x, 8, false, &block);
    assert_true(block.scale == 0 && block.sum == 0 && block.start[0] == 0);
}

/* A number that is none is not lost by rounding. */
static void rounding_keeps_what_is_no_number(void **state)
{
    product p = product_make(&number_q4_0, 2, 3, 64, 5);
    int count;
    const kernel_variant *const *list = variant_list(&count);
    (void)state;
    p.x[40] = NAN;
    p.x[64] = INFINITY;
    for (int v = 0; v < count; v++) {
        if (!runs_here(list[v])) continue;
        run(list[v], &p.g);
        for (int i = 0; i < 6; i++) assert_true(!isfinite(p.y[i]));
    }
    product_free(&p);
}

/* ---- variants ---- */

/* The product p in a variant, beside the portable one. */
static void check_same(const kernel_variant *v, const product *p)
{
    int64_t m = p->g.m, n = p->g.n;
    size_t size = (size_t)(m * n) * sizeof(float);
    float *expected = malloc(size);
    run(portable(), &p->g);
    memcpy(expected, p->y, size);
    memset(p->y, 0x55, size);
    run(v, &p->g);
    for (int64_t i = 0; i < m * n; i++)
        if (memcmp(&p->y[i], &expected[i], sizeof(float)))
            fail_msg("%s, %s, m %ld n %ld k %ld: y[%ld, %ld] is %.9g, expected %.9g", v->name,
                p->g.b.format->name, (long)m, (long)n, (long)p->g.k, (long)(i / n), (long)(i % n),
                (double)p->y[i], (double)expected[i]);
    free(expected);
}

static void same_in_variant(
    const kernel_variant *v, const number_format *f, int64_t m, int64_t n, int64_t k)
{
    product p = product_make(f, m, n, k, (uint64_t)(m * 1000 + n));
    check_same(v, &p);
    product_free(&p);
}

/* Every code the same, the largest among them, and every number of x the largest: what sums of 16
 * bits could not hold. */
static void same_at_the_bounds(const kernel_variant *v, const number_format *f)
{
    static const uint8_t fills[] = { 0x00, 0xff, 0x7f, 0x80 };
    enum { M = 3, N = 9, K = 256 };
    product p = product_make(f, M, N, K, 7);
    for (size_t i = 0; i < sizeof fills; i++) {
        memset(p.w, fills[i], number_row_bytes(f, N * K));
        for (int64_t b = 0; b < N * K / f->block; b++)
            put_scales(f, p.w + b * f->block_bytes, 8, b);
        for (int64_t j = 0; j < M * K; j++) p.x[j] = (j / K + (int64_t)i) % 2 ? -1.5f : 1.5f;
        check_same(v, &p);
    }
    product_free(&p);
}

static void variants_agree(void **state)
{
    static const int64_t shapes[][3] = { { 1, 1, 1 }, { 1, 16, 8 }, { 2, 7, 3 }, { 3, 17, 2 },
        { 4, 33, 9 }, { 5, 8, 7 }, { 7, 15, 1 }, { 8, 40, 4 }, { 9, 31, 10 }, { 13, 48, 16 },
        { 17, 9, 5 }, { 1, 75, 3 }, { 2, 53, 9 } };
    int count;
    const kernel_variant *const *list = variant_list(&count);
    (void)state;
    for (int v = 1; v < count; v++) {
        if (!runs_here(list[v])) {
            print_message("SKIP: this machine cannot run the variant: %s\n", list[v]->name);
            continue;
        }
        const quant_kernels *q = list[v]->quant;
        uint64_t before = avxvnni_count();
        for (int i = 0; i < q->count; i++) {
            same_at_the_bounds(list[v], q->list[i].format);
            for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
                same_in_variant(list[v], q->list[i].format, shapes[s][0], shapes[s][1],
                    q->list[i].format->block == 256 ? (1 + shapes[s][2] % 3) * 256
                                                    : shapes[s][2] * q->list[i].format->block);
        }
        if (list[v]->needs & avxvnni_emulated()) assert_true(avxvnni_count() > before);
    }
}

static void every_variant_has_every_format(void **state)
{
    int count;
    const kernel_variant *const *list = variant_list(&count);
    (void)state;
    for (int v = 0; v < count; v++) {
        assert_int_equal(list[v]->quant->count, portable()->quant->count);
        for (int i = 0; i < list[v]->quant->count; i++)
            assert_ptr_equal(list[v]->quant->list[i].format, portable()->quant->list[i].format);
    }
}

/* ---- bitwise reproducibility ---- */

/* Groups of several sizes and formats in one call, by any number of workers, and each row alone. */
static void batch_mates_change_no_bit(void **state)
{
    static const int64_t rows[] = { 19, 1, 0, 4, 2 };
    const number_format *formats[] = { &number_q4_k, &number_q8_0, &number_q6_k, &number_q4_0,
        &number_q5_1 };
    enum { GROUPS = 5, N = 77, K = 512 };
    product p[GROUPS];
    gemm_group groups[GROUPS];
    float alone[N];
    (void)state;
    for (int i = 0; i < GROUPS; i++) {
        p[i] = product_make(formats[i], rows[i] ? rows[i] : 1, N, K, (uint64_t)i);
        groups[i] = p[i].g;
        groups[i].m = rows[i];
    }
    for (int threads = 1; threads <= 3; threads++) {
        compute *c;
        assert_int_equal(compute_new(threads, NULL, &c), CADRE_OK);
        gemm_grouped(c, GEMM_NT, groups, GROUPS, false);
        for (int i = 0; i < GROUPS; i++)
            for (int64_t r = 0; r < rows[i]; r++) {
                gemm_group one = groups[i];
                one.m = 1;
                one.a += r * K;
                one.c = alone;
                run(portable(), &one);
                assert_memory_equal(alone, p[i].y + r * N, sizeof alone);
            }
        compute_free(c);
    }
    for (int i = 0; i < GROUPS; i++) product_free(&p[i]);
}

/* Rows by number, twice among them, and many more of them than are rounded at a time. */
static void gathered_rows(void **state)
{
    enum { M = 1100, N = 17, K = 64, STORED = 5 };
    product p = product_make(&number_q4_0, STORED, N, K, 3);
    int32_t row[M];
    float *many = malloc(sizeof *many * M * N);
    (void)state;
    run(portable(), &p.g);
    for (int i = 0; i < M; i++) row[i] = i * 7 % STORED;
    gemm_group g = p.g;
    g.m = M;
    g.a_rows = row;
    g.c = many;
    compute *c;
    assert_int_equal(compute_new(2, NULL, &c), CADRE_OK);
    gemm_grouped(c, GEMM_NT, &g, 1, false);
    for (int i = 0; i < M; i++)
        assert_memory_equal(many + i * N, p.y + row[i] * N, N * sizeof *many);
    compute_free(c);
    free(many);
    product_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(portable_is_right),
        cmocka_unit_test(rounding_is_near),
        cmocka_unit_test(rounding_keeps_what_is_no_number),
        cmocka_unit_test(variants_agree),
        cmocka_unit_test(every_variant_has_every_format),
        cmocka_unit_test(batch_mates_change_no_bit),
        cmocka_unit_test(gathered_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

/* quant_interleaved_test.c - products with weights in the interleaved layout have the bits of those
 * with the same weights row by row, in every variant and format, in ragged shapes, from rows
 * further apart than they are long, and by any number of workers. */
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
#include "kernel/quant_kernels.h"
#include "kernel/quant_interleaved.h"

#if REAL_IS_DOUBLE
int main(void) { return 0; } /* the kernels exist in float alone */
#else

enum { MOST_THREADS = 3 };

/* Random bytes, of which no two make a half-precision number that is none: a bit of its exponent is
 * missing. */
static uint8_t *random_bytes(size_t size, uint64_t seed)
{
    uint8_t *bytes = malloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)random_bits((random_key){ (uint32_t)seed, 9 }, i) & 0xbf;
    return bytes;
}

static real *random_reals(int64_t count, uint64_t seed)
{
    real *x = malloc((size_t)count * sizeof *x);
    for (int64_t i = 0; i < count; i++)
        x[i] = (real)random_normal((random_key){ (uint32_t)seed, 8 }, (uint64_t)i);
    return x;
}

/* Cut to its exact size, so that a sanitizer sees each read beyond it. */
static uint8_t *lay(const kernel_variant *v, const gemm_group *g)
{
    int64_t lanes = quant_grain(v), count = (g->n + lanes - 1) / lanes;
    size_t bytes = quant_interleaved_bytes(v, g->b.format, g->n, g->k);
    assert_int_equal(bytes, number_row_bytes(g->b.format, count * lanes * g->k));
    uint8_t *interleaved = malloc(bytes);
    memset(interleaved, 0xff, bytes);
    for (int64_t s = count; s-- > 0;)
        quant_interleave(v, g->b.format, g->n, g->k, g->b.data, g->b.stride, s, s + 1, interleaved);
    return interleaved;
}

static void check(compute *c, const number_format *f, int64_t m, int64_t n, int64_t k)
{
    int64_t stride = k + 2 * f->block;
    uint8_t *w = random_bytes(number_row_bytes(f, n * stride), (uint64_t)(m + n));
    real *x = random_reals(m * k, 3), *y = malloc((size_t)(m * n) * sizeof *y),
         *again = malloc((size_t)(m * n) * sizeof *y);
    gemm_group g = { .m = m,
        .n = n,
        .k = k,
        .a = x,
        .a_stride = k,
        .c = y,
        .c_stride = n,
        .b = { .data = w, .stride = stride, .format = f } };
    gemm_grouped(c, GEMM_NT, &g, 1, false);
    uint8_t *interleaved = lay(c->variant, &g);
    g.b = (matrix){ .data = interleaved, .stride = k, .format = f, .interleaved = true },
    g.c = again;
    gemm_grouped(c, GEMM_NT, &g, 1, false);
    if (memcmp(y, again, (size_t)(m * n) * sizeof *y))
        fail_msg("%s, %s, %d threads: m %ld n %ld k %ld", c->variant->name, f->name, c->workers,
            (long)m, (long)n, (long)k);
    free(w), free(x), free(y), free(again), free(interleaved);
}

static void check_variant(const kernel_variant *v, int threads)
{
    static const int64_t shapes[][3] = { { 1, 1, 1 }, { 1, 16, 8 }, { 2, 7, 3 }, { 3, 17, 2 },
        { 1, 77, 9 }, { 4, 33, 9 }, { 8, 40, 4 }, { 9, 31, 10 }, { 2, 48, 16 }, { 17, 9, 5 },
        { 1, 200, 3 }, { 16, 150, 9 } }; /* several streams of several groups, and one more */
    compute *c;
    assert_int_equal(compute_new(threads, v->name, &c), CADRE_OK);
    for (int i = 0; i < v->quant->count; i++)
        for (size_t s = 0; v->quant->list[i].interleaved && s < sizeof shapes / sizeof *shapes;
             s++) {
            const number_format *f = v->quant->list[i].format;
            check(c, f, shapes[s][0], shapes[s][1], shapes[s][2] * f->block);
        }
    compute_free(c);
}

static void interleaved_weights_have_the_same_bits(void **state)
{
    int count;
    const kernel_variant *const *list = variant_list(&count);
    (void)state;
    for (int v = 0; v < count; v++) {
        bool here = (list[v]->needs & ~cpu_features()) == 0;
        if (!here) print_message("SKIP: this machine cannot run the variant: %s\n", list[v]->name);
        for (int threads = 1; here && threads <= MOST_THREADS; threads++)
            check_variant(list[v], threads);
    }
}

/* The words of an interleaved block, spelt out. */
static void a_group_of_rows_is_interleaved_word_by_word(void **state)
{
    compute *c;
    (void)state;
    assert_int_equal(compute_new(1, NULL, &c), CADRE_OK);
    int64_t lanes = quant_grain(c->variant);
    uint8_t *w = random_bytes((size_t)lanes * 18, 1);
    const gemm_group g = {
        .n = lanes, .k = 32, .b = { .data = w, .stride = 32, .format = &number_q4_0 }
    };
    uint8_t *group = lay(c->variant, &g);
    for (int64_t r = 0; r < lanes; r++) {
        assert_memory_equal(group + 2 * r, w + 18 * r, 2);
        for (int64_t j = 0; j < 4; j++)
            assert_memory_equal(group + (2 + 4 * j) * lanes + 4 * r, w + 18 * r + 2 + 4 * j, 4);
    }
    free(w);
    free(group);
    compute_free(c);
}

static void what_gains_nothing_is_not_laid_out(void **state)
{
    compute *c;
    (void)state;
    assert_int_equal(compute_new(1, NULL, &c), CADRE_OK);
    assert_int_equal(quant_interleaved_bytes(c->variant, NULL, 16, 256), 0);
    assert_int_equal(quant_interleaved_bytes(c->variant, &number_bf16, 16, 256), 0);
    assert_int_equal(quant_interleaved_bytes(c->variant, &number_iq2_xxs, 16, 256), 0);
    assert_int_equal(quant_interleaved_bytes(c->variant, &number_q4_0, 16, 1 << 24), 0);
    compute_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interleaved_weights_have_the_same_bits),
        cmocka_unit_test(a_group_of_rows_is_interleaved_word_by_word),
        cmocka_unit_test(what_gains_nothing_is_not_laid_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

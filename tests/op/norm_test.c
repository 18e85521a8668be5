/* norm_test.c - root mean square norm, of whole rows and of heads. */
#include "kernel/context.h"
#include "op/norm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/gradient.h"
#include "support/near.h"
#include "support/same_bits.h"

enum { T = 9, MOST = 90, S = MOST + 5 };

typedef struct layer {
    compute *c;
    norm n;
    real x[T * S], y[T * S], dy[T * S], dx[T * S], gain[MOST], dgain[MOST], inverse[T * MOST];
} layer;

static int64_t gains_of(const norm *n) { return n->own_gains ? n->heads * n->width : n->width; }

static void layer_fill(layer *s, compute *c, int64_t heads, int64_t width, bool own)
{
    memset(s, 0, sizeof *s);
    s->c = c;
    s->n = (norm){ heads, width, own, s->gain, s->dgain, REAL_C(1e-5), false, NULL };
    gradient_fill(s->x, T * S, 1, 1);
    gradient_fill(s->gain, gains_of(&s->n), 2, 1);
    for (int t = 0; t < T; t++) gradient_fill(s->dy + t * S, heads * width, 10 + (uint64_t)t, 1);
}

static void forward(void *state)
{
    layer *s = state;
    norm_forward(s->c, &s->n, T, rows_from(s->x, S), rows_to(s->y, S), s->inverse);
}

static void backward(layer *s, int64_t begin, int64_t end)
{
    s->n.accumulate = begin > 0;
    norm_backward(s->c, &s->n, end - begin, rows_from(s->x + begin * S, S),
        s->inverse + begin * s->n.heads, rows_from(s->dy + begin * S, S),
        rows_to(s->dx + begin * S, S));
}

static void check_values(const layer *s)
{
    for (int64_t t = 0; t < T; t++)
        for (int64_t h = 0; h < s->n.heads; h++) {
            const real *x = s->x + t * S + h * s->n.width, *y = s->y + t * S + h * s->n.width;
            double squares = 0;
            for (int64_t i = 0; i < s->n.width; i++) squares += (double)x[i] * (double)x[i];
            double r = 1 / sqrt(squares / (double)s->n.width + (double)s->n.eps);
            assert_near("inverse", t, s->inverse[t * s->n.heads + h], r);
            for (int64_t i = 0; i < s->n.width; i++)
                assert_near("y", i, y[i],
                    (double)x[i] * r * (double)s->gain[s->n.own_gains ? h * s->n.width + i : i]);
        }
}

static void check_shape(compute *c, int64_t heads, int64_t width, bool own)
{
    static layer s, whole;
    layer_fill(&s, c, heads, width, own);
    forward(&s);
    check_values(&s);
    backward(&s, 0, T);
    gradient_loss loss = { .forward = forward, .state = &s, .part = { { s.y, s.dy, T * S } } };
    gradient_check(&loss, "x", s.x, s.dx, T * S);
    gradient_check(&loss, "gain", s.gain, s.dgain, gains_of(&s.n));
    whole = s;
    for (int64_t i = 0; i < gains_of(&s.n); i++) s.dgain[i] = 7; /* the first part writes over it */
    backward(&s, 0, 4);
    backward(&s, 4, T);
    assert_memory_equal(s.dgain, whole.dgain, sizeof s.dgain);
    assert_memory_equal(s.dx, whole.dx, sizeof s.dx);
}

static void test_shapes(void **state)
{
    (void)state;
    compute *c;
    assert_int_equal(compute_new(2, NULL, &c), CADRE_OK);
    check_shape(c, 1, 90, false);
    check_shape(c, 1, 64, false);
    check_shape(c, 5, 18, false);
    check_shape(c, 5, 18, true);
    check_shape(c, 1, 1, false);
    compute_free(c);
}

static void test_in_place_and_accumulate(void **state)
{
    (void)state;
    static layer s, apart;
    compute *c;
    assert_int_equal(compute_new(1, NULL, &c), CADRE_OK);
    layer_fill(&s, c, 5, 18, false);
    forward(&s);
    backward(&s, 0, T);
    apart = s;
    norm_backward(c, &s.n, T, rows_from(s.x, S), s.inverse, rows_from(s.dy, S), rows_to(s.dy, S));
    for (int t = 0; t < T; t++)
        assert_memory_equal(s.dy + t * S, apart.dx + t * S, 90 * sizeof(real));
    norm_backward(
        c, &s.n, T, rows_from(s.x, S), s.inverse, rows_from(apart.dy, S), rows_added(s.dx, S));
    for (int t = 0; t < T; t++)
        for (int i = 0; i < 90; i++) assert_true(s.dx[t * S + i] == 2 * apart.dx[t * S + i]);
    norm_forward(c, &s.n, T, rows_from(s.x, S), rows_to(s.x, S), NULL);
    for (int t = 0; t < T; t++)
        assert_memory_equal(s.x + t * S, apart.y + t * S, 90 * sizeof(real));
    compute_free(c);
}

enum { BIG = 300, WIDE = 96 };

static void run(compute *c, void *state, real *out)
{
    static real x[BIG * WIDE], dy[BIG * WIDE], gain[WIDE], inverse[BIG];
    (void)state;
    gradient_fill(x, BIG * WIDE, 1, 1);
    gradient_fill(dy, BIG * WIDE, 2, 1);
    gradient_fill(gain, WIDE, 3, 1);
    norm n = { 1, WIDE, false, gain, out + 2 * BIG * WIDE, REAL_C(1e-6), false, NULL };
    norm_forward(c, &n, BIG, rows_from(x, WIDE), rows_to(out, WIDE), inverse);
    norm_backward(c, &n, BIG, rows_from(x, WIDE), inverse, rows_from(dy, WIDE),
        rows_to(out + BIG * WIDE, WIDE));
}

static void test_same_bits(void **state)
{
    (void)state;
    same_bits_check(run, NULL, 2 * BIG * WIDE + WIDE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_in_place_and_accumulate),
        cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

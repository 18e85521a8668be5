/* latent_test.c - joining a head's own and shared key parts, and the way back. */
#include "kernel/context.h"
#include "op/latent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/gradient.h"
#include "support/same_bits.h"

enum { T = 4, HEADS = 3, NOPE = 5, ROPE = 4, VALUE = 7 };
enum { WIDE = HEADS * (NOPE + VALUE), KEY = HEADS * (NOPE + ROPE), SHARED = ROPE + 2 };

static const latent shape = { HEADS, NOPE, ROPE, VALUE };

typedef struct layer {
    compute *c;
    real kv[T * WIDE], shared[T * SHARED], k[T * KEY], dk[T * KEY], dkv[T * WIDE],
        dshared[T * SHARED];
} layer;

static void forward(void *state)
{
    layer *s = state;
    latent_keys_forward(s->c, &shape, T, s->kv, s->shared, SHARED, s->k);
}

static void test_values_and_gradients(void **state)
{
    (void)state;
    layer s = { 0 };
    assert_int_equal(compute_new(2, NULL, &s.c), CADRE_OK);
    gradient_fill(s.kv, T * WIDE, 1, 1);
    gradient_fill(s.shared, T * SHARED, 2, 1);
    gradient_fill(s.dk, T * KEY, 3, 1);
    forward(&s);
    for (int t = 0; t < T; t++)
        for (int h = 0; h < HEADS; h++)
            for (int i = 0; i < NOPE + ROPE; i++) {
                real expected = i < NOPE ? s.kv[t * WIDE + h * (NOPE + VALUE) + i]
                                         : s.shared[t * SHARED + i - NOPE];
                assert_true(s.k[t * KEY + h * (NOPE + ROPE) + i] == expected);
            }
    latent_keys_backward(s.c, &shape, T, s.dk, s.dkv, s.dshared, SHARED);
    gradient_loss loss = { .forward = forward, .state = &s, .part = { { s.k, s.dk, T * KEY } } };
    gradient_check(&loss, "kv", s.kv, s.dkv, T * WIDE);
    gradient_check(&loss, "shared", s.shared, s.dshared, T * SHARED);
    for (int t = 0; t < T; t++)
        for (int i = 0; i < ROPE; i++) {
            real sum = 0;
            for (int h = 0; h < HEADS; h++) sum += s.dk[t * KEY + h * (NOPE + ROPE) + NOPE + i];
            assert_true(s.dshared[t * SHARED + i] == sum);
        }
    compute_free(s.c);
}

static void run(compute *c, void *state, real *out)
{
    enum { ROWS = 1000 };
    static real dk[ROWS * KEY];
    (void)state;
    gradient_fill(dk, ROWS * KEY, 1, 1);
    latent_keys_backward(c, &shape, ROWS, dk, out, out + ROWS * WIDE, ROPE);
}

static void test_same_bits(void **state)
{
    (void)state;
    same_bits_check(run, NULL, 1000 * (WIDE + ROPE));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values_and_gradients),
        cmocka_unit_test(test_same_bits) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

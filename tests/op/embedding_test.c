/* embedding_test.c - rows by id from floats and from a number format, gradients of repeated ids. */
#include "kernel/context.h"
#include "op/embedding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/gradient.h"
#include "support/near.h"
#include "support/same_bits.h"

enum { T = 6, V = 11, D = 300, S = D + 4 };

typedef struct layer {
    compute *c;
    weight table;
    int32_t ids[T];
    real values[V * D], x[T * S], dx[T * S], dtable[V * D];
} layer;

static layer s;

static int set_up(void **state)
{
    (void)state;
    s = (layer){ .table = weight_of_floats(s.values, V, D), .ids = { 3, 0, 10, 3, 3, 7 } };
    gradient_fill(s.values, V * D, 1, 1);
    for (int t = 0; t < T; t++) gradient_fill(s.dx + t * S, D, 2 + (uint64_t)t, 1);
    return compute_new(2, NULL, &s.c);
}

static int tear_down(void **state)
{
    (void)state;
    compute_free(s.c);
    return 0;
}

static embedding embedding_of(bool accumulate)
{
    return (embedding){ &s.table, REAL_C(1.5), s.dtable, accumulate };
}

/* Tokens begin..end; the first ones write over what is there. */
static void backward(int64_t begin, int64_t end)
{
    embedding e = embedding_of(begin > 0);
    embedding_backward(s.c, &e, end - begin, s.ids + begin, rows_from(s.dx + begin * S, S));
}

static void forward(void *state)
{
    (void)state;
    embedding e = embedding_of(false);
    embedding_forward(s.c, &e, T, s.ids, rows_to(s.x, S));
}

static void test_values(void **state)
{
    (void)state;
    forward(NULL);
    for (int t = 0; t < T; t++)
        for (int i = 0; i < D; i++)
            assert_true(s.x[t * S + i] == REAL_C(1.5) * s.values[s.ids[t] * D + i]);
}

static void test_number_format(void **state)
{
    (void)state;
    static uint16_t packed[V * D];
    static float values[V * D];
    for (int i = 0; i < V * D; i++) values[i] = (float)s.values[i];
    number_bf16.pack(values, packed, V * D);
    number_bf16.unpack(packed, values, V * D);
    s.table.format = &number_bf16;
    s.table.data = packed;
    forward(NULL);
    for (int t = 0; t < T; t++)
        for (int i = 0; i < D; i++)
            assert_true(s.x[t * S + i] == REAL_C(1.5) * (real)values[s.ids[t] * D + i]);
}

static void test_gradients(void **state)
{
    (void)state;
    static real whole[V * D];
    backward(0, T);
    gradient_loss loss = { .forward = forward, .part = { { s.x, s.dx, T * S } }, .limit = 400 };
    gradient_check(&loss, "table", s.values, s.dtable, V * D);
    for (int i = 0; i < D; i++) {
        double sum = (double)s.dx[i] + (double)s.dx[3 * S + i] + (double)s.dx[4 * S + i];
        assert_near("dtable", i, s.dtable[3 * D + i], 1.5 * sum);
    }
    memcpy(whole, s.dtable, sizeof whole);
    for (int i = 0; i < V * D; i++) s.dtable[i] = 7;
    backward(0, 4);
    backward(4, T);
    assert_memory_equal(s.dtable, whole, sizeof whole);
}

static void run(compute *c, void *state, real *out)
{
    enum { ROWS = 200 };
    static real dx[ROWS * D];
    int32_t ids[ROWS];
    (void)state;
    for (int t = 0; t < ROWS; t++) ids[t] = t * 7 % V;
    gradient_fill(dx, ROWS * D, 1, 1);
    weight table = weight_of_floats(out, V, D);
    embedding e = { &table, REAL_C(0.7), out, false };
    embedding_backward(c, &e, ROWS, ids, rows_from(dx, D));
    e.scale = REAL_C(1.1);
    embedding_forward(c, &e, ROWS, ids, rows_to(out + V * D, D));
}

static void test_same_bits(void **state)
{
    (void)state;
    same_bits_check(run, NULL, (V + 200) * D);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_number_format, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gradients, set_up, tear_down),
        cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

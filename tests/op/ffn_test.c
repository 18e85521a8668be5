/* ffn_test.c - the dense feed-forward with every activation: gradients, cuts, the same bits on
 * every variant. */
#include "kernel/context.h"
#include "op/ffn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/gradient.h"
#include "support/near.h"
#include "support/same_bits.h"

enum { T = 5, D = 7, H = 9, XS = D + 1, YS = D + 2 };

typedef struct layer {
    compute *c;
    ffn f;
    ffn_state state;
    real x[T * XS], y[T * YS], dy[T * YS], dx[T * XS], gate[H * D], up[H * D], down[D * H], bias[H];
    real dgate[H * D], dup[H * D], ddown[D * H], dbias[H], hidden[T * 2 * H], active[T * H];
} layer;

static void layer_fill(layer *s, compute *c, const char *activation)
{
    memset(s, 0, sizeof *s);
    s->c = c;
    s->state = (ffn_state){ s->hidden, s->active };
    s->f = (ffn){ .activation = row_activation_by_name(c->variant->rows, activation),
        .limit = 7,
        .gate = { .w = weight_of_floats(s->gate, H, D),
            .bias = s->bias,
            .dw = s->dgate,
            .dbias = s->dbias },
        .up = { .w = weight_of_floats(s->up, H, D), .dw = s->dup },
        .down = { .w = weight_of_floats(s->down, D, H), .dw = s->ddown } };
    gradient_fill(s->x, T * XS, 1, 1);
    gradient_fill(s->gate, H * D, 2, 1);
    gradient_fill(s->up, H * D, 3, 1);
    gradient_fill(s->down, D * H, 4, 1);
    gradient_fill(s->bias, H, 5, 1);
    for (int t = 0; t < T; t++) gradient_fill(s->dy + t * YS, D, 6 + (uint64_t)t, 1);
}

static void forward(void *state)
{
    layer *s = state;
    ffn_forward(s->c, &s->f, T, rows_from(s->x, XS), &s->state, rows_to(s->y, YS));
}

/* Tokens begin..end alone, forward and backward. */
static void both(layer *s, int64_t begin, int64_t end)
{
    strided_in x = rows_from(s->x + begin * XS, XS);
    s->f.gate.accumulate = s->f.up.accumulate = s->f.down.accumulate = begin > 0;
    ffn_forward(s->c, &s->f, end - begin, x, &s->state, rows_to(s->y + begin * YS, YS));
    ffn_backward(s->c, &s->f, end - begin, x, &s->state, rows_from(s->dy + begin * YS, YS),
        rows_to(s->dx + begin * XS, XS));
}

static double value(const layer *s, int t, int d)
{
    double y = 0;
    for (int h = 0; h < H; h++) {
        double g = (double)s->bias[h], u = 0;
        for (int i = 0; i < D; i++) {
            g += (double)s->x[t * XS + i] * (double)s->gate[h * D + i];
            u += (double)s->x[t * XS + i] * (double)s->up[h * D + i];
        }
        y += (double)s->down[d * H + h] * u * g / (1 + exp(-g));
    }
    return y;
}

static void test_values(void **state)
{
    (void)state;
    static layer s;
    compute *c;
    assert_int_equal(compute_new(2, NULL, &c), CADRE_OK);
    layer_fill(&s, c, "swiglu");
    forward(&s);
    for (int t = 0; t < T; t++)
        for (int d = 0; d < D; d++) assert_near("y", t, s.y[t * YS + d], value(&s, t, d));
    compute_free(c);
}

static void test_gradients(void **state)
{
    (void)state;
    static layer s;
    compute *c;
    assert_int_equal(compute_new(2, NULL, &c), CADRE_OK);
    for (int i = 0; i < c->variant->rows->activation_count; i++) {
        const row_activation *a = &c->variant->rows->activations[i];
        /* Its kink may stand within a difference's reach; rows_test has it */
        if (!strcmp(a->name, "relu")) continue;
        layer_fill(&s, c, a->name);
        if (!strcmp(a->name, "gpt-oss")) s.f.limit = 100; /* as above: the clamps */
        both(&s, 0, T);
        gradient_loss loss = { .forward = forward, .state = &s, .part = { { s.y, s.dy, T * YS } } };
        gradient_check(&loss, "x", s.x, s.dx, T * XS);
        gradient_check(&loss, "gate", s.gate, s.dgate, H * D);
        gradient_check(&loss, "bias", s.bias, s.dbias, H);
        gradient_check(&loss, "down", s.down, s.ddown, D * H);
        if (a->inputs == 2) gradient_check(&loss, "up", s.up, s.dup, H * D);
    }
    compute_free(c);
}

static void test_cut(void **state)
{
    (void)state;
    static layer s, whole;
    compute *c;
    assert_int_equal(compute_new(2, NULL, &c), CADRE_OK);
    layer_fill(&whole, c, "geglu");
    both(&whole, 0, T);
    layer_fill(&s, c, "geglu");
    both(&s, 0, 2);
    both(&s, 2, T);
    assert_memory_equal(s.y, whole.y, sizeof s.y);
    assert_memory_equal(s.dx, whole.dx, sizeof s.dx);
    assert_memory_equal(s.dgate, whole.dgate, sizeof s.dgate);
    assert_memory_equal(s.dup, whole.dup, sizeof s.dup);
    assert_memory_equal(s.ddown, whole.ddown, sizeof s.ddown);
    compute_free(c);
}

static void run(compute *c, void *state, real *out)
{
    static layer s;
    layer_fill(&s, c, state);
    both(&s, 0, T);
    real *parts[] = { s.y, s.dx, s.dgate, s.dup, s.ddown };
    int64_t sizes[] = { T * YS, T * XS, H * D, H * D, D * H };
    for (int i = 0; i < 5; out += sizes[i++]) memcpy(out, parts[i], (size_t)sizes[i] * sizeof *out);
}

static void test_same_bits(void **state)
{
    (void)state;
    char one[] = "gelu", two[] = "swiglu";
    same_bits_check(run, one, T * YS + T * XS + 3 * H * D);
    same_bits_check(run, two, T * YS + T * XS + 3 * H * D);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* attention_test.c - attention in all its options: against the definition, by gradients, and bit
 * for bit whatever the other queries, the blocks of the cache, variant and threads. */
#include "kernel/context.h"
#include "op/attention.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/rows.h"
#include "support/gradient.h"
#include "support/near.h"
#include "support/same_bits.h"

enum { HEADS = 4, KEY = 6, VALUE = 5, MOST = 150, SEQUENCES = 2 };

/* SEQUENCES sequences of `tokens` tokens, keys and values with room between heads and tokens. */
typedef struct layer {
    compute *c;
    attention a;
    int64_t tokens, key_stride, value_stride;
    arena arena;
    attention_scratch scratch;
    real q[SEQUENCES * MOST * HEADS * KEY], k[SEQUENCES * MOST * HEADS * (KEY + 1)],
        v[SEQUENCES * MOST * HEADS * (VALUE + 2)];
    real dq[SEQUENCES * MOST * HEADS * KEY], dk[SEQUENCES * MOST * HEADS * (KEY + 1)],
        dv[SEQUENCES * MOST * HEADS * (VALUE + 2)];
    real out[SEQUENCES * MOST * HEADS * VALUE], dout[SEQUENCES * MOST * HEADS * VALUE],
        log_sum[SEQUENCES * MOST * HEADS];
    real sinks[HEADS], dsinks[HEADS];
    const void *keys[SEQUENCES], *values[SEQUENCES];
    attention_sequence sequences[SEQUENCES];
    attention_gradient gradients[SEQUENCES];
} layer;

static void layer_scratch(layer *s)
{
    arena measure = { 0 };
    attention_scratch_take(&measure, &s->a, s->c->workers, s->tokens, SEQUENCES * s->tokens);
    assert_true(arena_open(&s->arena, measure.used));
    s->scratch =
        attention_scratch_take(&s->arena, &s->a, s->c->workers, s->tokens, SEQUENCES * s->tokens);
}

/* Options are those of `a`; its shape is set here. */
static void layer_fill(
    layer *s, compute *c, attention a, int64_t kv_heads, int64_t tokens, bool sinks)
{
    memset(s, 0, sizeof *s);
    s->c = c;
    s->a = a;
    s->a.heads = HEADS, s->a.kv_heads = kv_heads, s->a.key_width = KEY, s->a.value_width = VALUE,
    s->a.scale = REAL_C(0.4);
    s->a.sinks = sinks ? s->sinks : NULL;
    s->a.dsinks = sinks ? s->dsinks : NULL;
    s->tokens = tokens;
    s->key_stride = kv_heads * (KEY + 1), s->value_stride = kv_heads * (VALUE + 2);
    gradient_fill(s->q, SEQUENCES * tokens * HEADS * KEY, 1, 1);
    gradient_fill(s->k, SEQUENCES * tokens * s->key_stride, 2, 1);
    gradient_fill(s->v, SEQUENCES * tokens * s->value_stride, 3, 1);
    gradient_fill(s->dout, SEQUENCES * tokens * HEADS * VALUE, 4, 1);
    gradient_fill(s->sinks, HEADS, 5, 1);
    layer_scratch(s);
    for (int i = 0; i < SEQUENCES; i++) {
        int64_t at = i * tokens;
        s->keys[i] = s->k + at * s->key_stride;
        s->values[i] = s->v + at * s->value_stride;
        s->sequences[i] = (attention_sequence){ .queries = tokens,
            .q = s->q + at * HEADS * KEY,
            .q_stride = HEADS * KEY,
            .out = s->out + at * HEADS * VALUE,
            .out_stride = HEADS * VALUE,
            .log_sum = s->log_sum + at * HEADS,
            .kv = { .keys = &s->keys[i],
                .values = &s->values[i],
                .block = tokens,
                .key_stride = s->key_stride,
                .key_head = KEY + 1,
                .value_stride = s->value_stride,
                .value_head = VALUE + 2 } };
        s->gradients[i] = (attention_gradient){ s->dout + at * HEADS * VALUE,
            s->dq + at * HEADS * KEY, s->dk + at * s->key_stride, s->dv + at * s->value_stride };
    }
}

static void forward(void *state)
{
    layer *s = state;
    attention_forward(s->c, &s->a, s->sequences, SEQUENCES, &s->scratch);
}

static void backward(layer *s)
{
    attention_backward(s->c, &s->a, s->sequences, s->gradients, SEQUENCES, &s->scratch);
}

/* The definition, for query t of head h of a sequence. */
static void query_truth(const layer *s, int i, int64_t t, int64_t h, double *out)
{
    double p[MOST], sum = s->a.sinks ? exp((double)s->sinks[h]) : 0;
    int64_t kv = h / (HEADS / s->a.kv_heads),
            first = s->a.window && t >= s->a.window ? t - s->a.window + 1 : 0;
    for (int64_t j = first; j <= t; j++) {
        double z = 0;
        for (int d = 0; d < KEY; d++)
            z += (double)s->sequences[i].q[t * HEADS * KEY + h * KEY + d] *
                 (double)((const real *)s->keys[i])[j * s->key_stride + kv * (KEY + 1) + d];
        z *= (double)s->a.scale;
        if (s->a.softcap > 0) z = (double)s->a.softcap * tanh(z / (double)s->a.softcap);
        p[j] = exp(z);
        sum += p[j];
    }
    for (int d = 0; d < VALUE; d++) {
        out[d] = 0;
        for (int64_t j = first; j <= t; j++)
            out[d] +=
                p[j] / sum *
                (double)((const real *)s->values[i])[j * s->value_stride + kv * (VALUE + 2) + d];
    }
}

static void check_values(const layer *s)
{
    for (int i = 0; i < SEQUENCES; i++)
        for (int64_t t = 0; t < s->tokens; t++)
            for (int64_t h = 0; h < HEADS; h++) {
                double expected[VALUE];
                query_truth(s, i, t, h, expected);
                for (int d = 0; d < VALUE; d++)
                    assert_near("out", t, s->sequences[i].out[t * HEADS * VALUE + h * VALUE + d],
                        expected[d]);
            }
}

static void check_gradients(layer *s)
{
    int64_t rows = SEQUENCES * s->tokens;
    backward(s);
    backward(s); /* writes over what is there */
    gradient_loss loss = { .forward = forward,
        .state = s,
        .part = { { s->out, s->dout, rows * HEADS * VALUE } },
        .limit = 20 };
    gradient_check(&loss, "q", s->q, s->dq, rows * HEADS * KEY);
    gradient_check(&loss, "k", s->k, s->dk, rows * s->key_stride);
    gradient_check(&loss, "v", s->v, s->dv, rows * s->value_stride);
    if (s->a.sinks) gradient_check(&loss, "sinks", s->sinks, s->dsinks, HEADS);
}

static const struct {
    attention options;
    int64_t kv_heads, tokens;
    bool sinks;
} cases[] = {
    { { 0 }, HEADS, 9, false },
    { { 0 }, 2, 33, false },
    { { 0 }, 1, 70, false },
    { { .window = 5 }, 2, 40, false },
    { { .window = 40 }, 2, MOST, false },
    { { .window = 1 }, 2, 40, true },
    { { .softcap = REAL_C(1.5) }, 2, 33, false },
    { { .softcap = REAL_C(1.5), .window = 35 }, 1, 90, true },
    { { 0 }, HEADS, 65, true },
};

static void test_cases(void **state)
{
    (void)state;
    static layer s;
    compute *c;
    assert_int_equal(compute_new(2, NULL, &c), CADRE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        layer_fill(&s, c, cases[i].options, cases[i].kv_heads, cases[i].tokens, cases[i].sinks);
        forward(&s);
        check_values(&s);
        check_gradients(&s);
        arena_close(&s.arena);
    }
    compute_free(c);
}

/* The keys of sequence 0 as columns: blocks of [kv_heads, KEY, block]. */
static void keys_in_columns(const layer *s, int64_t block, const void **keys, kv_view *view)
{
    static real columns[(MOST + 64) * HEADS * KEY];
    int64_t heads = s->a.kv_heads, size = heads * KEY * block;
    for (int64_t p = 0; p < s->tokens; p++)
        for (int64_t h = 0; h < heads; h++)
            for (int64_t i = 0; i < KEY; i++)
                columns[p / block * size + (h * KEY + i) * block + p % block] =
                    s->k[p * s->key_stride + h * (KEY + 1) + i];
    for (int64_t b = 0; b * block < s->tokens; b++) keys[b] = columns + b * size;
    view->key_columns = true;
    view->key_stride = block;
    view->key_head = KEY * block;
}

/* Sequence 0 of s again, `piece` queries at a time, from a cache of blocks of `block` keys. */
static void in_pieces(const layer *s, int64_t piece, int64_t block, bool columns, real *out)
{
    const void *keys[MOST], *values[MOST];
    kv_view view = s->sequences[0].kv;
    for (int64_t b = 0; b * block < s->tokens; b++) {
        keys[b] = s->k + b * block * s->key_stride;
        values[b] = s->v + b * block * s->value_stride;
    }
    if (columns) keys_in_columns(s, block, keys, &view);
    view.keys = keys, view.values = values, view.block = block;
    for (int64_t t = 0; t < s->tokens; t += piece) {
        attention_sequence one = s->sequences[0];
        one.first = t;
        one.queries = s->tokens - t < piece ? s->tokens - t : piece;
        one.q += t * one.q_stride;
        one.out = out + t * one.out_stride;
        one.log_sum = NULL;
        one.kv = view;
        attention_forward(s->c, &s->a, &one, 1, &s->scratch);
    }
}

static void test_token_by_token(void **state)
{
    (void)state;
    static layer s;
    static real out[MOST * HEADS * VALUE];
    compute *c;
    assert_int_equal(compute_new(2, NULL, &c), CADRE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        layer_fill(&s, c, cases[i].options, cases[i].kv_heads, cases[i].tokens, cases[i].sinks);
        forward(&s);
        for (int64_t piece = 1; piece <= 31; piece += 10)
            for (int64_t block = 7; block <= 64; block += 57) {
                for (int columns = 0; columns < 2; columns++) {
                    memset(out, 0, sizeof out);
                    in_pieces(&s, piece, block, columns, out);
                    assert_memory_equal(
                        out, s.out, (size_t)(s.tokens * HEADS * VALUE) * sizeof *out);
                }
            }
        arena_close(&s.arena);
    }
    compute_free(c);
}

static void run(compute *c, void *state, real *out)
{
    static layer s;
    (void)state;
    layer_fill(&s, c, (attention){ .window = 37, .softcap = 3 }, 2, MOST, true);
    forward(&s);
    backward(&s);
    real *parts[] = { s.out, s.log_sum, s.dq, s.dk, s.dv, s.dsinks };
    size_t sizes[] = { sizeof s.out, sizeof s.log_sum, sizeof s.dq, sizeof s.dk, sizeof s.dv,
        sizeof s.dsinks };
    for (int i = 0; i < 6; out += sizes[i++] / sizeof *out) memcpy(out, parts[i], sizes[i]);
    arena_close(&s.arena);
}

static void test_same_bits(void **state)
{
    (void)state;
    int64_t rows = SEQUENCES * MOST * HEADS;
    same_bits_check(run, NULL, rows * (2 * KEY + 2 * VALUE + 4) + HEADS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_token_by_token),
        cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

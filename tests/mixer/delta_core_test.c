/* delta_core_test.c - gated delta nets and Kimi delta attention against their definition in double,
 * from a token's row to the row that comes out; the size of a state; where a past ends. */
#include "mixer/delta_core.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/context.h"
#include "mixer/sequence_state.h"
#include "support/gradient.h"

enum { WIDTH = 10, TOKENS = 7, HEADS = 4, KEY = 6, VALUE = 5, TAPS = 3, LOW = 3 };

typedef struct delta_case {
    mixer_config config;
    mixer_weights weights;
    compute *compute;
    real *values[MIXER_PARTS];
    real x[TOKENS * WIDTH], y[TOKENS * WIDTH];
} delta_case;

static void add(delta_case *m, mixer_part part, int64_t rows, int64_t cols)
{
    real *values = m->values[part] = MEM_ARRAY(real, rows * cols);
    assert_non_null(values);
    gradient_fill(values, rows * cols, 10 + (uint64_t)part, 0.6);
    m->weights.part[part] = (weight){ .rows = rows, .cols = cols, .stride = cols, .data = values };
}

static int64_t key_row(const delta_case *m) { return m->config.key_heads * KEY; }
static bool is_kda(const delta_case *m) { return m->config.row == &mixer_kda; }

static void add_projections(delta_case *m)
{
    int64_t values = HEADS * VALUE, keys = key_row(m), low = m->config.low_rank;
    if (is_kda(m)) {
        add(m, MIXER_Q, keys, WIDTH), add(m, MIXER_K, keys, WIDTH);
        add(m, MIXER_V, values, WIDTH);
        add(m, MIXER_CONV_Q, 1, keys * TAPS), add(m, MIXER_CONV_K, 1, keys * TAPS);
        add(m, MIXER_CONV_V, 1, values * TAPS);
    } else {
        add(m, MIXER_DELTA_IN, 2 * keys + values, WIDTH);
        add(m, MIXER_CONV, 1, (2 * keys + values) * TAPS);
    }
    int64_t decays = is_kda(m) ? HEADS * KEY : HEADS;
    if (low) add(m, MIXER_DELTA_DECAY_LOW, low, WIDTH), add(m, MIXER_DELTA_GATE_LOW, low, WIDTH);
    add(m, MIXER_DELTA_DECAY, decays, low ? low : WIDTH);
    add(m, MIXER_DELTA_GATE, values, low ? low : WIDTH);
    add(m, MIXER_DELTA_BETA, HEADS, WIDTH);
    add(m, MIXER_A_LOG, 1, HEADS), add(m, MIXER_DT_BIAS, 1, decays);
    add(m, MIXER_STATE_NORM, 1, VALUE), add(m, MIXER_STATE_OUT, WIDTH, values);
}

static delta_case *begin(const mixer *row, int64_t low, double bound, bool tiled)
{
    delta_case *m = MEM_ARRAY(delta_case, 1);
    assert_non_null(m);
    assert_int_equal(compute_new(2, NULL, &m->compute), CADRE_OK);
    m->config = (mixer_config){ .row = row,
        .width = WIDTH,
        .heads = HEADS,
        .key_heads = row == &mixer_kda ? HEADS : HEADS / 2,
        .head_dim = KEY,
        .value_dim = VALUE,
        .conv = TAPS,
        .norm_eps = 1e-5,
        .low_rank = low,
        .decay_bound = bound,
        .tiled_heads = tiled };
    add_projections(m);
    gradient_fill(m->x, TOKENS * WIDTH, 1, 1);
    return m;
}

static void end(delta_case *m)
{
    for (int i = 0; i < MIXER_PARTS; i++) mem_free(m->values[i]);
    compute_free(m->compute);
    mem_free(m);
}

static void run(delta_case *m)
{
    static const int64_t start[] = { 0, TOKENS };
    batch_limits most = { .tokens = TOKENS, .sequences = 1, .keys = TOKENS };
    token_batch b = { .tokens = TOKENS, .sequences = 1, .start = start };
    mixer_call call = { .compute = m->compute,
        .config = &m->config,
        .weights = &m->weights,
        .batch = &b,
        .most = &most,
        .kept_bytes = m->config.row->kept_bytes(&m->config, &most),
        .workspace_bytes = m->config.row->workspace_bytes(&m->config, &most, 2) };
    call.kept = mem_alloc(call.kept_bytes, 1);
    call.workspace = mem_alloc(call.workspace_bytes, 1);
    assert_non_null(call.kept);
    assert_non_null(call.workspace);
    m->config.row->forward(&call, m->x, m->y);
    mem_free(call.kept);
    mem_free(call.workspace);
}

/* ---- the definition ---- */

static double product(const real *row, const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)row[i] * x[i];
    return sum;
}

/* Element r of what a projection of token t gives, also by way of a small width */
static double projected(const delta_case *m, mixer_part part, mixer_part low, int64_t t, int64_t r)
{
    double x[WIDTH], small[LOW];
    for (int i = 0; i < WIDTH; i++) x[i] = (double)m->x[t * WIDTH + i];
    if (!m->values[low]) return product(m->values[part] + r * WIDTH, x, WIDTH);
    for (int i = 0; i < LOW; i++) small[i] = product(m->values[low] + i * WIDTH, x, WIDTH);
    return product(m->values[part] + r * LOW, small, LOW);
}

/* Channel c of q | k | v: its projection, and its taps */
static double channel(const delta_case *m, int64_t t, int64_t c, const real **taps)
{
    static const mixer_part parts[] = { MIXER_Q, MIXER_K, MIXER_V },
                            convs[] = { MIXER_CONV_Q, MIXER_CONV_K, MIXER_CONV_V };
    int64_t keys = key_row(m), i = c < keys ? 0 : c < 2 * keys ? 1 : 2;
    mixer_part part = is_kda(m) ? parts[i] : MIXER_DELTA_IN,
               conv = is_kda(m) ? convs[i] : MIXER_CONV;
    int64_t row = is_kda(m) ? c - i * keys : c;
    *taps = m->values[conv] + row * TAPS;
    return projected(m, part, MIXER_NOTHING, t, row);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double convolved(const delta_case *m, int64_t t, int64_t c)
{
    double sum = 0;
    const real *taps;
    for (int64_t j = 0; j < TAPS; j++)
        if (t - TAPS + 1 + j >= 0) {
            double u = channel(m, t - TAPS + 1 + j, c, &taps);
            sum += (double)taps[j] * u;
        }
    return sum * sigmoid(sum);
}

static double decay_of(const delta_case *m, int64_t t, int h, int i)
{
    int64_t row = is_kda(m) ? h * KEY + i : h;
    double a = projected(m, MIXER_DELTA_DECAY, MIXER_DELTA_DECAY_LOW, t, row) +
               (double)m->values[MIXER_DT_BIAS][row],
           rate = exp((double)m->values[MIXER_A_LOG][h]);
    if (m->config.decay_bound != 0) return exp(m->config.decay_bound * sigmoid(rate * a));
    return exp(-rate * log1p(exp(a)));
}

/* q or k of a head, of length 1 */
static void unit_row(const delta_case *m, int64_t t, int64_t first, double *row)
{
    double squares = 1e-6;
    for (int i = 0; i < KEY; i++) {
        row[i] = convolved(m, t, first + i);
        squares += row[i] * row[i];
    }
    for (int i = 0; i < KEY; i++) row[i] /= sqrt(squares);
}

static void step(const delta_case *m, int64_t t, int h, double s[KEY][VALUE], double *o)
{
    int64_t keys = key_row(m), groups = m->config.key_heads,
            g = m->config.tiled_heads ? h % groups : h / (HEADS / groups);
    double q[KEY], k[KEY], beta = sigmoid(projected(m, MIXER_DELTA_BETA, MIXER_NOTHING, t, h));
    unit_row(m, t, g * KEY, q);
    unit_row(m, t, keys + g * KEY, k);
    for (int j = 0; j < VALUE; j++) {
        double said = 0, v = convolved(m, t, 2 * keys + h * VALUE + j);
        for (int i = 0; i < KEY; i++) said += (s[i][j] *= decay_of(m, t, h, i)) * k[i];
        o[j] = 0;
        for (int i = 0; i < KEY; i++) {
            s[i][j] += k[i] * beta * (v - said);
            o[j] += s[i][j] * q[i] / sqrt(KEY);
        }
    }
}

/* What comes of a head's o before the last projection */
static void gate_head(const delta_case *m, int64_t t, int h, const double *o, double *out)
{
    double squares = 0;
    for (int j = 0; j < VALUE; j++) squares += o[j] * o[j] / VALUE;
    for (int j = 0; j < VALUE; j++) {
        double z = projected(m, MIXER_DELTA_GATE, MIXER_DELTA_GATE_LOW, t, h * VALUE + j),
               gate = is_kda(m) ? sigmoid(z) : z * sigmoid(z);
        out[j] = o[j] / sqrt(squares + 1e-5) * (double)m->values[MIXER_STATE_NORM][j] * gate;
    }
}

static void check_definition(const mixer *row, int64_t low, double bound, bool tiled)
{
    static double states[HEADS][KEY][VALUE];
    delta_case *m = begin(row, low, bound, tiled);
    run(m);
    memset(states, 0, sizeof states);
    for (int64_t t = 0; t < TOKENS; t++) {
        double out[HEADS * VALUE], o[VALUE];
        for (int h = 0; h < HEADS; h++) {
            step(m, t, h, states[h], o);
            gate_head(m, t, h, o, out + h * VALUE);
        }
        for (int i = 0; i < WIDTH; i++) {
            double y = product(m->values[MIXER_STATE_OUT] + i * HEADS * VALUE, out, HEADS * VALUE);
            assert_true(fabs((double)m->y[t * WIDTH + i] - y) < 2e-4);
        }
    }
    end(m);
}

static void delta_nets_are_as_defined(void **state)
{
    (void)state;
    check_definition(&mixer_gated_delta, 0, 0, false);
    check_definition(&mixer_gated_delta, 0, 0, true);
}

static void kimi_attention_is_as_defined(void **state)
{
    (void)state;
    check_definition(&mixer_kda, LOW, 0, false);
    check_definition(&mixer_kda, 0, -5, false);
}

/* ---- states ---- */

/* The inputs of the convolutions, and a matrix for each head */
static void a_state_has_one_size(void **state)
{
    (void)state;
    delta_case *net = begin(&mixer_gated_delta, 0, 0, false), *kda = begin(&mixer_kda, 0, 0, false);
    mixer_state_size a = mixer_gated_delta.state(&net->config), b = mixer_kda.state(&kda->config);
    assert_int_equal(a.fixed, (TAPS - 1) * (2 * 2 * KEY + HEADS * VALUE) + HEADS * KEY * VALUE);
    assert_int_equal(b.fixed, (TAPS - 1) * (2 * HEADS * KEY + HEADS * VALUE) + HEADS * KEY * VALUE);
    assert_true(!a.key_row && !a.value_row && !b.key_row && !b.value_row);
    assert_false(mixer_gated_delta.rewinds || mixer_kda.rewinds);
    end(net);
    end(kda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delta_nets_are_as_defined),
        cmocka_unit_test(kimi_attention_is_as_defined),
        cmocka_unit_test(a_state_has_one_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* mamba2_test.c - a Mamba-2 layer against its definition, step by step in double: the order of
 * what a projection gives, the convolution before its activation, the gate before the norm, and
 * groups of heads; and blocks without a token mixer. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "kernel/context.h"
#include "mixer/mixer.h"
#include "support/gradient.h"
#include "support/near.h"

enum {
    WIDTH = 7,
    LENGTH = 11,
    HEADS = 6,
    DIM = 2,
    STATE = 3,
    GROUPS = 2,
    TAPS = 4,
    INNER = HEADS * DIM,
    CHANNELS = INNER + 2 * GROUPS * STATE,
    IN = INNER + CHANNELS + HEADS
};

typedef struct parameters {
    real in[IN * WIDTH], taps[CHANNELS * TAPS], bias[CHANNELS], a_log[HEADS], dt_bias[HEADS],
        d[HEADS], gain[INNER], out[WIDTH * INNER], x[LENGTH * WIDTH];
} parameters;

static const mixer_config config = { .row = &mixer_mamba2,
    .width = WIDTH,
    .conv = TAPS,
    .norm_eps = 1e-3,
    .state_heads = HEADS,
    .state_head_dim = DIM,
    .state_dim = STATE,
    .state_groups = GROUPS };

static void fill(parameters *p)
{
    gradient_fill(p->in, IN * WIDTH, 1, 0.7);
    gradient_fill(p->taps, CHANNELS * TAPS, 2, 0.7);
    gradient_fill(p->bias, CHANNELS, 3, 0.5);
    gradient_fill(p->a_log, HEADS, 4, 1);
    gradient_fill(p->dt_bias, HEADS, 5, 1);
    gradient_fill(p->d, HEADS, 6, 1);
    gradient_fill(p->gain, INNER, 7, 1);
    gradient_fill(p->out, WIDTH * INNER, 8, 0.7);
    gradient_fill(p->x, LENGTH * WIDTH, 9, 1);
}

/* ---- the definition ---- */

typedef struct truth {
    double in[LENGTH][IN], u[LENGTH][CHANNELS], o[LENGTH][INNER], y[LENGTH][WIDTH];
} truth;

static double silu(double x) { return x / (1 + exp(-x)); }
static double softplus(double x) { return log1p(exp(x)); }

static void project_in(const parameters *p, bool biased, truth *t)
{
    for (int i = 0; i < LENGTH; i++) {
        for (int r = 0; r < IN; r++)
            for (int c = 0; c < WIDTH; c++)
                t->in[i][r] += (double)p->in[r * WIDTH + c] * (double)p->x[i * WIDTH + c];
        for (int c = 0; c < CHANNELS; c++) {
            double sum = biased ? (double)p->bias[c] : 0;
            for (int j = 0; j < TAPS && j <= i; j++)
                sum += (double)p->taps[c * TAPS + TAPS - 1 - j] * t->in[i - j][INNER + c];
            t->u[i][c] = silu(sum);
        }
    }
}

static void read_and_write_states(const parameters *p, truth *t)
{
    double h[INNER][STATE] = { 0 };
    for (int i = 0; i < LENGTH; i++)
        for (int e = 0; e < INNER; e++) {
            int head = e / DIM, group = head * GROUPS / HEADS;
            const double *u = t->u[i], *b = u + INNER + group * STATE, *c = b + GROUPS * STATE;
            double dt = softplus(t->in[i][INNER + CHANNELS + head] + (double)p->dt_bias[head]);
            double keep = exp(-dt * exp((double)p->a_log[head]));
            t->o[i][e] = (double)p->d[head] * u[e];
            for (int n = 0; n < STATE; n++) {
                h[e][n] = keep * h[e][n] + dt * u[e] * b[n];
                t->o[i][e] += h[e][n] * c[n];
            }
        }
}

static void gate_and_project(const parameters *p, truth *t)
{
    const int size = INNER / GROUPS;
    for (int i = 0; i < LENGTH; i++) {
        double normed[INNER];
        for (int e = 0; e < INNER; e++) t->o[i][e] *= silu(t->in[i][e]);
        for (int g = 0; g < GROUPS; g++) {
            double squares = 0;
            for (int e = g * size; e < (g + 1) * size; e++) squares += t->o[i][e] * t->o[i][e];
            for (int e = g * size; e < (g + 1) * size; e++)
                normed[e] =
                    t->o[i][e] / sqrt(squares / size + config.norm_eps) * (double)p->gain[e];
        }
        for (int r = 0; r < WIDTH; r++)
            for (int e = 0; e < INNER; e++) t->y[i][r] += normed[e] * (double)p->out[r * INNER + e];
    }
}

/* ---- the mixer ---- */

static weight part_of(const real *data, int64_t rows, int64_t cols)
{
    return (weight){ .rows = rows, .cols = cols, .stride = cols, .data = data };
}

static void run(const mixer_config *c, const mixer_weights *w, const real *x, real *y)
{
    static const int64_t start[] = { 0, LENGTH };
    const batch_limits most = { .tokens = LENGTH, .sequences = 1, .keys = LENGTH };
    const token_batch batch = { .tokens = LENGTH, .sequences = 1, .start = start };
    compute *on;
    assert_int_equal(compute_new(2, NULL, &on), CADRE_OK);
    mixer_call call = { .compute = on,
        .config = c,
        .weights = w,
        .batch = &batch,
        .most = &most,
        .kept_bytes = c->row->kept_bytes(c, &most),
        .workspace_bytes = c->row->workspace_bytes(c, &most, on->workers) };
    call.kept = mem_alloc(call.kept_bytes + 1, 1);
    call.workspace = mem_alloc(call.workspace_bytes + 1, 1);
    assert_true(call.kept && call.workspace);
    c->row->forward(&call, x, y);
    mem_free(call.kept);
    mem_free(call.workspace);
    compute_free(on);
}

static void a_layer_is_its_definition(void **state)
{
    (void)state;
    static parameters p;
    fill(&p);
    for (int biased = 0; biased < 2; biased++) {
        static truth t;
        real y[LENGTH * WIDTH];
        mixer_weights w = { 0 };
        w.part[MIXER_STATE_IN] = part_of(p.in, IN, WIDTH);
        w.part[MIXER_CONV] = part_of(p.taps, 1, CHANNELS * TAPS);
        if (biased) w.part[MIXER_CONV_BIAS] = part_of(p.bias, 1, CHANNELS);
        w.part[MIXER_A_LOG] = part_of(p.a_log, 1, HEADS);
        w.part[MIXER_DT_BIAS] = part_of(p.dt_bias, 1, HEADS);
        w.part[MIXER_STATE_D] = part_of(p.d, 1, HEADS);
        w.part[MIXER_STATE_NORM] = part_of(p.gain, 1, INNER);
        w.part[MIXER_STATE_OUT] = part_of(p.out, WIDTH, INNER);
        t = (truth){ 0 };
        project_in(&p, biased, &t);
        read_and_write_states(&p, &t);
        gate_and_project(&p, &t);
        run(&config, &w, p.x, y);
        for (int i = 0; i < LENGTH * WIDTH; i++)
            assert_near("y", i, y[i], t.y[i / WIDTH][i % WIDTH]);
    }
}

/* The convolution's last inputs, and a state for each element of each head */
static void a_state_has_its_size_whatever_the_length(void **unused)
{
    (void)unused;
    mixer_state_size s = mixer_mamba2.state(&config);
    assert_int_equal(s.fixed, (TAPS - 1) * CHANNELS + INNER * STATE);
    assert_true(s.key_row == 0 && s.value_row == 0 && !mixer_mamba2.rewinds);
}

static void no_mixer_gives_zeros_and_keeps_nothing(void **unused)
{
    (void)unused;
    const mixer_config none = { .row = &mixer_none, .width = WIDTH };
    const mixer_weights w = { 0 };
    const mixer_state_size s = mixer_none.state(&none);
    real x[LENGTH * WIDTH], y[LENGTH * WIDTH];
    gradient_fill(x, LENGTH * WIDTH, 9, 1);
    gradient_fill(y, LENGTH * WIDTH, 10, 1);
    run(&none, &w, x, y);
    for (int i = 0; i < LENGTH * WIDTH; i++) assert_true(y[i] == 0);
    assert_true(s.fixed == 0 && s.key_row == 0 && mixer_none.rewinds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layer_is_its_definition),
        cmocka_unit_test(a_state_has_its_size_whatever_the_length),
        cmocka_unit_test(no_mixer_gives_zeros_and_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

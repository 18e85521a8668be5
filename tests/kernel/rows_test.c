/* rows_test.c - the row kernels: accuracy against the C library, special values, the same bits in
 * every variant. */
#include "kernel/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/variant.h"
#include "support/gradient.h"

enum { MOST = 4096 };

static const row_kernels *portable(void)
{
    int count;
    return variant_list(&count)[0]->rows;
}

/* How far y is from the true value, in units of its last place. */
static double ulps(real y, double truth)
{
    real rounded = (real)truth;
    double unit = REAL_IS_DOUBLE ? 2.220446049250313e-16 : 1.1920928955078125e-07;
    double place = ldexp(unit, ilogb(rounded != 0 ? fabs((double)rounded) : 1e-30));
    return fabs((double)y - truth) / place;
}

typedef void (*row_map)(int64_t n, const real *x, real *y);

static double worst_ulps(row_map map, double (*truth)(double), double from, double to)
{
    real x[64], y[64];
    double worst = 0;
    for (int i = 0; i < 4000; i++) {
        for (int j = 0; j < 64; j++)
            x[j] = (real)(from + (to - from) * (64.0 * i + j + 0.37) / (64 * 4000));
        map(64, x, y);
        for (int j = 0; j < 64; j++) worst = fmax(worst, ulps(y[j], truth((double)x[j])));
    }
    return worst;
}

static double sigmoid_truth(double x) { return 1 / (1 + exp(-x)); }
static double softplus_truth(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }

static void test_accuracy(void **state)
{
    (void)state;
    const row_kernels *r = portable();
    assert_true(worst_ulps(r->exp, exp, -87.3, 88.7) < 1.1);
    assert_true(worst_ulps(r->exp, exp, -1, 1) < 1.1);
    assert_true(worst_ulps(r->log, log, 1e-6, 2) < 2);
    assert_true(worst_ulps(r->log, log, 1, 1e6) < 2);
    assert_true(worst_ulps(r->tanh, tanh, -1, 1) < 2);
    assert_true(worst_ulps(r->tanh, tanh, -12, 12) < 2);
    assert_true(worst_ulps(r->sigmoid, sigmoid_truth, -80, 80) < 3);
    assert_true(worst_ulps(r->softplus, softplus_truth, -80, 80) < 4);
    assert_true(worst_ulps(r->softplus, softplus_truth, -12, 3) < 4);
}

/* erf is seen through gelu: x (1 + erf(x / sqrt 2)) / 2 */
static void test_erf(void **state)
{
    (void)state;
    const row_activation *gelu = row_activation_by_name(portable(), "gelu");
    for (int i = -6000; i <= 6000; i++) {
        real x = (real)(i * 1e-3), y;
        gelu->forward(1, &x, NULL, 0, &y);
        double z = (double)x, truth = z * 0.5 * (1 + erf(z / sqrt(2.0)));
        assert_true(fabs((double)y - truth) <= 1.5e-7 * fmax(fabs(z), 1e-3));
    }
}

static void test_special_values(void **state)
{
    (void)state;
    const row_kernels *r = portable();
    real x[6] = { -REAL_INF, REAL_INF, (real)NAN, 0, -1000, 1000 }, y[6];
    r->exp(6, x, y);
    assert_true(
        y[0] == 0 && y[1] == REAL_INF && isnan(y[2]) && y[3] == 1 && y[4] == 0 && y[5] == REAL_INF);
    r->tanh(6, x, y);
    assert_true(y[0] == -1 && y[1] == 1 && isnan(y[2]) && y[3] == 0 && y[4] == -1 && y[5] == 1);
    r->sigmoid(6, x, y);
    assert_true(
        y[0] == 0 && y[1] == 1 && isnan(y[2]) && y[3] == REAL_C(0.5) && y[4] == 0 && y[5] == 1);
    r->softplus(6, x, y);
    assert_true(y[0] == 0 && y[1] == REAL_INF && isnan(y[2]) && y[4] == 0 && y[5] == 1000);
    r->log(6, x, y);
    assert_true(isnan(y[0]) && y[1] == REAL_INF && isnan(y[2]) && y[3] == -REAL_INF && isnan(y[4]));
    assert_true(r->max(6, x) == REAL_INF);
    assert_true(r->max(0, x) == -REAL_INF);
    real hidden[40], p[40];
    for (int i = 0; i < 40; i++) hidden[i] = -REAL_INF;
    assert_true(r->softmax(40, hidden, p) == -REAL_INF);
    for (int i = 0; i < 40; i++) assert_true(p[i] == 0);
    assert_true(r->log_sum_exp(40, hidden) == -REAL_INF);
}

/* Kernels of other optimisers than AdamW; returns what they wrote */
static int64_t run_optimizers(
    const row_kernels *r, int64_t n, const real *x, const real *y, const real *z, real *out)
{
    real *o = out, *w = o, *m = o + n;
    memcpy(w, x, (size_t)n * sizeof *o), memcpy(m, y, (size_t)n * sizeof *o);
    r->sgd(n, w, m, z, REAL_C(0.5), 1e-3, 0.9, 0.1), o += 2 * n;
    memcpy(o, y, (size_t)n * sizeof *o);
    r->momentum(n, o, z, REAL_C(0.5), 0.95, o + n), o += 2 * n;
    r->adafactor(n, z, REAL_C(0.5), REAL_C(0.3), x, REAL_C(1e-6), o), o += n;
    memcpy(o, y, (size_t)n * sizeof *o);
    r->add_squares(n, REAL_C(0.7), x, o), o += n;
    r->combine(n, REAL_C(0.7), x, -3, z, o), o += n;
    return o - out;
}

/* Every kernel once over n numbers; what it wrote goes into `out`, the results one after
 * another. */
static int64_t run_all(
    const row_kernels *r, int64_t n, const real *x, const real *y, const real *z, real *out)
{
    real *o = out;
    *o++ = r->dot(n, x, y);
    *o++ = r->sum(n, x);
    double squares = r->sum_squares(n, x);
    memcpy(o++, &squares, sizeof *o);
    *o++ = r->max(n, x);
    row_map maps[] = { r->exp, r->log, r->sigmoid, r->tanh, r->softplus };
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++, o += n) maps[i](n, x, o);
    memcpy(o, y, (size_t)n * sizeof *o), r->add(n, x, o), o += n;
    memcpy(o, y, (size_t)n * sizeof *o), r->axpy(n, REAL_C(0.7), x, o), o += n;
    r->scale(n, REAL_C(1.3), x, o), o += n;
    r->multiply(n, x, y, o), o += n;
    r->exp_minus(n, x, REAL_C(0.4), o), o += n;
    *o++ = r->log_sum_exp(n, x);
    *o = r->softmax(n, x, o + 1), o += n + 1;
    *o = r->softmax_sink(n, x, REAL_C(0.3), o + 1), o += n + 1;
    r->softmax_backward(n, x, y, o), o += n;
    r->softmax_delta(n, x, y, REAL_C(0.2), o), o += n;
    r->state_step(1, n, REAL_C(0.8), z, x, y, z, o + 1, o), o += n + 1;
    if (n > 0) {
        *o = r->rms_norm(n, x, y, REAL_C(1e-6), o + 1), o += n + 1;
        memcpy(o, z, (size_t)n * sizeof *o), r->rms_norm_backward(n, x, y, REAL_C(0.9), z, true, o),
            o += n;
        r->rms_norm_backward(n, x, y, REAL_C(0.9), z, false, o), o += n;
        memcpy(o, z, (size_t)n * sizeof *o), r->rms_norm_gain(n, x, REAL_C(0.9), y, o), o += n;
        memcpy(o, x, (size_t)n * sizeof *o);
        *o = r->cross_entropy(n, o, n / 2, REAL_C(0.01)), o += n;
    }
    memcpy(o, x, (size_t)n * sizeof *o), r->rotate_halves(n / 2, y, z, 1, o), o += n;
    memcpy(o, x, (size_t)n * sizeof *o), r->rotate_pairs(n / 2, y, z, -1, o), o += n;
    real *w = o, *m = o + n, *v = o + 2 * n;
    memcpy(w, x, (size_t)n * sizeof *o), memcpy(m, y, (size_t)n * sizeof *o);
    r->multiply(n, z, z, v);
    r->adamw(n, w, m, v, z, REAL_C(0.5), 1e-3, 0.9, 0.95, 1e-8, 0.1, 0.3, 0.2), o += 3 * n;
    o += run_optimizers(r, n, x, y, z, o);
    for (int i = 0; i < r->activation_count; i++, o += 3 * n) {
        r->activations[i].forward(n, x, y, 2, o);
        r->activations[i].backward(
            n, x, y, 2, z, o + n, r->activations[i].inputs == 2 ? o + 2 * n : NULL);
    }
    return o - out;
}

static void test_variants(void **state)
{
    (void)state;
    static real x[MOST], y[MOST], z[MOST], expected[64 * MOST], got[64 * MOST];
    gradient_fill(x, MOST, 1, 2);
    gradient_fill(y, MOST, 2, 2);
    gradient_fill(z, MOST, 3, 2);
    int count;
    const kernel_variant *const *list = variant_list(&count);
    for (int v = 1; v < count; v++) {
        if (list[v]->needs & ~cpu_features()) {
            print_message("SKIP: this machine cannot run the variant: %s\n", list[v]->name);
            continue;
        }
        for (int64_t n = 0; n < MOST; n += n < 70 ? 1 : 487) {
            memset(expected, 0, sizeof expected), memset(got, 0, sizeof got);
            int64_t written = run_all(portable(), n, x, y, z, expected);
            assert_int_equal(run_all(list[v]->rows, n, x, y, z, got), written);
            for (int64_t i = 0; i < written; i++)
                if (memcmp(&got[i], &expected[i], sizeof *got) != 0)
                    fail_msg("%s, n %lld: result %lld is %.9g, portable gives %.9g", list[v]->name,
                        (long long)n, (long long)i, (double)got[i], (double)expected[i]);
        }
    }
}

/* Masked keys before and after the row change no bit. */
/* One token of the gated delta rule: what each variant gives is what the portable one gives. */
enum { DELTA_ROWS = 9, DELTA_COLUMNS = 70 };

typedef struct delta_case {
    real before[DELTA_ROWS * DELTA_COLUMNS], decay[DELTA_ROWS], query[DELTA_ROWS], key[DELTA_ROWS],
        value[DELTA_COLUMNS];
} delta_case;

typedef struct delta_results {
    real after[DELTA_ROWS * DELTA_COLUMNS], change[DELTA_COLUMNS], out[DELTA_COLUMNS];
} delta_results;

static void run_delta(const row_kernels *r, const delta_case *c, int64_t rows, int64_t columns,
    bool in_place, delta_results *got)
{
    row_delta d = { .rows = rows,
        .columns = columns,
        .decay = c->decay,
        .decay_step = columns % 2,
        .query = c->query,
        .key = c->key,
        .value = c->value,
        .beta = REAL_C(0.6),
        .before = in_place ? got->after : c->before,
        .after = got->after,
        .change = got->change,
        .out = got->out };
    memset(got, 0, sizeof *got);
    if (in_place) memcpy(got->after, c->before, sizeof got->after);
    r->delta_step(&d);
    if (in_place)
        for (int64_t i = rows * columns; i < DELTA_ROWS * DELTA_COLUMNS; i++) got->after[i] = 0;
}

static void test_delta_variants(void **state)
{
    (void)state;
    static delta_case c;
    static delta_results expected, got;
    gradient_fill((real *)&c, sizeof c / sizeof(real), 4, 1);
    int count;
    const kernel_variant *const *list = variant_list(&count);
    for (int64_t rows = 1; rows <= DELTA_ROWS; rows++)
        for (int64_t columns = 1; columns <= DELTA_COLUMNS; columns++) {
            run_delta(portable(), &c, rows, columns, false, &expected);
            for (int v = 0; v < count; v++) {
                if (list[v]->needs & ~cpu_features()) continue;
                for (int in_place = 0; in_place < 2; in_place++) {
                    run_delta(list[v]->rows, &c, rows, columns, in_place, &got);
                    assert_memory_equal(&got, &expected, sizeof got);
                }
            }
        }
}

static void test_masked_batch_invariance(void **state)
{
    (void)state;
    const row_kernels *r = portable();
    real x[256], p[256], alone[256], v[256];
    gradient_fill(v, 256, 4, 1);
    for (int n = 1; n < 100; n++)
        for (int before = 0; before <= 70; before += 7) {
            for (int i = 0; i < 256; i++) x[i] = -REAL_INF;
            gradient_fill(x + before, n, 5, 3);
            real sum = r->softmax(n, x + before, alone), masked = r->softmax(before + n + 50, x, p);
            assert_memory_equal(&sum, &masked, sizeof sum);
            assert_memory_equal(alone, p + before, (size_t)n * sizeof *p);
            real dot = r->dot(n, alone, v + before), padded = r->dot(before + n + 50, p, v);
            assert_memory_equal(&dot, &padded, sizeof dot);
        }
}

static void near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance * fmax(1, fabs(expected))))
        fail_msg("%.9g, expected %.9g", got, expected);
}

static void test_softmax(void **state)
{
    (void)state;
    const row_kernels *r = portable();
    real x[77], p[77], dp[77], dx[77];
    gradient_fill(x, 77, 6, 3);
    gradient_fill(dp, 77, 7, 1);
    double sum = 0, sunk = exp(1.5), inner = 0;
    for (int i = 0; i < 77; i++) sum += exp((double)x[i]);
    sunk += sum;
    near((double)r->softmax_sink(77, x, REAL_C(1.5), p), log(sunk), 1e-6);
    for (int i = 0; i < 77; i++) near((double)p[i], exp((double)x[i]) / sunk, 1e-6);
    near((double)r->softmax(77, x, p), log(sum), 1e-6);
    near((double)r->log_sum_exp(77, x), log(sum), 1e-6);
    for (int i = 0; i < 77; i++) near((double)p[i], exp((double)x[i]) / sum, 1e-6);
    for (int i = 0; i < 77; i++) inner += exp((double)x[i]) / sum * (double)dp[i];
    r->softmax_backward(77, p, dp, dx);
    for (int i = 0; i < 77; i++)
        near((double)dx[i], exp((double)x[i]) / sum * ((double)dp[i] - inner), 1e-6);
}

static void test_cross_entropy(void **state)
{
    (void)state;
    real x[1000], logits[1000];
    gradient_fill(x, 1000, 8, 3);
    memcpy(logits, x, sizeof x);
    double sum = 0;
    for (int i = 0; i < 1000; i++) sum += exp((double)x[i]);
    near((double)portable()->cross_entropy(1000, logits, 17, REAL_C(0.5)), log(sum) - (double)x[17],
        1e-6);
    for (int i = 0; i < 1000; i++)
        near((double)logits[i], 0.5 * (exp((double)x[i]) / sum - (i == 17)), 1e-6);
}

static void test_norm(void **state)
{
    (void)state;
    real x[100], gain[100], y[100];
    gradient_fill(x, 100, 9, 2);
    gradient_fill(gain, 100, 10, 1);
    double squares = 0;
    for (int i = 0; i < 100; i++) squares += (double)x[i] * (double)x[i];
    near(portable()->sum_squares(100, x), squares, 1e-12);
    double r = 1 / sqrt(squares / 100 + 1e-5);
    near((double)portable()->rms_norm(100, x, gain, REAL_C(1e-5), y), r, 1e-6);
    for (int i = 0; i < 100; i++) near((double)y[i], (double)x[i] * r * (double)gain[i], 1e-6);
}

/* Three steps of torch.optim.AdamW(lr 0.01, betas (0.9, 0.95), eps 1e-8, weight_decay 0.1) from
 * 0.5, gradients 0.3, -0.2, 0.1. */
static void test_adamw(void **state)
{
    (void)state;
    double w = 0.5, m = 0, v = 0;
    real rw = REAL_C(0.5), rm = 0, rv = 0;
    const double grads[] = { 0.3, -0.2, 0.1 };
    for (int t = 1; t <= 3; t++) {
        double g = grads[t - 1], c1 = 1 - pow(0.9, t), c2 = 1 - pow(0.95, t);
        real half = (real)(g * 2);
        portable()->adamw(1, &rw, &rm, &rv, &half, REAL_C(0.5), 0.01, 0.9, 0.95, 1e-8, 0.1, c1, c2);
        w *= 1 - 0.01 * 0.1;
        m = 0.9 * m + 0.1 * g;
        v = 0.95 * v + 0.05 * g * g;
        w -= 0.01 * (m / c1) / (sqrt(v / c2) + 1e-8);
        near((double)rw, w, 1e-6);
    }
    near((double)rw, 0.4842447903, 1e-6);
}

static void test_rotation(void **state)
{
    (void)state;
    real x[6] = { 1, 2, 3, 4, 5, 6 }, cosine[3] = { REAL_C(0.8), 1, 0 },
         sine[3] = { REAL_C(0.6), 0, 1 };
    const double halves[6] = { 0.8 - 2.4, 2, -6, 3.2 + 0.6, 5, 3 },
                 pairs[6] = { 0.8 - 1.2, 1.6 + 0.6, 3, 4, -6, 5 };
    portable()->rotate_halves(3, cosine, sine, 1, x);
    for (int i = 0; i < 6; i++) near((double)x[i], halves[i], 1e-6);
    portable()->rotate_halves(3, cosine, sine, -1, x);
    for (int i = 0; i < 6; i++) near((double)x[i], i + 1, 1e-6);
    portable()->rotate_pairs(3, cosine, sine, 1, x);
    for (int i = 0; i < 6; i++) near((double)x[i], pairs[i], 1e-6);
}

/* ---- states ---- */

static void test_state_step(void **state)
{
    (void)state;
    enum { ROWS = 3, N = 37 };
    real from[ROWS * N], to[ROWS * N], b[N], c[N], u[ROWS], y[ROWS];
    gradient_fill(from, ROWS * N, 21, 1);
    gradient_fill(b, N, 22, 1);
    gradient_fill(c, N, 23, 1);
    gradient_fill(u, ROWS, 24, 1);
    portable()->state_step(ROWS, N, REAL_C(0.5), u, b, c, from, to, y);
    for (int i = 0; i < ROWS; i++) {
        double sum = 0;
        for (int j = 0; j < N; j++) {
            double h = 0.5 * (double)from[i * N + j] + (double)u[i] * (double)b[j];
            near((double)to[i * N + j], h, 1e-6);
            sum += h * (double)c[j];
        }
        near((double)y[i], sum, 1e-5);
    }
    real again[ROWS];
    portable()->state_step(ROWS, N, REAL_C(0.5), u, b, c, from, from, again); /* in place */
    assert_memory_equal(from, to, sizeof to);
    assert_memory_equal(again, y, sizeof y);
}

/* ---- activations ---- */

static double gelu_tanh_truth(double g)
{
    return 0.5 * g * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (g + 0.044715 * g * g * g)));
}

static double gelu_truth(double g) { return 0.5 * g * (1 + erf(g / sqrt(2.0))); }

static double activation_truth(const char *name, double g, double u, double limit)
{
    double gate = fmin(g, limit), up = fmax(fmin(u, limit), -limit);
    if (!strcmp(name, "relu")) return fmax(g, 0);
    if (!strcmp(name, "relu2")) return fmax(g, 0) * fmax(g, 0);
    if (!strcmp(name, "gelu")) return gelu_truth(g);
    if (!strcmp(name, "gelu_tanh")) return gelu_tanh_truth(g);
    if (!strcmp(name, "silu")) return g * sigmoid_truth(g);
    if (!strcmp(name, "geglu")) return gelu_tanh_truth(g) * u;
    if (!strcmp(name, "geglu_erf")) return gelu_truth(g) * u;
    if (!strcmp(name, "swiglu")) return g * sigmoid_truth(g) * u;
    if (!strcmp(name, "gpt-oss")) return (up + 1) * gate * sigmoid_truth(1.702 * gate);
    fail_msg("no truth for %s", name);
    return 0;
}

static void test_activation_values(void **state)
{
    (void)state;
    real g[301], u[301], h[301];
    gradient_fill(g, 301, 11, 4);
    gradient_fill(u, 301, 12, 4);
    for (int i = 0; i < portable()->activation_count; i++) {
        const row_activation *a = &portable()->activations[i];
        a->forward(301, g, u, 3, h);
        for (int j = 0; j < 301; j++)
            near((double)h[j], activation_truth(a->name, (double)g[j], (double)u[j], 3), 1e-6);
        assert_ptr_equal(row_activation_by_name(portable(), a->name), a);
    }
    assert_null(row_activation_by_name(portable(), "no such"));
}

static void test_gptoss_worked(void **state)
{
    (void)state;
    const real g[4] = { 1, 8, -2, 12 }, u[4] = { REAL_C(0.5), -9, 3, 11 };
    const double expected[4] = { 1.268694, -41.999719, -0.257366, 55.999625 };
    real h[4];
    row_activation_by_name(portable(), "gpt-oss")->forward(4, g, u, 7, h);
    for (int i = 0; i < 4; i++) near((double)h[i], expected[i], 1e-6);
}

typedef struct activation_state {
    const row_activation *a;
    real g[50], u[50], h[50];
} activation_state;

static void activation_forward(void *state)
{
    activation_state *s = state;
    s->a->forward(50, s->g, s->u, 3, s->h);
}

/* Values that stand within a difference's reach of a kink (0, the clamps) move away from it. */
static void leave_kinks(real *values, int count)
{
    for (int i = 0; i < count; i++)
        for (int kink = -3; kink <= 3; kink += 3)
            if (real_fabs(values[i] - (real)kink) < REAL_C(0.03))
                values[i] = (real)kink + REAL_C(0.1);
}

static void test_activation_gradients(void **state)
{
    (void)state;
    activation_state s;
    real dh[50], dg[50], du[50];
    gradient_fill(dh, 50, 15, 1);
    for (int i = 0; i < portable()->activation_count; i++) {
        s.a = &portable()->activations[i];
        gradient_fill(s.g, 50, 13, 3);
        gradient_fill(s.u, 50, 14, 3);
        leave_kinks(s.g, 50);
        leave_kinks(s.u, 50);
        s.a->backward(50, s.g, s.u, 3, dh, dg, du);
        gradient_loss loss = {
            .forward = activation_forward, .state = &s, .part = { { s.h, dh, 50 } }
        };
        gradient_check(&loss, s.a->name, s.g, dg, 50);
        if (s.a->inputs == 2) gradient_check(&loss, s.a->name, s.u, du, 50);
        real in_place[50];
        memcpy(in_place, dh, sizeof dh);
        s.a->backward(50, s.g, s.u, 3, in_place, in_place, du); /* dg in place of dh */
        assert_memory_equal(in_place, dg, sizeof dg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accuracy),
        cmocka_unit_test(test_erf),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_delta_variants),
        cmocka_unit_test(test_masked_batch_invariance),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_cross_entropy),
        cmocka_unit_test(test_norm),
        cmocka_unit_test(test_adamw),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_state_step),
        cmocka_unit_test(test_activation_values),
        cmocka_unit_test(test_gptoss_worked),
        cmocka_unit_test(test_activation_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

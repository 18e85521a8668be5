/* rows_template.h - the row kernels, in one source for all variants.
 *
 * Each instantiation (rows_avx2.c ...) defines ROWS, the name of its table, and VECTOR_BYTES, the
 * width of its registers, and includes this file under its own compiler flags. Vectors are the
 * compiler's vector types; there are no intrinsics. */
#include "kernel/rows.h"

#include "kernel/rows_vector.h"

#include "kernel/rows_math.h"

#include "kernel/rows_activation.h"

#include "kernel/rows_delta.h"

/* ---- sums ---- */

FORCE_INLINE vec step_dot(vec sum, vec x, vec y, vec z)
{
    (void)z;
    return sum + x * y;
}
FORCE_INLINE vec step_sum(vec sum, vec x, vec y, vec z)
{
    (void)y, (void)z;
    return sum + x;
}
FORCE_INLINE vec step_max(vec top, vec x, vec y, vec z)
{
    (void)y, (void)z;
    return vec_max(x, top);
}
FORCE_INLINE vec step_dot3(vec sum, vec x, vec y, vec z) { return sum + x * y * z; }

static real dot_rows(int64_t n, const real *x, const real *y)
{
    return reduce(step_dot, join_sum, n, 0, 0, x, y, x);
}
static real sum_rows(int64_t n, const real *x)
{
    return reduce(step_sum, join_sum, n, 0, 0, x, x, x);
}
static real max_rows(int64_t n, const real *x)
{
    return reduce(step_max, vec_max, n, -REAL_INF, -REAL_INF, x, x, x);
}

static double sum_squares_rows(int64_t n, const real *x)
{
    /* Plain loops, which the compiler vectorises without mixing the lanes */
    double lane[ROW_LANES] = { 0 };
    int64_t i = 0;
    for (; i + ROW_LANES <= n; i += ROW_LANES)
        for (int j = 0; j < ROW_LANES; j++) lane[j] += (double)x[i + j] * (double)x[i + j];
    for (int j = 0; i + j < n; j++) lane[j] += (double)x[i + j] * (double)x[i + j];
    for (int h = ROW_LANES / 2; h > 0; h /= 2)
        for (int j = 0; j < h; j++) lane[j] += lane[j + h];
    return lane[0];
}

/* ---- elementwise ---- */

FORCE_INLINE vec each_add(vec x, vec y, vec a)
{
    (void)a;
    return y + x;
}
FORCE_INLINE vec each_axpy(vec x, vec y, vec a) { return y + a * x; }
FORCE_INLINE vec each_scale(vec x, vec a) { return a * x; }
FORCE_INLINE vec each_multiply(vec x, vec y, vec a)
{
    (void)a;
    return x * y;
}
FORCE_INLINE vec each_exp(vec x, vec shift) { return vec_exp(x - shift); }
FORCE_INLINE vec each_log(vec x, vec a)
{
    (void)a;
    return vec_log(x);
}
FORCE_INLINE vec each_sigmoid(vec x, vec a)
{
    (void)a;
    return vec_sigmoid(x);
}
FORCE_INLINE vec each_tanh(vec x, vec a)
{
    (void)a;
    return vec_tanh(x);
}
FORCE_INLINE vec each_softplus(vec x, vec a)
{
    (void)a;
    return vec_softplus(x);
}
FORCE_INLINE vec each_delta(vec p, vec dp, vec delta) { return p * (dp - delta); }

static void add_rows(int64_t n, const real *x, real *y) { map_two(each_add, n, x, y, 0, y); }
static void axpy_rows(int64_t n, real a, const real *x, real *y)
{
    map_two(each_axpy, n, x, y, a, y);
}
static void scale_rows(int64_t n, real a, const real *x, real *y)
{
    map_one(each_scale, n, x, a, y);
}
static void multiply_rows(int64_t n, const real *x, const real *z, real *y)
{
    map_two(each_multiply, n, x, z, 0, y);
}
static void exp_rows(int64_t n, const real *x, real *y) { map_one(each_exp, n, x, 0, y); }
static void exp_minus_rows(int64_t n, const real *x, real shift, real *y)
{
    map_one(each_exp, n, x, shift, y);
}
static void log_rows(int64_t n, const real *x, real *y) { map_one(each_log, n, x, 0, y); }
static void sigmoid_rows(int64_t n, const real *x, real *y) { map_one(each_sigmoid, n, x, 0, y); }
static void tanh_rows(int64_t n, const real *x, real *y) { map_one(each_tanh, n, x, 0, y); }
static void softplus_rows(int64_t n, const real *x, real *y) { map_one(each_softplus, n, x, 0, y); }

/* ---- softmax ---- */

/* p = exp(x - top); returns its sum. p NULL: only the sum is wanted. */
FORCE_INLINE real exp_sum(int64_t n, const real *x, real top, real *p)
{
    lanes all = lanes_of(0);
    vec shift = splat(top);
    int64_t i = 0;
    for (; i + ROW_LANES <= n; i += ROW_LANES)
        for (int j = 0; j < LANE_VECTORS; j++) {
            vec e = vec_exp(load(x + i + j * WIDTH) - shift);
            if (p) store(p + i + j * WIDTH, e);
            all.vector[j] += e;
        }
    if (i < n)
        for (int j = 0; j < LANE_VECTORS; j++) {
            vec e = vec_exp(load_lanes(x + i, n - i, j, -REAL_INF) - shift);
            if (p) store_lanes(p + i, n - i, j, e);
            all.vector[j] += e;
        }
    return lanes_fold(all, join_sum);
}

static real log_sum_exp_rows(int64_t n, const real *x)
{
    real top = max_rows(n, x);
    return top == -REAL_INF ? top : top + log_of(exp_sum(n, x, top, NULL));
}

static real softmax_rows(int64_t n, const real *x, real *p)
{
    real top = max_rows(n, x);
    if (top == -REAL_INF) { /* every key masked */
        memset(p, 0, (size_t)n * sizeof *p);
        return top;
    }
    real sum = exp_sum(n, x, top, p);
    scale_rows(n, 1 / sum, p, p);
    return top + log_of(sum);
}

static real softmax_sink_rows(int64_t n, const real *x, real sink, real *p)
{
    real top = max_rows(n, x);
    top = top > sink ? top : sink;
    real sum = exp_sum(n, x, top, p) + exp_of(sink - top);
    scale_rows(n, 1 / sum, p, p);
    return top + log_of(sum);
}

static void softmax_delta_rows(int64_t n, const real *p, const real *dp, real delta, real *ds)
{
    map_two(each_delta, n, p, dp, delta, ds);
}

/* p = softmax(x):  dx = p (dp - sum p dp) */
static void softmax_backward_rows(int64_t n, const real *p, const real *dp, real *dx)
{
    softmax_delta_rows(n, p, dp, dot_rows(n, p, dp), dx);
}

static real cross_entropy_rows(int64_t n, real *logits, int64_t target, real scale)
{
    real top = max_rows(n, logits), below = top - logits[target];
    real sum = exp_sum(n, logits, top, logits);
    scale_rows(n, scale / sum, logits, logits);
    logits[target] -= scale;
    return log_of(sum) + below;
}

/* ---- root mean square norm ---- */

FORCE_INLINE vec each_norm(vec x, vec gain, vec r) { return x * r * gain; }

static real rms_norm_rows(int64_t n, const real *x, const real *gain, real eps, real *y)
{
    real r = 1 / real_sqrt(dot_rows(n, x, x) / (real)n + eps);
    map_two(each_norm, n, x, gain, r, y);
    return r;
}

/* y = x r gain, dr/dx = -x r^3 / n:  dx = r (dy gain - x r^2 mean(dy gain x)) */
FORCE_INLINE void norm_backward(
    int64_t n, const real *x, const real *gain, real r, const real *dy, bool accumulate, real *dx)
{
    real mean = reduce(step_dot3, join_sum, n, 0, 0, dy, gain, x) / (real)n;
    vec coefficient = splat(r * r * mean), rate = splat(r);
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        vec d = rate * (load(dy + i) * load(gain + i) - load(x + i) * coefficient);
        store(dx + i, accumulate ? load(dx + i) + d : d);
    }
    if (i == n) return;
    vec d = rate * (load_partial(dy + i, n - i, 0) * load_partial(gain + i, n - i, 0) -
                       load_partial(x + i, n - i, 0) * coefficient);
    store_partial(dx + i, n - i, accumulate ? load_partial(dx + i, n - i, 0) + d : d);
}

static void rms_norm_backward_rows(
    int64_t n, const real *x, const real *gain, real r, const real *dy, bool accumulate, real *dx)
{
    if (accumulate) norm_backward(n, x, gain, r, dy, true, dx);
    else norm_backward(n, x, gain, r, dy, false, dx);
}

/* y = x r gain:  dgain += dy (x r) */
static void rms_norm_gain_rows(int64_t n, const real *x, real r, const real *dy, real *dgain)
{
    vec rate = splat(r);
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        store(dgain + i, load(dgain + i) + load(dy + i) * (load(x + i) * rate));
    if (i == n) return;
    vec last = load_partial(dgain + i, n - i, 0) +
               load_partial(dy + i, n - i, 0) * (load_partial(x + i, n - i, 0) * rate);
    store_partial(dgain + i, n - i, last);
}

/* ---- states ---- */

/* to = a from + u b; returns the sum of to c */
FORCE_INLINE real state_row(
    int64_t n, vec a, vec u, const real *b, const real *c, const real *from, real *to)
{
    lanes all = lanes_of(0);
    int64_t i = 0;
    for (; i + ROW_LANES <= n; i += ROW_LANES)
        for (int j = 0; j < LANE_VECTORS; j++) {
            int64_t at = i + j * WIDTH;
            vec h = a * load(from + at) + u * load(b + at);
            store(to + at, h);
            all.vector[j] += h * load(c + at);
        }
    if (i < n)
        for (int j = 0; j < LANE_VECTORS; j++) {
            vec h = a * load_lanes(from + i, n - i, j, 0) + u * load_lanes(b + i, n - i, j, 0);
            store_lanes(to + i, n - i, j, h);
            all.vector[j] += h * load_lanes(c + i, n - i, j, 0);
        }
    return lanes_fold(all, join_sum);
}

static void state_step_rows(int64_t rows, int64_t n, real a, const real *u, const real *b,
    const real *c, const real *from, real *to, real *y)
{
    for (int64_t i = 0; i < rows; i++)
        y[i] = state_row(n, splat(a), splat(u[i]), b, c, from + i * n, to + i * n);
}

/* ---- rotary positions: plain loops over independent elements, which the compiler vectorises
 * ---- */

static void rotate_halves_rows(int64_t half, const real *restrict cosine, const real *restrict sine,
    real sign, real *restrict x)
{
    real *restrict y = x + half;
    for (int64_t i = 0; i < half; i++) {
        real a = x[i], b = y[i], s = sign * sine[i];
        x[i] = a * cosine[i] - b * s;
        y[i] = b * cosine[i] + a * s;
    }
}

static void rotate_pairs_rows(int64_t half, const real *restrict cosine, const real *restrict sine,
    real sign, real *restrict x)
{
    for (int64_t i = 0; i < half; i++) {
        real a = x[2 * i], b = x[2 * i + 1], s = sign * sine[i];
        x[2 * i] = a * cosine[i] - b * s;
        x[2 * i + 1] = b * cosine[i] + a * s;
    }
}

/* ---- AdamW ---- */

static void adamw_rows(int64_t n, real *restrict w, real *restrict m, real *restrict v,
    const real *restrict grad, real grad_scale, double lr, double beta1, double beta2, double eps,
    double decay, double correction1, double correction2)
{
    real keep = (real)(1 - lr * decay), toward = (real)(1 - beta1), old = (real)beta2,
         fresh = (real)(1 - beta2);
    real step = (real)(-lr / correction1), root = (real)sqrt(correction2), small = (real)eps;
    for (int64_t i = 0; i < n; i++) {
        real g = grad[i] * grad_scale;
        real mean = m[i] + toward * (g - m[i]), square = v[i] * old + fresh * g * g;
        m[i] = mean;
        v[i] = square;
        w[i] = w[i] * keep + step * mean / (real_sqrt(square) / root + small);
    }
}

/* ---- other optimisers ---- */

static void sgd_rows(int64_t n, real *restrict w, real *restrict m, const real *restrict grad,
    real grad_scale, double lr, double momentum, double decay)
{
    real step = (real)lr, keep = (real)momentum, toward_zero = (real)decay;
    for (int64_t i = 0; i < n; i++) {
        m[i] = m[i] * keep + (grad[i] * grad_scale + toward_zero * w[i]);
        w[i] -= step * m[i];
    }
}

static void momentum_rows(int64_t n, real *restrict m, const real *restrict grad, real grad_scale,
    double momentum, real *restrict y)
{
    real keep = (real)momentum, toward = (real)(1 - momentum);
    for (int64_t i = 0; i < n; i++) {
        real g = grad[i] * grad_scale, mean = m[i] + toward * (g - m[i]);
        m[i] = mean;
        y[i] = g + keep * (mean - g);
    }
}

static void adafactor_rows(int64_t n, const real *restrict grad, real grad_scale, real row,
    const real *restrict column, real least, real *restrict y)
{
    for (int64_t i = 0; i < n; i++) {
        real square = row * column[i];
        y[i] = grad[i] * grad_scale / real_sqrt(square > least ? square : least);
    }
}

static void add_squares_rows(int64_t n, real a, const real *restrict x, real *restrict y)
{
    for (int64_t i = 0; i < n; i++) {
        real scaled = a * x[i];
        y[i] += scaled * scaled;
    }
}

static void combine_rows(int64_t n, real a, const real *x, real b, const real *z, real *y)
{
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        store(y + i, splat(a) * load(x + i) + splat(b) * load(z + i));
    for (; i < n; i++) y[i] = a * x[i] + b * z[i];
}

const row_kernels ROWS = {
    .dot = dot_rows,
    .sum = sum_rows,
    .sum_squares = sum_squares_rows,
    .max = max_rows,
    .add = add_rows,
    .axpy = axpy_rows,
    .scale = scale_rows,
    .multiply = multiply_rows,
    .exp = exp_rows,
    .exp_minus = exp_minus_rows,
    .log = log_rows,
    .sigmoid = sigmoid_rows,
    .tanh = tanh_rows,
    .softplus = softplus_rows,
    .log_sum_exp = log_sum_exp_rows,
    .softmax = softmax_rows,
    .softmax_sink = softmax_sink_rows,
    .softmax_backward = softmax_backward_rows,
    .softmax_delta = softmax_delta_rows,
    .rms_norm = rms_norm_rows,
    .rms_norm_backward = rms_norm_backward_rows,
    .rms_norm_gain = rms_norm_gain_rows,
    .state_step = state_step_rows,
    .rotate_halves = rotate_halves_rows,
    .rotate_pairs = rotate_pairs_rows,
    .cross_entropy = cross_entropy_rows,
    .adamw = adamw_rows,
    .delta_step = delta_step_rows,
    .sgd = sgd_rows,
    .momentum = momentum_rows,
    .adafactor = adafactor_rows,
    .add_squares = add_squares_rows,
    .combine = combine_rows,
    .activations = activation_list,
    .activation_count = sizeof activation_list / sizeof *activation_list,
};

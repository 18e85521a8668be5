/* rows.h - kernels over rows of elements: whatever is not a matrix product.
 *
 * They are one portable source (rows_template.h and the headers that it includes), instantiated for
 * each CPU variant with the width of its vectors. There is no fused multiply-add and no call of a
 * math library; exp and its like are our own.
 *
 * Every variant gives the same bits, because a sum has one order: element i is added to lane i %
 * ROW_LANES, and then lanes are added in a tree, those 16 apart, then those 8 apart, 4, 2 and 1.
 * The tree looks the same from every lane, so that zeros before or after the row (or -inf, for
 * masked keys) change no bit either.
 *
 * Pointers need no alignment. A kernel works in place where its comment says so. */
#ifndef CADRE_KERNEL_ROWS_H
#define CADRE_KERNEL_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/real.h"

enum { ROW_LANES = 32 };

/* The activation of a feed-forward network or an expert. Gated ones have two inputs, the gate and
 * up projections. */
typedef struct row_activation {
    /* "relu" "relu2" "gelu" "gelu_tanh" "silu", "geglu" "geglu_erf" "swiglu" "gpt-oss" */
    const char *name;
    int inputs; /* 1: h = f(g); 2: h = f(g, u) */
    /* out[i] = f(g[i], u[i]); u is unused where inputs == 1; limit: gpt-oss's clamp. out may be g
     * or u. */
    void (*forward)(int64_t n, const real *g, const real *u, real limit, real *out);
    /* dg[i] = dh[i] df/dg, du[i] = dh[i] df/du; dg may be g, du may be u, and dh may be either */
    void (*backward)(
        int64_t n, const real *g, const real *u, real limit, const real *dh, real *dg, real *du);
} row_activation;

/* One token of the gated delta rule (op/delta_rule.h) on a state S [rows, columns]; a_i is the
 * decay of row i:
 *
 *     d  = beta (v - sum over i of k_i a_i S_i)
 *     S' = a_i S_i + k_i d
 *     o  = sum over i of q_i S'_i
 *
 * The sums are chains from the first row to the last. */
typedef struct row_delta {
    int64_t rows, columns;
    const real *decay;       /* [rows], or one for all of them ... */
    int64_t decay_step;      /* ... with a step of 0 in place of 1 */
    const real *query, *key; /* [rows] */
    const real *value;       /* [columns] */
    real beta;
    const real *before; /* S */
    real *after;        /* S', which may be S */
    real *change;       /* d [columns] */
    real *out;          /* o [columns] */
} row_delta;

typedef struct row_kernels {
    real (*dot)(int64_t n, const real *x, const real *y);
    real (*sum)(int64_t n, const real *x);
    /* The sum in double, for the norm of a gradient */
    double (*sum_squares)(int64_t n, const real *x);
    real (*max)(int64_t n, const real *x);                    /* NaN is ignored; n == 0: -inf */
    void (*add)(int64_t n, const real *x, real *y);           /* y += x */
    void (*axpy)(int64_t n, real a, const real *x, real *y);  /* y += a x */
    void (*scale)(int64_t n, real a, const real *x, real *y); /* y = a x; y may be x */
    /* y = x z; y may be x or z */
    void (*multiply)(int64_t n, const real *x, const real *z, real *y);

    /* Elementwise; y may be x. In float, exp is within 1 ulp and 0 below 2^-126; log, tanh and erf
     * are within 2 ulp. */
    void (*exp)(int64_t n, const real *x, real *y);
    void (*exp_minus)(int64_t n, const real *x, real shift, real *y); /* y = exp(x - shift) */
    /* 0 and denormals give -inf, negative elements NaN */
    void (*log)(int64_t n, const real *x, real *y);
    void (*sigmoid)(int64_t n, const real *x, real *y);
    void (*tanh)(int64_t n, const real *x, real *y);
    void (*softplus)(int64_t n, const real *x, real *y); /* y = log(1 + exp(x)) */

    real (*log_sum_exp)(int64_t n, const real *x);
    /* p = exp(x - max) / sum; returns log(sum exp(x)). p may be x. A row of -inf gives zeros. */
    real (*softmax)(int64_t n, const real *x, real *p);
    /* softmax with one more logit, which is part of the sum and has no column (gpt-oss's attention
     * sink) */
    real (*softmax_sink)(int64_t n, const real *x, real sink, real *p);
    /* dx = p (dp - sum p dp); dx may be p or dp */
    void (*softmax_backward)(int64_t n, const real *p, const real *dp, real *dx);
    /* ds = p (dp - delta): the same where the sum is known already. ds may be p or dp. */
    void (*softmax_delta)(int64_t n, const real *p, const real *dp, real delta, real *ds);

    /* y = x r gain with r = 1 / sqrt(mean x^2 + eps); returns r. y may be x. */
    real (*rms_norm)(int64_t n, const real *x, const real *gain, real eps, real *y);
    /* dx = (accumulate ? dx : 0) + r (dy gain - x r^2 mean(dy gain x)); dx may be dy unless
     * accumulating */
    void (*rms_norm_backward)(int64_t n, const real *x, const real *gain, real r, const real *dy,
        bool accumulate, real *dx);
    /* dgain += dy (x r) */
    void (*rms_norm_gain)(int64_t n, const real *x, real r, const real *dy, real *dgain);

    /* One step of a state space model: row i of the state, n elements, becomes a from[i] + u[i] b,
     * and y[i] = the sum of that row times c. `to` may be `from`, y may be u. */
    void (*state_step)(int64_t rows, int64_t n, real a, const real *u, const real *b, const real *c,
        const real *from, real *to, real *y);

    /* Rotates the pairs (x[i], x[i + half]) by angles whose cosines and sines are given [half].
     * With sign -1 it rotates back, as the gradient needs. */
    void (*rotate_halves)(int64_t half, const real *cosine, const real *sine, real sign, real *x);
    /* The same for the pairs (x[2i], x[2i + 1]) */
    void (*rotate_pairs)(int64_t half, const real *cosine, const real *sine, real sign, real *x);

    /* The cross-entropy of one row of logits: returns log_sum_exp - logits[target]. The logits
     * become their gradient, (softmax - onehot) * scale. */
    real (*cross_entropy)(int64_t n, real *logits, int64_t target, real scale);

    /* One AdamW step over n parameters, in PyTorch's order of operations. With g = grad *
     * grad_scale:
     *     w *= 1 - lr decay
     *     m += (1 - beta1) (g - m)
     *     v = beta2 v + (1 - beta2) g g
     *     w -= lr / correction1 m / (sqrt(v) / sqrt(correction2) + eps) */
    void (*adamw)(int64_t n, real *w, real *m, real *v, const real *grad, real grad_scale,
        double lr, double beta1, double beta2, double eps, double decay, double correction1,
        double correction2);

    void (*delta_step)(const row_delta *d);
    /* Gradient descent with momentum, and decay as a part of the gradient:
     *     g = grad grad_scale + decay w
     *     m = momentum m + g
     *     w -= lr m */
    void (*sgd)(int64_t n, real *w, real *m, const real *grad, real grad_scale, double lr,
        double momentum, double decay);
    /* With g = grad grad_scale: m += (1 - momentum) (g - m); y = g + momentum (m - g) */
    void (*momentum)(
        int64_t n, real *m, const real *grad, real grad_scale, double momentum, real *y);
    /* y = grad grad_scale / sqrt(max(row column[i], least)) */
    void (*adafactor)(int64_t n, const real *grad, real grad_scale, real row, const real *column,
        real least, real *y);
    void (*add_squares)(int64_t n, real a, const real *x, real *y); /* y += (a x)^2 */
    /* y = a x + b z; y may be x or z */
    void (*combine)(int64_t n, real a, const real *x, real b, const real *z, real *y);

    const row_activation *activations;
    int activation_count;
} row_kernels;

/* The instantiations; variant.c lists them */
extern const row_kernels rows_portable, rows_avx2, rows_avx512;

/* NULL: unknown */
const row_activation *row_activation_by_name(const row_kernels *rows, const char *name);

#endif

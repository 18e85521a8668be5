/* causal_conv.c - channels are independent: workers share them, some neighbours at a time, whose
 * weights are transposed to lie in a row for each j. */
#include "op/causal_conv.h"

#include <string.h>

#include "op/parallel.h"

enum { TOGETHER = 64 };

typedef struct conv_task {
    const causal_conv *v;
    const token_batch *b;
    const real *past;           /* NULL: nothing came before */
    const row_activation *silu; /* NULL: there is none */
    strided_in u, dy;
    strided_out out;
} conv_task;

/* The weights of channels begin .. end - 1 [K, TOGETHER] */
static void transpose(const causal_conv *v, int64_t begin, int64_t end, real *w)
{
    for (int64_t j = 0; j < v->kernel; j++)
        for (int64_t c = begin; c < end; c++) w[j * TOGETHER + c - begin] = v->w[c * v->kernel + j];
}

/* The input `back` tokens before token t of sequence i; NULL: zeros */
static const real *input_at(const conv_task *k, int64_t i, int64_t t, int64_t back)
{
    const causal_conv *v = k->v;
    int64_t before = t - back - k->b->start[i];
    if (before >= 0) return k->u.at + (t - back) * k->u.stride;
    if (!k->past) return NULL;
    return k->past + (i * (v->kernel - 1) + v->kernel - 1 + before) * v->channels;
}

/* s of channels begin .. end - 1 of a token; w as transpose leaves it */
static void sum_token(
    const conv_task *k, const real *w, int64_t i, int64_t t, int64_t begin, int64_t end, real *s)
{
    const causal_conv *v = k->v;
    for (int64_t c = begin; c < end; c++) s[c] = v->bias ? v->bias[c] : 0;
    for (int64_t j = 0; j < v->kernel; j++) {
        const real *u = input_at(k, i, t, v->kernel - 1 - j);
        for (int64_t c = begin; u && c < end; c++) s[c] += w[j * TOGETHER + c - begin] * u[c];
    }
}

static void forward_some(const conv_task *k, int64_t begin, int64_t end)
{
    real w[CAUSAL_CONV_MOST * TOGETHER];
    transpose(k->v, begin, end, w);
    for (int64_t i = 0; i < k->b->sequences; i++)
        for (int64_t t = k->b->start[i]; t < k->b->start[i + 1]; t++) {
            real *y = k->out.at + t * k->out.stride;
            sum_token(k, w, i, t, begin, end, y);
            if (k->silu) k->silu->forward(end - begin, y + begin, y + begin, 0, y + begin);
        }
}

/* y = SiLU(s):  ds = dy SiLU'(s), of the sums once more */
static void silu_backward_some(const conv_task *k, int64_t begin, int64_t end)
{
    real w[CAUSAL_CONV_MOST * TOGETHER];
    transpose(k->v, begin, end, w);
    for (int64_t i = 0; i < k->b->sequences; i++)
        for (int64_t t = k->b->start[i]; t < k->b->start[i + 1]; t++) {
            const real *dy = k->dy.at + t * k->dy.stride + begin;
            real *ds = k->v->ds + t * k->v->channels;
            sum_token(k, w, i, t, begin, end, ds);
            ds += begin;
            k->silu->backward(end - begin, ds, ds, 0, dy, ds, NULL);
        }
}

/* Each input went into the outputs of its own token and of the K - 1 after it. */
static void backward_some(const conv_task *k, int64_t begin, int64_t end)
{
    const causal_conv *v = k->v;
    real w[CAUSAL_CONV_MOST * TOGETHER];
    transpose(v, begin, end, w);
    for (int64_t i = 0; i < k->b->sequences; i++)
        for (int64_t t = k->b->start[i]; t < k->b->start[i + 1]; t++) {
            real *du = k->out.at + t * k->out.stride;
            for (int64_t c = begin; c < end; c++) du[c] = 0;
            for (int64_t j = 0; j < v->kernel && t + j < k->b->start[i + 1]; j++) {
                const real *dy = k->dy.at + (t + j) * k->dy.stride;
                const real *tap = w + (v->kernel - 1 - j) * TOGETHER - begin;
                for (int64_t c = begin; c < end; c++) du[c] += tap[c] * dy[c];
            }
        }
}

static void in_pieces(void (*some)(const conv_task *k, int64_t begin, int64_t end),
    const conv_task *k, int64_t begin, int64_t end)
{
    for (; begin < end; begin += TOGETHER)
        some(k, begin, end - begin < TOGETHER ? end : begin + TOGETHER);
}

static void forward_channels(void *arg, int64_t begin, int64_t end)
{
    in_pieces(forward_some, arg, begin, end);
}

static void silu_backward_channels(void *arg, int64_t begin, int64_t end)
{
    in_pieces(silu_backward_some, arg, begin, end);
}

static void backward_channels(void *arg, int64_t begin, int64_t end)
{
    in_pieces(backward_some, arg, begin, end);
}

static const row_activation *silu_of(const compute *c, const causal_conv *v)
{
    return v->silu ? row_activation_by_name(c->variant->rows, "silu") : NULL;
}

void causal_conv_forward(const compute *c, const causal_conv *v, const token_batch *b,
    const real *past, strided_in u, strided_out y)
{
    conv_task k = { .v = v, .b = b, .past = past, .silu = silu_of(c, v), .u = u, .out = y };
    int64_t work = b->tokens * v->channels * v->kernel;
    parallel_over(c, v->channels, TOGETHER, work, forward_channels, &k);
}

void causal_conv_keep(
    const causal_conv *v, const token_batch *b, int64_t i, strided_in u, real *past)
{
    int64_t kept = v->kernel - 1, first = b->start[i], length = b->start[i + 1] - first;
    int64_t own = length < kept ? length : kept, row = v->channels;
    memmove(past, past + own * row, (size_t)((kept - own) * row) * sizeof *past);
    for (int64_t j = 0; j < own; j++)
        memcpy(past + (kept - own + j) * row, u.at + (first + length - own + j) * u.stride,
            (size_t)row * sizeof *past);
}

/* ---- gradients of the weights ---- */

/* Element e of dw is that of channel e / K and tap e % K. */
static void add_taps(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const conv_task *k = arg;
    const token_batch *b = k->b;
    int64_t taps = k->v->kernel, i = 0;
    for (int64_t t = token; t < token_end; t++) {
        while (b->start[i + 1] <= t) i++;
        for (int64_t e = begin; e < end; e++) {
            int64_t from = t - taps + 1 + e % taps, c = e / taps;
            if (from >= b->start[i])
                to[e - begin] += k->dy.at[t * k->dy.stride + c] * k->u.at[from * k->u.stride + c];
        }
    }
}

static void add_biases(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const conv_task *k = arg;
    for (int64_t t = token; t < token_end; t++)
        for (int64_t c = begin; c < end; c++) to[c - begin] += k->dy.at[t * k->dy.stride + c];
}

void causal_conv_backward(const compute *c, const causal_conv *v, const token_batch *b,
    strided_in u, strided_in dy, strided_out du)
{
    conv_task k = { .v = v, .b = b, .silu = silu_of(c, v), .u = u, .dy = dy, .out = du };
    int64_t work = b->tokens * v->channels * v->kernel;
    if (k.silu) {
        parallel_over(c, v->channels, TOGETHER, work, silu_backward_channels, &k);
        k.dy = rows_from(v->ds, v->channels);
    }
    leaf_sum taps = { b->tokens, v->channels * v->kernel, work, v->accumulate, add_taps, &k },
             biases = { b->tokens, v->channels, b->tokens * v->channels, v->accumulate, add_biases,
                 &k };
    if (v->dw) leaves_sum(c, v->leaves, &taps, v->dw);
    if (v->dbias) leaves_sum(c, v->leaves, &biases, v->dbias);
    parallel_over(c, v->channels, TOGETHER, work, backward_channels, &k);
}

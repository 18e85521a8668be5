/* decay_gate.c - the decay of states, forward and backward. */
#include "mixer/decay_gate.h"

#include "op/parallel.h"

/* ---- sums over tokens ---- */

/* The gradient of a vector that is added to, or multiplies, every token's row: the sum of x's rows
 */
typedef struct row_sum {
    const real *x;
    int64_t columns;
} row_sum;

static void add_rows(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const row_sum *s = arg;
    for (int64_t t = token; t < token_end; t++)
        for (int64_t c = begin; c < end; c++) to[c - begin] += s->x[t * s->columns + c];
}

static void sum_rows(const mixer_call *call, const mixer_gradients *g, mixer_part part,
    int64_t columns, const real *x)
{
    row_sum s = { x, columns };
    int64_t tokens = call->batch->tokens;
    leaf_sum sum = { tokens, columns, tokens * columns, g->accumulate, add_rows, &s };
    if (g->part[part]) leaves_sum(call->compute, g->leaves, &sum, g->part[part]);
}

/* ---- the gate ---- */

static int64_t row_of(const decay_gate *d) { return d->heads * d->each; }

void decay_gate_lay_kept(decay_gate *d, arena *from, const batch_limits *most)
{
    int64_t count = most->tokens * row_of(d);
    d->a = ARENA_ARRAY(from, real, count);
    d->g = ARENA_ARRAY(from, real, count);
    d->decay = ARENA_ARRAY(from, real, count);
}

void decay_gate_lay_workspace(decay_gate *d, arena *from, const batch_limits *most)
{
    int64_t count = most->tokens * row_of(d);
    d->rate = ARENA_ARRAY(from, real, row_of(d));
    if (!most->training) return;
    d->dg = ARENA_ARRAY(from, real, count);
    d->da = ARENA_ARRAY(from, real, count);
}

typedef struct gate_task {
    const row_kernels *rows;
    const decay_gate *d;
} gate_task;

static gate_task begin(const mixer_call *call, decay_gate *d)
{
    const real *logs = call->weights->part[MIXER_A_LOG].data;
    const row_kernels *rows = call->compute->variant->rows;
    for (int64_t i = 0; i < row_of(d); i++) d->rate[i] = logs[i / d->each];
    rows->exp(row_of(d), d->rate, d->rate);
    d->bias = call->weights->part[MIXER_DT_BIAS].data;
    return (gate_task){ rows, d };
}

/* g of one token's a + bias */
static void gate_of(const gate_task *k, const real *a, real *g)
{
    const decay_gate *d = k->d;
    int64_t n = row_of(d);
    if (d->bound == 0) {
        k->rows->softplus(n, a, g);
        k->rows->multiply(n, d->rate, g, g);
        k->rows->scale(n, -1, g, g);
    } else {
        k->rows->multiply(n, d->rate, a, g);
        k->rows->sigmoid(n, g, g);
        k->rows->scale(n, (real)d->bound, g, g);
    }
}

static void forward_tokens(void *arg, int64_t begin, int64_t end)
{
    const gate_task *k = arg;
    const decay_gate *d = k->d;
    int64_t n = row_of(d);
    for (int64_t t = begin; t < end; t++) {
        k->rows->add(n, d->bias, d->a + t * n);
        gate_of(k, d->a + t * n, d->g + t * n);
        k->rows->exp(n, d->g + t * n, d->decay + t * n);
    }
}

void decay_gate_forward(const mixer_call *call, decay_gate *d)
{
    gate_task k = begin(call, d);
    int64_t tokens = call->batch->tokens;
    parallel_over(call->compute, tokens, 1, tokens * row_of(d), forward_tokens, &k);
}

/* decay = exp(g), g = -r softplus(x):          dx = -r sigmoid(x) dg, dA = g dg
 * or g = bound sigmoid(r x) = bound s:         dx = bound s (1 - s) r dg, dA = x dx
 * with x = a + bias and r = e^A; dg becomes what each token gives A. */
static void backward_tokens(void *arg, int64_t begin, int64_t end)
{
    const gate_task *k = arg;
    const decay_gate *d = k->d;
    int64_t n = row_of(d);
    for (int64_t t = begin; t < end; t++) {
        const real *x = d->a + t * n, *g = d->g + t * n;
        real *dg = d->dg + t * n, *da = d->da + t * n;
        k->rows->multiply(n, d->decay + t * n, dg, dg);
        if (d->bound == 0) k->rows->sigmoid(n, x, da);
        for (int64_t i = 0; i < n; i++) {
            real s = d->bound == 0 ? -da[i] : g[i] * (1 - g[i] / (real)d->bound);
            da[i] = s * d->rate[i] * dg[i];
            dg[i] = d->bound == 0 ? g[i] * dg[i] : x[i] * da[i];
        }
    }
}

/* Adds up the columns of each head in the first `heads` elements of the token's row. */
static void join_columns(const decay_gate *d, int64_t tokens)
{
    for (int64_t t = 0; d->each > 1 && t < tokens; t++)
        for (int64_t h = 0; h < d->heads; h++) {
            real sum = 0;
            for (int64_t i = 0; i < d->each; i++) sum += d->dg[t * row_of(d) + h * d->each + i];
            d->dg[t * d->heads + h] = sum;
        }
}

void decay_gate_backward(const mixer_call *call, const mixer_gradients *g, decay_gate *d)
{
    gate_task k = begin(call, d);
    int64_t tokens = call->batch->tokens;
    parallel_over(call->compute, tokens, 1, tokens * row_of(d), backward_tokens, &k);
    join_columns(d, tokens);
    sum_rows(call, g, MIXER_A_LOG, d->heads, d->dg);
    sum_rows(call, g, MIXER_DT_BIAS, row_of(d), d->da);
}

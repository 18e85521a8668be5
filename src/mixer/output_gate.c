/* output_gate.c - the gate of attention's output, forward and backward. */
#include "mixer/output_gate.h"

#include <math.h>

#include "mixer/mixer_ops.h"
#include "op/parallel.h"

enum { PIECE = 64 };

static int64_t row_of(const mixer_config *c, int64_t heads)
{
    if (c->gating == GATE_NONE) return 0;
    return c->gating == GATE_HEADS ? heads : heads * c->value_dim;
}
int64_t output_gate_row(const mixer_config *c) { return row_of(c, c->heads); }
int64_t output_gate_whole_row(const mixer_config *c) { return row_of(c, mixer_all_heads(c)); }

void output_gate_lay_kept(
    output_gate *g, arena *from, const mixer_config *c, const batch_limits *most)
{
    if (c->gating == GATE_NONE) return;
    g->value = ARENA_ARRAY(from, real, most->tokens * output_gate_row(c));
    if (most->training)
        g->gated = ARENA_ARRAY(from, real, most->tokens * mixer_all_heads(c) * c->value_dim);
}

void output_gate_lay_workspace(
    output_gate *g, arena *from, const mixer_config *c, const batch_limits *most)
{
    if (c->gating == GATE_NONE || !most->training) return;
    g->dvalue = ARENA_ARRAY(from, real, most->tokens * output_gate_whole_row(c));
}

void output_gate_begin(output_gate *g, const attending *a)
{
    if (!g->gated) g->gated = a->out;
}

void output_gate_project(const mixer_call *call, const output_gate *g, const real *x)
{
    const mixer_config *c = call->config;
    if (c->gating == GATE_NONE || c->gating == GATE_IN_QUERIES) return;
    linear gate = mixer_linear(call->weights, NULL, MIXER_GATE, MIXER_NOTHING);
    linear_forward(call->compute, &gate, call->batch->tokens, rows_from(x, c->width),
        rows_to(g->value, output_gate_row(c)));
}

/* ---- elements ---- */

typedef struct gate_task {
    const row_kernels *rows;
    const mixer_config *c;
    int64_t out_row, out_first; /* of a token in out and gated, and where this rank's heads begin */
    int64_t whole, first;       /* the same of dvalue */
    const output_gate *g;
    const attending *a;
} gate_task;

static gate_task task_of(const mixer_call *call, const output_gate *g, const attending *a)
{
    const mixer_config *c = call->config;
    int64_t whole = output_gate_whole_row(c);
    return (gate_task){ .rows = call->compute->variant->rows,
        .c = c,
        .out_row = mixer_all_heads(c) * c->value_dim,
        .out_first = a->out_first,
        .whole = whole,
        .first = c->whole_kv_heads ? gather_first(call->tensor, whole, c->whole_kv_heads) : 0,
        .g = g,
        .a = a };
}

/* x = log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|)), which cannot overflow */
static void softplus(const row_kernels *rows, int64_t n, real *x)
{
    real e[PIECE];
    for (int64_t at = 0; at < n; at += PIECE) {
        int64_t count = n - at < PIECE ? n - at : PIECE;
        for (int64_t i = 0; i < count; i++) e[i] = x[at + i] > 0 ? -x[at + i] : x[at + i];
        rows->exp(count, e, e);
        for (int64_t i = 0; i < count; i++) e[i] += 1;
        rows->log(count, e, e);
        for (int64_t i = 0; i < count; i++) x[at + i] = (x[at + i] > 0 ? x[at + i] : 0) + e[i];
    }
}

/* df/dz where v = f(z): of the sigmoid v (1 - v), of softplus sigmoid(z) = 1 - exp(-v) */
static real derivative(const mixer_config *c, real v)
{
    return c->gate_softplus ? (real)-expm1(-(double)v) : v * (1 - v);
}

static void forward_tokens(void *arg, int64_t begin, int64_t end)
{
    const gate_task *k = arg;
    int64_t row = output_gate_row(k->c), n = k->c->heads * k->c->value_dim, width = n / row;
    for (int64_t t = begin; t < end; t++) {
        real *v = k->g->value + t * row, *to = k->g->gated + t * k->out_row + k->out_first;
        const real *out = k->a->out + t * k->out_row + k->out_first;
        if (k->c->gate_softplus) softplus(k->rows, row, v);
        else k->rows->sigmoid(row, v, v);
        if (width == 1) k->rows->multiply(n, out, v, to);
        else
            for (int64_t h = 0; h < row; h++)
                k->rows->scale(width, v[h], out + h * width, to + h * width);
    }
}

/* gated = out v, v = f(z):  dz = f'(z) dgated out, summed over what v multiplies, and
 * dout = dgated v */
static void backward_tokens(void *arg, int64_t begin, int64_t end)
{
    const gate_task *k = arg;
    int64_t row = output_gate_row(k->c), n = k->c->heads * k->c->value_dim, width = n / row;
    for (int64_t t = begin; t < end; t++) {
        const real *v = k->g->value + t * row, *out = k->a->out + t * k->out_row + k->out_first;
        real *d = k->a->dout + t * k->out_row + k->out_first,
             *dz = k->g->dvalue + t * k->whole + k->first;
        for (int64_t h = 0; h < row; h++) {
            dz[h] = derivative(k->c, v[h]) * k->rows->dot(width, d + h * width, out + h * width);
            k->rows->scale(width, v[h], d + h * width, d + h * width);
        }
    }
}

void output_gate_forward(const mixer_call *call, const output_gate *g, const attending *a)
{
    int64_t tokens = call->batch->tokens;
    if (call->config->gating == GATE_NONE) return;
    gate_task k = task_of(call, g, a);
    parallel_over(call->compute, tokens, 1, tokens * k.out_row, forward_tokens, &k);
}

void output_gate_backward(const mixer_call *call, const output_gate *g, const attending *a)
{
    int64_t tokens = call->batch->tokens;
    if (call->config->gating == GATE_NONE) return;
    gate_task k = task_of(call, g, a);
    parallel_over(call->compute, tokens, 1, tokens * k.out_row, backward_tokens, &k);
    gather_columns(call->tensor, tokens, k.whole, call->config->whole_kv_heads, g->dvalue);
}

void output_gate_project_backward(const mixer_call *call, const mixer_gradients *gradients,
    const output_gate *g, const real *x, real *dx)
{
    const mixer_config *c = call->config;
    if (c->gating == GATE_NONE || c->gating == GATE_IN_QUERIES) return;
    linear gate = mixer_linear(call->weights, gradients, MIXER_GATE, MIXER_NOTHING);
    linear_backward(call->compute, &gate, call->batch->tokens, rows_from(x, c->width),
        rows_from(g->dvalue, output_gate_whole_row(c)), rows_added(dx, c->width));
}

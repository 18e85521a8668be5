/* weightless.c - experts without matrices, which cost nothing: of MoE++ and of LongCat, whose
 * identity experts are `copy`. They are the layer's last experts, so that their rows stand behind
 * the others' in the same plan.
 *
 *     constant  out = a0 x + a1 v,  a = softmax(C x), C [2, D], v [D]
 *     copy      out = x
 *     zero      out = 0 */
#include <string.h>

#include "moe/layer_run.h"

typedef enum kind { KIND_CONSTANT, KIND_COPY, KIND_ZERO } kind;

/* i: its place among the experts without weights. */
static kind kind_of(const moe_config *c, int32_t i)
{
    if (i < c->constants) return KIND_CONSTANT;
    return i < c->constants + c->copies ? KIND_COPY : KIND_ZERO;
}

static const real *input_of(const layer_run *r, int64_t row, const real *x)
{
    return x + (reads_scaled_rows(r->c) ? row : r->s->plan.row_token[row]) * r->c->width;
}

/* a = softmax(C x) */
static void mix(const layer_run *r, int32_t i, const real *x, real *a)
{
    const row_kernels *kernels = r->call->compute->variant->rows;
    int64_t width = r->c->width;
    for (int k = 0; k < 2; k++)
        a[k] = kernels->dot(width, r->w->constant_weight + (2 * i + k) * width, x);
    kernels->softmax(2, a, a);
}

static void forward_row(const layer_run *r, int32_t i, const real *x, real *out)
{
    const row_kernels *kernels = r->call->compute->variant->rows;
    int64_t width = r->c->width;
    real a[2];
    switch (kind_of(r->c, i)) {
    case KIND_CONSTANT:
        mix(r, i, x, a);
        kernels->scale(width, a[0], x, out);
        kernels->axpy(width, a[1], r->w->constant_value + i * width, out);
        break;
    case KIND_COPY: memcpy(out, x, (size_t)width * sizeof(real)); break;
    case KIND_ZERO: memset(out, 0, (size_t)width * sizeof(real)); break;
    }
}

void weightless_forward(layer_run *r, const real *x)
{
    const plan *p = &r->s->plan;
    int32_t first = moe_config_weighted(r->c);
    for (int32_t e = first; e < p->experts; e++)
        for (int64_t row = p->first[e]; row < p->first[e + 1]; row++)
            forward_row(r, e - first, input_of(r, row, x), r->scratch.rows + row * r->c->width);
}

/* Forward: out = a0 x + a1 v; y += w out. Given dout = w dy in dx:
 *     dv += a1 dout;  da = (<x, dout>, <v, dout>);  dz = a (da - <a, da>);  dC_k += dz_k x;
 *     dx = a0 dout + sum dz_k C_k */
static void constant_backward(
    const layer_run *r, int32_t i, const real *x, const moe_gradients *g, real *dx)
{
    const row_kernels *kernels = r->call->compute->variant->rows;
    int64_t width = r->c->width;
    const real *value = r->w->constant_value + i * width;
    real a[2], da[] = { kernels->dot(width, x, dx), kernels->dot(width, value, dx) };
    mix(r, i, x, a);
    kernels->axpy(width, a[1], dx, g->constant_value + i * width);
    kernels->scale(width, a[0], dx, dx);
    real mean = a[0] * da[0] + a[1] * da[1];
    for (int k = 0; k < 2; k++) {
        real dz = a[k] * (da[k] - mean);
        int64_t at = (2 * i + k) * width;
        kernels->axpy(width, dz, x, g->constant_weight + at);
        kernels->axpy(width, dz, r->w->constant_weight + at, dx);
    }
}

static void backward_row(layer_run *r, int32_t i, int64_t row, const real *x, const real *dsparse,
    const moe_gradients *g)
{
    const plan *p = &r->s->plan;
    const row_kernels *kernels = r->call->compute->variant->rows;
    int64_t width = r->c->width;
    real *dx = r->scratch.rows + row * width;
    const real *dy = dsparse + p->row_token[row] * width;
    real by = p->row_edge[row] < 0 ? 0 : p->edge_weight[p->row_edge[row]];
    if (r->c->router->traits & ROUTER_WEIGHS_INPUT) by = 1;
    forward_row(r, i, x, dx);
    if (p->row_edge[row] >= 0) r->scratch.dweight[p->row_edge[row]] = kernels->dot(width, dx, dy);
    if (kind_of(r->c, i) == KIND_ZERO) return; /* dx is 0 already */
    kernels->scale(width, by, dy, dx);
    if (kind_of(r->c, i) == KIND_CONSTANT) constant_backward(r, i, x, g, dx);
}

void weightless_backward(layer_run *r, const real *x, const real *dsparse, const moe_gradients *g)
{
    const plan *p = &r->s->plan;
    int32_t first = moe_config_weighted(r->c);
    size_t constant = (size_t)(r->c->constants * r->c->width) * sizeof(real);
    if (!g->accumulate && r->c->constants) {
        memset(g->constant_weight, 0, 2 * constant);
        memset(g->constant_value, 0, constant);
    }
    for (int32_t e = first; e < p->experts; e++)
        for (int64_t row = p->first[e]; row < p->first[e + 1]; row++)
            backward_row(r, e - first, row, input_of(r, row, x), dsparse, g);
}

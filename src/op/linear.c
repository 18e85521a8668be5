/* linear.c - dense layers on the matrix products; the bias is added after the product, as PyTorch's
 * CPU code does. */
#include "op/linear.h"

#include <assert.h>

#include "kernel/gemm.h"
#include "op/low_rank.h"
#include "op/parallel.h"

typedef struct bias_task {
    const row_kernels *rows;
    int64_t width, stride;
    const real *from; /* the bias, or dy */
    real *to;         /* y */
} bias_task;

static void add_bias(void *arg, int64_t begin, int64_t end)
{
    const bias_task *b = arg;
    for (int64_t t = begin; t < end; t++) b->rows->add(b->width, b->from, b->to + t * b->stride);
}

/* y = ... + bias:  dbias (+)= dy, row after row. */
static void add_bias_gradient(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const bias_task *b = arg;
    for (int64_t t = token; t < token_end; t++)
        b->rows->add(end - begin, b->from + t * b->stride + begin, to);
}

/* y += (s x a^T) b^T */
static void add_pair(compute *c, const low_rank *pair, int64_t tokens, strided_in x, strided_out y)
{
    pair_call call = { .pair = pair,
        .count = tokens,
        .x = { x.at, x.stride, NULL },
        .to = y.at,
        .to_stride = y.stride };
    low_rank_forward(c, &call, 1);
}

/* The gradients of a and b where x is given, and what the pair adds to dx, which is written. */
static void pair_backward(
    compute *c, const linear *l, int64_t tokens, strided_in x, strided_in dy, strided_out dx)
{
    pair_call call = { .pair = l->w.pairs,
        .count = tokens,
        .x = { x.at, x.stride, NULL },
        .dy = { dy.at, dy.stride, NULL },
        .to = dx.at,
        .to_stride = dx.stride };
    low_rank_backward(c, &call, 1, l->leaves, l->accumulate);
}

void linear_forward_together(compute *c, const linear *const *l, int count, int64_t tokens,
    strided_in x, const strided_out *y)
{
    gemm_group groups[LINEAR_TOGETHER] = { 0 };
    assert(count <= LINEAR_TOGETHER);
    for (int i = 0; i < count; i++) {
        const weight *w = &l[i]->w;
        assert(!w->experts);
        groups[i] = (gemm_group){ .m = tokens,
            .n = w->rows,
            .k = w->cols,
            .a = x.at,
            .a_stride = x.stride,
            .b = weight_matrix(w, 0),
            .c = y[i].at,
            .c_stride = y[i].stride };
    }
    gemm_grouped(c, GEMM_NT, groups, count, false);
    for (int i = 0; i < count; i++) {
        if (l[i]->w.pairs) add_pair(c, l[i]->w.pairs, tokens, x, y[i]);
        if (!l[i]->bias) continue;
        bias_task b = { .rows = c->variant->rows,
            .width = l[i]->w.rows,
            .stride = y[i].stride,
            .from = l[i]->bias,
            .to = y[i].at };
        parallel_over(c, tokens, 1, tokens * b.width, add_bias, &b);
    }
}

void linear_forward(compute *c, const linear *l, int64_t tokens, strided_in x, strided_out y)
{
    linear_forward_together(c, &l, 1, tokens, x, &y);
}

/* dx = dy w. Of a slice, the columns of dx that this rank computes: all rows of w count. */
static void input_gradient(
    compute *c, const weight *w, int64_t tokens, strided_in dy, strided_out dx)
{
    const weight_slice *s = w->slice;
    gemm_group input = { .m = tokens,
        .n = s ? s->columns : w->cols,
        .k = s ? s->whole : w->rows,
        .a = dy.at,
        .a_stride = dy.stride,
        .b = s ? matrix_of_floats(s->by_column, s->columns) : weight_matrix(w, 0),
        .c = dx.at + (s ? s->column : 0),
        .c_stride = dx.stride };
    gemm_grouped(c, GEMM_NN, &input, 1, dx.add);
}

/* y = x w^T + bias:  dx = dy w, dw = dy^T x, dbias = sum of dy */
void linear_backward(
    compute *c, const linear *l, int64_t tokens, strided_in x, strided_in dy, strided_out dx)
{
    const weight *w = &l->w;
    assert(!w->experts);
    if (dx.at) input_gradient(c, w, tokens, dy, dx);
    if (w->pairs) pair_backward(c, l, tokens, x, dy, dx);
    if (w->slice) dy.at += w->slice->first;
    gemm_group own = { .m = w->rows,
        .n = w->cols,
        .k = tokens,
        .a = dy.at,
        .a_stride = dy.stride,
        .b = matrix_of_floats(x.at, x.stride),
        .c = l->dw,
        .c_stride = w->cols };
    if (l->dw) leaves_multiply(c, l->leaves, &own, 1, l->accumulate);
    bias_task b = { c->variant->rows, w->rows, dy.stride, dy.at, NULL };
    leaf_sum sum = { tokens, w->rows, tokens * w->rows, l->accumulate, add_bias_gradient, &b };
    if (l->dbias) leaves_sum(c, l->leaves, &sum, l->dbias);
}

/* linear.c - dense layers on the matrix products; the bias is added after the product, as PyTorch's
 * CPU code does. */
#include "op/linear.h"

#include <assert.h>

#include "kernel/gemm.h"
#include "op/parallel.h"

typedef struct bias_task {
    const row_kernels *rows;
    int64_t tokens, width, stride;
    const real *from; /* the bias, or dy */
    real *to;         /* y, or dbias */
} bias_task;

static void add_bias(void *arg, int64_t begin, int64_t end)
{
    const bias_task *b = arg;
    for (int64_t t = begin; t < end; t++) b->rows->add(b->width, b->from, b->to + t * b->stride);
}

/* y = ... + bias:  dbias += dy, row after row; a worker owns columns */
static void add_bias_gradient(void *arg, int64_t begin, int64_t end)
{
    const bias_task *b = arg;
    for (int64_t t = 0; t < b->tokens; t++)
        b->rows->add(end - begin, b->from + t * b->stride + begin, b->to + begin);
}

void linear_forward_together(compute *c, const linear *const *l, int count, int64_t tokens,
    const real *x, int64_t x_stride, real *const *y, const int64_t *y_stride)
{
    gemm_group groups[LINEAR_TOGETHER] = { 0 };
    assert(count <= LINEAR_TOGETHER);
    for (int i = 0; i < count; i++) {
        const weight *w = &l[i]->w;
        assert(!w->experts);
        groups[i] = (gemm_group){ .m = tokens,
            .n = w->rows,
            .k = w->cols,
            .a = x,
            .a_stride = x_stride,
            .b = weight_matrix(w, 0),
            .c = y[i],
            .c_stride = y_stride[i] };
    }
    gemm_grouped(c, GEMM_NT, groups, count, false);
    for (int i = 0; i < count; i++) {
        if (!l[i]->bias) continue;
        bias_task b = { c->variant->rows, tokens, l[i]->w.rows, y_stride[i], l[i]->bias, y[i] };
        parallel_over(c, tokens, 1, tokens * b.width, add_bias, &b);
    }
}

void linear_forward(compute *c, const linear *l, int64_t tokens, const real *x, int64_t x_stride,
    real *y, int64_t y_stride)
{
    linear_forward_together(c, &l, 1, tokens, x, x_stride, &y, &y_stride);
}

/* y = x w^T + bias:  dx = dy w, dw = dy^T x, dbias = sum of dy */
void linear_backward(compute *c, const linear *l, int64_t tokens, const real *x, int64_t x_stride,
    const real *dy, int64_t dy_stride, bool accumulate, real *dx, int64_t dx_stride)
{
    const weight *w = &l->w;
    assert(!w->experts);
    gemm_group input = { .m = tokens,
        .n = w->cols,
        .k = w->rows,
        .a = dy,
        .a_stride = dy_stride,
        .b = weight_matrix(w, 0),
        .c = dx,
        .c_stride = dx_stride };
    if (dx) gemm_grouped(c, GEMM_NN, &input, 1, accumulate);
    if (l->dw)
        gemm(
            c, GEMM_TN, w->rows, w->cols, tokens, dy, dy_stride, x, x_stride, l->dw, w->cols, true);
    if (!l->dbias) return;
    bias_task b = { c->variant->rows, tokens, w->rows, dy_stride, dy, l->dbias };
    parallel_over(c, w->rows, ROW_LANES, tokens * w->rows, add_bias_gradient, &b);
}

/* norm.c - rows are shared out for the values and dx, columns for the gain's gradient, which is a
 * sum over tokens. */
#include "op/norm.h"

#include "op/parallel.h"

typedef struct norm_task {
    const row_kernels *rows;
    const norm *n;
    int64_t tokens;
    const real *x, *dy;
    real *y, *dx, *inverse;
    const real *saved; /* inverse, in the backward pass */
    int64_t x_stride, y_stride, dy_stride, dx_stride;
    bool accumulate;
} norm_task;

static void forward_rows(void *arg, int64_t begin, int64_t end)
{
    const norm_task *k = arg;
    const norm *n = k->n;
    for (int64_t t = begin; t < end; t++)
        for (int64_t h = 0; h < n->heads; h++) {
            int64_t at = h * n->width;
            real r = k->rows->rms_norm(n->width, k->x + t * k->x_stride + at, n->gain, n->eps,
                k->y + t * k->y_stride + at);
            if (k->inverse) k->inverse[t * n->heads + h] = r;
        }
}

static void backward_rows(void *arg, int64_t begin, int64_t end)
{
    const norm_task *k = arg;
    const norm *n = k->n;
    for (int64_t t = begin; t < end; t++)
        for (int64_t h = 0; h < n->heads; h++) {
            int64_t at = h * n->width;
            k->rows->rms_norm_backward(n->width, k->x + t * k->x_stride + at, n->gain,
                k->saved[t * n->heads + h], k->dy + t * k->dy_stride + at, k->accumulate,
                k->dx + t * k->dx_stride + at);
        }
}

static void gain_columns(void *arg, int64_t begin, int64_t end)
{
    const norm_task *k = arg;
    const norm *n = k->n;
    for (int64_t t = 0; t < k->tokens; t++)
        for (int64_t h = 0; h < n->heads; h++) {
            int64_t at = h * n->width + begin;
            k->rows->rms_norm_gain(end - begin, k->x + t * k->x_stride + at,
                k->saved[t * n->heads + h], k->dy + t * k->dy_stride + at, n->dgain + begin);
        }
}

void norm_forward(const compute *c, const norm *n, int64_t tokens, const real *x, int64_t x_stride,
    real *y, int64_t y_stride, real *inverse)
{
    norm_task k = { .rows = c->variant->rows,
        .n = n,
        .tokens = tokens,
        .x = x,
        .x_stride = x_stride,
        .y = y,
        .y_stride = y_stride,
        .inverse = inverse };
    parallel_over(c, tokens, 1, tokens * n->heads * n->width, forward_rows, &k);
}

/* y = x r gain:  the gain first, for dx may overwrite dy */
void norm_backward(const compute *c, const norm *n, int64_t tokens, const real *x, int64_t x_stride,
    const real *inverse, const real *dy, int64_t dy_stride, bool accumulate, real *dx,
    int64_t dx_stride)
{
    norm_task k = { .rows = c->variant->rows,
        .n = n,
        .tokens = tokens,
        .x = x,
        .x_stride = x_stride,
        .saved = inverse,
        .dy = dy,
        .dy_stride = dy_stride,
        .dx = dx,
        .dx_stride = dx_stride,
        .accumulate = accumulate };
    int64_t work = tokens * n->heads * n->width;
    if (n->dgain) parallel_over(c, n->width, ROW_LANES, work, gain_columns, &k);
    parallel_over(c, tokens, 1, work, backward_rows, &k);
}

/* norm.c - workers share the rows of the values and of dx, and the columns of the gain's gradient,
 * which is a sum over tokens. */
#include "op/norm.h"

#include "op/parallel.h"

typedef struct norm_task {
    const row_kernels *rows;
    const norm *n;
    strided_in x, dy;
    strided_out y, dx;
    real *inverse;
    const real *saved; /* inverse, in the backward pass */
} norm_task;

static const real *gain_of(const norm *n, int64_t head)
{
    return n->gain + (n->own_gains ? head * n->width : 0);
}

static void forward_rows(void *arg, int64_t begin, int64_t end)
{
    const norm_task *k = arg;
    const norm *n = k->n;
    for (int64_t t = begin; t < end; t++)
        for (int64_t h = 0; h < n->heads; h++) {
            int64_t at = h * n->width;
            real r = k->rows->rms_norm(n->width, k->x.at + t * k->x.stride + at, gain_of(n, h),
                n->eps, k->y.at + t * k->y.stride + at);
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
            k->rows->rms_norm_backward(n->width, k->x.at + t * k->x.stride + at, gain_of(n, h),
                k->saved[t * n->heads + h], k->dy.at + t * k->dy.stride + at, k->dx.add,
                k->dx.at + t * k->dx.stride + at);
        }
}

static void gain_columns(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const norm_task *k = arg;
    const norm *n = k->n;
    for (int64_t t = token; t < token_end; t++)
        for (int64_t h = 0; h < n->heads; h++) {
            int64_t at = h * n->width + begin;
            k->rows->rms_norm_gain(end - begin, k->x.at + t * k->x.stride + at,
                k->saved[t * n->heads + h], k->dy.at + t * k->dy.stride + at, to);
        }
}

/* Own gains: elements begin .. end - 1 of [heads, width] may be some of several heads. */
static void own_gain_columns(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const norm_task *k = arg;
    const norm *n = k->n;
    for (int64_t t = token; t < token_end; t++)
        for (int64_t at = begin, next; at < end; at = next) {
            int64_t h = at / n->width;
            next = (h + 1) * n->width < end ? (h + 1) * n->width : end;
            k->rows->rms_norm_gain(next - at, k->x.at + t * k->x.stride + at,
                k->saved[t * n->heads + h], k->dy.at + t * k->dy.stride + at, to + at - begin);
        }
}

void norm_forward(
    const compute *c, const norm *n, int64_t tokens, strided_in x, strided_out y, real *inverse)
{
    norm_task k = { .rows = c->variant->rows, .n = n, .x = x, .y = y, .inverse = inverse };
    parallel_over(c, tokens, 1, tokens * n->heads * n->width, forward_rows, &k);
}

/* y = x r gain. The gain's gradient comes first, for dx may overwrite dy. */
void norm_backward(const compute *c, const norm *n, int64_t tokens, strided_in x,
    const real *inverse, strided_in dy, strided_out dx)
{
    norm_task k = {
        .rows = c->variant->rows, .n = n, .x = x, .saved = inverse, .dy = dy, .dx = dx
    };
    int64_t work = tokens * n->heads * n->width;
    leaf_sum gain = { tokens, n->width, work, n->accumulate, gain_columns, &k },
             gains = { tokens, n->heads * n->width, work, n->accumulate, own_gain_columns, &k };
    if (n->dgain) leaves_sum(c, n->leaves, n->own_gains ? &gains : &gain, n->dgain);
    parallel_over(c, tokens, 1, work, backward_rows, &k);
}

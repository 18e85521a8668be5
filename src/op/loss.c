/* loss.c - chunk by chunk: logits, then in their place the gradient of the logits, then what the
 * head makes of it. */
#include "op/loss.h"

#include <assert.h>
#include <string.h>

#include "op/parallel.h"

enum { LEAST_ROWS = 64, MOST_ROWS = 512, LOGITS_AT_ONCE = 1 << 20 };

typedef struct loss_task {
    const row_kernels *rows;
    int64_t vocabulary;
    real logit_scale, scale;
    const int32_t *targets;
    real *logits, *losses;
} loss_task;

loss_scratch loss_scratch_take(arena *a, int64_t tokens, int64_t vocabulary)
{
    int64_t rows = LOGITS_AT_ONCE / vocabulary;
    rows = rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
    if (rows > tokens) rows = tokens;
    return (loss_scratch){ rows, ARENA_ARRAY(a, real, rows * vocabulary) };
}

/* z = logit_scale y, loss = log sum e^z - z[target]:  dy = logit_scale (softmax(z) - onehot) */
static void entropy_rows(void *arg, int64_t begin, int64_t end)
{
    const loss_task *k = arg;
    int64_t n = k->vocabulary;
    for (int64_t t = begin; t < end; t++) {
        real *logits = k->logits + t * n;
        if (k->targets[t] < 0) {
            memset(logits, 0, (size_t)n * sizeof *logits);
            k->losses[t] = 0;
            continue;
        }
        assert(k->targets[t] < n);
        if (k->logit_scale != 1) k->rows->scale(n, k->logit_scale, logits, logits);
        k->losses[t] = k->rows->cross_entropy(n, logits, k->targets[t], k->scale * k->logit_scale);
    }
}

/* dx NULL: the losses alone */
static void run_chunks(compute *c, const loss_head *h, int64_t tokens, const real *x,
    int64_t x_stride, const int32_t *targets, real scale, const loss_scratch *scratch, real *losses,
    real *dx, int64_t dx_stride)
{
    int64_t n = h->head.w.rows;
    for (int64_t t = 0; t < tokens; t += scratch->rows) {
        int64_t rows = tokens - t < scratch->rows ? tokens - t : scratch->rows;
        loss_task k = { c->variant->rows, n, h->logit_scale, scale, targets + t, scratch->logits,
            losses + t };
        linear_forward(c, &h->head, rows, x + t * x_stride, x_stride, scratch->logits, n);
        parallel_over(c, rows, 1, rows * n, entropy_rows, &k);
        if (dx)
            linear_backward(c, &h->head, rows, x + t * x_stride, x_stride, scratch->logits, n,
                false, dx + t * dx_stride, dx_stride);
    }
}

void loss_forward(compute *c, const loss_head *h, int64_t tokens, const real *x, int64_t x_stride,
    const int32_t *targets, const loss_scratch *scratch, real *losses)
{
    run_chunks(c, h, tokens, x, x_stride, targets, 0, scratch, losses, NULL, 0);
}

void loss_forward_backward(compute *c, const loss_head *h, int64_t tokens, const real *x,
    int64_t x_stride, const int32_t *targets, real scale, const loss_scratch *scratch, real *losses,
    real *dx, int64_t dx_stride)
{
    run_chunks(c, h, tokens, x, x_stride, targets, scale, scratch, losses, dx, dx_stride);
}

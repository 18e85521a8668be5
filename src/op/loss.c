/* loss.c - chunk by chunk of rows:
 *
 *     1. logits = head(x)                             [rows, V]
 *     2. losses, and in place of the logits their gradient
 *     3. dx, and the head's gradients, from that */
#include "op/loss.h"

#include <assert.h>
#include <string.h>

#include "op/parallel.h"

enum { MIN_ROWS = 64, MAX_ROWS = 512, LOGITS_AT_ONCE = 1 << 20 };

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
    rows = rows < MIN_ROWS ? MIN_ROWS : rows > MAX_ROWS ? MAX_ROWS : rows;
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

static void run_chunks(
    compute *c, const loss_head *h, const loss_scratch *scratch, const loss_pass *p, bool backward)
{
    linear head = h->head; /* after the first chunk its gradients are added to */
    int64_t n = head.w.rows;
    for (int64_t t = 0; t < p->tokens; t += scratch->rows) {
        int64_t rows = p->tokens - t < scratch->rows ? p->tokens - t : scratch->rows;
        loss_task k = { c->variant->rows, n, h->logit_scale, backward ? p->scale : 0,
            p->targets + t, scratch->logits, p->losses + t };
        strided_in x = rows_from(p->x.at + t * p->x.stride, p->x.stride);
        linear_forward(c, &head, rows, x, rows_to(scratch->logits, n));
        parallel_over(c, rows, 1, rows * n, entropy_rows, &k);
        if (!backward) continue;
        strided_out dx = { p->dx.at + t * p->dx.stride, p->dx.stride, p->dx.add };
        linear_backward(c, &head, rows, x, rows_from(scratch->logits, n), dx);
        head.accumulate = true;
    }
}

void loss_forward(
    compute *c, const loss_head *h, const loss_scratch *scratch, const loss_pass *pass)
{
    run_chunks(c, h, scratch, pass, false);
}

void loss_forward_backward(
    compute *c, const loss_head *h, const loss_scratch *scratch, const loss_pass *pass)
{
    run_chunks(c, h, scratch, pass, true);
}

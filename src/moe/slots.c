/* slots.c - router soft: an expert reads slots that are mixtures of a sequence's tokens, and a
 * token gets a mixture of all slots' outputs. The outputs [R, W] are kept for the gradients by the
 * mixtures.
 *
 *     x_row = sum over the sequence's tokens of D x;  y_t = sum over slots of C out */
#include "moe/slots.h"

#include <string.h>

#include "moe/layer_run.h"
#include "op/parallel.h"

typedef struct slot_job {
    layer_run *r;
    slot_weights w;
    const real *from; /* [T, W] or [R, W] ... */
    real *to;         /* ... becomes the other */
    bool backward;
} slot_job;

static int64_t slots_of(const layer_run *r) { return (int64_t)r->c->experts * r->c->route.slots; }

/* The sequence of a row, and its slot among E P. */
static int64_t slot_of_row(const layer_run *r, int64_t row, int64_t *sequence)
{
    int64_t slots = r->c->route.slots, each = r->call->batch->sequences * slots;
    *sequence = row % each / slots;
    return row / each * slots + row % slots;
}

static int64_t row_of_slot(const layer_run *r, int64_t sequence, int64_t slot)
{
    int64_t slots = r->c->route.slots, each = r->call->batch->sequences * slots;
    return slot / slots * each + sequence * slots + slot % slots;
}

/* to[row] = sum over the sequence's tokens of w[t, slot] from[t] */
static void mix_rows(void *arg, int64_t begin, int64_t end)
{
    const slot_job *job = arg;
    const layer_run *r = job->r;
    const row_kernels *kernels = r->call->compute->variant->rows;
    const int64_t *start = r->call->batch->start, width = r->c->width, slots = slots_of(r);
    const real *w = job->backward ? job->w.combine : job->w.dispatch;
    for (int64_t row = begin; row < end; row++) {
        int64_t s, slot = slot_of_row(r, row, &s);
        real *to = job->to + row * width;
        memset(to, 0, (size_t)width * sizeof(real));
        for (int64_t t = start[s]; t < start[s + 1]; t++)
            kernels->axpy(width, w[t * slots + slot], job->from + t * width, to);
    }
}

/* to[t] += sum over slots of w[t, slot] from[row] */
static void mix_sequence(const slot_job *job, int64_t s)
{
    const layer_run *r = job->r;
    const row_kernels *kernels = r->call->compute->variant->rows;
    const int64_t *start = r->call->batch->start, width = r->c->width, slots = slots_of(r);
    const real *w = job->backward ? job->w.dispatch : job->w.combine;
    for (int64_t t = start[s]; t < start[s + 1]; t++)
        for (int64_t i = 0; i < slots; i++)
            kernels->axpy(width, w[t * slots + i], job->from + row_of_slot(r, s, i) * width,
                job->to + t * width);
}

static void mix_tokens(void *arg, int64_t begin, int64_t end)
{
    for (int64_t s = begin; s < end; s++) mix_sequence(arg, s);
}

/* dC = <out, dy>, dD = <dx_row, x> */
static void weight_gradients(layer_run *r, const slot_weights *w, const real *dy, const real *x)
{
    const row_kernels *kernels = r->call->compute->variant->rows;
    const int64_t *start = r->call->batch->start, width = r->c->width, slots = slots_of(r);
    for (int64_t s = 0; s < r->call->batch->sequences; s++)
        for (int64_t t = start[s]; t < start[s + 1]; t++)
            for (int64_t i = 0; i < slots; i++) {
                int64_t row = row_of_slot(r, s, i);
                w->dcombine[t * slots + i] =
                    kernels->dot(width, r->s->out_rows + row * width, dy + t * width);
                w->ddispatch[t * slots + i] =
                    kernels->dot(width, r->scratch.rows + row * width, x + t * width);
            }
}

static void over(layer_run *r, void (*task)(void *, int64_t, int64_t), int64_t count, slot_job *job)
{
    parallel_over(
        r->call->compute, count, 1, r->s->plan.tokens * slots_of(r) * r->c->width, task, job);
}

void slots_gather(layer_run *r, const real *x)
{
    slot_job job = { r, slot_weights_of(&r->routing), x, r->s->input_rows, false };
    over(r, mix_rows, r->s->plan.rows, &job);
}

void slots_combine(layer_run *r, real *y)
{
    slot_job job = { r, slot_weights_of(&r->routing), r->s->out_rows, y, false };
    over(r, mix_tokens, r->call->batch->sequences, &job);
}

void slots_spread(layer_run *r, const real *dy)
{
    slot_job job = { r, slot_weights_of(&r->routing), dy, r->scratch.dy_rows, true };
    over(r, mix_rows, r->s->plan.rows, &job);
}

void slots_weights_backward(layer_run *r, const real *dy, const real *x)
{
    slot_weights w = slot_weights_of(&r->routing);
    weight_gradients(r, &w, dy, x);
}

void slots_scatter(layer_run *r, real *dx)
{
    slot_job job = { r, slot_weights_of(&r->routing), r->scratch.rows, dx, true };
    over(r, mix_tokens, r->call->batch->sequences, &job);
}

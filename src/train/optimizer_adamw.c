/* optimizer_adamw.c - AdamW (Loshchilov & Hutter 2019), in PyTorch's order of operations. */
#include <math.h>

#include "kernel/rows.h"
#include "train/optimizer_method.h"

void optimizer_adamw_update(
    const optimizer *o, const optimizer_step_args *s, const block *b, int64_t first, int64_t end)
{
    const optimizer_options *a = &o->options;
    int64_t at = b->begin + first;
    double correction1 = 1 - pow(a->beta1, (double)s->t),
           correction2 = 1 - pow(a->beta2, (double)s->t);
    o->c->variant->rows->adamw(end - first, s->values + b->offset + first,
        optimizer_state_of(o, 0, b->param) + at, optimizer_state_of(o, 1, b->param) + at,
        s->gradient + b->offset + first, s->scale, optimizer_rate(s, b), a->beta1, a->beta2, a->eps,
        optimizer_decay(o, b), correction1, correction2);
}

static void step(optimizer *o, const optimizer_step_args *s)
{
    optimizer_update_all(o, s, optimizer_adamw_update);
}

const optimizer_method optimizer_adamw = {
    .name = "adamw",
    .meaning = "moves each element by its mean gradient, divided by the root of its mean square",
    .state = { "adamw.m.", "adamw.v." },
    .ranks = true,
    .betas = true,
    .step = step,
};

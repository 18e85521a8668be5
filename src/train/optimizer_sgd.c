/* optimizer_sgd.c - gradient descent with momentum, as in PyTorch: without dampening and without
 * Nesterov momentum. Weight decay is added to the gradient, so that it enters the momentum. */
#include "kernel/rows.h"
#include "train/optimizer_method.h"

static void update(
    const optimizer *o, const optimizer_step_args *s, const block *b, int64_t first, int64_t end)
{
    int64_t at = b->offset + first;
    o->c->variant->rows->sgd(end - first, s->values + at,
        optimizer_state_of(o, 0, b->param) + b->begin + first, s->gradient + at, s->scale,
        optimizer_rate(s, b), o->options.momentum, optimizer_decay(o, b));
}

static void step(optimizer *o, const optimizer_step_args *s) { optimizer_update_all(o, s, update); }

const optimizer_method optimizer_sgd = {
    .name = "sgd",
    .meaning = "moves each element by its gradient, with momentum",
    .state = { "sgd.m." },
    .ranks = true,
    .momentum = 0.9,
    .step = step,
};

/* router_dense.c - a softmax over all experts, all of which serve every token: mixtures of experts
 * as they began (Jacobs et al. 1991). With n tasks there are n gates over the same experts, each
 * with an output of its own (MMoE, Ma et al. 2018): moe/tasks.c combines the experts once for
 * each, and what others see, scores and edges, is the mean over the gates. */
#include "moe/routing.h"
#include "moe/select.h"
#include "moe/tasks.h"

/* ---- one gate ---- */

static void score(const router_token *t) { score_softmax(t); }

/* ---- a gate a task ---- */

/* Own buffers: weights [n, T, E], and the gradients by them, which become those by the logits. */
static int64_t own(const router_options *o, int64_t tokens, int64_t width, int32_t experts)
{
    (void)width;
    return o->tasks > 1 ? 2 * tokens * o->tasks * experts : 0;
}

task_weights task_weights_of(const routing *r)
{
    int64_t elements = r->plan->tokens * r->options->tasks * r->plan->experts;
    return (task_weights){ r->state->own, r->state->own + elements };
}

static bool has_tasks(const router_options *o) { return o->tasks > 1; }

/* The matrix of one task's gate, [E, D] of [n, E, D]. */
static weight gate_of(const routing *r, int64_t k)
{
    int64_t size = r->plan->experts * r->width;
    if (!has_tasks(r->options)) return r->weights->matrix;
    return weight_of_floats(
        (const real *)r->weights->matrix.data + k * size, r->plan->experts, r->width);
}

static void project(routing *r)
{
    int64_t elements = r->plan->tokens * r->plan->experts;
    for (int64_t k = 0; k < r->options->tasks; k++) {
        weight gate = gate_of(r, k);
        real *logits =
            has_tasks(r->options) ? task_weights_of(r).weight + k * elements : r->state->logits;
        const real *bias = r->weights->bias ? r->weights->bias + k * r->plan->experts : NULL;
        routing_multiply(r, routing_input(r), &gate, bias, logits, false);
    }
    if (has_tasks(r->options)) memset(r->state->logits, 0, (size_t)elements * sizeof(real));
}

/* Token t's row of task k. */
static int64_t place_of(const router_token *t, int64_t k)
{
    return (k * t->routing->plan->tokens + t->index) * t->experts;
}

static void score_tasks(const router_token *t)
{
    int64_t tasks = t->options->tasks;
    real *mean = t->routing->state->logits + t->index * t->experts, share = 1 / (real)tasks;
    *t->lse = 0;
    memset(t->score, 0, (size_t)t->experts * sizeof(real));
    for (int64_t k = 0; k < tasks; k++) {
        real *w = task_weights_of(t->routing).weight + place_of(t, k);
        t->rows->axpy(t->experts, share, w, mean);
        *t->lse += share * t->rows->log_sum_exp(t->experts, w);
        t->rows->softmax(t->experts, w, w);
        t->rows->axpy(t->experts, share, w, t->score);
        t->rows->scale(t->experts, t->options->scale, w, w);
    }
}

/* d [tasks, T, E] is 0 for tokens of padding. */
static void clear_padding(const routing *r, real *d)
{
    size_t bytes = (size_t)r->plan->experts * sizeof(real);
    for (int64_t i = 0; i < r->options->tasks * r->plan->tokens; i++)
        if (!plan_is_valid(r->plan, i % r->plan->tokens))
            memset(d + i * r->plan->experts, 0, bytes);
}

static int32_t choose(const router_token *t)
{
    if (has_tasks(t->options)) score_tasks(t);
    else score(t);
    for (int32_t e = 0; e < t->experts; e++) t->expert[e] = (gexp){ e };
    return t->experts;
}

/* Forward: w = scale softmax(z) for each task; a loss's score is the mean of the softmaxes. */
static void backward(const router_token *t, const token_gradient *d)
{
    int64_t tasks = t->options->tasks;
    if (!has_tasks(t->options)) {
        backward_raw(t, d);
        return;
    }
    task_weights w = task_weights_of(t->routing);
    for (int64_t k = 0; k < tasks; k++) {
        real *dw = w.dweight + place_of(t, k), *p = d->dlogits, scale = t->options->scale;
        t->rows->scale(t->experts, 1 / scale, w.weight + place_of(t, k), p);
        t->rows->scale(t->experts, scale, dw, dw);
        t->rows->axpy(t->experts, 1 / (real)tasks, d->dprobability, dw);
        t->rows->softmax_backward(t->experts, p, dw, dw);
    }
    memset(d->dlogits, 0, (size_t)t->experts * sizeof(real));
}

static void project_backward(
    routing *r, const real *dlogits, router_gradients *g, bool accumulate, real *dx)
{
    int64_t experts = r->plan->experts, elements = r->plan->tokens * experts;
    bool tasks = has_tasks(r->options);
    if (tasks) clear_padding(r, task_weights_of(r).dweight);
    for (int64_t k = 0; k < r->options->tasks; k++) {
        weight gate = gate_of(r, k);
        routing_product p = { .a = routing_input(r),
            .w = &gate,
            .dw = g->matrix + k * experts * r->width,
            .dbias = g->bias ? g->bias + k * experts : NULL,
            .accumulate = accumulate,
            .leaves = g->leaves,
            .da = { dx, r->width, k > 0 } };
        routing_multiply_backward(
            r, &p, tasks ? task_weights_of(r).dweight + k * elements : dlogits);
    }
}

static int tensors(const routing *r, router_tensor *list)
{
    const plan *p = r->plan;
    if (!has_tasks(r->options)) return 0;
    list[0] = (router_tensor){ "weights", 3, { r->options->tasks, p->tokens, p->experts },
        task_weights_of(r).weight };
    return 1;
}

static void assign(routing *r)
{
    assign_each(r, choose);
    if (has_tasks(r->options)) clear_padding(r, task_weights_of(r).weight);
}

static int64_t matrix_rows(const router_options *o, int32_t experts)
{
    return (int64_t)o->tasks * experts;
}

const router router_dense = {
    .name = "dense",
    .help = "every expert serves every token, weighted by a softmax (Jacobs et al. 1991); with a "
            "gate for each task: MMoE",
    .traits = ROUTER_EVERY_EXPERT,
    .options = (const char *const[]){ "tasks", NULL },
    .most_picks = picks_of_all,
    .matrix_rows = matrix_rows,
    .own = own,
    .project = project,
    .project_backward = project_backward,
    .assign = assign,
    .score = score,
    .weigh = weigh_raw,
    .backward = backward,
    .tensors = tensors,
};

/* tasks.c - router dense with tasks: several outputs of the same experts, each with a gate of its
 * own. The experts' outputs [R, D] are kept for the gradients by the gates' weights.
 *
 *     y_kt = sum over experts of w_kte out;  dout = sum over tasks of w_kte dy_kt */
#include "moe/tasks.h"

#include <string.h>

#include "moe/layer_run.h"

void tasks_combine(const layer_run *r, real *y)
{
    const plan *p = &r->s->plan;
    const row_kernels *kernels = r->call->compute->variant->rows;
    int64_t width = r->c->width, tasks = r->c->route.tasks;
    const real *w = task_weights_of(&r->routing).weight;
    memset(y, 0, (size_t)(tasks * p->tokens * width) * sizeof(real));
    for (int64_t k = 0; k < tasks; k++)
        for (int64_t t = 0; t < p->tokens; t++)
            for (int64_t i = p->token_start[t]; i < p->token_start[t + 1]; i++)
                kernels->axpy(width, w[(k * p->tokens + t) * p->experts + p->edge_expert[i].id],
                    r->s->out_rows + p->edge_row[i] * width, y + (k * p->tokens + t) * width);
}

void tasks_spread(layer_run *r, const real *dy)
{
    const plan *p = &r->s->plan;
    const row_kernels *kernels = r->call->compute->variant->rows;
    int64_t width = r->c->width, tasks = r->c->route.tasks;
    task_weights w = task_weights_of(&r->routing);
    memset(r->scratch.dy_rows, 0, (size_t)(p->rows * width) * sizeof(real));
    for (int64_t t = 0; t < p->tokens; t++)
        for (int64_t i = p->token_start[t]; i < p->token_start[t + 1]; i++)
            for (int64_t k = 0; k < tasks; k++) {
                int64_t at = (k * p->tokens + t) * p->experts + p->edge_expert[i].id;
                const real *row = dy + (k * p->tokens + t) * width;
                kernels->axpy(
                    width, w.weight[at], row, r->scratch.dy_rows + p->edge_row[i] * width);
                w.dweight[at] = kernels->dot(width, r->s->out_rows + p->edge_row[i] * width, row);
            }
}

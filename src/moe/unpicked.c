/* unpicked.c - the dense estimator: in the backward pass every token also passes through the
 * experts that it did not pick, so that the router learns what they would have given (DenseMixer;
 * Panda et al. 2025). Their outputs are constants to the experts and to the token. */
#include <string.h>

#include "moe/layer_run.h"
#include "op/parallel.h"

static bool is_picked(const plan *p, int64_t t, int32_t e)
{
    for (int64_t i = p->token_start[t]; i < p->token_start[t + 1]; i++)
        if (p->edge_expert[i].id == e) return true;
    return false;
}

/* The tokens that expert e did not serve, in order: the pass's rows are all its. */
static int64_t list_tokens(const layer_run *r, int32_t e)
{
    const plan *p = &r->s->plan;
    int64_t count = 0;
    for (int64_t t = 0; t < p->tokens; t++)
        if (plan_is_valid(p, t) && !is_picked(p, t, e))
            r->scratch.unpicked_token[count++] = (int32_t)t;
    for (int32_t i = 0; i <= p->experts; i++) r->scratch.unpicked_first[i] = i > e ? count : 0;
    return count;
}

typedef struct output_job {
    const layer_run *r;
    const real *dsparse;
    int32_t expert;
} output_job;

static void output_task(void *arg, int64_t begin, int64_t end)
{
    const output_job *job = arg;
    const layer_run *r = job->r;
    const row_kernels *kernels = r->call->compute->variant->rows;
    int64_t width = experts_width(r->c);
    const real *const *bias = r->w->experts.down_bias;
    for (int64_t row = begin; row < end; row++) {
        int64_t t = r->scratch.unpicked_token[row];
        const real *dy = job->dsparse + t * width;
        real along = kernels->dot(width, r->scratch.unpicked_out + row * width, dy);
        if (bias) along += kernels->dot(width, bias[job->expert], dy);
        r->scratch.unpicked[t * r->c->experts + job->expert] = along;
    }
}

static void expert_outputs(layer_run *r, int32_t e, const real *x, const real *dsparse)
{
    layer_scratch *s = &r->scratch;
    int64_t count = list_tokens(r, e), width = experts_width(r->c);
    expert_pass pass = { .compute = r->call->compute,
        .weights = &r->w->experts,
        .limit = clamp_of(r->c),
        .width = width,
        .form = layer_form(r->call->compute->variant->rows, r->c),
        .hidden = r->c->hidden,
        .pre = s->unpicked_pre,
        .act = s->unpicked_act,
        .group = s->group,
        .wanted = s->wanted };
    output_job job = { r, dsparse, e };
    pass.rows = (expert_rows){
        .experts = r->c->experts, .first = s->unpicked_first, .token = s->unpicked_token
    };
    if (!count) return;
    (void)experts_forward(&pass, x, s->unpicked_out); /* it has no source that could fail */
    parallel_over(r->call->compute, count, 1, count * width, output_task, &job);
}

void unpicked_outputs(layer_run *r, const real *x, const real *dsparse)
{
    int64_t pairs = r->s->plan.tokens * r->c->experts;
    memset(r->scratch.unpicked, 0, (size_t)pairs * sizeof(real));
    for (int32_t e = 0; e < r->c->experts; e++) expert_outputs(r, e, x, dsparse);
}

/* router_relu.c - every expert whose logit is positive, with the logit as its weight: ReMoE. The
 * number of experts is learnt; the loss l1 presses on those that are in use, and a controller moves
 * its coefficient until a token has K on average.
 *
 *     loss l1      lambda sum over e of f_e mean over t of w_te,  f_e = E count_e / (K T)
 *     controller   lambda *= multiplier where sparsity < 1 - K / E, and otherwise lambda /=
 *                  multiplier, once a step; sparsity = the share of weights that are 0. The code
 *                  of ReMoE divides where both are equal, too */
#include <math.h>

#include "moe/routing.h"
#include "moe/select.h"

enum { LAMBDA }; /* [1] the only parameter of its own, a state */

static void score(const router_token *t)
{
    for (int32_t e = 0; e < t->experts; e++)
        t->score[e] = t->key[e] = t->logits[e] > 0 ? t->logits[e] : 0;
    *t->lse = t->rows->log_sum_exp(t->experts, t->logits);
}

static bool is_positive(const router_token *t, int32_t e) { return t->logits[e] > 0; }

static int32_t choose(const router_token *t)
{
    score(t);
    return choose_where(t, is_positive);
}

static void assign(routing *r) { assign_each(r, choose); }

static real derivative(real z, real s)
{
    (void)s;
    return z > 0;
}

static void backward(const router_token *t, const token_gradient *d)
{
    backward_independent(t, d, derivative, backward_scaled);
}

static int parameters(
    const router_options *o, int64_t width, int32_t experts, router_parameter *list)
{
    (void)width, (void)experts;
    list[LAMBDA] = (router_parameter){ "router.l1", 0, 0, 1, false, false, START_VALUE, o->l1 };
    return 1;
}

/* Own buffers: sums over a step's batches of valid tokens [1] and of edges [1]; then their sparsity
 * [1]. */
static int64_t own(const router_options *o, int64_t tokens, int64_t width, int32_t experts)
{
    (void)o, (void)tokens, (void)width, (void)experts;
    return 3;
}

static double sparsity_of(const routing *r)
{
    const real *sum = r->state->own;
    return sum[0] > 0 ? 1 - (double)sum[1] / ((double)sum[0] * r->plan->experts) : 0;
}

/* The sums begin again with each step. */
static void count(routing *r)
{
    real *sum = r->state->own;
    if (r->batch->random.first_token == 0) sum[0] = sum[1] = 0;
    for (int64_t t = 0; t < r->plan->tokens; t++) sum[0] += plan_is_valid(r->plan, t);
    sum[1] += (real)r->plan->edges;
    sum[2] = (real)sparsity_of(r);
}

static void assign_and_count(routing *r)
{
    assign(r);
    count(r);
}

static int tensors(const routing *r, router_tensor *list)
{
    list[0] = (router_tensor){ "sparsity", 1, { 1 }, r->state->own + 2 };
    list[1] = (router_tensor){ "l1_next", 1, { 1 }, r->weights->own[LAMBDA] };
    return 2;
}

static void end_step(routing *r, real *const *own)
{
    const real *sum = r->state->own;
    double multiplier = (double)r->options->l1_multiplier, lambda = (double)own[LAMBDA][0];
    /* sparsity < 1 - K / E, in whole numbers: no rounding decides where both are equal. */
    bool too_many = (double)sum[1] > (double)sum[0] * r->options->topk;
    own[LAMBDA][0] = (real)(too_many ? lambda * multiplier : lambda / multiplier);
}

const router router_relu = {
    .name = "relu",
    .help = "every expert with a positive logit, which is its weight; an adaptive loss keeps them "
            "to about k (ReMoE)",
    .traits = ROUTER_VARIABLE | ROUTER_INDEPENDENT,
    .loss = "l1",
    .loss_coefficient = 1,
    .options = (const char *const[]){ "l1", "l1-multiplier", NULL },
    .most_picks = picks_of_all,
    .parameters = parameters,
    .own = own,
    .assign = assign_and_count,
    .score = score,
    .weigh = weigh_raw,
    .backward = backward,
    .end_step = end_step,
    .tensors = tensors,
};

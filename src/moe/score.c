/* score.c - scores that are a function of each logit alone (sigmoid, square root of softplus), and
 * routers that leave the function open. */
#include <math.h>
#include <string.h>

#include "moe/select.h"

void score_sigmoid(const router_token *t)
{
    t->rows->sigmoid(t->experts, t->logits, t->score);
    *t->lse = t->rows->log_sum_exp(t->experts, t->logits);
}

real derivative_sigmoid(real z, real s)
{
    (void)z;
    return s * (1 - s);
}

/* This works in double: in float, softplus would be 0 for logits below -17. */
static real root_softplus(real z)
{
    double x = (double)z;
    return (real)sqrt((x > 0 ? x : 0) + log1p(exp(-fabs(x))));
}

void score_root_softplus(const router_token *t)
{
    for (int32_t e = 0; e < t->experts; e++) t->score[e] = root_softplus(t->logits[e]);
    *t->lse = t->rows->log_sum_exp(t->experts, t->logits);
}

/* Forward: s = sqrt(log(1 + exp z)). */
real derivative_root_softplus(real z, real s)
{
    return s > 0 ? (real)(0.5 / (1 + exp(-(double)z))) / s : 0;
}

void score_by_option(const router_token *t)
{
    switch (t->options->score) {
    case SCORE_SIGMOID: score_sigmoid(t); break;
    case SCORE_SQRT_SOFTPLUS: score_root_softplus(t); break;
    case SCORE_SOFTMAX:
    case SCORE_TOPK_SOFTMAX:
    case SCORE_NONE: score_softmax(t); break;
    }
}

void backward_by_option(const router_token *t, const token_gradient *d, backward_weights *weighed)
{
    switch (t->options->score) {
    case SCORE_SIGMOID: backward_independent(t, d, derivative_sigmoid, weighed); break;
    case SCORE_SQRT_SOFTPLUS: backward_independent(t, d, derivative_root_softplus, weighed); break;
    case SCORE_SOFTMAX:
        weighed(t, d->dweight, d->dprobability);
        backward_probability(t, d);
        break;
    case SCORE_TOPK_SOFTMAX:
        backward_probability(t, d);
        backward_picked_softmax(t, d);
        break;
    case SCORE_NONE: backward_probability(t, d); break;
    }
}

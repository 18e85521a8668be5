/* router_sqrtsoftplus_bias.c - the square root of softplus per expert, otherwise as sigmoid-bias:
 * DeepSeek-V4. */
#include "moe/select.h"

static void score(const router_token *t)
{
    score_root_softplus(t);
    key_of_scores(t);
}

static void backward(const router_token *t, const token_gradient *d)
{
    backward_independent(t, d, derivative_root_softplus, backward_normalised);
}

static void defaults(router_options *o)
{
    o->group_score = GROUP_TOP2;
    o->norm_eps = REAL_C(1e-20);
}

const router router_sqrtsoftplus_bias = {
    .name = "sqrtsoftplus-bias",
    .help = "the square root of softplus per expert; a correction bias is added for the choice "
            "alone; weights are renormalised to sum to 1 (DeepSeek-V4)",
    .traits = ROUTER_CORRECTION | ROUTER_INDEPENDENT | ROUTER_RENORMALISES,
    .options = (const char *const[]){ "groups", "groups-used", "group-score", "group-mask",
        "norm-eps", "survivors", NULL },
    .defaults = defaults,
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh_normalised,
    .backward = backward,
};

/* router_sigmoid_bias.c - a sigmoid per expert; picked by score + correction bias, within the best
 * groups; weights are the scores without the bias, divided by their sum: DeepSeek-V3, GLM-4.5,
 * dots.llm1, Kimi-K2, MiniMax-M2; or as they are, where a model of these families says so. */
#include "moe/select.h"

static void score(const router_token *t)
{
    score_sigmoid(t);
    key_of_scores(t);
}

static void backward(const router_token *t, const token_gradient *d)
{
    backward_independent(t, d, derivative_sigmoid, backward_normalised);
}

static void backward_as_they_are(const router_token *t, const token_gradient *d)
{
    backward_independent(t, d, derivative_sigmoid, backward_scaled);
}

static void defaults(router_options *o)
{
    o->group_score = GROUP_TOP2;
    o->norm_eps = REAL_C(1e-20);
}

const router router_sigmoid_bias = {
    .name = "sigmoid-bias",
    .help = "a sigmoid per expert; a correction bias is added for the choice alone; weights are "
            "renormalised to sum to 1 (DeepSeek-V3, GLM-4.5)",
    .traits = ROUTER_CORRECTION | ROUTER_INDEPENDENT | ROUTER_RENORMALISES,
    .options = (const char *const[]){ "groups", "groups-used", "group-score", "group-mask",
        "norm-eps", "survivors", NULL },
    .defaults = defaults,
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh_normalised,
    .backward = backward,
};

const router router_sigmoid_bias_raw = {
    .name = "sigmoid-bias-raw",
    .help = "a sigmoid per expert; a correction bias is added for the choice alone; weights stay "
            "as they are",
    .traits = ROUTER_CORRECTION | ROUTER_INDEPENDENT,
    .options = (const char *const[]){ "groups", "groups-used", "group-score", "group-mask", NULL },
    .defaults = defaults,
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh_raw,
    .backward = backward_as_they_are,
};

/* router_softmax_bias.c - softmax over all experts, picked by score + correction bias; weights are
 * the scores without the bias, divided by their sum (ERNIE 4.5) or as they are (LongCat-Flash). */
#include "moe/select.h"

static void score(const router_token *t)
{
    score_softmax(t);
    key_of_scores(t);
}

static void weigh(const router_token *t)
{
    if (t->options->renormalise) weigh_normalised(t);
    else weigh_raw(t);
}

/* Forward: w = scale p / (sum over picks of p + eps), p = softmax(z). */
static void backward_renormalised(const router_token *t, const token_gradient *d)
{
    backward_normalised(t, d->dweight, d->dprobability);
    backward_probability(t, d);
}

static void backward(const router_token *t, const token_gradient *d)
{
    if (t->options->renormalise) backward_renormalised(t, d);
    else backward_raw(t, d);
}

static void defaults(router_options *o)
{
    o->renormalise = true;
    o->norm_eps = REAL_C(1e-12);
}

const router router_softmax_bias = {
    .name = "softmax-bias",
    .help = "softmax over all experts, picked with a correction bias (ERNIE 4.5; not renormalised: "
            "LongCat)",
    .traits = ROUTER_CORRECTION,
    .options = (const char *const[]){ "groups", "groups-used", "group-score", "group-mask",
        "renormalise", "norm-eps", "survivors", NULL },
    .defaults = defaults,
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh,
    .backward = backward,
};

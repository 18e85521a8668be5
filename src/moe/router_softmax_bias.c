/* router_softmax_bias.c - softmax over all experts, picked by score + correction bias; weights are
 * the scores without the bias, divided by their sum (ERNIE 4.5) or as they are (LongCat-Flash). */
#include "moe/select.h"

static void score(const router_token *t)
{
    score_softmax(t);
    key_of_scores(t);
}

static void defaults(router_options *o) { o->norm_eps = REAL_C(1e-12); }

const router router_softmax_bias = {
    .name = "softmax-bias",
    .help = "softmax over all experts; a correction bias is added for the choice alone (LongCat; "
            "renormalised: ERNIE 4.5)",
    .traits = ROUTER_CORRECTION,
    .options = (const char *const[]){ "logit-noise", "groups", "groups-used", "group-score",
        "group-mask", "renormalise", "norm-eps", "survivors", NULL },
    .defaults = defaults,
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh_by_renormalise,
    .backward = backward_by_renormalise,
};

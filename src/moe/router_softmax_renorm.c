/* router_softmax_renorm.c - softmax over all experts, top-k of it, weights divided by their sum:
 * GShard, Mixtral, Qwen3-MoE. Logits that were not picked have no gradient from the experts; a
 * single pick has none at all. */
#include "moe/select.h"

static void score(const router_token *t)
{
    score_softmax(t);
    key_of_softmax(t);
}

static void backward(const router_token *t, const token_gradient *d)
{
    backward_probability(t, d);
    backward_picked_softmax(t, d);
}

const router router_softmax_renorm = {
    .name = "softmax-renorm",
    .help = "softmax over all experts; the k largest are chosen and renormalised to sum to 1 "
            "(GShard, Mixtral, Qwen3-MoE)",
    .traits = ROUTER_RENORMALISES,
    .options = (const char *const[]){ "logit-noise", "groups", "groups-used", "group-score",
        "group-mask", "survivors", NULL },
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh_normalised,
    .backward = backward,
};

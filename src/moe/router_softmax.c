/* router_softmax.c - softmax over all experts, top-k of it, weights as they are: OLMoE, Qwen2-MoE,
 * Grok, Switch (k = 1), and with groups and a scaling factor DeepSeek-V2. Every logit has a
 * gradient, and a single pick too. */
#include "moe/select.h"

static void score(const router_token *t)
{
    score_softmax(t);
    key_of_softmax(t);
}

const router router_softmax = {
    .name = "softmax",
    .help = "softmax over all experts; the k largest are chosen, and their weights stay as they "
            "are (OLMoE, Switch, DeepSeek-V2)",
    .options = (const char *const[]){ "logit-noise", "groups", "groups-used", "group-score",
        "group-mask", NULL },
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh_raw,
    .backward = backward_raw,
};

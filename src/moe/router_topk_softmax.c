/* router_topk_softmax.c - the k largest logits, softmax over these: Shazeer 2017 without its noise,
 * Granite-MoE, JetMoE, gpt-oss. In real numbers the same as softmax renormalised. The scores, which
 * balancing losses read, are the softmax over all experts. */
#include "moe/select.h"

static void score(const router_token *t)
{
    score_softmax(t);
    key_of_softmax(t);
}

static void weigh(const router_token *t) { weigh_softmax(t, t->logits); }

static void backward(const router_token *t, const token_gradient *d)
{
    backward_probability(t, d);
    backward_picked_softmax(t, d);
}

const router router_topk_softmax = {
    .name = "topk-softmax",
    .help = "the k largest logits are chosen; softmax over these (Granite-MoE, JetMoE, gpt-oss)",
    .traits = ROUTER_RENORMALISES,
    .options = (const char *const[]){ "logit-noise", "groups", "groups-used", "group-score",
        "group-mask", "survivors", NULL },
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh,
    .backward = backward,
};

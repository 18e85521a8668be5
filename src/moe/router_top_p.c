/* router_top_p.c - as many experts as it takes for the sum of their softmax to exceed a threshold; weights as they are:
 * Dynamic MoE (Huang et al. 2024). An entropy loss keeps the number of picks down. */
#include "moe/select.h"

static void score(const router_token *t)
{
    score_softmax(t);
    key_of_softmax(t);
}

static void cut(const router_token *t)
{
    real sum = 0;
    for (int32_t k = 0; k < t->options->topk; k++) {
        if (sum > t->options->top_p) t->pick[k] = GEXP_NONE;
        else sum += t->score[t->pick[k].id];
    }
}

const router router_top_p = {
    .name = "top-p",
    .help = "experts by softmax until their sum exceeds a threshold, at most k of them (Dynamic MoE)",
    .traits = ROUTER_VARIABLE,
    .options = (const char *const[]){ "top-p", NULL },
    .score = score, .cut = cut, .weigh = weigh_raw, .backward = backward_raw,
};

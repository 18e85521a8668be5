/* router_top_p.c - as many experts as it takes for the sum of their softmax to exceed a threshold;
 * weights as they are: Dynamic MoE (Huang et al. 2024). An entropy loss keeps the number of picks
 * down. */
#include "moe/select.h"

static void score(const router_token *t)
{
    score_softmax(t);
    key_of_softmax(t);
}

static int32_t truncate(const router_token *t)
{
    real sum = 0;
    int32_t count = 0;
    while (count < t->count && !(sum > t->options->top_p)) sum += t->score[t->expert[count++].id];
    return count;
}

const router router_top_p = {
    .name = "top-p",
    .help = "the most probable experts until the sum of their probabilities exceeds a threshold, "
            "at most k of them (Dynamic MoE)",
    .traits = ROUTER_VARIABLE,
    .options = (const char *const[]){ "logit-noise", "top-p", NULL },
    .assign = assign_by_token,
    .score = score,
    .truncate = truncate,
    .weigh = weigh_raw,
    .backward = backward_raw,
};

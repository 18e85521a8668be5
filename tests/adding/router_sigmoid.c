/* router_sigmoid.c - a sigmoid per expert, the K largest, weights as they are: Llama 4, 2025. */
#include "moe/select.h"

static void score(const router_token *t)
{
    t->rows->sigmoid(t->experts, t->logits, t->score);
    *t->lse = t->rows->log_sum_exp(t->experts, t->logits);
    key_of_scores(t);
}

static real derivative(real z, real s)
{
    (void)z;
    return s * (1 - s);
}

static void backward(const router_token *t, const token_gradient *d)
{
    backward_independent(t, d, derivative, backward_scaled);
}

const router router_sigmoid = {
    .name = "sigmoid",
    .help = "a sigmoid per expert, weights as they are (Llama 4)",
    .traits = ROUTER_INDEPENDENT,
    .options = (const char *const[]){ "groups", "groups-used", "group-score", "group-mask", NULL },
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh_raw,
    .backward = backward,
};

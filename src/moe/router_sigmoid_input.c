/* router_sigmoid_input.c - the expert with the largest logit reads sigmoid(z) x; its output is
 * taken as it is: Llama 4. */
#include "moe/select.h"

static void score(const router_token *t)
{
    score_sigmoid(t);
    memcpy(t->key, t->logits, (size_t)t->experts * sizeof(real));
}

static void backward(const router_token *t, const token_gradient *d)
{
    backward_independent(t, d, derivative_sigmoid, backward_scaled);
}

const router router_sigmoid_input = {
    .name = "sigmoid-input",
    .help = "the k largest logits z are chosen; an expert reads sigmoid(z) x, and its output is "
            "not weighted (Llama 4)",
    .traits = ROUTER_INDEPENDENT | ROUTER_WEIGHS_INPUT,
    .options = (const char *const[]){ NULL },
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh_raw,
    .backward = backward,
};

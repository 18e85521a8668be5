/* router_threshold.c - in training each expert takes the share K / E of the batch's tokens with the
 * highest probabilities; thresholds learn where that share begins, and afterwards a token has every
 * expert whose probability exceeds the expert's threshold (Shazeer et al. 2017, appendix F).
 *
 *     w = p / sum over picks of p
 *     loss threshold     sum over t, e of (1[p > theta] - 1[picked]) (p - theta) */
#include "moe/routing.h"
#include "moe/select.h"

enum { THETA }; /* [E] */

static void score(const router_token *t)
{
    score_softmax(t);
    memcpy(t->key, t->score, (size_t)t->experts * sizeof(real));
}

/* Own buffers: [T, E] marks, [T, E] scratch of the choice. */
static int64_t own(const router_options *o, int64_t tokens, int64_t width, int32_t experts)
{
    (void)o, (void)width;
    return 2 * tokens * experts;
}

static int64_t share(const routing *r, int64_t group, int32_t expert)
{
    int64_t valid = 0;
    (void)group, (void)expert;
    for (int64_t t = 0; t < r->plan->tokens; t++) valid += plan_is_valid(r->plan, t);
    return r->options->topk * valid / r->plan->experts;
}

static bool is_taken(const router_token *t, int32_t e)
{
    const unsigned char *mark = (const void *)t->routing->state->own;
    return mark[t->index * t->experts + e];
}

static bool is_above(const router_token *t, int32_t e)
{
    return t->score[e] > t->routing->weights->own[THETA][e];
}

static int32_t choose_taken(const router_token *t) { return choose_where(t, is_taken); }
static int32_t choose_above(const router_token *t) { return choose_where(t, is_above); }

static void assign(routing *r)
{
    int64_t elements = r->plan->tokens * r->plan->experts;
    const int64_t start[] = { 0, r->plan->tokens };
    score_each(r);
    if (!r->batch->random.train) {
        assign_each(r, choose_above);
        return;
    }
    choose_by_column(r, &(choose_columns){ .groups = 1,
                            .start = start,
                            .most = share,
                            .key = r->key,
                            .mark = (void *)r->state->own,
                            .heap = (void *)(r->state->own + elements) });
    assign_each(r, choose_taken);
}

static void backward(const router_token *t, const token_gradient *d)
{
    backward_normalised(t, d->dweight, d->dprobability);
    backward_probability(t, d);
}

static int parameters(
    const router_options *o, int64_t width, int32_t experts, router_parameter *list)
{
    (void)o, (void)width;
    list[THETA] =
        (router_parameter){ "router.threshold", 0, 0, experts, true, false, START_VALUE, 0 };
    return 1;
}

const router router_threshold = {
    .name = "threshold",
    .help = "every expert whose probability exceeds its threshold, which is learnt from even loads "
            "over the batch (Shazeer et al. 2017)",
    .traits = ROUTER_VARIABLE | ROUTER_RENORMALISES,
    .loss = "threshold",
    .loss_coefficient = 1e-4,
    .loss_of_models = true,
    .options = (const char *const[]){ "survivors", NULL },
    .most_picks = picks_of_all,
    .parameters = parameters,
    .own = own,
    .assign = assign,
    .score = score,
    .weigh = weigh_normalised,
    .backward = backward,
};

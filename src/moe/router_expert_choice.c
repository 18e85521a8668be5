/* router_expert_choice.c - experts take tokens: of each sequence of n tokens an expert takes the
 * C = min(n, ceil(factor n / E)) with the highest scores, so that loads are even without a loss; a
 * token has 0 to E experts (Zhou et al. 2022). Scores are the softmax over experts, or sigmoids of
 * the logits, in training with logistic noise (MoMa).
 *
 * Which tokens an expert takes depends on the tokens behind them: a decoder that is trained with it
 * sees the future. */

#include "moe/dispatch.h"
#include "moe/routing.h"
#include "moe/select.h"

static bool by_sigmoid(const router_options *o) { return o->score == SCORE_SIGMOID; }

/* Returns the offset of the token's row in a matrix [T, E]. */
static int64_t place_of(const router_token *t)
{
    return t->index * t->routing->plan->experts + t->first;
}

static void score(const router_token *t)
{
    if (!by_sigmoid(t->options)) {
        score_softmax(t);
        memcpy(t->key, t->score, (size_t)t->experts * sizeof(real));
        return;
    }
    memcpy(t->key, t->logits, (size_t)t->experts * sizeof(real));
    if (t->routing->batch->random.train)
        t->rows->add(t->experts, t->routing->state->own + place_of(t), t->key);
    t->rows->sigmoid(t->experts, t->key, t->score);
    *t->lse = t->rows->log_sum_exp(t->experts, t->logits);
}

/* Returns the type of a token, whose bank it uses; without banks all tokens are of one type. */
static int32_t type_of(const routing *r, int64_t t)
{
    return r->options->banks && r->batch->types ? r->batch->types[t] : 0;
}

static int64_t capacity(const routing *r, int64_t sequence, int32_t expert)
{
    int64_t valid = 0;
    int32_t bank = routing_bank_of_expert(r, expert), experts = r->plan->experts;
    for (int64_t t = r->batch->start[sequence]; t < r->batch->start[sequence + 1]; t++)
        valid += plan_is_valid(r->plan, t) && type_of(r, t) == bank;
    if (r->options->banks) experts = r->options->bank_experts[bank];
    double even = dispatch_slots(r->options->capacity, valid, experts);
    return even < (double)valid ? (int64_t)even : valid;
}

/* Own buffers: [T, E] noise, then [T, E] marks and [T, E] scratch of the choice. */
static int64_t own(const router_options *o, int64_t tokens, int64_t width, int32_t experts)
{
    (void)o, (void)width;
    return 3 * tokens * experts;
}

static unsigned char *mark_of(const routing *r)
{
    return (void *)(r->state->own + r->plan->tokens * r->plan->experts);
}

static bool is_taken(const router_token *t, int32_t e)
{
    return mark_of(t->routing)[place_of(t) + e];
}

static int32_t choose(const router_token *t) { return choose_where(t, is_taken); }

static void assign(routing *r)
{
    int64_t elements = r->plan->tokens * r->plan->experts;
    const router_draws *given = r->batch->random.given;
    if (by_sigmoid(r->options) && r->batch->random.train)
        routing_draw(r, DRAW_LOGISTIC, "expert choice", given ? given->logistic : NULL,
            r->plan->experts, r->state->own);
    score_each(r);
    choose_by_column(r, &(choose_columns){ .groups = r->batch->sequences,
                            .start = r->batch->start,
                            .most = capacity,
                            .key = r->key,
                            .mark = mark_of(r),
                            .heap = (void *)(r->state->own + 2 * elements) });
    assign_each(r, choose);
}

/* Each sequence rounds up. */
static int64_t most_rows(
    const router_options *o, int32_t experts, int64_t tokens, int64_t sequences)
{
    double even = (double)o->capacity * (double)tokens + (double)sequences * experts;
    return even < (double)tokens * experts ? (int64_t)even : tokens * experts;
}

static void backward(const router_token *t, const token_gradient *d)
{
    if (by_sigmoid(t->options)) backward_independent(t, d, derivative_sigmoid, backward_scaled);
    else backward_raw(t, d);
}

const router router_expert_choice = {
    .name = "expert-choice",
    .help = "experts take the tokens that score highest for them, equally many each; a token may "
            "have none or many (Zhou et al. 2022)",
    .traits = ROUTER_VARIABLE | ROUTER_LOOKS_AHEAD | ROUTER_OWN_CAPACITY,
    .options = (const char *const[]){ "score", NULL },
    .scores = 1 << SCORE_SOFTMAX | 1 << SCORE_SIGMOID,
    .most_picks = picks_of_all,
    .most_rows = most_rows,
    .own = own,
    .assign = assign,
    .score = score,
    .weigh = weigh_raw,
    .backward = backward,
};

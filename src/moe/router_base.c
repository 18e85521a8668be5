/* router_base.c - in training a balanced assignment: every expert takes exactly its share of the
 * batch's tokens, so that the sum of affinities is largest; afterwards every token goes to its best
 * expert. The weight sigmoid(z) gives the router its gradient: BASE layers (Lewis et al. 2021). */
#include "moe/balanced_assignment.h"
#include "moe/routing.h"
#include "moe/select.h"

static void score(const router_token *t)
{
    score_softmax(t);
    memcpy(t->key, t->logits, (size_t)t->experts * sizeof(real));
}

/* Own buffers: [T] experts, then the scratch of the assignment. */
static int64_t own(const router_options *o, int64_t tokens, int64_t width, int32_t experts)
{
    (void)o, (void)width;
    int64_t scratch = (int64_t)(balanced_assignment_bytes(experts) / sizeof(real)) + 1;
    return scratch + tokens;
}

static int32_t choose(const router_token *t)
{
    const int32_t *expert = (void *)t->routing->state->own;
    score(t);
    t->expert[0] = (gexp){ expert[t->index] };
    return 1;
}

/* Infinite affinities have no sum; NaN has none either. */
static bool are_finite(const routing *r)
{
    real sum = 0;
    for (int64_t i = 0; i < r->plan->tokens * r->plan->experts; i++) sum += r->state->logits[i] * 0;
    return sum == 0;
}

static void assign(routing *r)
{
    int64_t valid = 0, experts = r->plan->experts;
    if (!r->batch->random.train || !are_finite(r)) {
        assign_by_token(r);
        return;
    }
    for (int64_t t = 0; t < r->plan->tokens; t++) valid += plan_is_valid(r->plan, t);
    balanced_problem problem = { .tokens = r->plan->tokens,
        .experts = (int32_t)experts,
        .most = (valid + experts - 1) / experts,
        .affinity = r->state->logits,
        .valid = r->plan->valid };
    int64_t behind = (r->plan->tokens + 1) / 2 * 2; /* doubles behind 32-bit integers */
    balanced_assign(&problem, (int32_t *)(void *)r->state->own + behind, (void *)r->state->own);
    assign_each(r, choose);
}

const router router_base = {
    .name = "base",
    .help = "in training, an assignment in which every expert takes its exact share; otherwise the "
            "best expert (BASE)",
    .traits = ROUTER_ADDS_INPUT | ROUTER_ONE_PICK,
    .options = (const char *const[]){ NULL },
    .own = own,
    .assign = assign,
    .score = score,
    .weigh = weigh_sigmoid,
    .backward = backward_weigh_sigmoid,
};

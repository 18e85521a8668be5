/* router_sinkhorn.c - in training the K best of a transport of the batch's tokens to experts with
 * even loads, found by Sinkhorn's rounds; afterwards the K best logits. Weights are of the logits,
 * not of the transport: sigmoid(z) for one pick, else their softmax over all experts (S-BASE,
 * Megatron).
 *
 *     M = exp(z); d0, d1 = 1; until d1 changes by less than the tolerance on average:
 *         d0_t = (1 / T) / (sum_e d1_e M_te + 1e-8)
 *         d1_e = (1 / E) / (sum_t d0_t M_te + 1e-8)
 *     transport = d1 M d0 */
#include <math.h>

#include "moe/routing.h"
#include "moe/select.h"

enum { MOST_ROUNDS = 1000 };

/* Own buffers: the transport [T, E], then in double d0 [T], d1 [E], and its next value [E]. */
static int64_t own(const router_options *o, int64_t tokens, int64_t width, int32_t experts)
{
    (void)o, (void)width;
    int64_t doubles = (tokens + 2 * experts) * (int64_t)(sizeof(double) / sizeof(real));
    return tokens * experts + doubles + 1;
}

typedef struct transport {
    int64_t tokens, valid;
    int32_t experts;
    const plan *plan;
    real *matrix; /* [T, E] exp(z), then the transport */
    double *by_token, *by_expert, *next;
} transport;

static transport transport_of(const routing *r)
{
    int64_t elements = r->plan->tokens * r->plan->experts;
    int64_t behind = sizeof(real) < sizeof(double) ? (elements + 1) / 2 * 2 : elements;
    transport s = { .tokens = r->plan->tokens,
        .experts = r->plan->experts,
        .plan = r->plan,
        .matrix = r->state->own,
        .by_token = (void *)(r->state->own + behind) };
    s.by_expert = s.by_token + s.tokens;
    s.next = s.by_expert + s.experts;
    for (int64_t t = 0; t < s.tokens; t++) s.valid += plan_is_valid(r->plan, t);
    return s;
}

static void scale_tokens(const transport *s)
{
    for (int64_t t = 0; t < s->tokens; t++) {
        const real *row = s->matrix + t * s->experts;
        double sum = 1e-8;
        for (int32_t e = 0; e < s->experts; e++) sum += s->by_expert[e] * (double)row[e];
        s->by_token[t] = plan_is_valid(s->plan, t) ? 1 / ((double)s->valid * sum) : 0;
    }
}

/* Returns how far d1 moved, on average. */
static double scale_experts(const transport *s)
{
    double moved = 0;
    for (int32_t e = 0; e < s->experts; e++) s->next[e] = 1e-8;
    for (int64_t t = 0; t < s->tokens; t++)
        for (int32_t e = 0; e < s->experts; e++)
            s->next[e] += s->by_token[t] * (double)s->matrix[t * s->experts + e];
    for (int32_t e = 0; e < s->experts; e++) {
        double value = 1 / (s->experts * s->next[e]);
        moved += fabs(value - s->by_expert[e]) / s->experts;
        s->by_expert[e] = value;
    }
    return moved;
}

/* M = exp(z), and 0 for padding. Where exp of a logit would overflow, all logits are first lowered
 * by the same amount, which d0 and d1 make up for. */
static void exponentials(const routing *r, const transport *s)
{
    const row_kernels *kernels = r->compute->variant->rows;
    real most = 0;
    for (int64_t t = 0; t < s->tokens; t++) {
        real highest = kernels->max(s->experts, r->state->logits + t * s->experts);
        if (plan_is_valid(s->plan, t) && highest > most) most = highest;
    }
    for (int64_t t = 0; t < s->tokens; t++) {
        real *row = s->matrix + t * s->experts;
        const real *z = r->state->logits + t * s->experts;
        for (int32_t e = 0; e < s->experts; e++)
            row[e] = plan_is_valid(s->plan, t) ? z[e] - (most > 40 ? most : 0) : -REAL_INF;
        kernels->exp(s->experts, row, row);
    }
}

static void find_transport(const routing *r)
{
    transport s = transport_of(r);
    exponentials(r, &s);
    for (int32_t e = 0; e < s.experts; e++) s.by_expert[e] = 1;
    double moved = INFINITY;
    for (int i = 0; i < MOST_ROUNDS && moved >= (double)r->options->tolerance; i++) {
        scale_tokens(&s);
        moved = scale_experts(&s);
    }
    for (int64_t t = 0; t < s.tokens; t++)
        for (int32_t e = 0; e < s.experts; e++) {
            real *at = s.matrix + t * s.experts + e;
            *at = (real)(s.by_expert[e] * (double)*at * s.by_token[t]);
        }
}

static void score(const router_token *t)
{
    const routing *r = t->routing;
    const real *key = r->batch->random.train ? r->state->own + t->index * t->experts : t->logits;
    score_softmax(t);
    memcpy(t->key, key, (size_t)t->experts * sizeof(real));
}

static int tensors(const routing *r, router_tensor *list)
{
    const plan *p = r->plan;
    list[0] = (router_tensor){ "transport", 2, { p->tokens, p->experts }, r->state->own };
    return r->batch->random.train;
}

static void assign(routing *r)
{
    if (r->batch->random.train) find_transport(r);
    assign_by_token(r);
}

static void weigh(const router_token *t)
{
    if (t->options->topk > 1) weigh_raw(t);
    else weigh_sigmoid(t);
}

static void backward(const router_token *t, const token_gradient *d)
{
    if (t->options->topk > 1) backward_raw(t, d);
    else backward_weigh_sigmoid(t, d);
}

const router router_sinkhorn = {
    .name = "sinkhorn",
    .help = "in training, the k best of a transport plan with even loads; otherwise the k largest "
            "logits (S-BASE)",
    .options = (const char *const[]){ "sinkhorn-tolerance", NULL },
    .own = own,
    .assign = assign,
    .score = score,
    .weigh = weigh,
    .backward = backward,
    .tensors = tensors,
};

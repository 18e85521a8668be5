/* router_sparsemixer.c - experts are sampled, one after another, from a softmax over those that are
 * near the best; the gradient of the sampled probability is estimated by a midpoint rule
 * (SparseMixer, one pick) or by Heun's third-order rule (SparseMixer 2, GRIN, Phi-3.5-MoE).
 *
 * Pick k, among the experts not picked before, whose largest logit is M:
 *     masked       an expert is out where (M - z) / max(|z|, M) > 2 epsilon
 *     p            softmax of z over those that are in
 *     pick         training: the largest z + Gumbel noise; evaluation: the largest z
 *     weight       p m; m = 1 where the pick is the largest z, or where uniform > 3/4 (1/2 with one
 *                  pick); else m = 0.3333 (1/2). Evaluation: m = 1
 * Backward takes m for 1; with one pick it doubles the gradient. The estimate goes to p through its
 * whole softmax. Balancing losses read the softmax over all experts. */
#include "moe/routing.h"
#include "moe/select.h"

/* What distinguishes the two routers. */
typedef struct rule {
    real chance, factor, gradient;
} rule;
static const rule midpoint = { REAL_C(0.5), REAL_C(0.5), 2 },
                  heun = { REAL_C(0.75), REAL_C(0.3333), 1 };

static const rule *rule_of(const router_token *t)
{
    return t->routing->router == &router_sparsemixer_1 ? &midpoint : &heun;
}

static real size_of(real x) { return x < 0 ? -x : x; }

/* Own buffers: Gumbel noise [K, T, E], uniform numbers [K, T], m [K, T]. */
static int64_t own(const router_options *o, int64_t tokens, int64_t width, int32_t experts)
{
    (void)width;
    return o->topk * tokens * (experts + 2);
}

static real *gumbel_of(const routing *r, int32_t pick)
{
    return r->state->own + (int64_t)pick * r->plan->tokens * r->plan->experts;
}

static real *uniform_of(const routing *r, int32_t pick)
{
    return gumbel_of(r, r->options->topk) + (int64_t)pick * r->plan->tokens;
}

static real *factor_of(const router_token *t, int32_t pick)
{
    const routing *r = t->routing;
    return uniform_of(r, r->options->topk) + (int64_t)pick * r->plan->tokens + t->index;
}

/* out = z where the expert may be pick k, else -inf; returns the largest, -1 where all are out. */
static int32_t mask_logits(const router_token *t, int32_t k, real *out)
{
    int32_t best = -1;
    memcpy(out, t->logits, (size_t)t->experts * sizeof(real));
    for (int32_t i = 0; i < k; i++) out[t->expert[i].id] = -REAL_INF;
    for (int32_t e = 0; e < t->experts; e++)
        if (out[e] > -REAL_INF && (best < 0 || out[e] > out[best])) best = e;
    if (best < 0) return best;
    real most = out[best];
    for (int32_t e = 0; e < t->experts; e++) {
        real size = size_of(t->logits[e]) > most ? size_of(t->logits[e]) : most;
        if ((most - t->logits[e]) / size > 2 * t->options->mask_epsilon) out[e] = -REAL_INF;
    }
    return best;
}

static void score(const router_token *t) { score_softmax(t); }

static int32_t sample(const router_token *t, int32_t k, int32_t best)
{
    const real *noise = gumbel_of(t->routing, k) + t->index * t->experts;
    int32_t pick = best;
    for (int32_t e = 0; e < t->experts; e++)
        if (t->key[e] > -REAL_INF && t->key[e] + noise[e] > t->key[pick] + noise[pick]) pick = e;
    return pick;
}

static int32_t choose(const router_token *t)
{
    const rule *by = rule_of(t);
    bool train = t->routing->batch->random.train;
    score(t);
    for (int32_t k = 0; k < t->options->topk; k++) {
        int32_t best = mask_logits(t, k, t->key);
        if (best < 0) return k; /* NaN logits */
        int32_t pick = train ? sample(t, k, best) : best;
        bool exact = !train || pick == best || uniform_of(t->routing, k)[t->index] > by->chance;
        t->expert[k] = (gexp){ pick };
        *factor_of(t, k) = exact ? 1 : by->factor;
    }
    return t->options->topk;
}

static void assign(routing *r)
{
    const router_draws *given = r->batch->random.given;
    int64_t tokens = r->plan->tokens, elements = tokens * r->plan->experts;
    for (int32_t k = 0; r->batch->random.train && k < r->options->topk; k++) {
        const char *gumbel = k ? "sparsemixer gumbel 2" : "sparsemixer gumbel 1",
                   *uniform = k ? "sparsemixer uniform 2" : "sparsemixer uniform 1";
        routing_draw(r, DRAW_GUMBEL, gumbel,
            given && given->gumbel ? given->gumbel + k * elements : NULL, r->plan->experts,
            gumbel_of(r, k));
        routing_draw(r, DRAW_UNIFORM, uniform,
            given && given->uniform ? given->uniform + k * tokens : NULL, 1, uniform_of(r, k));
    }
    assign_each(r, choose);
}

static void weigh(const router_token *t)
{
    for (int32_t k = 0; k < t->count; k++) {
        mask_logits(t, k, t->key);
        t->rows->softmax(t->experts, t->key, t->key);
        t->weight[k] = t->options->scale * t->key[t->expert[k].id] * *factor_of(t, k);
    }
}

/* Forward: w_k = p m. dz += gradient p (onehot - p), without m. Outside of training nothing is
 * sampled, w_k = p, and the gradient is that. */
static void backward(const router_token *t, const token_gradient *d)
{
    real *p = d->dprobability, gradient = t->options->scale;
    if (t->routing->batch->random.train) gradient *= rule_of(t)->gradient;
    backward_probability(t, d);
    for (int32_t k = 0; k < t->count; k++) {
        mask_logits(t, k, p);
        t->rows->softmax(t->experts, p, p);
        real q = gradient * d->dweight[k] * p[t->expert[k].id];
        d->dlogits[t->expert[k].id] += q;
        t->rows->axpy(t->experts, -q, p, d->dlogits);
    }
}

const router router_sparsemixer = {
    .name = "sparsemixer",
    .help = "k experts are sampled near the best; the gradient is estimated by Heun's rule "
            "(SparseMixer 2, Phi-3.5-MoE)",
    .options = (const char *const[]){ "sparsemixer-epsilon", NULL },
    .own = own,
    .assign = assign,
    .score = score,
    .weigh = weigh,
    .backward = backward,
};

static void defaults(router_options *o) { o->omega = true; }

const router router_sparsemixer_1 = {
    .name = "sparsemixer-1",
    .help = "one expert is sampled near the best; the gradient is estimated by the midpoint rule "
            "(SparseMixer)",
    .traits = ROUTER_ONE_PICK,
    .options = (const char *const[]){ "sparsemixer-epsilon", NULL },
    .defaults = defaults,
    .own = own,
    .assign = assign,
    .score = score,
    .weigh = weigh,
    .backward = backward,
};

/* router_quantile.c - the k largest logits z - beta, where beta is moved once a step to the level
 * at which every expert would have had its share: Megatron's quantile balancing. Weights are of the
 * logits without beta.
 *
 *     alpha_t = the (k + 1)-th largest of z - beta
 *     q_e     = the (T k / E + 1)-th largest over tokens of z - alpha
 *     beta    = ema beta + (1 - ema) q, minus its mean; q is the mean over the step's batches */
#include "moe/routing.h"
#include "moe/select.h"

enum { BETA }; /* [E] a state */

/* Own buffers: q [E], its sums over the step's batches [E], the count of batches [1], alpha [T], a
 * column [T]. */
static int64_t own(const router_options *o, int64_t tokens, int64_t width, int32_t experts)
{
    (void)o, (void)width;
    return 2 * experts + 1 + 2 * tokens;
}

static void key_of_quantile(const router_token *t)
{
    const real *beta = t->routing->weights->own[BETA];
    for (int32_t e = 0; e < t->experts; e++) t->key[e] = t->logits[e] - beta[e];
}

static void score(const router_token *t)
{
    score_by_option(t);
    key_of_quantile(t);
}

/* The n-th largest of count numbers (n from 0), which are reordered: quickselect around the middle
 * one. */
static real nth_largest(real *x, int64_t count, int64_t n)
{
    int64_t low = 0, high = count - 1;
    while (low < high) {
        real middle = x[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (x[i] > middle) i++;
            while (x[j] < middle) j--;
            if (i > j) break;
            real other = x[i];
            x[i++] = x[j], x[j--] = other;
        }
        if (n <= j) high = j;
        else if (n >= i) low = i;
        else break;
    }
    return x[n];
}

static void find_quantiles(const routing *r)
{
    int64_t experts = r->plan->experts, valid = 0, picks = r->options->topk;
    real *q = r->state->own, *sum = q + experts, *alpha = sum + experts + 1,
         *column = alpha + r->plan->tokens;
    for (int64_t t = 0; t < r->plan->tokens; t++) {
        const real *key = r->key + t * experts;
        gexp best[ROUTER_MAX_EXPERTS];
        if (!plan_is_valid(r->plan, t) || picks >= experts) continue;
        select_topk((int32_t)experts, r->key + t * experts, (int32_t)picks + 1, best);
        alpha[t] = key[best[picks].id];
        valid++;
    }
    int64_t place = valid * picks / experts;
    for (int64_t e = 0; e < experts; e++) {
        int64_t count = 0;
        for (int64_t t = 0; t < r->plan->tokens; t++) {
            real z = r->state->logits[t * experts + e] - alpha[t];
            if (plan_is_valid(r->plan, t) && z == z) column[count++] = z;
        }
        q[e] = place < count && valid ? nth_largest(column, count, place) : 0;
    }
}

static void add_quantiles(const routing *r)
{
    int64_t experts = r->plan->experts;
    real *q = r->state->own, *sum = q + experts;
    if (r->batch->random.first_token == 0) memset(sum, 0, (size_t)(experts + 1) * sizeof(real));
    for (int64_t e = 0; e < experts; e++) sum[e] += q[e];
    sum[experts]++;
}

static void assign(routing *r)
{
    assign_by_token(r);
    if (!r->batch->random.train) return;
    find_quantiles(r);
    add_quantiles(r);
}

static int tensors(const routing *r, router_tensor *list)
{
    list[0] = (router_tensor){ "quantile", 1, { r->plan->experts }, r->state->own };
    list[1] = (router_tensor){ "beta", 1, { r->plan->experts }, r->weights->own[BETA] };
    return 2;
}

static void end_step(routing *r, real *const *parameter)
{
    int64_t experts = r->plan->experts;
    const real *sum = r->state->own + experts;
    real *beta = parameter[BETA], ema = r->options->quantile_ema;
    double mean = 0;
    if (!(sum[experts] > 0)) return;
    for (int64_t e = 0; e < experts; e++) {
        beta[e] = ema * beta[e] + (1 - ema) * (sum[e] / sum[experts]);
        mean += (double)beta[e] / (double)experts;
    }
    for (int64_t e = 0; e < experts; e++) beta[e] -= (real)mean;
}

/* A single sigmoid is as it is; several sum to 1. */
static bool is_normalised(const router_options *o)
{
    return o->score == SCORE_SIGMOID && o->topk > 1;
}

static void weigh(const router_token *t)
{
    if (t->options->score == SCORE_TOPK_SOFTMAX) weigh_softmax(t, t->logits);
    else if (is_normalised(t->options)) weigh_normalised(t);
    else weigh_raw(t);
}

static void backward(const router_token *t, const token_gradient *d)
{
    backward_by_option(t, d, is_normalised(t->options) ? backward_normalised : backward_scaled);
}

static int parameters(
    const router_options *o, int64_t width, int32_t experts, router_parameter *list)
{
    (void)o, (void)width;
    list[BETA] = (router_parameter){ "router.beta", 0, 0, experts, false, false, START_VALUE, 0 };
    return 1;
}

static void defaults(router_options *o) { o->norm_eps = REAL_C(1e-20); }

const router router_quantile = {
    .name = "quantile",
    .help = "the k experts whose logits are furthest above levels that give each its share "
            "(Megatron's quantile balancing)",
    .options = (const char *const[]){ "score", "quantile-ema", "norm-eps", "survivors", NULL },
    .scores = 1 << SCORE_SOFTMAX | 1 << SCORE_TOPK_SOFTMAX | 1 << SCORE_SIGMOID,
    .defaults = defaults,
    .parameters = parameters,
    .own = own,
    .assign = assign,
    .score = score,
    .weigh = weigh,
    .backward = backward,
    .end_step = end_step,
    .tensors = tensors,
};

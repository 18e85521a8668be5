/* router_noisy_topk.c - logits with learned noise, the k largest, softmax over these: Shazeer et
 * al. 2017, with their smooth estimate of how often each expert would be picked again under fresh
 * noise, which gives a load loss a gradient (moe/noisy_row.h). */
#include "moe/noisy_row.h"
#include "moe/select.h"

static noisy_row row_of(const router_token *t)
{
    return (noisy_row){ t->experts, t->logits, t->noise_logits, t->noise, t->options->noise_floor };
}

static void score(const router_token *t)
{
    noisy_row row = row_of(t);
    score_softmax(t);
    for (int32_t e = 0; e < t->experts; e++) t->key[e] = noisy_logit(&row, e);
}

/* Softmax over the picks of h. */
static void weigh(const router_token *t)
{
    noisy_row row = row_of(t);
    for (int32_t k = 0; k < t->count; k++)
        t->weight[k] = edge_counts(t, k) ? noisy_logit(&row, t->expert[k].id) : -REAL_INF;
    t->rows->softmax(t->count, t->weight, t->weight);
    t->rows->scale(t->count, t->options->scale, t->weight, t->weight);
}

static noisy_threshold threshold_of(const router_token *t)
{
    return (noisy_threshold){ t->threshold[0].id, t->threshold[1].id };
}

static void load(const router_token *t)
{
    noisy_row row = row_of(t);
    noisy_threshold threshold = noisy_threshold_of(&row, t->expert[t->count - 1].id);
    t->threshold[0] = (gexp){ threshold.last };
    t->threshold[1] = (gexp){ threshold.next };
    for (int32_t e = 0; e < t->experts; e++) t->load[e] = noisy_load(&row, threshold, e);
}

/* Forward: w = softmax over the picks of h, h = z + eps sigma; the balancing losses' score is
 * softmax(z), without noise. */
static void backward(const router_token *t, const token_gradient *d)
{
    noisy_row row = row_of(t);
    size_t bytes = (size_t)t->experts * sizeof(real);
    memset(d->dnoise_logits, 0, bytes);
    backward_probability(t, d);
    real *dh = d->dprobability; /* spent */
    memset(dh, 0, bytes);
    backward_picked_softmax(t, &(token_gradient){ .dweight = d->dweight, .dlogits = dh });
    t->rows->add(t->experts, dh, d->dlogits);
    for (int32_t e = 0; e < t->experts; e++) noisy_logit_backward(&row, e, dh[e], d->dnoise_logits);
    for (int32_t e = 0; d->dload && e < t->experts; e++)
        noisy_load_backward(
            &row, threshold_of(t), e, (double)d->dload[e], d->dlogits, d->dnoise_logits);
}

static void defaults(router_options *o) { o->noise_floor = REAL_C(0.01); }

const router router_noisy_topk = {
    .name = "noisy-topk",
    .help = "logits with learned noise in training; the k largest are chosen; softmax over these "
            "(Shazeer et al. 2017)",
    .traits = ROUTER_NOISE | ROUTER_RENORMALISES,
    .options = (const char *const[]){ "noise-floor", "survivors", NULL },
    .defaults = defaults,
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh,
    .backward = backward,
    .load = load,
};

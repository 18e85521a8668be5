/* select.c - selection, and the arithmetic that routers share. */
#include "moe/select.h"

#include <string.h>

/* ---- selection ---- */

static void clean(int32_t n, real *key)
{
    for (int32_t e = 0; e < n; e++) key[e] = key[e] > -REAL_INF ? key[e] : -REAL_INF;
}

/* One pass that keeps the best k so far in order. Most keys fail the first comparison, so the cost
 * is near n. */
void select_topk(int32_t n, real *key, int32_t k, gexp *pick)
{
    clean(n, key);
    for (int32_t e = 0; e < n; e++) {
        int32_t place = e < k ? e : k - 1;
        if (e >= k && !(key[e] > key[pick[place].id])) continue;
        for (; place > 0 && key[e] > key[pick[place - 1].id]; place--)
            pick[place] = pick[place - 1];
        pick[place] = (gexp){ e };
    }
}

static real group_value(group_score how, int32_t n, const real *key)
{
    real best = -REAL_INF, second = -REAL_INF;
    for (int32_t e = 0; e < n; e++) {
        if (key[e] > best) {
            second = best;
            best = key[e];
        } else if (key[e] > second) {
            second = key[e];
        }
    }
    return how == GROUP_MAX || n < 2 ? best : best + second;
}

void select_limit_groups(const router_options *o, int32_t n, real *key)
{
    int32_t size = n / o->groups;
    real value[SELECT_MAX_GROUPS];
    gexp best[SELECT_MAX_GROUPS];
    bool used[SELECT_MAX_GROUPS] = { false };
    for (int32_t g = 0; g < o->groups; g++)
        value[g] = group_value(o->group_score, size, key + g * size);
    select_topk(o->groups, value, o->groups_used, best);
    for (int32_t i = 0; i < o->groups_used; i++) used[best[i].id] = true;
    real mask = o->group_mask == GROUP_MASK_ZERO ? 0 : -REAL_INF;
    for (int32_t e = 0; e < n; e++)
        if (!used[e / size]) key[e] = mask;
}

/* ---- scores ---- */

void score_softmax(const router_token *t)
{
    *t->lse = t->rows->softmax(t->experts, t->logits, t->score);
}

void key_of_scores(const router_token *t)
{
    memcpy(t->key, t->score, (size_t)t->experts * sizeof(real));
    if (t->correction) t->rows->add(t->experts, t->correction, t->key);
    if (select_is_grouped(t->options)) select_limit_groups(t->options, t->experts, t->key);
}

void key_of_softmax(const router_token *t)
{
    if (select_is_grouped(t->options)) key_of_scores(t);
    else memcpy(t->key, t->logits, (size_t)t->experts * sizeof(real));
}

int32_t picks_of_all(const router_options *o, int32_t experts)
{
    (void)o;
    return experts;
}

/* ---- weights ---- */

void weigh_raw(const router_token *t)
{
    for (int32_t k = 0; k < t->count; k++)
        t->weight[k] = edge_counts(t, k) ? t->options->scale * t->score[t->expert[k].id] : 0;
}

static real picked_sum(const router_token *t)
{
    real sum = 0;
    for (int32_t k = 0; k < t->count; k++)
        if (edge_counts(t, k)) sum += t->score[t->expert[k].id];
    return sum;
}

/* Where all picks' scores are 0, weights are 0 too. A softmax underflows to 0 for picks that a bias
 * chose, or that are left of the token's picks when its best one is dropped. */
void weigh_normalised(const router_token *t)
{
    real sum = picked_sum(t) + t->options->norm_eps;
    if (sum == 0) sum = 1;
    for (int32_t k = 0; k < t->count; k++)
        t->weight[k] =
            edge_counts(t, k) ? t->options->scale * (t->score[t->expert[k].id] / sum) : 0;
}

void weigh_softmax(const router_token *t, const real *z)
{
    for (int32_t k = 0; k < t->count; k++)
        t->weight[k] = edge_counts(t, k) ? z[t->expert[k].id] : -REAL_INF;
    t->rows->softmax(t->count, t->weight, t->weight);
    if (t->options->scale != 1) t->rows->scale(t->count, t->options->scale, t->weight, t->weight);
}

void weigh_by_renormalise(const router_token *t)
{
    if (t->options->renormalise) weigh_normalised(t);
    else weigh_raw(t);
}

void weigh_sigmoid(const router_token *t)
{
    real z = t->logits[t->expert[0].id];
    t->rows->sigmoid(1, &z, t->weight);
    t->weight[0] *= t->options->scale;
}

void backward_weigh_sigmoid(const router_token *t, const token_gradient *d)
{
    backward_probability(t, d);
    if (!t->count) return;
    real sigmoid = t->weight[0] / t->options->scale;
    d->dlogits[t->expert[0].id] += t->options->scale * sigmoid * (1 - sigmoid) * d->dweight[0];
}

/* ---- gradients ---- */

void backward_probability(const router_token *t, const token_gradient *d)
{
    t->rows->softmax_backward(t->experts, t->score, d->dprobability, d->dlogits);
}

/* Forward: w_k = scale s[pick_k]. */
void backward_scaled(const router_token *t, const real *dweight, real *ds)
{
    for (int32_t k = 0; k < t->count; k++)
        if (edge_counts(t, k)) ds[t->expert[k].id] += t->options->scale * dweight[k];
}

/* Forward: w_k = scale p[pick_k]; p = softmax(z). */
void backward_raw(const router_token *t, const token_gradient *d)
{
    real *dp = d->dprobability;
    backward_scaled(t, d->dweight, dp);
    t->rows->softmax_backward(t->experts, t->score, dp, d->dlogits);
}

/* Forward: w_k = scale u_k, u = softmax over the picks of z. dz_k = w_k (d_k - sum u d): nothing
 * where there is no pick */
void backward_picked_softmax(const router_token *t, const token_gradient *d)
{
    real mean = 0, scale = t->options->scale;
    for (int32_t k = 0; k < t->count; k++)
        if (edge_counts(t, k)) mean += t->weight[k] / scale * d->dweight[k];
    for (int32_t k = 0; k < t->count; k++)
        if (edge_counts(t, k)) d->dlogits[t->expert[k].id] += t->weight[k] * (d->dweight[k] - mean);
}

/* Forward: w_k = scale s_k / Z, Z = sum over picks of s + eps. ds_k += scale / Z (d_k - sum s d /
 * Z) */
void backward_normalised(const router_token *t, const real *dweight, real *ds)
{
    real sum = picked_sum(t) + t->options->norm_eps, mean = 0;
    if (!(sum > 0)) return;
    for (int32_t k = 0; k < t->count; k++)
        if (edge_counts(t, k)) mean += t->score[t->expert[k].id] / sum * dweight[k];
    for (int32_t k = 0; k < t->count; k++)
        if (edge_counts(t, k)) ds[t->expert[k].id] += t->options->scale / sum * (dweight[k] - mean);
}

/* Forward: w = scale p / (sum over picks of p + eps), or scale p; p = softmax(z). */
void backward_by_renormalise(const router_token *t, const token_gradient *d)
{
    if (!t->options->renormalise) {
        backward_raw(t, d);
        return;
    }
    backward_normalised(t, d->dweight, d->dprobability);
    backward_probability(t, d);
}

/* Forward: q = s / sum of all s. ds = (dq - <q, dq>) / sum */
static void backward_score_share(const router_token *t, const real *dq, real *ds)
{
    real sum = t->rows->sum(t->experts, t->score);
    if (!(sum > 0)) return;
    real mean = t->rows->dot(t->experts, t->score, dq) / sum;
    for (int32_t e = 0; e < t->experts; e++) ds[e] = (dq[e] - mean) / sum;
}

void backward_independent(const router_token *t, const token_gradient *d,
    real (*derivative)(real z, real s), backward_weights *weighed)
{
    real *ds = d->dlogits;
    memset(ds, 0, (size_t)t->experts * sizeof(real));
    backward_score_share(t, d->dprobability, ds);
    weighed(t, d->dweight, ds);
    for (int32_t e = 0; e < t->experts; e++) ds[e] *= derivative(t->logits[e], t->score[e]);
}

/* router_hierarchical.c - two levels of noisy top-k: a gate picks groups, and each picked group's
 * own gate picks experts in it (Shazeer et al. 2017, appendix B; Jordan and Jacobs 1994).
 *
 *     outer   z [G] = W x, inner  z [G, Ei] = V x; each with learned noise (moe/noisy_row.h)
 *     picks   K experts in each of the groups-used best groups; expert j of group i is i Ei + j
 *     weight  (softmax over the picked groups) * (softmax over the group's picks)
 *     load    Load_ij = Load_i * (sum over tokens that picked group i of P_ij) / (their number)
 *
 * The logits [T, E] that others see are the inner ones; a score is the product of both levels'
 * softmax, without noise. */
#include "moe/noisy_row.h"
#include "moe/routing.h"
#include "moe/select.h"

enum { OUTER_NOISE, INNER, INNER_NOISE }; /* [G, D], [G, Ei, D], [G, Ei, D] */

/* What forward leaves, and the gradients by it, in the router's own buffers. */
typedef struct level {
    real *z, *n, *eps, *load; /* [T, count]; the inner z are the logits */
    real *threshold;          /* [T, gates, 2] as numbers of members */
    real *dz, *dn;            /* the inner dz are the gradients by the logits */
} level;

typedef struct hierarchy {
    int32_t groups, size; /* G, Ei */
    level outer, inner;
    real *group_load, *group_tokens; /* [G] sums over tokens */
    real *mean_load;                 /* [E] of the tokens that picked the group */
} hierarchy;

static void lay_out(
    hierarchy *h, arena *a, const router_options *o, int64_t tokens, int32_t experts)
{
    int64_t groups = tokens * o->groups, pairs = tokens * experts;
    *h = (hierarchy){ .groups = o->groups, .size = experts / o->groups };
    h->outer.z = ARENA_ARRAY(a, real, groups), h->outer.n = ARENA_ARRAY(a, real, groups);
    h->outer.eps = ARENA_ARRAY(a, real, groups), h->outer.load = ARENA_ARRAY(a, real, groups);
    h->outer.dz = ARENA_ARRAY(a, real, groups), h->outer.dn = ARENA_ARRAY(a, real, groups);
    h->outer.threshold = ARENA_ARRAY(a, real, 2 * tokens);
    h->inner.n = ARENA_ARRAY(a, real, pairs), h->inner.eps = ARENA_ARRAY(a, real, pairs);
    h->inner.load = ARENA_ARRAY(a, real, pairs), h->inner.dn = ARENA_ARRAY(a, real, pairs);
    h->inner.threshold = ARENA_ARRAY(a, real, 2 * groups);
    h->group_load = ARENA_ARRAY(a, real, o->groups);
    h->group_tokens = ARENA_ARRAY(a, real, o->groups);
    h->mean_load = ARENA_ARRAY(a, real, experts);
}

static int64_t own(const router_options *o, int64_t tokens, int64_t width, int32_t experts)
{
    hierarchy h;
    arena measured = { 0 };
    (void)width;
    lay_out(&h, &measured, o, tokens, experts);
    return (int64_t)(measured.used / sizeof(real)) + 1;
}

static hierarchy hierarchy_of(const routing *r)
{
    hierarchy h;
    arena own = routing_own_memory(r);
    lay_out(&h, &own, r->options, r->plan->tokens, r->plan->experts);
    h.inner.z = r->state->logits;
    return h;
}

/* Token t's row of a gate among `gates` with `count` members each. */
static noisy_row row_of(
    const routing *r, const level *l, int64_t t, int32_t gates, int32_t gate, int32_t count)
{
    int64_t at = (t * gates + gate) * count;
    return (noisy_row){ count, l->z + at, l->n + at, r->batch->random.train ? l->eps + at : NULL,
        r->options->noise_floor };
}

static noisy_row outer_row(const routing *r, const hierarchy *h, int64_t t)
{
    return row_of(r, &h->outer, t, 1, 0, h->groups);
}

static noisy_row inner_row(const routing *r, const hierarchy *h, int64_t t, int32_t group)
{
    return row_of(r, &h->inner, t, h->groups, group, h->size);
}

/* ---- forward ---- */

static void project(routing *r)
{
    hierarchy h = hierarchy_of(r);
    int64_t experts = r->plan->experts;
    const real *x = routing_input(r), *const *own_ = r->weights->own;
    weight outer_noise = weight_of_floats(own_[OUTER_NOISE], h.groups, r->width),
           inner = weight_of_floats(own_[INNER], experts, r->width),
           inner_noise = weight_of_floats(own_[INNER_NOISE], experts, r->width);
    routing_multiply(r, x, &r->weights->matrix, NULL, h.outer.z, false);
    routing_multiply(r, x, &inner, NULL, r->state->logits, false);
    routing_multiply(r, x, &outer_noise, NULL, h.outer.n, false);
    routing_multiply(r, x, &inner_noise, NULL, h.inner.n, false);
    if (!r->batch->random.train) return;
    const router_draws *given = r->batch->random.given;
    routing_draw(
        r, DRAW_NORMAL, "group noise", given ? given->normal : NULL, h.groups, h.outer.eps);
    routing_draw(r, DRAW_NORMAL, "router noise", given ? given->inner : NULL, experts, h.inner.eps);
}

/* The product of both levels' softmax. */
static void score(const router_token *t)
{
    const routing *r = t->routing;
    hierarchy h = hierarchy_of(r);
    real outer[SELECT_MAX_GROUPS];
    t->rows->softmax(h.groups, h.outer.z + t->index * h.groups, outer);
    for (int32_t i = 0; i < h.groups; i++) {
        real *inner = t->score + i * h.size;
        t->rows->softmax(h.size, t->logits + i * h.size, inner);
        t->rows->scale(h.size, outer[i], inner, inner);
    }
    memcpy(t->key, t->score, (size_t)t->experts * sizeof(real));
    *t->lse = t->rows->log_sum_exp(t->experts, t->logits);
}

/* Picks the best of a noisy row, and notes its threshold and how likely each would be picked. */
static void pick(const noisy_row *row, int32_t count, gexp *best, real *threshold, real *load)
{
    real key[ROUTER_MAX_EXPERTS];
    for (int32_t e = 0; e < row->count; e++) key[e] = noisy_logit(row, e);
    select_topk(row->count, key, count, best);
    noisy_threshold limit = noisy_threshold_of(row, best[count - 1].id);
    threshold[0] = (real)limit.last, threshold[1] = (real)limit.next;
    for (int32_t e = 0; e < row->count; e++) load[e] = noisy_load(row, limit, e);
}

static noisy_threshold threshold_of(const real *at)
{
    return (noisy_threshold){ (int32_t)at[0], (int32_t)at[1] };
}

static int32_t choose(const router_token *t)
{
    const routing *r = t->routing;
    hierarchy h = hierarchy_of(r);
    gexp groups[SELECT_MAX_GROUPS];
    int32_t used = t->options->groups_used, picks = t->options->topk;
    noisy_row outer = outer_row(r, &h, t->index);
    score(t);
    pick(
        &outer, used, groups, h.outer.threshold + 2 * t->index, h.outer.load + t->index * h.groups);
    memset(h.inner.load + t->index * t->experts, 0, (size_t)t->experts * sizeof(real));
    for (int32_t g = 0; g < used; g++) {
        int32_t group = groups[g].id;
        noisy_row inner = inner_row(r, &h, t->index, group);
        pick(&inner, picks, t->expert + g * picks,
            h.inner.threshold + 2 * (t->index * h.groups + group),
            h.inner.load + t->index * t->experts + group * h.size);
        for (int32_t k = 0; k < picks; k++) t->expert[g * picks + k].id += group * h.size;
    }
    return used * picks;
}

/* Returns whether the token picked a group: only then do its inner loads count. */
static bool is_picked(const routing *r, const hierarchy *h, int64_t t, int32_t group)
{
    for (int64_t i = r->plan->token_start[t]; i < r->plan->token_start[t + 1]; i++)
        if (r->plan->edge_expert[i].id / h->size == group) return true;
    return false;
}

static void sum_loads(const routing *r, const hierarchy *h)
{
    int32_t experts = r->plan->experts;
    memset(h->group_load, 0, (size_t)h->groups * sizeof(real));
    memset(h->group_tokens, 0, (size_t)h->groups * sizeof(real));
    memset(h->mean_load, 0, (size_t)experts * sizeof(real));
    for (int64_t t = 0; t < r->plan->tokens; t++)
        for (int32_t i = 0; plan_is_valid(r->plan, t) && i < h->groups; i++) {
            h->group_load[i] += h->outer.load[t * h->groups + i];
            if (!is_picked(r, h, t, i)) continue;
            h->group_tokens[i]++;
            r->compute->variant->rows->add(
                h->size, h->inner.load + t * experts + i * h->size, h->mean_load + i * h->size);
        }
    for (int32_t e = 0; e < experts; e++)
        if (h->group_tokens[e / h->size] > 0) h->mean_load[e] /= h->group_tokens[e / h->size];
}

/* Writes each token's part of Load_ij, so that the sum over tokens is Load_ij. */
static void share_loads(const routing *r, const hierarchy *h)
{
    int32_t experts = r->plan->experts;
    for (int64_t t = 0; t < r->plan->tokens; t++)
        for (int32_t e = 0; e < experts; e++) {
            int32_t i = e / h->size;
            bool counts = plan_is_valid(r->plan, t) && is_picked(r, h, t, i);
            r->state->load[t * experts + e] =
                counts ? h->group_load[i] / h->group_tokens[i] * h->inner.load[t * experts + e] : 0;
        }
}

static void assign(routing *r)
{
    hierarchy h = hierarchy_of(r);
    assign_each(r, choose);
    if (!r->batch->random.train) return;
    sum_loads(r, &h);
    share_loads(r, &h);
}

/* ---- weights ---- */

/* Softmax over the picked groups [used], and over each group's picks [used, K]. */
typedef struct level_weights {
    real outer[SELECT_MAX_GROUPS];
    real inner[ROUTER_MAX_EXPERTS];
} level_weights;

static int32_t group_of(const router_token *t, const hierarchy *h, int32_t g)
{
    return t->expert[g * t->options->topk].id / h->size;
}

static void weights_of(const router_token *t, const hierarchy *h, level_weights *w)
{
    int32_t used = t->options->groups_used, picks = t->options->topk;
    noisy_row outer = outer_row(t->routing, h, t->index);
    for (int32_t g = 0; g < used; g++) {
        int32_t group = group_of(t, h, g);
        noisy_row inner = inner_row(t->routing, h, t->index, group);
        w->outer[g] = noisy_logit(&outer, group);
        for (int32_t k = 0; k < picks; k++)
            w->inner[g * picks + k] =
                noisy_logit(&inner, t->expert[g * picks + k].id - group * h->size);
        t->rows->softmax(picks, w->inner + g * picks, w->inner + g * picks);
    }
    t->rows->softmax(used, w->outer, w->outer);
}

static void weigh(const router_token *t)
{
    hierarchy h = hierarchy_of(t->routing);
    level_weights w;
    weights_of(t, &h, &w);
    for (int32_t i = 0; i < t->count; i++)
        t->weight[i] = t->options->scale * w.outer[i / t->options->topk] * w.inner[i];
}

/* ---- backward ---- */

/* Forward: w = softmax(h). dh = w (dw - <w, dw>), to a row's members. */
static void softmax_to_row(const noisy_row *row, int32_t count, const int32_t *member,
    const real *w, const real *dw, real *dz, real *dn)
{
    real mean = 0;
    for (int32_t k = 0; k < count; k++) mean += w[k] * dw[k];
    for (int32_t k = 0; k < count; k++) {
        real dh = w[k] * (dw[k] - mean);
        dz[member[k]] += dh;
        noisy_logit_backward(row, member[k], dh, dn);
    }
}

/* The gradients by the logits of both levels, whose weights were multiplied. */
static void weights_backward(
    const router_token *t, const hierarchy *h, const token_gradient *d, real *douter, real *dn)
{
    level_weights w;
    int32_t used = t->options->groups_used, picks = t->options->topk;
    int32_t member[ROUTER_MAX_EXPERTS], groups[SELECT_MAX_GROUPS];
    real by[ROUTER_MAX_EXPERTS], by_group[SELECT_MAX_GROUPS];
    noisy_row outer = outer_row(t->routing, h, t->index);
    weights_of(t, h, &w);
    for (int32_t g = 0; g < used; g++) {
        int32_t group = groups[g] = group_of(t, h, g);
        int64_t at = t->index * t->experts + group * h->size;
        noisy_row inner = inner_row(t->routing, h, t->index, group);
        by_group[g] = 0;
        for (int32_t k = 0; k < picks; k++) {
            real dw = t->options->scale * d->dweight[g * picks + k];
            member[k] = t->expert[g * picks + k].id - group * h->size;
            by_group[g] += w.inner[g * picks + k] * dw;
            by[k] = w.outer[g] * dw;
        }
        softmax_to_row(&inner, picks, member, w.inner + g * picks, by, d->dlogits + group * h->size,
            h->inner.dn + at);
    }
    softmax_to_row(&outer, used, groups, w.outer, by_group, douter, dn);
}

/* Forward: Load_ij = Load_i mean_ij. dP_i = sum over j of dLoad_ij mean_ij; dP_ij = dLoad_ij Load_i
 * / (tokens of group i), where the token picked it. */
static void loads_backward(
    const router_token *t, const hierarchy *h, const token_gradient *d, real *douter, real *dn)
{
    noisy_row outer = outer_row(t->routing, h, t->index);
    for (int32_t i = 0; i < h->groups; i++) {
        int64_t at = t->index * t->experts + i * h->size;
        noisy_row inner = inner_row(t->routing, h, t->index, i);
        bool picked = is_picked(t->routing, h, t->index, i);
        double by = 0;
        for (int32_t j = 0; j < h->size; j++) {
            double dload = (double)d->dload[i * h->size + j];
            by += dload * (double)h->mean_load[i * h->size + j];
            if (picked)
                noisy_load_backward(&inner,
                    threshold_of(h->inner.threshold + 2 * (t->index * h->groups + i)), j,
                    dload * (double)(h->group_load[i] / h->group_tokens[i]),
                    d->dlogits + i * h->size, h->inner.dn + at);
        }
        noisy_load_backward(
            &outer, threshold_of(h->outer.threshold + 2 * t->index), i, by, douter, dn);
    }
}

/* Forward: score_ij = p_i q_ij, both softmax. Given dscore: dz_i = p_i (a_i - <p, a>) with a_i =
 * <q_i, dscore_i>; dz_ij = score_ij (dscore_ij - a_i). */
static void scores_backward(
    const router_token *t, const hierarchy *h, const real *d, real *dlogits, real *douter)
{
    real p[SELECT_MAX_GROUPS], a[SELECT_MAX_GROUPS];
    t->rows->softmax(h->groups, h->outer.z + t->index * h->groups, p);
    for (int32_t i = 0; i < h->groups; i++) {
        const real *score_ = t->score + i * h->size, *dscore = d + i * h->size;
        a[i] = p[i] > 0 ? t->rows->dot(h->size, score_, dscore) / p[i] : 0;
        for (int32_t j = 0; j < h->size; j++)
            dlogits[i * h->size + j] = score_[j] * (dscore[j] - a[i]);
    }
    t->rows->softmax_backward(h->groups, p, a, douter);
}

static void backward(const router_token *t, const token_gradient *d)
{
    hierarchy h = hierarchy_of(t->routing);
    real *douter = h.outer.dz + t->index * h.groups, *dn = h.outer.dn + t->index * h.groups;
    memset(dn, 0, (size_t)h.groups * sizeof(real));
    memset(h.inner.dn + t->index * t->experts, 0, (size_t)t->experts * sizeof(real));
    scores_backward(t, &h, d->dprobability, d->dlogits, douter);
    if (t->count) weights_backward(t, &h, d, douter, dn);
    if (d->dload) loads_backward(t, &h, d, douter, dn);
}

/* How the gates' gradients are summed over tokens */
typedef struct gate_sum {
    bool accumulate;
    const leaf_list *leaves;
} gate_sum;

/* dx (+)= of one gate, whose parameter is w. */
static void gate_backward(const routing *r, const weight *w, const real *d, real *dw,
    const gate_sum *sum, real *dx, bool first)
{
    routing_product p = { .a = routing_input(r),
        .w = w,
        .dw = dw,
        .accumulate = sum->accumulate,
        .leaves = sum->leaves,
        .da = { dx, r->width, !first } };
    routing_multiply_backward(r, &p, d);
}

/* Padding has no gradients. */
static void clear_padding(const routing *r, const hierarchy *h)
{
    for (int64_t t = 0; t < r->plan->tokens; t++) {
        if (plan_is_valid(r->plan, t)) continue;
        memset(h->outer.dz + t * h->groups, 0, (size_t)h->groups * sizeof(real));
        memset(h->outer.dn + t * h->groups, 0, (size_t)h->groups * sizeof(real));
        memset(h->inner.dn + t * r->plan->experts, 0, (size_t)r->plan->experts * sizeof(real));
    }
}

static void project_backward(
    routing *r, const real *dlogits, router_gradients *g, bool accumulate, real *dx)
{
    hierarchy h = hierarchy_of(r);
    const real *const *own_ = r->weights->own;
    weight outer_noise = weight_of_floats(own_[OUTER_NOISE], h.groups, r->width),
           inner = weight_of_floats(own_[INNER], r->plan->experts, r->width),
           inner_noise = weight_of_floats(own_[INNER_NOISE], r->plan->experts, r->width);
    gate_sum sum = { accumulate, g->leaves };
    clear_padding(r, &h);
    gate_backward(r, &r->weights->matrix, h.outer.dz, g->matrix, &sum, dx, true);
    gate_backward(r, &inner, dlogits, g->own[INNER], &sum, dx, false);
    gate_backward(r, &outer_noise, h.outer.dn, g->own[OUTER_NOISE], &sum, dx, false);
    gate_backward(r, &inner_noise, h.inner.dn, g->own[INNER_NOISE], &sum, dx, false);
}

/* ---- sizes ---- */

static int32_t most_picks(const router_options *o, int32_t experts)
{
    (void)experts;
    return o->groups_used * o->topk;
}

static int64_t matrix_rows(const router_options *o, int32_t experts)
{
    (void)experts;
    return o->groups;
}

static int parameters(
    const router_options *o, int64_t width, int32_t experts, router_parameter *list)
{
    int64_t size = experts / o->groups;
    list[OUTER_NOISE] =
        (router_parameter){ "router.noise", 0, o->groups, width, true, false, START_VALUE, 0 };
    list[INNER] =
        (router_parameter){ "inner.weight", o->groups, size, width, true, false, START_DRAWN, 0 };
    list[INNER_NOISE] =
        (router_parameter){ "inner.noise", o->groups, size, width, true, false, START_VALUE, 0 };
    return 3;
}

static void defaults(router_options *o) { o->noise_floor = REAL_C(0.01); }

const router router_hierarchical = {
    .name = "hierarchical",
    .help = "a gate chooses groups, and each group's own gate its experts, both with learned noise "
            "(Shazeer et al. 2017)",
    .traits = ROUTER_NOISE | ROUTER_HIERARCHY,
    .options = (const char *const[]){ "groups", "groups-used", "noise-floor", NULL },
    .defaults = defaults,
    .most_picks = most_picks,
    .matrix_rows = matrix_rows,
    .parameters = parameters,
    .own = own,
    .project = project,
    .project_backward = project_backward,
    .assign = assign,
    .score = score,
    .weigh = weigh,
    .backward = backward,
};

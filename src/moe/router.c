/* router.c - THE LIST of routers, and their options. */
#include "moe/router.h"

#include <string.h>

#include "moe/select.h"

static const router *const list[] = {
    &router_softmax,
    &router_softmax_renorm,
    &router_topk_softmax,
    &router_sigmoid_bias,
    &router_sigmoid_bias_raw,
    &router_sqrtsoftplus_bias,
    &router_softmax_bias,
    &router_noisy_topk,
    &router_top_p,
    &router_expert_choice,
    &router_hash,
    &router_hash_next,
    &router_multi_hash,
    &router_base,
    &router_sinkhorn,
    &router_relu,
    &router_sparsemixer,
    &router_sparsemixer_1,
    &router_sigmoid_input,
    &router_cosine,
    &router_product,
    &router_quantile,
    &router_threshold,
    &router_dense,
    &router_hierarchical,
    &router_soft,
};
enum { LIST_COUNT = sizeof list / sizeof *list };

const router *const *router_list(int *count)
{
    *count = LIST_COUNT;
    return list;
}

const char *router_list_name(int i) { return i < LIST_COUNT ? list[i]->name : NULL; }
const char *router_list_meaning(int i) { return list[i]->help; }

const router *router_by_name(const char *name)
{
    for (int i = 0; i < LIST_COUNT; i++)
        if (!strcmp(list[i]->name, name)) return list[i];
    return NULL;
}

/* ---- sizes ---- */

int32_t router_most_picks(const router *r, const router_options *o, int32_t experts)
{
    return r->most_picks ? r->most_picks(o, experts) : o->topk;
}

int32_t router_capacity_picks(const router *r, const router_options *o)
{
    return r->traits & ROUTER_HIERARCHY ? o->groups_used * o->topk : o->topk;
}

int64_t router_edge_room(const router *r, const router_options *o, int32_t experts, int64_t tokens)
{
    return tokens * router_most_picks(r, o, experts);
}

int64_t router_most_rows(
    const router *r, const router_options *o, int32_t experts, int64_t tokens, int64_t sequences)
{
    return r->most_rows ? r->most_rows(o, experts, tokens, sequences)
                        : router_edge_room(r, o, experts, tokens);
}

int64_t router_matrix_rows(const router *r, const router_options *o, int32_t experts)
{
    if (r->traits & ROUTER_NO_MATRIX) return 0;
    return r->matrix_rows ? r->matrix_rows(o, experts) : experts;
}

int router_parameters(const router *r, const router_options *o, int64_t width, int32_t experts,
    router_parameter *list_)
{
    int count = r->parameters ? r->parameters(o, width, experts, list_) : 0;
    if (o->residual)
        list_[count++] = (router_parameter){ "router.residual", 0, experts, experts, true, false,
            START_VALUE, 0 };
    return count;
}

int64_t router_parameter_count(const router_parameter *p)
{
    return (p->slices ? p->slices : 1) * (p->rows ? p->rows : 1) * p->cols;
}

int token_type_by_name(const token_types *t, const char *name)
{
    for (int i = 0; i < t->count; i++)
        if (!strcmp(t->name[i], name)) return i;
    return -1;
}

/* A table leads id i to experts i, i + 1 ..., so that ids are spread evenly. */
bool router_parameter_start(const router_parameter *p, int32_t experts, int64_t j, real *value)
{
    int64_t id = j / p->cols, k = j % p->cols, run = experts / p->cols;
    *value = p->value;
    if (p->start == START_TABLE) *value = (real)((id + k) % experts);
    if (p->start == START_SEGMENTS) *value = (real)(k * run + router_segment_expert(id, k, run));
    return p->start != START_DRAWN;
}

/* ---- options ---- */

void router_defaults(const router *r, int32_t topk, router_options *o)
{
    *o = (router_options){ .topk = topk,
        .groups = 1,
        .groups_used = 1,
        .scale = 1,
        .top_p = REAL_C(0.4),
        .capacity = 1,
        .slots = 1,
        .projector = 256,
        .tasks = 1,
        .tolerance = REAL_C(1e-4),
        .l1 = REAL_C(1e-8),
        .l1_multiplier = REAL_C(1.2),
        .mask_epsilon = REAL_C(0.1) };
    if (r->defaults) r->defaults(o);
}

bool router_understands(const router *r, const char *option)
{
    for (const char *const *name = r->options; *name; name++)
        if (!strcmp(*name, option)) return true;
    return false;
}

bool router_is_independent(const router *r, const router_options *o)
{
    bool told = r->scores && (o->score == SCORE_SIGMOID || o->score == SCORE_SQRT_SOFTPLUS);
    return told || (r->traits & ROUTER_INDEPENDENT);
}

static cadre_status check_grid(
    const router *r, const router_options *o, int64_t experts, const char *where)
{
    int64_t points = 1;
    for (int32_t i = 0; i < o->dimensions; i++) points *= o->grid[i];
    if (!router_understands(r, "grid") || !o->dimensions || points == experts) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, where,
        "grid: expected sizes whose product is the number of experts, %lld, found %lld",
        (long long)experts, o->dimensions ? (long long)points : 0LL);
}

static cadre_status check_score(const router *r, const router_options *o, const char *where)
{
    static const char *const names[] = { "softmax", "sigmoid", "sqrtsoftplus", "topk-softmax",
        "none" };
    if (!r->scores || r->scores >> o->score & 1) return CADRE_OK;
    return cadre_fail(
        CADRE_EARGUMENT, where, "score: the router %s does not know %s", r->name, names[o->score]);
}

static cadre_status check_banks(const router_options *o, int64_t experts, const char *where)
{
    int64_t all = 0;
    for (int32_t i = 0; i < o->banks; i++) {
        all += o->bank_experts[i];
        if (o->bank_experts[i] < o->topk)
            return cadre_fail(CADRE_EARGUMENT, where,
                "banks: expected at least topk, %d experts in each, found %d", o->topk,
                o->bank_experts[i]);
    }
    if (!o->banks || all == experts) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, where,
        "banks: expected %lld experts in all of them, found %lld", (long long)experts,
        (long long)all);
}

static cadre_status check_groups(
    const router *r, const router_options *o, int64_t experts, const char *where)
{
    if (o->groups < 1 || o->groups > SELECT_MAX_GROUPS || experts % o->groups)
        return cadre_fail(CADRE_EARGUMENT, where,
            "groups: expected a divisor of %lld experts up to %d, found %d", (long long)experts,
            SELECT_MAX_GROUPS, o->groups);
    if (o->groups_used < 1 || o->groups_used > o->groups)
        return cadre_fail(CADRE_EARGUMENT, where, "groups-used: expected 1 to %d groups, found %d",
            o->groups, o->groups_used);
    if (r->traits & ROUTER_HIERARCHY && o->topk > experts / o->groups)
        return cadre_fail(CADRE_EARGUMENT, where,
            "topk: expected at most %lld, the experts of a group, found %d",
            (long long)(experts / o->groups), o->topk);
    if (experts / o->groups * o->groups_used < o->topk)
        return cadre_fail(CADRE_EARGUMENT, where,
            "groups-used: %d groups of %lld experts cannot hold %d picks", o->groups_used,
            (long long)(experts / o->groups), o->topk);
    if (select_is_grouped(o) && !router_understands(r, "groups"))
        return cadre_fail(
            CADRE_EARGUMENT, where, "groups: the router %s does not select by groups", r->name);
    return CADRE_OK;
}

cadre_status router_check(
    const router *r, const router_options *o, int64_t experts, const char *where)
{
    if (experts < 1 || experts > ROUTER_MAX_EXPERTS)
        return cadre_fail(CADRE_EARGUMENT, where, "experts: expected 1 to %d, found %lld",
            ROUTER_MAX_EXPERTS, (long long)experts);
    if (o->topk < 1 || o->topk > experts)
        return cadre_fail(CADRE_EARGUMENT, where,
            "topk: expected 1 to %lld, the number of experts, found %d", (long long)experts,
            o->topk);
    if (r->traits & ROUTER_ONE_PICK && o->topk != 1)
        return cadre_fail(CADRE_EARGUMENT, where, "topk: the router %s picks 1 expert, found %d",
            r->name, o->topk);
    if (r->traits & ROUTER_SEGMENTS && experts % o->topk)
        return cadre_fail(CADRE_EARGUMENT, where,
            "topk: with the router %s expected a divisor of the %lld experts, which are parts of "
            "whole ones, found %d",
            r->name, (long long)experts, o->topk);
    if (!(o->scale > 0) || !(o->scale < REAL_INF))
        return cadre_fail(CADRE_EARGUMENT, where,
            "route-scale: expected a positive number, found %g", (double)o->scale);
    if (!(o->jitter >= 0 && o->jitter < 1))
        return cadre_fail(CADRE_EARGUMENT, where,
            "jitter: expected at least 0 and less than 1, found %g", (double)o->jitter);
    if (!(o->top_p > 0 && o->top_p <= 1))
        return cadre_fail(CADRE_EARGUMENT, where,
            "top-p: expected more than 0, at most 1, found %g", (double)o->top_p);
    CADRE_TRY(check_score(r, o, where));
    CADRE_TRY(check_grid(r, o, experts, where));
    CADRE_TRY(check_banks(o, experts, where));
    return check_groups(r, o, experts, where);
}

bool router_renormalises(const router *r, const router_options *o)
{
    return (r->traits & ROUTER_RENORMALISES) ||
           (router_understands(r, "renormalise") && o->renormalise);
}

bool router_learns_nothing(const router *r, const router_options *o)
{
    return o->topk == 1 && router_renormalises(r, o);
}

/* sparsify.c - sizes, roles and first weights of a sparse model. */
#include "grow/sparsify.h"

#include <string.h>

#include "base/random.h"
#include "grow/layout.h"
#include "grow/rule.h"

cadre_status sparsify_check_dense(const model_config *c, const char *path)
{
    int64_t sparse = model_config_sparse_layers(c);
    if (c->encoder)
        return cadre_fail(CADRE_EUNSUPPORTED, path, "expected a decoder, found an encoder too");
    if (!sparse) return CADRE_OK;
    cadre_status status = cadre_fail(CADRE_EARGUMENT, path,
        "expected a dense model, found one with %lld sparse layers", (long long)sparse);
    cadre_fail_advice("'cadre grow' adds experts to a sparse model");
    return status;
}

static cadre_status refuse_router(const router *r)
{
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--router: expected one whose weights of a token sum to a known number, found %s", r->name);
}

static cadre_status check_sizes(const sparse_form *form, const model_config *c)
{
    if (form->topk > form->experts)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--topk: expected at most the %lld experts, found %lld", (long long)form->experts,
            (long long)form->topk);
    if (form->every > c->layers)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--every: expected at most the model's %lld layers, found %lld", (long long)c->layers,
            (long long)form->every);
    if (!growth_rule_allows_adding(form->router)) return refuse_router(form->router);
    return CADRE_OK;
}

static void make_sparse(const sparse_form *form, model_config *c)
{
    for (int64_t l = 0; l < c->layers; l++) {
        layer_config *layer = &c->layer[l];
        layer->sparse = (l + 1) % form->every == 0;
        layer->moe.experts = (int32_t)form->experts;
        layer->moe.hidden = form->width;
        layer->moe.route.topk = (int32_t)form->topk;
    }
}

cadre_status sparsify(const sparse_form *form, const char *where, model_config *c)
{
    enum { BALANCING_PERCENT = 1 };
    CADRE_TRY(check_sizes(form, c));
    c->experts = form->experts;
    c->topk = form->topk;
    c->expert_width = form->width;
    c->dense_layers = 0;
    c->sparse_step = form->every;
    c->router = form->router;
    c->groups = c->groups_used = 1;
    c->route_scale = 1;
    c->own_route = false;
    c->expert_bias = c->ffn_bias;
    c->aux_loss = BALANCING_PERCENT / 100.0; /* the default when it is trained further */
    make_sparse(form, c);
    model_config_fill_layers(c);
    return model_config_check(c, where);
}

cadre_status sparsify_choose_layout(
    const char *where, const cadre_output_listener *listener, model_config *c)
{
    static const char *const families[] = { "mixtral", "qwen3_moe", NULL };
    return layout_choose(families, where, listener, c);
}

param_role sparsify_dense_role(param_role role)
{
    switch (role) {
    case ROLE_EXPERT_GATE: return ROLE_GATE;
    case ROLE_EXPERT_UP: return ROLE_UP;
    case ROLE_EXPERT_DOWN: return ROLE_DOWN;
    case ROLE_EXPERT_GATE_BIAS: return ROLE_GATE_BIAS;
    case ROLE_EXPERT_UP_BIAS: return ROLE_UP_BIAS;
    case ROLE_EXPERT_DOWN_BIAS: return ROLE_DOWN_BIAS;
    default: return role;
    }
}

bool sparsify_is_router(param_role role) { return param_has_row_per_expert(role); }

/* ---- the router ---- */

cadre_status new_router_fit(new_router *r, const model_config *c, bool *fixed)
{
    const moe_config *moe = &c->layer[c->sparse_step - 1].moe;
    const growth_rule *rule;
    CADRE_TRY(growth_rule_of(moe, "options", &rule));
    r->sum = growth_weight_sum(rule, moe, fixed);
    return r->sum > 0 ? CADRE_OK : refuse_router(moe->router);
}

void new_router_make(const new_router *r, const param *p, real *values)
{
    random_key key = random_key_of(r->seed, "upcycled router", (uint64_t)p->layer, 0);
    memset(values, 0, (size_t)(p->rows * p->cols) * sizeof *values);
    if (p->role != ROLE_ROUTER || r->deviation == 0) return;
    for (int64_t e = 0; e < p->rows; e++)
        for (int64_t i = 0; i < p->cols; i++) {
            uint64_t index = (uint64_t)(e / r->alike * p->cols + i);
            values[e * p->cols + i] = (real)(r->deviation * random_normal(key, index));
        }
}

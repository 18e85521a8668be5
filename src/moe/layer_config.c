/* layer_config.c - a sparse layer's settings: what follows from them, and which go together. */
#include <string.h>

#include "moe/layer_run.h"
#include "moe/select.h"

const row_activation *layer_form(const row_kernels *rows, const moe_config *c)
{
    return row_activation_by_name(rows, c->form);
}

/* A form's name and inputs are the same for every variant. */
static const row_activation *form_anywhere(const moe_config *c)
{
    int count;
    return layer_form(variant_list(&count)[0]->rows, c);
}

int moe_config_inputs(const moe_config *c) { return form_anywhere(c)->inputs; }

void moe_config_init(
    moe_config *c, const router *r, int64_t width, int64_t hidden, int32_t experts, int32_t topk)
{
    *c = (moe_config){
        .width = width, .hidden = hidden, .experts = experts, .router = r, .form = "swiglu"
    };
    c->dispatch.factor = c->input_scale = 1;
    c->tau = 1;
    router_defaults(r, topk, &c->route);
}

int32_t moe_config_most_picks(const moe_config *c)
{
    return router_most_picks(c->router, &c->route, c->experts);
}

int32_t moe_config_usual_picks(const moe_config *c)
{
    bool all = c->router->traits & ROUTER_EVERY_EXPERT;
    return all ? c->experts : router_capacity_picks(c->router, &c->route);
}

int32_t moe_config_weightless(const moe_config *c) { return c->constants + c->copies + c->zeros; }

int32_t moe_config_weighted(const moe_config *c) { return c->experts - moe_config_weightless(c); }

bool moe_config_has_lookahead(const moe_config *c)
{
    return c->router->traits & ROUTER_LOOKS_AHEAD;
}

int64_t moe_config_bank_hidden(const moe_config *c, int32_t bank)
{
    return c->route.banks && c->bank_hidden[bank] ? c->bank_hidden[bank] : c->hidden;
}

bool moe_config_has_bank_widths(const moe_config *c) { return c->route.banks && c->bank_hidden[0]; }

moe_bank moe_config_bank_of(const moe_config *c, int32_t expert)
{
    moe_bank bank = { .count = moe_config_weighted(c) };
    if (!moe_config_has_bank_widths(c)) return bank;
    bank.count = c->route.bank_experts[0];
    while (expert >= bank.first + bank.count) {
        bank.first += bank.count;
        bank.count = c->route.bank_experts[++bank.index];
    }
    return bank;
}

balance_layer moe_balance_layer(const moe_config *c)
{
    return (balance_layer){ .router = c->router,
        .experts = c->experts,
        .picks = c->route.topk,
        .route = &c->route,
        .weighted = moe_config_weighted(c),
        .tau = c->tau,
        .types = &c->types,
        .own = c->losses };
}

static cadre_status check_size(const char *where, const char *key, int64_t value, int64_t least)
{
    if (value >= least && value <= MOE_MAX_WIDTH) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, where, "%s: expected %lld to %d, found %lld", key,
        (long long)least, MOE_MAX_WIDTH, (long long)value);
}

static cadre_status check_weightless(const moe_config *c, const char *where)
{
    int64_t without = (int64_t)c->constants + c->copies + c->zeros;
    if (!without) return CADRE_OK;
    if (without >= c->experts)
        return cadre_fail(CADRE_EARGUMENT, where,
            "constant-experts, copy-experts, zero-experts: expected fewer than all %d experts, "
            "found %lld",
            c->experts, (long long)without);
    if (c->latent || c->route.banks || c->router->traits & ROUTER_MIXES)
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "experts without weights: not together with a latent width, banks or router soft");
    return CADRE_OK;
}

/* Returns whether a router's weights are softmax scores of its picks, as they are or
 * renormalised. */
static bool weighs_softmax(const moe_config *c)
{
    return !router_is_independent(c->router, &c->route) && !c->router->scores &&
           !(c->router->traits & (ROUTER_MIXES | ROUTER_HIERARCHY | ROUTER_NOISE));
}

static cadre_status check_estimator(const moe_config *c, const char *where)
{
    bool samples = router_understands(c->router, "sparsemixer-epsilon");
    if (c->estimator == ESTIMATOR_SPARSEMIXER && !samples)
        return cadre_fail(CADRE_EARGUMENT, where,
            "estimator: sparsemixer wants one of the routers sparsemixer, found %s",
            c->router->name);
    if (c->estimator == ESTIMATOR_DENSE &&
        (samples || !weighs_softmax(c) || c->route.banks || moe_config_weightless(c)))
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "estimator: dense wants a router whose weights are softmax scores, without banks or "
            "experts without weights; found %s",
            c->router->name);
    if (c->estimator == ESTIMATOR_STRAIGHT_THROUGH &&
        c->router->traits & (ROUTER_MIXES | ROUTER_WEIGHS_INPUT))
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "estimator: straight-through wants experts that read the token itself; with router %s "
            "they do not",
            c->router->name);
    return CADRE_OK;
}

static cadre_status check_banks(const moe_config *c, const char *where)
{
    bool own = c->router->own || c->router->parameters || c->router->project;
    if (!c->route.banks) return CADRE_OK;
    if ((own && !(c->router->traits & ROUTER_LOOKS_AHEAD)) || c->router->traits & ROUTER_MIXES ||
        select_is_grouped(&c->route) || c->expert_bias || c->expert_dropout > 0 ||
        c->route.residual)
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "banks: not with router %s, groups, biases or dropout of experts, or residual logits",
            c->router->name);
    for (int32_t i = 0; i < c->route.banks; i++)
        CADRE_TRY(check_size(where, "expert-width of a bank", moe_config_bank_hidden(c, i), 1));
    return CADRE_OK;
}

static cadre_status check_together(const moe_config *c, const char *where)
{
    bool more = c->latent || c->residual || c->expert_bias || c->expert_dropout > 0 ||
                c->input_scale != 1 || moe_config_weightless(c) || c->route.banks;
    if (keeps_rows(c) && more)
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "router %s%s: not together with a latent width, a residual expert, biases, dropout or "
            "another input of experts, experts without weights, or banks",
            c->router->name, has_tasks(c) ? " with tasks" : "");
    if (has_tasks(c) && c->shared)
        return cadre_fail(CADRE_EUNSUPPORTED, where, "tasks: not together with a shared expert");
    if (c->route.residual && (c->router->project || c->router->traits & ROUTER_MIXES))
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "residual-logits: not possible with router %s, whose logits are no product of its own",
            c->router->name);
    if (c->residual && c->latent)
        return cadre_fail(
            CADRE_EUNSUPPORTED, where, "residual expert: not together with a latent width");
    if ((c->residual || c->latent) && c->route.omega)
        return cadre_fail(CADRE_EUNSUPPORTED, where, "%s: not together with router %s",
            c->residual ? "residual expert" : "latent width", c->router->name);
    if (c->dispatch.overflow != OVERFLOW_NONE &&
        c->router->traits & (ROUTER_OWN_CAPACITY | ROUTER_MIXES | ROUTER_EVERY_EXPERT))
        return cadre_fail(CADRE_EARGUMENT, where, "overflow: with router %s no expert is ever full",
            c->router->name);
    if (c->dispatch.overflow == OVERFLOW_REROUTE && c->router->traits & ROUTER_HIERARCHY)
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "overflow: reroute is not possible with router %s", c->router->name);
    if (c->dispatch.overflow == OVERFLOW_PAD && reads_scaled_rows(c))
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "overflow: pad is not possible where experts read scaled tokens");
    return CADRE_OK;
}

cadre_status moe_config_check(const moe_config *c, const char *where)
{
    CADRE_TRY(check_size(where, "width", c->width, 1));
    CADRE_TRY(check_size(where, "expert-width", c->hidden, 1));
    CADRE_TRY(check_size(where, "shared expert's width", c->shared, 0));
    CADRE_TRY(check_size(where, "latent width", c->latent, 0));
    CADRE_TRY(check_size(where, "residual expert's width", c->residual, 0));
    CADRE_TRY(router_check(c->router, &c->route, c->experts, where));
    CADRE_TRY(dispatch_check(&c->dispatch, where));
    if (!(c->expert_dropout >= 0 && c->expert_dropout < 1))
        return cadre_fail(CADRE_EARGUMENT, where,
            "expert-dropout: expected at least 0 and less than 1, found %g", c->expert_dropout);
    if (!form_anywhere(c))
        return cadre_fail(CADRE_EARGUMENT, where,
            "expert-form: expected the name of a form, found '%s'", c->form);
    CADRE_TRY(check_weightless(c, where));
    CADRE_TRY(check_estimator(c, where));
    CADRE_TRY(check_banks(c, where));
    return check_together(c, where);
}

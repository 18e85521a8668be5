/* layer_memory.c - the memory that a sparse layer asks for: what forward leaves for backward, and
 * what a call works with. */
#include "moe/layer_run.h"

int64_t moe_config_most_rows(const moe_config *c, int64_t tokens, int64_t sequences)
{
    if (c->dispatch.overflow == OVERFLOW_PAD)
        return dispatch_max_rows(&c->dispatch, tokens, sequences, c->route.topk, c->experts);
    return router_most_rows(c->router, &c->route, c->experts, tokens, sequences);
}

/* The most rows that this rank's experts compute: with several ranks, all of them may come here. */
static int64_t computed_rows(const moe_config *c, const batch_limits *most)
{
    return most->ranks > 0 ? moe_config_most_rows(c, most->all_tokens, most->all_sequences)
                           : moe_config_most_rows(c, most->tokens, most->sequences);
}

static int64_t edge_room(const moe_config *c, int64_t tokens)
{
    return router_edge_room(c->router, &c->route, c->experts, tokens);
}

/* Rows are counted in 32 bits; with that and the bounds of moe_config_check no product below leaves
 * 64. */
static bool fits(const moe_config *c, const batch_limits *most)
{
    return most->tokens <= INT32_MAX && most->sequences <= INT32_MAX &&
           computed_rows(c, most) <= INT32_MAX;
}

/* Returns the hidden width of all banks together, because each bank has hidden rows of its own. */
static int64_t all_hidden(const moe_config *c)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < c->route.banks; i++) sum += moe_config_bank_hidden(c, i);
    return moe_config_has_bank_widths(c) ? sum : c->hidden;
}

void moe_state_layout_routing(moe_state *s, arena *a, const moe_config *c, const batch_limits *most)
{
    *s = (moe_state){ 0 };
    plan_layout(&s->plan, a,
        &(plan_limits){ .tokens = most->tokens,
            .edges = edge_room(c, most->tokens),
            .rows = moe_config_most_rows(c, most->tokens, most->sequences),
            .experts = c->experts,
            .limited = c->dispatch.overflow != OVERFLOW_NONE });
    router_state_layout(&s->router, a, c->router, &c->route, most->tokens, c->width, c->experts);
}

void moe_state_layout_rows(moe_state *s, arena *a, const moe_config *c, const batch_limits *most)
{
    int64_t rows = moe_config_most_rows(c, most->tokens, most->sequences),
            inputs = moe_config_inputs(c), computed = computed_rows(c, most);
    s->pre = ARENA_ARRAY(a, real, computed * inputs * all_hidden(c));
    s->most_rows = computed;
    if (most->ranks > 0)
        exchange_layout(&s->exchange, a, most->ranks, c->experts, computed, experts_width(c));
    if (c->shared) s->shared_pre = ARENA_ARRAY(a, real, most->tokens * inputs * c->shared);
    if (c->shared_gated) s->shared_expert_gate = ARENA_ARRAY(a, real, most->tokens);
    if (keeps_rows(c)) s->out_rows = ARENA_ARRAY(a, real, rows * experts_width(c));
    if (reads_scaled_rows(c) || mixes_slots(c))
        s->input_rows = ARENA_ARRAY(a, real, rows * experts_width(c));
    if (c->latent) s->latent = ARENA_ARRAY(a, real, most->tokens * c->latent);
    if (keeps_sparse(c)) s->sparse = ARENA_ARRAY(a, real, most->tokens * experts_width(c));
    if (!c->residual) return;
    s->residual_pre = ARENA_ARRAY(a, real, most->tokens * inputs * c->residual);
    s->residual = ARENA_ARRAY(a, real, most->tokens * c->width);
    s->coefficient = ARENA_ARRAY(a, real, most->tokens * 2);
}

void moe_state_layout(moe_state *s, arena *a, const moe_config *c, const batch_limits *most)
{
    moe_state_layout_routing(s, a, c, most);
    moe_state_layout_rows(s, a, c, most);
}

size_t moe_state_bytes(const moe_config *c, const batch_limits *most)
{
    moe_state s;
    arena measured = { 0 };
    if (!fits(c, most)) return SIZE_MAX;
    moe_state_layout(&s, &measured, c, most);
    return measured.used;
}

static void unpicked_layout(layer_scratch *s, arena *a, const moe_config *c, int64_t tokens)
{
    s->unpicked_pre = ARENA_ARRAY(a, real, tokens * moe_config_inputs(c) * c->hidden);
    s->unpicked_act = ARENA_ARRAY(a, real, tokens * c->hidden);
    s->unpicked_out = ARENA_ARRAY(a, real, tokens * experts_width(c));
    s->unpicked = ARENA_ARRAY(a, real, tokens * c->experts);
    s->unpicked_first = ARENA_ARRAY(a, int64_t, c->experts + 1);
    s->unpicked_token = ARENA_ARRAY(a, int32_t, tokens);
}

static void exchange_scratch_layout(
    layer_scratch *s, arena *a, const moe_config *c, int64_t computed)
{
    int64_t width = experts_width(c);
    s->outgoing = ARENA_ARRAY(a, real, computed * width);
    s->arrived = ARENA_ARRAY(a, real, computed * (width > 2 ? width : 2));
    s->elements = ARENA_ARRAY(a, real, 2 * computed);
    if (!c->expert_bias) return;
    s->biases = ARENA_ARRAY(a, real, c->experts * width);
    s->bias = ARENA_ARRAY(a, const real *, c->experts);
}

static int64_t most_of(int64_t x, int64_t y) { return x > y ? x : y; }

void layer_scratch_layout(layer_scratch *s, arena *a, const moe_config *c, const batch_limits *most)
{
    int64_t rows = moe_config_most_rows(c, most->tokens, most->sequences),
            pairs = most->tokens * c->experts;
    int64_t computed = computed_rows(c, most);
    int64_t act = computed * c->hidden, beside = most->tokens * most_of(c->shared, c->residual);
    for (int32_t i = 0; i < c->route.banks; i++)
        act = most_of(act, computed * moe_config_bank_hidden(c, i));
    *s = (layer_scratch){ 0 };
    dispatch_layout(&s->dispatch, a, &c->dispatch, most->tokens, most->sequences,
        router_most_picks(c->router, &c->route, c->experts), c->experts);
    s->group = ARENA_ARRAY(a, gemm_group, 2 * c->experts);
    s->wanted = ARENA_ARRAY(a, int32_t, c->experts);
    s->logits = ARENA_ARRAY(a, real, pairs);
    s->probability = ARENA_ARRAY(a, real, pairs);
    if (c->router->traits & ROUTER_NOISE && !(c->router->traits & ROUTER_HIERARCHY))
        s->noise_logits = ARENA_ARRAY(a, real, pairs);
    s->dweight = ARENA_ARRAY(a, real, edge_room(c, most->tokens));
    if (c->shared_gated) s->dshared_expert_gate = ARENA_ARRAY(a, real, most->tokens);
    s->act = ARENA_ARRAY(a, real, most_of(act, beside));
    s->rows = ARENA_ARRAY(a, real, rows * experts_width(c));
    s->placed.source = ARENA_ARRAY(a, int32_t, rows);
    s->placed.token = ARENA_ARRAY(a, int32_t, rows);
    s->placed.first = ARENA_ARRAY(a, int64_t, c->experts + 1);
    if (keeps_rows(c)) s->dy_rows = ARENA_ARRAY(a, real, rows * experts_width(c));
    if (keeps_sparse(c)) s->sparse = ARENA_ARRAY(a, real, most->tokens * experts_width(c));
    if (c->latent) s->latent = ARENA_ARRAY(a, real, most->tokens * c->latent);
    if (c->residual) s->coefficient = ARENA_ARRAY(a, real, most->tokens * 2);
    if (c->estimator == ESTIMATOR_DENSE) unpicked_layout(s, a, c, most->tokens);
    if (most->ranks > 0) exchange_scratch_layout(s, a, c, computed);
}

size_t moe_scratch_bytes(const moe_config *c, const batch_limits *most)
{
    layer_scratch s;
    arena measured = { 0 };
    if (!fits(c, most)) return SIZE_MAX;
    layer_scratch_layout(&s, &measured, c, most);
    return measured.used;
}

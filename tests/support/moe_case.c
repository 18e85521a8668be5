/* moe_case.c - builds the case and holds its gradients against differences. */
#include "kernel/context.h"
#include "support/moe_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

moe_config moe_case_config(const char *router_name, int32_t experts, int32_t topk)
{
    moe_config c;
    moe_config_init(&c, router_by_name(router_name), 6, 5, experts, topk);
    return c;
}

static void *own(moe_case *c, int64_t count, size_t size)
{
    void *block = mem_alloc((size_t)count, size);
    assert_non_null(block);
    assert_true(c->blocks < (int)(sizeof c->owned / sizeof *c->owned));
    return c->owned[c->blocks++] = block;
}

static real *reals(moe_case *c, int64_t count) { return own(c, count, sizeof(real)); }

static real *parameter(
    moe_case *c, const char *name, int64_t count, double deviation, uint64_t seed, real **gradient)
{
    assert_true(c->parameters < MOE_CASE_PARAMETERS);
    moe_parameter *p = &c->parameter[c->parameters++];
    *p = (moe_parameter){ name, reals(c, count), reals(c, count), count };
    gradient_fill(p->value, count, seed * 100 + (uint64_t)c->parameters, deviation);
    *gradient = p->gradient;
    return p->value;
}

/* Tables of pointers into one parameter: expert e at e * stride + offset. */
static const void *const *table(moe_case *c, const real *base, int64_t stride, int64_t offset)
{
    const void **t = own(c, c->config.experts, sizeof *t);
    for (int32_t e = 0; e < c->config.experts; e++) t[e] = base + e * stride + offset;
    return t;
}

static real *const *gradient_table(moe_case *c, real *base, int64_t stride, int64_t offset)
{
    real **t = own(c, c->config.experts, sizeof *t);
    for (int32_t e = 0; e < c->config.experts; e++) t[e] = base + e * stride + offset;
    return t;
}

static weight expert_view(moe_case *c, const void *const *pointers, int64_t rows, int64_t cols)
{
    return (weight){
        .rows = rows, .cols = cols, .stride = cols, .experts = c->config.experts, .expert = pointers
    };
}

/* Even seeds: up right behind gate; odd seeds: with something in between. */
static void make_experts(moe_case *c, uint64_t seed)
{
    int64_t d = c->config.width, h = c->config.hidden, experts = c->config.experts,
            gap = seed % 2 ? 3 : 0;
    bool two = moe_config_inputs(&c->config) == 2;
    int64_t stride = (two ? 2 : 1) * h * d + gap;
    real *g, *gd;
    real *inputs = parameter(c, "gate and up", experts * stride, 0.7, seed, &g);
    real *down = parameter(c, "down", experts * d * h, 0.7, seed, &gd);
    expert_weights *w = &c->weights.experts;
    w->gate = expert_view(c, table(c, inputs, stride, 0), h, d);
    w->up = expert_view(c, table(c, inputs, stride, two ? h * d + gap : 0), h, d);
    w->down = expert_view(c, table(c, down, d * h, 0), d, h);
    w->joined = c->gradients.experts.joined = two && !gap;
    c->gradients.experts.gate = gradient_table(c, g, stride, 0);
    c->gradients.experts.up = gradient_table(c, g, stride, two ? h * d + gap : 0);
    c->gradients.experts.down = gradient_table(c, gd, d * h, 0);
    if (!c->config.expert_bias) return;
    real *bias = parameter(c, "expert biases", experts * (2 * h + d), 0.5, seed, &g);
    w->gate_bias = (const real *const *)table(c, bias, 2 * h + d, 0);
    if (two) w->up_bias = (const real *const *)table(c, bias, 2 * h + d, h);
    w->down_bias = (const real *const *)table(c, bias, 2 * h + d, 2 * h);
    c->gradients.experts.gate_bias = gradient_table(c, g, 2 * h + d, 0);
    if (two) c->gradients.experts.up_bias = gradient_table(c, g, 2 * h + d, h);
    c->gradients.experts.down_bias = gradient_table(c, g, 2 * h + d, 2 * h);
}

static void make_router(moe_case *c, uint64_t seed)
{
    int64_t d = c->config.width, experts = c->config.experts;
    router_weights *w = &c->weights.router;
    router_gradients *g = &c->gradients.router;
    w->matrix =
        weight_of_floats(parameter(c, "router", experts * d, 0.8, seed, &g->matrix), experts, d);
    if (c->config.router_bias) w->bias = parameter(c, "router bias", experts, 0.3, seed, &g->bias);
    if (c->config.router->traits & ROUTER_NOISE)
        w->noise =
            weight_of_floats(parameter(c, "noise", experts * d, 0.5, seed, &g->noise), experts, d);
    if (c->config.router->traits & ROUTER_CORRECTION) {
        real *correction = reals(c, experts);
        gradient_fill(correction, experts, seed + 77, 0.1);
        w->correction = correction;
    }
}

static void make_shared(moe_case *c, uint64_t seed)
{
    int64_t d = c->config.width, h = c->config.shared;
    moe_gradients *g = &c->gradients;
    if (!h) return;
    c->weights.shared_gate_proj =
        weight_of_floats(parameter(c, "shared gate", h * d, 0.7, seed, &g->shared_gate_proj), h, d);
    c->weights.shared_up =
        weight_of_floats(parameter(c, "shared up", h * d, 0.7, seed, &g->shared_up), h, d);
    c->weights.shared_down =
        weight_of_floats(parameter(c, "shared down", h * d, 0.7, seed, &g->shared_down), d, h);
    if (c->config.shared_gated)
        c->weights.shared_expert_gate = weight_of_floats(
            parameter(c, "shared switch", d, 0.7, seed, &g->shared_expert_gate), 1, d);
}

static void make_batch(moe_case *c, int64_t sequences, int64_t length, uint64_t seed)
{
    int64_t tokens = sequences * length, numbers = tokens * c->config.width;
    c->start = own(c, sequences + 1, sizeof *c->start);
    c->valid = own(c, tokens, sizeof *c->valid);
    for (int64_t s = 0; s <= sequences; s++) c->start[s] = s * length;
    memset(c->valid, 1, (size_t)tokens);
    c->x = reals(c, numbers), c->y = reals(c, numbers), c->dy = reals(c, numbers),
    c->dx = reals(c, numbers);
    gradient_fill(c->x, numbers, seed + 5, 1);
    gradient_fill(c->dy, numbers, seed + 6, 1);
    c->batch = (token_batch){ .tokens = tokens,
        .sequences = sequences,
        .start = c->start,
        .random = { .train = true, .seed = seed, .step = 3 } };
}

moe_case *moe_case_new(
    const moe_config *config, int64_t sequences, int64_t length, int threads, uint64_t seed)
{
    moe_case *c = mem_alloc(1, sizeof *c);
    assert_non_null(c);
    c->config = *config;
    c->ones[0] = c->ones[1] = 1;
    assert_int_equal(moe_config_check(config, "case"), CADRE_OK);
    assert_int_equal(compute_new(threads, NULL, &c->compute), CADRE_OK);
    make_router(c, seed);
    make_experts(c, seed);
    make_shared(c, seed);
    make_batch(c, sequences, length, seed);
    batch_limits most = { .tokens = sequences * length, .sequences = sequences };
    assert_true(arena_open(&c->arena, moe_state_bytes(config, &most)));
    moe_state_layout(&c->state, &c->arena, config, &most);
    size_t bytes = moe_scratch_bytes(config, &most);
    c->call = (moe_call){ .compute = c->compute,
        .batch = &c->batch,
        .scratch = own(c, (int64_t)bytes, 1),
        .scratch_bytes = bytes,
        .layer = 1 };
    return c;
}

void moe_case_free(moe_case *c)
{
    for (int i = 0; i < c->blocks; i++) mem_free(c->owned[i]);
    arena_close(&c->arena);
    compute_free(c->compute);
    mem_free(c);
}

balance *moe_case_balance(const moe_case *c, const balance_options *options)
{
    balance *b;
    balance_layer layer = moe_balance_layer(&c->config);
    assert_int_equal(
        balance_new(options, &layer, 1,
            &(batch_limits){ .tokens = c->batch.tokens, .sequences = c->batch.sequences }, &b),
        CADRE_OK);
    return b;
}

static int64_t valid_tokens(const moe_case *c)
{
    int64_t n = 0;
    for (int64_t t = 0; t < c->batch.tokens; t++) n += c->batch.valid ? c->batch.valid[t] : 1;
    return n;
}

void moe_case_forward(void *arg)
{
    moe_case *c = arg;
    balance *b = c->call.balance;
    if (b) balance_step_begin(b, c->batch.sequences, valid_tokens(c));
    moe_layer_forward(&c->call, &c->config, &c->weights, c->x, &c->state, c->y);
    if (!b) return;
    balance_finish(b);
    c->losses[0] = (real)balance_value(b).aux;
    c->losses[1] = (real)balance_value(b).z;
}

void moe_case_backward(moe_case *c, bool accumulate)
{
    c->gradients.accumulate = accumulate;
    moe_layer_backward(&c->call, &c->config, &c->weights, &c->state, c->dy, c->dx, &c->gradients);
}

/* ---- settling ---- */

/* Edges and rows of a token, and which side of 0 and of the limit its pre-activations are on, as
 * one number. */
static uint64_t pattern_of(const moe_case *c, int64_t t)
{
    const plan *p = &c->state.plan;
    int64_t pre_width = moe_config_inputs(&c->config) * c->config.hidden;
    uint64_t pattern = 14695981039346656037u;
    for (int64_t i = p->token_start[t]; i < p->token_start[t + 1]; i++) {
        pattern = (pattern ^ (uint64_t)(p->edge_expert[i].id + 2) ^
                      ((uint64_t)(p->edge_row[i] + 2) << 20)) *
                  1099511628211u;
        for (int64_t j = 0; p->edge_row[i] >= 0 && j < pre_width; j++) {
            real v = c->state.pre[p->edge_row[i] * pre_width + j];
            uint64_t side = (uint64_t)(v > 0) | (uint64_t)(v > c->config.limit) << 1 |
                            (uint64_t)(v > -c->config.limit) << 2;
            pattern = (pattern ^ side) * 1099511628211u;
        }
    }
    return pattern;
}

static void nudge(moe_case *c, uint64_t seed, real sign)
{
    const double deviation = 4e-3;
    for (int i = 0; i <= c->parameters; i++) {
        bool inputs = i == c->parameters;
        real *value = inputs ? c->x : c->parameter[i].value;
        int64_t count = inputs ? c->batch.tokens * c->config.width : c->parameter[i].count;
        random_key key = random_key_of(seed, "nudge", (uint64_t)i, 0);
        for (int64_t j = 0; j < count; j++)
            value[j] += sign * (real)(deviation * random_normal(key, (uint64_t)j));
    }
}

/* Draws the tokens anew that eight nudges change; returns how many. */
static int64_t redraw(moe_case *c, uint64_t *before, uint64_t round)
{
    int64_t redrawn = 0, width = c->config.width;
    moe_case_forward(c);
    for (int64_t t = 0; t < c->batch.tokens; t++) before[t] = pattern_of(c, t);
    bool *shaky = mem_alloc((size_t)c->batch.tokens, sizeof *shaky);
    for (uint64_t trial = 0; trial < 8; trial++) {
        nudge(c, trial, 1);
        moe_case_forward(c);
        for (int64_t t = 0; t < c->batch.tokens; t++) shaky[t] |= pattern_of(c, t) != before[t];
        nudge(c, trial, -1);
    }
    for (int64_t t = 0; t < c->batch.tokens; t++) {
        if (!shaky[t]) continue;
        gradient_fill(c->x + t * width, width, 1000 * (round + 1) + (uint64_t)t, 1);
        redrawn++;
    }
    mem_free(shaky);
    return redrawn;
}

void moe_case_settle(moe_case *c)
{
    uint64_t *before = own(c, c->batch.tokens, sizeof *before);
    for (uint64_t round = 0; round < 400; round++)
        if (redraw(c, before, round) == 0) return;
    fail_msg("no inputs were found that small changes leave alone");
}

void moe_case_check_gradients(moe_case *c, const char *what)
{
    int64_t numbers = c->batch.tokens * c->config.width;
    char label[200];
    gradient_loss loss = { .forward = moe_case_forward,
        .state = c,
        .part = { { c->y, c->dy, numbers }, { c->losses, c->ones, 2 } },
        .limit = 12 };
    if (!REAL_IS_DOUBLE) return;
    moe_case_settle(c);
    moe_case_forward(c);
    moe_case_backward(c, false);
    for (int i = 0; i < c->parameters; i++) {
        snprintf(label, sizeof label, "%s: %s", what, c->parameter[i].name);
        gradient_check(
            &loss, label, c->parameter[i].value, c->parameter[i].gradient, c->parameter[i].count);
    }
    snprintf(label, sizeof label, "%s: x", what);
    gradient_check(&loss, label, c->x, c->dx, numbers);
}

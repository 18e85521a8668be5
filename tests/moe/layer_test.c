/* layer_test.c - the whole layer: gradients of every router, form, loss and option; the same bits
 * however it is run. */
#include "moe/layer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/gradient.h"
#include "support/moe_case.h"
#include "support/within.h"

/* ---- gradients ---- */

static void check_config(const moe_config *config, const balance_options *losses, const char *what)
{
    for (uint64_t seed = 2; seed < 4; seed++) {
        moe_case *c = moe_case_new(config, 2, 5, 1, seed);
        if (losses) c->call.balance = moe_case_balance(c, losses);
        moe_case_check_gradients(c, what);
        balance_free(c->call.balance);
        moe_case_free(c);
    }
}

/* The others are in layer_kinds_test.c, through the public layer, which makes their parameters. */
static bool has_no_own_parts(const router *r)
{
    return !r->own && !r->project && !r->parameters && !(r->traits & ROUTER_READS_IDS);
}

static void test_every_router(void **state)
{
    (void)state;
    int count;
    const router *const *list = router_list(&count);
    for (int i = 0; i < count; i++)
        for (int32_t k = 1; k <= 8 && has_no_own_parts(list[i]); k += k == 1 ? 2 : 5) {
            moe_config c = moe_case_config(list[i]->name, 8, k);
            c.route.scale = REAL_C(2.5);
            c.route.top_p = REAL_C(0.7);
            check_config(&c, NULL, list[i]->name);
        }
}

static void test_group_limited_selection(void **state)
{
    (void)state;
    const char *const routers[] = { "sigmoid-bias", "sigmoid-bias-raw", "sqrtsoftplus-bias",
        "softmax", "softmax-renorm", "softmax-bias" };
    for (size_t i = 0; i < sizeof routers / sizeof *routers; i++)
        for (int variant = 0; variant < 4; variant++) {
            moe_config c = moe_case_config(routers[i], 8, 3);
            c.route.groups = 4;
            c.route.groups_used = 2;
            c.route.group_score = variant % 2 ? GROUP_TOP2 : GROUP_MAX;
            c.route.group_mask = variant / 2 ? GROUP_MASK_ZERO : GROUP_MASK_INF;
            check_config(&c, NULL, routers[i]);
        }
}

static void test_weights_as_they_are_or_renormalised(void **state)
{
    (void)state;
    moe_config c = moe_case_config("softmax-bias", 8, 3);
    c.route.renormalise = false;
    check_config(&c, NULL, "softmax-bias raw");
    c.route.renormalise = true;
    check_config(&c, NULL, "softmax-bias renormalised");
    c.router_bias = true;
    check_config(&c, NULL, "router bias");
}

static void test_forms(void **state)
{
    (void)state;
    const char *const forms[] = { "relu", "gelu", "geglu", "swiglu", "gpt-oss" };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (int bias = 0; bias < 2; bias++) {
            moe_config c = moe_case_config("topk-softmax", 4, 2);
            c.form = forms[i];
            c.limit = 1;
            c.expert_bias = c.router_bias = bias;
            check_config(&c, NULL, forms[i]);
        }
}

static void test_shared_experts(void **state)
{
    (void)state;
    for (int gated = 0; gated < 2; gated++) {
        moe_config c = moe_case_config("softmax", 4, 2);
        c.shared = 7;
        c.shared_gated = gated;
        check_config(&c, NULL, gated ? "gated shared expert" : "shared expert");
    }
}

static void test_capacity(void **state)
{
    (void)state;
    for (int overflow = OVERFLOW_DROP; overflow <= OVERFLOW_PAD; overflow++)
        for (int priority = PRIORITY_CHOICE; priority <= PRIORITY_BATCH; priority++)
            for (int kept = 0; kept < 2; kept++) {
                moe_config c = moe_case_config("softmax-renorm", 4, 2);
                c.expert_bias = true;
                c.route.renormalise_kept = kept;
                c.dispatch = (dispatch_options){ .overflow = (dispatch_overflow)overflow,
                    .factor = REAL_C(0.8),
                    .priority = (dispatch_priority)priority };
                check_config(&c, NULL, "capacity");
            }
}

static void test_noise_of_training(void **state)
{
    (void)state;
    moe_config c = moe_case_config("softmax", 4, 2);
    c.route.jitter = REAL_C(0.3);
    c.shared = 3;
    check_config(&c, NULL, "jitter");
    c.route.jitter_experts = true;
    check_config(&c, NULL, "jitter that experts see");
    c.expert_dropout = 0.4;
    check_config(&c, NULL, "expert dropout");
}

static void test_padding(void **state)
{
    (void)state;
    moe_config config = moe_case_config("sigmoid-bias", 8, 2);
    balance_options losses = { .z_loss = 0.3, .devices = 2 };
    balance_add(&losses, "load", 0.5, BALANCE_MICRO, BALANCE_LAYER);
    balance_add(&losses, "entropy", 0.5, BALANCE_SEQUENCE, BALANCE_LAYER);
    config.dispatch = (dispatch_options){ .overflow = OVERFLOW_PAD, .factor = 1 };
    moe_case *c = moe_case_new(&config, 2, 6, 1, 4);
    c->batch.valid = c->valid;
    c->valid[0] = c->valid[7] = c->valid[11] = false;
    c->call.balance = moe_case_balance(c, &losses);
    moe_case_check_gradients(c, "padding");
    balance_free(c->call.balance);
    moe_case_free(c);
}

static void check_losses(const char *router_name, const char *loss)
{
    moe_config c = moe_case_config(router_name, 8, 3);
    c.route.top_p = REAL_C(0.6);
    for (int form = BALANCE_LAYER; form <= BALANCE_POOLED; form++)
        for (int over = BALANCE_MICRO; over <= BALANCE_SEQUENCE; over++) {
            balance_options losses = { .devices = 4, .devices_used = 2, .z_loss = 0.2 };
            char label[100];
            snprintf(label, sizeof label, "%s, %s, form %d over %d", router_name, loss, form, over);
            balance_add(&losses, loss, 0.7, (balance_over)over, (balance_form)form);
            moe_case *m = moe_case_new(&c, 2, 5, 1, 6);
            m->call.balance = moe_case_balance(m, &losses);
            moe_case_check_gradients(m, label);
            balance_free(m->call.balance);
            moe_case_free(m);
        }
}

static void test_every_loss(void **state)
{
    (void)state;
    int count;
    const balance_loss *rows = balance_losses(&count);
    for (int i = 0; i < count; i++) {
        bool noisy = !strcmp(rows[i].name, "smooth-load");
        if (rows[i].routing || !strcmp(rows[i].name, "l1")) continue; /* layer_kinds_test.c */
        if (!noisy) check_losses("softmax", rows[i].name);
        if (!noisy) check_losses("sigmoid-bias", rows[i].name);
        check_losses("noisy-topk", rows[i].name);
    }
    check_losses("topk-softmax", "load");
    check_losses("softmax-renorm", "importance");
    check_losses("sqrtsoftplus-bias", "entropy");
    check_losses("top-p", "load");
    check_losses("top-p", "entropy");
}

/* ---- the same bits ---- */

static moe_config everything(const char *router_name)
{
    moe_config c = moe_case_config(router_name, 16, 4);
    c.width = 24, c.hidden = 20, c.shared = 17;
    c.shared_gated = c.router_bias = c.expert_bias = true;
    c.route.jitter = REAL_C(0.01);
    c.expert_dropout = 0.1;
    return c;
}

static balance_options balanced_by_sequence(void)
{
    balance_options o = { .z_loss = 0.01 };
    balance_add(&o, "load", 0.1, BALANCE_SEQUENCE, BALANCE_LAYER);
    balance_add(&o, "importance", 0.1, BALANCE_SEQUENCE, BALANCE_LAYER);
    balance_add(&o, "entropy", 0.1, BALANCE_SEQUENCE, BALANCE_POOLED);
    balance_add(&o, "mean-entropy", 0.1, BALANCE_SEQUENCE, BALANCE_LAYER);
    return o;
}

/* One step in equal parts of whole sequences, on the case's own arrays. */
static void run_step(moe_case *c, int64_t parts)
{
    token_batch whole = c->batch;
    real *x = c->x, *y = c->y, *dy = c->dy, *dx = c->dx;
    int64_t sequences = whole.sequences / parts, tokens = whole.tokens / parts;
    balance_step_begin(c->call.balance, whole.sequences, whole.tokens);
    for (int64_t i = 0; i < parts; i++) {
        int64_t offset = i * tokens * c->config.width;
        c->batch.tokens = tokens;
        c->batch.sequences = sequences;
        c->batch.random.first_token = i * tokens;
        c->x = x + offset, c->y = y + offset, c->dy = dy + offset, c->dx = dx + offset;
        moe_layer_forward(&c->call, &c->config, &c->weights, c->x, &c->state, c->y);
        balance_finish(c->call.balance);
        moe_case_backward(c, i > 0);
    }
    balance_step_end(c->call.balance);
    c->batch = whole;
    c->x = x, c->y = y, c->dy = dy, c->dx = dx;
}

static void assert_same_step(const moe_case *a, const moe_case *b)
{
    size_t bytes = (size_t)(a->batch.tokens * a->config.width) * sizeof(real);
    assert_memory_equal(a->y, b->y, bytes);
    assert_memory_equal(a->dx, b->dx, bytes);
    for (int i = 0; i < a->parameters; i++)
        assert_memory_equal(a->parameter[i].gradient, b->parameter[i].gradient,
            (size_t)a->parameter[i].count * sizeof(real));
    assert_memory_equal(balance_total(a->call.balance, 0).count,
        balance_total(b->call.balance, 0).count, (size_t)a->config.experts * sizeof(int64_t));
}

static void check_same_bits(const moe_config *config, const balance_options *losses, int64_t length,
    int threads, int64_t parts)
{
    moe_case *a = moe_case_new(config, 4, length, 1, 9),
             *b = moe_case_new(config, 4, length, threads, 9);
    a->call.balance = moe_case_balance(a, losses);
    b->call.balance = moe_case_balance(b, losses);
    run_step(a, 1);
    run_step(b, parts);
    assert_same_step(a, b);
    balance_values va = balance_value(a->call.balance), vb = balance_value(b->call.balance);
    assert_within(va.aux, vb.aux, 1e-12);
    assert_within(va.z, vb.z, 1e-12);
    balance_free(a->call.balance), balance_free(b->call.balance);
    moe_case_free(a), moe_case_free(b);
}

static void test_threads_change_no_bit(void **state)
{
    (void)state;
    int count;
    const router *const *list = router_list(&count);
    for (int i = 0; i < count; i++) {
        moe_config c = everything(list[i]->name);
        if (!has_no_own_parts(list[i]) || list[i]->traits & ROUTER_EVERY_EXPERT) continue;
        balance_options losses = { .z_loss = 0.01 };
        balance_add(&losses, "load", 0.1, BALANCE_STEP, BALANCE_POOLED);
        balance_add(&losses, "mutual-information", 0.1, BALANCE_MICRO, BALANCE_LAYER);
        if (i % 2)
            c.dispatch = (dispatch_options){
                .overflow = OVERFLOW_PAD, .factor = 1, .priority = PRIORITY_PROBABILITY
            };
        /* long enough that every pass over picks is shared out */
        for (int threads = 2; threads <= 3; threads++)
            check_same_bits(&c, &losses, 1030, threads, 1);
    }
}

static void test_cuts_of_the_batch_change_no_bit(void **state)
{
    (void)state;
    int count;
    const router *const *list = router_list(&count);
    balance_options losses = balanced_by_sequence();
    for (int i = 0; i < count; i++) {
        moe_config c = everything(list[i]->name);
        if (!has_no_own_parts(list[i]) || list[i]->traits & ROUTER_EVERY_EXPERT) continue;
        if (i % 2)
            c.dispatch = (dispatch_options){
                .overflow = OVERFLOW_REROUTE, .factor = 1, .priority = PRIORITY_CHOICE
            };
        for (int64_t parts = 2; parts <= 4; parts += 2) check_same_bits(&c, &losses, 75, 2, parts);
    }
}

/* Trap: with capacity a token's result depends on its neighbours; without, in evaluation, it must
 * not. */
static void test_batch_invariance(void **state)
{
    (void)state;
    moe_config config = everything("sigmoid-bias");
    config.dispatch = (dispatch_options){ .overflow = OVERFLOW_DROP, .factor = REAL_C(0.25) };
    moe_case *c = moe_case_new(&config, 1, 40, 2, 5);
    c->batch.random.train = false; /* and the capacity is off with it */
    moe_case_forward(c);
    assert_int_equal(c->state.plan.dropped, 0);
    real alone[24];
    int64_t start[] = { 0, 1 };
    c->batch.tokens = 1;
    c->batch.start = start;
    for (int64_t t = 0; t < 40; t++) {
        moe_layer_forward(&c->call, &config, &c->weights, c->x + t * 24, &c->state, alone);
        assert_memory_equal(alone, c->y + t * 24, sizeof alone);
    }
    moe_case_free(c);
}

/* ---- experts without tokens, tokens without experts ---- */

/* Trap: an expert without tokens must still have a gradient, of zeros. */
static void test_idle_expert_has_zero_gradient(void **state)
{
    (void)state;
    moe_config config = moe_case_config("softmax", 8, 1);
    moe_case *c = moe_case_new(&config, 1, 2, 1, 4); /* 2 picks among 8 experts */
    for (int i = 0; i < c->parameters; i++)
        for (int64_t j = 0; j < c->parameter[i].count; j++) c->parameter[i].gradient[j] = (real)NAN;
    moe_case_forward(c);
    moe_case_backward(c, false);
    int idle = 0;
    for (int32_t e = 0; e < 8; e++) {
        if (c->state.plan.load[e]) continue;
        idle++;
        for (int64_t j = 0; j < config.hidden * config.width; j++) {
            assert_true(c->gradients.experts.gate[e][j] == 0);
            assert_true(c->gradients.experts.up[e][j] == 0);
            assert_true(c->gradients.experts.down[e][j] == 0);
        }
    }
    assert_true(idle >= 6);
    moe_case_free(c);
}

/* A token that lost all its picks gives exactly nothing: the residual alone carries it. */
static void test_dropped_token_gives_nothing(void **state)
{
    (void)state;
    moe_config config = moe_case_config("softmax", 4, 1);
    config.dispatch = (dispatch_options){ .overflow = OVERFLOW_DROP, .slots = 1 };
    moe_case *c = moe_case_new(&config, 1, 12, 1, 4);
    moe_case_forward(c);
    int64_t dropped = 0;
    for (int64_t t = 0; t < 12; t++) {
        if (c->state.plan.edge_row[t] >= 0) continue;
        dropped++;
        for (int64_t d = 0; d < config.width; d++) assert_true(c->y[t * config.width + d] == 0);
    }
    assert_int_equal(dropped, c->state.plan.dropped);
    assert_true(dropped >= 8);
    moe_case_free(c);
}

/* What the plan shows of the experts' outputs is what the layer sums up. */
static void test_outputs_of_experts_add_up(void **state)
{
    (void)state;
    moe_config config = moe_case_config("softmax", 4, 2);
    moe_case *c = moe_case_new(&config, 1, 12, 1, 4);
    moe_case_forward(c);
    const plan *p = &c->state.plan;
    assert_int_equal(p->row_width, config.width);
    for (int64_t t = 0; t < 12; t++)
        for (int64_t d = 0; d < config.width; d++) {
            double sum = 0, y = (double)c->y[t * config.width + d];
            for (int64_t i = p->token_start[t]; i < p->token_start[t + 1]; i++)
                sum += (double)p->edge_weight[i] *
                       (double)p->row_out[p->edge_row[i] * config.width + d];
            assert_true(fabs(sum - y) <= 1e-5 * (1 + fabs(y)));
        }
    moe_case_free(c);
}

/* Invalid tokens are routed nowhere and change nobody's result. */
static void test_padding_is_routed_nowhere(void **state)
{
    (void)state;
    moe_config config = moe_case_config("softmax-renorm", 4, 2);
    config.dispatch = (dispatch_options){ .overflow = OVERFLOW_DROP, .factor = 1 };
    moe_case *c = moe_case_new(&config, 1, 12, 1, 4), *shorter = moe_case_new(&config, 1, 9, 1, 4);
    c->batch.valid = c->valid;
    c->valid[9] = c->valid[10] = c->valid[11] = false;
    moe_case_forward(c);
    moe_case_forward(shorter);
    assert_memory_equal(c->x, shorter->x, (size_t)(9 * config.width) * sizeof(real));
    assert_memory_equal(c->y, shorter->y, (size_t)(9 * config.width) * sizeof(real));
    assert_memory_equal(c->state.plan.load, shorter->state.plan.load, 4 * sizeof(int64_t));
    assert_int_equal(c->state.plan.edges, 18);
    for (int64_t t = 9; t < 12; t++) assert_int_equal(plan_edges_of(&c->state.plan, t), 0);
    moe_case_free(c), moe_case_free(shorter);
}

/* ---- bounds ---- */

static void expect_refused(moe_config c, const char *key)
{
    assert_int_equal(moe_config_check(&c, "here"), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), key));
    assert_ptr_equal(strstr(cadre_last_error(), "here"), cadre_last_error());
}

static void test_impossible_configurations_are_refused(void **state)
{
    (void)state;
    moe_config good = moe_case_config("softmax", 8, 2), c;
    assert_int_equal(moe_config_check(&good, "here"), CADRE_OK);
    c = good, c.route.topk = 9, expect_refused(c, "topk");
    c = good, c.route.topk = 0, expect_refused(c, "topk");
    c = good, c.experts = 1 << 20, expect_refused(c, "experts");
    c = good, c.width = 0, expect_refused(c, "width");
    c = good, c.hidden = INT64_MAX, expect_refused(c, "expert-width");
    c = good, c.form = "cubic", expect_refused(c, "cubic");
    c = good, c.route.groups = 3, expect_refused(c, "groups");
    c = good, c.route.groups = 8, c.route.groups_used = 1, expect_refused(c, "groups-used");
    c = good, c.route.jitter = 1, expect_refused(c, "jitter");
    c = good, c.route.scale = (real)NAN, expect_refused(c, "route-scale");
    c = good, c.expert_dropout = 1, expect_refused(c, "expert-dropout");
    c = good, c.dispatch.overflow = OVERFLOW_DROP, c.dispatch.factor = 0,
    expect_refused(c, "capacity-factor");
    c = moe_case_config("top-p", 8, 2), c.route.groups = 4, c.route.groups_used = 2,
    expect_refused(c, "top-p");
}

static void test_sizes_that_do_not_fit_are_known(void **state)
{
    (void)state;
    moe_config c = moe_case_config("softmax", 4096, 4096);
    c.width = c.hidden = MOE_MAX_WIDTH;
    assert_true(
        moe_state_bytes(&c, &(batch_limits){ .tokens = INT32_MAX, .sequences = 1 }) == SIZE_MAX);
    assert_true(
        moe_scratch_bytes(&c, &(batch_limits){ .tokens = INT32_MAX, .sequences = 1 }) == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_router),
        cmocka_unit_test(test_group_limited_selection),
        cmocka_unit_test(test_weights_as_they_are_or_renormalised),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_shared_experts),
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_noise_of_training),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_every_loss),
        cmocka_unit_test(test_threads_change_no_bit),
        cmocka_unit_test(test_cuts_of_the_batch_change_no_bit),
        cmocka_unit_test(test_batch_invariance),
        cmocka_unit_test(test_idle_expert_has_zero_gradient),
        cmocka_unit_test(test_dropped_token_gives_nothing),
        cmocka_unit_test(test_outputs_of_experts_add_up),
        cmocka_unit_test(test_padding_is_routed_nowhere),
        cmocka_unit_test(test_impossible_configurations_are_refused),
        cmocka_unit_test(test_sizes_that_do_not_fit_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

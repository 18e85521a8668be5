/* balance_test.c - published numbers of the losses, and what goes wrong with them elsewhere. */
#include "moe/balance.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "moe/metrics.h"
#include "support/gradient.h"
#include "support/moe_case.h"
#include "support/thread_comm.h"
#include "support/within.h"

#define R(x) REAL_C(x)

/* The fact sheet's batch: T = 4, E = 4, k = 2. The router's matrix is the identity, so x are the
 * logits; dy = 0, so dx is what the losses alone do to them. */
static const batch_limits small_batch = { .tokens = 4, .sequences = 1 };

static const real logits[16] = { R(1.), R(0.), R(-1.), R(.5), R(.2), R(.9), R(.1), R(-.3), R(2.),
    R(-.5), R(.3), R(0.), R(.4), R(.6), R(-.2), R(1.1) };

static void load_batch(moe_case *c, int64_t copies)
{
    real *identity = c->parameter[0].value;
    for (int i = 0; i < 16; i++) identity[i] = i % 5 == 0;
    for (int64_t i = 0; i < copies * 16; i++) c->x[i] = logits[i % 16], c->dy[i] = 0;
}

static moe_case *batch_of_four(const char *router_name, int64_t copies, const balance_options *o)
{
    moe_config config = moe_case_config(router_name, 4, 2);
    config.width = 4;
    moe_case *c = moe_case_new(&config, copies, 4, 1, 2);
    for (int e = 0; e < 4 && c->weights.router.correction; e++)
        ((real *)(uintptr_t)c->weights.router.correction)[e] = 0;
    load_batch(c, copies);
    c->call.balance = moe_case_balance(c, o);
    return c;
}

static void finish_case(moe_case *c)
{
    balance_free(c->call.balance);
    moe_case_free(c);
}

static balance_options one_term(const char *loss, balance_over over, balance_form form)
{
    balance_options o = { 0 };
    balance_add(&o, loss, 1, over, form);
    return o;
}

/* A layer may have a term by another coefficient than others, or not at all. */
static void test_coefficients_of_a_layer(void **state)
{
    (void)state;
    static const double share[] = { 0.25, 0 };
    balance_options o = one_term("load", BALANCE_MICRO, BALANCE_LAYER);
    o.z_loss = 1;
    for (int i = 0; i < 2; i++) {
        moe_config config = moe_case_config("softmax", 4, 2);
        config.width = 4;
        config.losses =
            (balance_coefficients){ .given = true, .term = { share[i] }, .z_loss = 2 * share[i] };
        moe_case *c = moe_case_new(&config, 1, 4, 1, 2);
        load_batch(c, 1);
        c->call.balance = moe_case_balance(c, &o);
        moe_case_forward(c);
        assert_within(c->losses[0], share[i] * 1.138617, 2e-6);
        assert_within(c->losses[1], 2 * share[i] * 3.823779, 4e-6);
        moe_case_backward(c, false);
        double most = 0;
        for (int t = 0; t < 16; t++) most = fmax(most, fabs((double)c->dx[t]));
        assert_true(share[i] > 0 ? most > 0.01 : most == 0);
        finish_case(c);
    }
}

static void test_routers_own_losses(void **state)
{
    (void)state;
    const router *relu = router_by_name("relu"), *softmax = router_by_name("softmax");
    balance_layer layers[] = { { .router = softmax }, { .router = relu }, { .router = relu } };
    balance_options o = one_term("load", BALANCE_MICRO, BALANCE_LAYER);
    balance_add_of_routers(&o, layers, 3, true);
    assert_int_equal(o.terms, 2);
    assert_string_equal(o.term[1].name, "l1");
    for (int l = 0; l < 3; l++) {
        assert_true(balance_coefficient(&o, &layers[l].own, 0) == 1);
        assert_true(balance_coefficient(&o, &layers[l].own, 1) == (l ? relu->loss_coefficient : 0));
    }
    balance_add_of_routers(&o, layers, 3, true); /* once is enough */
    assert_int_equal(o.terms, 2);
}

/* ---- worked numbers ---- */

static void expect_loss(const char *router_name, const char *loss, balance_over over,
    balance_form form, double expected)
{
    balance_options o = one_term(loss, over, form);
    moe_case *c = batch_of_four(router_name, 1, &o);
    moe_case_forward(c);
    assert_within(c->losses[0], expected, 2e-6);
    finish_case(c);
}

static void test_loss_numbers(void **state)
{
    (void)state;
    for (int over = BALANCE_MICRO; over <= BALANCE_SEQUENCE; over++) {
        expect_loss("softmax", "load", (balance_over)over, BALANCE_LAYER, 1.138617);
        expect_loss("softmax", "load", (balance_over)over, BALANCE_MEAN, 1.138617);
        /* transformers' */
        expect_loss("softmax", "load", (balance_over)over, BALANCE_POOLED, 2.277235);
        expect_loss("softmax", "first-choice", (balance_over)over, BALANCE_LAYER, 1.277235);
        /* Trap: sigmoid scores are normalised per token before their mean is taken. */
        expect_loss("sigmoid-bias", "load", (balance_over)over, BALANCE_LAYER, 1.052630);
        expect_loss("softmax", "mean-entropy", (balance_over)over, BALANCE_LAYER, 1.308316);
    }
    expect_loss("topk-softmax", "importance", BALANCE_MICRO, BALANCE_LAYER, .339178);
    expect_loss("topk-softmax", "load", BALANCE_MICRO, BALANCE_LAYER,
        1.138617); /* trap: P over all experts, not over the picks */
    expect_loss("softmax-renorm", "load", BALANCE_MICRO, BALANCE_LAYER, 1.138617);
}

static void test_smooth_load_number(void **state)
{
    (void)state;
    const double load[] = { 2.779163, 1.887797, 1.356746, 2.140125 };
    double slope[4] = { 0 };
    balance_set s = { .experts = 4, .load = load };
    double value =
        balance_loss_by_name("smooth-load")->value(&s, 1, &(balance_gradient){ .load = slope });
    assert_within(value, .062801, 1e-6);
    assert_within(value * 4 / 3, .083734, 2e-6); /* with the unbiased variance that others use */
}

static void test_z_number(void **state)
{
    (void)state;
    balance_options o = { .z_loss = 1 };
    moe_case *c = batch_of_four("softmax", 1, &o);
    moe_case_forward(c);
    assert_within(c->losses[1], 3.823779, 2e-6);
    assert_true(c->losses[0] == 0);
    finish_case(c);
}

static void expect_gradient(const balance_options *o, const double *expected)
{
    moe_case *c = batch_of_four("softmax", 1, o);
    moe_case_forward(c);
    moe_case_backward(c, false);
    for (int e = 0; e < 4; e++) assert_within(c->dx[e], expected[e], 1e-6);
    finish_case(c);
}

/* Trap: a loss that is reported but reaches no gradient. */
static void test_gradient_numbers(void **state)
{
    (void)state;
    balance_options load = one_term("load", BALANCE_MICRO, BALANCE_LAYER), z = { .z_loss = 1 };
    expect_gradient(&load, (const double[]){ .034966, -.008933, -.011305, -.014728 });
    expect_gradient(&z, (const double[]){ .413928, .152276, .056019, .251060 });
}

static void test_step_counts_and_metrics(void **state)
{
    (void)state;
    balance_options o = { .bias_rate = 0.25 };
    moe_case *c = batch_of_four("sigmoid-bias", 1, &o);
    real bias[4] = { 1, 1, 1, 1 };
    moe_case_forward(c);
    balance_step_end(c->call.balance);
    balance_totals t = balance_total(c->call.balance, 0);
    const int64_t count[] = { 3, 2, 1, 2 };
    assert_memory_equal(t.count, count, sizeof count);
    assert_int_equal(t.tokens, 4);
    assert_within(metrics_of(&t).max_vio, .5, 1e-9);
    balance_update_bias(c->call.balance, 0, bias);
    assert_true(bias[0] == R(.75) && bias[1] == 1 && bias[2] == R(1.25) && bias[3] == 1);
    finish_case(c);
}

/* ---- what must not change a loss ---- */

/* Trap: losses scaled once more by the number of sequences, parts or copies. */
static void test_copies_of_a_batch_have_its_loss(void **state)
{
    (void)state;
    for (int over = BALANCE_MICRO; over <= BALANCE_SEQUENCE; over++) {
        balance_options o = one_term("load", (balance_over)over, BALANCE_LAYER);
        o.z_loss = 1;
        moe_case *c = batch_of_four("softmax", 4, &o);
        moe_case_forward(c);
        assert_within(c->losses[0], 1.138617, 2e-6);
        assert_within(c->losses[1], 3.823779, 2e-6);
        balance *b = c->call.balance;
        c->batch.tokens = 4; /* and once more in four parts */
        c->batch.sequences = 1;
        balance_step_begin(b, 4, 16);
        for (int part = 0; part < 4; part++) {
            moe_layer_forward(&c->call, &c->config, &c->weights, c->x, &c->state, c->y);
            balance_finish(b);
        }
        assert_within(balance_value(b).aux, 1.138617, 2e-6);
        assert_within(balance_value(b).z, 3.823779, 2e-6);
        finish_case(c);
    }
}

/* Trap: padding in counts or means. */
static void test_padding_counts_nowhere(void **state)
{
    (void)state;
    for (int over = BALANCE_MICRO; over <= BALANCE_SEQUENCE; over++) {
        balance_options o = one_term("load", (balance_over)over, BALANCE_LAYER);
        o.z_loss = 1;
        balance_add(&o, "entropy", 1, (balance_over)over, BALANCE_LAYER);
        moe_case *c = batch_of_four("softmax", 1, &o);
        moe_case_forward(c);
        real aux = c->losses[0];
        moe_config config = c->config;
        moe_case *longer = moe_case_new(&config, 1, 6, 1, 2);
        load_batch(longer, 1);
        longer->call.balance = moe_case_balance(longer, &o);
        longer->batch.valid = longer->valid;
        longer->valid[4] = longer->valid[5] = false;
        moe_case_forward(longer);
        assert_within(longer->losses[0], aux, 1e-6);
        assert_within(longer->losses[1], 3.823779, 2e-6);
        balance_step_end(longer->call.balance);
        assert_int_equal(balance_total(longer->call.balance, 0).tokens, 4);
        finish_case(c), finish_case(longer);
    }
}

/* Two layers that route in opposite ways: each unbalanced by itself, even taken together. */
static double loss_of_two_layers(balance_form form, double *z)
{
    balance_options o = one_term("load", BALANCE_MICRO, form);
    o.z_loss = 1;
    moe_case *c = batch_of_four("softmax", 1, &o);
    balance_layer layers[2] = { { .router = c->config.router, .experts = 4, .picks = 2 },
        { .router = c->config.router, .experts = 4, .picks = 2 } };
    balance_free(c->call.balance);
    assert_int_equal(balance_new(&o, layers, 2, &small_batch, &c->call.balance), CADRE_OK);
    balance_step_begin(c->call.balance, 1, 4);
    for (int layer = 0; layer < 2; layer++) {
        for (int i = 0; i < 16; i++) c->x[i] = (i % 4 < 2) == (layer == 0) ? 5 : 0;
        c->call.balance_layer = layer;
        moe_layer_forward(&c->call, &c->config, &c->weights, c->x, &c->state, c->y);
    }
    balance_finish(c->call.balance);
    double value = balance_value(c->call.balance).aux;
    *z = balance_value(c->call.balance).z;
    finish_case(c);
    return value;
}

/* Trap: pooling layers hides that each is unbalanced. It is transformers' form, and must be asked
 * for. */
static void test_layers_are_pooled_on_demand_alone(void **state)
{
    (void)state;
    double z, lse = log(2 * exp(5) + 2), apart = loss_of_two_layers(BALANCE_LAYER, &z);
    assert_within(z, lse * lse, 1e-4); /* the z-loss is a mean over layers */
    assert_within(apart, 2 * 2 * exp(5) / (exp(5) + 1), 1e-5);
    assert_within(loss_of_two_layers(BALANCE_MEAN, &z), apart / 2, 1e-5);
    assert_within(loss_of_two_layers(BALANCE_POOLED, &z), 2, 1e-5); /* its least value: K */
}

/* Trap: statistics in lists on the side, which order of layers or recomputation upsets. */
static void test_recomputation_counts_once(void **state)
{
    (void)state;
    balance_options o = one_term("load", BALANCE_STEP, BALANCE_LAYER);
    o.bias_rate = 1;
    moe_case *c = batch_of_four("softmax-bias", 1, &o);
    balance *b = c->call.balance;
    balance_step_begin(b, 1, 4);
    for (int again = 0; again < 3; again++)
        moe_layer_forward(&c->call, &c->config, &c->weights, c->x, &c->state, c->y);
    balance_finish(b);
    assert_within(balance_value(b).aux, 1.138617, 2e-6);
    /* As in backward */
    moe_layer_forward(&c->call, &c->config, &c->weights, c->x, &c->state, c->y);
    moe_case_backward(c, false);
    balance_step_end(b);
    assert_int_equal(balance_total(b, 0).tokens, 4);
    finish_case(c);
}

/* Trap: a bias that moves in evaluation, in recomputation, or once a part of the batch. */
static void test_bias_moves_once_a_step(void **state)
{
    (void)state;
    balance_options o = { .bias_rate = 0.5 };
    moe_case *c = batch_of_four("sigmoid-bias", 1, &o);
    balance *b = c->call.balance;
    real *bias = (real *)(uintptr_t)c->weights.router.correction, before[4];
    memcpy(before, bias, sizeof before);
    balance_step_begin(b, 2, 8);
    for (int part = 0; part < 2; part++) {
        moe_layer_forward(&c->call, &c->config, &c->weights, c->x, &c->state, c->y);
        balance_finish(b);
        moe_layer_forward(&c->call, &c->config, &c->weights, c->x, &c->state, c->y);
        moe_case_backward(c, part > 0);
        assert_memory_equal(bias, before, sizeof before);
    }
    c->call.balance = NULL; /* evaluation */
    c->batch.random.train = false;
    for (int i = 0; i < 16; i++) c->x[i] = -c->x[i];
    moe_layer_forward(&c->call, &c->config, &c->weights, c->x, &c->state, c->y);
    c->call.balance = b;
    balance_step_end(b);
    const int64_t count[] = { 6, 4, 2, 4 };
    assert_memory_equal(balance_total(b, 0).count, count, sizeof count);
    for (int twice = 0; twice < 2; twice++) balance_update_bias(b, 0, bias);
    assert_true(bias[0] == R(-.5) && bias[1] == 0 && bias[2] == R(.5) && bias[3] == 0);
    finish_case(c);
}

/* Counts of the step so far go into the loss of each part, scores of the part alone. */
static void test_step_scope_knows_the_parts_before(void **state)
{
    (void)state;
    balance_options o = one_term("load", BALANCE_STEP, BALANCE_LAYER);
    moe_case *c = batch_of_four("softmax", 1, &o);
    balance *b = c->call.balance;
    balance_step_begin(b, 2, 8);
    double value[2];
    for (int part = 0; part < 2; part++) {
        for (int i = 0; i < 16; i++) c->x[i] = (i % 4 < 2) == (part == 0) ? 5 : 0;
        moe_layer_forward(&c->call, &c->config, &c->weights, c->x, &c->state, c->y);
        balance_finish(b);
        value[part] = balance_value(b).aux;
    }
    double alone = 2 * exp(5) / (exp(5) + 1);
    assert_within(value[0], alone / 2, 1e-5);      /* half of the step, as unbalanced as can be */
    assert_within(value[1] - value[0], 0.5, 1e-5); /* the other half evens the counts out */
    finish_case(c);
}

/* ---- ranks ---- */

enum { RANKS = 2, LENGTH = 5, LIMIT = 60 };

typedef struct shared_run {
    const balance_options *options;
    balance_values value[RANKS];
    int64_t count[RANKS][8];
    real y[RANKS * LENGTH * 90], dx[RANKS * LENGTH * 90];
    int64_t numbers; /* of y and dx */
} shared_run;

/* Rank r takes sequence r of a batch of two; every rank holds the experts of its half. */
static void rank_body(comm *world, void *arg)
{
    shared_run *run = arg;
    moe_config config = moe_case_config("softmax", 8, 2);
    moe_case *c = moe_case_new(&config, RANKS, LENGTH, 1, 2);
    balance_layer layer = { .router = config.router, .experts = 8, .picks = 2 };
    bool several = world->size > 1;
    const int64_t each[] = { 0, 1, 2 };
    const int64_t tokens[] = { 0, LENGTH, 2 * LENGTH };
    const batch_ranks ranks = {
        .comm = world, .first = each, .first_token = tokens, .tokens = RANKS * LENGTH
    };
    batch_limits most = { .tokens = RANKS * LENGTH, .sequences = RANKS, .training = true };
    int64_t first = world->rank * LENGTH, numbers = first * config.width;
    if (several) {
        most = (batch_limits){ LENGTH, 1, .training = true, .ranks = RANKS,
            .all_tokens = RANKS * LENGTH, .all_sequences = RANKS };
        c->batch.tokens = LENGTH, c->batch.sequences = 1, c->batch.random.first_token = first;
        c->batch.ranks = &ranks;
    }
    arena state = { 0 };
    moe_state own;
    moe_state_layout(&own, &state, &config, &most);
    assert_true(arena_open(&state, state.used));
    moe_state_layout(&own, &state, &config, &most);
    size_t bytes = moe_scratch_bytes(&config, &most);
    void *scratch = mem_alloc(bytes, 1);
    c->call.scratch = scratch, c->call.scratch_bytes = bytes;
    assert_int_equal(balance_new(run->options, &layer, 1, &most, &c->call.balance), CADRE_OK);
    balance_step_begin(c->call.balance, RANKS, RANKS * LENGTH);
    moe_layer_forward(&c->call, &config, &c->weights, c->x + numbers, &own, c->y + numbers);
    balance_finish(c->call.balance);
    moe_layer_backward(
        &c->call, &config, &c->weights, &own, c->dy + numbers, c->dx + numbers, &c->gradients);
    balance_step_end(c->call.balance);
    run->numbers = RANKS * LENGTH * config.width;
    int64_t share = run->numbers / world->size;
    memcpy(run->y + numbers, c->y + numbers, (size_t)share * sizeof(real));
    memcpy(run->dx + numbers, c->dx + numbers, (size_t)share * sizeof(real));
    run->value[world->rank] = balance_value(c->call.balance);
    memcpy(run->count[world->rank], balance_total(c->call.balance, 0).count, sizeof run->count[0]);
    mem_free(scratch);
    arena_close(&state);
    finish_case(c);
}

/* Trap: losses that change with the number of ranks, or are of a rank's own tokens. */
static void test_ranks_together_are_one(void **state)
{
    (void)state;
    static shared_run one, two;
    for (int over = BALANCE_MICRO; over <= BALANCE_SEQUENCE; over++) {
        balance_options o = one_term("load", (balance_over)over, BALANCE_LAYER);
        o.z_loss = 0.5;
        one.options = two.options = &o;
        assert_int_equal(thread_comm_run(1, LIMIT, rank_body, &one), CADRE_OK);
        assert_int_equal(thread_comm_run(RANKS, LIMIT, rank_body, &two), CADRE_OK);
        for (int r = 0; r < RANKS; r++) {
            assert_true(two.value[r].aux == one.value[0].aux);
            assert_true(two.value[r].z == one.value[0].z);
            assert_memory_equal(two.count[r], one.count[0], sizeof one.count[0]);
        }
        assert_memory_equal(one.y, two.y, (size_t)one.numbers * sizeof(real));
        assert_memory_equal(one.dx, two.dx, (size_t)one.numbers * sizeof(real));
    }
}

/* ---- bounds ---- */

static void test_impossible_losses_are_refused(void **state)
{
    (void)state;
    balance *b;
    balance_layer layers[2] = {
        { .router = &(router){ .name = "plain" }, .experts = 8, .picks = 2 },
        { .router = &(router){ .name = "plain" }, .experts = 4, .picks = 2 }
    };
    balance_options pooled = one_term("load", BALANCE_MICRO, BALANCE_POOLED);
    balance_options smooth = one_term("smooth-load", BALANCE_MICRO, BALANCE_LAYER);
    balance_options devices = { .devices = 3 };
    assert_int_equal(balance_new(&pooled, layers, 2, &small_batch, &b), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "found 8 and 4"));
    assert_int_equal(balance_new(&smooth, layers, 1, &small_batch, &b), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "noisy-topk"));
    assert_int_equal(balance_new(&devices, layers, 1, &small_batch, &b), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "8 experts"));
}

static void test_no_memory_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    balance *b = NULL;
    balance_layer layer = { .router = router_by_name("softmax"), .experts = 8, .picks = 2 };
    cadre_status status = CADRE_ENOMEM;
    for (long n = 1; status != CADRE_OK; n++) {
        mem_fail_at(n, true);
        status = balance_new(&(balance_options){ 0 }, &layer, 1, &small_batch, &b);
        assert_true(status == CADRE_OK || status == CADRE_ENOMEM);
        assert_true(n < 10);
    }
    mem_fail_at(0, false);
    balance_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coefficients_of_a_layer),
        cmocka_unit_test(test_routers_own_losses),
        cmocka_unit_test(test_loss_numbers),
        cmocka_unit_test(test_smooth_load_number),
        cmocka_unit_test(test_z_number),
        cmocka_unit_test(test_gradient_numbers),
        cmocka_unit_test(test_step_counts_and_metrics),
        cmocka_unit_test(test_copies_of_a_batch_have_its_loss),
        cmocka_unit_test(test_padding_counts_nowhere),
        cmocka_unit_test(test_layers_are_pooled_on_demand_alone),
        cmocka_unit_test(test_recomputation_counts_once),
        cmocka_unit_test(test_bias_moves_once_a_step),
        cmocka_unit_test(test_step_scope_knows_the_parts_before),
        cmocka_unit_test(test_ranks_together_are_one),
        cmocka_unit_test(test_impossible_losses_are_refused),
        cmocka_unit_test(test_no_memory_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

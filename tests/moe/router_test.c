/* router_test.c - every router on one token: published numbers, gradients worked out by hand,
 * hostile logits. */
#include "moe/router.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "kernel/variant.h"
#include "moe/select.h"
#include "support/gradient.h" /* and so runs in double too */
#include "support/succeeds.h"
#include "support/within.h"

enum { MOST = 512 };

/* A token with memory of its own. */
typedef struct one {
    const router *router;
    router_options options;
    router_token token;
    real logits[MOST], score[MOST], key[MOST], weight[MOST], correction[MOST], lse;
    real noise_logits[MOST], noise[MOST], load[MOST];
    gexp pick[MOST], threshold[2];
} one;

/* Whose `score` and `weigh` read one token's logits alone: the others are tested by batches
 * (layer_kinds_test.c). */
static bool reads_one_row(const router *r)
{
    return r->assign == assign_by_token && !r->own && !r->project && !r->parameters;
}

static void set(one *o, const char *name, int32_t experts, int32_t topk, const real *logits)
{
    int count;
    o->router = router_by_name(name);
    assert_non_null(o->router);
    router_defaults(o->router, topk, &o->options);
    memcpy(o->logits, logits, (size_t)experts * sizeof(real));
    o->token = (router_token){ .options = &o->options,
        .rows = variant_list(&count)[0]->rows,
        .experts = experts,
        .logits = o->logits,
        .score = o->score,
        .lse = &o->lse,
        .key = o->key,
        .count = topk,
        .expert = o->pick,
        .weight = o->weight };
}

static void route(one *o)
{
    o->router->score(&o->token);
    o->token.count = o->options.topk;
    select_topk(o->token.experts, o->key, o->token.count, o->pick);
    if (o->router->truncate) o->token.count = o->router->truncate(&o->token);
    o->router->weigh(&o->token);
}

static void expect(const one *o, int count, const int *experts, const double *weights)
{
    for (int k = 0; k < count; k++) {
        assert_int_equal(o->pick[k].id, experts[k]);
        assert_within(o->weight[k], weights[k], 2e-6);
    }
}

#define EXPECT(o, count, ids, ...)                                                                 \
    expect(o, count, (const int[])ids, (const double[]){ __VA_ARGS__ })
#define IDS(...)                                                                                   \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

#define R(x) REAL_C(x)
static const real z8[] = { R(1.), R(-.5), R(2.), R(.3), R(-1.2), R(.8), R(1.5), R(-.1) };
static const real b8[] = { R(0.), R(.3), R(-.2), R(.05), R(.1), R(0.), R(-.4), R(.2) };

/* ---- fact sheet, worked numbers ---- */

static void test_softmax_numbers(void **state)
{
    (void)state;
    static const double p[] = { .136071, .030361, .369878, .067571, .015077, .111405, .224343,
        .045294 };
    one o;
    set(&o, "softmax", 8, 2, z8), route(&o);
    EXPECT(&o, 2, IDS(2, 6), .369878, .224343);
    for (int e = 0; e < 8; e++) assert_within(o.score[e], p[e], 1e-6);
    set(&o, "softmax-renorm", 8, 2, z8), route(&o);
    EXPECT(&o, 2, IDS(2, 6), .622459, .377541);
    set(&o, "topk-softmax", 8, 2, z8), route(&o);
    EXPECT(&o, 2, IDS(2, 6), .622459, .377541);
}

static void test_sigmoid_numbers(void **state)
{
    (void)state;
    one o;
    set(&o, "sigmoid-bias", 8, 3, z8);
    o.token.correction = b8;
    o.options.scale = R(2.5);
    route(&o);
    EXPECT(&o, 3, IDS(0, 5, 2), .793997, .749376, .956627);
    o.options.groups = 4, o.options.groups_used = 2;
    route(&o);
    EXPECT(&o, 3, IDS(0, 2, 1), .918694, 1.106865, .474441);
}

static void test_max_group_numbers(void **state)
{
    (void)state;
    one o;
    set(&o, "softmax", 8, 3, z8);
    o.options.groups = 4, o.options.groups_used = 2, o.options.scale = 16;
    for (int mask = 0; mask < 2; mask++) {
        o.options.group_mask = mask ? GROUP_MASK_ZERO : GROUP_MASK_INF;
        route(&o);
        expect(&o, 3, (const int[]){ 2, 6, 3 }, (const double[]){ 5.918054, 3.589481, 1.081131 });
    }
}

static void test_sqrtsoftplus_numbers(void **state)
{
    (void)state;
    one o;
    set(&o, "sqrtsoftplus-bias", 8, 3, z8);
    o.token.correction = b8;
    o.options.scale = R(1.5);
    route(&o);
    EXPECT(&o, 3, IDS(2, 0, 5), .593400, .466280, .440320);
}

/* sigmoid of the logits, times the scale, whatever was added for the choice */
static void test_sigmoid_bias_raw_numbers(void **state)
{
    (void)state;
    one o;
    set(&o, "sigmoid-bias-raw", 8, 3, z8);
    o.token.correction = b8;
    o.options.scale = R(2.5);
    route(&o);
    EXPECT(&o, 3, IDS(0, 5, 2), 2.5 * .731059, 2.5 * .689974, 2.5 * .880797);
}

static void test_softmax_bias_numbers(void **state)
{
    (void)state;
    one o;
    set(&o, "softmax-bias", 8, 3, z8);
    o.options.renormalise = false, o.options.scale = 6;
    route(&o);
    EXPECT(&o, 3, IDS(2, 6, 0), 2.219270, 1.346055, .816424);
    o.options.renormalise = true, o.options.scale = 1;
    o.token.correction = b8; /* p + b is highest at 1 and 7, then 2: the weights know no bias */
    route(&o);
    EXPECT(&o, 3, IDS(1, 7, 2), .030361 / .445533, .045294 / .445533, .369878 / .445533);
}

static void test_top_p_numbers(void **state)
{
    (void)state;
    static const int expected[] = { 2, 6, 0, 5 };
    static const double weights[] = { .369878, .224343, .136071, .111405 };
    one o;
    for (int picks = 2; picks <= 4; picks++) {
        set(&o, "top-p", 8, 6, z8);
        o.options.top_p = R(.2) * (real)picks;
        route(&o);
        expect(&o, picks, expected, weights);
        assert_int_equal(o.token.count, picks);
    }
}

/* Which group's score: V3 takes the two largest, V2 the largest; 0.0 for groups left out wins over
 * negative keys. */
static void test_group_scores_and_masks_differ(void **state)
{
    (void)state;
    static const real key[] = { R(.9), R(.0), R(.6), R(.5), R(-.1), R(-.2) };
    router_options o = { .groups = 3, .groups_used = 1, .group_score = GROUP_MAX };
    real k[6];
    gexp pick[2];
    memcpy(k, key, sizeof k), select_limit_groups(&o, 6, k), select_topk(6, k, 1, pick);
    assert_int_equal(pick[0].id, 0);
    o.group_score = GROUP_TOP2;
    memcpy(k, key, sizeof k), select_limit_groups(&o, 6, k), select_topk(6, k, 1, pick);
    assert_int_equal(pick[0].id, 2);
    static const real negative[] = { R(-.3), R(-.4), R(-.1), R(-.2) };
    o = (router_options){ .groups = 2, .groups_used = 1, .group_score = GROUP_TOP2 };
    memcpy(k, negative, sizeof negative), select_limit_groups(&o, 4, k), select_topk(4, k, 2, pick);
    assert_true(pick[0].id == 2 && pick[1].id == 3);
    o.group_mask = GROUP_MASK_ZERO;
    memcpy(k, negative, sizeof negative), select_limit_groups(&o, 4, k), select_topk(4, k, 2, pick);
    assert_true(pick[0].id == 0 && pick[1].id == 1);
}

/* ---- gradients worked out by hand: token 0 of the batch of four, picks (0, 3), d = (.7, -.2)
 * ---- */

static const real z4[] = { R(1.), R(0.), R(-1.), R(.5) };

static void expect_gradient(const char *name, const double *expected)
{
    one o;
    real dweight[] = { R(.7), R(-.2) }, dprobability[4] = { 0 }, dlogits[4], dnoise[4];
    set(&o, name, 4, 2, z4), route(&o);
    assert_true(o.pick[0].id == 0 && o.pick[1].id == 3);
    o.router->backward(&o.token, &(token_gradient){ dweight, dprobability, NULL, dlogits, dnoise });
    for (int e = 0; e < 4; e++) assert_within(dlogits[e], expected[e], 1e-6);
}

static void test_gradient_numbers(void **state)
{
    (void)state;
    expect_gradient("softmax", (const double[]){ .201780, -.047829, -.017595, -.136355 });
    expect_gradient("softmax-renorm", (const double[]){ .211503, 0, 0, -.211503 });
    expect_gradient("topk-softmax", (const double[]){ .211503, 0, 0, -.211503 });
    expect_gradient("noisy-topk", (const double[]){ .211503, 0, 0, -.211503 });
    expect_gradient("sigmoid-bias", (const double[]){ .060122, 0, 0, -.084400 });
}

/* ---- the eps of renormalisation ---- */

/* As large as the scores here, so that its sign shows: w = s / (sum over picks of s + eps), and its
 * derivative. */
static void test_eps_is_added_to_the_sum(void **state)
{
    (void)state;
    int count, seen = 0;
    const router *const *list = router_list(&count);
    for (int i = 0; i < count; i++) {
        if (!reads_one_row(list[i]) || !router_understands(list[i], "norm-eps")) continue;
        one o, moved;
        real dweight[] = { R(.7), R(-.2) }, dprobability[4] = { 0 }, dlogits[4], dnoise[4],
             logits[4];
        set(&o, list[i]->name, 4, 2, z4);
        o.options.norm_eps = R(.5), o.options.renormalise = true;
        route(&o);
        double sum = (double)o.score[o.pick[0].id] + (double)o.score[o.pick[1].id] + .5;
        for (int k = 0; k < 2; k++)
            assert_within(o.weight[k], (double)o.score[o.pick[k].id] / sum, 1e-6);
        o.router->backward(
            &o.token, &(token_gradient){ dweight, dprobability, NULL, dlogits, dnoise });
        for (int e = 0; e < 4; e++) {
            double loss[2];
            for (int side = 0; side < 2; side++) {
                memcpy(logits, z4, sizeof logits);
                logits[e] += side ? R(.01) : R(-.01);
                set(&moved, list[i]->name, 4, 2, logits);
                moved.options = o.options;
                route(&moved);
                loss[side] = (double)(dweight[0] * moved.weight[0] + dweight[1] * moved.weight[1]);
            }
            assert_within(dlogits[e], (loss[1] - loss[0]) / .02, 1e-4);
        }
        seen++;
    }
    assert_true(seen >= 3);
}

/* What is published as the default shows where scores are as small: two of e^-28 make a third of 1
 * each with an eps of e^-28. */
static void test_default_eps(void **state)
{
    (void)state;
    static const struct {
        const char *router;
        double eps;
    } defaults[] = { { "softmax-bias", 1e-12 }, { "sigmoid-bias", 1e-20 },
        { "sqrtsoftplus-bias", 1e-20 } };
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        router_options o;
        const router *r = router_by_name(defaults[i].router);
        router_defaults(r, 2, &o);
        assert_within(o.norm_eps / (real)defaults[i].eps, 1, 1e-5);
    }
    one o;
    const real z = (real)log(1e-12), logits[] = { 0, z, z, z };
    set(&o, "softmax-bias", 4, 2, logits);
    o.options.renormalise = true;
    o.correction[0] = -2, o.correction[3] = -1, o.correction[1] = o.correction[2] = 0;
    o.token.correction = o.correction;
    route(&o);
    EXPECT(&o, 2, IDS(1, 2), 1. / 3, 1. / 3);
}

static void be_noisy(one *o, int32_t experts, int32_t topk, const real *logits)
{
    set(o, "noisy-topk", experts, topk, logits);
    o->options.noise_floor = 0;
    /* Sigma 1, no noise */
    for (int e = 0; e < experts; e++) o->noise_logits[e] = (real)log(exp(1.0) - 1), o->noise[e] = 0;
    o->token.noise_logits = o->noise_logits, o->token.noise = o->noise, o->token.load = o->load,
    o->token.threshold = o->threshold;
}

/* ---- a token's row ends where the next one's begins ---- */

enum { MARK = -77 };

static void mark_from(real *row, int32_t count)
{
    for (int32_t i = count; i < count + 4; i++) row[i] = MARK;
}

static void expect_marks(const char *name, const real *row, int32_t count)
{
    for (int32_t i = count; i < count + 4; i++)
        if (row[i] != MARK) fail_msg("%s writes into the next token's row", name);
}

static void test_a_router_writes_its_own_row_alone(void **state)
{
    (void)state;
    int count;
    enum { EXPERTS = 8, PICKS = 3 };
    const router *const *list = router_list(&count);
    for (int i = 0; i < count; i++)
        for (int noise = 0; noise < 2 && reads_one_row(list[i]); noise++) {
            one o;
            real dweight[PICKS + 4] = { R(.7), R(-.2), R(.1) }, dprobability[EXPERTS + 4] = { 0 },
                                 dload[EXPERTS] = { 1 };
            real dlogits[EXPERTS + 4], dnoise[EXPERTS + 4];
            set(&o, list[i]->name, EXPERTS, PICKS, z8);
            o.token.correction = list[i]->traits & ROUTER_CORRECTION ? b8 : NULL;
            if (list[i]->traits & ROUTER_NOISE) {
                be_noisy(&o, EXPERTS, PICKS, z8);
                if (!noise) o.token.noise = NULL;
            }
            real *const experts[] = { o.score, o.key, o.load, dprobability, dlogits, dnoise };
            for (size_t r = 0; r < sizeof experts / sizeof *experts; r++)
                mark_from(experts[r], EXPERTS);
            for (int e = EXPERTS; e < EXPERTS + 4; e++)
                o.logits[e] = o.noise_logits[e] = o.noise[e] = 3;
            mark_from(o.weight, PICKS), mark_from(dweight, PICKS);
            o.pick[PICKS] = (gexp){ MARK };
            route(&o);
            if (o.token.noise) o.router->load(&o.token);
            o.router->backward(&o.token, &(token_gradient){ dweight, dprobability,
                                             o.token.noise ? dload : NULL, dlogits, dnoise });
            for (size_t r = 0; r < sizeof experts / sizeof *experts; r++)
                expect_marks(list[i]->name, experts[r], EXPERTS);
            expect_marks(list[i]->name, o.weight, PICKS);
            expect_marks(list[i]->name, dweight, PICKS);
            assert_int_equal(o.pick[PICKS].id, MARK);
        }
}

/* Trap: renormalised weights of a single pick are constant, so the router never learns. */
static void test_single_pick_learns_only_unless_renormalised(void **state)
{
    (void)state;
    int count;
    const router *const *list = router_list(&count);
    for (int i = 0; i < count; i++) {
        one o;
        real dweight[] = { 1 }, dprobability[4] = { 0 }, dlogits[4], dnoise[4], largest = 0;
        if (!reads_one_row(list[i])) continue;
        set(&o, list[i]->name, 4, 1, z4), route(&o);
        list[i]->backward(
            &o.token, &(token_gradient){ dweight, dprobability, NULL, dlogits, dnoise });
        for (int e = 0; e < 4; e++) largest = dlogits[e] > largest ? dlogits[e] : largest;
        if (router_learns_nothing(list[i], &o.options)) assert_true(largest < R(1e-6));
        else assert_true(largest > R(1e-2));
    }
    router_options o;
    router_defaults(&router_softmax, 1, &o);
    assert_false(router_learns_nothing(&router_softmax, &o));
    assert_true(router_learns_nothing(&router_softmax_renorm, &o));
    o.topk = 2;
    assert_false(router_learns_nothing(&router_softmax_renorm, &o));
}

/* ---- the smooth load ---- */

/* Trap: the estimate compares logits with noisy logits, never probabilities. */
static void test_smooth_load_numbers(void **state)
{
    (void)state;
    static const real rows[4][4] = { { R(1.), R(0.), R(-1.), R(.5) },
        { R(.2), R(.9), R(.1), R(-.3) }, { R(2.), R(-.5), R(.3), R(0.) },
        { R(.4), R(.6), R(-.2), R(1.1) } };
    static const double expected[] = { 2.779163, 1.887797, 1.356746, 2.140125 };
    double load[4] = { 0 };
    for (int t = 0; t < 4; t++) {
        one o;
        be_noisy(&o, 4, 2, rows[t]), route(&o);
        o.router->load(&o.token);
        for (int e = 0; e < 4; e++) load[e] += (double)o.load[e];
    }
    for (int e = 0; e < 4; e++) assert_within(load[e], expected[e], 1e-5);
}

static void test_smooth_load_is_certain_where_all_are_picked(void **state)
{
    (void)state;
    one o;
    be_noisy(&o, 4, 4, z4), route(&o);
    o.router->load(&o.token);
    for (int e = 0; e < 4; e++) assert_true(o.load[e] == 1);
}

static void test_noise_moves_the_picks(void **state)
{
    (void)state;
    one o;
    be_noisy(&o, 4, 1, z4);
    o.noise[2] = 5; /* h = -1 + 5 */
    route(&o);
    assert_int_equal(o.pick[0].id, 2);
    o.token.noise = NULL; /* evaluation */
    route(&o);
    assert_int_equal(o.pick[0].id, 0);
}

/* ---- properties ---- */

static void assert_distinct(const one *o)
{
    bool seen[MOST] = { false };
    for (int32_t k = 0; k < o->options.topk; k++) {
        int32_t id = o->pick[k].id;
        if (id == -1 && (o->router->traits & ROUTER_VARIABLE) && k > 0) continue;
        assert_in_range(id, 0, o->token.experts - 1);
        assert_false(seen[id]);
        seen[id] = true;
    }
}

/* Trap among them: every key masked. */
static void test_hostile_logits_give_distinct_ids(void **state)
{
    (void)state;
    static const real hostile[] = { (real)NAN, REAL_INF, -REAL_INF, 0, R(-0.), R(1e-45), R(-1e-45),
        R(3e38), R(-3e38), 1 };
    int count;
    const router *const *list = router_list(&count);
    random_key key = random_key_of(4, "hostile", 0, 0);
    for (uint64_t trial = 0; trial < 3000; trial++) {
        one o;
        int32_t experts = 8 << (trial % 3), topk = 1 + (int32_t)(trial % 7);
        real logits[32];
        if (!reads_one_row(list[trial % (uint64_t)count])) continue;
        for (int32_t e = 0; e < experts; e++) {
            uint32_t bits = random_bits(key, trial * 64 + (uint64_t)e);
            logits[e] = trial % 11 == 0 ? hostile[trial % 10] : hostile[bits % 10];
        }
        set(&o, list[trial % (uint64_t)count]->name, experts, topk, logits);
        for (int32_t e = 0; e < experts; e++)
            o.correction[e] = trial % 5 ? 0 : hostile[(trial + (uint64_t)e) % 10];
        if (o.router->traits & ROUTER_CORRECTION) o.token.correction = o.correction;
        if (router_understands(o.router, "groups"))
            o.options.groups = 4, o.options.groups_used = topk > experts / 2 ? 4 : 2;
        o.options.group_score = trial % 2 ? GROUP_TOP2 : GROUP_MAX;
        route(&o);
        assert_distinct(&o);
    }
}

static void test_ties_go_to_the_lower_index(void **state)
{
    (void)state;
    int count;
    const router *const *list = router_list(&count);
    real logits[16];
    for (int e = 0; e < 16; e++) logits[e] = e % 3 == 1 ? R(.5) : R(-0.) * (real)(e % 2 ? 1 : -1);
    for (int i = 0; i < count; i++) {
        one o;
        if (!reads_one_row(list[i])) continue;
        set(&o, list[i]->name, 16, 7, logits);
        o.options.top_p = 1;
        route(&o);
        static const int expected[] = { 1, 4, 7, 10, 13, 0, 2 };
        for (int k = 0; k < 7; k++) assert_int_equal(o.pick[k].id, expected[k]);
    }
}

/* The whole order against a plain sort, over many sizes. */
static void test_selection_is_a_sort(void **state)
{
    (void)state;
    random_key key = random_key_of(5, "sort", 0, 0);
    for (uint64_t trial = 0; trial < 400; trial++) {
        int32_t n = 1 + (int32_t)(random_bits(key, trial * 1000) % MOST),
                k = 1 + (int32_t)(random_bits(key, trial * 1000 + 1) % (uint32_t)n);
        real keys[MOST];
        gexp pick[MOST];
        /* With ties */
        for (int32_t e = 0; e < n; e++)
            keys[e] = (real)(random_bits(key, trial * 1000 + 2 + (uint64_t)e) % 97);
        select_topk(n, keys, k, pick);
        for (int32_t i = 0; i < k; i++) {
            int32_t better = 0;
            for (int32_t e = 0; e < n; e++)
                better +=
                    keys[e] > keys[pick[i].id] || (keys[e] == keys[pick[i].id] && e < pick[i].id);
            assert_int_equal(better, i);
        }
    }
}

/* softmax-renorm and topk-softmax are one function computed in two ways. */
static void test_two_ways_of_renormalising_agree(void **state)
{
    (void)state;
    for (uint64_t trial = 0; trial < 300; trial++) {
        one a, b;
        real logits[64];
        gradient_fill(logits, 64, trial, 4);
        set(&a, "softmax-renorm", 64, 8, logits), route(&a);
        set(&b, "topk-softmax", 64, 8, logits), route(&b);
        for (int k = 0; k < 8; k++) {
            assert_int_equal(a.pick[k].id, b.pick[k].id);
            assert_within(a.weight[k], b.weight[k], 1e-6);
        }
    }
}

/* Weights of independent scores survive scores that are all but zero, and their derivative is
 * finite. */
static void test_vanishing_scores_stay_finite(void **state)
{
    (void)state;
    const char *const names[] = { "sigmoid-bias", "sqrtsoftplus-bias" };
    for (int i = 0; i < 2; i++)
        for (int level = 0; level < 3; level++) {
            one o;
            real logits[4], dweight[] = { 1, -1 }, dprobability[4] = { 1, 2, 3, 4 }, dlogits[4];
            for (int e = 0; e < 4; e++)
                logits[e] = (real)(level == 0 ? -30 : level == 1 ? -120 : -3000) - (real)e;
            set(&o, names[i], 4, 2, logits), route(&o);
            o.router->backward(
                &o.token, &(token_gradient){ dweight, dprobability, NULL, dlogits, NULL });
            for (int k = 0; k < 2; k++) assert_true(isfinite(o.weight[k]));
            for (int e = 0; e < 4; e++) assert_true(isfinite(dlogits[e]));
        }
}

/* The best expert has the whole softmax and is dropped: the others' scores are 0, and so are their
 * weights, not 0 / 0. */
static void test_what_is_left_of_a_dropped_pick_stays_finite(void **state)
{
    (void)state;
    one o;
    const real logits[4] = { 0, -1, -2, 3000 };
    real dweight[] = { 1, -1 }, dprobability[4] = { 1, 2, 3, 4 }, dlogits[4];
    set(&o, "softmax-renorm", 4, 2, logits);
    o.options.drop_last = true;
    route(&o);
    assert_int_equal(o.pick[0].id, 3);
    assert_int_equal(o.pick[1].id, 0);
    for (int k = 0; k < 2; k++) assert_true(o.weight[k] == 0);
    o.router->backward(&o.token, &(token_gradient){ dweight, dprobability, NULL, dlogits, NULL });
    for (int e = 0; e < 4; e++) assert_true(isfinite(dlogits[e]));
}

/* ---- what can be asked of a router ---- */

typedef struct asked {
    const char *router;
    int32_t experts, topk, groups, used;
    double scale, jitter, top_p;
    const char *phrase; /* NULL: it is fine */
} asked;

static const asked questions[] = {
    { "softmax", 8, 8, 1, 1, 1, 0, .4, NULL },
    { "softmax", 4096, 2, 1, 1, 1, 0, .4, NULL },
    { "softmax", 4097, 2, 1, 1, 1, 0, .4, "experts: expected 1 to 4096, found 4097" },
    { "softmax", 0, 2, 1, 1, 1, 0, .4, "experts: expected 1 to 4096, found 0" },
    { "softmax", 8, 9, 1, 1, 1, 0, .4, "topk: expected 1 to 8, the number of experts, found 9" },
    { "softmax", 8, 0, 1, 1, 1, 0, .4, "topk: expected 1 to 8, the number of experts, found 0" },
    { "softmax", 8, 2, 1, 1, 0, 0, .4, "route-scale: expected a positive number, found 0" },
    { "softmax", 8, 2, 1, 1, -1, 0, .4, "route-scale: expected a positive number, found -1" },
    { "softmax", 8, 2, 1, 1, INFINITY, 0, .4,
        "route-scale: expected a positive number, found inf" },
    { "softmax", 8, 2, 1, 1, NAN, 0, .4, "route-scale: expected a positive number, found" },
    { "softmax", 8, 2, 1, 1, 1, .5, .4, NULL },
    { "softmax", 8, 2, 1, 1, 1, 1, .4, "jitter: expected at least 0 and less than 1, found 1" },
    { "softmax", 8, 2, 1, 1, 1, -.5, .4,
        "jitter: expected at least 0 and less than 1, found -0.5" },
    { "top-p", 8, 2, 1, 1, 1, 0, 1, NULL },
    { "top-p", 8, 2, 1, 1, 1, 0, 1.5, "top-p: expected more than 0, at most 1, found 1.5" },
    { "top-p", 8, 2, 1, 1, 1, 0, 0, "top-p: expected more than 0, at most 1, found 0" },
    { "softmax", 512, 2, 256, 128, 1, 0, .4, NULL },
    { "softmax", 514, 2, 257, 128, 1, 0, .4,
        "groups: expected a divisor of 514 experts up to 256, found 257" },
    { "softmax", 8, 2, 3, 2, 1, 0, .4,
        "groups: expected a divisor of 8 experts up to 256, found 3" },
    { "softmax", 8, 2, 0, 1, 1, 0, .4,
        "groups: expected a divisor of 8 experts up to 256, found 0" },
    { "softmax", 8, 2, 4, 5, 1, 0, .4, "groups-used: expected 1 to 4 groups, found 5" },
    { "softmax", 8, 2, 4, 0, 1, 0, .4, "groups-used: expected 1 to 4 groups, found 0" },
    { "softmax", 8, 4, 4, 2, 1, 0, .4, NULL },
    { "softmax", 8, 5, 4, 2, 1, 0, .4, "groups-used: 2 groups of 2 experts cannot hold 5 picks" },
    { "noisy-topk", 8, 2, 4, 2, 1, 0, .4,
        "groups: the router noisy-topk does not select by groups" },
    { "noisy-topk", 8, 2, 4, 4, 1, 0, .4, NULL },
};

static void test_bounds_of_options(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        const asked *q = &questions[i];
        const router *r = router_by_name(q->router);
        router_options o;
        router_defaults(r, q->topk, &o);
        o.groups = q->groups, o.groups_used = q->used, o.scale = (real)q->scale;
        o.jitter = (real)q->jitter, o.top_p = (real)q->top_p;
        if (!q->phrase) assert_int_equal(router_check(r, &o, q->experts, "here"), CADRE_OK);
        else refuses(router_check(r, &o, q->experts, "here"), CADRE_EARGUMENT, q->phrase);
    }
}

static void test_who_understands_groups(void **state)
{
    (void)state;
    static const char *const options[] = { "groups", "groups-used", "group-score", "group-mask" };
    int count;
    const router *const *list = router_list(&count);
    static const char *const limited[] = { "softmax", "softmax-renorm", "topk-softmax",
        "sigmoid-bias", "sigmoid-bias-raw", "sqrtsoftplus-bias", "softmax-bias", NULL };
    for (int i = 0; i < count; i++) {
        bool all = false, two = list[i]->traits & ROUTER_HIERARCHY;
        for (int j = 0; limited[j]; j++) all |= !strcmp(list[i]->name, limited[j]);
        for (int k = 0; k < 4; k++)
            if (router_understands(list[i], options[k]) != (all || (two && k < 2)))
                fail_msg("%s, %s", list[i]->name, options[k]);
    }
}

/* A factor that is not 1, wherever the weights come from. */
static void test_every_router_has_a_scale(void **state)
{
    (void)state;
    int count;
    const router *const *list = router_list(&count);
    for (int i = 0; i < 2 * count; i++) {
        const real times = (real)(2 + i % 2);
        one plain, scaled;
        if (!reads_one_row(list[i / 2])) continue;
        set(&plain, list[i / 2]->name, 8, 3, z8), route(&plain);
        set(&scaled, list[i / 2]->name, 8, 3, z8);
        scaled.options.scale = times;
        route(&scaled);
        for (int k = 0; k < plain.token.count; k++)
            assert_within(scaled.weight[k], times * plain.weight[k], 2e-6);
    }
}

/* What a balancing loss says of the scores' shares comes back to the logits: q = s / sum s. */
static void test_gradient_of_shares(void **state)
{
    (void)state;
    static const double dq[] = { .4, -.3, .2, .1 };
    int count;
    const router *const *list = router_list(&count);
    for (int i = 0; i < count; i++) {
        one o, moved;
        real dweight[4] = { 0 }, dprobability[4], dlogits[4], dnoise[4], logits[4];
        if (!reads_one_row(list[i])) continue;
        set(&o, list[i]->name, 4, 2, z4), route(&o);
        for (int e = 0; e < 4; e++) dprobability[e] = (real)dq[e];
        o.router->backward(
            &o.token, &(token_gradient){ dweight, dprobability, NULL, dlogits, dnoise });
        for (int e = 0; e < 4; e++) {
            double loss[2] = { 0 };
            for (int side = 0; side < 2; side++) {
                memcpy(logits, z4, sizeof logits);
                logits[e] += side ? R(.01) : R(-.01);
                set(&moved, list[i]->name, 4, 2, logits), route(&moved);
                double sum = 0;
                for (int k = 0; k < 4; k++) sum += (double)moved.score[k];
                for (int k = 0; k < 4; k++) loss[side] += dq[k] * (double)moved.score[k] / sum;
            }
            if (fabs((double)dlogits[e] - (loss[1] - loss[0]) / .02) > 1e-4)
                fail_msg("%s, expert %d: %g", list[i]->name, e, (double)dlogits[e]);
        }
    }
}

/* ---- the list ---- */

static void test_every_row_is_complete(void **state)
{
    (void)state;
    int count;
    const router *const *list = router_list(&count);
    assert_int_equal(count, 26);
    for (int i = 0; i < count; i++) {
        assert_ptr_equal(router_by_name(list[i]->name), list[i]);
        assert_true(list[i]->help && list[i]->options && list[i]->score && list[i]->weigh &&
                    list[i]->backward);
        bool by_row = list[i]->traits & ROUTER_NOISE && !(list[i]->traits & ROUTER_HIERARCHY);
        assert_true(list[i]->assign && by_row == (list[i]->load != NULL));
        router_options o;
        router_defaults(list[i], 2, &o);
        o.grid[0] = 2, o.grid[1] = 4, o.dimensions = 2;
        if (list[i]->traits & ROUTER_ONE_PICK) o.topk = 1;
        assert_int_equal(router_check(list[i], &o, 8, "defaults"), CADRE_OK);
    }
    assert_null(router_by_name("softmaxx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_softmax_numbers),
        cmocka_unit_test(test_sigmoid_numbers),
        cmocka_unit_test(test_max_group_numbers),
        cmocka_unit_test(test_sqrtsoftplus_numbers),
        cmocka_unit_test(test_sigmoid_bias_raw_numbers),
        cmocka_unit_test(test_softmax_bias_numbers),
        cmocka_unit_test(test_top_p_numbers),
        cmocka_unit_test(test_eps_is_added_to_the_sum),
        cmocka_unit_test(test_default_eps),
        cmocka_unit_test(test_a_router_writes_its_own_row_alone),
        cmocka_unit_test(test_group_scores_and_masks_differ),
        cmocka_unit_test(test_gradient_numbers),
        cmocka_unit_test(test_single_pick_learns_only_unless_renormalised),
        cmocka_unit_test(test_smooth_load_numbers),
        cmocka_unit_test(test_smooth_load_is_certain_where_all_are_picked),
        cmocka_unit_test(test_noise_moves_the_picks),
        cmocka_unit_test(test_hostile_logits_give_distinct_ids),
        cmocka_unit_test(test_ties_go_to_the_lower_index),
        cmocka_unit_test(test_selection_is_a_sort),
        cmocka_unit_test(test_two_ways_of_renormalising_agree),
        cmocka_unit_test(test_vanishing_scores_stay_finite),
        cmocka_unit_test(test_what_is_left_of_a_dropped_pick_stays_finite),
        cmocka_unit_test(test_bounds_of_options),
        cmocka_unit_test(test_who_understands_groups),
        cmocka_unit_test(test_every_router_has_a_scale),
        cmocka_unit_test(test_gradient_of_shares),
        cmocka_unit_test(test_every_row_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

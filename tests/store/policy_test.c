/* policy_test.c - policies on small sequences of picks for which it is known what is evicted, and
 * on picks like a model's, compared with the best possible. */
#include "store/policy_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/best_possible.h"
#include "support/replay.h"
#include "support/succeeds.h"

/* ---- known victims ---- */

static int32_t least(const policy *p, int32_t experts)
{
    int32_t at = 0;
    for (int32_t e = 1; e < experts; e++)
        if (policy_worth(p, e) < policy_worth(p, at)) at = e;
    return at;
}

static void use(policy *p, int32_t expert)
{
    int32_t rows[3] = { 0 };
    rows[expert] = 1;
    policy_visit(p, 0, rows, 1);
}

static void use_both(policy *p, int32_t a, int32_t b)
{
    int32_t rows[3] = { 0 };
    rows[a] = rows[b] = 1;
    policy_visit(p, 0, rows, 1);
}

/* Picks 0 0 0 0 1 1 2, then many of 1 and 2: which is evicted first */
static void counts_choose_as_they_say(void **state)
{
    static const int32_t first[] = { 0, 3 };
    const policy_row *const rows[] = { &policy_lru, &policy_lfu, &policy_aged };
    const int32_t after_seven[] = { 0, 2, 2 }, after_all[] = { 0, 0, 0 };
    (void)state;
    for (int i = 0; i < 3; i++) {
        policy p;
        succeeds(policy_open(rows[i], (policy_shape){ 1, first }, &p));
        for (int n = 0; n < 7; n++) use(&p, n < 4 ? 0 : n < 6 ? 1 : 2);
        assert_int_equal(least(&p, 3), after_seven[i]);
        for (int n = 0; n < 100; n++) use(&p, 1 + n % 2);
        assert_int_equal(least(&p, 3), after_all[i]);
        policy_close(&p);
    }
}

/* 40 uses long ago against 10 recent ones */
static void age_tells_them_apart(void **state)
{
    static const int32_t first[] = { 0, 3 };
    policy lfu, aged;
    (void)state;
    succeeds(policy_open(&policy_lfu, (policy_shape){ 1, first }, &lfu));
    succeeds(policy_open(&policy_aged, (policy_shape){ 1, first }, &aged));
    for (int n = 0; n < 350; n++) {
        int32_t e = n < 40 ? 0 : n < 240 ? 2 : n % 11 ? 2 : 1;
        use(&lfu, e);
        use(&aged, e);
    }
    assert_int_equal(least(&lfu, 3), 1);
    assert_int_equal(least(&aged, 3), 0);
    policy_close(&lfu);
    policy_close(&aged);
}

/* Before any visit, the experts that earlier runs used more are kept. */
static void the_past_tells(void **state)
{
    static const int32_t first[] = { 0, 3 };
    static const double use[] = { 90, 5, 40 };
    (void)state;
    for (int i = 0; policy_list[i]; i++) {
        policy p;
        succeeds(policy_open(policy_list[i], (policy_shape){ 1, first }, &p));
        policy_expect(&p, use, 100);
        assert_int_equal(least(&p, 3), 1);
        assert_true(policy_worth(&p, 0) > policy_worth(&p, 2));
        for (int n = 0; n < 200; n++) use_both(&p, 1, 2);
        assert_int_equal(least(&p, 3), 0); /* later use counts more */
        policy_close(&p);
    }
}

static void a_prompt_is_worth_a_few_tokens(void **state)
{
    (void)state;
    assert_true(policy_time_of(1) == 1 && policy_time_of(8) == 1 && policy_time_of(512) < 32);
    assert_true(policy_use_of(1, 1) == 1 && policy_use_of(3, 8) == 1 && policy_use_of(0, 8) == 0);
    assert_true(policy_use_of(512, 512) <= policy_time_of(512));
    assert_true(policy_use_of(1, 512) < 0.1);
}

/* ---- against the best possible ---- */

static void the_best_possible_is_known(void **state)
{
    /* 2 slots: misses 0 1, then 2 in place of 1, hits 0 2 0, and 1 */
    static const int32_t picks[] = { 0, 1, 0, 2, 0, 2, 1 };
    int64_t hits;
    (void)state;
    succeeds(best_possible_hits(picks, 7, 3, 2, &hits));
    assert_int_equal(hits, 3);
    succeeds(best_possible_hits(picks, 7, 3, 3, &hits));
    assert_int_equal(hits, 4);
    succeeds(best_possible_hits(picks, 0, 3, 2, &hits));
    assert_int_equal(hits, 0);
}

static double share_of_best(const replay_picks *r, const policy_row *row, double share)
{
    int32_t slots = (int32_t)(share * (double)(r->layers * r->experts));
    return replay_policy(r, row, slots) / replay_best(r, slots);
}

/* On the recording of a real model, the default policy has at least as many hits as aged-lfu. */
static void a_real_recording(void **state)
{
    static const double want[][2] = { { 0.125, 0.65 }, { 0.25, 0.75 }, { 0.36, 0.82 },
        { 0.5, 0.89 } };
    replay_picks r;
    (void)state;
    if (!replay_open_recording("trace-olmoe-299.jsonl", &r)) skip();
    for (int i = 0; i < 4; i++) {
        double first = share_of_best(&r, policy_list[0], want[i][0]);
        if (first < want[i][1]) fail_msg("%g of the best possible", first);
        assert_true(first >= share_of_best(&r, &policy_aged, want[i][0]));
    }
    replay_close(&r);
}

/* Picks of subjects that change suddenly: over several sizes the default policy is the best of the
 * list. */
static void a_stream_with_subjects(void **state)
{
    double sum[8] = { 0 };
    replay_picks r;
    (void)state;
    replay_make(300, 8, 32, 4, &r);
    for (double share = 0.125; share < 0.6; share += 0.125)
        for (int i = 0; policy_list[i]; i++) {
            double own = share_of_best(&r, policy_list[i], share);
            assert_true(own > 0.3 && own <= 1);
            sum[i] += own;
        }
    for (int i = 1; policy_list[i]; i++)
        if (sum[i] > sum[0])
            fail_msg("%s: %g, the first: %g", policy_list[i]->name, sum[i], sum[0]);
    replay_close(&r);
}

static void every_policy_keeps_what_fits(void **state)
{
    replay_picks r;
    (void)state;
    replay_make(60, 4, 16, 3, &r);
    for (int i = 0; policy_list[i]; i++) {
        assert_true(share_of_best(&r, policy_list[i], 1) == 1);
        assert_ptr_equal(policy_by_name(policy_list[i]->name), policy_list[i]);
    }
    assert_null(policy_by_name("none"));
    replay_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_choose_as_they_say),
        cmocka_unit_test(age_tells_them_apart),
        cmocka_unit_test(the_past_tells),
        cmocka_unit_test(a_prompt_is_worth_a_few_tokens),
        cmocka_unit_test(the_best_possible_is_known),
        cmocka_unit_test(a_real_recording),
        cmocka_unit_test(a_stream_with_subjects),
        cmocka_unit_test(every_policy_keeps_what_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

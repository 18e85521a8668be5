/* sampler_test.c - what is drawn, and how often: temperature, top-k, top-p, min-p, the repetition
 * penalty and their order. */
#include "infer/sampler.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/refusal.h"
#include "support/succeeds.h"

enum { V = 6, DRAWS = 40000 };

/* Probabilities .4 .25 .15 .1 .06 .04, not in their order. */
static const double p[V] = { .1, .4, .06, .25, .04, .15 };

static void draw(const cadre_sampling *options, int32_t seen, double share[V])
{
    sampler s;
    real logits[V];
    succeeds(sampler_open(&s, &rows_portable, options, V));
    if (seen >= 0) sampler_saw(&s, seen);
    for (int i = 0; i < V; i++) logits[i] = (real)log(p[i]), share[i] = 0;
    for (int64_t at = 0; at < DRAWS; at++) share[sampler_next(&s, logits, at)] += 1. / DRAWS;
    sampler_close(&s);
}

/* As often as `weight` says, of those that are not 0 each within four standard deviations; the
 * others never. */
static void check(const cadre_sampling *options, int32_t seen, const double weight[V])
{
    double share[V], sum = 0;
    draw(options, seen, share);
    for (int i = 0; i < V; i++) sum += weight[i];
    for (int i = 0; i < V; i++) {
        double wanted = weight[i] / sum;
        assert_true(fabs(share[i] - wanted) <= 4 * sqrt(wanted * (1 - wanted) / DRAWS) + 1e-9);
    }
}

static void each_option_alone(void **state)
{
    (void)state;
    cadre_sampling s = {
        .size = sizeof s, .temperature = 1, .top_p = 1, .repetition_penalty = 1, .seed = 5
    };
    check(&s, -1, p);
    s.temperature = .5;
    check(&s, -1, (double[V]){ .01, .16, .0036, .0625, .0016, .0225 });
    s.temperature = 1, s.top_k = 3;
    check(&s, -1, (double[V]){ 0, .4, 0, .25, 0, .15 });
    s.top_k = 0, s.top_p = .7;
    check(&s, -1, (double[V]){ 0, .4, 0, .25, 0, .15 });
    s.top_p = 1, s.min_p = .2;
    check(&s, -1, (double[V]){ .1, .4, 0, .25, 0, .15 });
    s.min_p = 0, s.repetition_penalty = 2; /* logits below 0 are multiplied */
    check(&s, 1, (double[V]){ .1, .16, .06, .25, .04, .15 });
}

static void biases_ban_and_favour(void **state)
{
    (void)state;
    const cadre_bias biases[] = { { 1, -100 }, { 4, (float)log(10) } };
    cadre_sampling s = cadre_sampling_default();
    s.biases = biases, s.bias_count = 2;
    check(&s, -1, (double[V]){ .1, 0, .06, .25, .4, .15 });
    const cadre_bias nobody = { V, 1 }, too_much = { 0, 101 };
    sampler made;
    s.biases = &nobody, s.bias_count = 1;
    refuses(
        sampler_open(&made, &rows_portable, &s, V), CADRE_EARGUMENT, "tokens of 0 to 5, found 6");
    s.biases = &too_much;
    refuses(sampler_open(&made, &rows_portable, &s, V), CADRE_EARGUMENT, "-100 to 100, found 101");
}

/* Also where the caller wants a token that it leaves out. */
static void a_mask_holds(void **state)
{
    (void)state;
    const uint64_t mask = 1 << 2 | 1 << 5;
    const cadre_bias biases[] = { { 1, 100 }, { 2, -100 } };
    real logits[V] = { 0, 1, 0, 9, 0, 0.5 };
    cadre_sampling o = cadre_sampling_default();
    sampler s;
    o.biases = biases, o.bias_count = 2;
    for (int greedy = 0; greedy < 2; greedy++) {
        o.temperature = !greedy;
        succeeds(sampler_open(&s, &rows_portable, &o, V));
        assert_int_equal(sampler_next(&s, logits, 0), 1);
        s.mask = &mask;
        for (int i = 0; i < 20; i++) assert_int_equal(sampler_next(&s, logits, i), 5);
        logits[5] = -INFINITY; /* there is nothing else */
        assert_int_equal(sampler_next(&s, logits, 0), 2);
        logits[5] = 0.5;
        sampler_close(&s);
    }
}

/* The largest is found where the logits lie, and behind all that may change them: the same token,
 * the first of equal ones, in the first piece, in the last and between them. */
static void the_largest_is_found_in_both_ways(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    static real logits[MANY];
    const cadre_bias none = { 7, 0 };
    const int places[] = { 0, 1, 1023, 1024, 2047, 3333, MANY - 2, MANY - 1 };
    cadre_sampling o = cadre_sampling_default(), biased;
    sampler plain, general;
    o.temperature = 0;
    biased = o, biased.biases = &none, biased.bias_count = 1;
    succeeds(sampler_open(&plain, &rows_portable, &o, MANY));
    succeeds(sampler_open(&general, &rows_portable, &biased, MANY));
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        for (int k = 0; k < MANY; k++) logits[k] = (real)(-1 - k * 7 % 11);
        logits[places[i]] = logits[MANY - 1] = (real)-0.5;
        assert_int_equal(sampler_next(&plain, logits, 0), places[i]);
        assert_int_equal(sampler_next(&general, logits, 0), places[i]);
    }
    for (int k = 0; k < MANY; k++) logits[k] = -INFINITY;
    assert_int_equal(sampler_next(&plain, logits, 0), sampler_next(&general, logits, 0));
    sampler_close(&plain);
    sampler_close(&general);
}

/* Of what was written alone: a prompt's tokens lose nothing. */
static void penalties_count_what_was_written(void **state)
{
    (void)state;
    real logits[V] = { 0, 1, 0, 0, 0, 0.5 };
    cadre_sampling o = cadre_sampling_default();
    sampler s;
    o.temperature = 0, o.presence_penalty = 0.25, o.frequency_penalty = 0.125;
    succeeds(sampler_open(&s, &rows_portable, &o, V));
    sampler_saw(&s, 1);
    assert_int_equal(sampler_next(&s, logits, 0), 1);
    sampler_wrote(&s, 1); /* 1 - .25 - .125 */
    assert_int_equal(sampler_next(&s, logits, 1), 1);
    sampler_wrote(&s, 1); /* 1 - .25 - .25: as likely as 5 */
    assert_int_equal(sampler_next(&s, logits, 2), 1);
    sampler_wrote(&s, 1);
    assert_int_equal(sampler_next(&s, logits, 3), 5);
    sampler_close(&s);
    o.presence_penalty = 2.5;
    refuses(sampler_open(&s, &rows_portable, &o, V), CADRE_EARGUMENT, "presence_penalty");
}

/* top_p is a share of what top_k leaves: .4 and .25 are 81 hundredths of the three, and 65 of
 * all. */
static void top_p_comes_after_top_k(void **state)
{
    (void)state;
    cadre_sampling s = { .size = sizeof s,
        .temperature = 1,
        .top_k = 3,
        .top_p = .8,
        .repetition_penalty = 1,
        .seed = 6 };
    check(&s, -1, (double[V]){ 0, .4, 0, .25, 0, 0 });
    s.min_p = .7;
    check(&s, -1, (double[V]){ 0, 1, 0, 0, 0, 0 });
    s.top_k = V + 1, s.top_p = .75, s.min_p = 0;
    check(&s, -1, (double[V]){ 0, .4, 0, .25, 0, .15 });
}

/* Where a logit is not a number, and where none is. */
static void odd_logits(void **state)
{
    (void)state;
    sampler s;
    const cadre_sampling options = {
        .size = sizeof options, .temperature = 1, .top_k = 4, .top_p = .9, .repetition_penalty = 1
    };
    succeeds(sampler_open(&s, &rows_portable, &options, V));
    real one[V] = { (real)NAN, (real)-INFINITY, 1, (real)NAN, (real)-INFINITY, (real)-INFINITY };
    for (int64_t at = 0; at < 100; at++) assert_int_equal(sampler_next(&s, one, at), 2);
    for (int i = 0; i < V; i++) one[i] = (real)NAN;
    assert_in_range(sampler_next(&s, one, 0), 0, V - 1);
    sampler_close(&s);
}

/* Choices that differ in one way draw the same tokens. */
static void draw_the_same(const cadre_sampling *one, const cadre_sampling *other)
{
    double shares[2][V];
    draw(one, 1, shares[0]);
    draw(other, 1, shares[1]);
    assert_memory_equal(shares[0], shares[1], sizeof shares[0]);
}

static void zeros_and_null_have_a_meaning(void **state)
{
    (void)state;
    const cadre_sampling zeros = { .size = sizeof zeros };
    check(&zeros, 1, (double[V]){ 0, 1, 0, 0, 0, 0 }); /* greedy, and no penalty on what was seen */
    cadre_sampling warm = cadre_sampling_default();
    check(&warm, -1, p);
    draw_the_same(&warm, NULL);
    draw_the_same(&warm, &(cadre_sampling){ .size = sizeof warm, .temperature = 1 });
}

/* A program that was built with an older cadre.h, and one with a newer. */
static void other_sizes(void **state)
{
    (void)state;
    struct {
        cadre_sampling known;
        double later;
    } newer = { cadre_sampling_default(), 7 };
    newer.known.size = sizeof newer;
    draw_the_same(&newer.known, NULL);
    sampler s;
    cadre_sampling wrong = cadre_sampling_default();
    wrong.size = 0;
    refuses(sampler_open(&s, &rows_portable, &wrong, V), CADRE_EARGUMENT,
        "cadre_sampling: expected a size of at least 56 bytes, found 0");
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    const cadre_sampling usual = cadre_sampling_default();
    /* The last one is fine for a temperature and a penalty */
    static const double bad[] = { -1, NAN, INFINITY, 1.5 };
    static const struct {
        const char *name;
        size_t at;
        int count;
    } fields[] = {
        { "cadre_sampling.temperature", offsetof(cadre_sampling, temperature), 3 },
        { "cadre_sampling.top_p", offsetof(cadre_sampling, top_p), 4 },
        { "cadre_sampling.min_p", offsetof(cadre_sampling, min_p), 4 },
        { "cadre_sampling.repetition_penalty", offsetof(cadre_sampling, repetition_penalty), 3 },
    };
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        for (int i = 0; i < fields[f].count; i++) {
            cadre_sampling options = usual;
            sampler s;
            memcpy((char *)&options + fields[f].at, &bad[i], sizeof bad[i]);
            refuses(sampler_open(&s, &rows_portable, &options, V), CADRE_EARGUMENT, fields[f].name);
        }
    cadre_sampling options = usual;
    sampler s;
    options.top_k = -1;
    refuses(sampler_open(&s, &rows_portable, &options, V), CADRE_EARGUMENT, "cadre_sampling.top_k");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_is_found_in_both_ways),
        cmocka_unit_test(each_option_alone),
        cmocka_unit_test(biases_ban_and_favour),
        cmocka_unit_test(a_mask_holds),
        cmocka_unit_test(penalties_count_what_was_written),
        cmocka_unit_test(top_p_comes_after_top_k),
        cmocka_unit_test(odd_logits),
        cmocka_unit_test(zeros_and_null_have_a_meaning),
        cmocka_unit_test(other_sizes),
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* sampler_test.c - what is drawn, and how often: temperature, top-k, top-p, min-p, the repetition penalty and their order. */
#include "infer/sampler.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/succeeds.h"

enum { V = 6, DRAWS = 40000 };

/* Probabilities .4 .25 .15 .1 .06 .04, not in their order. */
static const double p[V] = { .1, .4, .06, .25, .04, .15 };

static void draw(const cadre_sampling *options, int32_t seen, double share[V])
{
    sampler s;
    real logits[V];
    succeeds(sampler_open(&s, options, V));
    if (seen >= 0) sampler_saw(&s, seen);
    for (int i = 0; i < V; i++) logits[i] = (real)log(p[i]), share[i] = 0;
    for (int64_t at = 0; at < DRAWS; at++) share[sampler_next(&s, logits, at)] += 1. / DRAWS;
    sampler_close(&s);
}

/* As often as `weight` says, of those that are not 0 each within four standard deviations; the others never. */
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
    cadre_sampling s = { .temperature = 1, .top_p = 1, .repetition_penalty = 1, .seed = 5 };
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

/* top_p is a share of what top_k leaves: .4 and .25 are 81 hundredths of the three, and 65 of all. */
static void top_p_comes_after_top_k(void **state)
{
    (void)state;
    cadre_sampling s = { .temperature = 1, .top_k = 3, .top_p = .8, .repetition_penalty = 1, .seed = 6 };
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
    const cadre_sampling options = { .temperature = 1, .top_k = 4, .top_p = .9, .repetition_penalty = 1 };
    succeeds(sampler_open(&s, &options, V));
    real one[V] = { (real)NAN, (real)-INFINITY, 1, (real)NAN, (real)-INFINITY, (real)-INFINITY };
    for (int64_t at = 0; at < 100; at++) assert_int_equal(sampler_next(&s, one, at), 2);
    for (int i = 0; i < V; i++) one[i] = (real)NAN;
    assert_in_range(sampler_next(&s, one, 0), 0, V - 1);
    sampler_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_option_alone),
        cmocka_unit_test(top_p_comes_after_top_k),
        cmocka_unit_test(odd_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

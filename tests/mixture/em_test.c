/* em_test.c - under expectation-maximisation the likelihood never falls: for numbers and classes,
 * flat and in a hierarchy, from many seeds, also where experts meet rows exactly. */
#include "mixture/em.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "support/long.h"
#include "support/scratch.h"
#include "support/succeeds.h"

/* What a sum over rows may lose by rounding. */
static const double rounding = 1e-11;

typedef struct course {
    double last, first;
    int64_t count;
} course;

static void watch(void *arg, const cadre_mixture_progress *p)
{
    course *c = arg;
    if (!p->iteration) c->first = p->log_likelihood;
    else if (!(p->log_likelihood >= c->last - rounding * fabs(c->last)))
        fail_msg("iteration %lld: the likelihood falls from %.17g to %.17g",
            (long long)p->iteration, c->last, p->log_likelihood);
    c->last = p->log_likelihood;
    c->count++;
    assert_true(isnan(p->loss));
}

/* Writes a table of two inputs, a number and a class that change where x crosses 0. */
static const char *table_of(int rows, double noise)
{
    const char *path = scratch_file("table.csv");
    random_key key = random_key_of(5, "em test", (uint64_t)rows, 0);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "x,z,y,k\n");
    for (int n = 0; n < rows; n++) {
        uint64_t at = (uint64_t)n * 8;
        double x = random_normal(key, at), z = 1000 + 50 * random_normal(key, at + 1);
        double y = (x > 0 ? 2 * x : -x + 0.02 * (z - 1000)) + noise * random_normal(key, at + 2);
        int k = (x + 0.7 * random_normal(key, at + 3) > 0) +
                (z + 40 * random_normal(key, at + 4) > 1000);
        fprintf(f, "%.9g,%.9g,%.9g,%d\n", x, z, y, n < 3 ? n : k);
    }
    fclose(f);
    return path;
}

/* Options as "name=value", NULL after the last. */
static course fit_with(const char *data, const char *const *set)
{
    const cadre_option_table tables[] = { cadre_run_options(), cadre_mixture_options() };
    cadre_options *o;
    cadre_mixture *m;
    course c = { 0 };
    succeeds(cadre_options_new(tables, 2, &o));
    for (; *set; set++) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*set, "="), *set);
        succeeds(cadre_options_set(o, name, strchr(*set, '=') + 1));
    }
    succeeds(cadre_mixture_fit(data, o, watch, &c, &m));
    cadre_mixture_free(m);
    cadre_options_free(o);
    return c;
}

#define FIT(data, ...) fit_with(data, (const char *const[]){ __VA_ARGS__, NULL })

static void the_likelihood_never_falls(void **state)
{
    (void)state;
    const char *data = table_of(150, 0.3);
    const char *const seeds[] = { "seed=1", "seed=2", "seed=3" };
    for (int i = 0; i < 3; i++) {
        course c = FIT(data, seeds[i], "target=y", "experts=3", "iterations=30");
        assert_int_equal(c.count, 31);
        assert_true(c.last > c.first);
        if (i && !long_form()) continue;
        FIT(data, seeds[i], "target=y,k", "experts=4", "iterations=20", "standardise=no");
        FIT(data, seeds[i], "target=y", "levels=2,3", "iterations=20");
        FIT(data, seeds[i], "target=k", "classify=yes", "experts=3", "iterations=15");
        FIT(data, seeds[i], "target=k", "classify=yes", "levels=2,2", "iterations=15");
    }
}

static void experts_that_meet_their_rows_exactly_do_no_harm(void **state)
{
    (void)state;
    course c = FIT(table_of(40, 0), "target=y", "experts=4", "iterations=40");
    assert_true(isfinite(c.last));
    c = FIT(table_of(12, 0.3), "target=y", "experts=12",
        long_form() ? "iterations=40" : "iterations=20");
    assert_true(isfinite(c.last));
}

/* More experts can say all that fewer do. */
static void a_second_expert_helps_where_there_are_two_pieces(void **state)
{
    (void)state;
    const char *data = table_of(150, 0.3);
    double one = FIT(data, "target=y", "experts=1", "iterations=3").last;
    double two = FIT(data, "target=y", "experts=2", "iterations=60").last;
    assert_true(two > one + 20);
}

static void the_same_seed_gives_the_same_bits(void **state)
{
    (void)state;
    const char *data = table_of(80, 0.3);
    double a = FIT(data, "target=y", "seed=4", "iterations=12").last;
    assert_true(a == FIT(data, "target=y", "seed=4", "iterations=12").last);
    assert_true(a != FIT(data, "target=y", "seed=5", "iterations=12").last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_likelihood_never_falls),
        cmocka_unit_test(experts_that_meet_their_rows_exactly_do_no_harm),
        cmocka_unit_test(a_second_expert_helps_where_there_are_two_pieces),
        cmocka_unit_test(the_same_seed_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* oracle_test.c - whole fits beside numbers that other programs computed: every iteration's
 * parameters, likelihoods and losses to 1e-8, predictions to 1e-6. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "format/safetensors.h"
#include "mixture/model.h"
#include "support/oracle.h"
#include "support/scratch.h"
#include "support/succeeds.h"

/* Every run that some oracle has; those of the whole set come first. */
static const char *const runs[] = { "piecewise-em", "piecewise-gradient", "piecewise-competitive",
    "piecewise-cooperative", "piecewise-mlp", "regimes-em", "regimes-gradient",
    "regimes-hierarchical", "regimes-tasks", "classes-em", "classes-gradient" };
static const char *const small_runs[] = { "regimes-levels", "classes-levels",
    "classes-competitive" };

static double number(const safetensors_tensor *t, int64_t i)
{
    double value;
    memcpy(&value, t->data + (size_t)i * sizeof value, sizeof value);
    return value;
}

static double largest(const safetensors_tensor *t)
{
    double most = 0;
    for (int64_t i = 0; i < t->elements; i++) most = fmax(most, fabs(number(t, i)));
    return most;
}

/* |a - b| <= relative * max |b| + relative */
static void compare(const char *run, const safetensors *got, const safetensors_tensor *want)
{
    const safetensors_tensor *t;
    double relative = strcmp(want->name, "prediction") ? 1e-8 : 1e-6;
    double bound = relative * largest(want) + relative;
    succeeds(safetensors_get_as(got, want->name, "F64", want->rank, want->shape, &t));
    for (int64_t i = 0; i < want->elements; i++)
        if (!(fabs(number(t, i) - number(want, i)) <= bound))
            fail_msg("%s: %s[%lld] is %.17g, expected %.17g", run, want->name, (long long)i,
                number(t, i), number(want, i));
}

static cadre_options *options_of(const char *file, const char *init, const char *trace)
{
    const cadre_option_table tables[] = { cadre_run_options(), cadre_mixture_options() };
    cadre_options *o;
    succeeds(cadre_options_new(tables, 2, &o));
    succeeds(cadre_options_load(o, file));
    succeeds(cadre_options_set(o, "init", init));
    succeeds(cadre_options_set(o, "trace", trace));
    return o;
}

typedef struct predictions {
    const safetensors_tensor *want;
    int64_t at;
} predictions;

static void compare_row(void *arg, const cadre_mixture_prediction *p)
{
    predictions *all = arg;
    double bound = 1e-6 * largest(all->want) + 1e-6;
    for (int64_t j = 0; j < all->want->shape[1]; j++, all->at++)
        if (!(fabs(p->output[j] - number(all->want, all->at)) <= bound))
            fail_msg("row %lld: predicted %.17g, expected %.17g", (long long)p->row, p->output[j],
                number(all->want, all->at));
}

static char *path_of(const char *folder, const char *run, const char *ending)
{
    static char path[4][512];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s%s", folder, run, ending);
    return p;
}

static void check_run(const char *folder, const char *run)
{
    char table[64];
    snprintf(table, sizeof table, "%.*s", (int)strcspn(run, "-"), run);
    const char *trace = scratch_file("trace.safetensors"), *data = path_of(folder, table, ".csv");
    cadre_options *o =
        options_of(path_of(folder, run, ".json"), path_of(folder, run, ".init.safetensors"), trace);
    cadre_mixture *m;
    safetensors *got, *want;
    succeeds(cadre_mixture_fit(data, o, NULL, NULL, &m));
    succeeds(safetensors_open(trace, &got));
    succeeds(safetensors_open(path_of(folder, run, ".expected.safetensors"), &want));
    for (size_t i = 0; i < safetensors_count(want); i++) compare(run, got, safetensors_at(want, i));
    predictions all = { .want = safetensors_find(want, "prediction") };
    succeeds(cadre_mixture_predict(m, data, compare_row, &all));
    assert_int_equal(all.at, all.want->elements);
    safetensors_close(got);
    safetensors_close(want);
    cadre_mixture_free(m);
    cadre_options_free(o);
}

static void runs_of_the_oracle_are_met(void **state)
{
    (void)state;
    char folder[512];
    snprintf(folder, sizeof folder, "%s", oracle_path("mixture"));
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) check_run(folder, runs[i]);
}

static void runs_of_the_tree_are_met(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        check_run("tests/oracle/small/mixture", runs[i]);
    for (size_t i = 0; i < sizeof small_runs / sizeof *small_runs; i++)
        check_run("tests/oracle/small/mixture", small_runs[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_the_tree_are_met),
        cmocka_unit_test(runs_of_the_oracle_are_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

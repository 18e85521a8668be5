/* simulate_test.c - simulations of recorded routes and of a training run's loads, with every
 * placement. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cadre/plan.h"
#include "base/file.h"
#include "dist/recorded.h"
#include "support/scratch.h"

static const char *written(const char *text)
{
    const char *path = scratch_file("recorded.jsonl");
    assert_int_equal(file_write(path, text, strlen(text)), CADRE_OK);
    return path;
}

static cadre_simulation simulated(const char *text, const char *placement)
{
    const cadre_option_table table = cadre_simulate_options();
    cadre_options *o;
    cadre_simulation s = { .size = sizeof s };
    assert_int_equal(cadre_options_new(&table, 1, &o), CADRE_OK);
    assert_int_equal(cadre_options_set(o, "ranks", "2"), CADRE_OK);
    assert_int_equal(cadre_options_set(o, "width", "8"), CADRE_OK);
    assert_int_equal(cadre_options_set(o, "placement", placement), CADRE_OK);
    assert_int_equal(cadre_simulate(written(text), o, &s), CADRE_OK);
    cadre_options_free(o);
    return s;
}

static void near(double found, double expected)
{
    if (!(fabs(found - expected) < 1e-9)) fail_msg("found %.12g, expected %.12g", found, expected);
}

/* Two busy experts are neighbours. With the placement `even`, one rank has both; with `balanced`,
 * two ranks have one each; with `replicated`, each rank has a copy of both. */
#define STEP "{\"step\":1,\"tokens\":20,\"loads\":[[8,8,2,2]]}\n"

static void test_loads(void **state)
{
    (void)state;
    near(simulated(STEP STEP, "even").load_max_over_mean, 1.6);
    near(simulated(STEP STEP, "balanced").load_max_over_mean, 1);
    near(simulated(STEP STEP, "replicated").load_max_over_mean, 1);
    /* half of 20 rows, sent to their expert and back, 8 floats each, for 20 tokens */
    near(simulated(STEP STEP, "even").bytes_per_token, 2 * 10 * 32 / 20.0);
}

static void test_routes(void **state)
{
    (void)state;
    static const char text[] =
        "{\"cadre_routes\":1,\"sparse_layers\":[{\"layer\":0,\"experts\":4,\"topk\":2}]}\n"
        "{\"experts\":[[0,1]]}\n{\"experts\":[[0,1]]}\n{\"experts\":[[0,1]]}\n"
        "{\"experts\":[[0,1]]}\n";
    near(simulated(text, "even").load_max_over_mean, 2);
    near(simulated(text, "balanced").load_max_over_mean, 1);
}

static void test_files_that_are_no_recordings(void **state)
{
    (void)state;
    static const char *const wrong[] = { "", "{\"loads\":[]}\n", "{\"loads\":[[1,2]]}\n",
        "{\"tokens\":1,\"loads\":[[1,-2]]}\n", "{\"tokens\":0,\"loads\":[[1,2]]}\n",
        "{\"tokens\":1,\"loads\":[[1,2]]}\n{\"tokens\":1,\"loads\":[[1,2,3]]}\n",
        "{\"tokens\":1,\"loads\":[[1,2]]}\n{\"tokens\":1,\"loads\":[[1,2],[3,4]]}\n",
        "{\"cadre_routes\":1,\"sparse_layers\":[]}\n" };
    recorded r;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(recorded_read(written(wrong[i]), &r), CADRE_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_files_that_are_no_recordings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* initialise_test.c - what random weights of a recipe are, and what --init-scale makes of them. */
#include "weights/initialise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/param.h"
#include "base/memory.h"
#include "kernel/context.h"
#include "support/small_run.h"

/* values: mem_free */
static real *drawn(const char *recipe_name, const char *scale, param_table *table)
{
    char *notes;
    compute *c;
    model_config config;
    const recipe *r = recipe_by_name(recipe_name);
    cadre_options *o = small_options(recipe_name);
    small_set(o, "init-scale", scale);
    assert_int_equal(compute_new(1, NULL, &c), CADRE_OK);
    assert_int_equal(recipe_apply(r, o), CADRE_OK);
    assert_int_equal(recipe_config(r, o, 40, &config, &notes), CADRE_OK);
    assert_int_equal(param_table_make(&config, table), CADRE_OK);
    real *values = mem_alloc((size_t)table->elements, sizeof *values);
    assert_non_null(values);
    init_options start = init_options_of(r, &config, o, 5);
    model_initialise(c, table, &start, values);
    mem_free(notes);
    model_config_free(&config);
    cadre_options_free(o);
    compute_free(c);
    return values;
}

/* A quarter of the variance is half of every number that is drawn; norms stay 1, biases 0. */
static void check_quarter(const char *recipe_name)
{
    param_table table, other;
    real *whole = drawn(recipe_name, "1", &table);
    real *quarter = drawn(recipe_name, "0.25", &other);
    assert_int_equal(table.elements, other.elements);
    for (int64_t i = 0; i < table.count; i++) {
        const param *p = &table.rows[i];
        bool drawn_at_random =
            p->kind != PARAM_NORM && p->kind != PARAM_BIAS && p->kind != PARAM_STATE;
        double factor = drawn_at_random ? 0.5 : 1;
        for (int64_t k = 0; k < p->rows * p->cols; k++)
            assert_true(quarter[p->offset + k] == (real)(factor * whole[p->offset + k]));
    }
    mem_free(whole);
    mem_free(quarter);
    param_table_free(&table);
    param_table_free(&other);
}

static void test_a_quarter_of_the_variance(void **state)
{
    (void)state;
    check_quarter("mixtral");
    check_quarter("switch"); /* by the number of inputs */
    check_quarter("deepseek-v3");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_quarter_of_the_variance) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* references_test.c - reference numbers hold with the kernels as they are, and not when one of them
 * is a little wrong. */
#include "verify/spoiled.h"

static spoiled s;

static int setup(void **state)
{
    (void)state;
    spoiled_open(&s);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    spoiled_close(&s);
    return 0;
}

static void every_reference_number_holds(void **state)
{
    (void)state;
    only_these_fail(&s, &verify_references, (const char *const[]){ NULL });
    check_says(&s, &verify_references, "router softmax", true,
        "experts 2 6, weights 0.370 0.224, within ");
    check_says(&s, &verify_references, "router top-p", true,
        "experts 2 6 0, weights 0.370 0.224 0.136, within ");
    check_says(&s, &verify_references, "loss first-choice", true, "1.277235, expected 1.277235");
}

/* A hundred-thousandth of a probability more. */
static real slanted_softmax(int64_t n, const real *x, real *p)
{
    real lse = rows_portable.softmax(n, x, p);
    for (int64_t i = 0; i < n; i++) p[i] += REAL_C(2e-5);
    return lse;
}

static void a_weight_off_by_little_is_found(void **state)
{
    (void)state;
    s.rows.softmax = slanted_softmax;
    only_these_fail(&s, &verify_references,
        (const char *const[]){ "router softmax", "router softmax-renorm", "router topk-softmax",
            "router softmax in groups", "router top-p", NULL });
    check_says(&s, &verify_references, "router softmax", false,
        "experts 2 6, weights 0.370 0.224, within 2.0e-05");
}

static real reversed_softmax(int64_t n, const real *x, real *p)
{
    real lse = rows_portable.softmax(n, x, p);
    for (int64_t i = 0; i < n / 2; i++) {
        real other = p[i];
        p[i] = p[n - 1 - i];
        p[n - 1 - i] = other;
    }
    return lse;
}

static void a_wrong_expert_is_named(void **state)
{
    (void)state;
    s.rows.softmax = reversed_softmax;
    check_says(
        &s, &verify_references, "router softmax in groups", false, "pick 0 was to be expert 2");
}

static real certain_softmax(int64_t n, const real *x, real *p)
{
    memset(p, 0, (size_t)n * sizeof *p);
    p[2] = 1;
    return rows_portable.log_sum_exp(n, x);
}

static void too_few_picks_are_counted(void **state)
{
    (void)state;
    s.rows.softmax = certain_softmax;
    check_says(&s, &verify_references, "router top-p", false,
        "experts 2, weights 1.000: expected 3 picks");
}

static void slanted_sigmoid(int64_t n, const real *x, real *y)
{
    rows_portable.sigmoid(n, x, y);
    y[0] += REAL_C(2e-5);
}

static void a_wrong_sigmoid_is_found_where_it_is_used(void **state)
{
    (void)state;
    s.rows.sigmoid = slanted_sigmoid;
    only_these_fail(&s, &verify_references,
        (const char *const[]){ "router sigmoid-bias", "router sigmoid-bias in groups", NULL });
}

static void shifted_activation(int64_t n, const real *g, const real *u, real limit, real *out)
{
    row_activation_by_name(&rows_portable, "gpt-oss")->forward(n, g, u, limit, out);
    out[3] += REAL_C(2e-3);
}

static void a_wrong_activation_is_found(void **state)
{
    (void)state;
    spoiled_activation(&s, "gpt-oss")->forward = shifted_activation;
    only_these_fail(&s, &verify_references, (const char *const[]){ "activation gpt-oss", NULL });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_reference_number_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(a_weight_off_by_little_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_expert_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(too_few_picks_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_sigmoid_is_found_where_it_is_used, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_activation_is_found, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

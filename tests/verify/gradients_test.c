/* gradients_test.c - a backward pass that is a little wrong is found, in the layers that use it. */
#include "base/memory.h"
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

static void every_gradient_holds(void **state)
{
    (void)state;
    only_these_fail(&s, &verify_gradients, (const char *const[]){ NULL });
    check_says(
        &s, &verify_gradients, "sparse layer, softmax, swiglu", true, " of central differences");
}

static void scaled_backward(
    int64_t n, const real *g, const real *u, real limit, const real *dh, real *dg, real *du)
{
    row_activation_by_name(&rows_portable, "swiglu")->backward(n, g, u, limit, dh, dg, du);
    for (int64_t i = 0; i < n; i++) dg[i] *= REAL_C(1.05);
}

static void a_wrong_activation_is_found_in_the_layers_that_have_it(void **state)
{
    (void)state;
    spoiled_activation(&s, "swiglu")->backward = scaled_backward;
    only_these_fail(&s, &verify_gradients,
        (const char *const[]){ "sparse layer, softmax-renorm, swiglu",
            "sparse layer, softmax, swiglu", "sparse layer, sigmoid-bias, swiglu", NULL });
}

/* Of the rows that are gathered: the tokens, where gradients of gate and up matrices are made. */
static void deaf_to_gathered(
    int vecs, int64_t k, const real *in, int64_t stride, const int32_t *rows, real *out)
{
    gemm_portable.copy(vecs, k, in, stride, rows, out);
    if (rows) out[0] = 0;
}

static void lost_gradients_of_weights_are_found(void **state)
{
    (void)state;
    s.gemm.copy = deaf_to_gathered;
    only_these_fail(&s, &verify_gradients,
        (const char *const[]){ "sparse layer, softmax-renorm, swiglu",
            "sparse layer, softmax, swiglu", "sparse layer, sigmoid-bias, swiglu",
            "sparse layer, softmax-renorm, geglu", NULL });
}

/* Four experts, width 8: the product of the gradients of the logits with the router's matrix, which
 * goes into the gradients of the inputs alone. */
static void deaf_to_the_router(
    int vecs, int64_t k, const real *in, int64_t stride, const int32_t *rows, real *out)
{
    gemm_portable.copy(vecs, k, in, stride, rows, out);
    if (k == 4 && !rows && stride == 8) memset(out, 0, (size_t)k * sizeof *out);
}

static void lost_gradients_of_inputs_are_found(void **state)
{
    (void)state;
    s.gemm.copy = deaf_to_the_router;
    check_says(&s, &verify_gradients, "sparse layer, softmax-renorm, swiglu", false, "within ");
    check_says(&s, &verify_gradients, "sparse layer, softmax-renorm, geglu", false, "within ");
}

static void a_layer_that_finds_no_memory_does_not_hold(void **state)
{
    (void)state;
    int64_t before = mem_balance();
    bool holds = false;
    for (long n = 1; !holds; n++) {
        mem_fail_at(n, false);
        holds = check_of(&verify_gradients, "sparse layer, softmax, swiglu")->holds(&s.run);
        mem_fail_at(0, false);
        if (!holds) assert_string_equal(s.run.detail, "within inf of central differences");
        assert_true(holds ? n > 5 : n < 100);
    }
    assert_int_equal(mem_balance(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_gradient_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_wrong_activation_is_found_in_the_layers_that_have_it, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_gradients_of_weights_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_gradients_of_inputs_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_layer_that_finds_no_memory_does_not_hold, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

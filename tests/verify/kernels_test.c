/* kernels_test.c - a variant that differs from the portable kernels in one bit is found. */
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

static bool runs_here(const char *variant)
{
    const kernel_variant *v;
    return variant_choose(variant, &v) == CADRE_OK;
}

static void every_variant_of_the_machine_is_named(void **state)
{
    (void)state;
    int count;
    const kernel_variant *const *list = variant_list(&count);
    only_these_fail(&s, &verify_kernels, (const char *const[]){ NULL });
    assert_true(check_of(&verify_kernels, "product x w^T")->holds(&s.run));
    char expected[160] = "";
    for (int i = 0; i < count; i++)
        if (runs_here(list[i]->name)) strcat(strcat(expected, ", "), list[i]->name);
    strcat(expected, ": the same bits");
    assert_string_equal(s.run.detail, expected + strlen(", "));
    s.run.threads = 1;
    check_says(&s, &verify_kernels, "row kernels", true, expected + strlen(", "));
}

/* One bit of what the portable kernels compute, so that the others have another. */
static int flips;

static void flip(real *x)
{
    unsigned char *bytes = (unsigned char *)x;
    bytes[0] ^= 1;
    flips++;
}

static void flipped_transpose(const gemm_stored *in, int64_t k, real *out, int64_t out_step)
{
    gemm_portable.transpose[GEMM_FLOAT](in, k, out, out_step);
    flip(out);
}

static void flipped_copy(
    int vecs, int64_t k, const real *in, int64_t stride, const int32_t *rows, real *out)
{
    gemm_portable.copy(vecs, k, in, stride, rows, out);
    flip(out);
}

static void a_bit_of_a_product_is_seen(void **state)
{
    (void)state;
    s.gemm.transpose[GEMM_FLOAT] = flipped_transpose;
    only_these_fail(&s, &verify_kernels, (const char *const[]){ "product x w^T", NULL });
    check_says(&s, &verify_kernels, "product x w^T", false,
        "portable with 1 threads differs from portable");
    s.gemm.transpose[GEMM_FLOAT] = gemm_portable.transpose[GEMM_FLOAT];
    s.gemm.copy = flipped_copy;
    only_these_fail(
        &s, &verify_kernels, (const char *const[]){ "product dy w", "product dy^T x", NULL });
}

/* ---- each of the row kernels, one at a time ---- */

static real turned_softmax(int64_t n, const real *x, real *p)
{
    real lse = rows_portable.softmax(n, x, p);
    flip(p + n - 1);
    return lse;
}

static real turned_norm(int64_t n, const real *x, const real *gain, real eps, real *y)
{
    real r = rows_portable.rms_norm(n, x, gain, eps, y);
    flip(y);
    return r;
}

static void turned_activation(int64_t n, const real *g, const real *u, real limit, real *out)
{
    row_activation_by_name(&rows_portable, "swiglu")->forward(n, g, u, limit, out);
    flip(out + n - 1);
}

static real turned_entropy(int64_t n, real *logits, int64_t target, real scale)
{
    real loss = rows_portable.cross_entropy(n, logits, target, scale);
    flip(logits);
    return loss;
}

static void turned_adamw(int64_t n, real *w, real *m, real *v, const real *grad, real grad_scale,
    double lr, double beta1, double beta2, double eps, double decay, double correction1,
    double correction2)
{
    rows_portable.adamw(
        n, w, m, v, grad, grad_scale, lr, beta1, beta2, eps, decay, correction1, correction2);
    flip(w + n - 1);
}

static void a_bit_of_each_row_kernel_is_seen(void **state)
{
    (void)state;
    for (int kernel = 0; kernel < 5; kernel++) {
        s.rows = rows_portable;
        s.rows.activations = s.activations;
        if (kernel == 0) s.rows.softmax = turned_softmax;
        if (kernel == 1) s.rows.rms_norm = turned_norm;
        if (kernel == 2) s.rows.cross_entropy = turned_entropy;
        if (kernel == 3) s.rows.adamw = turned_adamw;
        if (kernel == 4) spoiled_activation(&s, "swiglu")->forward = turned_activation;
        flips = 0;
        check_says(&s, &verify_kernels, "row kernels", false, "differs from portable");
        assert_in_range(flips, 1, 2); /* the first variant is enough */
    }
}

static void without_memory_nothing_is_called_equal(void **state)
{
    (void)state;
    s.run.threads = 1; /* what another thread gives back is not in the balance */
    int64_t before = mem_balance();
    mem_fail_at(8, true);
    bool holds = check_of(&verify_kernels, "product dy w")->holds(&s.run);
    mem_fail_at(0, false);
    assert_false(holds);
    assert_int_equal(mem_balance(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_variant_of_the_machine_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bit_of_a_product_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bit_of_each_row_kernel_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_called_equal, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

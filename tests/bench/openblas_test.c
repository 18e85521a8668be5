/* openblas_test.c - what is compared with is the same product: OpenBLAS, called as the benchmark
 * calls it, computes x . w^T of rows that lie as ours do. */
#include "bench/openblas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"

enum { M = 7, N = 5, K = 11, SPARE = 3 };

static void the_product_is_ours(void **state)
{
    (void)state;
    openblas *blas = openblas_open(2);
    if (!blas) {
        print_message("SKIP: OpenBLAS is not installed: %s\n", "the product is ours");
        skip();
    }
    real a[M * K], b[N * K], c[M * N + SPARE];
    random_key key = random_key_of(1, "openblas", 0, 0);
    for (int i = 0; i < M * K; i++) a[i] = (real)random_normal(key, (uint64_t)i);
    for (int i = 0; i < N * K; i++) b[i] = (real)random_normal(key, (uint64_t)(1000 + i));
    for (int i = 0; i < M * N + SPARE; i++) c[i] = 77; /* what was there before is written over */
    openblas_product(blas, M, N, K, a, b, c);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < K; k++) sum += (double)a[i * K + k] * (double)b[j * K + k];
            assert_true(fabs((double)c[i * N + j] - sum) < 1e-4);
        }
    for (int i = 0; i < SPARE; i++) assert_true(c[M * N + i] == 77);
    openblas_close(blas);
}

static void nothing_is_closed_where_nothing_was_opened(void **state)
{
    (void)state;
    openblas_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_product_is_ours),
        cmocka_unit_test(nothing_is_closed_where_nothing_was_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

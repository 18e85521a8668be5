/* leaves_test.c - sums along the tree of leaves: its bits, however a batch is divided. */
#include "op/leaves.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernel/context.h"

enum { LEAVES = 6, TOKENS = 23, M = 20, N = 37, WHOLE = 1 << 17 };
static const int64_t starts[LEAVES + 1] = { 0, 5, 6, 11, 15, 16, TOKENS };

typedef struct fixture {
    compute *c;
    real a[TOKENS * M], b[TOKENS * N], c_sum[2][M * N];
    arena arena;
    leaf_list leaves;
} fixture;

static fixture *fixture_new(int threads)
{
    fixture *f = MEM_ARRAY(fixture, 1);
    random_key key = random_key_of(1, "leaves", 0, 0);
    assert_int_equal(compute_new(threads, NULL, &f->c), CADRE_OK);
    for (int i = 0; i < TOKENS * M; i++) f->a[i] = (real)random_normal(key, (uint64_t)i);
    for (int i = 0; i < TOKENS * N; i++) f->b[i] = (real)random_normal(key, (uint64_t)i + 10000);
    leaves_layout(&f->leaves, &f->arena, threads, LEAVES, M * N, WHOLE);
    assert_true(arena_open(&f->arena, f->arena.used));
    leaves_layout(&f->leaves, &f->arena, threads, LEAVES, M * N, WHOLE);
    return f;
}

static void fixture_free(fixture *f)
{
    arena_close(&f->arena);
    compute_free(f->c);
    mem_free(f);
}

/* The product over the tokens of some leaves, as the runs say */
static void multiply(fixture *f, int first, int count, const leaf_run *run, int runs, real *out)
{
    int64_t start[LEAVES + 1];
    for (int i = 0; i <= count; i++) start[i] = starts[first + i] - starts[first];
    f->leaves.runs = runs;
    f->leaves.run = run;
    f->leaves.start = start;
    gemm_group g = { .m = M,
        .n = N,
        .k = start[count],
        .a = f->a + starts[first] * M,
        .a_stride = M,
        .b = matrix_of_floats(f->b + starts[first] * N, N),
        .c = out,
        .c_stride = N };
    leaves_multiply(f->c, &f->leaves, &g, 1, false);
}

static void one_leaf(fixture *f, int leaf, real *out)
{
    leaf_run run = { 0, 1, LEAF_WRITE, 0 };
    multiply(f, leaf, 1, &run, 1, out);
}

static void add(real *to, const real *from)
{
    for (int i = 0; i < M * N; i++) to[i] += from[i];
}

/* (01 + 23) + 45, from the leaves' own sums */
static void by_hand(fixture *f, real *out)
{
    static real leaf[LEAVES][M * N];
    for (int i = 0; i < LEAVES; i++) one_leaf(f, i, leaf[i]);
    add(leaf[0], leaf[1]), add(leaf[2], leaf[3]), add(leaf[4], leaf[5]);
    add(leaf[0], leaf[2]), add(leaf[0], leaf[4]);
    memcpy(out, leaf[0], sizeof leaf[0]);
}

static void test_the_tree(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        fixture *f = fixture_new(threads);
        leaf_run all = { 0, LEAVES, LEAF_WRITE, 0 };
        by_hand(f, f->c_sum[0]);
        multiply(f, 0, LEAVES, &all, 1, f->c_sum[1]);
        assert_memory_equal(f->c_sum[0], f->c_sum[1], sizeof f->c_sum[0]);
        fixture_free(f);
    }
}

/* Trap: adding the halves of a node in another order, or a leaf at a time. */
static void test_a_node_is_added_to_its_left_half(void **state)
{
    (void)state;
    fixture *f = fixture_new(2);
    leaf_run left = { 0, 4, LEAF_WRITE, 0 }, right = { 0, 2, LEAF_ADD, 0 };
    by_hand(f, f->c_sum[0]);
    multiply(f, 0, 4, &left, 1, f->c_sum[1]);
    multiply(f, 4, 2, &right, 1, f->c_sum[1]);
    assert_memory_equal(f->c_sum[0], f->c_sum[1], sizeof f->c_sum[0]);
    fixture_free(f);
}

static void test_a_leaf_goes_on(void **state)
{
    (void)state;
    fixture *f = fixture_new(1);
    static real whole[M * N], pieces[M * N];
    one_leaf(f, 5, whole);
    int64_t start[] = { 0, 3 };
    for (int piece = 0; piece < 2; piece++) {
        leaf_run run = { 0, 1, piece ? LEAF_CONTINUE : LEAF_WRITE, 0 };
        int64_t first = starts[5] + 3 * piece;
        start[1] = piece ? TOKENS - first : 3;
        f->leaves.runs = 1, f->leaves.run = &run, f->leaves.start = start;
        gemm_group g = { .m = M,
            .n = N,
            .k = start[1],
            .a = f->a + first * M,
            .a_stride = M,
            .b = matrix_of_floats(f->b + first * N, N),
            .c = pieces,
            .c_stride = N };
        leaves_multiply(f->c, &f->leaves, &g, 1, false);
    }
    assert_memory_equal(whole, pieces, sizeof whole);
    fixture_free(f);
}

/* ---- other sums ---- */

static void add_columns(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const fixture *f = arg;
    for (int64_t t = token; t < token_end; t++)
        for (int64_t i = begin; i < end; i++) to[i - begin] += f->b[t * N + i];
}

static void test_columns_are_summed_alike(void **state)
{
    (void)state;
    fixture *f = fixture_new(2);
    real sum[N], whole[N], leaf[LEAVES][N];
    leaf_run all = { 0, LEAVES, LEAF_WRITE, 0 };
    f->leaves.runs = 1, f->leaves.run = &all, f->leaves.start = starts;
    leaf_sum s = { TOKENS, N, 1 << 20, false, add_columns, f };
    leaves_sum(f->c, &f->leaves, &s, sum);
    leaves_sum_whole(f->c, &f->leaves, &s, whole);
    memset(leaf, 0, sizeof leaf);
    for (int i = 0; i < LEAVES; i++) add_columns(f, starts[i], starts[i + 1], 0, N, leaf[i]);
    for (int i = 0; i < N; i++) {
        real want = (leaf[0][i] + leaf[1][i]) + (leaf[2][i] + leaf[3][i]);
        want += leaf[4][i] + leaf[5][i];
        assert_true(sum[i] == want && whole[i] == want);
    }
    fixture_free(f);
}

static void add_ones(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    (void)arg;
    for (int64_t i = begin; i < end; i++) to[i - begin] += (real)((token_end - token) * (i % 7));
}

/* Trap: a sum that is larger than what all workers compute at a time. */
static void test_large_sums_have_room(void **state)
{
    (void)state;
    fixture *f = fixture_new(2);
    static real sum[WHOLE];
    leaf_run all = { 0, LEAVES, LEAF_WRITE, 0 };
    f->leaves.runs = 1, f->leaves.run = &all, f->leaves.start = starts;
    assert_true(WHOLE > 2 * f->leaves.chunk);
    leaf_sum s = { TOKENS, WHOLE, 0, false, add_ones, NULL };
    leaves_sum_whole(f->c, &f->leaves, &s, sum);
    for (int i = 0; i < WHOLE; i++) assert_true(sum[i] == (real)(TOKENS * (i % 7)));
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tree),
        cmocka_unit_test(test_a_node_is_added_to_its_left_half),
        cmocka_unit_test(test_a_leaf_goes_on),
        cmocka_unit_test(test_columns_are_summed_alike),
        cmocka_unit_test(test_large_sums_have_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

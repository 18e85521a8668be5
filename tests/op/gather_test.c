/* gather_test.c - columns that ranks computed, side by side: one row and many, equal and unequal
 * parts, one matrix and two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "op/gather.h"
#include "support/succeeds.h"
#include "support/thread_comm.h"

enum { MOST_ROWS = 5, COLS = 14, OTHER = 6, MOST_RANKS = 4 };

/* What every rank gathers, and what came of it on each: checked when all have ended. */
typedef struct gathering {
    int64_t rows, pieces;
    bool together, scratch, copied;
    real x[MOST_RANKS][MOST_ROWS * COLS], y[MOST_RANKS][MOST_ROWS * OTHER];
} gathering;

static real element(int matrix, int64_t row, int64_t col)
{
    return (real)(matrix * 1000 + row * 100 + col);
}

/* A rank's own columns; -1 stands where another's belong. */
static void fill_own(
    const column_gather *g, int matrix, int64_t rows, int64_t cols, int64_t pieces, real *x)
{
    int64_t first = gather_first(g, cols, pieces), own = gather_own(g, cols, pieces);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++)
            x[r * cols + c] = c >= first && c < first + own ? element(matrix, r, c) : -1;
}

static void gather_on(comm *world, void *arg)
{
    gathering *k = arg;
    real scratch[MOST_ROWS * (COLS + OTHER)];
    const column_gather g = {
        .ranks = world, .scratch = k->scratch ? scratch : NULL, .most = MOST_ROWS * (COLS + OTHER)
    };
    real *x = k->x[world->rank], *y = k->y[world->rank];
    fill_own(&g, 0, k->rows, COLS, k->pieces, x);
    fill_own(&g, 1, k->rows, OTHER, OTHER, y);
    const gathered both[] = { { COLS, k->pieces, x }, { OTHER, OTHER, y } };
    if (k->copied) {
        real packed[MOST_ROWS * COLS];
        int64_t first = gather_first(&g, COLS, k->pieces), own = gather_own(&g, COLS, k->pieces);
        for (int64_t r = 0; r < k->rows; r++)
            for (int64_t c = 0; c < own; c++) packed[r * (own + 1) + c] = element(0, r, first + c);
        for (int64_t i = 0; i < k->rows * COLS; i++) x[i] = -1;
        gather_copied(&g, k->rows, packed, own + 1, COLS, k->pieces, x);
    } else if (k->together) gather_together(&g, k->rows, both, 2);
    else gather_columns(&g, k->rows, COLS, k->pieces, x);
}

static void check_all(const gathering *k, int ranks)
{
    for (int rank = 0; rank < ranks; rank++)
        for (int64_t r = 0; r < k->rows; r++) {
            for (int64_t c = 0; c < COLS; c++)
                assert_true(k->x[rank][r * COLS + c] == element(0, r, c));
            for (int64_t c = 0; k->together && c < OTHER; c++)
                assert_true(k->y[rank][r * OTHER + c] == element(1, r, c));
        }
}

static void run(int ranks, int64_t rows, int64_t pieces, bool together, bool scratch)
{
    static gathering k;
    k = (gathering){ .rows = rows, .pieces = pieces, .together = together, .scratch = scratch };
    succeeds(thread_comm_run(ranks, 60, gather_on, &k));
    check_all(&k, ranks);
}

/* 14 columns: 7 pieces of two, which 2, 3 and 4 ranks do not divide evenly, or 14 of one */
static void columns(void **state)
{
    (void)state;
    for (int ranks = 2; ranks <= MOST_RANKS; ranks++)
        for (int64_t rows = 1; rows <= MOST_ROWS; rows += 2)
            for (int64_t pieces = 7; pieces <= 14; pieces += 7) {
                run(ranks, rows, pieces, false, true);
                run(ranks, rows, pieces, false, false);
            }
}

static void two_matrices(void **state)
{
    (void)state;
    for (int ranks = 2; ranks <= MOST_RANKS; ranks++)
        for (int64_t rows = 1; rows <= MOST_ROWS; rows += 2) {
            run(ranks, rows, 7, true, true);
            run(ranks, rows, 7, true, false);
        }
}

/* A rank's own columns lie elsewhere, in longer rows. */
static void copied(void **state)
{
    (void)state;
    static gathering k;
    for (int ranks = 2; ranks <= MOST_RANKS; ranks++) {
        k = (gathering){ .rows = 3, .pieces = 7, .scratch = true, .copied = true };
        succeeds(thread_comm_run(ranks, 60, gather_on, &k));
        check_all(&k, ranks);
    }
}

/* Without ranks everything is this one's own, and nothing is touched. */
static void alone(void **state)
{
    (void)state;
    real x[COLS] = { 0 };
    gather_columns(NULL, 1, COLS, COLS, x);
    gather_columns(&(column_gather){ 0 }, 1, COLS, COLS, x);
    assert_int_equal(gather_first(NULL, COLS, 7), 0);
    assert_int_equal(gather_own(NULL, COLS, 7), COLS);
    assert_int_equal(gather_own(&(column_gather){ 0 }, COLS, 7), COLS);
    for (int i = 0; i < COLS; i++) assert_true(x[i] == 0);
}

/* Shares are neighbours, cover everything, and differ by at most one. */
static void shares(void **state)
{
    (void)state;
    for (int32_t parts = 1; parts <= 9; parts++)
        for (int64_t n = parts; n <= 40; n++) {
            assert_int_equal(share_begin(n, 0, parts), 0);
            assert_int_equal(share_begin(n, parts, parts), n);
            for (int32_t i = 0; i < parts; i++) {
                int64_t own = share_begin(n, i + 1, parts) - share_begin(n, i, parts);
                assert_true(own == n / parts || own == n / parts + 1);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns),
        cmocka_unit_test(two_matrices),
        cmocka_unit_test(copied),
        cmocka_unit_test(alone),
        cmocka_unit_test(shares),
    };
    return cmocka_run_group_tests_name("columns of several ranks", tests, NULL, NULL);
}

/* expert_pairs_test.c - pairs of small matrices beside experts: what they add, gradients by all of
 * them, gate and up as one pair, and any cut of the tokens. */
#include "kernel/context.h"
#include "moe/experts.h"
#include "op/low_rank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/gradient.h"
#include "support/near.h"

/* Expert 1 has no rows. */
enum { T = 6, E = 3, D = 5, H = 7, R = 2, ROWS = 8 };

static const int64_t first[E + 1] = { 0, 5, 5, 8 };
static const int32_t token[ROWS] = { 0, 1, 2, 4, 5, 0, 3, 4 };
static const real row_weight[ROWS] = { 0.5, 1.5, 0.25, 2, 1, 0.75, 1.25, 0.5 };
static const int32_t edge[ROWS] = { 0, 1, 2, 3, 4, 5, 6, 7 };

typedef enum kinds { APART, TOGETHER } kinds;

typedef struct layer {
    compute *c;
    kinds kind;
    real x[T * D], dy[T * D], gate[E][H * D], up[E][H * D], down[E][D * H];
    real ga[E][R * D], gb[E][2 * H * R], ua[E][R * D], ub[E][H * R], da[E][R * H], db[E][D * R];
    real dga[E][R * D], dgb[E][2 * H * R], dua[E][R * D], dub[E][H * R], dda[E][R * H],
        ddb[E][D * R];
    low_rank gp[E], up_pairs[E], dp[E];
    real pre[ROWS * 2 * H], act[ROWS * H], out[ROWS * D], dx[ROWS * D], wdy[ROWS * D];
} layer;

static low_rank pair_of(int64_t in, int64_t out, real *a, real *b, real *da, real *db)
{
    return (low_rank){ R, in, out, (real)1.5, a, b, da, db };
}

static void layer_fill(layer *l, kinds kind)
{
    memset(l, 0, sizeof *l);
    l->kind = kind;
    gradient_fill(l->x, T * D, 1, 1);
    gradient_fill(l->dy, T * D, 2, 1);
    gradient_fill(&l->gate[0][0], E * H * D, 3, 1);
    gradient_fill(&l->up[0][0], E * H * D, 4, 1);
    gradient_fill(&l->down[0][0], E * D * H, 5, 1);
    gradient_fill(&l->ga[0][0], E * R * D, 6, 1);
    gradient_fill(&l->gb[0][0], E * 2 * H * R, 7, 1);
    gradient_fill(&l->ua[0][0], E * R * D, 8, 1);
    gradient_fill(&l->ub[0][0], E * H * R, 9, 1);
    gradient_fill(&l->da[0][0], E * R * H, 10, 1);
    gradient_fill(&l->db[0][0], E * D * R, 11, 1);
    for (int e = 0; e < E; e++) {
        int64_t out = kind == TOGETHER ? 2 * H : H;
        l->gp[e] = pair_of(D, out, l->ga[e], l->gb[e], l->dga[e], l->dgb[e]);
        l->up_pairs[e] = pair_of(D, H, l->ua[e], l->ub[e], l->dua[e], l->dub[e]);
        l->dp[e] = pair_of(H, D, l->da[e], l->db[e], l->dda[e], l->ddb[e]);
    }
    assert_int_equal(compute_new(2, NULL, &l->c), CADRE_OK);
    assert_int_equal(low_rank_reserve(l->c, ROWS, R), CADRE_OK);
    for (int r = 0; r < ROWS; r++)
        for (int d = 0; d < D; d++) l->wdy[r * D + d] = row_weight[r] * l->dy[token[r] * D + d];
}

static weight view(const void *const *pointers, int64_t rows, int64_t cols, const low_rank *pairs)
{
    return (weight){
        .rows = rows, .cols = cols, .stride = cols, .experts = E, .expert = pointers, .pairs = pairs
    };
}

/* Forward, and backward where begin < end: over the rows of `first`, all of them. */
static void run(layer *l, bool back, bool accumulate)
{
    const void *gate[E], *up[E], *down[E];
    gemm_group group[2 * E];
    int32_t wanted[E];
    for (int i = 0; i < E; i++) gate[i] = l->gate[i], up[i] = l->up[i], down[i] = l->down[i];
    expert_weights w = { .gate = view(gate, H, D, l->gp),
        .up = view(up, H, D, l->kind == APART ? l->up_pairs : NULL),
        .down = view(down, D, H, l->dp) };
    expert_gradients into = { .accumulate = accumulate };
    expert_pass p = { .compute = l->c,
        .weights = &w,
        .form = row_activation_by_name(l->c->variant->rows, "swiglu"),
        .limit = REAL_INF,
        .width = D,
        .hidden = H,
        .rows = { E, first, token, edge, row_weight, false, false },
        .pre = l->pre,
        .act = l->act,
        .group = group,
        .wanted = wanted };
    assert_int_equal(experts_forward(&p, l->x, l->out), CADRE_OK);
    if (back) experts_backward(&p, l->x, l->dy, &into, NULL, l->dx, false);
}

static void forward(void *state) { run(state, false, false); }

/* The same with the pairs added to the matrices */
static void merge(layer *l)
{
    for (int e = 0; e < E; e++) {
        for (int64_t h = 0; h < H; h++)
            for (int64_t d = 0; d < D; d++)
                for (int64_t r = 0; r < R; r++) {
                    bool both = l->kind == TOGETHER;
                    real u = both ? l->gb[e][(H + h) * R + r] * l->ga[e][r * D + d]
                                  : l->ub[e][h * R + r] * l->ua[e][r * D + d];
                    l->gate[e][h * D + d] += (real)1.5 * l->gb[e][h * R + r] * l->ga[e][r * D + d];
                    l->up[e][h * D + d] += (real)1.5 * u;
                    l->down[e][d * H + h] += (real)1.5 * l->db[e][d * R + r] * l->da[e][r * H + h];
                }
    }
    memset(l->gb, 0, sizeof l->gb);
    memset(l->ub, 0, sizeof l->ub);
    memset(l->db, 0, sizeof l->db);
}

static void check_values(kinds kind)
{
    static layer l, merged;
    layer_fill(&l, kind);
    layer_fill(&merged, kind);
    merge(&merged);
    run(&l, false, false);
    run(&merged, false, false);
    for (int i = 0; i < ROWS * D; i++) assert_near("out", i, l.out[i], (double)merged.out[i]);
    compute_free(l.c);
    compute_free(merged.c);
}

static void test_values(void **state)
{
    (void)state;
    check_values(APART);
    check_values(TOGETHER);
}

/* dx_rows is by row: x of each token is varied through its rows, so their sum is the gradient. */
static void check_gradients(kinds kind)
{
    static layer l;
    real dx[T * D] = { 0 };
    layer_fill(&l, kind);
    run(&l, true, false);
    for (int r = 0; r < ROWS; r++)
        for (int d = 0; d < D; d++) dx[token[r] * D + d] += l.dx[r * D + d];
    gradient_loss loss = {
        .forward = forward, .state = &l, .part = { { l.out, l.wdy, ROWS * D } }
    };
    gradient_check(&loss, "x", l.x, dx, T * D);
    gradient_check(&loss, "gate's a", l.ga[0], l.dga[0], E * R * D);
    for (int e = 0; e < E; e++)
        gradient_check(&loss, "gate's b", l.gb[e], l.dgb[e], l.gp[e].out * R);
    if (kind == APART) {
        gradient_check(&loss, "up's a", l.ua[0], l.dua[0], E * R * D);
        gradient_check(&loss, "up's b", l.ub[0], l.dub[0], E * H * R);
    }
    gradient_check(&loss, "down's a", l.da[0], l.dda[0], E * R * H);
    gradient_check(&loss, "down's b", l.db[0], l.ddb[0], E * D * R);
    compute_free(l.c);
}

static void test_gradients(void **state)
{
    (void)state;
    check_gradients(APART);
    check_gradients(TOGETHER);
}

/* An expert without rows has gradients of zeros, whatever was there. */
static void test_expert_without_rows(void **state)
{
    (void)state;
    static layer l;
    layer_fill(&l, APART);
    gradient_fill(l.dga[1], R * D, 1, 1);
    gradient_fill(l.ddb[1], D * R, 2, 1);
    run(&l, true, false);
    for (int i = 0; i < R * D; i++) assert_true(l.dga[1][i] == 0);
    for (int i = 0; i < D * R; i++) assert_true(l.ddb[1][i] == 0);
    compute_free(l.c);
}

static void test_accumulates(void **state)
{
    (void)state;
    static layer l;
    layer_fill(&l, TOGETHER);
    run(&l, true, false);
    double once = (double)l.dgb[0][3], down = (double)l.dda[2][1];
    run(&l, true, true);
    assert_near("gate's b", 3, l.dgb[0][3], 2 * once);
    assert_near("down's a", 1, l.dda[2][1], 2 * down);
    compute_free(l.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_expert_without_rows),
        cmocka_unit_test(test_accumulates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* low_rank.c - products with narrow matrices, between which the narrow rows of all pairs of a call
 * lie one after another. */
#include "op/low_rank.h"

#include <assert.h>

#include "base/memory.h"
#include "kernel/gemm.h"
#include "kernel/rows.h"

size_t low_rank_bytes(int64_t rows, int64_t rank)
{
    return 2 * (size_t)(rows * rank) * sizeof(real);
}

cadre_status low_rank_reserve(compute *c, int64_t rows, int64_t rank)
{
    int64_t room = 2 * rows * rank;
    if (room <= c->pair_room) return CADRE_OK;
    real *made = MEM_ARRAY(real, room);
    if (!made) return CADRE_ENOMEM;
    mem_free(c->pair_scratch);
    c->pair_scratch = made;
    c->pair_room = room;
    return CADRE_OK;
}

/* Elements of the narrow rows of the first `count` calls */
static int64_t narrow(const pair_call *calls, int64_t count)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++) sum += calls[i].count * calls[i].pair->rank;
    return sum;
}

static gemm_group narrow_group(
    const pair_call *p, const pair_rows *from, const real *b, int64_t k, real *to)
{
    return (gemm_group){ .m = p->count,
        .n = p->pair->rank,
        .k = k,
        .a = from->at,
        .a_stride = from->stride,
        .a_rows = from->rows,
        .b = matrix_of_floats(b, k),
        .c = to,
        .c_stride = p->pair->rank };
}

static void scale_narrow(compute *c, const pair_call *calls, int64_t count, real *low)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t elements = narrow(&calls[i], 1);
        c->variant->rows->scale(elements, calls[i].pair->scale, low, low);
        low += elements;
    }
}

/* low = s x a^T */
static void multiply_down(compute *c, const pair_call *calls, int64_t count, real *low)
{
    gemm_group group[LOW_RANK_PAIRS];
    real *at = low;
    for (int64_t i = 0; i < count; at += narrow(&calls[i++], 1))
        group[i] = narrow_group(&calls[i], &calls[i].x, calls[i].pair->a, calls[i].pair->in, at);
    gemm_grouped(c, GEMM_NT, group, count, false);
    scale_narrow(c, calls, count, low);
}

/* dlow = s dy b */
static void multiply_up_backward(compute *c, const pair_call *calls, int64_t count, real *dlow)
{
    gemm_group group[LOW_RANK_PAIRS];
    real *at = dlow;
    for (int64_t i = 0; i < count; at += narrow(&calls[i++], 1)) {
        const low_rank *pair = calls[i].pair;
        group[i] = narrow_group(&calls[i], &calls[i].dy, pair->b, pair->out, at);
        group[i].b = matrix_of_floats(pair->b, pair->rank);
    }
    gemm_grouped(c, GEMM_NN, group, count, false);
    scale_narrow(c, calls, count, dlow);
}

/* One product of the narrow rows that is added to wide ones: y += low b^T, or dx += dlow a. */
static void widen(
    compute *c, gemm_kind kind, const pair_call *calls, int64_t count, const real *low)
{
    gemm_group group[LOW_RANK_PAIRS];
    int64_t wanted = 0;
    for (int64_t i = 0; i < count; low += narrow(&calls[i++], 1)) {
        const low_rank *pair = calls[i].pair;
        bool up = kind == GEMM_NT;
        if (calls[i].to)
            group[wanted++] = (gemm_group){ .m = calls[i].count,
                .n = up ? pair->out : pair->in,
                .k = pair->rank,
                .a = low,
                .a_stride = pair->rank,
                .b = up ? matrix_of_floats(pair->b, pair->rank)
                        : matrix_of_floats(pair->a, pair->in),
                .c = calls[i].to,
                .c_stride = calls[i].to_stride };
    }
    gemm_grouped(c, kind, group, wanted, true);
}

void low_rank_forward(compute *c, const pair_call *calls, int64_t count)
{
    assert(count <= LOW_RANK_PAIRS && 2 * narrow(calls, count) <= c->pair_room);
    multiply_down(c, calls, count, c->pair_scratch);
    widen(c, GEMM_NT, calls, count, c->pair_scratch);
}

/* db (+)= dy^T low, da (+)= dlow^T x */
static void gradients(compute *c, const pair_call *calls, int64_t count, const leaf_list *leaves,
    bool accumulate, const real *dlow, const real *low)
{
    gemm_group group[2 * LOW_RANK_PAIRS];
    int64_t wanted = 0;
    for (int64_t i = 0; i < count; i++) {
        const pair_call *p = &calls[i];
        const low_rank *pair = p->pair;
        group[wanted++] = (gemm_group){ .m = pair->out,
            .n = pair->rank,
            .k = p->count,
            .a = p->dy.at,
            .a_stride = p->dy.stride,
            .a_rows = p->dy.rows,
            .b = matrix_of_floats(low, pair->rank),
            .c = pair->db,
            .c_stride = pair->rank };
        group[wanted++] = (gemm_group){ .m = pair->rank,
            .n = pair->in,
            .k = p->count,
            .a = dlow,
            .a_stride = pair->rank,
            .b = matrix_of_floats(p->x.at, p->x.stride),
            .b_rows = p->x.rows,
            .c = pair->da,
            .c_stride = pair->in };
        low += narrow(p, 1), dlow += narrow(p, 1);
    }
    leaves_multiply(c, leaves, group, wanted, accumulate);
}

void low_rank_backward(
    compute *c, const pair_call *calls, int64_t count, const leaf_list *leaves, bool accumulate)
{
    real *dlow = c->pair_scratch, *low = dlow + narrow(calls, count);
    assert(count <= LOW_RANK_PAIRS && 2 * narrow(calls, count) <= c->pair_room);
    multiply_up_backward(c, calls, count, dlow);
    widen(c, GEMM_NN, calls, count, dlow);
    if (!count || !calls[0].x.at || !calls[0].pair->da) return;
    multiply_down(c, calls, count, low);
    gradients(c, calls, count, leaves, accumulate, dlow, low);
}

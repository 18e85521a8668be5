/* expert_pairs.c - says which rows each expert's pairs read and write. */
#include "moe/expert_pairs.h"

#include "moe/expert_rows.h"
#include "op/low_rank.h"

/* The calls of several experts' pairs, which are computed together */
typedef struct pair_list {
    const expert_pass *e;
    const expert_gradients *g; /* NULL: forward */
    int64_t count;
    pair_call call[LOW_RANK_PAIRS];
} pair_list;

static void compute_pairs(pair_list *l)
{
    if (!l->g) low_rank_forward(l->e->compute, l->call, l->count);
    else low_rank_backward(l->e->compute, l->call, l->count, l->g->leaves, l->g->accumulate);
    l->count = 0;
}

static void add(pair_list *l, const pair_call *call)
{
    l->call[l->count++] = *call;
    if (l->count == LOW_RANK_PAIRS) compute_pairs(l);
}

static int64_t pre_width(const expert_pass *e) { return e->form->inputs * e->hidden; }

/* The rows [T, D] or [R, D] that an expert reads, or whose gradients it gets */
static pair_rows wide_rows(const expert_pass *e, int64_t i, bool by_row, const real *x)
{
    return (pair_rows){ start_of(e, i, by_row, x), e->width, tokens_of(e, i, by_row) };
}

/* `gate` first (or both), then `up` */
static const weight *input_of(const expert_pass *e, int half)
{
    return half ? &e->weights->up : &e->weights->gate;
}

/* ---- forward ---- */

void expert_pairs_add_inputs(
    const expert_pass *e, const expert_wave *wave, const real *x, real *pre)
{
    pair_list l = { .e = e };
    for (int half = 0; half < e->form->inputs; half++) {
        const low_rank *pairs = input_of(e, half)->pairs;
        for (int32_t j = 0; pairs && j < wave->held; j++) {
            int64_t i = wave->experts[j];
            add(&l, &(pair_call){ .pair = &pairs[i],
                        .count = rows_of(e, i),
                        .x = wide_rows(e, i, e->rows.x_by_row, x),
                        .to = pre + e->rows.first[i] * pre_width(e) + half * e->hidden,
                        .to_stride = pre_width(e) });
        }
        if (l.count) compute_pairs(&l);
    }
}

void expert_pairs_add_output(
    const expert_pass *e, const expert_wave *wave, const real *act, real *out)
{
    pair_list l = { .e = e };
    const low_rank *pairs = e->weights->down.pairs;
    for (int32_t j = 0; pairs && j < wave->held; j++) {
        int64_t i = wave->experts[j];
        add(&l, &(pair_call){ .pair = &pairs[i],
                    .count = rows_of(e, i),
                    .x = { act + e->rows.first[i] * e->hidden, e->hidden, NULL },
                    .to = out + e->rows.first[i] * e->width,
                    .to_stride = e->width });
    }
    if (l.count) compute_pairs(&l);
}

/* ---- backward ---- */

void expert_pairs_output_backward(const expert_pass *e, const real *dy, real *da)
{
    static const expert_gradients none = { 0 };
    pair_list l = { .e = e, .g = &none };
    const low_rank *pairs = e->weights->down.pairs;
    for (int32_t i = 0; pairs && i < e->rows.experts; i++)
        if (rows_of(e, i))
            add(&l, &(pair_call){ .pair = &pairs[i],
                        .count = rows_of(e, i),
                        .dy = wide_rows(e, i, e->rows.dy_by_row, dy),
                        .to = da + e->rows.first[i] * e->hidden,
                        .to_stride = e->hidden });
    if (l.count) compute_pairs(&l);
}

void expert_pairs_output_gradients(
    const expert_pass *e, const real *dy, const real *act, const expert_gradients *g)
{
    pair_list l = { .e = e, .g = g };
    const low_rank *pairs = e->weights->down.pairs;
    for (int32_t i = 0; pairs && i < e->rows.experts; i++)
        add(&l, &(pair_call){ .pair = &pairs[i],
                    .count = rows_of(e, i),
                    .x = { act + e->rows.first[i] * e->hidden, e->hidden, NULL },
                    .dy = wide_rows(e, i, e->rows.dy_by_row, dy) });
    if (l.count) compute_pairs(&l);
}

void expert_pairs_inputs_backward(
    const expert_pass *e, const real *x, const real *dpre, const expert_gradients *g, real *dx_rows)
{
    pair_list l = { .e = e, .g = g };
    for (int half = 0; half < e->form->inputs; half++) {
        const low_rank *pairs = input_of(e, half)->pairs;
        for (int32_t i = 0; pairs && i < e->rows.experts; i++)
            add(&l, &(pair_call){ .pair = &pairs[i],
                        .count = rows_of(e, i),
                        .x = wide_rows(e, i, e->rows.x_by_row, x),
                        .dy = { dpre + e->rows.first[i] * pre_width(e) + half * e->hidden,
                            pre_width(e), NULL },
                        .to = dx_rows + e->rows.first[i] * e->width,
                        .to_stride = e->width });
        if (l.count) compute_pairs(&l); /* both halves add to the same rows */
    }
}

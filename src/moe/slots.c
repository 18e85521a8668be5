/* slots.c - router soft: an expert reads slots that are mixtures of a sequence's tokens, and a
 * token gets a mixture of all slots' outputs. The outputs [R, W] are kept for the gradients by the
 * mixtures.
 *
 *     x_row = sum over the sequence's tokens of D x;  y_t = sum over slots of C out
 *
 * These are products of matrices, a sequence after another. A sequence's rows lie in blocks: an
 * expert's P slots stand together, then those of the other sequences (router_soft.c, lay_rows).
 * Where there is one sequence, or one slot an expert, its rows are all one block with a stride. */
#include "moe/slots.h"

#include "moe/layer_run.h"

typedef struct slot_product {
    layer_run *r;
    int64_t slots;        /* E P, the columns of all weights */
    int64_t blocks, size; /* of a sequence's rows: how many, of how many rows */
    int64_t stride;       /* rows from one of a block to the next */
    gemm_kind kind;
    bool accumulate;
    gemm_group *group; /* [2 E] that are not computed yet */
    int64_t count;
} slot_product;

static slot_product product_of(layer_run *r, gemm_kind kind, bool accumulate)
{
    int64_t experts = r->c->experts, each = r->c->route.slots,
            sequences = r->call->batch->sequences;
    bool one = sequences == 1 || each == 1;
    return (slot_product){ .r = r,
        .slots = experts * each,
        .blocks = one ? 1 : experts,
        .size = one ? experts * each : each,
        .stride = each == 1 ? sequences : 1,
        .kind = kind,
        .accumulate = accumulate,
        .group = r->scratch.group };
}

/* The first row of a sequence's block. */
static int64_t row_of(const slot_product *p, int64_t sequence, int64_t block)
{
    int64_t each = p->r->c->route.slots;
    return (block * p->r->call->batch->sequences + sequence) * each;
}

static void flush(slot_product *p)
{
    gemm_grouped(p->r->call->compute, p->kind, p->group, p->count, p->accumulate);
    p->count = 0;
}

static void add_group(slot_product *p, gemm_group group)
{
    if (p->count == 2 * (int64_t)p->r->c->experts) flush(p);
    p->group[p->count++] = group;
}

/* to[row] = sum over the sequence's tokens of w[t, slot] from[t]; w [T, E P], from [T, W] */
static void mix_rows(layer_run *r, const real *w, const real *from, real *to)
{
    slot_product p = product_of(r, GEMM_TN, false);
    const int64_t *start = r->call->batch->start, width = r->c->width;
    for (int64_t s = 0; s < r->call->batch->sequences; s++)
        for (int64_t b = 0; b < p.blocks; b++)
            add_group(&p, (gemm_group){ .m = p.size,
                              .n = width,
                              .k = start[s + 1] - start[s],
                              .a = w + start[s] * p.slots + b * p.size,
                              .a_stride = p.slots,
                              .b = matrix_of_floats(from + start[s] * width, width),
                              .c = to + row_of(&p, s, b) * width,
                              .c_stride = p.stride * width });
    flush(&p);
}

/* to[t] += sum over slots of w[t, slot] from[row]: block after block, for each adds to the same
 * rows */
static void mix_tokens(layer_run *r, const real *w, const real *from, real *to)
{
    slot_product p = product_of(r, GEMM_NN, true);
    const int64_t *start = r->call->batch->start, width = r->c->width;
    for (int64_t b = 0; b < p.blocks; b++, flush(&p))
        for (int64_t s = 0; s < r->call->batch->sequences; s++)
            add_group(
                &p, (gemm_group){ .m = start[s + 1] - start[s],
                        .n = width,
                        .k = p.size,
                        .a = w + start[s] * p.slots + b * p.size,
                        .a_stride = p.slots,
                        .b = matrix_of_floats(from + row_of(&p, s, b) * width, p.stride * width),
                        .c = to + start[s] * width,
                        .c_stride = width });
}

/* dw[t, slot] = <tokens[t], rows[row]> */
static void mix_gradient(layer_run *r, const real *tokens, const real *rows, real *dw)
{
    slot_product p = product_of(r, GEMM_NT, false);
    const int64_t *start = r->call->batch->start, width = r->c->width;
    for (int64_t s = 0; s < r->call->batch->sequences; s++)
        for (int64_t b = 0; b < p.blocks; b++)
            add_group(
                &p, (gemm_group){ .m = start[s + 1] - start[s],
                        .n = p.size,
                        .k = width,
                        .a = tokens + start[s] * width,
                        .a_stride = width,
                        .b = matrix_of_floats(rows + row_of(&p, s, b) * width, p.stride * width),
                        .c = dw + start[s] * p.slots + b * p.size,
                        .c_stride = p.slots });
    flush(&p);
}

void slots_gather(layer_run *r, const real *x)
{
    mix_rows(r, slot_weights_of(&r->routing).dispatch, x, r->s->input_rows);
}

void slots_combine(layer_run *r, real *y)
{
    mix_tokens(r, slot_weights_of(&r->routing).combine, r->s->out_rows, y);
}

void slots_spread(layer_run *r, const real *dy)
{
    mix_rows(r, slot_weights_of(&r->routing).combine, dy, r->scratch.dy_rows);
}

void slots_weights_backward(layer_run *r, const real *dy, const real *x)
{
    slot_weights w = slot_weights_of(&r->routing);
    mix_gradient(r, dy, r->s->out_rows, w.dcombine);
    mix_gradient(r, x, r->scratch.rows, w.ddispatch);
}

void slots_scatter(layer_run *r, real *dx)
{
    mix_tokens(r, slot_weights_of(&r->routing).dispatch, r->scratch.rows, dx);
}

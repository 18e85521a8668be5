/* embedding.c - the forward pass is shared out by tokens; the backward pass, a sum over tokens, by
 * columns. */
#include "op/embedding.h"

#include <assert.h>

#include "op/parallel.h"

typedef struct embedding_task {
    const row_kernels *rows;
    const weight *table;
    int64_t tokens, width, stride;
    real scale;
    const int32_t *ids;
    const real *dx;
    real *x, *dtable;
} embedding_task;

/* One stored row as reals, a piece of whole number-format blocks at a time. */
static void unpack_row(const weight *table, int64_t id, real *x)
{
    enum { PIECE = 256 };
    float piece[PIECE];
    const number_format *f = table->format;
    const char *row = (const char *)table->data + (size_t)id * number_row_bytes(f, table->stride);
    for (int64_t i = 0; i < table->cols; i += PIECE) {
        int64_t n = table->cols - i < PIECE ? table->cols - i : PIECE;
        f->unpack(row + number_row_bytes(f, i), piece, n);
        number_apply_factors(&table->factors, id, i, n, piece);
        for (int64_t j = 0; j < n; j++) x[i + j] = (real)piece[j];
    }
}

static void forward_rows(void *arg, int64_t begin, int64_t end)
{
    const embedding_task *e = arg;
    const weight *table = e->table;
    for (int64_t t = begin; t < end; t++) {
        assert(e->ids[t] >= 0 && e->ids[t] < table->rows);
        int64_t id = e->ids[t];
        real *x = e->x + t * e->stride;
        const real *from = x;
        if (table->format) unpack_row(table, id, x);
        else from = (const real *)table->data + id * table->stride;
        e->rows->scale(table->cols, e->scale, from, x);
    }
}

/* x = scale table[id]:  dtable[id] += scale dx */
static void backward_columns(void *arg, int64_t begin, int64_t end)
{
    const embedding_task *e = arg;
    for (int64_t t = 0; t < e->tokens; t++)
        e->rows->axpy(end - begin, e->scale, e->dx + t * e->stride + begin,
            e->dtable + e->ids[t] * e->width + begin);
}

void embedding_forward(const compute *c, const weight *table, real scale, int64_t tokens,
    const int32_t *ids, real *x, int64_t x_stride)
{
    embedding_task e = { .rows = c->variant->rows,
        .table = table,
        .scale = scale,
        .ids = ids,
        .x = x,
        .stride = x_stride };
    parallel_over(c, tokens, 1, tokens * table->cols, forward_rows, &e);
}

void embedding_backward(const compute *c, int64_t width, real scale, int64_t tokens,
    const int32_t *ids, const real *dx, int64_t dx_stride, real *dtable)
{
    embedding_task e = { .rows = c->variant->rows,
        .tokens = tokens,
        .width = width,
        .scale = scale,
        .ids = ids,
        .dx = dx,
        .stride = dx_stride,
        .dtable = dtable };
    parallel_over(c, width, ROW_LANES, tokens * width, backward_columns, &e);
}

/* embedding.c - workers share the tokens of the forward pass, and the columns of the backward pass,
 * which is a sum over tokens. */
#include "op/embedding.h"

#include <assert.h>
#include <string.h>

#include "op/parallel.h"

typedef struct embedding_task {
    const row_kernels *rows;
    const embedding *e;
    int64_t tokens;
    const int32_t *ids;
    strided_out x;
    strided_in dx;
} embedding_task;

/* Unpacks a stored row to floats, some blocks of its number format at a time. */
static void unpack_row(const weight *table, int64_t id, real *x)
{
    enum { CHUNK = 256 };
    float chunk[CHUNK];
    const number_format *f = table->format;
    const char *row = (const char *)table->data + (size_t)id * number_row_bytes(f, table->stride);
    for (int64_t i = 0; i < table->cols; i += CHUNK) {
        int64_t n = table->cols - i < CHUNK ? table->cols - i : CHUNK;
        f->unpack(row + number_row_bytes(f, i), chunk, n);
        number_apply_block_scales(&table->block_scales, id, i, n, chunk);
        for (int64_t j = 0; j < n; j++) x[i + j] = (real)chunk[j];
    }
}

/* The row of the table that token t reads; -1: another rank has it */
static int64_t row_of(const embedding_task *k, int64_t t)
{
    const weight *table = k->e->table;
    int64_t row = k->ids[t] - (table->slice ? table->slice->first : 0);
    assert(table->slice || (row >= 0 && row < table->rows));
    return row < table->rows ? row : -1;
}

static void forward_rows(void *arg, int64_t begin, int64_t end)
{
    const embedding_task *k = arg;
    const weight *table = k->e->table;
    for (int64_t t = begin; t < end; t++) {
        int64_t id = row_of(k, t);
        if (id < 0) continue;
        real *x = k->x.at + t * k->x.stride;
        const real *from = x;
        if (table->format) unpack_row(table, id, x);
        else from = (const real *)table->data + id * table->stride;
        k->rows->scale(table->cols, k->e->scale, from, x);
    }
}

static void clear_columns(const embedding *e, int64_t begin, int64_t end)
{
    for (int64_t v = 0; v < e->table->rows; v++)
        memset(e->dtable + v * e->table->cols + begin, 0, (size_t)(end - begin) * sizeof(real));
}

/* x = scale table[id]:  dtable[id] (+)= scale dx */
static void backward_columns(void *arg, int64_t begin, int64_t end)
{
    const embedding_task *k = arg;
    if (!k->e->accumulate) clear_columns(k->e, begin, end);
    for (int64_t t = 0; t < k->tokens; t++) {
        int64_t row = row_of(k, t);
        if (row >= 0)
            k->rows->axpy(end - begin, k->e->scale, k->dx.at + t * k->dx.stride + begin,
                k->e->dtable + row * k->e->table->cols + begin);
    }
}

void embedding_forward(
    const compute *c, const embedding *e, int64_t tokens, const int32_t *ids, strided_out x)
{
    embedding_task k = { .rows = c->variant->rows, .e = e, .ids = ids, .x = x };
    parallel_over(c, tokens, 1, tokens * e->table->cols, forward_rows, &k);
}

void embedding_backward(
    const compute *c, const embedding *e, int64_t tokens, const int32_t *ids, strided_in dx)
{
    int64_t width = e->table->cols, rows = tokens + (e->accumulate ? 0 : e->table->rows);
    embedding_task k = { .rows = c->variant->rows, .e = e, .tokens = tokens, .ids = ids, .dx = dx };
    parallel_over(c, width, ROW_LANES, rows * width, backward_columns, &k);
}

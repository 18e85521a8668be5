/* gather.c - columns of other ranks. In the exchange, the columns of a rank lie together, row after
 * row:
 *
 *     x, 2 rows of 5 columns, 2 ranks       exchanged
 *     a b | c d e                           a b f g | c d e h i j
 *     f g | h i j
 *
 * A single row is exchanged where it lies. */
#include "op/gather.h"

#include <assert.h>
#include <string.h>

enum { MOST_RANKS = 1024 };

static int64_t begin_of(const gathered *m, int rank, int ranks)
{
    return share_begin(m->pieces, rank, ranks) * (m->cols / m->pieces);
}

static int64_t columns_before(const gathered *m, int count, int rank, int ranks)
{
    int64_t sum = 0;
    for (int i = 0; i < count; i++) sum += begin_of(&m[i], rank, ranks);
    return sum;
}

/* Copies the columns of one rank between their places and where they are exchanged. */
static void move_columns(
    int64_t rows, const gathered *m, int count, int rank, int ranks, real *packed, bool pack)
{
    for (int i = 0; i < count; i++) {
        int64_t first = begin_of(&m[i], rank, ranks), n = begin_of(&m[i], rank + 1, ranks) - first;
        for (int64_t r = 0; r < rows; r++, packed += n) {
            real *at = m[i].x + r * m[i].cols + first;
            memcpy(pack ? packed : at, pack ? at : packed, (size_t)n * sizeof *at);
        }
    }
}

static void exchange_rows(const column_gather *g, int64_t rows, const gathered *m, int count)
{
    comm *c = g->ranks;
    int64_t first[MOST_RANKS + 1];
    for (int r = 0; r <= c->size; r++) first[r] = rows * columns_before(m, count, r, c->size);
    assert(first[c->size] <= g->most);
    real *own = g->scratch + first[c->rank];
    move_columns(rows, m, count, c->rank, c->size, own, true);
    comm_all_gather_v(c, own, first, sizeof *own, g->scratch);
    for (int r = 0; r < c->size; r++)
        if (r != c->rank) move_columns(rows, m, count, r, c->size, g->scratch + first[r], false);
}

static void exchange_in_place(const column_gather *g, const gathered *m, int64_t row)
{
    comm *c = g->ranks;
    int64_t first[MOST_RANKS + 1];
    real *x = m->x + row * m->cols;
    for (int r = 0; r <= c->size; r++) first[r] = begin_of(m, r, c->size);
    comm_all_gather_v(c, x + first[c->rank], first, sizeof *x, x);
}

void gather_copied(const column_gather *g, int64_t rows, const real *own, int64_t stride,
    int64_t cols, int64_t pieces, real *x)
{
    size_t bytes = (size_t)gather_own(g, cols, pieces) * sizeof *x;
    real *at = x + gather_first(g, cols, pieces);
    for (int64_t r = 0; r < rows; r++) memcpy(at + r * cols, own + r * stride, bytes);
    gather_columns(g, rows, cols, pieces, x);
}

void gather_together(const column_gather *g, int64_t rows, const gathered *m, int count)
{
    if (!g || !g->ranks || !rows) return;
    assert(count <= GATHER_TOGETHER && g->ranks->size <= MOST_RANKS);
    if (g->scratch && (rows > 1 || count > 1)) {
        exchange_rows(g, rows, m, count);
        return;
    }
    for (int i = 0; i < count; i++)
        for (int64_t r = 0; r < rows; r++) exchange_in_place(g, &m[i], r);
}

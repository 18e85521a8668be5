/* trainer_slices.c - columns of matrices whose rows are divided among ranks (tensor parallelism).
 *
 * Forward, y = W x is computed by rows of W: each rank computes the outputs of its rows. Backward,
 * dx = dy W is a sum over all rows of W, and a sum that ranks share would change bits. So each rank
 * computes some columns of dx instead, for which it needs these columns of all rows. It receives
 * them from the other ranks at the beginning of every step. */
#include "train/trainer_state.h"

#include <string.h>

static bool is_sliced(const param *p) { return !param_is_vector(p) && p->whole != p->rows; }

/* Whether a gradient is multiplied by the matrix. An embedding is only looked up, unless it is tied
 * to the head. */
static bool is_multiplied(const trainer *t, const param *p)
{
    return p->role != ROLE_EMBED || t->config.tie;
}

/* In how many equal groups the columns are divided among the ranks: in W_O one for each key-value
 * head, as the ranks divide its input by heads, and in other matrices one for each column */
static int64_t pieces_of(const trainer *t, const param *p)
{
    return p->role == ROLE_O ? t->config.layer[p->layer].mixer.kv_heads : p->cols;
}

static weight_slice slice_of(const trainer *t, const param *p)
{
    const column_gather by = { .ranks = t->groups.tensor };
    int64_t pieces = pieces_of(t, p);
    return (weight_slice){ .first = p->first,
        .whole = p->whole,
        .column = gather_first(&by, p->cols, pieces),
        .columns = gather_own(&by, p->cols, pieces) };
}

cadre_status trainer_check_slices(const trainer *t)
{
    for (int64_t i = 0; i < t->table.count; i++) {
        const param *p = &t->table.rows[i];
        if (is_sliced(p) && pieces_of(t, p) < t->groups.size.tensor)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--parallel: tensor=%d: expected at most as many ranks as each matrix has columns, "
                "found one with %lld",
                t->groups.size.tensor, (long long)p->cols);
    }
    return CADRE_OK;
}

void trainer_layout_slices(trainer *t, arena *a)
{
    int64_t most = 0, at = 0;
    if (!t->groups.tensor) return;
    t->slices = ARENA_ARRAY(a, weight_slice, t->table.count);
    for (int64_t i = 0; i < t->table.count; i++) {
        const param *p = &t->table.rows[i];
        if (!is_sliced(p)) continue;
        weight_slice s = slice_of(t, p);
        if (is_multiplied(t, p)) at += s.whole * s.columns;
        if (p->rows * p->cols > most) most = p->rows * p->cols;
        if (t->slices) t->slices[i] = s;
    }
    t->columns = ARENA_ARRAY(a, real, at);
    t->packed = ARENA_ARRAY(a, real, most);
    at = 0;
    for (int64_t i = 0; t->slices && i < t->table.count; i++) {
        weight_slice *s = &t->slices[i];
        if (!s->whole || !is_multiplied(t, &t->table.rows[i])) continue;
        s->by_column = t->columns + at;
        at += s->whole * s->columns;
    }
}

/* Packs this rank's rows [rows, cols] for the exchange: first the columns that rank 0 gets, then
 * those of rank 1, and so on. first [ranks + 1]: where each rank's columns begin */
static void pack(const trainer *t, const param *p, int64_t *first)
{
    const real *from = t->values + p->offset;
    int64_t pieces = pieces_of(t, p), size = t->groups.tensor->size;
    real *to = t->packed;
    for (int32_t r = 0; r <= size; r++)
        first[r] = share_begin(pieces, r, (int32_t)size) * (p->cols / pieces);
    for (int r = 0; r < size; r++)
        for (int64_t i = 0; i < p->rows; i++, to += first[r + 1] - first[r])
            memcpy(
                to, from + i * p->cols + first[r], (size_t)(first[r + 1] - first[r]) * sizeof *to);
    for (int r = 0; r <= size; r++) first[r] *= p->rows;
}

/* by_column [whole rows, own columns]: receives this rank's columns of all ranks' rows. */
static void exchange_columns(
    const trainer *t, const param *p, const weight_slice *s, real *by_column)
{
    comm *c = t->groups.tensor;
    int64_t send_first[BATCH_RANKS + 1], receive_first[BATCH_RANKS + 1];
    pack(t, p, send_first);
    for (int r = 0; r <= c->size; r++)
        receive_first[r] = param_slice_begin(&t->config, p, r, c->size) * s->columns;
    comm_rows rows = { .send = t->packed,
        .send_first = send_first,
        .receive = by_column,
        .receive_first = receive_first,
        .row = sizeof(real) };
    comm_all_to_all_v(c, &rows);
}

void trainer_exchange_columns(trainer *t)
{
    for (int64_t i = 0; t->slices && i < t->table.count; i++) {
        const weight_slice *s = &t->slices[i];
        if (s->by_column)
            exchange_columns(t, &t->table.rows[i], s, t->columns + (s->by_column - t->columns));
    }
}

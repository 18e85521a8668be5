/* placed_experts.c - lists each rank's rows, computes this rank's, and puts all where the plan has
 * them. */
#include "moe/placed_experts.h"

#include <assert.h>

#include "moe/expert_rows.h"

/* Appends what copy c of expert i computes to the list, which has `at` rows. Where the rows are
 * fewer than the copies, it depends on their places in the plan which copies have one. */
static int64_t list_copy(
    const expert_pass *e, int64_t i, int c, int copies, int64_t at, int32_t *to)
{
    int64_t rows = rows_of(e, i), part = (c + e->rows.first[i]) % copies,
            begin = rows * part / copies, end = rows * (part + 1) / copies;
    for (int64_t r = begin; r < end; r++) to[at++] = (int32_t)(e->rows.first[i] + r);
    return at;
}

/* Appends the rows that a rank computes. first [experts + 1] (NULL: not wanted) says where those of
 * each expert begin, counted from the rank's first. */
static int64_t list_rank(
    const expert_pass *e, const expert_spread *s, int rank, int64_t at, int64_t *first, int32_t *to)
{
    int64_t begin = at;
    for (int32_t i = 0; i < e->rows.experts; i++) {
        const int *copy = &s->first[e->among_first + i];
        if (first) first[i] = at - begin;
        for (int c = copy[0]; rows_of(e, i) && c < copy[1]; c++)
            if (s->rank[c] == rank) at = list_copy(e, i, c - copy[0], copy[1] - copy[0], at, to);
    }
    if (first) first[e->rows.experts] = at - begin;
    return at;
}

/* This rank's rows alone, one after another. What was gathered by row is read by the row's number
 * as by a token's. */
static expert_pass own_pass(
    const expert_pass *e, const placed_scratch *scratch, const int32_t *source)
{
    expert_pass own = *e;
    for (int64_t r = 0; r < scratch->first[e->rows.experts]; r++)
        scratch->token[r] = is_gathered(e, e->rows.x_by_row) ? e->rows.token[source[r]] : source[r];
    own.owners = NULL;
    own.rows = (expert_rows){
        .experts = e->rows.experts, .first = scratch->first, .token = scratch->token
    };
    return own;
}

static void swap_rows(int64_t width, real *x, real *y)
{
    for (int64_t i = 0; i < width; i++) {
        real kept = x[i];
        x[i] = y[i], y[i] = kept;
    }
}

/* Row k of x goes to place source[k] - start: around each circle of places, with no memory but the
 * rows' own. Spends source. */
static void put_in_place(int64_t rows, int64_t start, int64_t width, int32_t *source, real *x)
{
    for (int64_t k = 0; k < rows; k++)
        while (source[k] - start != k) {
            int64_t to = source[k] - start;
            swap_rows(width, x + k * width, x + to * width);
            source[k] = source[to];
            source[to] = (int32_t)(to + start);
        }
}

cadre_status placed_experts_forward(const expert_pass *e, const expert_spread *s,
    const placed_scratch *scratch, const real *x, real *out)
{
    int64_t first[PLACED_MOST_OWNERS + 1] = { 0 }, start = e->rows.first[0],
                                       width = output_width(e);
    int rank = e->owners->rank, ranks = e->owners->size;
    assert(ranks <= PLACED_MOST_OWNERS && ranks == s->ranks);
    for (int r = 0; r < ranks; r++)
        first[r + 1] =
            list_rank(e, s, r, first[r], r == rank ? scratch->first : NULL, scratch->source);
    out += start * width;
    expert_pass own = own_pass(e, scratch, scratch->source + first[rank]);
    CADRE_TRY(experts_forward(&own, x, out + first[rank] * width));
    comm_all_gather_v(
        e->owners, out + first[rank] * width, first, (size_t)width * sizeof *out, out);
    comm_tally_tokens(e->owners, first);
    put_in_place(first[ranks], start, width, scratch->source, out);
    return CADRE_OK;
}

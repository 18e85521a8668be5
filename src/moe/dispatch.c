/* dispatch.c - capacity, sequence by sequence, then the numbering of rows.
 *
 * Rows are numbered expert after expert, within an expert in token order. Tokens are cut into
 * segments; counting each segment's edges, summing the counts up, and filling give every segment
 * its rows without looking at the others: segments are the unit of work, and no number depends on
 * who did which. */
#include "moe/dispatch.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "op/parallel.h"

enum { SEGMENT = 128 }; /* tokens */

/* ---- sizes ---- */

static bool limited(const dispatch_options *o) { return o && o->overflow != OVERFLOW_NONE; }

cadre_status dispatch_check(const dispatch_options *o, const char *where)
{
    if (!limited(o)) return CADRE_OK;
    if (o->slots < 0 || o->slots > INT32_MAX)
        return cadre_fail(CADRE_EARGUMENT, where, "capacity: expected 0 to %d slots, found %lld",
            INT32_MAX, (long long)o->slots);
    if (!o->slots && !(o->factor > 0 && o->factor <= 65536))
        return cadre_fail(CADRE_EARGUMENT, where,
            "capacity-factor: expected more than 0, at most 65536, found %g", (double)o->factor);
    return CADRE_OK;
}

double dispatch_slots(real factor, int64_t edges, int64_t experts)
{
    /* By how much a real may be above the decimal number that it was read from, as a share. */
    static const double rounding = REAL_IS_DOUBLE ? 0x1p-51 : 0x1p-24;
    return ceil((double)factor * (double)edges / (double)experts * (1 - rounding));
}

int64_t dispatch_capacity(const dispatch_options *o, int64_t tokens, int32_t picks, int32_t experts)
{
    double slots = o->slots ? (double)o->slots : dispatch_slots(o->factor, tokens * picks, experts);
    return slots < (double)tokens ? (int64_t)slots : tokens;
}

int64_t dispatch_max_rows(
    const dispatch_options *o, int64_t tokens, int64_t sequences, int32_t picks, int32_t experts)
{
    if (!limited(o) || o->overflow != OVERFLOW_PAD) return tokens * picks;
    /* Each sequence rounds up */
    double even = (double)o->factor * (double)(tokens * picks) / experts + (double)sequences;
    double slots = o->slots ? (double)o->slots * (double)sequences : even;
    return (slots < (double)tokens ? (int64_t)slots : tokens) * experts;
}

static int64_t segment_count(const dispatch_options *o, int64_t tokens, int64_t sequences)
{
    return limited(o) ? sequences : (tokens + SEGMENT - 1) / SEGMENT;
}

void dispatch_layout(dispatch_scratch *s, arena *a, const dispatch_options *o, int64_t tokens,
    int64_t sequences, int32_t picks, int32_t experts)
{
    *s = (dispatch_scratch){ 0 };
    int64_t segments = segment_count(o, tokens, sequences),
            unlimited = segment_count(NULL, tokens, sequences);
    s->start = ARENA_ARRAY(a, int64_t, (segments > unlimited ? segments : unlimited) * experts);
    if (limited(o)) s->used = ARENA_ARRAY(a, int64_t, sequences * experts);
    if (limited(o)) s->capacity = ARENA_ARRAY(a, int64_t, sequences);
    if (limited(o)) s->token = ARENA_ARRAY(a, int32_t, tokens * picks);
    if (limited(o) && (o->priority == PRIORITY_PROBABILITY || o->priority == PRIORITY_BATCH))
        s->order = ARENA_ARRAY(a, int32_t, tokens * picks);
    if (limited(o) && o->priority == PRIORITY_BATCH) s->best_score = ARENA_ARRAY(a, real, tokens);
}

typedef struct job {
    const dispatching *d;
    plan *p;
    int64_t segments;
} job;

/* Tokens of segment s: a sequence where there is a limit, else a fixed number. */
static pool_range segment_at(const job *j, int64_t s)
{
    if (limited(j->d->options))
        return (pool_range){ j->d->batch->start[s], j->d->batch->start[s + 1] };
    int64_t end = (s + 1) * SEGMENT;
    return (pool_range){ s * SEGMENT, end < j->p->tokens ? end : j->p->tokens };
}

/* ---- capacity: which edges of a sequence get a row ---- */

/* The token's best expert that it has no edge to and that has a free row. */
static gexp next_choice(const job *j, int64_t token, const int64_t *used, int64_t capacity)
{
    const plan *p = j->p;
    const real *key = j->d->key + token * p->experts;
    gexp best = GEXP_NONE;
    for (int32_t e = 0; e < p->experts; e++) {
        bool taken = used[e] >= capacity || !(key[e] > -REAL_INF);
        for (int64_t i = p->token_start[token]; i < p->token_start[token + 1]; i++)
            taken |= p->edge_expert[i].id == e;
        if (!taken && (best.id < 0 || key[e] > key[best.id])) best = (gexp){ e };
    }
    return best;
}

/* One edge, in its turn. A row of 0 stands for "kept" until rows are numbered. */
static void admit(const job *j, int64_t edge, int64_t *used, int64_t capacity)
{
    plan *p = j->p;
    gexp wanted = p->edge_expert[edge];
    if (used[wanted.id] >= capacity) {
        gexp other = GEXP_NONE;
        if (j->d->options->overflow == OVERFLOW_REROUTE)
            other = next_choice(j, j->d->scratch->token[edge], used, capacity);
        p->edge_lost[edge] = wanted;
        if (other.id < 0) return;
        p->edge_expert[edge] = other;
    }
    p->edge_row[edge] = 0;
    used[p->edge_expert[edge].id]++;
}

static real score_of(const job *j, int32_t edge)
{
    return j->d
        ->score[(int64_t)j->d->scratch->token[edge] * j->p->experts + j->p->edge_expert[edge].id];
}

/* Whether edge a comes before edge b: by lower rank, then by the higher best score of its token,
 * then by the earlier token. */
static bool before_in_batch(const job *j, int32_t a, int32_t b)
{
    int32_t token_a = j->d->scratch->token[a], token_b = j->d->scratch->token[b];
    int64_t rank_a = a - j->p->token_start[token_a], rank_b = b - j->p->token_start[token_b];
    real best_a = j->d->scratch->best_score[token_a], best_b = j->d->scratch->best_score[token_b];
    if (rank_a != rank_b) return rank_a < rank_b;
    return best_a > best_b || (!(best_b > best_a) && a < b);
}

/* Returns whether edge a comes before edge b: by a higher score, then by an earlier place. */
static bool before(const job *j, int32_t a, int32_t b)
{
    if (j->d->options->priority == PRIORITY_BATCH) return before_in_batch(j, a, b);
    real score_a = score_of(j, a), score_b = score_of(j, b);
    return score_a > score_b || (!(score_b > score_a) && a < b);
}

static void sift_down(const job *j, int32_t *heap, int64_t count, int64_t at)
{
    for (int64_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(j, heap[child], heap[child + 1])) child++;
        if (!before(j, heap[at], heap[child])) return;
        int32_t other = heap[at];
        heap[at] = heap[child];
        heap[child] = other;
    }
}

/* Heap sort of the edges [first, first + count): no memory, and an order in which no two are
 * equal. */
static const int32_t *sort_edges(const job *j, int64_t first, int64_t count)
{
    int32_t *heap = j->d->scratch->order + first;
    for (int64_t i = 0; i < count; i++) heap[i] = (int32_t)(first + i);
    for (int64_t i = count / 2; i-- > 0;) sift_down(j, heap, count, i);
    for (int64_t left = count - 1; left > 0; left--) {
        int32_t last = heap[left];
        heap[left] = heap[0];
        heap[0] = last;
        sift_down(j, heap, left, 0);
    }
    return heap;
}

/* The edges of a sequence, one after another, in the order of priority. */
static void admit_in_order(const job *j, pool_range tokens, int64_t *used, int64_t capacity)
{
    const plan *p = j->p;
    int64_t first = p->token_start[tokens.begin], end = p->token_start[tokens.end];
    switch (j->d->options->priority) {
    case PRIORITY_CHOICE:
        for (int64_t k = 0, left = end - first; left > 0; k++)
            for (int64_t t = tokens.begin; t < tokens.end; t++)
                if (k < plan_edges_of(p, t))
                    admit(j, p->token_start[t] + k, used, capacity), left--;
        break;
    case PRIORITY_TOKEN:
        for (int64_t i = first; i < end; i++) admit(j, i, used, capacity);
        break;
    case PRIORITY_PROBABILITY:
    case PRIORITY_BATCH: {
        const int32_t *order = sort_edges(j, first, end - first);
        for (int64_t i = 0; i < end - first; i++) admit(j, order[i], used, capacity);
        break;
    }
    }
}

static void admit_sequence(const job *j, int64_t s)
{
    const plan *p = j->p;
    const dispatch_scratch *scratch = j->d->scratch;
    pool_range tokens = segment_at(j, s);
    int64_t first = p->token_start[tokens.begin], count = p->token_start[tokens.end] - first,
            valid = 0;
    for (int64_t t = tokens.begin; t < tokens.end; t++) {
        if (scratch->best_score)
            scratch->best_score[t] =
                j->d->compute->variant->rows->max(p->experts, j->d->score + t * p->experts);
        valid += plan_is_valid(p, t);
        for (int64_t i = p->token_start[t]; i < p->token_start[t + 1]; i++)
            scratch->token[i] = (int32_t)t;
    }
    int64_t capacity = dispatch_capacity(j->d->options, valid, j->d->picks, p->experts);
    int64_t *used = scratch->used + s * p->experts;
    scratch->capacity[s] = capacity;
    memset(used, 0, (size_t)p->experts * sizeof *used);
    memset(p->edge_lost + first, -1, (size_t)count * sizeof(gexp));
    memset(p->edge_row + first, -1, (size_t)count * sizeof(int32_t));
    admit_in_order(j, tokens, used, capacity);
}

static void admit_task(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    for (int64_t s = begin; s < end; s++) admit_sequence(j, s);
}

/* ---- rows ---- */

/* Returns whether the edge has a row: without a limit every edge has one, with a limit those that
 * were admitted. */
static bool is_kept(const job *j, int64_t edge)
{
    return !limited(j->d->options) || j->p->edge_row[edge] >= 0;
}

static void count_task(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const plan *p = j->p;
    for (int64_t s = begin; s < end; s++) {
        int64_t *count = j->d->scratch->start + s * p->experts;
        pool_range tokens = segment_at(j, s);
        memset(count, 0, (size_t)p->experts * sizeof *count);
        for (int64_t i = p->token_start[tokens.begin]; i < p->token_start[tokens.end]; i++)
            if (is_kept(j, i)) count[p->edge_expert[i].id]++;
    }
}

static bool is_padded(const job *j)
{
    return j->d->options && j->d->options->overflow == OVERFLOW_PAD;
}

/* Turns each segment's counts into its first rows; pads count as rows. */
static void sum_up(const job *j)
{
    plan *p = j->p;
    memset(p->kept, 0, (size_t)p->experts * sizeof *p->kept);
    p->rows = 0;
    for (int32_t e = 0; e < p->experts; e++) {
        p->first[e] = p->rows;
        for (int64_t s = 0; s < j->segments; s++) {
            int64_t *start = &j->d->scratch->start[s * p->experts + e], count = *start;
            *start = p->rows;
            p->kept[e] += count;
            p->rows += is_padded(j) ? j->d->scratch->capacity[s] : count;
        }
    }
    p->first[p->experts] = p->rows;
}

static void put_row(plan *p, int64_t row, int64_t token, int64_t edge)
{
    p->row_token[row] = (int32_t)token;
    p->row_edge[row] = (int32_t)edge;
}

/* After filling, next[e] points behind the last of the `used` rows, and pads go on up to C. They
 * read a token of their own sequence and multiply it with weight 0. */
static void pad_segment(const job *j, int64_t s)
{
    plan *p = j->p;
    const dispatch_scratch *scratch = j->d->scratch;
    for (int32_t e = 0; e < p->experts; e++) {
        int64_t at = s * p->experts + e, pads = scratch->capacity[s] - scratch->used[at];
        for (int64_t i = 0; i < pads; i++)
            put_row(p, scratch->start[at] + i, j->d->batch->start[s], -1);
    }
}

static void fill_segment(const job *j, int64_t s)
{
    plan *p = j->p;
    pool_range tokens = segment_at(j, s);
    int64_t *next = j->d->scratch->start + s * p->experts;
    for (int64_t t = tokens.begin; t < tokens.end; t++)
        for (int64_t i = p->token_start[t]; i < p->token_start[t + 1]; i++) {
            bool kept = is_kept(j, i);
            p->edge_row[i] = kept ? (int32_t)next[p->edge_expert[i].id]++ : -1;
            if (kept) put_row(p, p->edge_row[i], t, i);
        }
}

static void fill_task(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    for (int64_t s = begin; s < end; s++) {
        fill_segment(j, s);
        if (is_padded(j)) pad_segment(j, s);
    }
}

/* ---- the report ---- */

static void count_losses(const job *j)
{
    plan *p = j->p;
    plan_loss loss;
    memcpy(p->load, p->kept, (size_t)p->experts * sizeof *p->load);
    p->dropped = p->rerouted = p->capacity = 0;
    if (!limited(j->d->options)) return;
    for (int64_t cursor = 0; plan_next_loss(p, &cursor, &loss);) {
        p->load[loss.wanted.id]++;
        if (loss.instead.id >= 0) p->load[loss.instead.id]--, p->rerouted++;
        else p->dropped++;
    }
    for (int64_t s = 0; s < j->segments; s++)
        if (j->d->scratch->capacity[s] > p->capacity) p->capacity = j->d->scratch->capacity[s];
}

void dispatch(const dispatching *d, plan *p)
{
    job j = { d, p, segment_count(d->options, p->tokens, d->batch->sequences) };
    if (limited(d->options)) parallel_over(d->compute, j.segments, 1, p->edges, admit_task, &j);
    /* A plan that was full in training is not outside of it: nothing of then may stay. */
    else if (p->edge_lost) memset(p->edge_lost, -1, (size_t)p->edges * sizeof(gexp));
    parallel_over(d->compute, j.segments, 1, p->edges, count_task, &j);
    sum_up(&j);
    parallel_over(d->compute, j.segments, 1, p->edges, fill_task, &j);
    count_losses(&j);
}

/* dispatch.c - capacity, sequence by sequence, then the numbering of rows.
 *
 * Rows are numbered expert after expert, within an expert in token order. Tokens are cut into segments; counting each segment's
 * picks, summing the counts up, and filling give every segment its rows without looking at the others: segments are the unit of
 * work, and no number depends on who did which. */
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
        return cadre_fail(CADRE_EARGUMENT, where, "capacity: expected 0 to %d slots, found %lld", INT32_MAX, (long long)o->slots);
    if (!o->slots && !(o->factor > 0 && o->factor <= 65536))
        return cadre_fail(CADRE_EARGUMENT, where, "capacity-factor: expected more than 0, at most 65536, found %g",
                          (double)o->factor);
    return CADRE_OK;
}

int64_t dispatch_capacity(const dispatch_options *o, int64_t tokens, int32_t picks, int32_t experts)
{
    double even = (double)o->factor * (double)(tokens * picks) / experts;
    double slots = o->slots ? (double)o->slots : ceil(even);
    return slots < (double)tokens ? (int64_t)slots : tokens;
}

int64_t dispatch_max_rows(const dispatch_options *o, int64_t tokens, int64_t sequences, int32_t picks, int32_t experts)
{
    if (!limited(o) || o->overflow != OVERFLOW_PAD) return tokens * picks;
    double even = (double)o->factor * (double)(tokens * picks) / experts + (double)sequences; /* each sequence rounds up */
    double slots = o->slots ? (double)o->slots * (double)sequences : even;
    return (slots < (double)tokens ? (int64_t)slots : tokens) * experts;
}

static int64_t segment_count(const dispatch_options *o, int64_t tokens, int64_t sequences)
{
    return limited(o) ? sequences : (tokens + SEGMENT - 1) / SEGMENT;
}

void dispatch_layout(dispatch_scratch *s, arena *a, const dispatch_options *o, int64_t tokens, int64_t sequences, int32_t picks,
                     int32_t experts)
{
    *s = (dispatch_scratch){ 0 };
    int64_t segments = segment_count(o, tokens, sequences), unlimited = segment_count(NULL, tokens, sequences);
    s->start = ARENA_ARRAY(a, int64_t, (segments > unlimited ? segments : unlimited) * experts);
    if (limited(o)) s->used = ARENA_ARRAY(a, int64_t, sequences * experts);
    if (limited(o)) s->capacity = ARENA_ARRAY(a, int64_t, sequences);
    if (limited(o) && o->priority == PRIORITY_PROBABILITY) s->order = ARENA_ARRAY(a, int32_t, tokens * picks);
}

typedef struct job {
    const dispatching *d;
    plan *p;
    int64_t segments;
} job;

/* Tokens of segment s: a sequence where there is a limit, else a fixed number. */
static pool_range segment_at(const job *j, int64_t s)
{
    if (limited(j->d->options)) return (pool_range){ j->d->sequences->start[s], j->d->sequences->start[s + 1] };
    int64_t end = (s + 1) * SEGMENT;
    return (pool_range){ s * SEGMENT, end < j->p->tokens ? end : j->p->tokens };
}

/* ---- capacity: which picks of a sequence get a slot ---- */

/* The token's best expert that it has not picked and that has a free slot. */
static gexp next_choice(const job *j, int64_t token, const int64_t *used, int64_t capacity)
{
    const plan *p = j->p;
    const real *key = j->d->key + token * p->experts;
    const gexp *picked = p->pick + token * p->picks;
    gexp best = GEXP_NONE;
    for (int32_t e = 0; e < p->experts; e++) {
        bool taken = used[e] >= capacity || !(key[e] > -REAL_INF);
        for (int32_t k = 0; k < p->picks; k++) taken |= picked[k].id == e;
        if (!taken && (best.id < 0 || key[e] > key[best.id])) best = (gexp){ e };
    }
    return best;
}

/* One pick, in its turn. A slot of 0 stands for "kept" until rows are numbered. */
static void admit(const job *j, int64_t pair, int64_t *used, int64_t capacity)
{
    plan *p = j->p;
    gexp wanted = p->pick[pair];
    if (wanted.id < 0) return;
    if (used[wanted.id] >= capacity) {
        gexp other = GEXP_NONE;
        if (j->d->options->overflow == OVERFLOW_REROUTE) other = next_choice(j, pair / p->picks, used, capacity);
        p->lost[pair] = wanted;
        if (other.id < 0) return;
        p->pick[pair] = other;
    }
    p->slot[pair] = 0;
    used[p->pick[pair].id]++;
}

/* Whether pair a comes before pair b: higher score, then earlier. */
static bool before(const job *j, int32_t a, int32_t b)
{
    const plan *p = j->p;
    if (p->pick[a].id < 0 || p->pick[b].id < 0) return p->pick[a].id >= 0 || (p->pick[b].id < 0 && a < b);
    real sa = j->d->score[(int64_t)(a / p->picks) * p->experts + p->pick[a].id];
    real sb = j->d->score[(int64_t)(b / p->picks) * p->experts + p->pick[b].id];
    return sa > sb || (!(sb > sa) && a < b);
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

/* Heap sort of the pairs [first, first + count): no memory, and an order in which no two are equal. */
static const int32_t *sort_pairs(const job *j, int64_t first, int64_t count)
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

static void admit_sequence(const job *j, int64_t s)
{
    pool_range tokens = segment_at(j, s);
    int64_t picks = j->p->picks, first = tokens.begin * picks, count = (tokens.end - tokens.begin) * picks, valid = 0;
    for (int64_t t = tokens.begin; t < tokens.end; t++) valid += plan_is_valid(j->p, t);
    int64_t capacity = dispatch_capacity(j->d->options, valid, j->p->picks, j->p->experts);
    j->d->scratch->capacity[s] = capacity;
    int64_t *used = j->d->scratch->used + s * j->p->experts;
    memset(used, 0, (size_t)j->p->experts * sizeof *used);
    memset(j->p->lost + first, -1, (size_t)count * sizeof(gexp));
    memset(j->p->slot + first, -1, (size_t)count * sizeof(int32_t));
    switch (j->d->options->priority) {
    case PRIORITY_CHOICE:
        for (int64_t k = 0; k < picks; k++)
            for (int64_t t = tokens.begin; t < tokens.end; t++) admit(j, t * picks + k, used, capacity);
        break;
    case PRIORITY_TOKEN:
        for (int64_t i = first; i < first + count; i++) admit(j, i, used, capacity);
        break;
    case PRIORITY_PROBABILITY: {
        const int32_t *order = sort_pairs(j, first, count);
        for (int64_t i = 0; i < count; i++) admit(j, order[i], used, capacity);
        break;
    }
    }
}

static void admit_task(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    for (int64_t s = begin; s < end; s++) admit_sequence(j, s);
}

/* ---- rows ---- */

/* Whether the pick has a row: without a limit every pick, with one those that were admitted. */
static bool is_kept(const job *j, int64_t pair)
{
    return j->p->pick[pair].id >= 0 && (!limited(j->d->options) || j->p->slot[pair] >= 0);
}

static void count_task(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const plan *p = j->p;
    for (int64_t s = begin; s < end; s++) {
        int64_t *count = j->d->scratch->start + s * p->experts;
        pool_range tokens = segment_at(j, s);
        memset(count, 0, (size_t)p->experts * sizeof *count);
        for (int64_t i = tokens.begin * p->picks; i < tokens.end * p->picks; i++)
            if (is_kept(j, i)) count[p->pick[i].id]++;
    }
}

static bool is_padded(const job *j) { return j->d->options && j->d->options->overflow == OVERFLOW_PAD; }

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

static void put_row(plan *p, int64_t row, int64_t token, int64_t pair)
{
    p->row_token[row] = (int32_t)token;
    p->row_pick[row] = (int32_t)pair;
}

/* After filling, next[e] is behind the last of the `used` rows; pads go on up to C. They read a token of their own sequence and
 * multiply it with weight 0. */
static void pad_segment(const job *j, int64_t s)
{
    plan *p = j->p;
    const dispatch_scratch *scratch = j->d->scratch;
    for (int32_t e = 0; e < p->experts; e++) {
        int64_t at = s * p->experts + e, pads = scratch->capacity[s] - scratch->used[at];
        for (int64_t i = 0; i < pads; i++) put_row(p, scratch->start[at] + i, j->d->sequences->start[s], -1);
    }
}

static void fill_segment(const job *j, int64_t s)
{
    plan *p = j->p;
    pool_range tokens = segment_at(j, s);
    int64_t *next = j->d->scratch->start + s * p->experts;
    for (int64_t t = tokens.begin; t < tokens.end; t++)
        for (int64_t i = t * p->picks; i < (t + 1) * p->picks; i++) {
            bool kept = is_kept(j, i);
            p->slot[i] = kept ? (int32_t)next[p->pick[i].id]++ : -1;
            if (kept) put_row(p, p->slot[i], t, i);
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
    job j = { d, p, segment_count(d->options, p->tokens, d->sequences->count) };
    int64_t pairs = p->tokens * p->picks;
    if (limited(d->options)) parallel_over(d->compute, j.segments, 1, pairs, admit_task, &j);
    parallel_over(d->compute, j.segments, 1, pairs, count_task, &j);
    sum_up(&j);
    parallel_over(d->compute, j.segments, 1, pairs, fill_task, &j);
    count_losses(&j);
}

/* interleaving.c - computes, tick by tick, which passes the stages of a pipeline take when each has
 * several chunks. A unit is one pass of one micro-batch through one chunk. */
#include "train/interleaving.h"

#include <assert.h>

/* ---- a stage's order of units: P micro-batches through a chunk, then through the next ---- */

static int chunk_of(const interleaving *t, int64_t unit, bool backward)
{
    int chunk = (int)(unit / t->stages % t->chunks);
    return backward ? t->chunks - 1 - chunk : chunk;
}

static int64_t micro_of(const interleaving *t, int64_t unit)
{
    int64_t round = (int64_t)t->stages * t->chunks;
    return unit / round * t->stages + unit % t->stages;
}

static int64_t units(const interleaving *t) { return t->micro_batches * t->chunks; }

/* How many forward passes come before the first backward pass: those through all chunks but the
 * last, and two for each stage after this one, for the way to the last stage and back */
static int64_t warmup(const interleaving *t, int stage)
{
    int64_t count = 2 * (int64_t)(t->stages - 1 - stage) + (int64_t)(t->chunks - 1) * t->stages;
    return t->forward_only || count > units(t) ? units(t) : count;
}

/* ---- a tick ---- */

static bool is_last(const interleaving *t, int stage, int chunk)
{
    return stage + 1 == t->stages && chunk + 1 == t->chunks;
}

/* How many of a stage's first `count` forward passes are of this chunk */
static int64_t forwards_of(const interleaving *t, int chunk, int64_t count)
{
    int64_t round = (int64_t)t->stages * t->chunks, rest = count % round - chunk * t->stages;
    rest = rest < 0 ? 0 : rest < t->stages ? rest : t->stages;
    return count / round * t->stages + rest;
}

static int64_t backwards_of(const interleaving *t, int chunk, int64_t count)
{
    return forwards_of(t, t->chunks - 1 - chunk, count);
}

static bool may_go_forward(const interleaving *t, int s, const stage_work *w)
{
    bool first = s == 0 && w->forward_chunk == 0;
    return first || t->rows[s][w->forward_chunk] > w->forward_micro;
}

/* The last virtual stage can go backward when it has gone forward, which may be in this tick; the
 * others need a gradient from the next one. */
static bool may_go_backward(const interleaving *t, int s, const stage_work *w)
{
    if (!is_last(t, s, w->backward_chunk))
        return t->gradients[s][w->backward_chunk] > w->backward_micro;
    int64_t done = t->forwards[s] + w->forward;
    return forwards_of(t, w->backward_chunk, done) > w->backward_micro;
}

/* What stage s does in this tick: nothing if its next forward or its next backward pass cannot be
 * taken yet */
static stage_work work_of(const interleaving *t, int s)
{
    int64_t f = t->forwards[s], b = t->backwards[s];
    stage_work w = { .forward = f < units(t),
        .backward = !t->forward_only && f >= warmup(t, s) && b < units(t),
        .forward_chunk = chunk_of(t, f, false),
        .backward_chunk = chunk_of(t, b, true),
        .forward_micro = micro_of(t, f),
        .backward_micro = micro_of(t, b) };
    bool waits =
        (w.forward && !may_go_forward(t, s, &w)) || (w.backward && !may_go_backward(t, s, &w));
    return waits ? (stage_work){ 0 } : w;
}

/* Counts what stage s has done in this tick, and what it has sent. */
static void deliver(interleaving *t, int s, const stage_work *w)
{
    int next = (s + 1) % t->stages, before = (s + t->stages - 1) % t->stages;
    if (w->forward && !is_last(t, s, w->forward_chunk))
        t->rows[next][w->forward_chunk + (next == 0)]++;
    if (w->backward && (s > 0 || w->backward_chunk > 0))
        t->gradients[before][w->backward_chunk - (s == 0)]++;
    t->forwards[s] += w->forward;
    t->backwards[s] += w->backward;
}

bool interleaving_tick(interleaving *t, stage_work *work)
{
    bool any = false, left = false;
    for (int s = 0; s < t->stages; s++) {
        work[s] = work_of(t, s);
        any |= work[s].forward || work[s].backward;
        left |= t->forwards[s] < units(t) || (!t->forward_only && t->backwards[s] < units(t));
    }
    assert(any || !left);
    for (int s = 0; s < t->stages; s++) deliver(t, s, &work[s]);
    return any;
}

/* ---- the most that is kept at once ---- */

static int64_t messages_at(const interleaving *t, int s)
{
    int64_t sum = 0;
    for (int c = 0; c < t->chunks; c++) {
        bool first = s == 0 && c == 0, last = is_last(t, s, c);
        if (!first) sum += t->rows[s][c] - forwards_of(t, c, t->forwards[s]);
        if (!last) sum += t->gradients[s][c] - backwards_of(t, c, t->backwards[s]);
    }
    return sum;
}

static void measure(interleaving t, int s, interleaving_peak *peak)
{
    stage_work work[BATCH_RANKS];
    for (int64_t before = 0; interleaving_tick(&t, work); before = t.backwards[s]) {
        for (int c = 0; c < t.chunks; c++) {
            int64_t done = forwards_of(&t, c, t.forwards[s]),
                    kept = t.forward_only ? 1 : done - backwards_of(&t, c, before);
            if (kept > peak->passes[c]) peak->passes[c] = (int)kept;
        }
        int64_t wait = messages_at(&t, s);
        if (wait > peak->messages) peak->messages = (int)wait;
    }
}

interleaving_peak interleaving_measure(int stages, int chunks, int64_t micro_batches, int stage)
{
    interleaving_peak peak = { .messages = 1 };
    const interleaving t = { .stages = stages, .chunks = chunks, .micro_batches = micro_batches };
    measure(t, stage, &peak);
    interleaving forward = t;
    forward.forward_only = true;
    measure(forward, stage, &peak);
    return peak;
}

/* expert_store.c - the slots of the store: reads experts into them, evicts experts, and gives a
 * pass the experts that it needs. In order, for each layer of a pass:
 *
 *     expect     predicts the experts of a later layer ("guesses")
 *     prefetch   gets the layer's plan, begins to read the experts that are missing, then guesses
 *     acquire    waits until some of the needed experts are there, and pins them
 *     release    unpins them when their products are computed */
#include "store/expert_store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "store/store_state.h"

/* ---- slots ---- */

static uint8_t *bytes_of(const expert_store *s, int32_t slot)
{
    return s->memory + slot * s->slot_bytes;
}

static read_job *jobs_of(const expert_store *s, int32_t slot)
{
    return &s->job[(int64_t)slot * s->jobs];
}

static int64_t layer_of(const expert_store *s, int32_t expert)
{
    int64_t l = 0;
    while (s->first[l + 1] <= expert) l++;
    return l;
}

static void clear(expert_store *s, int32_t slot)
{
    if (s->slot[slot].state == SLOT_EMPTY) return;
    s->slot_of[s->slot[slot].expert] = NONE;
    s->slot[slot] = (store_slot){ .state = SLOT_EMPTY, .expert = NONE };
    atomic_fetch_sub(&s->held, 1);
}

static bool is_evictable(const expert_store *s, int32_t slot)
{
    const store_slot *x = &s->slot[slot];
    return x->state == SLOT_READY && !x->pinned && !x->ahead && s->wanted[x->expert] != s->visit;
}

/* An empty slot, or the slot of the expert of least worth, which is evicted; NONE: no slot can be
 * evicted */
static int32_t find_slot(expert_store *s)
{
    int32_t least = NONE;
    double worth = INFINITY;
    for (int32_t i = 0; i < s->slots; i++) {
        if (s->slot[i].state == SLOT_EMPTY) return i;
        if (!is_evictable(s, i)) continue;
        double own = policy_worth(&s->policy, s->slot[i].expert);
        if (least == NONE || own < worth) least = i, worth = own;
    }
    if (least != NONE) clear(s, least);
    return least;
}

static void submit(expert_store *s, int32_t slot, const slot_piece *piece)
{
    int64_t each = direct_page_up(piece->bytes / store_reads_of(piece));
    for (int64_t done = 0; done < piece->bytes; done += each) {
        int64_t bytes = piece->bytes - done < each ? piece->bytes - done : each;
        int64_t least = piece->least - done < bytes ? piece->least - done : bytes;
        read_job *job = &jobs_of(s, slot)[s->slot[slot].unfinished++];
        *job = (read_job){ .file = &s->file[piece->file],
            .offset = piece->offset + done,
            .bytes = bytes,
            .least = least,
            .to = bytes_of(s, slot) + piece->at + done,
            .ahead = s->slot[slot].ahead,
            .owner = &s->slot[slot] };
    }
}

/* Begins to read an expert that is in no slot; false: there is no free slot for it. */
static bool begin_reading(expert_store *s, int32_t expert, bool ahead)
{
    slot_layout layout;
    int32_t slot = find_slot(s);
    if (slot == NONE) return false;
    s->slot[slot] =
        (store_slot){ .state = SLOT_READING, .expert = expert, .ahead = ahead, .unused = ahead };
    s->slot_of[expert] = slot;
    atomic_fetch_add(&s->held, 1);
    slot_layout_of(s->record[expert], &layout);
    for (int i = 0; i < layout.pieces; i++) submit(s, slot, &layout.piece[i]);
    s->slot[slot].submitted = s->slot[slot].unfinished;
    for (int i = 0, count = s->slot[slot].unfinished; i < count; i++)
        read_queue_submit(s->queue, &s->job[(int64_t)slot * s->jobs + i]);
    return true;
}

/* ---- finished reads ---- */

static cadre_status fail_job(const expert_store *s, int32_t expert, const read_job *job)
{
    int64_t l = layer_of(s, expert);
    if (job->error == READ_ENDED)
        return cadre_fail(CADRE_EIO, job->file->path,
            "expected expert %d of sparse layer %lld up to byte %lld, found the file's end",
            expert - s->first[l], (long long)l, (long long)(job->offset + job->least));
    return cadre_fail(CADRE_EIO, job->file->path,
        "expected expert %d of sparse layer %lld at byte %lld, found that it cannot be read: %s",
        expert - s->first[l], (long long)l, (long long)job->offset, strerror(job->error));
}

/* Takes a finished read. If it is the slot's last one, the slot becomes ready, or empty if a read
 * failed. */
static cadre_status take(expert_store *s, read_job *job)
{
    store_slot *slot = job->owner;
    int32_t expert = slot->expert;
    cadre_status status = CADRE_OK;
    if (job->error) slot->failed = job;
    if (--slot->unfinished) return CADRE_OK;
    if (slot->failed) status = fail_job(s, expert, slot->failed);
    else status = direct_file_check(job->file);
    if (status != CADRE_OK) clear(s, (int32_t)(slot - s->slot));
    else slot->state = SLOT_READY;
    return s->wanted[expert] == s->visit ? status : CADRE_OK;
}

/* Takes all finished reads; waits for the first of them for `seconds` at most. */
static cadre_status take_arrived(expert_store *s, double seconds)
{
    cadre_status status = CADRE_OK;
    for (read_job *job; (job = read_queue_wait(s->queue, seconds)); seconds = 0) {
        cadre_status own = take(s, job);
        if (status == CADRE_OK) status = own;
    }
    return status;
}

static cadre_status fail_stalled(const expert_store *s)
{
    return cadre_fail(CADRE_EIO, s->file[0].path,
        "expected the disk to answer within %g seconds, found that it did not", s->timeout);
}

static cadre_status wait_for_more(expert_store *s)
{
    double before = clock_seconds();
    read_job *job = read_queue_wait(s->queue, s->timeout);
    atomic_fetch_add(&s->waited, (int64_t)(1e6 * (clock_seconds() - before)));
    s->stalled = !job;
    if (!job) return fail_stalled(s);
    CADRE_TRY(take(s, job));
    return take_arrived(s, 0);
}

/* ---- experts that a pass needs ---- */

static void read_missing(expert_store *s, int64_t layer, const int32_t *experts, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        int32_t expert = s->first[layer] + experts[i];
        if (s->slot_of[expert] == NONE && !begin_reading(s, expert, false)) return;
    }
}

/* ---- filling the store before the first pass ---- */

static int by_number(const void *a, const void *b)
{
    return *(const int32_t *)a - *(const int32_t *)b;
}

/* Waits until all experts that are being read are there, or cannot be read. */
static cadre_status wait_for_all(expert_store *s, int32_t total, store_progress progress, void *arg)
{
    for (int32_t done = 0; done < total;) {
        read_job *job = read_queue_wait(s->queue, s->timeout);
        if (!job) return fail_stalled(s);
        store_slot *slot = job->owner;
        (void)take(s, job);
        done += slot->state != SLOT_READING;
        if (progress) progress(arg, done, total);
        CADRE_TRY(interrupt_check(s->file[0].path));
    }
    return CADRE_OK;
}

cadre_status expert_store_warm(
    expert_store *s, expert_frequency *past, bool kept, store_progress progress, void *arg)
{
    int32_t experts = s->first[s->layers], count = s->slots < experts ? s->slots : experts, *order;
    CADRE_TRY(expert_frequency_order(past->use, experts, &order));
    while (count && past->use[order[count - 1]] == 0) count--;
    policy_expect(&s->policy, past->use, past->tokens);
    if (kept) s->past = *past;
    else expert_frequency_close(past);
    qsort(order, (size_t)count, sizeof *order, by_number);
    for (int32_t i = 0; i < count; i++) {
        (void)begin_reading(s, order[i], false);
        s->slot[s->slot_of[order[i]]].unused = true;
    }
    mem_free(order);
    return wait_for_all(s, count, progress, arg);
}

/* ---- guesses ---- */

/* A guess was right: its reads get the priority of those that are needed now. */
static void promote(expert_store *s, int32_t slot)
{
    s->slot[slot].ahead = false;
    for (int i = 0; s->slot[slot].state == SLOT_READING && i < s->slot[slot].submitted; i++)
        read_queue_demand(s->queue, &jobs_of(s, slot)[i]);
}

/* A guess was wrong: if none of its reads has begun, they are cancelled, and the slot is empty. */
static void cancel(expert_store *s, int32_t slot)
{
    store_slot *x = &s->slot[slot];
    int taken = 0;
    x->ahead = false;
    if (x->state != SLOT_READING || x->unfinished != x->submitted) return;
    while (taken < x->submitted && read_queue_cancel(s->queue, &jobs_of(s, slot)[taken])) taken++;
    if (taken == x->submitted) clear(s, slot);
    else
        for (int i = 0; i < taken; i++) read_queue_submit(s->queue, &jobs_of(s, slot)[i]);
}

/* Guesses are read only while enough of them are right: s->accuracy, a moving average, counts all
 * guesses of experts that were not in memory, read or not. Wrong guesses would evict experts that
 * are needed. */
static const double LEAST_ACCURACY = 0.6, ACCURACY_WEIGHT = 0.02;

/* Compares the guesses of this layer with its plan. */
static void check_guesses(expert_store *s, int64_t layer)
{
    for (int32_t i = 0; s->missed_layer == layer && i < s->misses; i++) {
        bool right = s->wanted[s->first[layer] + s->missed[i]] == s->visit;
        s->accuracy += ACCURACY_WEIGHT * (right - s->accuracy);
    }
    s->missed_layer = NONE;
    for (int32_t i = 0; i < s->slots; i++) {
        if (!s->slot[i].ahead) continue;
        bool wanted = s->wanted[s->slot[i].expert] == s->visit;
        atomic_fetch_add(&s->right, wanted);
        if (wanted) promote(s, i);
        else if (layer_of(s, s->slot[i].expert) == layer) cancel(s, i);
    }
}

/* Begins to read the likeliest of the guessed experts that are missing, with lower priority than
 * experts that are needed. */
static void read_ahead(expert_store *s)
{
    int32_t most = s->slots / 8, begun = 0;
    s->missed_layer = s->guessed_layer;
    s->misses = 0;
    for (int32_t i = 0; s->guessed_layer != NONE && i < s->guesses; i++) {
        int32_t expert = s->first[s->guessed_layer] + s->guess[i];
        if (s->slot_of[expert] != NONE) continue;
        s->missed[s->misses++] = s->guess[i];
        if (s->accuracy > LEAST_ACCURACY && begun < most) begun += begin_reading(s, expert, true);
    }
    atomic_fetch_add(&s->ahead, begun);
    s->guessed_layer = NONE;
}

/* Guesses the experts of a layer: those with the highest scores for each token */
static void expect(expert_source *source, int64_t layer, const real *score, int64_t tokens)
{
    stack_source *stack = (stack_source *)source;
    expert_store *s = stack->store;
    const moe_config *moe = &stack->stack.config->layer[layer].moe;
    int64_t v = stack->visit[layer];
    if (v == NONE) return;
    int32_t count = s->first[v + 1] - s->first[v], picks = moe_config_usual_picks(moe);
    s->guessed_layer = v, s->guesses = 0;
    memset(s->rows, 0, (size_t)count * sizeof *s->rows);
    for (int32_t k = 0; k < picks; k++)
        for (int64_t t = 0; t < tokens && s->guesses < STORE_GUESSES; t++) {
            const real *own = score + t * moe->experts;
            int32_t best = NONE;
            for (int32_t e = 0; e < count; e++)
                if (!s->rows[e] && (best == NONE || own[e] > own[best])) best = e;
            if (best == NONE) continue;
            s->rows[best] = 1;
            s->guess[s->guesses++] = best;
        }
}

/* ---- the source ---- */

static void prefetch(expert_source *source, int64_t layer, const plan *p)
{
    stack_source *stack = (stack_source *)source;
    expert_store *s = stack->store;
    int64_t v = stack->visit[layer], picks = 0, misses = 0;
    if (v == NONE) return;
    int32_t first = s->first[v], count = s->first[v + 1] - first;
    s->visit++;
    for (int32_t e = 0; e < count; e++) {
        s->rows[e] = (int32_t)plan_rows_of(p, (gexp){ e });
        picks += s->rows[e];
        if (!s->rows[e]) continue;
        s->wanted[first + e] = s->visit;
        int32_t slot = s->slot_of[first + e];
        misses += slot == NONE || s->slot[slot].unused;
        if (slot != NONE) s->slot[slot].unused = false;
    }
    check_guesses(s, v);
    policy_visit(&s->policy, v, s->rows, p->tokens);
    expert_frequency_add(&s->used, v, s->rows, p->tokens);
    atomic_fetch_add(&s->picks, picks);
    atomic_fetch_add(&s->hits, picks - misses);
    take_arrived(s, 0);
    for (int32_t e = 0; e < count; e++)
        if (s->rows[e]) read_missing(s, v, &e, 1);
    read_ahead(s);
}

/* Pins the expert at `at` of the wave's list, and moves it to those that the wave holds. */
static void pin(expert_store *s, expert_wave *w, int64_t layer, int32_t at)
{
    int32_t e = w->experts[at], expert = s->first[layer] + e, slot = s->slot_of[expert];
    const weight *const opened[] = { &w->opened->gate, &w->opened->up, &w->opened->down };
    slot_layout layout;
    w->experts[at] = w->experts[w->held];
    w->experts[w->held++] = e;
    s->slot[slot].pinned = true;
    slot_layout_of(s->record[expert], &layout);
    for (int i = 0; i < EXPERT_RANGES; i++) {
        const weight *own = opened[i % EXPERT_MATRICES];
        const void *const *elsewhere = i < EXPERT_MATRICES ? own->expert : own->expert_block_scales;
        s->table[(int64_t)i * s->first[s->layers] + expert] = layout.at[i] >= 0
                                                                  ? bytes_of(s, slot) + layout.at[i]
                                                              : elsewhere ? elsewhere[e]
                                                                          : NULL;
    }
}

/* Pins all experts of the wave that are ready. */
static void pin_ready(expert_store *s, expert_wave *w, int64_t layer)
{
    for (int32_t i = 0; i < w->count; i++) {
        int32_t slot = s->slot_of[s->first[layer] + w->experts[i]];
        if (slot != NONE && s->slot[slot].state == SLOT_READY) pin(s, w, layer, i);
    }
}

static cadre_status acquire(expert_source *source, expert_wave *w)
{
    stack_source *stack = (stack_source *)source;
    expert_store *s = stack->store;
    int64_t layer = stack->visit[w->layer];
    if (layer == NONE) return expert_source_acquire(NULL, w);
    w->held = 0;
    w->weights = &s->view[layer];
    for (int32_t i = 0; i < w->count; i++) s->wanted[s->first[layer] + w->experts[i]] = s->visit;
    CADRE_TRY(take_arrived(s, 0));
    for (;;) {
        read_missing(s, layer, w->experts, w->count);
        pin_ready(s, w, layer);
        if (w->held) return CADRE_OK;
        CADRE_TRY(wait_for_more(s));
    }
}

static void release(expert_source *source, const expert_wave *w)
{
    stack_source *stack = (stack_source *)source;
    expert_store *s = stack->store;
    if (stack->visit[w->layer] == NONE) return;
    for (int32_t i = 0; i < w->held; i++) {
        int32_t expert = s->first[stack->visit[w->layer]] + w->experts[i];
        s->slot[s->slot_of[expert]].pinned = false;
        s->wanted[expert] = 0;
    }
}

const expert_source store_source = { prefetch, expect, acquire, release };

/* follow.c - a rank that does its part of what rank 0 runs: it hears of runners, passes and what is
 * wanted of them, and keeps its heads and layers of the sequences' pasts, in pools and sequences
 * that have the numbers of rank 0's. */
#include <string.h>

#include "base/memory.h"
#include "infer/encoder_decoder.h"
#include "infer/lead.h"
#include "infer/runner.h"
#include "infer/stage.h"
#include "kernel/context.h"
#include "model/expert_placement.h"

typedef struct followed_runner {
    int64_t number; /* 0: free */
    runner runner;
    encoder_decoder stacks; /* instead, of a model with an encoder */
} followed_runner;

typedef struct followed_pool {
    int64_t number; /* 0: free */
    state_pool *pool;
    state_counts blocks; /* with which it was joined */
} followed_pool;

typedef struct followed_sequence {
    int64_t number, pool; /* 0: free */
    sequence_state state;
} followed_sequence;

typedef struct follower {
    cadre_model *model;
    followed_runner *runners;
    followed_pool *pools;
    followed_sequence **sequences; /* each has a place of its own, for passes point to them */
    size_t runner_count, pool_count, sequence_count;
    real *scratch; /* [room] for logits and losses */
    int64_t room;
} follower;

/* ---- lists ---- */

/* Room for one more entry at the end. */
static bool grow(void **list, size_t count, size_t size)
{
    void *more = mem_resize(*list, count, count + 1, size);
    if (more) *list = more;
    return more != NULL;
}

static followed_runner *runner_of(const follower *f, int64_t number)
{
    for (size_t i = 0; i < f->runner_count; i++)
        if (f->runners[i].number == number) return &f->runners[i];
    return NULL;
}

static followed_pool *pool_of(const follower *f, int64_t number)
{
    for (size_t i = 0; i < f->pool_count; i++)
        if (f->pools[i].number == number) return &f->pools[i];
    return NULL;
}

static followed_sequence *sequence_of(const follower *f, int64_t number)
{
    for (size_t i = 0; i < f->sequence_count; i++)
        if (f->sequences[i]->number == number) return f->sequences[i];
    return NULL;
}

static cadre_status new_runner(follower *f, int64_t number, followed_runner **made)
{
    followed_runner *r = runner_of(f, 0);
    if (!r) {
        if (!grow((void **)&f->runners, f->runner_count, sizeof *f->runners)) return CADRE_ENOMEM;
        r = &f->runners[f->runner_count++];
    }
    *r = (followed_runner){ .number = number };
    *made = r;
    return CADRE_OK;
}

static cadre_status new_pool(follower *f, int64_t number, followed_pool **made)
{
    followed_pool *p = pool_of(f, 0);
    if (!p) {
        if (!grow((void **)&f->pools, f->pool_count, sizeof *f->pools)) return CADRE_ENOMEM;
        p = &f->pools[f->pool_count++];
        *p = (followed_pool){ 0 };
    }
    p->blocks = (state_counts){ { 1, 1 } };
    CADRE_TRY(model_pool_open(f->model->own, p->blocks, &p->pool));
    p->number = number;
    *made = p;
    return CADRE_OK;
}

static cadre_status new_place(follower *f, followed_sequence **place)
{
    if ((*place = sequence_of(f, 0))) return CADRE_OK;
    if (!grow((void **)&f->sequences, f->sequence_count, sizeof(followed_sequence *)))
        return CADRE_ENOMEM;
    if (!(*place = MEM_ARRAY(followed_sequence, 1))) return CADRE_ENOMEM;
    f->sequences[f->sequence_count++] = *place;
    return CADRE_OK;
}

static cadre_status find_pool(follower *f, int64_t number, followed_pool **p)
{
    *p = pool_of(f, number);
    return *p ? CADRE_OK : new_pool(f, number, p);
}

static cadre_status find_sequence(follower *f, const lead_chunk *chunk, followed_sequence **s)
{
    followed_pool *p;
    if ((*s = sequence_of(f, chunk->sequence))) return CADRE_OK;
    CADRE_TRY(find_pool(f, chunk->pool, &p));
    CADRE_TRY(new_place(f, s));
    CADRE_TRY(sequence_state_open_in(&(*s)->state, p->pool, chunk->capacity));
    (*s)->number = chunk->sequence;
    (*s)->pool = chunk->pool;
    return CADRE_OK;
}

/* ---- what happened to pasts ---- */

static void end_sequence(followed_sequence *s)
{
    s->state.held = 0; /* rank 0 counts the holders of blocks */
    sequence_state_close(&s->state);
    s->number = s->pool = 0;
}

static void end_pool(follower *f, int64_t number)
{
    followed_pool *p = pool_of(f, number);
    for (size_t i = 0; i < f->sequence_count; i++)
        if (f->sequences[i]->number && f->sequences[i]->pool == number)
            end_sequence(f->sequences[i]);
    if (!p) return;
    state_pool_leave(p->pool, p->blocks);
    *p = (followed_pool){ 0 };
}

/* Lets a pool have the blocks up to this number. */
static cadre_status reach(followed_pool *p, int64_t number)
{
    int64_t kind = number % STATE_KINDS, wanted = number / STATE_KINDS + 1,
            more = wanted - p->blocks.of[kind];
    state_counts join = { 0 };
    if (number < 0 || more <= 0) return CADRE_OK;
    join.of[kind] = more > p->blocks.of[kind] ? more : p->blocks.of[kind]; /* doubles */
    CADRE_TRY(state_pool_join(p->pool, join));
    p->blocks.of[kind] += join.of[kind];
    return CADRE_OK;
}

static cadre_status copy_block(follower *f, const state_event *e)
{
    followed_pool *p;
    CADRE_TRY(find_pool(f, e->pool, &p));
    CADRE_TRY(reach(p, e->to));
    CADRE_TRY(reach(p, e->from));
    state_block_copy(state_pool_numbered(p->pool, e->to), state_pool_numbered(p->pool, e->from));
    return CADRE_OK;
}

/* A sequence that is not known here has zeros. */
static void set_fixed(const follower *f, const state_event *e)
{
    followed_sequence *to = sequence_of(f, e->to), *from = e->from ? sequence_of(f, e->from) : NULL;
    if (to) sequence_state_set_fixed(&to->state, from ? from->state.fixed : NULL);
}

static cadre_status take_fixed(follower *f, const state_event *e)
{
    followed_sequence *from = sequence_of(f, e->from), *to;
    if (!from) return CADRE_OK;
    const lead_chunk chunk = {
        .pool = e->pool, .sequence = e->to, .capacity = from->state.capacity
    };
    CADRE_TRY(find_sequence(f, &chunk, &to));
    set_fixed(f, e);
    return CADRE_OK;
}

static cadre_status take_event(follower *f, const state_event *e)
{
    followed_sequence *s = e->what == STATE_SEQUENCE_ENDED ? sequence_of(f, e->to) : NULL;
    switch ((state_happening)e->what) {
    case STATE_BLOCK_COPIED: return copy_block(f, e);
    case STATE_SEQUENCE_CLEARED: set_fixed(f, e); return CADRE_OK;
    case STATE_SEQUENCE_TAKEN: return take_fixed(f, e);
    case STATE_SEQUENCE_ENDED:
        if (s) end_sequence(s);
        return CADRE_OK;
    case STATE_POOL_ENDED: end_pool(f, e->pool); return CADRE_OK;
    }
    return CADRE_OK;
}

/* ---- a pass ---- */

static cadre_status take_past(
    follower *f, const lead_chunk *chunk, const int64_t *blocks, sequence_state **state)
{
    followed_sequence *s;
    followed_pool *p;
    CADRE_TRY(find_sequence(f, chunk, &s));
    CADRE_TRY(find_pool(f, chunk->pool, &p));
    for (int64_t i = 0; i < chunk->past.held * STATE_SPAN_KINDS; i++)
        CADRE_TRY(reach(p, blocks[i]));
    *state = &s->state;
    return sequence_state_follow(&s->state, blocks, &chunk->past);
}

static cadre_status pass(follower *f, runner *r, const ranks_message *m, const char *data)
{
    int64_t events = m->n[1], chunks = m->n[2], tokens = m->n[3], at = 0;
    const state_event *e = (const state_event *)(const void *)data;
    const lead_chunk *chunk = (const lead_chunk *)(const void *)(e + events);
    const int64_t *blocks = (const int64_t *)(const void *)(chunk + chunks);
    for (int64_t i = 0; i < events; i++) CADRE_TRY(take_event(f, &e[i]));
    for (int64_t i = 0; i < chunks; at += chunk[i++].count) {
        r->start[i] = at;
        if (chunk[i].pool) CADRE_TRY(take_past(f, &chunk[i], blocks, &r->states[i]));
        blocks += chunk[i].past.held * STATE_SPAN_KINDS;
    }
    r->start[chunks] = at;
    r->fed = tokens;
    memcpy(r->inputs, blocks, (size_t)tokens * sizeof *r->inputs);
    const token_batch b = { .inputs = r->inputs,
        .tokens = tokens,
        .sequences = chunks,
        .start = r->start,
        .states = chunks && chunk[0].pool ? r->states : NULL };
    return stage_forward(f->model, r->transformer, &b, &(stage_watch){ .told = m->n[4] });
}

/* ---- messages ---- */

static cadre_status open_one(follower *f, const ranks_message *m)
{
    followed_runner *r;
    CADRE_TRY(new_runner(f, m->n[0], &r));
    if (m->what == LEAD_STACKS)
        return encoder_decoder_open_own(f->model, m->n[1], m->n[2], &r->stacks);
    return runner_open_own(f->model, m->n[1], m->n[2], m->n[3], &r->runner);
}

static void close_one(followed_runner *r)
{
    runner_close(&r->runner);
    encoder_decoder_close(&r->stacks);
    r->number = 0;
}

static cadre_status make_scratch(follower *f, int64_t count)
{
    if (count <= f->room) return CADRE_OK;
    mem_free(f->scratch);
    f->room = 0;
    if (!(f->scratch = MEM_ARRAY(real, count))) return CADRE_ENOMEM;
    f->room = count;
    return CADRE_OK;
}

static cadre_status do_one(
    follower *f, followed_runner *r, const ranks_message *m, const char *data)
{
    int64_t vocab = f->model->config.vocab, count = m->n[1];
    const int64_t *rows = (const int64_t *)(const void *)data;
    const int32_t *tokens = (const int32_t *)(const void *)data;
    switch ((lead_what)m->what) {
    case LEAD_PASS: return pass(f, &r->runner, m, data);
    case LEAD_CLOSE: close_one(r); return CADRE_OK;
    case LEAD_LOGITS:
        CADRE_TRY(make_scratch(f, count * vocab));
        stage_logits(f->model, r->runner.transformer, rows, count, f->scratch);
        return CADRE_OK;
    case LEAD_LOSSES:
        CADRE_TRY(make_scratch(f, count));
        if (r->stacks.decoder) encoder_decoder_losses(&r->stacks, tokens, f->scratch);
        else stage_losses(f->model, r->runner.transformer, count, tokens, f->scratch);
        return CADRE_OK;
    case LEAD_READ: return encoder_decoder_read(&r->stacks, tokens, count, NULL, NULL);
    case LEAD_RUN: return encoder_decoder_run(&r->stacks, tokens, count, NULL, NULL);
    case LEAD_FIRST_LOGITS:
        CADRE_TRY(make_scratch(f, m->n[2] * vocab));
        encoder_decoder_logits(&r->stacks, count, m->n[2], f->scratch);
        return CADRE_OK;
    case LEAD_TALLIES: model_ranks_tell(f->model->ranks); return CADRE_OK;
    case LEAD_RUNNER:
    case LEAD_STACKS:
    case LEAD_EXPERTS: break;
    }
    return CADRE_OK;
}

/* Ranks that could not place them all keep what they had, and rank 0 tells its program. */
static cadre_status place_experts(const follower *f, const double *use)
{
    (void)expert_placement_change(f->model, use);
    return comm_status(f->model->ranks->world);
}

static cadre_status take_message(follower *f, const ranks_message *m, const char *data)
{
    if (m->what == LEAD_RUNNER || m->what == LEAD_STACKS) return open_one(f, m);
    if (m->what == LEAD_EXPERTS) return place_experts(f, (const double *)(const void *)data);
    followed_runner *r = runner_of(f, m->n[0]);
    if (r && m->n[0]) return do_one(f, r, m, data);
    return cadre_fail(CADRE_EFORMAT, NULL,
        "what rank 0 says: expected a runner that was opened, found %lld", (long long)m->n[0]);
}

static void follower_close(follower *f)
{
    for (size_t i = 0; i < f->runner_count; i++)
        if (f->runners[i].number) close_one(&f->runners[i]);
    for (size_t i = 0; i < f->pool_count; i++)
        if (f->pools[i].number) end_pool(f, f->pools[i].number);
    for (size_t i = 0; i < f->sequence_count; i++) mem_free(f->sequences[i]);
    mem_free(f->runners);
    mem_free(f->pools);
    mem_free(f->sequences);
    mem_free(f->scratch);
}

static cadre_status follow(cadre_model *m)
{
    follower f = { .model = m };
    comm *world = m->ranks->world;
    cadre_status status = CADRE_OK;
    while (status == CADRE_OK) {
        ranks_message message;
        const char *data;
        status = ranks_hear(m->ranks, &message, &data);
        if (status != CADRE_OK || message.what == RANKS_END) break;
        status = take_message(&f, &message, data);
        if (status != CADRE_OK) comm_fail(world, status);
    }
    follower_close(&f);
    return status;
}

cadre_status cadre_model_follow(cadre_model *m)
{
    if (!m->ranks || m->ranks->world->rank == 0)
        return cadre_fail(CADRE_EARGUMENT, m->path, "expected a rank that follows rank 0, found %s",
            m->ranks ? "rank 0" : "one process");
    CADRE_TRY(context_enter(m->context));
    return context_leave(m->context, follow(m));
}

bool cadre_model_follows(const cadre_model *m) { return m->ranks && m->ranks->world->rank > 0; }

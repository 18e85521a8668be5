/* runner.c - lays the tokens of sessions one after another, and runs the transformer on them. */
#include "infer/runner.h"

#include <assert.h>
#include <string.h>

#include "base/interrupt.h"
#include "infer/lead.h"
#include "infer/stage.h"

static void layout(runner *r, arena *a)
{
    r->inputs = ARENA_ARRAY(a, int32_t, r->tokens);
    r->start = ARENA_ARRAY(a, int64_t, r->sessions + 1);
    r->states = ARENA_ARRAY(a, sequence_state *, r->sessions);
}

cadre_status runner_open_own(
    cadre_model *model, int64_t tokens, int64_t sessions, int64_t keys, runner *r)
{
    batch_limits most = { .tokens = tokens, .sequences = sessions, .keys = keys };
    arena measured = { 0 };
    *r = (runner){ .model = model, .tokens = tokens, .sessions = sessions };
    layout(r, &measured);
    cadre_status status = arena_open(&r->arena, measured.used) ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK) status = model_transformer_new(model, &most, &r->transformer);
    if (status == CADRE_OK) layout(r, &r->arena);
    else runner_close(r);
    return status;
}

cadre_status runner_open(
    cadre_model *model, int64_t tokens, int64_t sessions, int64_t keys, runner *r)
{
    *r = (runner){ 0 };
    CADRE_TRY(session_check_model(model));
    CADRE_TRY(runner_open_own(model, tokens, sessions, keys, r));
    r->number = lead_open(model, LEAD_RUNNER, tokens, sessions, keys);
    return CADRE_OK;
}

size_t runner_bytes(const cadre_model *model, int64_t tokens, int64_t sessions, int64_t keys)
{
    batch_limits most = { .tokens = tokens, .sequences = sessions, .keys = keys };
    runner r = { .tokens = tokens, .sessions = sessions };
    arena measured = { 0 };
    layout(&r, &measured);
    size_t pass = transformer_bytes(model->context->compute, &model->config, &most);
    return pass > SIZE_MAX - measured.used ? SIZE_MAX : pass + measured.used;
}

void runner_close(runner *r)
{
    if (r->number) lead_close(r->model, r->number);
    transformer_free(r->transformer);
    arena_close(&r->arena);
    *r = (runner){ 0 };
}

/* Notes a session's tokens in it, and advances its past. */
static void take_session(runner *r, int64_t i, const runner_chunk *chunk)
{
    session *s = chunk->session;
    if (!s) return;
    memcpy(s->tokens + session_length(s), chunk->tokens, (size_t)chunk->count * sizeof *s->tokens);
    r->states[i] = &s->state;
}

/* Nothing that can fail on this rank alone comes after the others were told. */
static cadre_status tell(const runner *r, const token_batch *b)
{
    if (!r->number) return CADRE_OK;
    if (r->may_stop) CADRE_TRY(interrupt_check(NULL));
    for (int64_t i = 0; b->states && i < b->sequences; i++)
        CADRE_TRY(sequence_state_reserve(b->states[i], b->start[i + 1] - b->start[i]));
    return lead_pass(r->model, r->number, b, r->watch != NULL);
}

cadre_status runner_feed(runner *r, const runner_chunk *chunks, int64_t count)
{
    int64_t tokens = 0;
    assert(count <= r->sessions);
    for (int64_t i = 0; i < count; i++) {
        assert(tokens + chunks[i].count <= r->tokens && !chunks[i].session == !chunks[0].session);
        memcpy(r->inputs + tokens, chunks[i].tokens, (size_t)chunks[i].count * sizeof *r->inputs);
        take_session(r, i, &chunks[i]);
        r->start[i] = tokens;
        tokens += chunks[i].count;
    }
    r->start[count] = r->fed = tokens;
    token_batch b = { .inputs = r->inputs,
        .tokens = tokens,
        .sequences = count,
        .start = r->start,
        .states = count && chunks[0].session ? r->states : NULL,
        .may_stop = r->may_stop && !r->number };
    const stage_watch watch = { .watch = r->watch, .arg = r->watch_arg };
    CADRE_TRY(tell(r, &b));
    CADRE_TRY(stage_forward(r->model, r->transformer, &b, &watch));
    lead_tallies(r->model, r->number);
    return CADRE_OK;
}

void runner_logits(runner *r, const int64_t *rows, int64_t count, real *logits)
{
    assert(count <= r->tokens);
    lead_logits(r->model, r->number, rows, count);
    stage_logits(r->model, r->transformer, rows, count, logits);
}

void runner_losses(runner *r, const int32_t *targets, real *losses)
{
    int64_t tokens = r->fed;
    lead_tokens(r->model, LEAD_LOSSES, r->number, targets, tokens);
    stage_losses(r->model, r->transformer, tokens, targets, losses);
}

cadre_status runner_status(const runner *r) { return model_status(r->model); }

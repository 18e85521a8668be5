/* pass.c - advances many sessions of one model together, for a program that holds the sessions and
 * wants the logits.
 *
 * It uses infer/runner.h, after checking everything that a runner takes for granted. */
#include <stdio.h>

#include "base/memory.h"
#include "infer/session_public.h"
#include "kernel/context.h"

struct cadre_pass {
    cadre_model *model; /* borrowed */
    int64_t capacity;
    runner runner;
    arena arena;
    runner_chunk *chunks; /* [sessions] */
    int64_t *rows;        /* [tokens] rows of the pass that logits are wanted of */
};

static void layout(cadre_pass *p, arena *a)
{
    p->chunks = ARENA_ARRAY(a, runner_chunk, p->runner.sessions);
    p->rows = ARENA_ARRAY(a, int64_t, p->runner.tokens);
}

static cadre_status open_pass(cadre_pass *p, int64_t tokens, int64_t sessions)
{
    arena measured = { 0 };
    CADRE_TRY(runner_open(p->model, tokens, sessions, p->capacity, &p->runner));
    layout(p, &measured);
    if (!arena_open(&p->arena, measured.used)) return CADRE_ENOMEM;
    layout(p, &p->arena);
    return CADRE_OK;
}

cadre_status cadre_pass_new(
    cadre_model *model, int64_t tokens, int64_t sessions, int64_t capacity, cadre_pass **pass)
{
    if (sessions < 1 || tokens < sessions || tokens > INT32_MAX || capacity < 1 ||
        capacity > INT32_MAX)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "a pass: expected at least 1 session, as many tokens and a capacity of at least 1, "
            "found %lld, %lld, %lld",
            (long long)sessions, (long long)tokens, (long long)capacity);
    cadre_pass *p = MEM_ARRAY(cadre_pass, 1);
    if (!p) return CADRE_ENOMEM;
    p->model = model, p->capacity = capacity;
    cadre_status status = open_pass(p, tokens, sessions);
    if (status == CADRE_OK) *pass = p;
    else cadre_pass_free(p);
    return status;
}

void cadre_pass_free(cadre_pass *p)
{
    if (!p) return;
    runner_close(&p->runner);
    arena_close(&p->arena);
    mem_free(p);
}

/* ---- checks, before any work ---- */

static cadre_status check_session(const cadre_pass *p, const cadre_pass_part *part)
{
    const cadre_session *s = part->session;
    if (!s || s->model != p->model)
        return cadre_fail(CADRE_EARGUMENT, NULL, "expected a session of the pass's model, found %s",
            s ? "another's" : "NULL");
    if (s->in_use)
        return cadre_fail(CADRE_EBUSY, NULL,
            "expected a session that stands in one part, found one that is in use");
    if (s->capacity > p->capacity)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "expected a session of a capacity of at most %lld tokens, found %lld",
            (long long)p->capacity, (long long)s->capacity);
    return CADRE_OK;
}

static cadre_status check_tokens(const cadre_pass *p, const cadre_pass_part *part)
{
    int64_t length = session_length(&part->session->session),
            room = part->session->capacity - length;
    if (part->count < 1)
        return cadre_fail(CADRE_EARGUMENT, NULL, "expected at least one token, found %lld",
            (long long)part->count);
    if (part->count > room)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "expected at most %lld more tokens in a session that holds %lld, found %lld",
            (long long)room, (long long)length, (long long)part->count);
    return session_check_tokens(p->model, part->tokens, part->count);
}

static cadre_status check_rows(const cadre_pass_part *part)
{
    if (part->row_count < 0 || part->row_count > part->count)
        return cadre_fail(CADRE_EARGUMENT, NULL, "expected logits of 0 to %lld tokens, found %lld",
            (long long)part->count, (long long)part->row_count);
    for (int64_t i = 0; part->rows && i < part->row_count; i++)
        if (part->rows[i] < 0 || part->rows[i] >= part->count)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "expected logits of tokens 0 to %lld, found %lld", (long long)(part->count - 1),
                (long long)part->rows[i]);
    return CADRE_OK;
}

static cadre_status check_part(const cadre_pass *p, cadre_pass_part *part)
{
    part->status = check_session(p, part);
    if (part->status == CADRE_OK) part->status = check_tokens(p, part);
    if (part->status == CADRE_OK) part->status = check_rows(part);
    return part->status;
}

/* Gives every part its status, and claims the sessions of those without a fault. Returns the first
 * fault. */
static cadre_status claim_parts(const cadre_pass *p, cadre_pass_part *parts, int64_t count)
{
    cadre_status first = CADRE_OK;
    char sentence[512];
    for (int64_t i = 0; i < count; i++) {
        if (check_part(p, &parts[i]) == CADRE_OK) {
            parts[i].session->in_use = true;
        } else if (first == CADRE_OK) {
            first = parts[i].status;
            snprintf(sentence, sizeof sentence, "part %lld: %s", (long long)i, cadre_last_error());
        }
    }
    return first == CADRE_OK ? CADRE_OK : cadre_fail(first, NULL, "%s", sentence);
}

static void release_parts(cadre_pass_part *parts, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (parts[i].status == CADRE_OK) parts[i].session->in_use = false;
}

static cadre_status check_sum(
    const cadre_pass *p, const cadre_pass_part *parts, int64_t count, const cadre_real *logits)
{
    int64_t tokens = 0, rows = 0;
    for (int64_t i = 0; i < count && tokens <= p->runner.tokens; i++)
        tokens += parts[i].count, rows += parts[i].row_count;
    if (tokens > p->runner.tokens)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "expected at most %lld tokens in a pass, found more", (long long)p->runner.tokens);
    if (rows && !logits)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "expected memory for %lld rows of logits, found NULL", (long long)rows);
    return CADRE_OK;
}

/* ---- the pass ---- */

/* Lists the rows of the whole pass that logits are wanted of. */
static int64_t list_rows(const cadre_pass *p, const cadre_pass_part *parts, int64_t count)
{
    int64_t n = 0, begin = 0;
    for (int64_t i = 0; i < count; begin += parts[i++].count)
        for (int64_t r = 0; r < parts[i].row_count; r++)
            p->rows[n++] = begin + (parts[i].rows ? parts[i].rows[r]
                                                  : parts[i].count - parts[i].row_count + r);
    return n;
}

static cadre_status run_pass(
    cadre_pass *p, cadre_pass_part *parts, int64_t count, cadre_real *logits)
{
    cadre_status status = claim_parts(p, parts, count);
    if (status == CADRE_OK) status = check_sum(p, parts, count, logits);
    if (status == CADRE_OK && count) {
        for (int64_t i = 0; i < count; i++)
            p->chunks[i] =
                (runner_chunk){ &parts[i].session->session, parts[i].tokens, parts[i].count };
        status = runner_feed(&p->runner, p->chunks, count);
        int64_t rows = list_rows(p, parts, count);
        if (status == CADRE_OK && rows) runner_logits(&p->runner, p->rows, rows, logits);
        if (status == CADRE_OK) status = runner_status(&p->runner);
    }
    release_parts(parts, count);
    return status;
}

cadre_status cadre_pass_run(
    cadre_pass *p, cadre_pass_part *parts, int64_t count, cadre_real *logits)
{
    if (count < 0 || count > p->runner.sessions)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "expected at most %lld sessions in a pass, found %lld", (long long)p->runner.sessions,
            (long long)count);
    CADRE_TRY(context_enter(p->model->context));
    return context_leave(p->model->context, run_pass(p, parts, count, logits));
}

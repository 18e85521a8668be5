/* session.c - a state, and the tokens that a sequence may consist of. */
#include "infer/session.h"

#include <string.h>

#include "base/memory.h"

/* Finishes opening, after its state was opened with this status. */
static cadre_status open_rest(session *s, cadre_status status)
{
    if (status != CADRE_OK) return status;
    s->tokens = MEM_ARRAY(int32_t, s->state.capacity);
    if (s->tokens) return CADRE_OK;
    session_close(s);
    return CADRE_ENOMEM;
}

cadre_status session_open(const cadre_model *model, int64_t capacity, session *s)
{
    *s = (session){ 0 };
    CADRE_TRY(session_check_model(model));
    CADRE_TRY(session_check_writes(model));
    cadre_status status = model_state_open(model->own, capacity, &s->state);
    if (status == CADRE_OK && model->ranks) state_pool_log(s->state.pool, &model->ranks->log);
    return open_rest(s, status);
}

cadre_status session_open_beside(const session *other, int64_t capacity, session *s)
{
    *s = (session){ 0 };
    return open_rest(s, sequence_state_open_beside(&s->state, &other->state, capacity));
}

cadre_status session_open_in(state_pool *p, int64_t capacity, session *s)
{
    *s = (session){ 0 };
    return open_rest(s, sequence_state_open_in(&s->state, p, capacity));
}

void session_close(session *s)
{
    sequence_state_close(&s->state);
    mem_free(s->tokens);
    *s = (session){ 0 };
}

void session_begin(
    session *s, const int32_t *tokens, const state_span *spans, int64_t length, const real *fixed)
{
    memcpy(s->tokens, tokens, (size_t)length * sizeof *tokens);
    sequence_state_begin(&s->state, spans, length, fixed);
}

int64_t session_rewind(session *s, int64_t length)
{
    if (!sequence_state_rewind(&s->state, length)) sequence_state_rewind(&s->state, 0);
    return session_length(s);
}

int64_t session_shared(const session *s, const int32_t *tokens, int64_t count)
{
    int64_t most = count < session_length(s) ? count : session_length(s), n = 0;
    while (n < most && s->tokens[n] == tokens[n]) n++;
    return sequence_state_can_rewind(&s->state, n) ? n : 0;
}

cadre_status session_check_leads(const cadre_model *model)
{
    if (!model->ranks || model->ranks->world->rank == 0) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, model->path,
        "expected rank 0, which runs the model for all ranks, found rank %d, which follows it",
        model->ranks->world->rank);
}

cadre_status session_check_model(const cadre_model *model)
{
    CADRE_TRY(session_check_leads(model));
    if (!model->encoder) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, model->path,
        "expected a model that continues texts, found one with an encoder");
}

const router *session_router_that_reads_next(const cadre_model *model)
{
    for (int64_t l = 0; l < model->config.layers; l++) {
        const router *r = model->config.layer[l].moe.router;
        if (model->config.layer[l].sparse && r->traits & ROUTER_READS_NEXT) return r;
    }
    return NULL;
}

cadre_status session_check_writes(const cadre_model *model)
{
    const router *r = session_router_that_reads_next(model);
    if (!r) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, model->path,
        "router %s: a token's experts follow from the token behind it, which is not known "
        "while a text is written; whole texts alone can be evaluated",
        r->name);
}

cadre_status session_check_tokens(const cadre_model *model, const int32_t *tokens, int64_t count)
{
    int64_t at = 0;
    while (at < count && tokens[at] >= 0 && tokens[at] < model->config.vocab) at++;
    if (at == count) return CADRE_OK;
    cadre_status status = cadre_fail(CADRE_EARGUMENT, model->path,
        "token %lld: expected an id of 0 to %lld, found %d", (long long)at,
        (long long)(model->config.vocab - 1), tokens[at]);
    cadre_fail_advice("the ids, or the tokenizer that gave them, are another model's");
    return status;
}

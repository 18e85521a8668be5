/* session_public.c - sessions that a program holds: they are made, rewound, and forked. */
#include "infer/session_public.h"

#include <string.h>

#include "base/memory.h"
#include "kernel/context.h"

cadre_status session_enter(cadre_session *s)
{
    CADRE_TRY(context_enter(s->model->context));
    if (s->in_use) {
        cadre_status status = cadre_fail(
            CADRE_EBUSY, NULL, "expected a session that is not in use, found one that generates");
        return context_leave(s->model->context, status);
    }
    s->in_use = true;
    return CADRE_OK;
}

cadre_status session_leave(cadre_session *s, cadre_status status)
{
    s->in_use = false;
    return context_leave(s->model->context, status);
}

static cadre_status check_capacity(int64_t capacity)
{
    if (capacity >= 1) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "a session's capacity: expected at least 1 token, found %lld", (long long)capacity);
}

cadre_status cadre_session_new(cadre_model *model, int64_t capacity, cadre_session **out)
{
    CADRE_TRY(check_capacity(capacity));
    cadre_session *s = MEM_ARRAY(cadre_session, 1);
    if (!s) return CADRE_ENOMEM;
    *s = (cadre_session){ .model = model, .capacity = capacity };
    cadre_status status = session_open(model, capacity, &s->session);
    if (status == CADRE_OK) *out = s;
    else cadre_session_free(s);
    return status;
}

cadre_status session_new_cached(cadre_model *model, int64_t capacity, cadre_session **out)
{
    CADRE_TRY(check_capacity(capacity));
    CADRE_TRY(session_check_model(model));
    CADRE_TRY(session_check_writes(model));
    cadre_session *s = MEM_ARRAY(cadre_session, 1);
    if (!s) return CADRE_ENOMEM;
    *s = (cadre_session){ .model = model, .capacity = capacity, .blocks = state_blocks(capacity) };
    *out = s;
    return CADRE_OK;
}

void cadre_session_free(cadre_session *s)
{
    if (!s) return;
    batcher_close(&s->batcher);
    session_close(&s->session);
    mem_free(s);
}

int64_t cadre_session_length(const cadre_session *s) { return session_length(&s->session); }
int64_t cadre_session_capacity(const cadre_session *s) { return s->capacity; }
const int32_t *cadre_session_tokens(const cadre_session *s) { return s->session.tokens; }

static cadre_status check_length(const cadre_session *s, int64_t length)
{
    if (length >= 0 && length <= session_length(&s->session)) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "a session's first tokens: expected 0 to %lld of them, found %lld",
        (long long)session_length(&s->session), (long long)length);
}

static cadre_status refuse_going_back(void)
{
    return cadre_fail(CADRE_EUNSUPPORTED, NULL,
        "a session's first tokens: expected all or none of them, or of a model with a window all "
        "but the last ones: what is behind it is gone");
}

cadre_status cadre_session_truncate(cadre_session *s, int64_t length)
{
    CADRE_TRY(session_enter(s));
    cadre_status status = check_length(s, length);
    if (status == CADRE_OK && !sequence_state_rewind(&s->session.state, length))
        status = refuse_going_back();
    return session_leave(s, status);
}

static cadre_status share(const session *from, int64_t length, session *to)
{
    memcpy(to->tokens, from->tokens, (size_t)length * sizeof *to->tokens);
    return sequence_state_share(&to->state, &from->state, length) ? CADRE_OK : refuse_going_back();
}

static cadre_status fork_session(
    const cadre_session *from, int64_t length, int64_t capacity, cadre_session **out)
{
    CADRE_TRY(check_length(from, length));
    CADRE_TRY(check_capacity(capacity));
    if (capacity < length)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "a session's capacity: expected at least its %lld first tokens, found %lld",
            (long long)length, (long long)capacity);
    cadre_session *s = MEM_ARRAY(cadre_session, 1);
    if (!s) return CADRE_ENOMEM;
    *s = (cadre_session){ .model = from->model, .capacity = capacity };
    cadre_status status = session_open_beside(&from->session, capacity, &s->session);
    if (status == CADRE_OK) status = share(&from->session, length, &s->session);
    if (status == CADRE_OK) *out = s;
    else cadre_session_free(s);
    return status;
}

cadre_status cadre_session_fork(
    cadre_session *from, int64_t length, int64_t capacity, cadre_session **fork)
{
    CADRE_TRY(session_enter(from));
    return session_leave(from, fork_session(from, length, capacity, fork));
}

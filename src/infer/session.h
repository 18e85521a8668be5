/* session.h - one sequence's past: its tokens, and the keys and values that its next tokens attend
 * to. infer/runner.h advances it. */
#ifndef CADRE_INFER_SESSION_H
#define CADRE_INFER_SESSION_H

#include "cadre/model.h"
#include "model/model.h"
#include "model/state.h"

typedef struct session {
    sequence_state state;
    int32_t *tokens; /* [state.length], with room for the capacity */
} session;

/* For a sequence of up to `capacity` tokens, for which memory is guaranteed. */
cadre_status session_open(const cadre_model *model, int64_t capacity, session *s);
/* Does the same in the memory of another session, whose beginning it may share. */
cadre_status session_open_beside(const session *other, int64_t capacity, session *s);
/* Does the same in a pool that others use too; the caller ensures that there is room. */
cadre_status session_open_in(state_pool *p, int64_t capacity, session *s);
void session_close(session *s);

/* Replaces its contents by `length` tokens, whose rows are in these spans of its pool, and whose
 * fixed parts these are; NULL: there are none (sequence_state_begin). */
void session_begin(
    session *s, const int32_t *tokens, const state_span *spans, int64_t length, const real *fixed);

static inline int64_t session_length(const session *s) { return s->state.length; }
/* Forgets all but the first `length` tokens, at most as many as it holds; or all of them, if it
 * cannot go back so far (sequence_state_can_rewind). Returns how many are left. */
int64_t session_rewind(session *s, int64_t length);

/* How many of `tokens`, from the first on, it holds and can go back to. */
int64_t session_shared(const session *s, const int32_t *tokens, int64_t count);

/* Refuses a rank that follows another one (model/ranks.h). */
cadre_status session_check_leads(const cadre_model *model);
/* Does the same, and refuses a model with an encoder, which does not take one sequence: see
 * encoder_decoder.h. */
cadre_status session_check_model(const cadre_model *model);
/* The first router that reads the token behind each one; NULL: there is none */
const router *session_router_that_reads_next(const cadre_model *model);
/* Refuses a model that has one: no text can be continued. */
cadre_status session_check_writes(const cadre_model *model);

/* Refuses ids outside the vocabulary. */
cadre_status session_check_tokens(const cadre_model *model, const int32_t *tokens, int64_t count);

#endif

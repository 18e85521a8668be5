/* session.h - one sequence's past: its tokens, and the keys and values that its next tokens attend
 * to. infer/runner.h takes it further. */
#ifndef CADRE_INFER_SESSION_H
#define CADRE_INFER_SESSION_H

#include "model/model.h"
#include "model/state.h"

typedef struct session {
    sequence_state state;
    int32_t *tokens; /* [state.length], of room for the capacity */
} session;

/* For a sequence of up to `capacity` tokens, for which there is always memory. */
cadre_status session_open(const cadre_model *model, int64_t capacity, session *s);
/* The same in the memory of another session, whose beginning it may share. */
cadre_status session_open_beside(const session *other, int64_t capacity, session *s);
/* The same in a pool that others use, too: it is their business that there is room. */
cadre_status session_open_in(state_pool *p, int64_t capacity, session *s);
void session_close(session *s);

/* What it holds becomes `length` tokens, whose rows are those of these blocks of its pool
 * [state_blocks(length)]. */
void session_begin(session *s, const int32_t *tokens, state_block *const *blocks, int64_t length);

static inline int64_t session_length(const session *s) { return s->state.length; }
/* Forgets all but the first `length` tokens, at most as many as it holds; or all of them, where the
 * model's mixers cannot go back. Returns how many are left. */
int64_t session_rewind(session *s, int64_t length);

/* How many of `tokens` it holds from its beginning on, and can go back to. */
int64_t session_shared(const session *s, const int32_t *tokens, int64_t count);

/* A model with an encoder does not take one sequence: see encoder_decoder.h. */
cadre_status session_check_model(const cadre_model *model);

/* Ids outside the vocabulary are refused. */
cadre_status session_check_tokens(const cadre_model *model, const int32_t *tokens, int64_t count);

#endif

/* session.h - one sequence's past: its tokens, and the keys and values that its next tokens attend
 * to. infer/runner.h takes it further. */
#ifndef CADRE_INFER_SESSION_H
#define CADRE_INFER_SESSION_H

#include "model/cache.h"
#include "model/model.h"

typedef struct session {
    kv_cache cache;
    int32_t *tokens; /* [cache.length], of room for the capacity */
} session;

/* For a sequence of up to `capacity` tokens. */
cadre_status session_open(const cadre_model *model, int64_t capacity, session *s);
void session_close(session *s);

static inline int64_t session_length(const session *s) { return s->cache.length; }
/* <= its length: forgets the rest */
static inline void session_rewind(session *s, int64_t length) { s->cache.length = length; }

/* How many of `tokens` it holds from its beginning on. */
int64_t session_shared(const session *s, const int32_t *tokens, int64_t count);

/* A model with an encoder does not take one sequence: see encoder_decoder.h. */
cadre_status session_check_model(const cadre_model *model);

/* Ids outside the vocabulary are refused. */
cadre_status session_check_tokens(const cadre_model *model, const int32_t *tokens, int64_t count);

#endif

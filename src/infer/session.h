/* session.h - one sequence running through a model: its cache, and a transformer that takes its tokens in chunks.
 *
 * Tokens in one chunk or one by one give the same bits. */
#ifndef CADRE_INFER_SESSION_H
#define CADRE_INFER_SESSION_H

#include "model/model.h"
#include "model/transformer.h"

enum { SESSION_CHUNK = 256 }; /* tokens at a time */

typedef struct session {
    cadre_model *model; /* borrowed */
    transformer *transformer;
    kv_cache cache;
    transformer_watch watch; /* NULL: none. Called after each sparse layer of each chunk */
    void *watch_arg;
} session;

/* For sequences of up to `capacity` tokens. */
cadre_status session_open(cadre_model *model, int64_t capacity, session *s);
void session_close(session *s);

/* Takes the next count <= SESSION_CHUNK tokens, each checked by the caller to be within the vocabulary. */
void session_feed(session *s, const int32_t *tokens, int64_t count);

/* Of tokens first .. first + rows - 1 of the last chunk: logits [rows, V]. */
void session_logits(session *s, int64_t first, int64_t rows, real *logits);

/* A model with an encoder does not take one sequence: see encoder_decoder.h. */
cadre_status session_check_model(const cadre_model *model);

/* Ids outside the vocabulary are refused. */
cadre_status session_check_tokens(const cadre_model *model, const int32_t *tokens, int64_t count);

#endif

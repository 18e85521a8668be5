/* runner.h - the next tokens of many sessions in one pass through a model.
 *
 * Attention is each session's own, over its own cache; everything else sees the rows of all of them
 * together, so that one pass over an expert's weights serves every row that is routed to it. A
 * session's logits do not depend on the other sessions: tokens in chunks, one by one, alone or
 * beside others give the same bits. */
#ifndef CADRE_INFER_RUNNER_H
#define CADRE_INFER_RUNNER_H

#include "infer/session.h"
#include "model/transformer.h"

/* Tokens at a time that make good use of the kernels in reasonable memory */
enum { RUNNER_CHUNK = 512 };

typedef struct runner {
    cadre_model *model; /* borrowed */
    transformer *transformer;
    int64_t tokens, sessions; /* the most of a pass */
    arena memory;
    int32_t *inputs;         /* [tokens] */
    int64_t *start;          /* [sessions + 1] */
    sequence_state **states; /* [sessions] */
    transformer_watch watch; /* NULL: none. Called after each sparse layer of each pass */
    void *watch_arg;
    bool may_stop; /* passes are given up when a stop is asked for: see runner_feed */
} runner;

/* For passes of up to `tokens` tokens of up to `sessions` sessions, each of a capacity of at most
 * `keys`. */
cadre_status runner_open(
    cadre_model *model, int64_t tokens, int64_t sessions, int64_t keys, runner *r);
void runner_close(runner *r);
/* That runner_open takes */
size_t runner_bytes(const cadre_model *model, int64_t tokens, int64_t sessions, int64_t keys);

/* What a session is to take next: count >= 1 tokens, each checked by the caller to be within the
 * vocabulary. Without a session it is a whole sequence, of which nothing is kept. Either all parts
 * of a pass have a session or none. */
typedef struct runner_part {
    session *session; /* NULL: none */
    const int32_t *tokens;
    int64_t count;
} runner_part;

/* One pass; a session stands in one part. Fails where the runner may stop and was asked to, between
 * two layers, and where experts cannot be read: the sessions are then as they were. */
cadre_status runner_feed(runner *r, const runner_part *parts, int64_t count);

/* Of `count` rows of the last pass, which are the parts' tokens one after another: logits [count,
 * V], in one product. At most as many as the pass had. */
void runner_logits(runner *r, const int64_t *rows, int64_t count, real *logits);

/* Of all rows of the last pass: losses [rows], each that of a target [rows]; of target -1 it is 0.
 */
void runner_losses(runner *r, const int32_t *targets, real *losses);

static inline int64_t runner_chunk(int64_t tokens)
{
    return tokens < RUNNER_CHUNK ? tokens : RUNNER_CHUNK;
}

#endif

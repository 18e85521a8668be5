/* runner.h - takes the next tokens of many sessions in one pass through a model.
 *
 * Attention is each session's own, over its own cache. Everything else sees the rows of all
 * sessions together, so that reading an expert's weights once serves all rows that are routed to
 * it. A session's logits do not depend on the other sessions: tokens in chunks, one by one, alone
 * or beside others give the same bits. */
#ifndef CADRE_INFER_RUNNER_H
#define CADRE_INFER_RUNNER_H

#include "cadre/model.h"
#include "infer/session.h"
#include "model/transformer.h"

/* The number of tokens that uses the kernels well in reasonable memory */
enum { RUNNER_CHUNK = STATE_PASS };

typedef struct runner {
    cadre_model *model; /* borrowed */
    transformer *transformer;
    int64_t tokens, sessions; /* most tokens and sessions of a pass */
    arena arena;
    int32_t *inputs;         /* [tokens] */
    int64_t *start;          /* [sessions + 1] */
    int64_t fed;             /* tokens of the last pass */
    sequence_state **states; /* [sessions] */
    transformer_watch watch; /* NULL: none. Called after each sparse layer of each pass */
    void *watch_arg;
    bool may_stop;  /* passes end when a stop is requested: see runner_feed */
    int64_t number; /* by which ranks that follow know it; 0: there are none */
} runner;

/* For passes of up to `tokens` tokens and `sessions` sessions, each with a capacity of at most
 * `keys`. */
cadre_status runner_open(
    cadre_model *model, int64_t tokens, int64_t sessions, int64_t keys, runner *r);
void runner_close(runner *r);
/* Opens what this rank has of a runner that rank 0 has opened. */
cadre_status runner_open_own(
    cadre_model *model, int64_t tokens, int64_t sessions, int64_t keys, runner *r);
/* The bytes that runner_open allocates */
size_t runner_bytes(const cadre_model *model, int64_t tokens, int64_t sessions, int64_t keys);

/* What a session takes next: count >= 1 tokens, which the caller has checked to be in the
 * vocabulary. Without a session it is a whole sequence, of which nothing is kept. Either all chunks
 * of a pass have a session, or none. */
typedef struct runner_chunk {
    session *session; /* NULL: none */
    const int32_t *tokens;
    int64_t count;
} runner_chunk;

/* Runs one pass, in which a session stands in one chunk only. Fails if the runner may stop and was
 * asked to, between two layers, and if experts cannot be read; the sessions are then as they
 * were. */
cadre_status runner_feed(runner *r, const runner_chunk *chunks, int64_t count);

/* logits [count, V] of `count` rows of the last pass, in one product. Rows are the chunks' tokens,
 * one after another; at most as many as the pass had. */
void runner_logits(runner *r, const int64_t *rows, int64_t count, real *logits);

/* losses [rows] of all rows of the last pass, each for its target [rows]; 0 for a target of -1. */
void runner_losses(runner *r, const int32_t *targets, real *losses);

/* Whether all ranks that run the model have done their part. If one fails, logits and losses are
 * zeros, and this returns its error. */
cadre_status runner_status(const runner *r);

static inline int64_t runner_pass_tokens(int64_t tokens)
{
    return tokens < RUNNER_CHUNK ? tokens : RUNNER_CHUNK;
}

#endif

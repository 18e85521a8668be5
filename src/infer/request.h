/* request.h - a text to be continued: what of it is still to be read, what has been written, and
 * whether it has ended. A request has no memory of a model's pass: whoever runs it takes tokens for
 * the next pass, and gives it logits.
 *
 *     while (!request_ended(r)) {
 *         count = request_next(r, most, &tokens);          what the next pass reads for it
 *         ...                                              the pass
 *         request_read(r, count, NULL, 0);
 *         if (!request_wants_logits(r)) continue;
 *         request_make_ready(r);
 *         request_draw(r, logits);                         of the last token it has read
 *         request_take(r);
 *     }
 *
 * A model with an encoder reads the prompt there, and all that was written again each time
 * (request_output). What comes is a function of the prompt, the sampling and the model: not of the
 * chunks in which it is read, nor of what else is read beside it. */
#ifndef CADRE_INFER_REQUEST_H
#define CADRE_INFER_REQUEST_H

#include "infer/constraint.h"
#include "infer/logprobs.h"
#include "infer/routes.h"
#include "infer/sampler.h"
#include "model/model.h"

typedef enum request_state {
    REQUEST_READS,   /* its prompt */
    REQUEST_WRITES,  /* one token a pass */
    REQUEST_ENDED,   /* by a token that ends a text */
    REQUEST_STOPPED, /* by one of its stop texts */
    REQUEST_LIMIT,   /* as many tokens as were asked for have come */
    REQUEST_LEFT,    /* by its listener */
    REQUEST_FAILED,
} request_state;

/* Hears where the tokens that a pass has read were sent: token t of the log. */
typedef cadre_status (*request_watch)(
    void *arg, const route_log *log, int64_t t, int32_t token, bool prompt);

typedef struct request_options {
    int64_t limit;                  /* tokens to write, at least 0 */
    const cadre_sampling *sampling; /* NULL: cadre_sampling_default */
    const char *const *stops;       /* [stop_count] texts that end it, none of which is told */
    int stop_count;
    const int32_t *ends; /* [end_count] tokens that end it beside the model's own */
    int64_t end_count;
    bool may_stop; /* it fails with CADRE_EINTERRUPTED when the process is asked to stop */
    cadre_token_listener listener;
    void *arg;
    request_watch watch; /* NULL: routes are not wanted */
    void *watch_arg;
    bool logprobs;        /* of what is written */
    bool prompt_logprobs; /* of the prompt */
    int32_t top;          /* how many of the most likely tokens besides: 0 to LOGPROBS_MOST */
    bool reads_all;       /* of its prompt, also what a session has read before */
} request_options;

typedef struct request {
    cadre_model *model; /* borrowed */
    request_options options;
    cadre_sampling sampling;
    int32_t *tokens; /* the prompt; of a model with an encoder a start token; what was written */
    int32_t *ends;
    int64_t prompt, start, written; /* how many of each: start is 0 or 1 */
    int64_t read;                   /* by the model, of the prompt and what was written */
    request_state state;
    cadre_status status; /* of a request that has failed, */
    char sentence[512];  /* and what there is to say of it */
    sampler sampler;
    int32_t drawn;                  /* the token that comes next; -1: the logits are not finite */
    constraint_text constraint;     /* its text, where sampling has a constraint */
    token_stream *stream;           /* NULL: the model has no tokenizer */
    cadre_stop *stop;               /* NULL: no stop texts */
    cadre_bias *biases;             /* its own, of the sampling */
    logprobs scores, prompt_scores; /* empty where they are not wanted */
} request;

/* Copies everything that it is given, and refuses by name what is not valid. */
cadre_status request_open(cadre_model *model, const int32_t *tokens, int64_t count,
    const request_options *options, request *r);
/* Allocates the memory for writing, which is not small; it is called once, before the first pass.
 * read: how many tokens of the prompt, fewer than all, a session has read before. */
cadre_status request_begin(request *r, int64_t read);
void request_close(request *r);

static inline bool request_ended(const request *r)
{
    return r->state != REQUEST_READS && r->state != REQUEST_WRITES;
}
/* The tokens that there are so far, without the start token. */
static inline int64_t request_length(const request *r) { return r->prompt + r->written; }
/* The most tokens that are ever read for it: the last one that it writes is never read. */
static inline int64_t request_most(const request *r)
{
    return r->prompt + (r->options.limit ? r->options.limit - 1 : 0);
}
static inline int64_t request_left(const request *r) { return request_length(r) - r->read; }
static inline bool request_wants_logits(const request *r)
{
    return !request_ended(r) && request_left(r) == 0;
}

/* Returns how many tokens the next pass should read for it, at most `most`, and which. */
int64_t request_next(const request *r, int64_t most, const int32_t **tokens);
/* Takes note that a pass has read `count` more tokens, and has left their routes in the log, from
 * token `first` on; log NULL: their routes were not watched. */
void request_read(request *r, int64_t count, const route_log *log, int64_t first);
/* Keeps how likely the prompt's token at this position, 1 to prompt - 1, is by the logits [V] of
 * the token before it. Only where prompt_logprobs are wanted. */
void request_score(request *r, int64_t position, const real *logits);
/* Three steps choose the next token from the logits [V] of the last one that was read. The first
 * finds which tokens may come. The second draws one of them; it touches this request alone, so that
 * threads may draw for several requests at a time. The third keeps and reports the token. A request
 * that fails does nothing more. */
void request_make_ready(request *r);
void request_draw(request *r, const real *logits);
void request_take(request *r);
/* Ends it with this status, whose sentence is this thread's last error. */
void request_fail(request *r, cadre_status status);

/* The start token and what was written [count], for a model with an encoder. */
const int32_t *request_output(const request *r, int64_t *count);

#endif

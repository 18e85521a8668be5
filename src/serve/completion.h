/* completion.h - one request for a completion, from its body to the last byte of its response. It
 * submits choices to the batcher, polls them after each pass, and sends the answer whole or as a
 * stream of events. */
#ifndef CADRE_SERVE_COMPLETION_H
#define CADRE_SERVE_COMPLETION_H

#include "serve/api_request.h"
#include "serve/choice.h"
#include "serve/connection.h"
#include "serve/engine.h"
#include "serve/stats.h"
#include "serve/worker.h"
#include "text/chat_template.h"

typedef struct completion completion;

/* State that all completions share. */
typedef struct completions {
    engine *engine; /* borrowed, as all pointers below */
    stats *stats;
    worker *worker;
    const char *model_name;
    api_limits limits; /* valid once the model is open */
    bool suggested; /* the model's files suggest sampling options, which limits.sampling contains */
    int64_t context;
    const tokenizer *tokenizer;
    const chat_template *template; /* NULL: the model has no known template; */
    char no_template[256];         /* this says why */
    int32_t *chat_ends;            /* [chat_end_count] tokens that end an answer; owned */
    int64_t chat_end_count;
    uint64_t request_count; /* number of requests so far */
    uint64_t salt;          /* random; makes ids and default seeds */
    bool draining;          /* the server shuts down: nothing new is submitted */
    completion *first;
} completions;

/* Called once the engine is ready. template NULL: the model's template is recognised. */
cadre_status completions_open(completions *all, const char *template);
void completions_close(completions *all); /* called when all completions have ended */

struct completion {
    completions *all;
    connection *connection;
    worker_job job; /* reads the body, encodes prompts, then compiles the schema */
    byte_buffer body;
    cadre_status status; /* the job's result */
    bool disconnected;   /* its client disconnected while the worker had it */
    bool submitted;      /* it was submitted, or it failed: the worker no longer has it */
    api_request request;
    api_error error;
    chat_template thinking;        /* the template with the requested way of thinking */
    const chat_template *template; /* the template of a chat */
    bool continues;                /* the answer began in the prompt */
    bool may_think;                /* the model may think before it answers */
    cadre_constraint *constraint;  /* the choices' constraint; NULL: none */
    uint64_t number; /* counts requests; makes its id, and its seed if none is given */
    char id[48];
    int64_t created;
    token_list *prompts; /* [prompt_count]; a chat has one */
    int64_t prompt_count;
    choice *choices; /* [count] */
    int64_t count;
    const chat_tool_style *style; /* how the template writes function calls; NULL: there are none */
    bool stream_begun;            /* the head of a streamed response was sent */
    double arrived;               /* when the request arrived, and when something was last sent */
    double sent;
    completion *next, *previous;
};

/* Begins a completion from the whole request that the connection's reader holds. The response
 * follows later. */
void completion_begin(completions *all, connection *c, bool chat);

/* Called after a pass: takes the news of every completion and sends it. */
void completions_poll(completions *all);
/* Called from time to time: sends a comment to clients that have waited for long, so that they keep
 * the connection. */
void completions_tick(completions *all, double now);

/* Answers 503 to all completions that still wait in the queue, because the server shuts down. */
void completions_refuse_waiting(completions *all);

void completions_count(const completions *all, int64_t *running, int64_t *waiting);

#endif

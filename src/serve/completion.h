/* completion.h - one request for text, from its body to the last byte of its answer: what is
 * submitted for it, what comes, and how it is told, whole or as a stream of events. */
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

/* What all of them share. */
typedef struct completions {
    engine *engine; /* borrowed, as all below */
    stats *stats;
    worker *worker;
    const char *model_name;
    api_limits limits; /* these once the model is open */
    bool suggested;    /* the model's files say how to sample, and limits.sampling has it */
    int64_t context;
    const tokenizer *tokenizer;
    const chat_template *template; /* NULL: the model has none that is known, ... */
    char no_template[256];         /* ... and why */
    int32_t *chat_ends;            /* [chat_end_count] tokens that end an answer; its own */
    int64_t chat_end_count;
    uint64_t asked; /* requests so far */
    uint64_t salt;  /* of their names and seeds */
    bool ending;    /* nothing new is submitted */
    completion *first;
} completions;

/* Once the engine is ready. template: NULL: recognised. */
cadre_status completions_open(completions *all, const char *template);
void completions_close(completions *all); /* when its completions have gone */

struct completion {
    completions *all;
    connection *connection;
    worker_job job; /* its body is read, its prompts are encoded, its schema is compiled */
    byte_buffer body;
    cadre_status status; /* of that */
    bool left;           /* its client has, meanwhile */
    bool submitted;      /* or it has failed: the worker no longer has it */
    api_request request;
    api_error error;
    chat_template thinking;        /* the template with the way of thinking that is wanted */
    const chat_template *template; /* of a chat */
    bool goes_on;                  /* the answer has begun in the prompt */
    bool may_think;                /* before it answers */
    cadre_constraint *constraint;  /* until all choices have it; NULL: none */
    uint64_t number; /* of all requests so far: its name, and seeds where none is given */
    char name[48];
    int64_t created;
    token_list *prompts; /* [request.prompt_count], of a chat one */
    int64_t prompt_count;
    choice *choices; /* [count] */
    int64_t count;
    const chat_tool_style *style; /* how functions are called; NULL: none are */
    bool streams;                 /* the head of the stream was sent */
    double arrived;               /* when the request was there; and when something was sent last */
    double sent;
    completion *next, *before;
};

/* The whole request that the connection's reader holds: it is answered at once where it cannot be,
 * else the connection answers until it has been. */
void completion_begin(completions *all, connection *c, bool chat);

/* After a pass: what has come for each of them is told. */
void completions_hear(completions *all);
/* Every now and then: who waits for long is told that he is not forgotten. */
void completions_tick(completions *all, double now);

/* Ends all that wait for a stream, as of a server that is to end: they are answered 503. */
void completions_refuse_waiting(completions *all);

void completions_count(const completions *all, int64_t *running, int64_t *waiting);

#endif

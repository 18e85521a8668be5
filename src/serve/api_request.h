/* api_request.h - the bodies of /v1/completions and /v1/chat/completions, read and bounded.
 *
 * Every field that would change the answer is done or refused by name; null is the same as absent;
 * what is unknown is let pass, as clients of other services send much that means nothing here. */
#ifndef CADRE_SERVE_API_REQUEST_H
#define CADRE_SERVE_API_REQUEST_H

#include "cadre/session.h"
#include "format/json.h"
#include "serve/api_answer.h"
#include "serve/api_error.h"
#include "text/chat.h"

enum { API_STOPS = 16, API_BIASES = 1024, API_MESSAGES = 4096, API_TOP = 20 };

/* What a server can do for one request. */
typedef struct api_limits {
    const char *model;       /* the name that it goes by */
    int64_t vocab;           /* ids below are the model's */
    int64_t choices, places; /* n; and of all prompts together */
    cadre_sampling sampling; /* where the request says nothing */
} api_limits;

typedef struct api_prompt {
    string_view text; /* borrowed from the document; data NULL: ids */
    int32_t *ids;     /* [count] its own */
    int64_t count;
} api_prompt;

typedef struct api_request {
    json_document *document; /* texts are borrowed from it */
    bool chat;
    api_prompt *prompts; /* [prompt_count] */
    int64_t prompt_count;
    chat_message *messages; /* [message_count] */
    byte_buffer *texts;     /* [message_count] of these */
    int64_t message_count;
    api_answer *answer;   /* its own: what the answer is to be, and calls of the conversation */
    bool continues;       /* the last message, the assistant's, is to be gone on with */
    const char *thinking; /* as chat_template_think takes it; NULL: not said. Static */
    const char *thinking_field;
    int64_t n;
    int64_t limit;      /* of tokens; -1: as many as there is room for */
    bool structured;    /* what is written is to be JSON, */
    byte_buffer schema; /* valid for this schema; nothing in it: any object */
    bool stream, include_usage, echo, logprobs, routes, token_ids;
    int32_t top;
    cadre_sampling sampling;
    bool seeded;
    cadre_bias *biases; /* of the sampling, its own */
    const char *stops[API_STOPS];
    int stop_count;
} api_request;

/* What is wrong is written to the error, and the status is none of success. */
cadre_status api_request_read(
    string_view body, bool chat, const api_limits *limits, api_request *r, api_error *error);
void api_request_free(api_request *r);

/* For the files that read its parts. */
cadre_status api_read_messages(const json_node *root, api_request *r);
cadre_status api_read_prompts(const json_node *root, const api_limits *limits, api_request *r);
/* [count] ids below vocab of a list, to be freed by mem_free. */
cadre_status api_read_ids(const json_node *list, int64_t vocab, int32_t **ids, int64_t *count);

#endif

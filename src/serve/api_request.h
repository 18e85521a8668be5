/* api_request.h - reads and checks the bodies of /v1/completions and /v1/chat/completions.
 *
 * A field that would change the answer is either supported, or refused by its name. null is the
 * same as an absent field. Unknown fields are ignored, because clients of other services send many
 * that have no meaning here. */
#ifndef CADRE_SERVE_API_REQUEST_H
#define CADRE_SERVE_API_REQUEST_H

#include "cadre/session.h"
#include "format/json.h"
#include "serve/api_tool_use.h"
#include "serve/api_error.h"
#include "text/chat.h"

enum { API_STOPS = 16, API_BIASES = 1024, API_MESSAGES = 4096, API_TOP_LOGPROBS = 20 };

/* The limits of this server for one request. */
typedef struct api_limits {
    const char *model; /* the model's name in requests */
    int64_t vocab;     /* ids must be below it */
    /* at most this many choices for each prompt; and for all prompts together */
    int64_t choices, total_choices;
    cadre_sampling sampling; /* defaults for fields that the request does not set */
} api_limits;

typedef struct api_prompt {
    string_view text; /* borrowed from the document; data NULL: the prompt is given as ids */
    int32_t *ids;     /* [count] owned */
    int64_t count;
} api_prompt;

typedef struct api_request {
    json_document *document; /* owns the texts */
    bool chat;
    api_prompt *prompts; /* [prompt_count] */
    int64_t prompt_count;
    chat_message *messages; /* [message_count] */
    byte_buffer *texts;     /* [message_count] the messages' texts */
    int64_t message_count;
    api_tool_use *tool_use; /* owned: functions, and the calls in the conversation */
    bool continues;         /* the answer continues the last message, which is the assistant's */
    const char *thinking;   /* as chat_template_think takes it; NULL: not set. Static */
    const char *thinking_field;
    int64_t n;
    int64_t limit;      /* of tokens; -1: the rest of the context */
    bool structured;    /* the answer must be JSON, and */
    byte_buffer schema; /* valid for this schema; empty: any JSON object */
    bool stream, include_usage, echo, logprobs, routes, token_ids;
    int32_t top;
    cadre_sampling sampling;
    bool seeded;
    cadre_bias *biases; /* owned; sampling points to them */
    const char *stops[API_STOPS];
    int stop_count;
} api_request;

/* Reads a body. If it fails, `error` says why, and the status is not CADRE_OK. */
cadre_status api_request_read(
    string_view body, bool chat, const api_limits *limits, api_request *r, api_error *error);
void api_request_free(api_request *r);

/* Used by the files that read parts of a body. */
cadre_status api_check_foreign_fields(const json_node *root, bool chat);
cadre_status api_read_messages(const json_node *root, api_request *r);
cadre_status api_read_prompts(const json_node *root, const api_limits *limits, api_request *r);
/* Reads the ids of a list, which are below vocab. ids: [count], to be freed by mem_free. */
cadre_status api_read_ids(const json_node *list, int64_t vocab, int32_t **ids, int64_t *count);

#endif

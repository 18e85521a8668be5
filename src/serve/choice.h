/* choice.h - one choice of a request (OpenAI's name for one of its n texts): what has been
 * generated, and how much of that has been sent. */
#ifndef CADRE_SERVE_CHOICE_H
#define CADRE_SERVE_CHOICE_H

#include "cadre/batcher.h"
#include "serve/answer_text.h"
#include "serve/logprob_list.h"

/* The experts of the tokens read so far, as cadre_request_news gives them. */
typedef struct choice_routes {
    byte_buffer experts; /* int16_t [tokens, S, K] */
    int64_t tokens, layers, picks;
} choice_routes;

typedef struct choice {
    int64_t index;
    int64_t request; /* its id in the batcher; 0: it is no longer there */
    cadre_request_state state;
    const char *finish; /* "stop", "length" or "tool_calls"; NULL: it has not ended. Static */
    answer_text text;
    token_list ids;      /* generated ids, including the one that ended the text */
    int32_t previous_id; /* the id before the next one; -1: there is none */
    /* the last id of the final news only ended the text and is no part of it */
    bool ended_by_token;
    bool wants_logprobs, wants_routes;
    logprob_list logprobs;
    choice_routes routes;
    /* How many logprobs, ids and routes have been sent */
    size_t logprobs_sent, ids_sent;
    int64_t routes_sent;
    bool begun;             /* its role, or the echo of its prompt, was sent */
    bool end_sent;          /* its finish_reason was sent */
    int64_t thought_tokens; /* tokens of its thoughts */
    int64_t cached_tokens;  /* tokens of the prompt that were found in the cache */
    bool admitted;          /* it has left the queue */
    double last_token;      /* when its last token was generated; 0: there is none yet */
} choice;

void choice_close(choice *c);

/* Takes news: adds the new ids to the text, until the text ends. */
cadre_status choice_take(choice *c, const cadre_request_news *news);
/* Takes the logprobs of the prompt's tokens, which are sent before all others. */
cadre_status choice_take_prompt(
    choice *c, const int32_t *ids, int64_t count, const cadre_request_news *news);

/* Write the members "logprobs", "routes" and "token_ids" of the open object, with what has not been
 * sent yet. Those that were not requested are left out, or null. */
void choice_put_logprobs(choice *c, bool chat, json_writer *w);
void choice_put_routes(choice *c, json_writer *w);
void choice_put_ids(choice *c, json_writer *w);

#endif

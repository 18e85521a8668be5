/* choice.h - one text that is written for a request: what of it has come, and what of that has been
 * told. */
#ifndef CADRE_SERVE_CHOICE_H
#define CADRE_SERVE_CHOICE_H

#include "cadre/batcher.h"
#include "serve/answer_text.h"
#include "serve/scores.h"

/* Experts of the tokens that were read, as cadre_request_news tells them. */
typedef struct choice_routes {
    byte_buffer experts; /* int16_t [tokens, S, K] */
    int64_t tokens, layers, picks;
} choice_routes;

typedef struct choice {
    int64_t index;
    int64_t request; /* its number in the batcher; 0: it is no longer there */
    cadre_request_state state;
    const char *finish; /* "stop", "length" or "tool_calls"; NULL: it goes on. Static */
    answer_text text;
    token_list ids;      /* written, with the one that ended it */
    int32_t before;      /* the id before the next one; -1: there is none */
    bool ended_by_token; /* the last id of news that end the text is no part of it */
    bool scored, routed;
    scores scores;
    choice_routes routes;
    /* What has been told: of scores, ids and routes so many, of the routes at the end more */
    size_t scores_told, ids_told;
    int64_t routes_told;
    bool begun;       /* its role, or its prompt, was told */
    bool closed;      /* its end was told */
    int64_t thoughts; /* tokens of what is not said */
    int64_t cached;   /* tokens of the prompt that were not read again */
    bool read;        /* it has been seen reading or later */
    double last;      /* when its last token came; 0: none has */
} choice;

void choice_close(choice *c);

/* What has come since: ids go into the text, as far as nothing stops it. */
cadre_status choice_take(choice *c, const cadre_request_news *news);
/* Of a prompt's tokens, at the beginning of what is told. */
cadre_status choice_take_prompt(
    choice *c, const int32_t *ids, int64_t count, const cadre_request_news *news);

/* "logprobs", "routes" and "token_ids" that were asked for and not yet told, as members of the
 * object that is open. */
void choice_put_scores(choice *c, bool chat, json_writer *w);
void choice_put_routes(choice *c, json_writer *w);
void choice_put_ids(choice *c, json_writer *w);

#endif

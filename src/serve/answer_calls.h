/* answer_calls.h - the function calls of an answer, collected as they arrive and written as JSON,
 * whole or as deltas of a stream. */
#ifndef CADRE_SERVE_ANSWER_CALLS_H
#define CADRE_SERVE_ANSWER_CALLS_H

#include "format/json_writer.h"
#include "text/chat_calls.h"

typedef struct answer_call {
    char id[16];
    byte_buffer name, arguments;
    size_t sent;    /* bytes of the arguments that were sent */
    bool name_sent; /* its id and name were sent */
} answer_call;

typedef struct answer_calls {
    call_reader reader; /* style NULL: the answer is not searched for calls */
    answer_call *list;  /* [count] */
    size_t count, room;
    uint64_t id_seed; /* seed of the calls' ids */
    byte_buffer text; /* text outside calls that the caller has not taken yet */
} answer_calls;

void answer_calls_open(
    const chat_tool_style *style, const chat_tools *tools, uint64_t id_seed, answer_calls *c);
void answer_calls_close(answer_calls *c);

/* Adds text of the answer, in which control tokens are spelt out. Text outside calls is put into
 * c->text. */
cadre_status answer_calls_put(answer_calls *c, string_view text);
cadre_status answer_calls_end(answer_calls *c);

bool answer_calls_has_delta(const answer_calls *c);
/* Write "tool_calls": all calls, or in a stream only what has not been sent yet. */
void answer_calls_put_all(const answer_calls *c, json_writer *w);
void answer_calls_put_delta(answer_calls *c, json_writer *w);

#endif

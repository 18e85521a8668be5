/* answer_calls.h - the calls of an answer, as they come and as they are told. */
#ifndef CADRE_SERVE_ANSWER_CALLS_H
#define CADRE_SERVE_ANSWER_CALLS_H

#include "format/json_writer.h"
#include "text/chat_calls.h"

typedef struct answer_call {
    char id[16];
    byte_buffer name, arguments;
    size_t told; /* of the arguments */
    bool begun;  /* its name was told */
} answer_call;

typedef struct answer_calls {
    call_reader reader; /* style NULL: none are looked for */
    answer_call *list;  /* [count] */
    size_t count, room;
    uint64_t names;   /* ids are drawn from it */
    byte_buffer text; /* that is no call, since it was taken */
} answer_calls;

void answer_calls_open(
    const chat_tool_style *style, const chat_tools *tools, uint64_t names, answer_calls *c);
void answer_calls_close(answer_calls *c);

/* Text of the answer, control tokens spelt out; what is no call comes to c->text. */
cadre_status answer_calls_put(answer_calls *c, string_view text);
cadre_status answer_calls_end(answer_calls *c);

bool answer_calls_has_news(const answer_calls *c);
/* "tool_calls": all of them; or of a stream what is new, where there is anything. */
void answer_calls_put_all(const answer_calls *c, json_writer *w);
void answer_calls_put_news(answer_calls *c, json_writer *w);

#endif

/* api_answer.h - the functions that an answer may call, and the calls of the conversation before
 * it. */
#ifndef CADRE_SERVE_API_ANSWER_H
#define CADRE_SERVE_API_ANSWER_H

#include "text/chat_calls.h"

typedef struct api_answer {
    json_node root;   /* of the request: nodes below are of it */
    chat_tools tools; /* count 0: none, or none that may be called */
    bool required;
    int only; /* -1: any */
    bool once;
    chat_turn *turns;          /* [messages] */
    chat_call **calls;         /* [messages] of each turn; NULL: none */
    json_document **arguments; /* [argument_count] of the calls */
    int64_t turn_count;
    size_t argument_count, argument_room;
    bool called; /* there are calls, or results of some */
} api_answer;

/* structured: the answer is to be JSON, and calls nothing. */
cadre_status api_answer_read(
    const json_node *root, bool chat, bool structured, api_answer **answer);
void api_answer_free(api_answer *a);

/* Of a message: its calls, or the call whose result it is. turn: as far as it was read. */
cadre_status api_answer_read_calls(
    api_answer *a, const json_node *message, int64_t index, chat_turn *turn);

#endif

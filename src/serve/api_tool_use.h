/* api_tool_use.h - the functions that an answer may call, and the calls in the conversation before
 * it. */
#ifndef CADRE_SERVE_API_TOOL_USE_H
#define CADRE_SERVE_API_TOOL_USE_H

#include "text/chat_calls.h"

typedef struct api_tool_use {
    json_node root;   /* the request's document, which the nodes below belong to */
    chat_tools tools; /* count 0: there are none, or none may be called */
    bool required;
    int only; /* index of the only function that may be called; -1: any */
    bool once;
    chat_turn *turns;          /* [messages] */
    chat_call **calls;         /* [messages] the calls of each turn; NULL: none */
    json_document **arguments; /* [argument_count] parsed arguments of the calls */
    int64_t turn_count;
    size_t argument_count, argument_room;
    bool called; /* the conversation has calls or results of calls */
} api_tool_use;

/* structured: the answer must be JSON, so it cannot call functions. */
cadre_status api_tool_use_read(
    const json_node *root, bool chat, bool structured, api_tool_use **tool_use);
void api_tool_use_free(api_tool_use *a);

/* Reads a message's calls, or which call a message of role tool is the result of. turn: the message
 * as far as it was read. */
cadre_status api_tool_use_read_calls(
    api_tool_use *a, const json_node *message, int64_t index, chat_turn *turn);

#endif

/* chat_read.h - a conversation as JSON: messages as OpenAI has them, with thoughts, calls of
 * functions and what these returned. */
#ifndef CADRE_TEXT_CHAT_READ_H
#define CADRE_TEXT_CHAT_READ_H

#include "text/chat_calls.h"

typedef struct chat_read {
    chat_turn *turns; /* [count] */
    int count;
    chat_tools tools;
    bool calls; /* functions are offered, called, or have returned something */

    byte_buffer *texts; /* [2 count] contents and thoughts */
    chat_call **lists;  /* [count] */
    json_document **arguments;
    size_t argument_count, argument_room;
} chat_read;

/* Reads {"messages": [...], "tools": [...]}; tools may be absent. Of a message: "role", one of
 * system, developer, user, assistant and tool; "content", a text, a list of texts, or null beside
 * calls; "reasoning_content", "reasoning" or "thinking"; "tool_calls", whose arguments are an
 * object or its text; "tool_call_id". The first message alone may be the system's. `root` lives as
 * long. */
cadre_status chat_read_conversation(const json_node *root, chat_read *read);
void chat_read_free(chat_read *read);

/* Appends the ids of a conversation up to where the next answer begins. program: the model's own
 * template; size 0: it has none. */
cadre_status chat_read_encode(const chat_read *read, const chat_template *c, string_view program,
    const tokenizer *t, token_list *ids);
/* Appends all of it, to learn from: as chat_encode_whole. */
cadre_status chat_read_encode_whole(const chat_read *read, const chat_template *c,
    const tokenizer *t, token_list *ids, token_list *answers);

#endif

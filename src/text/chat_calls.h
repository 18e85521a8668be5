/* chat_calls.h - conversations in which a model may call functions, or has: their text, and what of
 * an answer is a call. */
#ifndef CADRE_TEXT_CHAT_CALLS_H
#define CADRE_TEXT_CHAT_CALLS_H

#include "text/chat_tools.h"

typedef struct chat_call {
    const char *id, *name;
    json_node arguments; /* an object */
} chat_call;

/* A message, or what a function returned. */
typedef struct chat_turn {
    chat_role role;
    bool result; /* of a call, whose id is `call`; the role is of no matter */
    string_view text, thought;
    const char *call;
    const chat_call *calls; /* [call_count] of the assistant */
    int call_count;
} chat_turn;

/* Appends the ids of the conversation up to where the next answer begins. tools NULL: none are
 * offered. Messages of the system come first, or not at all. */
cadre_status chat_calls_encode(const chat_template *c, const chat_tool_style *style,
    const tokenizer *t, const chat_turn *turns, int count, const chat_tools *tools,
    token_list *ids);

/* A conversation of which all is known. style NULL: there are no functions. */
typedef struct chat_conversation {
    const chat_template *template;
    const chat_tool_style *style;
    const chat_turn *turns; /* [count] */
    int count;
    const chat_tools *tools; /* NULL: none are offered */
} chat_conversation;

/* Appends the ids of a whole conversation, to learn from; answers as in chat_encode_whole: what the
 * assistant says and calls. There is a style. */
cadre_status chat_calls_encode_whole(
    const chat_conversation *whole, const tokenizer *t, token_list *ids, token_list *answers);

/* ---- answers ---- */

typedef enum call_event {
    CALL_TEXT,      /* that is no call */
    CALL_NAME,      /* a call begins: the function's whole name */
    CALL_ARGUMENTS, /* a piece of the text of its arguments, a JSON object */
    CALL_END        /* of this call */
} call_event;

typedef cadre_status (*call_listener)(void *arg, call_event event, string_view text);

/* Finds calls in a text that comes piece by piece, control tokens spelt out in it; what may yet
 * become one is held back. A text that is cut within a call has no CALL_END for it. */
typedef struct call_reader {
    const chat_tool_style *style;
    byte_buffer held; /* what may become a mark; then a name, a key, a value, or all arguments */
    size_t looked;    /* bytes of it in which the end of all arguments does not stand */
    int state;
    int depth;               /* of brackets in the arguments */
    bool string, escape;     /* within a string of them; behind its backslash */
    int pairs;               /* read of this call */
    bool raw;                /* the value that is read is a string, without quotation marks */
    const chat_tools *tools; /* whose parameters say which values are strings */
    int tool;                /* that is called; -1: unknown */
} call_reader;

/* tools: of the request; NULL: not known. */
void call_reader_open(const chat_tool_style *style, const chat_tools *tools, call_reader *r);
void call_reader_close(call_reader *r);
cadre_status call_reader_put(call_reader *r, string_view text, call_listener listener, void *arg);
/* Nothing more comes: what was held back is text, unless it is part of a call. */
cadre_status call_reader_end(call_reader *r, call_listener listener, void *arg);
bool call_reader_inside(const call_reader *r); /* a call has begun and not ended */

#endif

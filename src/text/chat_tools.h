/* chat_tools.h - functions that a model may ask to be called: how each family of templates tells
 * them to the model, and how the model calls them.
 *
 *     begin name named arguments given [between name named arguments given ...] end
 *
 * The arguments are JSON, pairs of key and value between marks, or values as Python or Gemma write
 * them. */
#ifndef CADRE_TEXT_CHAT_TOOLS_H
#define CADRE_TEXT_CHAT_TOOLS_H

#include "format/json.h"
#include "text/chat.h"

enum { CHAT_TOOLS_MAX = 128, CHAT_TOOL_NAME = 64 };

/* Borrowed from the document that it was read from. */
typedef struct chat_tool {
    const char *name;
    const char *description; /* "": none */
    json_node whole;         /* {"type": "function", "function": ...} */
    json_node function;
    json_node parameters; /* a JSON schema; value NULL: none are asked for */
} chat_tool;

typedef struct chat_tools {
    json_node list;   /* those above are of it */
    chat_tool *tools; /* [count] */
    int count;
} chat_tools;

/* OpenAI's list of tools. `list` lives as long. */
cadre_status chat_tools_read(const json_node *list, chat_tools *tools);
void chat_tools_free(chat_tools *tools);
int chat_tools_find(const chat_tools *tools, const char *name); /* -1: there is none */

/* Whether what is said of a value is an object whose type is this one and no other. */
bool chat_schema_is(const json_node *schema, const char *type);
/* Whether this parameter is a string and nothing else, which pairs of key and value have as it is:
 * without quotation marks. */
bool chat_tool_takes_text(const chat_tool *tool, const char *parameter);

/* ---- ways to call ---- */

typedef enum chat_tool_kind {
    CHAT_TOOLS_USUAL, /* all that differs is data */
    CHAT_TOOLS_DEEPSEEK,
    CHAT_TOOLS_MISTRAL,
    CHAT_TOOLS_HARMONY,
    CHAT_TOOLS_KIMI,
    CHAT_TOOLS_GEMMA
} chat_tool_kind;

/* A key and its value as they are written, and the marks that they are read by: what stands between
 * those but white space is passed over. */
typedef struct chat_pairs {
    const char *begin, *named, *given, *between;
    const char *key_end, *value_begin, *value_end;
    const char *end, *close; /* no pair follows; the call is over */
    bool lines;              /* a value stands in lines of its own */
    bool quoted;             /* strings have JSON's quotation marks */
    bool python;             /* values other than lists and objects are Python's */
} chat_pairs;

typedef enum chat_told_place {
    TOLD_BEHIND, /* the system's words, in its message */
    TOLD_BEFORE,
    TOLD_APART /* in a message of its own, before the system's */
} chat_told_place;

typedef enum chat_told_item { TOLD_JSON, TOLD_XML, TOLD_GEMMA } chat_told_item;

/* How the model is told of functions. */
typedef struct chat_told {
    chat_told_place place;
    chat_told_item item;
    bool alone;         /* where nobody says a system's message, there is not even the usual one */
    const char *beside; /* between this and the system's words ... */
    const char *alone_set;                              /* ... and where there are none */
    const char *begin, *before, *between, *after, *end; /* the list, and each function in it */
    const char *end_thinking;                           /* the end, while the model thinks; NULL */
} chat_told;

/* What functions returned: first and last of those that follow each other. */
typedef struct chat_results {
    const char *first, *before, *after, *last;
    bool trims;
} chat_results;

typedef struct chat_tool_style {
    const char *name;
    chat_tool_kind kind;
    const char *templates; /* names of chat templates, between blanks, that have it */
    const char *sign;      /* in the model's own template, where it has one */
    const char *mark;      /* what `begin` begins with, and no other text has */
    const char *begin, *named, *given, *between, *end;
    const chat_pairs *pairs; /* NULL: arguments are JSON */
    chat_told told;
    chat_results results;
    const char *then;  /* between what the assistant says and its calls */
    bool then_always;  /* even if it says nothing */
    const char *after; /* its message; NULL: what the template has there */
    bool one;          /* a turn calls one function */
    bool numbered;     /* a name has its number behind it: "name:0" */
} chat_tool_style;

/* How models of this template call; NULL: not known. program: the model's own template; size 0: it
 * has none. */
const chat_tool_style *chat_tool_style_of(const chat_template *c, string_view program);

#endif

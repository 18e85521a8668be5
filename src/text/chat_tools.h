/* chat_tools.h - functions that a model may ask to be called: how each family of templates tells
 * them to the model, and how the model calls them.
 *
 * What is called is said in JSON, name and arguments, or (GLM-4.5) as pairs of key and value:
 *
 *     begin name named arguments given [between name named arguments given ...] end */
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

typedef enum chat_tool_kind {
    CHAT_TOOLS_HERMES,
    CHAT_TOOLS_GLM,
    CHAT_TOOLS_DEEPSEEK,
    CHAT_TOOLS_MISTRAL,
    CHAT_TOOLS_HARMONY
} chat_tool_kind;

typedef struct chat_tool_style {
    const char *name;
    chat_tool_kind kind;
    const char *templates; /* names of chat templates, between blanks, that have it */
    const char *sign;      /* in the model's own template, where it has one */
    const char *mark;      /* what `begin` begins with, and no other text has */
    const char *begin, *named, *given, *between, *end;
    bool pairs; /* arguments are pairs of key and value */
    bool one;   /* a turn calls one function */
} chat_tool_style;

/* How models of this template call; NULL: not known. program: the model's own template; size 0: it
 * has none. */
const chat_tool_style *chat_tool_style_of(const chat_template *c, string_view program);

#endif

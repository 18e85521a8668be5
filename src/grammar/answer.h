/* answer.h - what the whole answer of a model in a conversation must be, as a grammar: thoughts as
 * its template has them, then JSON that is valid for a schema, or a text that may end in calls of
 * functions, whose arguments are valid for theirs.
 *
 * Control tokens that a template marks these parts with stand in the grammar as text/token_trie.h
 * has them; no other control token can come. */
#ifndef CADRE_GRAMMAR_ANSWER_H
#define CADRE_GRAMMAR_ANSWER_H

#include "grammar/json_text.h"
#include "text/chat_template.h"
#include "text/chat_tools.h"
#include "text/token_trie.h"

typedef struct answer_form {
    const char *name; /* of the schema, for errors */
    const tokenizer *tokenizer;
    const chat_template *template; /* NULL: no thoughts and no marks */
    bool continues;                /* the answer has begun before: there are no thoughts */
    bool json;                     /* it is JSON, ... */
    const char *schema;            /* ... valid for this [size]; NULL: any object */
    size_t size;
    const chat_tool_style *style; /* else it may call functions; NULL: it is any text */
    const chat_tools *tools;
    bool required; /* it has to call one, ... */
    int only;      /* ... this one; -1: any */
    bool once;     /* at most one */
} answer_form;

/* The grammar's first node. */
cadre_status answer_make(network *n, const answer_form *f, node_id *root);

#endif

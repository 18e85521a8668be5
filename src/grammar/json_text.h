/* json_text.h - JSON as bytes: the pieces that every schema is made of.
 *
 * White space is allowed where people and models write it, and bounded: a blank, or a line feed
 * with its indentation. Numbers have at most 15 digits before and after the point and two in the
 * exponent, so that every reader of JSON has a number for them. \u0000 and halves of surrogate
 * pairs are left out, and what is raw in a string is well-formed UTF-8. */
#ifndef CADRE_GRAMMAR_JSON_TEXT_H
#define CADRE_GRAMMAR_JSON_TEXT_H

#include "grammar/network.h"

enum { JSON_DIGITS = 15 };

/* Pieces to be called. */
typedef struct json_text {
    network *n;
    const char *quote; /* around strings and nothing else; NULL: JSON's mark, also around keys */
    node_id blank;     /* white space, or none; NETWORK_END: never any */
    node_id string;    /* with its quotation marks */
    node_id character; /* of a string of JSON */
    node_id name;      /* a key without quotation marks */
    node_id number, value, object, array;
} json_text;

void json_text_make(network *n, json_text *j);
/* The same values as Gemma writes them: no white space, keys without quotation marks, and strings
 * as they are between two control tokens, spelt as text/token_trie.h has them. quote: lives as
 * long. */
void json_text_make_raw(network *n, const char *quote, json_text *j);

/* White space before what follows. */
node_id json_text_blank(const json_text *j, node_id next);
/* A byte with white space after it, or before it. */
node_id json_text_before(const json_text *j, char byte, node_id next);
node_id json_text_after(const json_text *j, char byte, node_id next);

/* What may stand before an answer: up to two line feeds or blanks. */
node_id json_text_lead(network *n, node_id next);

#endif

/* schema.h - a JSON schema as a grammar of the texts that are valid for it.
 *
 * The grammar's texts are all valid; not every valid text is one of them. Left out is what a model
 * has no need of: properties in another order than the schema's, white space without end, several
 * spellings of one key or of a string with a pattern, numbers of more digits than a double keeps,
 * and, where a schema has `properties` and no word of others, other properties. oneOf is taken as
 * anyOf. A word that changes what is valid and is not done is refused with the way to it; so are
 * schemas for which nothing is valid, and those too large to be followed in bounded time. */
#ifndef CADRE_GRAMMAR_SCHEMA_H
#define CADRE_GRAMMAR_SCHEMA_H

#include "base/buffer.h"
#include "grammar/json_text.h"

enum { SCHEMA_BYTES_MAX = 1 << 20 };

/* *piece: to be called in the network. name: of the document, for errors, which lives as long. */
cadre_status schema_read(
    network *n, const char *name, const char *text, size_t size, node_id *piece);

/* How a model writes the arguments of a call, where it is not as JSON. Marks are spelt as
 * text/token_trie.h has them. */
typedef struct schema_form {
    /* The members are pairs of key and value, each between marks and without braces. Strings are
     * written as they are unless `quoted`, up to `given` without the line feed at its end, and of
     * what a schema says of them enum alone is done. */
    bool pairs, quoted;
    const char *begin, *named, *given, *between;
    const char *quote; /* values are Gemma's, see json_text_make_raw; NULL: JSON */
} schema_form;

cadre_status schema_read_as(
    network *n, const schema_form *form, const char *name, string_view text, node_id *piece);

#endif

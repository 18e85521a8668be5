/* added_tokens.h - tokens that are found in a text before anything else happens to it:
 * <|endoftext|>, <extra_id_0>, runs of spaces.
 *
 * They are looked for from left to right, the longest that begins at a place wins. Those marked
 * "normalized" are looked for only in normalized text and in their normalized spelling. */
#ifndef CADRE_TEXT_ADDED_TOKENS_H
#define CADRE_TEXT_ADDED_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "text/trie.h"

enum { ADDED_TOKEN_BYTES_MAX = 512 }; /* of a spelling: bounds the cost of looking at one place */

typedef struct added_token {
    int32_t id;
    bool special; /* skipped in decoding when asked to */
    /* Recognised in a text only when asked to: special, or spelt as such tokens are */
    bool control;
    bool normalized;
    bool single_word; /* only where no word character touches it */
    bool lstrip;      /* takes the white space before it along */
    bool rstrip;      /* and after it */
} added_token;

typedef struct added_tokens { /* zeroed: none */
    added_token *list;        /* [count] */
    size_t count, capacity;
    /* Spelling -> place in the list; of those not normalized, and of the others */
    trie raw, normal;
    number_map by_id; /* id -> place in the list */
} added_tokens;

/* Adds a token under the spelling that is to be looked for (`normal` text if token.normalized), at
 * most ADDED_TOKEN_BYTES_MAX bytes. */
cadre_status added_tokens_add(
    added_tokens *a, added_token token, const char *spelling, size_t size);
/* NULL: an ordinary piece */
const added_token *added_tokens_find(const added_tokens *a, int32_t id);
void added_tokens_free(added_tokens *a);

/* Whether a spelling is that of a control token, <|...|> or with DeepSeek's wide bars. Files mark
 * some of these as not special. */
bool added_tokens_looks_control(const char *spelling, size_t size);

typedef struct added_search {
    bool normal; /* in normalized text, for the tokens that are looked for there */
    /* [literal_count] parts in which control tokens are plain text; in order and apart */
    const text_range *literal;
    size_t literal_count;
    /* Of a long text: it is given up, and finds nothing, when a stop is asked for */
    bool stops;
} added_search;

typedef struct added_match { /* zeroed: before the first */
    const added_token *token;
    /* With the white space that it takes along, but none before the end of the match before */
    size_t begin, end;
    /* Where the search goes on: a token may be found in white space that one before took along */
    size_t next;
    size_t spaces; /* up to where white space was last taken along */
} added_match;

/* The next token in the text; false: there is none. */
bool added_tokens_next(
    const added_tokens *a, const added_search *search, string_view text, added_match *match);

#endif

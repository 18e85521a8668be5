/* added_tokens.h - tokens that are found in a text before anything else happens to it:
 * <|endoftext|>, <extra_id_0>, runs of spaces.
 *
 * The text is searched from left to right; where several tokens begin at a place, the longest wins.
 * Tokens marked "normalized" are searched for only in normalized text, in their normalized
 * spelling. */
#ifndef CADRE_TEXT_ADDED_TOKENS_H
#define CADRE_TEXT_ADDED_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "text/trie.h"

enum { ADDED_TOKEN_BYTES_MAX = 512 }; /* longest spelling; it bounds the search at one place */

typedef struct added_token {
    int32_t id;
    bool special; /* skipped in decoding when asked to */
    /* Recognised in a text only when asked to: it is special, or spelt as special tokens are. */
    bool control;
    bool normalized;
    bool single_word; /* found only where no word character touches it */
    bool lstrip;      /* takes the white space before it along */
    bool rstrip;      /* takes the white space after it along */
} added_token;

typedef struct added_tokens { /* zeroed: none */
    added_token *list;        /* [count] */
    size_t count, capacity;
    /* From spelling to place in the list: `raw` for tokens not normalized, `normal` for the
     * others */
    trie raw, normal;
    number_map by_id; /* id -> place in the list */
} added_tokens;

/* Adds a token under the spelling to search for (normalized text if token.normalized), which has at
 * most ADDED_TOKEN_BYTES_MAX bytes. */
cadre_status added_tokens_add(
    added_tokens *a, added_token token, const char *spelling, size_t size);
/* Returns the token with this id; NULL if it is an ordinary piece. */
const added_token *added_tokens_find(const added_tokens *a, int32_t id);
void added_tokens_free(added_tokens *a);

/* Whether a spelling looks like that of a control token: <|...|>, or the same with DeepSeek's wide
 * bars. Files mark some of these as not special. */
bool added_tokens_looks_control(const char *spelling, size_t size);

typedef struct added_search {
    bool normal; /* the text is normalized, so only tokens marked so are searched for */
    /* [literal_count] parts of the text, in order and disjoint, in which control tokens are plain
     * text */
    const text_range *literal;
    size_t literal_count;
    /* For a long text: when a stop is requested, the search gives up and finds nothing. */
    bool stops;
} added_search;

typedef struct added_match { /* zeroed: before the first */
    const added_token *token;
    /* Includes the white space that it takes along, but nothing that an earlier match took */
    size_t begin, end;
    /* Where the search goes on. A token may be found in white space that an earlier one took
     * along. */
    size_t next;
    size_t spaces; /* end of the white space that was last taken along */
} added_match;

/* Finds the next token in the text. Returns false if there is none. */
bool added_tokens_next(
    const added_tokens *a, const added_search *search, string_view text, added_match *match);

#endif

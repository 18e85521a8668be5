/* unigram.h - the unigram language model of one word (Kudo 2018): of all ways to split it into
 * pieces, the most probable one.
 *
 * Every piece has a log probability; Viterbi's algorithm finds the best path from the word's
 * beginning to its end. A character that is no piece costs ten more than the least probable piece;
 * neighbours of that kind become one unknown token. */
#ifndef CADRE_TEXT_UNIGRAM_H
#define CADRE_TEXT_UNIGRAM_H

#include <stdbool.h>

#include "text/trie.h"
#include "text/vocabulary.h"

typedef struct unigram {
    const vocabulary *vocabulary; /* borrowed */
    double *scores;               /* [vocabulary->size] log probabilities */
    double least;                 /* of them */
    trie pieces;
    int32_t unknown;
    bool byte_fallback; /* an unknown stretch as its bytes, where all of them have a piece */
    int32_t byte_ids[256];
} unigram;

/* Made ready from its vocabulary and scores. A trie of more than node_limit nodes is refused. */
cadre_status unigram_build(unigram *u, int32_t unknown, bool byte_fallback, size_t node_limit);
void unigram_free(unigram *u);

typedef struct unigram_node { /* the best path that ends at a byte */
    double score;
    uint32_t length; /* of its last piece; 0: no path ends here */
    int32_t id;
} unigram_node;

typedef struct unigram_scratch { /* zeroed: empty. One a thread */
    unigram_node *nodes;
    size_t capacity;
    token_list backwards;
} unigram_scratch;

/* Appends the ids of one word of well-formed UTF-8, at most INT32_MAX bytes. */
cadre_status unigram_encode(
    const unigram *u, unigram_scratch *s, string_view word, token_list *ids);
void unigram_scratch_free(unigram_scratch *s);

#endif

/* unigram.h - the unigram language model of one word (Kudo 2018): of all ways to split it into
 * pieces, it takes the most probable one.
 *
 * Every piece has a log probability, and the Viterbi algorithm finds the best path from the word's
 * beginning to its end. A character that is no piece costs 10 more than the least probable piece;
 * neighbouring characters of that kind become one unknown token. */
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
    bool byte_fallback; /* unknown characters become their bytes, if all of these have a piece */
    int32_t byte_ids[256];
} unigram;

/* Prepares the model from its vocabulary and scores. A trie of more than node_limit nodes is
 * refused. */
cadre_status unigram_build(unigram *u, int32_t unknown, bool byte_fallback, size_t node_limit);
void unigram_free(unigram *u);

typedef struct unigram_node { /* the end of the best path to a byte */
    double score;
    uint32_t length; /* of the last piece; 0: no path ends here */
    int32_t id;
} unigram_node;

typedef struct unigram_scratch { /* zeroed: empty; one for each thread */
    unigram_node *nodes;
    size_t capacity;
    token_list backwards;
} unigram_scratch;

/* Appends the ids of one word of well-formed UTF-8, at most INT32_MAX bytes. */
cadre_status unigram_encode(
    const unigram *u, unigram_scratch *s, string_view word, token_list *ids);
void unigram_scratch_free(unigram_scratch *s);

#endif

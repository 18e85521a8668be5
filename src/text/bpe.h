/* bpe.h - byte-pair encoding of one word: the best pair of neighbours is merged until none can be.
 *
 * There are two ways to say which pair is best. By rule (tokenizer.json; the lineage of GPT-2), a
 * list of merges is given, and an earlier merge comes first. By score (SentencePiece), any two
 * neighbours that together spell a piece may merge, and the piece with the highest score comes
 * first. Among equals the leftmost pair wins. A heap of candidates makes the cost n log n for any
 * word. */
#ifndef CADRE_TEXT_BPE_H
#define CADRE_TEXT_BPE_H

#include <stdbool.h>
#include <stdint.h>

#include "text/vocabulary.h"

typedef struct bpe {
    const vocabulary *vocabulary; /* borrowed */
    number_map merges;            /* by rule: left id, right id -> rank, id of both together */
    uint32_t merge_count;         /* rules so far, which is also the next one's rank */
    byte_buffer joined;           /* spelling of the last rule's result */
    /* By score: [vocabulary->size] place of each piece in the order of scores; NULL: by rule */
    uint32_t *ranks;
    /* The id for a character that is not in the vocabulary; -1: such characters leave no id */
    int32_t unknown;
    bool fuse_unknown; /* neighbouring unknown characters share one id */
    /* An unknown character becomes its bytes, if all of them have a piece. */
    bool byte_fallback;
    bool ignore_merges; /* a word that is a piece becomes that piece */
    int32_t byte_ids[256];
} bpe;

/* Adds a rule. Does nothing and sets *known to false if left, right or their union is not in the
 * vocabulary. */
cadre_status bpe_add_merge(bpe *b, string_view left, string_view right, bool *known);
/* scores [vocabulary->size], none of them NaN */
cadre_status bpe_rank_by_score(bpe *b, const float *scores);
void bpe_free(bpe *b);

/* All rules in order, freed by mem_free. When merging by score, this is a list of rules that gives
 * the same ids. */
typedef struct bpe_rule {
    uint32_t rank;
    int32_t left, right, made;
} bpe_rule;
cadre_status bpe_rules(const bpe *b, bpe_rule **rules, size_t *count);

/* Working memory for encoding words, one for each thread. Zeroed memory is empty. */
typedef struct bpe_symbol {
    uint32_t begin, length; /* in the word; length 0: merged into another symbol */
    int32_t id;             /* -1: not in the vocabulary (by score only) */
    int32_t previous, next; /* -1: none */
} bpe_symbol;

typedef struct bpe_candidate {
    uint32_t rank;
    int32_t left; /* symbol */
    int32_t id;   /* of both together */
} bpe_candidate;

typedef struct bpe_scratch {
    bpe_symbol *symbols;
    bpe_candidate *heap;
    size_t symbol_count, symbol_capacity, heap_count, heap_capacity;
    uint32_t last_rank; /* of the latest merge */
} bpe_scratch;

/* Appends the ids of one word of well-formed UTF-8, at most INT32_MAX bytes. */
cadre_status bpe_encode(const bpe *b, bpe_scratch *s, string_view word, token_list *ids);
void bpe_scratch_free(bpe_scratch *s);

#endif

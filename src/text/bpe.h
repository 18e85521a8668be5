/* bpe.h - byte-pair encoding of one word: the best pair of neighbours is merged until none is left.
 *
 * What "best" means has two forms. By rule (tokenizer.json; GPT-2's lineage): a list of merges, the
 * earlier one first. By score (SentencePiece): any two neighbours that together spell a piece, the
 * piece with the highest score first. Among equals the leftmost pair. A heap of candidates makes it
 * n log n whatever the word. */
#ifndef CADRE_TEXT_BPE_H
#define CADRE_TEXT_BPE_H

#include <stdbool.h>
#include <stdint.h>

#include "text/vocabulary.h"

typedef struct bpe {
    const vocabulary *vocabulary; /* borrowed */
    number_map merges;            /* by rule: left id, right id -> rank, id of both together */
    uint32_t merge_count;         /* rules given so far: the next one's rank */
    byte_buffer joined;           /* spelling of the last rule's result */
    /* By score: [vocabulary->size] place in the order of scores; NULL: by rule */
    uint32_t *ranks;
    /* Id for a character that is not in the vocabulary; -1: it leaves no id */
    int32_t unknown;
    bool fuse_unknown; /* neighbours of that kind share one id */
    /* The character's bytes, where all of them have a piece, come first */
    bool byte_fallback;
    bool ignore_merges; /* a word that is a piece is that piece */
    int32_t byte_ids[256];
} bpe;

/* Adds a rule. *known is false, and nothing done, where left, right or what they make is not in the
 * vocabulary. */
cadre_status bpe_add_merge(bpe *b, string_view left, string_view right, bool *known);
/* [vocabulary->size], none of them NaN */
cadre_status bpe_rank_by_score(bpe *b, const float *scores);
void bpe_free(bpe *b);

/* All rules in their order, to be freed by mem_free. By score: what merges into each piece, as a
 * list of rules that gives the same ids. */
typedef struct bpe_rule {
    uint32_t rank;
    int32_t left, right, made;
} bpe_rule;
cadre_status bpe_rules(const bpe *b, bpe_rule **rules, size_t *count);

/* What the encoding of words works in; zeroed: empty. One a thread. */
typedef struct bpe_symbol {
    uint32_t begin, length; /* in the word; a symbol of length 0 has been merged into another */
    int32_t id;             /* -1: not in the vocabulary (by score only) */
    int32_t previous, next; /* -1: none */
} bpe_symbol;

typedef struct bpe_candidate {
    uint32_t rank;
    int32_t left; /* symbol */
    int32_t id;   /* of the two together */
} bpe_candidate;

typedef struct bpe_scratch {
    bpe_symbol *symbols;
    bpe_candidate *heap;
    size_t symbol_count, symbol_capacity, heap_count, heap_capacity;
    uint32_t last_rank; /* of the last merge that was made */
} bpe_scratch;

/* Appends the ids of one word of well-formed UTF-8, at most INT32_MAX bytes. */
cadre_status bpe_encode(const bpe *b, bpe_scratch *s, string_view word, token_list *ids);
void bpe_scratch_free(bpe_scratch *s);

#endif

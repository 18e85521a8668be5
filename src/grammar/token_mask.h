/* token_mask.h - which tokens of a vocabulary may come next, where a network says which bytes.
 *
 * A state's mask is found by one walk over the vocabulary, when it is first asked for, and kept: a
 * text comes to the same few states again and again. */
#ifndef CADRE_GRAMMAR_TOKEN_MASK_H
#define CADRE_GRAMMAR_TOKEN_MASK_H

#include "grammar/pushdown.h"
#include "text/token_trie.h"

typedef struct token_masks {
    const token_trie *trie; /* borrowed */
    pushdown pushdown;
    size_t words;    /* of 64 tokens, in a mask */
    uint64_t *masks; /* [count, words], room for `room` of them */
    size_t count, room;
    uint32_t *path;     /* [TOKEN_TRIE_DEPTH + 1] states on the way to a node */
    uint64_t forgotten; /* how often all states were */
} token_masks;

/* vocab: tokens that there are logits of. */
cadre_status token_masks_open(
    token_masks *m, const token_trie *trie, int64_t vocab, const network *n, node_id root);
void token_masks_close(token_masks *m);

/* [words] of the tokens that may come in this state; those of no text never. Borrowed until the
 * next call. Before it memory that has become much is given back: where *forgotten changes, no
 * state but the start is known any more, and none is asked for. */
cadre_status token_masks_make_room(token_masks *m);
cadre_status token_masks_of(token_masks *m, state_id state, const uint64_t **mask);

#endif

/* token_trie.h - a vocabulary's tokens by the bytes that they are in the middle of a text, for
 * whoever walks all of them.
 *
 * The nodes lie in the order in which a walk comes to them, and each says where its branch ends: a
 * walk is one pass over the list that jumps over branches it has no use for. */
#ifndef CADRE_TEXT_TOKEN_TRIE_H
#define CADRE_TEXT_TOKEN_TRIE_H

#include "text/tokenizer.h"

enum { TOKEN_TRIE_DEPTH = 1024 }; /* bytes: longer tokens are left out */

/* Control tokens have no text. They stand under their spelling with this byte before it, which is
 * in no text. */
enum { TOKEN_TRIE_CONTROL = 0xff };

typedef struct token_trie_node {
    uint8_t byte;
    uint16_t depth;              /* 1: first byte of a token */
    uint32_t end;                /* the node after its branch */
    uint32_t token, token_count; /* of `tokens`: those that end here */
} token_trie_node;

typedef struct token_trie {
    token_trie_node *nodes; /* [count] */
    uint32_t count;
    int32_t *tokens; /* ids, in the order of the nodes */
    uint32_t *first; /* [size + 1] of each id's bytes */
    char *bytes;
    int32_t size; /* one more than the highest id */
} token_trie;

cadre_status token_trie_new(const tokenizer *t, token_trie **made);
void token_trie_free(token_trie *made);

/* What an id is; of an id that is in no node, nothing. Borrowed. */
static inline string_view token_trie_bytes(const token_trie *t, int32_t id)
{
    if (id < 0 || id >= t->size) return (string_view){ "", 0 };
    return (string_view){ t->bytes + t->first[id], t->first[id + 1] - t->first[id] };
}

#endif

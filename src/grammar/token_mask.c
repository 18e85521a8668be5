/* token_mask.c - the walk over a vocabulary, and the masks that are kept. */
#include "grammar/token_mask.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

enum { MASKS_MOST = 256 };
enum { PUSHDOWN_MOST = 16 << 20 }; /* bytes; more are forgotten before the next mask */

cadre_status token_masks_open(
    token_masks *m, const token_trie *trie, int64_t vocab, const network *n, node_id root)
{
    *m = (token_masks){ .trie = trie, .words = (size_t)(vocab + 63) / 64 };
    m->path = MEM_ARRAY(uint32_t, TOKEN_TRIE_DEPTH + 1);
    cadre_status status = m->path ? pushdown_open(&m->pushdown, n, root) : CADRE_ENOMEM;
    if (status != CADRE_OK) token_masks_close(m);
    return status;
}

void token_masks_close(token_masks *m)
{
    pushdown_close(&m->pushdown);
    mem_free(m->masks);
    mem_free(m->path);
    *m = (token_masks){ 0 };
}

cadre_status token_masks_make_room(token_masks *m)
{
    if (m->count < MASKS_MOST && pushdown_bytes(&m->pushdown) <= PUSHDOWN_MOST) return CADRE_OK;
    pushdown_forget(&m->pushdown);
    m->count = 0;
    m->forgotten++;
    return m->pushdown.status;
}

static void put_tokens(const token_masks *m, const token_trie_node *node, uint64_t *mask)
{
    const int32_t *ids = m->trie->tokens + node->token;
    for (uint32_t i = 0; i < node->token_count; i++)
        if ((size_t)ids[i] < 64 * m->words) mask[ids[i] >> 6] |= 1ull << (ids[i] & 63);
}

static void walk(token_masks *m, state_id from, uint64_t *mask)
{
    const token_trie_node *nodes = m->trie->nodes;
    m->path[0] = from;
    for (uint32_t i = 0; i < m->trie->count;) {
        const token_trie_node *node = &nodes[i];
        state_id to = pushdown_step(&m->pushdown, m->path[node->depth - 1], node->byte);
        m->path[node->depth] = to;
        if (to && node->token_count) put_tokens(m, node, mask);
        i = to ? i + 1 : node->end;
    }
}

cadre_status token_masks_of(token_masks *m, state_id state, const uint64_t **mask)
{
    int32_t place = m->pushdown.states[state].mask;
    void *masks = m->masks;
    if (!place) {
        CADRE_TRY(buffer_grow(&masks, m->count, &m->room, 1, m->words * sizeof *m->masks));
        m->masks = masks;
        uint64_t *made = m->masks + m->count * m->words;
        memset(made, 0, m->words * sizeof *made);
        walk(m, state, made);
        if (m->pushdown.status != CADRE_OK) return m->pushdown.status;
        place = m->pushdown.states[state].mask = (int32_t)++m->count;
    }
    *mask = m->masks + (size_t)(place - 1) * m->words;
    return CADRE_OK;
}

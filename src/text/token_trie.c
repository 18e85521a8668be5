/* token_trie.c - all tokens' bytes, sorted, then laid out as a trie. */
#include "text/token_trie.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "text/tokenizer_parts.h"

typedef struct spelt {
    const char *bytes;
    uint32_t size;
    int32_t id;
} spelt;

/* ---- bytes ---- */

/* As if other tokens had come before it. */
static cadre_status put_text(const tokenizer *t, int32_t id, decoder_state *state, byte_buffer *out)
{
    state->tokens = 1;
    state->begun = true;
    return decoder_put(&t->decoder, state, tokenizer_piece(t, id), out);
}

static cadre_status put_token(
    const tokenizer *t, int32_t id, decoder_state *state, byte_buffer *out)
{
    string_view piece = tokenizer_piece(t, id);
    size_t before = out->size;
    if (!piece.size) return CADRE_OK;
    if (tokenizer_is_special(t, id)) {
        CADRE_TRY(byte_buffer_fill(out, (char)TOKEN_TRIE_CONTROL, 1));
        CADRE_TRY(byte_buffer_put(out, piece.data, piece.size));
    } else {
        CADRE_TRY(put_text(t, id, state, out));
        if (memchr(out->data + before, TOKEN_TRIE_CONTROL, out->size - before)) out->size = before;
    }
    if (out->size - before > TOKEN_TRIE_DEPTH) out->size = before;
    return CADRE_OK;
}

static cadre_status put_all(const tokenizer *t, token_trie *made, byte_buffer *bytes)
{
    decoder_state state = { 0 };
    cadre_status status = byte_buffer_reserve(bytes, 1);
    for (int32_t id = 0; id < made->size && status == CADRE_OK; id++) {
        status = put_token(t, id, &state, bytes);
        made->first[id + 1] = (uint32_t)bytes->size;
        if (bytes->size > UINT32_MAX / 2)
            status = cadre_fail(CADRE_EUNSUPPORTED, NULL, "the vocabulary is too large");
    }
    decoder_state_free(&state);
    return status;
}

/* ---- the trie ---- */

static int by_bytes(const void *a, const void *b)
{
    const spelt *x = a, *y = b;
    int order = memcmp(x->bytes, y->bytes, x->size < y->size ? x->size : y->size);
    if (order) return order;
    if (x->size != y->size) return x->size < y->size ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static uint32_t common(const spelt *a, const spelt *b)
{
    uint32_t n = 0;
    while (n < a->size && n < b->size && a->bytes[n] == b->bytes[n]) n++;
    return n;
}

static uint32_t nodes_of(const spelt *list, size_t count)
{
    uint32_t nodes = 0;
    for (size_t i = 0; i < count; i++)
        nodes += list[i].size - (i ? common(&list[i - 1], &list[i]) : 0);
    return nodes;
}

static void lay_out(token_trie *made, const spelt *list, size_t count)
{
    uint32_t path[TOKEN_TRIE_DEPTH + 1]; /* nodes of the token before */
    uint32_t depth = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t shared = i ? common(&list[i - 1], &list[i]) : 0;
        for (; depth > shared; depth--) made->nodes[path[depth]].end = made->count;
        while (depth < list[i].size) {
            path[++depth] = made->count;
            made->nodes[made->count++] =
                (token_trie_node){ .byte = (uint8_t)list[i].bytes[depth - 1],
                    .depth = (uint16_t)depth,
                    .token = (uint32_t)i };
        }
        made->nodes[path[depth]].token_count++;
        made->tokens[i] = list[i].id;
    }
    for (; depth > 0; depth--) made->nodes[path[depth]].end = made->count;
}

static cadre_status build(token_trie *made)
{
    size_t count = 0;
    spelt *list = MEM_ARRAY(spelt, made->size);
    if (!list) return CADRE_ENOMEM;
    for (int32_t id = 0; id < made->size; id++) {
        string_view bytes = token_trie_bytes(made, id);
        if (bytes.size) list[count++] = (spelt){ bytes.data, (uint32_t)bytes.size, id };
    }
    qsort(list, count, sizeof *list, by_bytes);
    made->nodes = MEM_ARRAY(token_trie_node, nodes_of(list, count));
    made->tokens = MEM_ARRAY(int32_t, count);
    bool placed = made->nodes && made->tokens;
    if (placed) lay_out(made, list, count);
    mem_free(list);
    return placed ? CADRE_OK : CADRE_ENOMEM;
}

static cadre_status fill(const tokenizer *t, token_trie *made)
{
    byte_buffer bytes = { 0 };
    made->size = tokenizer_size(t);
    made->first = MEM_ARRAY(uint32_t, made->size + 1);
    if (!made->first) return CADRE_ENOMEM;
    cadre_status status = put_all(t, made, &bytes);
    made->bytes = bytes.data;
    return status == CADRE_OK ? build(made) : status;
}

cadre_status token_trie_new(const tokenizer *t, token_trie **out)
{
    token_trie *made = MEM_ARRAY(token_trie, 1);
    if (!made) return CADRE_ENOMEM;
    cadre_status status = fill(t, made);
    if (status == CADRE_OK) *out = made;
    else token_trie_free(made);
    return status;
}

void token_trie_free(token_trie *made)
{
    if (!made) return;
    mem_free(made->nodes);
    mem_free(made->tokens);
    mem_free(made->first);
    mem_free(made->bytes);
    mem_free(made);
}

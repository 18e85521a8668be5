/* unigram.c - the Viterbi algorithm over the pieces that begin at each character. */
#include "text/unigram.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

static const double unknown_penalty = 10.0;

cadre_status unigram_build(unigram *u, int32_t unknown, bool byte_fallback, size_t node_limit)
{
    const vocabulary *v = u->vocabulary;
    u->least = HUGE_VAL;
    u->unknown = unknown;
    u->byte_fallback = byte_fallback;
    vocabulary_byte_ids(v, u->byte_ids);
    for (int32_t id = 0; id < v->size; id++) {
        string_view piece = vocabulary_piece(v, id);
        if (u->scores[id] < u->least) u->least = u->scores[id];
        if (piece.size)
            CADRE_TRY(trie_add(
                &u->pieces, piece.data, piece.size, vocabulary_id(v, piece.data, piece.size)));
        if (u->pieces.nodes > node_limit)
            return cadre_fail(CADRE_EFORMAT, NULL,
                "expected pieces with beginnings in common, found more than %zu different ones",
                node_limit);
    }
    return CADRE_OK;
}

void unigram_free(unigram *u)
{
    mem_free(u->scores);
    trie_free(&u->pieces);
}

static void offer(unigram_node *node, double score, size_t length, int32_t id)
{
    if (node->length == 0 || score > node->score)
        *node = (unigram_node){ score, (uint32_t)length, id };
}

/* Extends the best path that ends at `at` by every piece that begins there. */
static void extend(const unigram *u, unigram_node *nodes, string_view word, size_t at)
{
    double score = nodes[at].score;
    size_t character = utf8_length(word.data[at]);
    bool known = false; /* whether this character alone is a piece */
    uint32_t node = 0;
    for (size_t end = at; end < word.size && trie_step(&u->pieces, &node, word.data[end]);) {
        int32_t id = trie_value(&u->pieces, node);
        end++;
        if (id < 0) continue;
        offer(&nodes[end], score + u->scores[id], end - at, id);
        if (end - at == character) known = true;
    }
    if (!known)
        offer(&nodes[at + character], score + (u->least - unknown_penalty), character, u->unknown);
}

/* Writes, from its end to its beginning, a run of unknown characters: as the piece that has this
 * spelling, if there is one, as its bytes, or as the unknown id. */
static cadre_status put_unknown(
    const unigram *u, token_list *backwards, const char *data, size_t size)
{
    int32_t id = vocabulary_id(u->vocabulary, data, size);
    bool bytes = id < 0 && u->byte_fallback;
    for (size_t i = 0; i < size && bytes; i++) bytes = u->byte_ids[(unsigned char)data[i]] >= 0;
    if (!bytes) return token_list_put(backwards, id < 0 ? u->unknown : id);
    for (size_t i = size; i > 0; i--)
        CADRE_TRY(token_list_put(backwards, u->byte_ids[(unsigned char)data[i - 1]]));
    return CADRE_OK;
}

static cadre_status trace_back(const unigram *u, unigram_scratch *s, string_view word)
{
    s->backwards.count = 0;
    for (size_t end = word.size; end > 0;) {
        size_t begin = end - s->nodes[end].length;
        if (s->nodes[end].id != u->unknown) {
            CADRE_TRY(token_list_put(&s->backwards, s->nodes[end].id));
        } else {
            while (begin > 0 && s->nodes[begin].id == u->unknown) begin -= s->nodes[begin].length;
            CADRE_TRY(put_unknown(u, &s->backwards, word.data + begin, end - begin));
        }
        end = begin;
    }
    return CADRE_OK;
}

cadre_status unigram_encode(const unigram *u, unigram_scratch *s, string_view word, token_list *ids)
{
    CADRE_TRY(buffer_grow((void **)&s->nodes, 0, &s->capacity, word.size + 1, sizeof *s->nodes));
    memset(s->nodes, 0, (word.size + 1) * sizeof *s->nodes);
    for (size_t at = 0; at < word.size; at += utf8_length(word.data[at]))
        extend(u, s->nodes, word, at);
    CADRE_TRY(trace_back(u, s, word));
    CADRE_TRY(token_list_reserve(ids, s->backwards.count));
    for (size_t i = s->backwards.count; i > 0; i--)
        CADRE_TRY(token_list_put(ids, s->backwards.ids[i - 1]));
    return CADRE_OK;
}

void unigram_scratch_free(unigram_scratch *s)
{
    mem_free(s->nodes);
    token_list_free(&s->backwards);
    *s = (unigram_scratch){ 0 };
}

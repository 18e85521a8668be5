/* bpe_scores.c - encodes every piece to see how it is made. */
#include "text/bpe_scores.h"

#include "base/utf8.h"

typedef struct piece_parts {
    /* An unknown character counts as one token, because the bytes that stand for it do not
     * merge. */
    size_t characters, tokens;
} piece_parts;

static cadre_status encode_piece(
    const bpe *b, bpe_scratch *s, string_view piece, token_list *ids, piece_parts *parts)
{
    ids->count = 0;
    CADRE_TRY(bpe_encode(b, s, piece, ids));
    *parts = (piece_parts){ 0, ids->count };
    for (size_t at = 0, length; at < piece.size; at += length, parts->characters++) {
        length = utf8_length(piece.data[at]);
        if (vocabulary_id(b->vocabulary, piece.data + at, length) < 0) parts->tokens -= length - 1;
    }
    return CADRE_OK;
}

static cadre_status score_by_rule(
    const bpe *b, bpe_scratch *s, token_list *ids, float *scores, bool *same)
{
    for (int32_t id = 0; id < b->vocabulary->size; id++) {
        string_view piece = vocabulary_piece(b->vocabulary, id);
        piece_parts parts;
        CADRE_TRY(encode_piece(b, s, piece, ids, &parts));
        bool made = parts.tokens == 1 && parts.characters > 1;
        scores[id] = -(float)(made ? s->last_rank : b->merge_count) - 1;
        if (parts.tokens == 2) *same = false;
    }
    return CADRE_OK;
}

cadre_status bpe_scores(const bpe *b, float *scores, bool *same)
{
    bpe rules = *b;
    bpe_scratch scratch = { 0 };
    token_list ids = { 0 };
    *same = true;
    for (int32_t id = 0; b->ranks && id < b->vocabulary->size; id++)
        scores[id] = -(float)b->ranks[id] - 1;
    if (b->ranks) return CADRE_OK;
    rules.ignore_merges = false;
    rules.byte_fallback = true;
    cadre_status status = score_by_rule(&rules, &scratch, &ids, scores, same);
    bpe_scratch_free(&scratch);
    token_list_free(&ids);
    return status;
}

/* tokenizer_export_gguf.c - writes a tokenizer as the keys of a GGUF file. */
#include <string.h>

#include "base/memory.h"
#include "text/bpe_scores.h"
#include "text/gguf_steps.h"
#include "text/tokenizer_export.h"

#define KEY "tokenizer.ggml."

/* One row for each row of the model's embedding */
typedef struct columns {
    gguf_string *pieces;
    int64_t *types;
    float *scores;
    char *names; /* [count][GGUF_PADDING_BYTES] of rows without a piece */
    size_t count;
} columns;

static int64_t type_of(const tokenizer *t, int32_t id)
{
    const added_token *token = added_tokens_find(&t->added, id);
    if (id == tokenizer_unknown(t)) return GGUF_PIECE_UNKNOWN;
    if (token) return token->control ? GGUF_PIECE_CONTROL : GGUF_PIECE_USER_DEFINED;
    if (!vocabulary_has(&t->pieces, id)) return GGUF_PIECE_UNUSED;
    bool byte = t->bpe.byte_fallback && vocabulary_byte_of(vocabulary_piece(&t->pieces, id)) >= 0;
    return byte ? GGUF_PIECE_BYTE : GGUF_PIECE_NORMAL;
}

static void fill_rows(const tokenizer *t, columns *c)
{
    for (size_t row = 0; row < c->count; row++) {
        string_view piece = tokenizer_piece(t, (int32_t)row);
        c->types[row] = type_of(t, (int32_t)row);
        if (piece.size == 0) {
            char *name = c->names + row * GGUF_PADDING_BYTES; /* all pieces of a file must differ */
            piece = (string_view){ gguf_padding_name(row, name), strlen(name) };
        }
        c->pieces[row] = (gguf_string){ piece.data, piece.size };
    }
}

/* Fills in the scores of ordinary pieces; the others have none. */
static cadre_status fill_scores(const tokenizer *t, columns *c, bool *same)
{
    /* Only for the pieces that the model knows, which are at most as many as rows */
    if (!t->is_unigram) CADRE_TRY(bpe_scores(&t->bpe, c->scores, same));
    for (int32_t id = 0; t->is_unigram && id < t->pieces.size; id++)
        c->scores[id] = (float)t->unigram.scores[id];
    for (size_t row = 0; row < c->count; row++)
        if (c->types[row] != GGUF_PIECE_NORMAL) c->scores[row] = 0;
    return CADRE_OK;
}

static cadre_status put_texts(
    const tokenizer *t, const bpe_rule *rules, size_t count, gguf_string *merges, gguf_writer *w)
{
    byte_buffer text = { 0 };
    cadre_status status = CADRE_OK;
    for (size_t i = 0; i < count && status == CADRE_OK; i++) {
        string_view left = vocabulary_piece(&t->pieces, rules[i].left),
                    right = vocabulary_piece(&t->pieces, rules[i].right);
        merges[i].size = left.size + 1 + right.size;
        status = byte_buffer_put(&text, left.data, left.size);
        if (status == CADRE_OK) status = byte_buffer_put(&text, " ", 1);
        if (status == CADRE_OK) status = byte_buffer_put(&text, right.data, right.size);
    }
    const char *at = text.data;
    for (size_t i = 0; i < count && status == CADRE_OK; at += merges[i++].size) merges[i].data = at;
    if (status == CADRE_OK) status = gguf_writer_strings(w, KEY "merges", merges, count);
    byte_buffer_free(&text);
    return status;
}

static cadre_status put_merges(const tokenizer *t, gguf_writer *w)
{
    bpe_rule *rules;
    size_t count;
    CADRE_TRY(bpe_rules(&t->bpe, &rules, &count));
    gguf_string *merges = MEM_ARRAY(gguf_string, count);
    cadre_status status = merges ? put_texts(t, rules, count, merges, w) : CADRE_ENOMEM;
    mem_free(merges);
    mem_free(rules);
    return status;
}

static cadre_status put_tables(
    const tokenizer *t, const gguf_steps *steps, columns *c, gguf_writer *w, bool *same)
{
    fill_rows(t, c);
    CADRE_TRY(gguf_writer_strings(w, KEY "tokens", c->pieces, c->count));
    CADRE_TRY(gguf_writer_ints(w, KEY "token_type", GGUF_I32, c->types, c->count));
    if (steps->pre || steps->merges) return put_merges(t, w);
    CADRE_TRY(fill_scores(t, c, same));
    return gguf_writer_reals(w, KEY "scores", c->scores, c->count);
}

static cadre_status put_columns(
    const tokenizer *t, const gguf_steps *steps, size_t rows, gguf_writer *w, bool *same)
{
    columns c = { MEM_ARRAY(gguf_string, rows), MEM_ARRAY(int64_t, rows), MEM_ARRAY(float, rows),
        mem_alloc(rows, GGUF_PADDING_BYTES), rows };
    cadre_status status = c.pieces && c.types && c.scores && c.names
                              ? put_tables(t, steps, &c, w, same)
                              : CADRE_ENOMEM;
    mem_free(c.pieces);
    mem_free(c.types);
    mem_free(c.scores);
    mem_free(c.names);
    return status;
}

static cadre_status put_id(gguf_writer *w, const char *key, int32_t id)
{
    return id >= 0 ? gguf_writer_int(w, key, GGUF_U32, id) : CADRE_OK;
}

/* Writes the ids around a text. The file has room for one before it and one after it. */
static cadre_status put_flags(
    const tokenizer *t, const tokenizer_model *model, const gguf_steps *steps, gguf_writer *w)
{
    bool add_bos = t->before.count == 1, add_eos = t->after.count == 1;
    CADRE_TRY(put_id(w, KEY "bos_token_id",
        add_bos       ? t->before.ids[0]
        : t->bos >= 0 ? t->bos
                      : model->bos));
    CADRE_TRY(put_id(w, KEY "eos_token_id",
        add_eos       ? t->after.ids[0]
        : t->eos >= 0 ? t->eos
                      : model->eos));
    CADRE_TRY(put_id(w, KEY "unknown_token_id", tokenizer_unknown(t)));
    CADRE_TRY(put_id(w, KEY "padding_token_id", t->pad));
    CADRE_TRY(gguf_writer_bool(w, KEY "add_bos_token", add_bos));
    CADRE_TRY(gguf_writer_bool(w, KEY "add_eos_token", add_eos));
    if (steps->pre) return CADRE_OK;
    if (t->is_unigram)
        CADRE_TRY(gguf_writer_bool(w, KEY "remove_extra_whitespaces", steps->merge_spaces));
    return gguf_writer_bool(w, KEY "add_space_prefix", steps->space_prefix);
}

static cadre_status put_map(const charsmap *map, gguf_writer *w)
{
    if (!map) return CADRE_OK;
    size_t count = map->blob.size - 1; /* without the final NUL, which the file lacks */
    int64_t *bytes = MEM_ARRAY(int64_t, count);
    if (!bytes) return CADRE_ENOMEM;
    for (size_t i = 0; i < count; i++) bytes[i] = (unsigned char)map->blob.data[i];
    cadre_status status = gguf_writer_ints(w, KEY "precompiled_charsmap", GGUF_U8, bytes, count);
    mem_free(bytes);
    return status;
}

/* Programs that merge by scores spell unknown characters in bytes. */
static bool spells_bytes(const tokenizer *t)
{
    for (int byte = 0; byte < 256; byte++)
        if (t->bpe.byte_ids[byte] < 0) return false;
    return t->bpe.byte_fallback;
}

/* Why other programs may split some texts otherwise although every key is right; NULL: no reason is
 * known. */
static const char *difference_of(const tokenizer *t, const gguf_steps *steps, bool same)
{
    for (size_t i = 0; i < t->added.count; i++) {
        const added_token *token = &t->added.list[i];
        if (token->single_word || token->lstrip || token->rstrip)
            return "some of its special tokens look at what stands beside them";
        if (token->normalized && !steps->pre)
            return "some of its special tokens are looked for in normalized text";
    }
    if (t->is_unigram && t->unigram.byte_fallback)
        return "it spells characters that it does not know in bytes";
    if (!same) return "some words cannot be merged by scores as they are by its list of merges";
    if (t->before.count > 1 || t->after.count > 1)
        return "it puts more than one id before or after a text";
    if (steps->pre && steps->pre->nfc)
        return "it composes characters first, which others leave as they are";
    return steps->difference;
}

cadre_status tokenizer_put_gguf(
    const tokenizer *t, const tokenizer_model *model, gguf_writer *w, const char **difference)
{
    gguf_steps steps;
    bool found, same = true;
    if (tokenizer_size(t) > model->rows)
        return cadre_fail(CADRE_EMISMATCH, t->name,
            "expected at most %lld pieces, one for each row of the embedding, found %d",
            (long long)model->rows, tokenizer_size(t));
    CADRE_TRY(gguf_steps_of(t, &steps, &found));
    if (!found)
        return cadre_fail(
            CADRE_EUNSUPPORTED, t->name, "GGUF has no name for how this tokenizer cuts a text");
    if (!steps.pre && !t->is_unigram && !spells_bytes(t))
        return cadre_fail(CADRE_EUNSUPPORTED, t->name,
            "GGUF has no name for a tokenizer that merges and does not know all bytes");
    const char *kind = steps.pre       ? "gpt2"
                       : t->is_unigram ? "t5"
                       : steps.merges  ? "gemma4"
                                       : "llama",
               *pre = steps.pre ? steps.pre->names : "default";
    CADRE_TRY(gguf_writer_string(w, KEY "model", kind, strlen(kind)));
    if (!steps.merges) CADRE_TRY(gguf_writer_string(w, KEY "pre", pre, strcspn(pre, " ")));
    CADRE_TRY(put_columns(t, &steps, (size_t)model->rows, w, &same));
    CADRE_TRY(put_flags(t, model, &steps, w));
    CADRE_TRY(put_map(steps.map, w));
    *difference = difference_of(t, &steps, same);
    return CADRE_OK;
}

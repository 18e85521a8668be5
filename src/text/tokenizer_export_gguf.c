/* tokenizer_export_gguf.c - a tokenizer as the keys of a GGUF file. */
#include <string.h>

#include "base/memory.h"
#include "text/gguf_steps.h"
#include "text/tokenizer_export.h"

#define KEY "tokenizer.ggml."

/* One row for each of the model's embeddings. */
typedef struct columns {
    gguf_string *pieces;
    int64_t *types;
    float *scores;
    char *names; /* [count][GGUF_PADDING_BYTES] of rows that have no piece */
    size_t count;
} columns;

static int64_t type_of(const tokenizer *t, int32_t id)
{
    const added_token *token = added_tokens_find(&t->added, id);
    if (id == t->bpe.unknown) return GGUF_PIECE_UNKNOWN;
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

/* Scores that merge in the order of the rules: what is made earlier scores higher, what is never made lowest. */
static void fill_scores(columns *c, const bpe_rule *rules, size_t count)
{
    for (size_t row = 0; row < c->count; row++) c->scores[row] = c->types[row] == GGUF_PIECE_NORMAL ? -(float)(count + 1) : 0;
    for (size_t i = count; i > 0; i--) c->scores[rules[i - 1].made] = -(float)i;
}

static cadre_status put_merges(const tokenizer *t, const bpe_rule *rules, size_t count, gguf_writer *w)
{
    byte_list text = { 0 };
    gguf_string *merges = MEM_ARRAY(gguf_string, count);
    cadre_status status = merges ? CADRE_OK : CADRE_ENOMEM;
    for (size_t i = 0; i < count && status == CADRE_OK; i++) {
        string_view left = vocabulary_piece(&t->pieces, rules[i].left), right = vocabulary_piece(&t->pieces, rules[i].right);
        merges[i].size = left.size + 1 + right.size;
        status = byte_list_put(&text, left.data, left.size);
        if (status == CADRE_OK) status = byte_list_put(&text, " ", 1);
        if (status == CADRE_OK) status = byte_list_put(&text, right.data, right.size);
    }
    const char *at = text.data;
    for (size_t i = 0; i < count && status == CADRE_OK; at += merges[i++].size) merges[i].data = at;
    if (status == CADRE_OK) status = gguf_writer_strings(w, KEY "merges", merges, count);
    byte_list_free(&text);
    mem_free(merges);
    return status;
}

static cadre_status put_tables(const tokenizer *t, const gguf_steps *steps, columns *c, gguf_writer *w)
{
    bpe_rule *rules;
    size_t count;
    fill_rows(t, c);
    CADRE_TRY(gguf_writer_strings(w, KEY "tokens", c->pieces, c->count));
    CADRE_TRY(gguf_writer_ints(w, KEY "token_type", GGUF_I32, c->types, c->count));
    CADRE_TRY(bpe_rules(&t->bpe, &rules, &count));
    cadre_status status;
    if (steps->pre) {
        status = put_merges(t, rules, count, w);
    } else {
        fill_scores(c, rules, count);
        status = gguf_writer_reals(w, KEY "scores", c->scores, c->count);
    }
    mem_free(rules);
    return status;
}

static cadre_status put_columns(const tokenizer *t, const gguf_steps *steps, size_t rows, gguf_writer *w)
{
    columns c = { MEM_ARRAY(gguf_string, rows), MEM_ARRAY(int64_t, rows), MEM_ARRAY(float, rows),
                 mem_alloc(rows, GGUF_PADDING_BYTES),
                  rows };
    cadre_status status = c.pieces && c.types && c.scores && c.names ? put_tables(t, steps, &c, w) : CADRE_ENOMEM;
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

/* The file has room for one id before a text and one after it. */
static cadre_status put_flags(const tokenizer *t, const tokenizer_model *model, const gguf_steps *steps, gguf_writer *w)
{
    bool add_bos = t->before.count == 1, add_eos = t->after.count == 1;
    CADRE_TRY(put_id(w, KEY "bos_token_id", add_bos ? t->before.ids[0] : t->bos >= 0 ? t->bos : model->bos));
    CADRE_TRY(put_id(w, KEY "eos_token_id", add_eos ? t->after.ids[0] : t->eos >= 0 ? t->eos : model->eos));
    CADRE_TRY(put_id(w, KEY "unknown_token_id", t->bpe.unknown));
    CADRE_TRY(gguf_writer_bool(w, KEY "add_bos_token", add_bos));
    CADRE_TRY(gguf_writer_bool(w, KEY "add_eos_token", add_eos));
    return steps->pre ? CADRE_OK : gguf_writer_bool(w, KEY "add_space_prefix", steps->space_prefix);
}

cadre_status tokenizer_put_gguf(const tokenizer *t, const tokenizer_model *model, gguf_writer *w)
{
    gguf_steps steps;
    bool found;
    if (tokenizer_size(t) > model->rows)
        return cadre_fail(CADRE_EMISMATCH, t->name, "expected at most %lld pieces, one for each row of the embedding, found %d",
                          (long long)model->rows, tokenizer_size(t));
    CADRE_TRY(gguf_steps_of(t, &steps, &found));
    if (!found) return cadre_fail(CADRE_EUNSUPPORTED, t->name, "GGUF has no name for how this tokenizer cuts a text");
    const char *kind = steps.pre ? "gpt2" : "llama", *pre = steps.pre ? steps.pre->names : "default";
    CADRE_TRY(gguf_writer_string(w, KEY "model", kind, strlen(kind)));
    CADRE_TRY(gguf_writer_string(w, KEY "pre", pre, strcspn(pre, " ")));
    CADRE_TRY(put_columns(t, &steps, (size_t)model->rows, w));
    CADRE_TRY(put_flags(t, model, &steps, w));
    if (t->chat.size) CADRE_TRY(gguf_writer_string(w, "tokenizer.chat_template", t->chat.data, t->chat.size));
    return t->source.size ? gguf_writer_string(w, TOKENIZER_JSON_KEY, t->source.data, t->source.size) : CADRE_OK;
}

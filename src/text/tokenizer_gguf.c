/* tokenizer_gguf.c - makes a tokenizer of the pieces, types, scores and merges of a GGUF file. */
#include "text/tokenizer_gguf.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "format/quote.h"
#include "text/gguf_ends.h"
#include "text/gguf_steps.h"
#include "text/tokenizer_parts.h"

#define KEY "tokenizer.ggml."
#define CHAT_KEY "tokenizer.chat_template"

typedef struct gguf_vocabulary {
    const gguf *file;
    gguf_string *pieces; /* [count] */
    size_t count;
    gguf_array types, scores; /* count 0: absent */
    gguf_steps steps;
    bool add_bos, add_eos;
} gguf_vocabulary;

static bool is_sentencepiece(const gguf_vocabulary *v) { return !v->steps.pre; }

/* ---- reading the keys ---- */

static cadre_status read_model(gguf_vocabulary *v)
{
    gguf_string model, pre = { "", 0 };
    CADRE_TRY(gguf_get_string(v->file, KEY "model", &model));
    CADRE_TRY(gguf_opt_string(v->file, KEY "pre", &pre));
    v->steps.merges = gguf_string_is(model, "gemma4");
    if (gguf_string_is(model, "llama") || v->steps.merges) return CADRE_OK;
    if (gguf_string_is(model, "none"))
        return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(v->file), "the file holds no vocabulary");
    if (!gguf_string_is(model, "gpt2"))
        return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(v->file),
            KEY "model: \"%s\" is not supported (supported: llama, gemma4, gpt2)",
            quote_bytes(model.data, model.size).text);
    v->steps.pre = pre_tokenizer_find(pre.data, pre.size);
    if (v->steps.pre) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(v->file),
        KEY "pre: the pre-tokenizer \"%s\" is not known", quote_bytes(pre.data, pre.size).text);
}

/* Reads an array with one item for each piece. */
static cadre_status read_column(
    const gguf_vocabulary *v, const char *key, bool (*fits)(const gguf_array *), gguf_array *column)
{
    if (!gguf_has(v->file, key)) return CADRE_OK;
    CADRE_TRY(gguf_get_array(v->file, key, column));
    if (fits(column) && column->count == v->count) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, gguf_path(v->file),
        "%s: expected %zu numbers, one for each piece, found %zu items", key, v->count,
        column->count);
}

static cadre_status read_flags(gguf_vocabulary *v)
{
    bool extra_spaces = false;
    v->add_bos = is_sentencepiece(v) || v->steps.pre->add_bos;
    v->steps.space_prefix = is_sentencepiece(v) && !v->steps.merges;
    CADRE_TRY(gguf_opt_bool(v->file, KEY "add_bos_token", &v->add_bos));
    CADRE_TRY(gguf_opt_bool(v->file, KEY "add_eos_token", &v->add_eos));
    CADRE_TRY(gguf_opt_bool(v->file, KEY "add_space_prefix", &v->steps.space_prefix));
    CADRE_TRY(gguf_opt_bool(v->file, KEY "remove_extra_whitespaces", &extra_spaces));
    if (!extra_spaces) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(v->file),
        KEY "remove_extra_whitespaces: true is not supported");
}

static cadre_status read_keys(gguf_vocabulary *v)
{
    gguf_array pieces;
    CADRE_TRY(read_model(v));
    CADRE_TRY(read_flags(v));
    CADRE_TRY(gguf_get_array(v->file, KEY "tokens", &pieces));
    if (pieces.type != GGUF_STRING || pieces.count == 0 || pieces.count >= TOKENIZER_ID_MAX)
        return cadre_fail(CADRE_EFORMAT, gguf_path(v->file),
            KEY "tokens: expected 1..%d strings, found %zu items", TOKENIZER_ID_MAX - 1,
            pieces.count);
    v->count = pieces.count;
    v->pieces = MEM_ARRAY(gguf_string, v->count);
    if (!v->pieces) return CADRE_ENOMEM;
    gguf_array_strings(&pieces, v->pieces);
    CADRE_TRY(read_column(v, KEY "token_type", gguf_array_is_int, &v->types));
    return read_column(v, KEY "scores", gguf_array_is_real, &v->scores);
}

/* ---- tables ---- */

static cadre_status add_special(tokenizer *t, string_view piece, int32_t id, gguf_piece_type type)
{
    bool vacant;
    added_token token = { .id = id, .special = type != GGUF_PIECE_USER_DEFINED };
    token.control = token.special || added_tokens_looks_control(piece.data, piece.size);
    if (piece.size > ADDED_TOKEN_BYTES_MAX)
        return cadre_fail(CADRE_EFORMAT, t->name,
            KEY "tokens: expected special pieces of at most %d bytes, found one of %zu (id %d)",
            ADDED_TOKEN_BYTES_MAX, piece.size, id);
    CADRE_TRY(vocabulary_add(&t->added_pieces, piece.data, piece.size, id, &vacant));
    return piece.size ? added_tokens_add(&t->added, token, piece.data, piece.size) : CADRE_OK;
}

/* Whether a row of the embedding lies beyond the vocabulary: such rows have a name, but no text. */
static bool is_padding(const gguf_vocabulary *v, size_t id, int64_t type)
{
    char name[GGUF_PADDING_BYTES];
    return type == GGUF_PIECE_UNUSED && gguf_string_is(v->pieces[id], gguf_padding_name(id, name));
}

/* Files of Gemma 4 call the marks of a conversation, such as "<|turn>" and "<turn|>", normal. */
static bool is_turn(const gguf_vocabulary *v, size_t id)
{
    gguf_string p = v->pieces[id];
    bool marked = p.size > 4 && p.data[0] == '<' && p.data[p.size - 1] == '>';
    return v->steps.merges && marked && (p.data[1] == '|' || p.data[p.size - 2] == '|');
}

static cadre_status add_pieces(const gguf_vocabulary *v, tokenizer *t)
{
    CADRE_TRY(string_set_reserve(&t->pieces.pieces, v->count, 0));
    for (size_t i = 0; i < v->count; i++) {
        int64_t type = v->types.count ? gguf_array_int(&v->types, i) : GGUF_PIECE_NORMAL;
        bool vacant;
        if (is_padding(v, i, type)) continue;
        if (is_turn(v, i)) type = GGUF_PIECE_CONTROL;
        if (type == GGUF_PIECE_CONTROL || type == GGUF_PIECE_USER_DEFINED ||
            type == GGUF_PIECE_UNKNOWN)
            CADRE_TRY(add_special(t, (string_view){ v->pieces[i].data, v->pieces[i].size },
                (int32_t)i, (gguf_piece_type)type));
        else
            CADRE_TRY(vocabulary_add(
                &t->pieces, v->pieces[i].data, v->pieces[i].size, (int32_t)i, &vacant));
    }
    return CADRE_OK;
}

/* Each merge is "left right"; a piece may itself begin with a space. */
static cadre_status add_merges(
    const gguf_vocabulary *v, tokenizer *t, const gguf_string *merges, size_t count)
{
    CADRE_TRY(number_map_reserve(&t->bpe.merges, count));
    for (size_t i = 0; i < count; i++) {
        const char *data = merges[i].data,
                   *space = merges[i].size > 1 ? memchr(data + 1, ' ', merges[i].size - 1) : NULL;
        bool known = false;
        if (space)
            CADRE_TRY(bpe_add_merge(&t->bpe, (string_view){ data, (size_t)(space - data) },
                (string_view){ space + 1, merges[i].size - (size_t)(space - data) - 1 }, &known));
        if (!known)
            return cadre_fail(CADRE_EFORMAT, gguf_path(v->file),
                KEY "merges: expected two pieces that are in the vocabulary, alone and together, "
                    "found \"%s\"",
                quote_bytes(data, merges[i].size).text);
    }
    return CADRE_OK;
}

static cadre_status read_merges(const gguf_vocabulary *v, tokenizer *t)
{
    gguf_array array;
    CADRE_TRY(gguf_get_array(v->file, KEY "merges", &array));
    if (array.type != GGUF_STRING)
        return cadre_fail(CADRE_EFORMAT, gguf_path(v->file), KEY "merges: expected strings");
    gguf_string *merges = MEM_ARRAY(gguf_string, array.count);
    if (!merges) return CADRE_ENOMEM;
    gguf_array_strings(&array, merges);
    cadre_status status = add_merges(v, t, merges, array.count);
    mem_free(merges);
    t->bpe.ignore_merges = v->steps.pre && v->steps.pre->ignore_merges;
    t->bpe.byte_fallback = v->steps.merges;
    return status;
}

static cadre_status read_scores(const gguf_vocabulary *v, tokenizer *t)
{
    if (!v->scores.count)
        return cadre_fail(CADRE_EFORMAT, gguf_path(v->file),
            KEY "scores: expected one for each piece, found none");
    float *scores = MEM_ARRAY(float, v->count);
    if (!scores) return CADRE_ENOMEM;
    cadre_status status = CADRE_OK;
    for (size_t i = 0; i < v->count && status == CADRE_OK; i++) {
        scores[i] = (float)gguf_array_real(&v->scores, i);
        if (isnan(scores[i]))
            status = cadre_fail(CADRE_EFORMAT, gguf_path(v->file),
                KEY "scores: expected numbers, found NaN (id %zu)", i);
    }
    if (status == CADRE_OK) status = bpe_rank_by_score(&t->bpe, scores);
    t->bpe.byte_fallback = true;
    mem_free(scores);
    return status;
}

/* ---- special ids ---- */

static cadre_status read_id(const gguf_vocabulary *v, const char *key, int32_t *id)
{
    return gguf_special_id(v->file, key, (int64_t)v->count, id);
}

static cadre_status read_named_ids(const gguf_vocabulary *v, tokenizer *t)
{
    CADRE_TRY(read_id(v, KEY "bos_token_id", &t->bos));
    CADRE_TRY(read_id(v, KEY "eos_token_id", &t->eos));
    return read_id(v, KEY "padding_token_id", &t->pad);
}

static cadre_status read_ids(const gguf_vocabulary *v, tokenizer *t)
{
    if (is_sentencepiece(v) && v->count > 2) { /* where SentencePiece puts them */
        t->bpe.unknown = 0;
        t->bos = 1;
        t->eos = 2;
    }
    CADRE_TRY(read_named_ids(v, t));
    if (is_sentencepiece(v)) CADRE_TRY(read_id(v, KEY "unknown_token_id", &t->bpe.unknown));
    if (v->add_bos && t->bos < 0)
        return cadre_fail(
            CADRE_EFORMAT, gguf_path(v->file), KEY "bos_token_id: expected an id, found none");
    if (v->add_eos && t->eos < 0)
        return cadre_fail(
            CADRE_EFORMAT, gguf_path(v->file), KEY "eos_token_id: expected an id, found none");
    if (v->add_bos) CADRE_TRY(token_list_put(&t->before, t->bos));
    return v->add_eos ? token_list_put(&t->after, t->eos) : CADRE_OK;
}

static cadre_status fill(gguf_vocabulary *v, tokenizer *t)
{
    CADRE_TRY(read_keys(v));
    CADRE_TRY(gguf_steps_read(&v->steps, t));
    CADRE_TRY(add_pieces(v, t));
    bool scores = is_sentencepiece(v) && !v->steps.merges;
    CADRE_TRY(scores ? read_scores(v, t) : read_merges(v, t));
    vocabulary_byte_ids(&t->pieces, t->bpe.byte_ids);
    return read_ids(v, t);
}

static cadre_status from_keys(const gguf *file, tokenizer **t)
{
    tokenizer *made;
    gguf_vocabulary v = { .file = file };
    CADRE_TRY(tokenizer_new(gguf_path(file), &made));
    cadre_status status = fill(&v, made);
    mem_free(v.pieces);
    if (status == CADRE_OK) *t = made;
    else tokenizer_close(made);
    return status;
}

/* Reads the tokenizer.json that a file may carry, which says more than the keys. What lies in other
 * files beside a tokenizer.json is taken from the keys. */
static cadre_status from_json(const gguf *file, tokenizer **t)
{
    gguf_string json;
    tokenizer *made;
    CADRE_TRY(gguf_get_string(file, GGUF_TOKENIZER_JSON, &json));
    CADRE_TRY(tokenizer_open_text(json.data, json.size, gguf_path(file), &made));
    gguf_vocabulary v = { .file = file, .count = INT32_MAX };
    cadre_status status = read_named_ids(&v, made);
    if (status == CADRE_OK) *t = made;
    else tokenizer_close(made);
    return status;
}

static cadre_status read_chat_program(const gguf *file, tokenizer *t)
{
    gguf_string program = { "", 0 };
    CADRE_TRY(gguf_opt_string(file, CHAT_KEY, &program));
    if (program.size > CHAT_PROGRAM_MAX)
        return cadre_fail(CADRE_EFORMAT, t->name, CHAT_KEY ": expected at most %d bytes, found %zu",
            CHAT_PROGRAM_MAX, program.size);
    return byte_buffer_put(&t->chat, program.data, program.size);
}

bool tokenizer_in_gguf(const gguf *file)
{
    gguf_string kind = { "none", 4 };
    if (gguf_has(file, GGUF_TOKENIZER_JSON)) return true;
    return gguf_opt_string(file, KEY "model", &kind) == CADRE_OK && !gguf_string_is(kind, "none");
}

cadre_status tokenizer_from_gguf(const gguf *file, tokenizer **t)
{
    tokenizer *made;
    CADRE_TRY(
        gguf_has(file, GGUF_TOKENIZER_JSON) ? from_json(file, &made) : from_keys(file, &made));
    cadre_status status = read_chat_program(file, made);
    if (status == CADRE_OK) *t = made;
    else tokenizer_close(made);
    return status;
}

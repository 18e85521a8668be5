/* tokenizer_export_json.c - writes a tokenizer that came from a GGUF file as tokenizer.json, and
 * tokenizer_config.json. */
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "format/json_copy.h"
#include "text/gguf_steps.h"
#include "text/tokenizer_export.h"

static void write_added_tokens(const tokenizer *t, json_writer *w)
{
    json_put_array(w, "added_tokens");
    for (size_t i = 0; i < t->added.count; i++) {
        const added_token *token = &t->added.list[i];
        string_view piece = vocabulary_piece(&t->added_pieces, token->id);
        json_put_object(w, NULL);
        json_put_int(w, "id", token->id);
        json_put_bytes(w, "content", piece.data, piece.size);
        json_put_bool(w, "single_word", token->single_word);
        json_put_bool(w, "lstrip", token->lstrip);
        json_put_bool(w, "rstrip", token->rstrip);
        json_put_bool(w, "normalized", token->normalized);
        json_put_bool(w, "special", token->special);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
}

/* ---- what is put around a text ---- */

static const char *piece_name(const tokenizer *t, int32_t id, byte_buffer *name)
{
    string_view piece = tokenizer_piece(t, id);
    name->size = 0;
    if (byte_buffer_put(name, piece.data, piece.size) != CADRE_OK ||
        byte_buffer_put(name, "", 1) != CADRE_OK)
        return "";
    return name->data;
}

static void write_template_part(json_writer *w, const char *kind, const char *id)
{
    json_put_object(w, NULL);
    json_put_object(w, kind);
    json_put_string(w, "id", id);
    json_put_int(w, "type_id", 0);
    json_put_close(w, '}');
    json_put_close(w, '}');
}

static void write_template_parts(
    const tokenizer *t, json_writer *w, const char *key, byte_buffer *name)
{
    json_put_array(w, key);
    for (size_t i = 0; i < t->before.count; i++)
        write_template_part(w, "SpecialToken", piece_name(t, t->before.ids[i], name));
    write_template_part(w, "Sequence", "A");
    for (size_t i = 0; i < t->after.count; i++)
        write_template_part(w, "SpecialToken", piece_name(t, t->after.ids[i], name));
    if (strcmp(key, "pair") == 0) write_template_part(w, "Sequence", "B");
    json_put_close(w, ']');
}

static void write_template_special(
    const tokenizer *t, json_writer *w, int32_t id, byte_buffer *name)
{
    const char *piece = piece_name(t, id, name);
    json_put_object(w, piece);
    json_put_string(w, "id", piece);
    json_put_array(w, "ids");
    json_put_int(w, NULL, id);
    json_put_close(w, ']');
    json_put_array(w, "tokens");
    json_put_string(w, NULL, piece);
    json_put_close(w, ']');
    json_put_close(w, '}');
}

static void write_template(const tokenizer *t, json_writer *w, byte_buffer *name)
{
    if (t->before.count + t->after.count == 0) {
        json_put_null(w, "post_processor");
        return;
    }
    json_put_object(w, "post_processor");
    json_put_string(w, "type", "TemplateProcessing");
    write_template_parts(t, w, "single", name);
    write_template_parts(t, w, "pair", name);
    json_put_object(w, "special_tokens");
    for (size_t i = 0; i < t->before.count; i++)
        write_template_special(t, w, t->before.ids[i], name);
    for (size_t i = 0; i < t->after.count; i++)
        if (t->before.count == 0 || t->before.ids[0] != t->after.ids[i])
            write_template_special(t, w, t->after.ids[i], name);
    json_put_close(w, '}');
    json_put_close(w, '}');
}

/* ---- the model ---- */

static cadre_status check_pieces(const tokenizer *t)
{
    for (int32_t id = 0; id < tokenizer_size(t); id++) {
        string_view piece = tokenizer_piece(t, id);
        if (!utf8_valid(piece.data, piece.size) ||
            (piece.size && memchr(piece.data, '\0', piece.size)))
            return cadre_fail(CADRE_EUNSUPPORTED, t->name,
                "a tokenizer.json cannot hold the piece of id %d: expected UTF-8 without a NUL",
                id);
    }
    return CADRE_OK;
}

/* Writes all pieces. The tokenizers package would give an added token that is not among them an id
 * of its own choice. */
static void write_vocabulary(const tokenizer *t, json_writer *w, byte_buffer *name)
{
    json_put_object(w, "vocab");
    for (int32_t id = 0; id < tokenizer_size(t); id++) {
        string_view piece = tokenizer_piece(t, id);
        if (piece.size && tokenizer_id(t, piece.data, piece.size) == id)
            json_put_int(w, piece_name(t, id, name), id);
    }
    json_put_close(w, '}');
}

static cadre_status write_merges(const tokenizer *t, json_writer *w)
{
    bpe_rule *rules;
    size_t count;
    CADRE_TRY(bpe_rules(&t->bpe, &rules, &count));
    json_put_array(w, "merges");
    for (size_t i = 0; i < count; i++) {
        string_view left = vocabulary_piece(&t->pieces, rules[i].left),
                    right = vocabulary_piece(&t->pieces, rules[i].right);
        json_put_array(w, NULL);
        json_put_bytes(w, NULL, left.data, left.size);
        json_put_bytes(w, NULL, right.data, right.size);
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
    mem_free(rules);
    return CADRE_OK;
}

static cadre_status write_model(const tokenizer *t, json_writer *w, byte_buffer *name)
{
    json_put_object(w, "model");
    json_put_string(w, "type", "BPE");
    json_put_null(w, "dropout");
    if (t->bpe.unknown >= 0) json_put_string(w, "unk_token", piece_name(t, t->bpe.unknown, name));
    else json_put_null(w, "unk_token");
    json_put_null(w, "continuing_subword_prefix");
    json_put_null(w, "end_of_word_suffix");
    json_put_bool(w, "fuse_unk", t->bpe.fuse_unknown);
    json_put_bool(w, "byte_fallback", t->bpe.byte_fallback);
    json_put_bool(w, "ignore_merges", t->bpe.ignore_merges);
    write_vocabulary(t, w, name);
    cadre_status status = write_merges(t, w);
    json_put_close(w, '}');
    return status;
}

/* ---- the files ---- */

/* Moves the finished text into `json`. */
static cadre_status finish(json_writer *w, cadre_status status, byte_buffer *json)
{
    if (status == CADRE_OK) status = json_writer_status(w);
    byte_buffer_text(&w->text, "\n");
    if (status == CADRE_OK) status = w->text.status;
    if (status == CADRE_OK) {
        *json = w->text;
        w->text = (byte_buffer){ 0 };
    }
    json_writer_free(w);
    return status;
}

cadre_status tokenizer_write_json(const tokenizer *t, byte_buffer *json)
{
    gguf_steps steps;
    bool found;
    if (t->source.size) {
        byte_buffer_put(json, t->source.data, t->source.size);
        return json->status;
    }
    CADRE_TRY(gguf_steps_of(t, &steps, &found));
    if (!found || t->is_unigram)
        return cadre_fail(
            CADRE_EUNSUPPORTED, t->name, "the tokenizer has no form as tokenizer.json");
    CADRE_TRY(check_pieces(t));
    byte_buffer name = { 0 };
    json_writer w = json_writer_new(1);
    json_put_object(&w, NULL);
    json_put_string(&w, "version", "1.0");
    json_put_null(&w, "truncation");
    json_put_null(&w, "padding");
    write_added_tokens(t, &w);
    gguf_steps_write(&steps, &w);
    write_template(t, &w, &name);
    cadre_status status = write_model(t, &w, &name);
    json_put_close(&w, '}');
    if (status == CADRE_OK) status = name.status;
    byte_buffer_free(&name);
    return finish(&w, status, json);
}

tokenizer_config tokenizer_config_of(const tokenizer *t)
{
    return (tokenizer_config){
        .bos = tokenizer_piece(t, t->bos),
        .eos = tokenizer_piece(t, t->eos),
        .unknown = tokenizer_piece(t, tokenizer_unknown(t)),
        .pad = tokenizer_piece(t, t->pad),
        .chat = tokenizer_chat_program(t),
    };
}

/* ---- tokenizer_config.json ---- */

static bool says(const json_node *kept, const char *key)
{
    json_node member = json_member(kept, key);
    return json_kind_of(&member) != JSON_KIND_ABSENT;
}

static void write_member(json_writer *w, const json_node *kept, const char *key, string_view text)
{
    if (text.size && !says(kept, key)) json_put_bytes(w, key, text.data, text.size);
}

/* The class is replaced by one that reads any tokenizer.json, because the model's own program is
 * not copied. */
static void write_kept(json_writer *w, const json_node *kept)
{
    for (json_node m = { 0 }; kept->value && json_next(kept, &m);)
        if (strcmp(m.key, "tokenizer_class") && strcmp(m.key, "auto_map"))
            json_put_copy(w, m.key, &m);
}

static void write_members(json_writer *w, const tokenizer_config *config, const json_node *kept)
{
    json_put_object(w, NULL);
    json_put_string(w, "tokenizer_class", "PreTrainedTokenizerFast");
    write_kept(w, kept);
    write_member(w, kept, "bos_token", config->bos);
    write_member(w, kept, "eos_token", config->eos);
    write_member(w, kept, "unk_token", config->unknown);
    write_member(w, kept, "pad_token", config->pad);
    /* Otherwise the template lies in a file of its own, which is copied. */
    if (!kept->value) write_member(w, kept, "chat_template", config->chat);
    if (config->context > 0 && !says(kept, "model_max_length"))
        json_put_int(w, "model_max_length", config->context);
    if (!says(kept, "clean_up_tokenization_spaces"))
        json_put_bool(w, "clean_up_tokenization_spaces", false);
    json_put_close(w, '}');
}

cadre_status tokenizer_write_config(const tokenizer_config *config, byte_buffer *json)
{
    json_document *document = NULL;
    json_node kept = { 0 };
    json_writer w = json_writer_new(2);
    if (config->kept.size && json_parse("tokenizer_config.json", config->kept.data,
                                 config->kept.size, &document) == CADRE_OK) {
        kept = json_root(document);
        if (json_kind_of(&kept) != JSON_KIND_OBJECT) kept = (json_node){ 0 };
    }
    write_members(&w, config, &kept);
    json_close(document);
    return finish(&w, CADRE_OK, json);
}

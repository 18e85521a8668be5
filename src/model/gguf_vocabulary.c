/* gguf_vocabulary.c - the vocabulary's keys of a GGUF that is written: copied from another GGUF, or made of a tokenizer.json
 * where GGUF can say it, which is byte-level BPE with a pre-tokenizer that has a name. The tokenizer.json itself goes along under
 * the key that the format's description has for it. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "format/json.h"
#include "model/model_output.h"
#include "text/pre_tokenizers.h"

enum { TYPE_NORMAL = 1, TYPE_CONTROL = 3, TYPE_USER = 4, TYPE_UNUSED = 5 };

/* ---- which pre-tokenizer it is ---- */

/* The members that decide how a text is cut, in order, as one text. */
static void describe(const json_node *node, byte_buffer *out)
{
    static const char *const members[] = { "type", "Regex", "String", "behavior", "individual_digits", "use_regex" };
    for (json_node m = { 0 }; json_next(node, &m);) {
        const char *text;
        bool truth, decides = false;
        for (size_t i = 0; i < sizeof members / sizeof *members; i++) decides |= !strcmp(m.key, members[i]);
        if (decides && json_kind_of(&m) == JSON_KIND_STRING && json_as_string(&m, &text, NULL) == CADRE_OK)
            byte_buffer_put(out, text, strlen(text) + 1);
        if (decides && json_kind_of(&m) == JSON_KIND_BOOL && json_as_bool(&m, &truth) == CADRE_OK)
            byte_buffer_put(out, truth ? "+" : "-", 1);
        if (json_kind_of(&m) == JSON_KIND_OBJECT) describe(&m, out);
        for (size_t i = 0; json_kind_of(&m) == JSON_KIND_ARRAY && i < json_count(&m); i++) {
            json_node item = json_item(&m, i);
            if (json_kind_of(&item) == JSON_KIND_OBJECT) describe(&item, out);
        }
    }
}

static bool same(const byte_buffer *a, const byte_buffer *b) { return a->size == b->size && !memcmp(a->data, b->data, a->size); }

/* A list of one step is that step. */
static json_node without_list(const json_node *node)
{
    json_node list = json_member(node, "pretokenizers");
    return json_count(&list) == 1 ? json_item(&list, 0) : *node;
}

static bool row_is(const pre_tokenizer *row, const byte_buffer *described)
{
    json_writer w = json_writer_new(0);
    json_document *document;
    byte_buffer own = { 0 };
    bool is = false;
    pre_tokenizer_write(row, &w, NULL);
    if (json_writer_status(&w) == CADRE_OK && json_parse("a pre-tokenizer", w.text.data, w.text.size, &document) == CADRE_OK) {
        json_node root = json_root(document), step = without_list(&root);
        describe(&step, &own);
        is = same(&own, described);
        json_close(document);
    }
    byte_buffer_free(&own);
    json_writer_free(&w);
    return is;
}

static bool is_composed(const json_node *root)
{
    const char *type = "";
    json_node normalizer = json_member(root, "normalizer");
    if (json_kind_of(&normalizer) != JSON_KIND_OBJECT) return false;
    return json_opt_string(&normalizer, "type", &type) == CADRE_OK && !strcmp(type, "NFC");
}

/* NULL: none that has a name. */
static const pre_tokenizer *recognise(const json_node *root)
{
    json_node cut = json_member(root, "pre_tokenizer"), model = json_member(root, "model");
    byte_buffer described = { 0 };
    bool ignore = false;
    if (json_kind_of(&cut) != JSON_KIND_OBJECT || json_opt_bool(&model, "ignore_merges", &ignore) != CADRE_OK) return NULL;
    cut = without_list(&cut);
    describe(&cut, &described);
    const pre_tokenizer *row;
    for (int i = 0; (row = pre_tokenizer_at(i)); i++)
        if (row->nfc == is_composed(root) && row->ignore_merges == ignore && row_is(row, &described)) break;
    byte_buffer_free(&described);
    return row;
}

/* ---- pieces and merges ---- */

typedef char piece_name[24];

typedef struct pieces {
    gguf_string *text; /* [count] */
    int64_t *type;
    piece_name *unused; /* [count] names of ids that have no piece */
    size_t count;
} pieces;

static cadre_status put_piece(pieces *p, const json_node *where, int64_t id, const char *text, size_t size, int64_t type)
{
    if (id < 0 || (size_t)id >= p->count) return json_refuse(where, "an id below the model's %zu", p->count);
    p->text[id] = (gguf_string){ text, size };
    p->type[id] = type;
    return CADRE_OK;
}

static cadre_status read_pieces(const json_node *root, const json_node *model, pieces *p)
{
    json_node vocab, added;
    CADRE_TRY(json_get_object(model, "vocab", &vocab));
    for (json_node m = { 0 }; json_next(&vocab, &m);) {
        int64_t id;
        CADRE_TRY(json_as_int(&m, 0, INT32_MAX, &id));
        CADRE_TRY(put_piece(p, &m, id, m.key, strlen(m.key), TYPE_NORMAL));
    }
    CADRE_TRY(json_opt_array(root, "added_tokens", &added));
    for (size_t i = 0; added.value && i < json_count(&added); i++) {
        json_node item = json_item(&added, i);
        int64_t id;
        const char *text;
        bool special = false;
        CADRE_TRY(json_get_int(&item, "id", 0, INT32_MAX, &id));
        CADRE_TRY(json_get_string(&item, "content", &text));
        CADRE_TRY(json_opt_bool(&item, "special", &special));
        CADRE_TRY(put_piece(p, &item, id, text, strlen(text), special ? TYPE_CONTROL : TYPE_USER));
    }
    return CADRE_OK;
}

static cadre_status put_pieces(gguf_writer *w, const json_node *root, const json_node *model, int64_t vocab)
{
    pieces p = { .text = MEM_ARRAY(gguf_string, vocab), .type = MEM_ARRAY(int64_t, vocab), .unused = MEM_ARRAY(piece_name, vocab),
                 .count = (size_t)vocab };
    cadre_status status = p.text && p.type && p.unused ? read_pieces(root, model, &p) : CADRE_ENOMEM;
    for (size_t i = 0; i < p.count && status == CADRE_OK; i++) {
        if (p.type[i]) continue;
        int size = snprintf(p.unused[i], sizeof *p.unused, "[PAD%zu]", i);
        p.text[i] = (gguf_string){ p.unused[i], (size_t)size };
        p.type[i] = TYPE_UNUSED;
    }
    if (status == CADRE_OK) status = gguf_writer_strings(w, "tokenizer.ggml.tokens", p.text, p.count);
    if (status == CADRE_OK) status = gguf_writer_ints(w, "tokenizer.ggml.token_type", GGUF_I32, p.type, p.count);
    mem_free(p.text);
    mem_free(p.type);
    mem_free(p.unused);
    return status;
}

/* "left right", or a list of the two. */
static cadre_status read_merge(const json_node *item, byte_buffer *text)
{
    const char *left, *right;
    if (json_kind_of(item) == JSON_KIND_STRING) {
        CADRE_TRY(json_as_string(item, &left, NULL));
        byte_buffer_put(text, left, strlen(left));
        return text->status;
    }
    json_node a = json_item(item, 0), b = json_item(item, 1);
    CADRE_TRY(json_as_string(&a, &left, NULL));
    CADRE_TRY(json_as_string(&b, &right, NULL));
    byte_buffer_put(text, left, strlen(left));
    byte_buffer_put(text, " ", 1);
    byte_buffer_put(text, right, strlen(right));
    return text->status;
}

static cadre_status put_merges(gguf_writer *w, const json_node *model)
{
    json_node list;
    CADRE_TRY(json_get_array(model, "merges", &list));
    size_t count = json_count(&list);
    byte_buffer text = { 0 };
    size_t *end = MEM_ARRAY(size_t, count);
    gguf_string *merges = MEM_ARRAY(gguf_string, count);
    cadre_status status = end && merges ? CADRE_OK : CADRE_ENOMEM;
    for (size_t i = 0; i < count && status == CADRE_OK; i++) {
        json_node item = json_item(&list, i);
        if (json_kind_of(&item) == JSON_KIND_ARRAY && json_count(&item) != 2) status = json_refuse(&item, "two pieces");
        if (status == CADRE_OK) status = read_merge(&item, &text);
        end[i] = text.size;
    }
    for (size_t i = 0; i < count && status == CADRE_OK; i++) {
        size_t begin = i ? end[i - 1] : 0;
        merges[i] = (gguf_string){ (const char *)text.data + begin, end[i] - begin };
    }
    if (status == CADRE_OK) status = gguf_writer_strings(w, "tokenizer.ggml.merges", merges, count);
    byte_buffer_free(&text);
    mem_free(end);
    mem_free(merges);
    return status;
}

/* ---- the keys ---- */

static cadre_status put_none(gguf_writer *w, const model_output *o, const char *why)
{
    if (why) model_output_note(o, why);
    return gguf_writer_string(w, "tokenizer.ggml.model", "none", 4);
}

static cadre_status put_ends(gguf_writer *w, const model_config *c)
{
    if (c->bos >= 0) CADRE_TRY(gguf_writer_int(w, "tokenizer.ggml.bos_token_id", GGUF_U32, c->bos));
    if (c->eos >= 0) CADRE_TRY(gguf_writer_int(w, "tokenizer.ggml.eos_token_id", GGUF_U32, c->eos));
    return CADRE_OK;
}

static cadre_status put_from_json(gguf_writer *w, const model_output *o, const json_node *root)
{
    json_node model = json_member(root, "model");
    const char *type = "";
    if (json_kind_of(&model) == JSON_KIND_OBJECT) CADRE_TRY(json_opt_string(&model, "type", &type));
    const pre_tokenizer *pre = strcmp(type, "BPE") ? NULL : recognise(root);
    CADRE_TRY(gguf_writer_string(w, GGUF_TOKENIZER_JSON, o->tokenizer, o->tokenizer_size));
    if (!pre)
        return put_none(w, o, "the tokenizer is kept as tokenizer.huggingface.json alone: GGUF has no name for the way it works");
    CADRE_TRY(gguf_writer_string(w, "tokenizer.ggml.model", "gpt2", 4));
    CADRE_TRY(gguf_writer_string(w, "tokenizer.ggml.pre", pre->names, strcspn(pre->names, " ")));
    CADRE_TRY(put_pieces(w, root, &model, o->config->vocab));
    return put_merges(w, &model);
}

static cadre_status copy_keys(gguf_writer *w, const gguf *from)
{
    for (size_t i = 0; i < gguf_key_count(from); i++) {
        gguf_string key = gguf_key_at(from, i);
        if (key.size < 10 || memcmp(key.data, "tokenizer.", 10)) continue;
        char *name = mem_printf("%.*s", (int)key.size, key.data);
        cadre_status status = name ? gguf_writer_copy(w, from, name) : CADRE_ENOMEM;
        mem_free(name);
        CADRE_TRY(status);
    }
    return CADRE_OK;
}

cadre_status gguf_put_vocabulary(gguf_writer *w, const model_output *o)
{
    json_document *document;
    if (o->vocabulary) return copy_keys(w, o->vocabulary);
    CADRE_TRY(put_ends(w, o->config));
    if (!o->tokenizer) return put_none(w, o, NULL);
    CADRE_TRY(json_parse("tokenizer.json", o->tokenizer, o->tokenizer_size, &document));
    json_node root = json_root(document);
    cadre_status status = put_from_json(w, o, &root);
    json_close(document);
    return status;
}

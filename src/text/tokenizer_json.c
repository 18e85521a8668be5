/* tokenizer_json.c - reads a tokenizer from the tokenizers package's file.
 *
 * "truncation" and "padding" are not read: they are settings of a batch, which every caller of the
 * package sets for itself. */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "format/foreign.h"
#include "format/json_cursor.h"
#include "text/step_list.h"
#include "text/tokenizer_parts.h"

enum {
    NODES_FREE = 65536, /* of a Unigram's trie, in addition to half the file's bytes */
    /* Bytes of a file without its tables; a JSON tree of this size takes tens of milliseconds */
    REST_MOST = 2 << 20,
    TOKEN_MOST = 64 << 10, /* of one added token's entry */
    BYTES_OF_PIECE = 24,   /* in a vocabulary, on average */
};

/* A limit of ids, which may have gaps, but not so many that a small file asks for much memory. */
static int64_t id_limit(size_t bytes)
{
    int64_t limit = (int64_t)bytes + 4096;
    return limit < TOKENIZER_ID_MAX ? limit : TOKENIZER_ID_MAX;
}

/* ---- the tables ---- */

typedef struct tables { /* where they lie in the text; begin == end: absent */
    text_range vocab, merges, added;
} tables;

static bool is_there(text_range range) { return range.begin < range.end; }

static json_cursor cursor_at(const tokenizer *t, const char *where, size_t begin)
{
    return (json_cursor){
        .text = t->source.data, .size = t->source.size, .at = begin, .file = t->name, .where = where
    };
}

/* Finds the tables among the members of the object at the cursor, which is the file or its
 * "model". */
static cadre_status find_in_object(json_cursor *c, bool model, tables *found)
{
    bool first = true, more;
    string_view key;
    CADRE_TRY(json_cursor_expect(c, '{'));
    for (;;) {
        CADRE_TRY(json_cursor_member(c, &first, &key, &more));
        if (!more) return CADRE_OK;
        json_cursor_peek(c);
        size_t begin = c->at;
        if (!model && string_view_is(key, "model") && json_cursor_peek(c) == '{')
            CADRE_TRY(find_in_object(c, true, found));
        else CADRE_TRY(json_cursor_skip(c));
        if (model && string_view_is(key, "vocab")) found->vocab = (text_range){ begin, c->at };
        if (model && string_view_is(key, "merges")) found->merges = (text_range){ begin, c->at };
        if (!model && string_view_is(key, "added_tokens"))
            found->added = (text_range){ begin, c->at };
    }
}

static cadre_status find_tables(const tokenizer *t, tables *found)
{
    json_cursor c = cursor_at(t, "the file", 0);
    *found = (tables){ 0 };
    cadre_status status = find_in_object(&c, false, found);
    json_cursor_free(&c);
    return status;
}

static cadre_status read_vocabulary_entry(tokenizer *t, json_cursor *c, int64_t limit)
{
    string_view piece;
    int64_t id;
    bool vacant;
    size_t known = t->pieces.pieces.count, at = c->at;
    CADRE_TRY(json_cursor_string(c, &piece));
    CADRE_TRY(json_cursor_expect(c, ':'));
    CADRE_TRY(json_cursor_int(c, 0, limit - 1, &id));
    CADRE_TRY(vocabulary_add(&t->pieces, piece.data, piece.size, (int32_t)id, &vacant));
    c->at = vacant && t->pieces.pieces.count > known ? c->at : at;
    if (!vacant) return json_cursor_refuse(c, "an id that no other piece has");
    return t->pieces.pieces.count > known ? CADRE_OK
                                          : json_cursor_refuse(c, "a piece that is not there yet");
}

/* Makes room for as many pieces as a vocabulary of this many bytes usually has, so that the table
 * need not grow again and again. */
static cadre_status expect_pieces(tokenizer *t, text_range vocab)
{
    size_t count = (vocab.end - vocab.begin) / BYTES_OF_PIECE,
           most = (size_t)id_limit(t->source.size);
    return vocabulary_reserve(&t->pieces, count < most ? count : most);
}

static cadre_status read_vocabulary(tokenizer *t, json_cursor *c)
{
    bool first = true, more;
    int64_t limit = id_limit(t->source.size);
    CADRE_TRY(json_cursor_expect(c, '{'));
    for (;;) {
        CADRE_TRY(json_cursor_next(c, '}', &first, &more));
        if (!more) return CADRE_OK;
        CADRE_TRY(read_vocabulary_entry(t, c, limit));
    }
}

/* A merge is ["left", "right"] or, in older files, "left right". */
static cadre_status read_merge(json_cursor *c, string_view *left, string_view *right)
{
    if (json_cursor_take(c, '[')) {
        CADRE_TRY(json_cursor_string(c, left));
        CADRE_TRY(json_cursor_expect(c, ','));
        CADRE_TRY(json_cursor_string(c, right));
        return json_cursor_expect(c, ']');
    }
    string_view both;
    CADRE_TRY(json_cursor_string(c, &both));
    const char *space = both.size ? memchr(both.data, ' ', both.size) : NULL;
    size_t before = space ? (size_t)(space - both.data) : 0,
           after = space ? both.size - before - 1 : 0;
    if (!space || memchr(space + 1, ' ', after))
        return json_cursor_refuse(c, "two pieces with a space between them");
    *left = (string_view){ both.data, before };
    *right = (string_view){ space + 1, after };
    return CADRE_OK;
}

static cadre_status read_merges(tokenizer *t, json_cursor *c)
{
    bool first = true, more, known;
    string_view left, right;
    CADRE_TRY(json_cursor_expect(c, '['));
    for (;;) {
        CADRE_TRY(json_cursor_next(c, ']', &first, &more));
        if (!more) return CADRE_OK;
        CADRE_TRY(read_merge(c, &left, &right));
        CADRE_TRY(bpe_add_merge(&t->bpe, left, right, &known));
        if (!known)
            return json_cursor_refuse(
                c, "a merge of pieces that are in the vocabulary, alone and together");
    }
}

/* Reads ["piece", score]; these come in the order of ids. */
static cadre_status read_scored_piece(tokenizer *t, json_cursor *c, size_t *room)
{
    string_view piece;
    double score;
    bool vacant;
    CADRE_TRY(json_cursor_expect(c, '['));
    CADRE_TRY(json_cursor_string(c, &piece));
    CADRE_TRY(json_cursor_expect(c, ','));
    CADRE_TRY(json_cursor_real(c, -FLT_MAX, FLT_MAX, &score));
    CADRE_TRY(json_cursor_expect(c, ']'));
    if (t->pieces.size == TOKENIZER_ID_MAX) return json_cursor_refuse(c, "fewer pieces");
    CADRE_TRY(buffer_grow(
        (void **)&t->unigram.scores, (size_t)t->pieces.size, room, 1, sizeof *t->unigram.scores));
    t->unigram.scores[t->pieces.size] = score;
    return vocabulary_add(&t->pieces, piece.data, piece.size, t->pieces.size, &vacant);
}

static cadre_status read_scored_pieces(tokenizer *t, json_cursor *c)
{
    bool first = true, more;
    size_t room = 0;
    CADRE_TRY(buffer_grow(
        (void **)&t->unigram.scores, 0, &room, t->pieces.id_capacity, sizeof *t->unigram.scores));
    CADRE_TRY(json_cursor_expect(c, '['));
    for (;;) {
        CADRE_TRY(json_cursor_next(c, ']', &first, &more));
        if (!more) return CADRE_OK;
        CADRE_TRY(read_scored_piece(t, c, &room));
    }
}

/* ---- models ---- */

/* Refuses members that are supported only with their neutral value. */
static cadre_status check_neutral(const json_node *model)
{
    double dropout = 0;
    CADRE_TRY(json_opt_real(model, "dropout", 0, 0, &dropout));
    static const char *const affixes[] = { "continuing_subword_prefix", "end_of_word_suffix" };
    for (int i = 0; i < 2; i++) {
        const char *affix = "";
        json_node member = json_member(model, affixes[i]);
        CADRE_TRY(json_opt_string(model, affixes[i], &affix));
        if (*affix) return json_refuse(&member, "none");
    }
    return CADRE_OK;
}

static cadre_status read_bpe_tables(tokenizer *t, const tables *found)
{
    json_cursor vocab = cursor_at(t, "model.vocab", found->vocab.begin);
    json_cursor merges = cursor_at(t, "model.merges", found->merges.begin);
    if (!is_there(found->vocab) || !is_there(found->merges))
        return cadre_fail(CADRE_EFORMAT, t->name, "model: expected a vocab and merges");
    cadre_status status = expect_pieces(t, found->vocab);
    if (status == CADRE_OK) status = read_vocabulary(t, &vocab);
    if (status == CADRE_OK) status = read_merges(t, &merges);
    json_cursor_free(&vocab);
    json_cursor_free(&merges);
    return status;
}

static cadre_status read_bpe(tokenizer *t, const json_node *model, const tables *found)
{
    const char *unknown = NULL;
    CADRE_TRY(step_list_check_members(model,
        "type dropout unk_token continuing_subword_prefix end_of_word_suffix fuse_unk "
        "byte_fallback ignore_merges vocab merges"));
    CADRE_TRY(check_neutral(model));
    CADRE_TRY(json_opt_bool(model, "fuse_unk", &t->bpe.fuse_unknown));
    CADRE_TRY(json_opt_bool(model, "byte_fallback", &t->bpe.byte_fallback));
    CADRE_TRY(json_opt_bool(model, "ignore_merges", &t->bpe.ignore_merges));
    CADRE_TRY(read_bpe_tables(t, found));
    vocabulary_byte_ids(&t->pieces, t->bpe.byte_ids);
    CADRE_TRY(json_opt_string(model, "unk_token", &unknown));
    if (!unknown) return CADRE_OK;
    t->bpe.unknown = vocabulary_id(&t->pieces, unknown, strlen(unknown));
    json_node member = json_member(model, "unk_token");
    return t->bpe.unknown < 0 ? json_refuse(&member, "a piece of the vocabulary") : CADRE_OK;
}

static cadre_status read_unigram(tokenizer *t, const json_node *model, const tables *found)
{
    json_cursor vocab = cursor_at(t, "model.vocab", found->vocab.begin);
    int64_t unknown;
    bool fallback = false;
    CADRE_TRY(step_list_check_members(model, "type unk_id vocab byte_fallback"));
    CADRE_TRY(json_opt_bool(model, "byte_fallback", &fallback));
    if (!is_there(found->vocab))
        return cadre_fail(CADRE_EFORMAT, t->name, "model: expected a vocab");
    t->is_unigram = true;
    cadre_status status = expect_pieces(t, found->vocab);
    if (status == CADRE_OK) status = read_scored_pieces(t, &vocab);
    json_cursor_free(&vocab);
    CADRE_TRY(status);
    CADRE_TRY(json_get_int(model, "unk_id", 0, (int64_t)t->pieces.size - 1, &unknown));
    return unigram_build(&t->unigram, (int32_t)unknown, fallback, NODES_FREE + t->source.size / 2);
}

static cadre_status read_model(tokenizer *t, const json_node *root, const tables *found)
{
    json_node model, type;
    const char *name = NULL;
    CADRE_TRY(json_get_object(root, "model", &model));
    CADRE_TRY(json_opt_string(&model, "type", &name)); /* the oldest files lack it */
    if (name ? strcmp(name, "BPE") == 0 : is_there(found->merges))
        return read_bpe(t, &model, found);
    if (name && strcmp(name, "Unigram") == 0) return read_unigram(t, &model, found);
    if (name)
        return cadre_fail(CADRE_EUNSUPPORTED, root->file,
            "model: \"%s\" is not supported (supported: BPE, Unigram)", name);
    type = json_member(&model, "type");
    return json_refuse(&type, "BPE or Unigram");
}

/* ---- added tokens ---- */

/* Makes the spelling that is searched for in a text, and decoded. */
static cadre_status normalize_spelling(
    const tokenizer *t, string_view content, byte_buffer *spelling)
{
    normalizer_scratch scratch = { 0 };
    pattern_scan *scan = NULL;
    string_view normal;
    cadre_status status = pattern_scan_new(&scan);
    if (status == CADRE_OK)
        status = normalizer_apply(&t->normalizer, &scratch, scan, content, &normal);
    if (status == CADRE_OK) status = byte_buffer_put(spelling, normal.data, normal.size);
    pattern_scan_free(scan);
    normalizer_scratch_free(&scratch);
    return status;
}

static cadre_status add_token(
    tokenizer *t, const json_node *node, added_token token, string_view content)
{
    byte_buffer spelling = { 0 };
    bool vacant = true;
    int32_t known = vocabulary_id(&t->pieces, content.data, content.size);
    if (content.size == 0) return CADRE_OK; /* as the package does */
    json_node id = json_member(node, "id");
    if (known >= 0 && known != token.id)
        return json_refuse(&id, "%d, which the vocabulary gives this token", known);
    if (known < 0 && vocabulary_has(&t->pieces, token.id))
        return json_refuse(&id, "an id that no other piece has");
    cadre_status status = CADRE_OK;
    if (token.normalized) status = normalize_spelling(t, content, &spelling);
    else status = byte_buffer_put(&spelling, content.data, content.size);
    if (status == CADRE_OK && spelling.size > ADDED_TOKEN_BYTES_MAX)
        status = json_refuse(node, "a spelling of at most %d bytes", ADDED_TOKEN_BYTES_MAX);
    if (status == CADRE_OK)
        status = vocabulary_add(&t->added_pieces, spelling.data, spelling.size, token.id, &vacant);
    if (status == CADRE_OK && !vacant) status = json_refuse(&id, "an id that no other token has");
    if (status == CADRE_OK && spelling.size > 0)
        status = added_tokens_add(&t->added, token, spelling.data, spelling.size);
    byte_buffer_free(&spelling);
    return status;
}

static cadre_status read_added_token(tokenizer *t, const json_node *node, int64_t limit)
{
    added_token token = { 0 };
    const char *content;
    size_t size;
    int64_t id;
    CADRE_TRY(
        step_list_check_members(node, "id content single_word lstrip rstrip normalized special"));
    CADRE_TRY(json_get_int(node, "id", 0, limit - 1, &id));
    CADRE_TRY(json_get_bool(node, "single_word", &token.single_word));
    CADRE_TRY(json_get_bool(node, "lstrip", &token.lstrip));
    CADRE_TRY(json_get_bool(node, "rstrip", &token.rstrip));
    CADRE_TRY(json_get_bool(node, "normalized", &token.normalized));
    CADRE_TRY(json_get_bool(node, "special", &token.special));
    json_node member = json_member(node, "content");
    CADRE_TRY(json_as_string(&member, &content, &size));
    token.id = (int32_t)id;
    token.control = token.special || added_tokens_looks_control(content, size);
    return add_token(t, node, token, (string_view){ content, size });
}

/* Reads the entry at the cursor, an object, as a JSON tree of its own. */
static cadre_status read_entry(tokenizer *t, json_cursor *c, size_t index, int64_t limit)
{
    json_document *document;
    json_node list = {
        .file = t->name, .key = "added_tokens", .parent = &(json_node){ .file = t->name }
    };
    json_cursor_peek(c);
    size_t begin = c->at;
    CADRE_TRY(json_cursor_skip(c));
    if (c->at - begin > TOKEN_MOST) return json_cursor_refuse(c, "a token of fewer bytes");
    CADRE_TRY(json_parse(t->name, c->text + begin, c->at - begin, &document));
    json_node token = json_root(document);
    token.parent = &list;
    token.index = index;
    cadre_status status = read_added_token(t, &token, limit);
    json_close(document);
    return status;
}

static cadre_status read_entries(tokenizer *t, json_cursor *c)
{
    bool first = true, more;
    int64_t limit = id_limit(t->source.size);
    CADRE_TRY(json_cursor_expect(c, '['));
    for (size_t i = 0;; i++) {
        CADRE_TRY(json_cursor_next(c, ']', &first, &more));
        if (!more) return CADRE_OK;
        CADRE_TRY(read_entry(t, c, i, limit));
    }
}

static cadre_status read_added_tokens(tokenizer *t, const tables *found)
{
    json_cursor c = cursor_at(t, "added_tokens", found->added.begin);
    if (!is_there(found->added) || json_cursor_peek(&c) == 'n') return CADRE_OK; /* null */
    cadre_status status = read_entries(t, &c);
    json_cursor_free(&c);
    return status;
}

/* ---- what is put around a text ---- */

static cadre_status put_template_ids(
    const tokenizer *t, const json_node *template, const char *name, token_list *ids)
{
    json_node specials, special, list;
    CADRE_TRY(json_get_object(template, "special_tokens", &specials));
    CADRE_TRY(json_get_object(&specials, name, &special));
    CADRE_TRY(json_get_array(&special, "ids", &list));
    for (size_t i = 0; i < json_count(&list); i++) {
        json_node item = json_item(&list, i);
        int64_t id;
        CADRE_TRY(json_as_int(&item, 0, INT32_MAX, &id));
        if (!vocabulary_has(&t->pieces, (int32_t)id) &&
            !vocabulary_has(&t->added_pieces, (int32_t)id))
            return json_refuse(&item, "an id of the vocabulary");
        CADRE_TRY(token_list_put(ids, (int32_t)id));
    }
    return CADRE_OK;
}

/* Reads one item of a template for a single text: {"Sequence": ...} is the text itself,
 * {"SpecialToken": ...} an id. */
static cadre_status read_template_item(const tokenizer *t, const json_node *template,
    const json_node *item, bool *text_seen, token_list *before, token_list *after)
{
    json_node part;
    const char *name;
    CADRE_TRY(step_list_check_members(item, "Sequence SpecialToken"));
    bool is_text = json_has(item, "Sequence");
    CADRE_TRY(json_get_object(item, is_text ? "Sequence" : "SpecialToken", &part));
    CADRE_TRY(json_get_string(&part, "id", &name));
    if (!is_text) return put_template_ids(t, template, name, *text_seen ? after : before);
    if (*text_seen || strcmp(name, "A") != 0) return json_refuse(item, "the text A once");
    *text_seen = true;
    return CADRE_OK;
}

static cadre_status read_template_items(
    const tokenizer *t, const json_node *template, token_list *before, token_list *after)
{
    json_node single;
    bool text_seen = false;
    CADRE_TRY(json_get_array(template, "single", &single));
    for (size_t i = 0; i < json_count(&single); i++) {
        json_node item = json_item(&single, i);
        CADRE_TRY(read_template_item(t, template, &item, &text_seen, before, after));
    }
    return text_seen ? CADRE_OK : json_refuse(&single, "the text A");
}

/* Adds the ids of one template around those that are there. */
static cadre_status read_template(void *list, const json_node *node)
{
    tokenizer *t = list;
    token_list before = { 0 }, after = { 0 };
    cadre_status status = read_template_items(t, node, &before, &after);
    for (size_t i = 0; i < t->before.count && status == CADRE_OK; i++)
        status = token_list_put(&before, t->before.ids[i]);
    for (size_t i = 0; i < after.count && status == CADRE_OK; i++)
        status = token_list_put(&t->after, after.ids[i]);
    token_list_free(&after);
    token_list_free(&t->before);
    t->before = before;
    return status;
}

/* ByteLevel only trims offsets here, and offsets are not kept. */
static cadre_status read_nothing(void *list, const json_node *node)
{
    (void)list, (void)node;
    return CADRE_OK;
}

static const step_row processors[] = {
    { "ByteLevel", "add_prefix_space trim_offsets use_regex", read_nothing },
    { "TemplateProcessing", "single pair special_tokens", read_template },
};

/* ---- the file ---- */

cadre_status tokenizer_read_steps(tokenizer *t, const json_node *root)
{
    json_node normal = json_member(root, "normalizer"), words = json_member(root, "pre_tokenizer");
    json_node decoding = json_member(root, "decoder");
    CADRE_TRY(normalizer_read(&t->normalizer, &normal));
    CADRE_TRY(pretokenizer_read(&t->pretokenizer, &words));
    return decoder_read(&t->decoder, &decoding);
}

static cadre_status read_document(tokenizer *t, const json_node *root, const tables *found)
{
    CADRE_TRY(json_as_object(root));
    CADRE_TRY(step_list_check_members(root,
        "version truncation padding added_tokens normalizer pre_tokenizer post_processor decoder "
        "model"));
    json_node processor = json_member(root, "post_processor");
    CADRE_TRY(tokenizer_read_steps(t, root));
    CADRE_TRY(read_model(t, root, found));
    CADRE_TRY(read_added_tokens(t, found));
    return step_list_read(
        &processor, "processors", processors, sizeof processors / sizeof *processors, INT32_MAX, t);
}

static int by_begin(const void *a, const void *b)
{
    const text_range *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

/* Copies the text, with null in place of the tables. */
static cadre_status put_rest(const tokenizer *t, const tables *found, byte_buffer *rest)
{
    text_range cuts[3] = { found->vocab, found->merges, found->added };
    size_t done = 0;
    qsort(cuts, 3, sizeof *cuts, by_begin);
    for (int i = 0; i <= 3; i++) {
        size_t end = i < 3 ? cuts[i].begin : t->source.size;
        if (i < 3 && !is_there(cuts[i])) continue;
        if (rest->size + (end - done) > REST_MOST)
            return cadre_fail(CADRE_EFORMAT, t->name,
                "expected at most %d bytes beside vocab, merges and added_tokens", REST_MOST);
        CADRE_TRY(byte_buffer_put(rest, t->source.data + done, end - done));
        if (i < 3) CADRE_TRY(byte_buffer_put(rest, "null", 4));
        done = i < 3 ? cuts[i].end : end;
    }
    return CADRE_OK;
}

static cadre_status read_text(tokenizer *t)
{
    json_document *document = NULL;
    tables found;
    byte_buffer rest = { 0 };
    cadre_status status = find_tables(t, &found);
    if (status == CADRE_OK) status = put_rest(t, &found, &rest);
    if (status == CADRE_OK) status = json_parse(t->name, rest.data, rest.size, &document);
    byte_buffer_free(&rest);
    if (status != CADRE_OK) return status;
    json_node root = json_root(document);
    status = read_document(t, &root, &found);
    json_close(document);
    return status;
}

static cadre_status finish(tokenizer *made, cadre_status status, tokenizer **t)
{
    if (status == CADRE_OK) *t = made;
    else tokenizer_close(made);
    return status;
}

cadre_status tokenizer_open_text(const char *json, size_t size, const char *name, tokenizer **t)
{
    tokenizer *made;
    CADRE_TRY(tokenizer_new(name, &made));
    made->text = mem_alloc(size + 1, 1);
    if (!made->text) return finish(made, CADRE_ENOMEM, t);
    memcpy(made->text, json, size);
    made->source = (string_view){ made->text, size };
    return finish(made, read_text(made), t);
}

/* ---- the files beside it ---- */

/* "bos_token" is a string, or an object with the string as "content". A token that the vocabulary
 * lacks counts as none. */
static cadre_status read_named_token(
    const tokenizer *t, const json_node *config, const char *key, int32_t *id)
{
    json_node member = json_member(config, key), object;
    const char *content;
    if (!json_has(config, key)) return CADRE_OK;
    if (json_kind_of(&member) == JSON_KIND_OBJECT) {
        CADRE_TRY(json_get_object(config, key, &object));
        CADRE_TRY(json_get_string(&object, "content", &content));
    } else {
        CADRE_TRY(json_as_string(&member, &content, NULL));
    }
    *id = tokenizer_id(t, content, strlen(content));
    return CADRE_OK;
}

/* "chat_template" is a program, or a list of {"name", "template"} of which one is the default. */
static cadre_status read_chat_program(tokenizer *t, const json_node *config)
{
    json_node member = json_member(config, "chat_template");
    const char *program = NULL, *name = NULL;
    if (json_kind_of(&member) == JSON_KIND_STRING)
        CADRE_TRY(json_as_string(&member, &program, NULL));
    for (size_t i = 0; json_kind_of(&member) == JSON_KIND_ARRAY && i < json_count(&member); i++) {
        json_node item = json_item(&member, i);
        CADRE_TRY(json_as_object(&item));
        CADRE_TRY(json_get_string(&item, "name", &name));
        if (strcmp(name, "default") == 0) CADRE_TRY(json_get_string(&item, "template", &program));
    }
    return program ? byte_buffer_put(&t->chat, program, strlen(program)) : CADRE_OK;
}

static bool is_read(string_view key)
{
    return string_view_is(key, "bos_token") || string_view_is(key, "eos_token") ||
           string_view_is(key, "chat_template");
}

/* Copies those members of the object at the cursor that are read. Most of the file is a list of
 * tokens, which is not. */
static cadre_status put_read(json_cursor *c, byte_buffer *rest)
{
    bool first = true, more;
    string_view key;
    CADRE_TRY(json_cursor_expect(c, '{'));
    CADRE_TRY(byte_buffer_put(rest, "{", 1));
    for (;;) {
        CADRE_TRY(json_cursor_next(c, '}', &first, &more));
        if (!more) return byte_buffer_put(rest, "}", 1);
        json_cursor_peek(c);
        size_t begin = c->at;
        CADRE_TRY(json_cursor_string(c, &key));
        bool wanted = is_read(key);
        CADRE_TRY(json_cursor_expect(c, ':'));
        CADRE_TRY(json_cursor_skip(c));
        if (wanted && rest->size > 1) CADRE_TRY(byte_buffer_put(rest, ",", 1));
        if (wanted && rest->size + (c->at - begin) > REST_MOST)
            return json_cursor_refuse(c, "fewer bytes");
        if (wanted) CADRE_TRY(byte_buffer_put(rest, c->text + begin, c->at - begin));
    }
}

static cadre_status read_tree(tokenizer *t, const char *path, const byte_buffer *text)
{
    json_document *document;
    CADRE_TRY(json_parse(path, text->data, text->size, &document));
    json_node root = json_root(document);
    cadre_status status = read_named_token(t, &root, "bos_token", &t->bos);
    if (status == CADRE_OK) status = read_named_token(t, &root, "eos_token", &t->eos);
    if (status == CADRE_OK) status = read_chat_program(t, &root);
    json_close(document);
    return status;
}

static cadre_status read_config(tokenizer *t, const char *path)
{
    file_map map;
    byte_buffer rest = { 0 };
    CADRE_TRY(file_map_open(path, &map));
    json_cursor c = {
        .text = (const char *)map.data, .size = map.size, .file = path, .where = "the file"
    };
    cadre_status status = CADRE_OK;
    if (map.size > JSON_LIMIT)
        status = cadre_fail(
            CADRE_EFORMAT, path, "expected at most %zu bytes, found %zu", JSON_LIMIT, map.size);
    if (status == CADRE_OK) status = foreign_check(path, map.data, map.size, "a JSON file");
    if (status == CADRE_OK) status = put_read(&c, &rest);
    if (status == CADRE_OK) status = read_tree(t, path, &rest);
    json_cursor_free(&c);
    byte_buffer_free(&rest);
    file_map_close(&map);
    return status;
}

/* Newer folders keep the program in a file of its own, which takes precedence. */
static cadre_status read_chat_file(tokenizer *t, const char *path)
{
    char *text;
    size_t size;
    CADRE_TRY(file_read(path, CHAT_PROGRAM_MAX, &text, &size));
    t->chat.size = 0;
    cadre_status status = byte_buffer_put(&t->chat, text, size);
    mem_free(text);
    return status;
}

/* Reads a file of the same folder as `path`, if it exists. */
static cadre_status read_beside(tokenizer *t, const char *path, const char *name,
    cadre_status (*read)(tokenizer *, const char *))
{
    char *beside = mem_printf("%.*s%s", (int)(file_base(path) - path), path, name);
    if (!beside) return CADRE_ENOMEM;
    cadre_status status = file_exists(beside) ? read(t, beside) : CADRE_OK;
    mem_free(beside);
    return status;
}

cadre_status tokenizer_open_json(const char *path, tokenizer **t)
{
    tokenizer *made;
    CADRE_TRY(tokenizer_new(path, &made));
    cadre_status status = file_map_open(path, &made->map);
    if (status == CADRE_OK && made->map.size > JSON_LIMIT)
        status = cadre_fail(CADRE_EFORMAT, path, "expected at most %zu bytes, found %zu",
            JSON_LIMIT, made->map.size);
    if (status == CADRE_OK)
        status = foreign_check(path, made->map.data, made->map.size, "a tokenizer.json");
    made->source = (string_view){ (const char *)made->map.data, made->map.size };
    if (status == CADRE_OK) status = read_text(made);
    if (status == CADRE_OK) status = read_beside(made, path, "tokenizer_config.json", read_config);
    if (status == CADRE_OK) status = read_beside(made, path, "chat_template.jinja", read_chat_file);
    return finish(made, status, t);
}

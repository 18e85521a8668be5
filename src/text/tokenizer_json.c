/* tokenizer_json.c - reads a tokenizer from the tokenizers package's file.
 *
 * "truncation" and "padding" are not read: they are settings of a batch, which every caller of the
 * package sets for itself. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "format/foreign.h"
#include "text/step_list.h"
#include "text/tokenizer_beside.h"
#include "text/tokenizer_tables.h"

enum {
    TOKEN_MOST = 64 << 10, /* of one added token's entry */
};

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
    int64_t limit = tokenizer_id_limit(t->source.size);
    CADRE_TRY(json_cursor_expect(c, '['));
    for (size_t i = 0;; i++) {
        CADRE_TRY(json_cursor_next(c, ']', &first, &more));
        if (!more) return CADRE_OK;
        CADRE_TRY(read_entry(t, c, i, limit));
    }
}

static cadre_status read_added_tokens(tokenizer *t, const tokenizer_tables *found)
{
    json_cursor c = tokenizer_table_cursor(t, "added_tokens", found->added.begin);
    if (!tokenizer_table_is_there(found->added) || json_cursor_peek(&c) == 'n')
        return CADRE_OK; /* null */
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

static cadre_status read_document(
    tokenizer *t, const json_node *root, const tokenizer_tables *found)
{
    CADRE_TRY(json_as_object(root));
    CADRE_TRY(step_list_check_members(root,
        "version truncation padding added_tokens normalizer pre_tokenizer post_processor decoder "
        "model"));
    json_node processor = json_member(root, "post_processor");
    CADRE_TRY(tokenizer_read_steps(t, root));
    CADRE_TRY(tokenizer_read_model(t, root, found));
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
static cadre_status put_rest(const tokenizer *t, const tokenizer_tables *found, byte_buffer *rest)
{
    text_range cuts[3] = { found->vocab, found->merges, found->added };
    size_t done = 0;
    qsort(cuts, 3, sizeof *cuts, by_begin);
    for (int i = 0; i <= 3; i++) {
        size_t end = i < 3 ? cuts[i].begin : t->source.size;
        if (i < 3 && !tokenizer_table_is_there(cuts[i])) continue;
        if (rest->size + (end - done) > TOKENIZER_REST_MOST)
            return cadre_fail(CADRE_EFORMAT, t->name,
                "expected at most %d bytes beside vocab, merges and added_tokens",
                TOKENIZER_REST_MOST);
        CADRE_TRY(byte_buffer_put(rest, t->source.data + done, end - done));
        if (i < 3) CADRE_TRY(byte_buffer_put(rest, "null", 4));
        done = i < 3 ? cuts[i].end : end;
    }
    return CADRE_OK;
}

static cadre_status read_text(tokenizer *t)
{
    json_document *document = NULL;
    tokenizer_tables found;
    byte_buffer rest = { 0 };
    cadre_status status = tokenizer_tables_find(t, &found);
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
    if (status == CADRE_OK) status = tokenizer_read_beside(made, path);
    return finish(made, status, t);
}

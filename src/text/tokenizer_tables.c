/* tokenizer_tables.c - reads a vocabulary, merges and scores of a tokenizer.json, and makes the
 * model of them. */
#include "text/tokenizer_tables.h"

#include <float.h>
#include <string.h>

#include "text/step_list.h"

enum {
    NODES_FREE = 65536,  /* of a Unigram's trie, in addition to half the file's bytes */
    BYTES_OF_PIECE = 24, /* in a vocabulary, on average */
};

int64_t tokenizer_id_limit(size_t bytes)
{
    int64_t limit = (int64_t)bytes + 4096;
    return limit < TOKENIZER_ID_MAX ? limit : TOKENIZER_ID_MAX;
}

json_cursor tokenizer_table_cursor(const tokenizer *t, const char *where, size_t begin)
{
    return (json_cursor){
        .text = t->source.data, .size = t->source.size, .at = begin, .file = t->name, .where = where
    };
}

/* Finds the tables among the members of the object at the cursor, which is the file or its
 * "model". */
static cadre_status find_in_object(json_cursor *c, bool model, tokenizer_tables *found)
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

cadre_status tokenizer_tables_find(const tokenizer *t, tokenizer_tables *found)
{
    json_cursor c = tokenizer_table_cursor(t, "the file", 0);
    *found = (tokenizer_tables){ 0 };
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
           most = (size_t)tokenizer_id_limit(t->source.size);
    return vocabulary_reserve(&t->pieces, count < most ? count : most);
}

static cadre_status read_vocabulary(tokenizer *t, json_cursor *c)
{
    bool first = true, more;
    int64_t limit = tokenizer_id_limit(t->source.size);
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

static cadre_status read_bpe_tables(tokenizer *t, const tokenizer_tables *found)
{
    json_cursor vocab = tokenizer_table_cursor(t, "model.vocab", found->vocab.begin);
    json_cursor merges = tokenizer_table_cursor(t, "model.merges", found->merges.begin);
    if (!tokenizer_table_is_there(found->vocab) || !tokenizer_table_is_there(found->merges))
        return cadre_fail(CADRE_EFORMAT, t->name, "model: expected a vocab and merges");
    cadre_status status = expect_pieces(t, found->vocab);
    if (status == CADRE_OK) status = read_vocabulary(t, &vocab);
    if (status == CADRE_OK) status = read_merges(t, &merges);
    json_cursor_free(&vocab);
    json_cursor_free(&merges);
    return status;
}

static cadre_status read_bpe(tokenizer *t, const json_node *model, const tokenizer_tables *found)
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

static cadre_status read_unigram(
    tokenizer *t, const json_node *model, const tokenizer_tables *found)
{
    json_cursor vocab = tokenizer_table_cursor(t, "model.vocab", found->vocab.begin);
    int64_t unknown;
    bool fallback = false;
    CADRE_TRY(step_list_check_members(model, "type unk_id vocab byte_fallback"));
    CADRE_TRY(json_opt_bool(model, "byte_fallback", &fallback));
    if (!tokenizer_table_is_there(found->vocab))
        return cadre_fail(CADRE_EFORMAT, t->name, "model: expected a vocab");
    t->is_unigram = true;
    cadre_status status = expect_pieces(t, found->vocab);
    if (status == CADRE_OK) status = read_scored_pieces(t, &vocab);
    json_cursor_free(&vocab);
    CADRE_TRY(status);
    CADRE_TRY(json_get_int(model, "unk_id", 0, (int64_t)t->pieces.size - 1, &unknown));
    return unigram_build(&t->unigram, (int32_t)unknown, fallback, NODES_FREE + t->source.size / 2);
}

cadre_status tokenizer_read_model(
    tokenizer *t, const json_node *root, const tokenizer_tables *found)
{
    json_node model, type;
    const char *name = NULL;
    CADRE_TRY(json_get_object(root, "model", &model));
    CADRE_TRY(json_opt_string(&model, "type", &name)); /* the oldest files lack it */
    if (name ? strcmp(name, "BPE") == 0 : tokenizer_table_is_there(found->merges))
        return read_bpe(t, &model, found);
    if (name && strcmp(name, "Unigram") == 0) return read_unigram(t, &model, found);
    if (name)
        return cadre_fail(CADRE_EUNSUPPORTED, root->file,
            "model: \"%s\" is not supported (supported: BPE, Unigram)", name);
    type = json_member(&model, "type");
    return json_refuse(&type, "BPE or Unigram");
}

/* tokenizer_gguf_test.c - vocabularies of GGUF files made here: both kinds, every named
 * pre-tokenizer, spoilt ones. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/pre_tokenizers.h"
#include "text/tokenizer_gguf.h"

#define KEY "tokenizer.ggml."

static char path[] = "/tmp/cadre-vocabulary-XXXXXX";

/* What a file holds; a member that is 0 or NULL is left out. */
typedef struct contents {
    const char *model, *pre;
    const char *const *pieces;
    size_t count;
    const int64_t *types;
    const float *scores;
    size_t type_count, score_count;
    const char *const *merges;
    size_t merge_count;
    int64_t bos, eos;
    bool add_bos, add_eos, no_prefix, extra_spaces;
} contents;

static void put_strings(gguf_writer *w, const char *key, const char *const *strings, size_t count)
{
    gguf_string *list = calloc(count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++) list[i] = (gguf_string){ strings[i], strlen(strings[i]) };
    assert_int_equal(gguf_writer_strings(w, key, list, count), CADRE_OK);
    free(list);
}

static cadre_status open_contents(const contents *c, tokenizer **t)
{
    gguf_writer *w;
    gguf *file;
    unlink(path);
    assert_int_equal(gguf_writer_open(path, &w), CADRE_OK);
    assert_int_equal(gguf_writer_string(w, KEY "model", c->model, strlen(c->model)), CADRE_OK);
    if (c->pre) gguf_writer_string(w, KEY "pre", c->pre, strlen(c->pre));
    if (c->pieces) put_strings(w, KEY "tokens", c->pieces, c->count);
    if (c->types)
        gguf_writer_ints(
            w, KEY "token_type", GGUF_I32, c->types, c->type_count ? c->type_count : c->count);
    if (c->scores)
        gguf_writer_reals(w, KEY "scores", c->scores, c->score_count ? c->score_count : c->count);
    if (c->merges) put_strings(w, KEY "merges", c->merges, c->merge_count);
    if (c->bos) gguf_writer_int(w, KEY "bos_token_id", GGUF_U32, c->bos);
    if (c->eos) gguf_writer_int(w, KEY "eos_token_id", GGUF_U32, c->eos);
    if (c->add_bos) gguf_writer_bool(w, KEY "add_bos_token", true);
    if (c->add_eos) gguf_writer_bool(w, KEY "add_eos_token", true);
    if (c->no_prefix) gguf_writer_bool(w, KEY "add_space_prefix", false);
    if (c->extra_spaces) gguf_writer_bool(w, KEY "remove_extra_whitespaces", true);
    assert_int_equal(gguf_writer_commit(w), CADRE_OK);
    assert_int_equal(gguf_open(path, &file), CADRE_OK);
    cadre_status status = tokenizer_from_gguf(file, t);
    gguf_close(file);
    return status;
}

static tokenizer *opened(const contents *c)
{
    tokenizer *t = NULL;
    if (open_contents(c, &t) != CADRE_OK) fail_msg("%s", cadre_last_error());
    return t;
}

static void check_text(const tokenizer *t, const char *text, unsigned flags,
    const int32_t *expected, size_t count, const char *decoded)
{
    token_list ids = { 0 };
    byte_buffer back = { 0 };
    assert_int_equal(tokenizer_encode(t, text, strlen(text), flags, &ids), CADRE_OK);
    assert_int_equal(ids.count, count);
    if (count) assert_memory_equal(ids.ids, expected, count * sizeof *expected);
    assert_int_equal(tokenizer_decode(t, ids.ids, ids.count, CADRE_SKIP_SPECIAL, &back), CADRE_OK);
    assert_int_equal(back.size, strlen(decoded));
    if (back.size) assert_memory_equal(back.data, decoded, back.size);
    token_list_free(&ids);
    byte_buffer_free(&back);
}

/* ---- SentencePiece's ---- */

enum { AB = 3, ABC, BC, SPACE, A, B, C, BYTE_C3, BYTE_A9, CHAT, SPM_COUNT };
static const char *const spm_pieces[SPM_COUNT] = { "<unk>", "<s>", "</s>", "ab", "abc", "bc",
    "\xe2\x96\x81", "a", "b", "c", "<0xC3>", "<0xA9>", "<|chat|>" };
static const int64_t spm_types[SPM_COUNT] = { 2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 6, 6, 4 };
static const float spm_scores[SPM_COUNT] = { 0, 0, 0, -2, -3, -1, -9, -9, -9, -9, 0, 0, 0 };

static contents spm(void)
{
    return (contents){ .model = "llama",
        .pre = "default",
        .pieces = spm_pieces,
        .count = SPM_COUNT,
        .types = spm_types,
        .scores = spm_scores };
}

static void test_sentencepiece(void **state)
{
    (void)state;
    contents c = spm();
    tokenizer *t = opened(&c);
    assert_int_equal(tokenizer_bos(t), 1);
    assert_int_equal(tokenizer_eos(t), 2);
    check_text(t, "bc", CADRE_ADD_SPECIAL, (int32_t[]){ 1, SPACE, BC }, 3, "bc");
    /* A + bc, for bc comes first */
    check_text(t, "abc", 0, (int32_t[]){ SPACE, ABC }, 2, "abc");
    check_text(t, "abab", 0, (int32_t[]){ SPACE, AB, AB }, 3, "abab");
    check_text(t, "\xc3\xa9", 0, (int32_t[]){ SPACE, BYTE_C3, BYTE_A9 }, 3, "\xc3\xa9");
    /* Not all of its bytes are there */
    check_text(t, "\xc3\xab", 0, (int32_t[]){ SPACE, 0 }, 2, "");
    check_text(t, "a<s>b", CADRE_PARSE_SPECIAL, (int32_t[]){ SPACE, A, 1, SPACE, B }, 5, "a b");
    check_text(t, "a<s>", 0, (int32_t[]){ SPACE, A, 0, 0, 0 }, 5, "a");
    /* Looks like a control token */
    check_text(t, "a<|chat|>", 0, (int32_t[]){ SPACE, A, 0, 0, C, 0, A, 0, 0, 0 }, 10, "aca");
    check_text(t, "", 0, NULL, 0, "");
    tokenizer_close(t);
    c.no_prefix = true;
    c.add_eos = true;
    t = opened(&c);
    check_text(t, "bc a", CADRE_ADD_SPECIAL, (int32_t[]){ 1, BC, SPACE, A, 2 }, 5, "bc a");
    tokenizer_close(t);
}

/* ---- byte-level ---- */

enum { BYTE_PIECES = 256, EXTRA = 3, BPE_COUNT = BYTE_PIECES + EXTRA };

static char byte_names[BYTE_PIECES][UTF8_MAX + 1];
static const char *bpe_pieces[BPE_COUNT];
static int64_t bpe_types[BPE_COUNT];
static const char *const bpe_merges[] = { "a b", "\xc4\xa0 ab" };

static contents bpe(const char *pre)
{
    for (int b = 0; b < BYTE_PIECES; b++) {
        byte_names[b][utf8_encode(byte_level_char((uint8_t)b), byte_names[b])] = '\0';
        bpe_pieces[b] = byte_names[b];
        bpe_types[b] = 1;
    }
    bpe_pieces[BYTE_PIECES] = "ab";
    bpe_pieces[BYTE_PIECES + 1] = "\xc4\xa0"
                                  "ab";
    bpe_pieces[BYTE_PIECES + 2] = "<|end|>";
    bpe_types[BYTE_PIECES] = bpe_types[BYTE_PIECES + 1] = 1;
    bpe_types[BYTE_PIECES + 2] = 3;
    return (contents){ .model = "gpt2",
        .pre = pre,
        .pieces = bpe_pieces,
        .count = BPE_COUNT,
        .types = bpe_types,
        .merges = bpe_merges,
        .merge_count = 2,
        .bos = BYTE_PIECES + 2,
        .eos = BYTE_PIECES + 2 };
}

/* Every row can be compiled, keeps all bytes, and answers to each of its names. */
static void test_every_pre_tokenizer(void **state)
{
    (void)state;
    static const char text[] = "ab ab <|end|> It's  12345 \t\r\n x=-1; "
                               "\xe4\xb8\xad\xe6\x96\x87\xe3\x82\xab \xc3\xa9\xff DON'T Ab\n\n";
    const pre_tokenizer *row;
    for (int i = 0; (row = pre_tokenizer_at(i)); i++) {
        for (const char *name = row->names; *name; name += strspn(name, " ")) {
            char pre[32];
            size_t size = strcspn(name, " ");
            snprintf(pre, sizeof pre, "%.*s", (int)size, name);
            contents c = bpe(pre);
            tokenizer *t = opened(&c);
            token_list ids = { 0 };
            byte_buffer back = { 0 };
            assert_int_equal(
                tokenizer_encode(t, text, strlen(text), CADRE_PARSE_SPECIAL, &ids), CADRE_OK);
            assert_int_equal(ids.ids[0], BYTE_PIECES);
            assert_int_equal(tokenizer_decode(t, ids.ids, ids.count, 0, &back), CADRE_OK);
            assert_int_equal(back.size, strlen(text));
            assert_memory_equal(back.data, text, back.size);
            token_list_free(&ids);
            byte_buffer_free(&back);
            tokenizer_close(t);
            name += size;
        }
    }
}

static void test_byte_level(void **state)
{
    (void)state;
    contents c = bpe("gpt-2");
    tokenizer *t = opened(&c);
    check_text(t, "ab ab<|end|>", CADRE_PARSE_SPECIAL | CADRE_ADD_SPECIAL,
        (int32_t[]){ BYTE_PIECES, BYTE_PIECES + 1, BYTE_PIECES + 2 }, 3, "ab ab");
    tokenizer_close(t);
    c = bpe("llama-bpe"); /* begins every text, unless the file says otherwise */
    t = opened(&c);
    check_text(t, "ab", CADRE_ADD_SPECIAL, (int32_t[]){ BYTE_PIECES + 2, BYTE_PIECES }, 2, "ab");
    tokenizer_close(t);
}

/* -1 in 32 bits, and ids that the vocabulary does not have, say that there is none: as where the
 * key is absent. */
static void test_ids_of_none(void **state)
{
    (void)state;
    static const uint32_t none[] = { UINT32_MAX, 5000, 32000 };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        contents c = spm();
        c.bos = c.eos = none[i];
        tokenizer *t = opened(&c);
        assert_int_equal(tokenizer_bos(t), 1); /* SentencePiece's own places */
        assert_int_equal(tokenizer_eos(t), 2);
        tokenizer_close(t);
        c = bpe("gpt-2"), c.bos = c.eos = none[i];
        t = opened(&c);
        assert_int_equal(tokenizer_eos(t), -1);
        tokenizer_close(t);
    }
}

/* ---- spoilt ---- */

static void check_refused(contents c, const char *words)
{
    tokenizer *t = NULL;
    if (open_contents(&c, &t) == CADRE_OK) fail_msg("taken, where \"%s\" was expected", words);
    if (strncmp(cadre_last_error(), path, strlen(path)) != 0 || !strstr(cadre_last_error(), words))
        fail_msg("expected \"%s\" in: %s", words, cadre_last_error());
}

/* Gemma 4: merges in place of scores, bytes for what is not known, no space in front, and marks of
 * a conversation that the file calls normal */
static void test_merges_of_characters(void **state)
{
    (void)state;
    static const char *const pieces[] = { "<unk>", "<s>", "</s>", "ab", "abc", "bc", "\xe2\x96\x81",
        "a", "b", "c", "<0xC3>", "<0xA9>", "<|turn>" };
    static const int64_t types[] = { 2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 6, 6, 1 };
    static const char *const merges[] = { "b c", "a bc", "a b" };
    contents c = { .model = "gemma4",
        .pieces = pieces,
        .count = SPM_COUNT,
        .types = types,
        .merges = merges,
        .merge_count = 3,
        .bos = 1,
        .eos = 2 };
    tokenizer *t = opened(&c);
    check_text(t, "abc ab", CADRE_ADD_SPECIAL, (int32_t[]){ 1, ABC, SPACE, AB }, 4, "abc ab");
    check_text(t, "\xc3\xa9", 0, (int32_t[]){ BYTE_C3, BYTE_A9 }, 2, "\xc3\xa9");
    check_text(t, "a<|turn>b", CADRE_PARSE_SPECIAL, (int32_t[]){ A, CHAT, B }, 3, "ab");
    tokenizer_close(t);
    c.merges = NULL;
    check_refused(c, "merges");
}

static void test_refused(void **state)
{
    (void)state;
    contents c;
    c = spm(), c.model = "rwkv", check_refused(c, "\"rwkv\" is not supported");
    c = spm(), c.model = "none", check_refused(c, "holds no vocabulary");
    c = bpe("nobody's"), check_refused(c, "\"nobody's\" is not known");
    c = bpe(NULL), check_refused(c, "\"\" is not known");
    c = spm(), c.pieces = NULL, check_refused(c, "tokens");
    c = spm(), c.count = 0, c.types = NULL, c.scores = NULL, check_refused(c, "expected 1..");
    c = spm(), c.type_count = 5, check_refused(c, "token_type: expected 13 numbers");
    c = spm(), c.score_count = 12, check_refused(c, "scores: expected 13 numbers");
    c = spm(), c.scores = NULL, check_refused(c, "scores: expected one for each piece");
    c = spm(), c.extra_spaces = true, check_refused(c, "remove_extra_whitespaces");
    float scores[SPM_COUNT] = { 0 };
    scores[4] = NAN;
    c = spm(), c.scores = scores, check_refused(c, "NaN (id 4)");
    c = bpe("gpt-2"), c.merges = NULL, check_refused(c, "merges");
    c = bpe("gpt-2"), c.merges = (const char *const[]){ "ab" }, c.merge_count = 1,
    check_refused(c, "found \"ab\"");
    c = bpe("gpt-2"), c.merges = (const char *const[]){ "b a" }, c.merge_count = 1,
    check_refused(c, "alone and together");
    c = bpe("gpt-2"), c.eos = 0, c.add_eos = true, check_refused(c, "eos_token_id: expected an id");
    char long_piece[600];
    memset(long_piece, 'x', sizeof long_piece);
    long_piece[sizeof long_piece - 1] = '\0';
    c = bpe("gpt-2"), bpe_pieces[BYTE_PIECES + 2] = long_piece,
    check_refused(c, "at most 512 bytes");
}

static int set_up(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentencepiece),
        cmocka_unit_test(test_every_pre_tokenizer),
        cmocka_unit_test(test_byte_level),
        cmocka_unit_test(test_ids_of_none),
        cmocka_unit_test(test_merges_of_characters),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* tokenizer_json_test.c - spoilt files: each is refused with a sentence that names the file and
 * what was wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/tokenizer_sample.h"
#include "text/tokenizer.h"

/* A sample with `from` replaced by `to`, and words of the sentence. */
typedef struct spoilt {
    tokenizer_sample sample;
    const char *from, *to, *words;
} spoilt;

#define SP SAMPLE_SENTENCEPIECE
#define UNI SAMPLE_UNIGRAM

static const spoilt files[] = {
    /* the document */
    { SP, "{\"version\"", "[\"version\"", "expected an object" },
    { SP, "\"version\":\"1.0\"", "\"version\":\"1.0\"\"", "expected" },
    { SP, "\"padding\":null", "\"padding\":nul", "expected valid JSON" },
    { SP, "\"padding\":null", "\"padding\":null,\"padding\":null", "expected valid JSON" },
    { SP, "\"padding\":null", "\"padding\":null,\"vocoder\":1", "\"vocoder\" is not supported" },
    { SP, "\"padding\":null", "\"\xff\":null", "UTF-8" },
    { SP, "\"model\":{", "\"modal\":{", "\"modal\" is not supported" },
    { SP, "\"model\":{", "\"model\":3,\"normalizer\":{", "expected" },
    /* models */
    { SP, "\"type\":\"BPE\"", "\"type\":\"WordPiece\"", "\"WordPiece\" is not supported" },
    { SP, "\"type\":\"BPE\"", "\"type\":7", "model.type: expected a string" },
    { SP, "\"type\":\"BPE\"", "\"type\":\"Unigram\"", "not supported" },
    { SP, "\"dropout\":null", "\"dropout\":0.1", "model.dropout" },
    { SP, "\"continuing_subword_prefix\":null", "\"continuing_subword_prefix\":\"##\"",
        "subword_prefix: expected none" },
    { SP, "\"end_of_word_suffix\":null", "\"end_of_word_suffix\":\"</w>\"",
        "end_of_word_suffix: expected none" },
    { SP, "\"fuse_unk\":true", "\"fuse_unk\":1", "model.fuse_unk: expected true or false" },
    { SP, "\"byte_fallback\":true", "\"bite_fallback\":true",
        "\"bite_fallback\" is not supported" },
    { SP, "\"unk_token\":\"<unk>\"", "\"unk_token\":\"<none>\"",
        "model.unk_token: expected a piece of the vocabulary" },
    /* vocabulary */
    { SP, "\"vocab\":{", "\"vocab\":[],\"x\":{", "\"x\" is not supported" },
    { SP, "\"vocab\":{", "\"words\":{", "\"words\" is not supported" },
    { SP, "\"vocab\":{\"<unk>\":0", "\"vocab\":{\"<unk>\":{}", "expected an integer" },
    { SP, "\"<s>\":1", "\"<s>\":-1", "expected an integer in 0.." },
    { SP, "\"<s>\":1", "\"<s>\":1.0", "expected an integer" },
    { SP, "\"<s>\":1", "\"<s>\":01", "expected an integer" },
    { SP, "\"<s>\":1", "\"<s>\":\"1\"", "expected an integer" },
    { SP, "\"<s>\":1", "\"<s>\":4000000000", "expected an integer in 0.." },
    { SP, "\"<s>\":1", "\"<s>\":99999999999999999999", "expected an integer in 0.." },
    { SP, "\"<s>\":1", "\"<s>\":0", "an id that no other piece has" },
    { SP, "\"<s>\":1", "\"<s>\":1,\"<s>\":900", "a piece that is not there yet" },
    { SP, "\"<s>\":1", "\"<s>\":1 \"x\":900", "expected ','" },
    { SP, "\"<s>\":1", "\"<s\\u0000\":1", "other than NUL" },
    { SP, "\"<s>\":1", "\"<s\\ud800\":1", "half a pair" },
    { SP, "\"<s>\":1", "\"<s\\q\":1", "expected an escape" },
    { SP, "\"<s>\":1", "\"<s\n\":1", "expected" },
    { SP, "\"<s>\":1", "\"<s>\":1,\"\xc3(\":900", "UTF-8" },
    { SP, "\"<0x41>\":67", "\"<0x41>\":67,", "expected" },
    /* merges */
    { SP, "\"merges\":[", "\"merges\":{\"a\":[],\"b\":[", "expected" },
    { SP, "\"merges\":[", "\"merges\":[[\"t\"],", "expected ','" },
    { SP, "\"merges\":[", "\"merges\":[[\"t\",\"h\",\"e\"],", "expected ']'" },
    { SP, "\"merges\":[", "\"merges\":[1,", "expected a string" },
    { SP, "\"merges\":[", "\"merges\":[\"th\",", "two pieces with a space" },
    { SP, "\"merges\":[", "\"merges\":[\"t h e\",", "two pieces with a space" },
    { SP, "\"merges\":[", "\"merges\":[\"t missing\",", "pieces that are in the vocabulary" },
    { SP, "\"merges\":[", "\"merges\":[[\"h\",\"t\"],", "alone and together" },
    { SP, "\"merges\":[", "\"merges\":[[\"t\",\"\"],[\"\",\"\"],",
        "pieces that are in the vocabulary" },
    /* a Unigram's pieces */
    { UNI, "\"unk_id\":0", "\"unk_id\":null", "model.unk_id" },
    { UNI, "\"unk_id\":0", "\"unk_id\":11", "model.unk_id: expected an integer in 0..10" },
    { UNI, "\"vocab\":[", "\"vocab\":[],\"merges\":[", "is not supported" },
    { UNI, "[\"t\",-4.0]", "[\"t\",-4.0,1]", "expected ']'" },
    { UNI, "[\"t\",-4.0]", "[\"t\",\"-4.0\"]", "expected a number" },
    { UNI, "[\"t\",-4.0]", "[\"t\",1e999]", "expected a number" },
    { UNI, "[\"t\",-4.0]", "[\"t\",NaN]", "expected a number" },
    { UNI, "[\"t\",-4.0]", "[\"t\",0x10]", "expected" },
    { UNI, "[\"t\",-4.0]", "{\"t\":-4.0}", "expected an array" },
    /* added tokens */
    { SP, "\"added_tokens\":[", "\"added_tokens\":{\"a\":[", "expected" },
    { SP, "\"added_tokens\":[", "\"added_tokens\":[3,", "added_tokens[0]: expected an object" },
    { SP, "\"id\":1,", "\"id\":2,", "expected 1, which the vocabulary gives" },
    { SP, "\"id\":1,\"content\":\"<s>\"", "\"id\":1,\"content\":\"<t>\"",
        "an id that no other piece has" },
    { SP, "\"id\":1,", "\"id\":1,\"colour\":2,", "\"colour\" is not supported" },
    { SP, "\"id\":1,", "\"id\":2000000000,", "expected an integer in 0.." },
    { SP, "\"lstrip\":false", "\"lstrip\":\"no\"", "lstrip: expected true or false" },
    { SP, "\"content\":\"<unk>\",", "", "content: expected a string" },
    /* steps */
    { SP, "\"type\":\"Prepend\"", "\"type\":\"BertNormalizer\"",
        "\"BertNormalizer\" is not supported" },
    { SP, "\"prepend\":", "\"append\":", "\"append\" of Prepend is not supported" },
    { SP, "\"normalizers\":[", "\"normals\":[", "normalizers" },
    { SP, "\"pattern\":{\"String\"", "\"pattern\":{\"Glob\"", "pattern.String" },
    { SP, "{\"String\":\" \"}", "{\"Regex\":\"(\"}", "a group without an end" },
    { SP, "{\"String\":\" \"}", "{\"Regex\":\"(?R)\"}", "which is not supported" },
    { SP, "{\"String\":\" \"}", "{\"Regex\":\"[z-a]\"}", "expected a regular expression" },
    { SP, "\"pre_tokenizer\":null", "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}",
        "\"BertPreTokenizer\" is not" },
    { SP, "\"pre_tokenizer\":null",
        "\"pre_tokenizer\":{\"type\":\"Punctuation\",\"behavior\":\"Sideways\"}",
        "expected Isolated" },
    { SP, "\"pre_tokenizer\":null", "\"pre_tokenizer\":[]", "expected an object" },
    { UNI, "\"prepend_scheme\":\"always\"", "\"prepend_scheme\":\"sometimes\"",
        "always, first or never" },
    { UNI, "\"prepend_scheme\":\"always\"",
        "\"prepend_scheme\":\"always\",\"add_prefix_space\":false", "expected never" },
    { UNI, "\"replacement\":\"\xe2\x96\x81\"", "\"replacement\":\"ab\"",
        "replacement: expected one character" },
    { UNI, "\"precompiled_charsmap\":\"", "\"precompiled_charsmap\":\"A", "expected base64" },
    { UNI, "\"precompiled_charsmap\":\"AAQA", "\"precompiled_charsmap\":\"A*QA",
        "expected base64" },
    { UNI, "\"precompiled_charsmap\":\"AAQA", "\"precompiled_charsmap\":\"////", "a trie within" },
    { UNI, "\"precompiled_charsmap\":\"AAQA", "\"precompiled_charsmap\":\"AwAA", "a trie within" },
    { SP, "\"type\":\"ByteFallback\"", "\"type\":\"CTC\"", "\"CTC\" is not supported" },
    { SP, "{\"type\":\"Fuse\"},", "", "after ByteFallback is not supported" },
    { SP, "{\"type\":\"Fuse\"},", "{\"type\":\"Fuse\"},{\"type\":\"ByteLevel\"},",
        "after a fused text is not supported" },
    { SP, "\"start\":1", "\"start\":-1", "start: expected an integer" },
    { SP, "\"stop\":0", "\"stop\":1", "no Strip at the end" },
    { SP, "\"type\":\"TemplateProcessing\"", "\"type\":\"BertProcessing\"",
        "\"BertProcessing\" is not supported" },
    { SP, "\"ids\":[1]", "\"ids\":[5000]", "an id of the vocabulary" },
    { SP, "\"SpecialToken\":{\"id\":\"<s>\"", "\"SpecialToken\":{\"id\":\"<absent>\"", "<absent>" },
    { SP, "{\"Sequence\":{\"id\":\"A\"", "{\"Sequence\":{\"id\":\"B\"", "the text A once" },
};

static char *spoil(const spoilt *s)
{
    char *text = tokenizer_sample_text(s->sample), *at = strstr(text, s->from);
    if (!at) fail_msg("\"%s\" is not in the sample", s->from);
    char *made = mem_printf("%.*s%s%s", (int)(at - text), text, s->to, at + strlen(s->from));
    mem_free(text);
    return made;
}

static void test_spoilt_files(void **state)
{
    (void)state;
    int bad = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *text = spoil(&files[i]);
        tokenizer *t = NULL;
        cadre_status status = tokenizer_open_text(text, strlen(text), "FILE", &t);
        const char *said = cadre_last_error();
        bool refused = status == CADRE_EFORMAT || status == CADRE_EUNSUPPORTED;
        if (!refused || strncmp(said, "FILE: ", 6) != 0 || !strstr(said, files[i].words) ||
            strchr(said, '\n')) {
            print_error("%s: expected \"%s\", found %s: %s\n", files[i].to, files[i].words,
                cadre_status_name(status), said);
            bad++;
        }
        tokenizer_close(t);
        mem_free(text);
    }
    assert_int_equal(bad, 0);
}

/* Every way to cut a file short is refused. */
static void test_truncated(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        char *text = tokenizer_sample_text((tokenizer_sample)i);
        size_t last = (size_t)(strrchr(text, '}') - text);
        for (size_t cut = 0; cut <= last; cut += cut < last - 20 ? 1 + last / 400 : 1) {
            tokenizer *t = NULL;
            if (tokenizer_open_text(text, cut, "FILE", &t) == CADRE_OK)
                fail_msg("%d: %zu bytes are taken", i, cut);
        }
        mem_free(text);
    }
}

/* Older ways to write the same. */
static void test_older_forms(void **state)
{
    (void)state;
    static const spoilt older[] = {
        { SP, "[\"t\",\"h\"]", "\"t h\"", NULL },
        { SP, "\"type\":\"BPE\",", "", NULL },
        { SP, "\"t\":259", "\"\\u0074\":259", NULL },
        { UNI, "\"prepend_scheme\":\"always\"", "\"add_prefix_space\":true,\"str_rep\":\"x\"",
            NULL },
    };
    for (size_t i = 0; i < sizeof older / sizeof *older; i++) {
        char *text = spoil(&older[i]);
        tokenizer *t = NULL;
        token_list ids = { 0 };
        if (tokenizer_open_text(text, strlen(text), "FILE", &t) != CADRE_OK)
            fail_msg("%s", cadre_last_error());
        assert_int_equal(tokenizer_encode(t, "the", 3, 0, &ids), CADRE_OK);
        assert_int_equal(ids.count, 1);
        token_list_free(&ids);
        tokenizer_close(t);
        mem_free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spoilt_files),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_older_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

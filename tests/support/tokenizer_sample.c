/* tokenizer_sample.c - making them. */
#include "support/tokenizer_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "format/json_writer.h"
#include "text/bpe_train.h"
#include "text/pre_tokenizers.h"
#include "text/tokenizer.h"

#define LINES                                                                                      \
    "A cadre is a small group of specialists, which is what a sparse model is made of: each "      \
    "token goes to a few experts.\n"                                                               \
    "Der Router w\xc3\xa4hlt f\xc3\xbcr jedes Token einige Experten; die anderen ruhen. Each "     \
    "expert learns what it sees most.\n"                                                           \
    "The tokens, the experts, the router and the tokens of the experts that the router chose: 12 " \
    "of 64, 128 of 1024.\n"

static void require(int condition)
{
    if (condition) return;
    fprintf(stderr, "a sample could not be made: %s\n", cadre_last_error());
    abort();
}

static char *byte_level(void)
{
    byte_buffer json = { 0 };
    bpe_train_options options = { 512, (const char *const[]){ "<|endoftext|>" }, 1 };
    require(bpe_train(&(string_view){ LINES, strlen(LINES) }, 1, &options, &json) == CADRE_OK);
    char *text = mem_strdup(json.data);
    byte_buffer_free(&json);
    require(text != NULL);
    return text;
}

/* A copy in which the first `from` has become `to`. */
static char *replace(char *text, const char *from, const char *to)
{
    char *at = strstr(text, from);
    require(at != NULL);
    char *made = mem_printf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    require(made != NULL);
    mem_free(text);
    return made;
}

/* An entry of "added_tokens" with one of its flags on. */
static void put_added(byte_buffer *list, int32_t id, const char *content, const char *flag)
{
    static const char *const flags[] = { "single_word", "lstrip", "rstrip", "normalized",
        "special" };
    byte_buffer_format(list, "{\"id\":%d,\"content\":\"%s\"", id, content);
    for (int i = 0; i < 5; i++)
        byte_buffer_format(list, ",\"%s\":%s", flags[i], strstr(flag, flags[i]) ? "true" : "false");
    byte_buffer_text(list, "},");
}

static char *patterns(void)
{
    json_writer w = json_writer_new(0);
    byte_buffer added = { 0 };
    tokenizer *t;
    char *text = byte_level();
    require(tokenizer_open_text(text, strlen(text), "sample", &t) == CADRE_OK);
    byte_buffer_text(&added, "\"added_tokens\": [");
    put_added(&added, tokenizer_size(t), "<l>", "lstrip special");
    put_added(&added, tokenizer_size(t) + 1, "<r>", "rstrip");
    put_added(&added, tokenizer_size(t) + 2, "word", "single_word normalized");
    put_added(&added, tokenizer_size(t) + 3, "  ", "normalized");
    pre_tokenizer_write(pre_tokenizer_find("gpt-4o", 6), &w, NULL);
    text = replace(text, "\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}");
    text = replace(text,
        "{\n  \"type\": \"ByteLevel\",\n  \"add_prefix_space\": false,\n  \"trim_offsets\": true,\n"
        "  \"use_regex\": true\n }",
        w.text.data);
    text = replace(text, "\"added_tokens\": [", added.data);
    tokenizer_close(t);
    json_writer_free(&w);
    byte_buffer_free(&added);
    return text;
}

#define SPECIAL                                                                                    \
    ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":"   \
    "true}"

#define SENTENCEPIECE_HEAD                                                                         \
    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":["                 \
    "{\"id\":0,\"content\":\"<unk>\"" SPECIAL ","                                                  \
    "{\"id\":1,\"content\":\"<s>\"" SPECIAL "],"                                                   \
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":"    \
    "\"\xe2\x96\x81\"},"                                                                           \
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\" "                                            \
    "\"},\"content\":\"\xe2\x96\x81\"}]},\"pre_tokenizer\":null,"                                  \
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"   \
    "\"<s>\",\"type_id\":0}},"                                                                     \
    "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"pair\":[],\"special_tokens\":{\"<s>\":{"       \
    "\"id\":\"<s>\",\"ids\":[1],"                                                                  \
    "\"tokens\":[\"<s>\"]}}},\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":"          \
    "\"Replace\",\"pattern\":"                                                                     \
    "{\"String\":\"\xe2\x96\x81\"},\"content\":\" "                                                \
    "\"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},"                                         \
    "{\"type\":\"Strip\",\"content\":\" "                                                          \
    "\",\"start\":1,\"stop\":0}]},\"model\":{\"type\":\"BPE\",\"dropout\":null,"                   \
    "\"unk_token\":\"<unk>\",\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,"      \
    "\"fuse_unk\":true,"                                                                           \
    "\"byte_fallback\":true,\"ignore_merges\":false,\"vocab\":{\"<unk>\":0,\"<s>\":1"

static char *sentencepiece(void)
{
    static const char *const pieces[] = { "\xe2\x96\x81", "t", "h", "e", "r", "o", "u", "\xc3\xa4",
        "th", "the", "\xe2\x96\x81the", "er", "ro", "ou", "\xe2\x96\x81\xe2\x96\x81" };
    byte_buffer text = { 0 };
    byte_buffer_text(&text, SENTENCEPIECE_HEAD);
    for (int byte = 0; byte < 256; byte++)
        byte_buffer_format(&text, ",\"<0x%02X>\":%d", byte, byte + 2);
    for (int i = 0; i < (int)(sizeof pieces / sizeof *pieces); i++)
        byte_buffer_format(&text, ",\"%s\":%d", pieces[i], i + 258);
    byte_buffer_text(&text, "},\"merges\":[[\"\xe2\x96\x81\",\"\xe2\x96\x81\"],[\"t\",\"h\"],["
                            "\"e\",\"r\"],[\"th\",\"e\"],"
                            "[\"\xe2\x96\x81\",\"the\"],[\"r\",\"o\"],[\"o\",\"u\"]]}}");
    require(text.status == CADRE_OK);
    return text.data;
}

static char *unigram(void)
{
    enum { MAP_DIGITS = 1372 }; /* u32 1024, a trie of 256 empty units, a NUL */
    static const char mark[] = "\xe2\x96\x81";
    char map[MAP_DIGITS + 1];
    memset(map, 'A', MAP_DIGITS);
    map[2] = 'Q';
    map[MAP_DIGITS] = '\0';
    char *text = mem_printf(
        "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":["
        "{\"id\":1,\"content\":\"</s>\"" SPECIAL "],"
        "\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"%s\"},"
        "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"%s\",\"prepend_scheme\":"
        "\"always\",\"split\":true},"
        "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":"
        "\"A\",\"type_id\":0}},"
        "{\"SpecialToken\":{\"id\":\"</s>\",\"type_id\":0}}],\"pair\":[],\"special_tokens\":{\"</"
        "s>\":{\"id\":\"</s>\","
        "\"ids\":[1],\"tokens\":[\"</s>\"]}}},"
        "\"decoder\":{\"type\":\"Metaspace\",\"replacement\":\"%s\",\"prepend_scheme\":\"always\","
        "\"split\":true},"
        "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"byte_fallback\":false,\"vocab\":[[\"<unk>"
        "\",0.0],[\"</s>\",0.0],"
        "[\"%s\",-2.0],[\"t\",-4.0],[\"h\",-4.5],[\"e\",-3.5],[\"r\",-4.0],"
        "[\"the\",-5.0],[\"%sthe\",-4.25],[\"er\",-5.5],[\"ther\",-9.0]]}}",
        map, mark, mark, mark, mark);
    require(text != NULL);
    return text;
}

char *tokenizer_sample_text(tokenizer_sample which)
{
    switch (which) {
    case SAMPLE_BYTE_LEVEL: return byte_level();
    case SAMPLE_PATTERNS: return patterns();
    case SAMPLE_SENTENCEPIECE: return sentencepiece();
    default: return unigram();
    }
}

tokenizer *tokenizer_sample_open(tokenizer_sample which)
{
    char *json = tokenizer_sample_text(which);
    tokenizer *t = NULL;
    require(tokenizer_open_text(json, strlen(json), "sample", &t) == CADRE_OK);
    mem_free(json);
    return t;
}

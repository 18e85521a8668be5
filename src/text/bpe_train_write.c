/* bpe_train_write.c - tokenizer.json and tokenizer_config.json of a learnt vocabulary. */
#include "text/bpe_train_write.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "text/byte_level.h"

/* A piece in the visible alphabet, NUL-terminated; borrowed until the next call with this buffer. */
static const char *visible(byte_list *buffer, const string_set *pieces, uint32_t place)
{
    string_view piece = string_set_at(pieces, place);
    buffer->size = 0;
    if (byte_level_put(buffer, piece.data, piece.size) != CADRE_OK || byte_list_put(buffer, "", 1) != CADRE_OK) return NULL;
    return buffer->data;
}

static json_t *vocabulary_of(const string_set *pieces, const bpe_train_options *options)
{
    json_t *vocabulary = json_object();
    byte_list buffer = { 0 };
    int bad = !vocabulary;
    for (int32_t i = 0; i < options->special_count && !bad; i++)
        bad = json_object_set_new(vocabulary, options->specials[i], json_integer(i));
    for (uint32_t i = 0; i < pieces->count && !bad; i++) {
        const char *name = visible(&buffer, pieces, i);
        bad = !name || json_object_set_new(vocabulary, name, json_integer((json_int_t)i + options->special_count));
    }
    byte_list_free(&buffer);
    if (!bad) return vocabulary;
    json_decref(vocabulary);
    return NULL;
}

static json_t *merges_of(const string_set *pieces, const bpe_merge *merges, size_t count)
{
    json_t *list = json_array();
    byte_list left = { 0 }, right = { 0 };
    int bad = !list;
    for (size_t i = 0; i < count && !bad; i++) {
        const char *a = visible(&left, pieces, merges[i].left), *b = visible(&right, pieces, merges[i].right);
        bad = !a || !b || json_array_append_new(list, json_pack("[s,s]", a, b));
    }
    byte_list_free(&left);
    byte_list_free(&right);
    if (!bad) return list;
    json_decref(list);
    return NULL;
}

static json_t *specials_of(const bpe_train_options *options)
{
    json_t *list = json_array();
    int bad = !list;
    for (int32_t i = 0; i < options->special_count && !bad; i++)
        bad = json_array_append_new(list, json_pack("{s:i,s:s,s:b,s:b,s:b,s:b,s:b}", "id", i, "content", options->specials[i],
                                                    "single_word", 0, "lstrip", 0, "rstrip", 0, "normalized", 0, "special", 1));
    if (!bad) return list;
    json_decref(list);
    return NULL;
}

static json_t *byte_level(int use_regex)
{
    return json_pack("{s:s,s:b,s:b,s:b}", "type", "ByteLevel", "add_prefix_space", 0, "trim_offsets", 1, "use_regex", use_regex);
}

/* Appends the document's text and gives the document up. */
static cadre_status dump(json_t *document, byte_list *json)
{
    char *text = document ? json_dumps(document, JSON_INDENT(1)) : NULL;
    json_decref(document);
    if (!text) return cadre_fail(CADRE_ENOMEM, NULL, "out of memory: the tokenizer could not be written");
    cadre_status status = byte_list_put(json, text, strlen(text));
    if (status == CADRE_OK) status = byte_list_put(json, "\n", 1);
    free(text);
    return status;
}

cadre_status bpe_train_write(const string_set *pieces, const bpe_merge *merges, size_t merge_count, const bpe_train_options *options,
                             byte_list *json)
{
    json_t *model = json_pack("{s:s,s:n,s:n,s:n,s:n,s:b,s:b,s:b,s:o,s:o}", "type", "BPE", "dropout", "unk_token",
                              "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0, "byte_fallback", 0,
                              "ignore_merges", 0, "vocab", vocabulary_of(pieces, options), "merges",
                              merges_of(pieces, merges, merge_count));
    return dump(json_pack("{s:s,s:n,s:n,s:o,s:n,s:o,s:n,s:o,s:o}", "version", "1.0", "truncation", "padding", "added_tokens",
                          specials_of(options), "normalizer", "pre_tokenizer", byte_level(1), "post_processor", "decoder",
                          byte_level(1), "model", model),
                json);
}

cadre_status bpe_train_config(const char *end, int32_t context, byte_list *json)
{
    return dump(json_pack("{s:s,s:s,s:s,s:i,s:b,s:b}", "tokenizer_class", "PreTrainedTokenizerFast", "bos_token", end, "eos_token", end,
                          "model_max_length", context, "clean_up_tokenization_spaces", 0, "add_prefix_space", 0),
                json);
}

/* bpe_train_write.c - writes the tokenizer.json of a learnt vocabulary. */
#include "text/bpe_train_write.h"

#include <string.h>

#include "format/json_writer.h"
#include "text/byte_level.h"

/* Writes a piece in the visible alphabet, with a NUL at the end, into `buffer`. */
static cadre_status make_visible(const string_set *pieces, uint32_t place, byte_buffer *buffer)
{
    string_view piece = string_set_at(pieces, place);
    buffer->size = 0;
    CADRE_TRY(byte_level_put(buffer, piece.data, piece.size));
    return byte_buffer_put(buffer, "", 1);
}

static void write_specials(json_writer *w, const bpe_train_options *options)
{
    json_put_array(w, "added_tokens");
    for (int32_t i = 0; i < options->special_count; i++) {
        json_put_object(w, NULL);
        json_put_int(w, "id", i);
        json_put_string(w, "content", options->specials[i]);
        json_put_bool(w, "single_word", false);
        json_put_bool(w, "lstrip", false);
        json_put_bool(w, "rstrip", false);
        json_put_bool(w, "normalized", false);
        json_put_bool(w, "special", true);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
}

static void write_byte_level(json_writer *w, const char *key)
{
    json_put_object(w, key);
    json_put_string(w, "type", "ByteLevel");
    json_put_bool(w, "add_prefix_space", false);
    json_put_bool(w, "trim_offsets", true);
    json_put_bool(w, "use_regex", true);
    json_put_close(w, '}');
}

static cadre_status write_vocabulary(
    json_writer *w, const string_set *pieces, const bpe_train_options *options, byte_buffer *name)
{
    json_put_object(w, "vocab");
    for (int32_t i = 0; i < options->special_count; i++) json_put_int(w, options->specials[i], i);
    for (uint32_t i = 0; i < pieces->count; i++) {
        CADRE_TRY(make_visible(pieces, i, name));
        json_put_int(w, name->data, (int64_t)i + options->special_count);
    }
    json_put_close(w, '}');
    return CADRE_OK;
}

static cadre_status write_merges(json_writer *w, const string_set *pieces, const bpe_merge *merges,
    size_t count, byte_buffer *name)
{
    json_put_array(w, "merges");
    for (size_t i = 0; i < count; i++) {
        json_put_array(w, NULL);
        CADRE_TRY(make_visible(pieces, merges[i].left, name));
        json_put_string(w, NULL, name->data);
        CADRE_TRY(make_visible(pieces, merges[i].right, name));
        json_put_string(w, NULL, name->data);
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
    return CADRE_OK;
}

static cadre_status write_model(json_writer *w, const string_set *pieces, const bpe_merge *merges,
    size_t count, const bpe_train_options *options)
{
    static const char *const absent[] = { "dropout", "unk_token", "continuing_subword_prefix",
        "end_of_word_suffix" };
    static const char *const off[] = { "fuse_unk", "byte_fallback", "ignore_merges" };
    byte_buffer name = { 0 };
    json_put_object(w, "model");
    json_put_string(w, "type", "BPE");
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) json_put_null(w, absent[i]);
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) json_put_bool(w, off[i], false);
    cadre_status status = write_vocabulary(w, pieces, options, &name);
    if (status == CADRE_OK) status = write_merges(w, pieces, merges, count, &name);
    json_put_close(w, '}');
    byte_buffer_free(&name);
    return status;
}

cadre_status bpe_train_write(const string_set *pieces, const bpe_merge *merges, size_t merge_count,
    const bpe_train_options *options, byte_buffer *json)
{
    json_writer w = json_writer_new(1);
    json_put_object(&w, NULL);
    json_put_string(&w, "version", "1.0");
    json_put_null(&w, "truncation");
    json_put_null(&w, "padding");
    write_specials(&w, options);
    json_put_null(&w, "normalizer");
    write_byte_level(&w, "pre_tokenizer");
    json_put_null(&w, "post_processor");
    write_byte_level(&w, "decoder");
    cadre_status status = write_model(&w, pieces, merges, merge_count, options);
    json_put_close(&w, '}');
    if (status == CADRE_OK) status = json_writer_status(&w);
    if (status == CADRE_OK) *json = w.text;
    else json_writer_free(&w);
    return status;
}

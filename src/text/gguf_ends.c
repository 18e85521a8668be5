/* gguf_ends.c - finds end tokens by key and by name.
 *
 * GGUF has keys for few end tokens, and most files name only one: that of a conversation, even
 * where the model ends documents with another. Programs that read such files therefore know end
 * tokens by their spelling. The names here are those that llama.cpp knows. */
#include "text/gguf_ends.h"

#include <string.h>

#define KEY "tokenizer.ggml."

static const char *const end_keys[] = { KEY "eos_token_id", KEY "eot_token_id", KEY "eom_token_id",
    KEY "fim_pad_token_id", KEY "fim_rep_token_id", KEY "fim_sep_token_id" };
enum { END_KEYS = sizeof end_keys / sizeof *end_keys };

#define HARMONY_END "<|end|>"
#define SENTENCE_END "</s>"
#define TOOL_RESPONSE "<|tool_response>"
static const char *const end_names[] = {
    "<|eot_id|>",
    "<|im_end|>",
    HARMONY_END,
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    SENTENCE_END,
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    TOOL_RESPONSE,
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "[e~[",
    ("<\xef\xbd\x9c"
     "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>"),
};
enum { END_NAMES = sizeof end_names / sizeof *end_names };

cadre_status gguf_special_id(const gguf *file, const char *key, int64_t count, int32_t *id)
{
    int64_t value = -1;
    CADRE_TRY(gguf_opt_int(file, key, INT64_MIN, INT64_MAX, &value));
    if (value >= 0 && value < count && value <= INT32_MAX) *id = (int32_t)value;
    return CADRE_OK;
}

static cadre_status put_once(token_list *ids, int32_t id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (ids->ids[i] == id) return CADRE_OK;
    return id < 0 ? CADRE_OK : token_list_put(ids, id);
}

/* The place of a piece in the list of names; -1: it is not there. */
static int name_of(gguf_string piece)
{
    for (int i = 0; i < END_NAMES; i++)
        if (gguf_string_is(piece, end_names[i])) return i;
    return -1;
}

/* The id of each name; -1: the vocabulary has no such token. */
static void find_names(const gguf_array *pieces, int32_t id_of_name[END_NAMES])
{
    const uint8_t *at = pieces->data;
    for (int i = 0; i < END_NAMES; i++) id_of_name[i] = -1;
    for (size_t id = 0; id < pieces->count && id <= INT32_MAX; id++) {
        gguf_string piece = gguf_array_next_string(&at);
        bool likely = piece.size && strchr("<[_", piece.data[0]);
        int name = likely ? name_of(piece) : -1;
        if (name >= 0) id_of_name[name] = (int32_t)id;
    }
}

static int32_t id_named(const int32_t id_of_name[END_NAMES], const char *name)
{
    return id_of_name[name_of((gguf_string){ name, strlen(name) })];
}

/* In Harmony's format <|end|> ends a message, after which the answer goes on. */
static bool end_continues(const int32_t id_of_name[END_NAMES])
{
    return (id_named(id_of_name, "<|return|>") >= 0 && id_named(id_of_name, "<|call|>") >= 0) ||
           (id_named(id_of_name, "<|calls|>") >= 0 && id_named(id_of_name, "<|flush|>") >= 0);
}

/* Whether a name that the vocabulary has ends no text there. */
static bool is_plain(const char *name, const int32_t id_of_name[END_NAMES])
{
    if (!strcmp(name, HARMONY_END)) return end_continues(id_of_name);
    return !strcmp(name, SENTENCE_END) && id_named(id_of_name, TOOL_RESPONSE) >= 0; /* Gemma 4 */
}

static cadre_status put_named(const gguf *file, int64_t count, token_list *ids)
{
    gguf_array pieces;
    int32_t id_of_name[END_NAMES];
    if (gguf_type_of(file, KEY "tokens") != GGUF_ARRAY) return CADRE_OK;
    CADRE_TRY(gguf_get_array(file, KEY "tokens", &pieces));
    if (pieces.type != GGUF_STRING) return CADRE_OK; /* the tokenizer will refuse it */
    find_names(&pieces, id_of_name);
    for (int i = 0; i < END_NAMES; i++)
        if (id_of_name[i] < count && !is_plain(end_names[i], id_of_name))
            CADRE_TRY(put_once(ids, id_of_name[i]));
    return CADRE_OK;
}

cadre_status gguf_ends(const gguf *file, int64_t count, token_list *ids)
{
    for (int i = 0; i < END_KEYS; i++) {
        int32_t id = -1;
        CADRE_TRY(gguf_special_id(file, end_keys[i], count, &id));
        CADRE_TRY(put_once(ids, id));
    }
    return put_named(file, count, ids);
}

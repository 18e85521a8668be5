/* api_foreign.c - THE LIST of fields that would change the answer and that this server does not
 * have: those of other servers, and those that only the other kind of request has. */
#include <float.h>

#include "serve/api_request.h"

enum { CHAT = 1, TEXT = 2, BOTH = CHAT | TEXT };

/* A field, the requests that it would change, and the value that has no effect. In place of a
 * number, false stands for 0 and true for 1; null, "", [] and {} never have an effect. */
static const struct {
    const char *name;
    int requests;
    double neutral;
} fields[] = {
    { "guided_json", BOTH, 0 },
    { "guided_regex", BOTH, 0 },
    { "guided_choice", BOTH, 0 },
    { "guided_grammar", BOTH, 0 },
    { "structured_outputs", BOTH, 0 },
    { "grammar", BOTH, 0 },
    { "json_schema", BOTH, 0 },
    { "regex", BOTH, 0 },
    { "ebnf", BOTH, 0 },
    { "chat_template", BOTH, 0 },
    { "min_tokens", BOTH, 0 },
    { "min_new_tokens", BOTH, 0 },
    { "n_predict", BOTH, -1 },
    { "ignore_eos", BOTH, 0 },
    { "stop_token_ids", BOTH, 0 },
    { "stop_regex", BOTH, 0 },
    { "include_stop_str_in_output", BOTH, 0 },
    { "skip_special_tokens", BOTH, 1 },
    { "bad_words", BOTH, 0 },
    { "allowed_token_ids", BOTH, 0 },
    { "use_beam_search", BOTH, 0 },
    { "length_penalty", BOTH, 1 },
    { "repeat_penalty", BOTH, 1 },
    { "typical_p", BOTH, 1 },
    { "top_a", BOTH, 0 },
    { "tfs_z", BOTH, 1 },
    { "mirostat", BOTH, 0 },
    { "mirostat_mode", BOTH, 0 },
    { "dry_multiplier", BOTH, 0 },
    { "xtc_probability", BOTH, 0 },
    { "top_n_sigma", BOTH, -1 },
    { "dynatemp_range", BOTH, 0 },
    { "min_keep", BOTH, 0 },
    { "samplers", BOTH, 0 },
    { "logits_processors", BOTH, 0 },
    { "custom_logit_processor", BOTH, 0 },
    { "lora", BOTH, 0 },
    { "lora_path", BOTH, 0 },
    { "prompt_logprobs", BOTH, 0 },
    { "truncate_prompt_tokens", BOTH, 0 },
    { "echo", CHAT, 0 },
    { "documents", CHAT, 0 },
    { "reasoning", CHAT, 0 },
    { "add_special_tokens", CHAT, 0 },
    { "add_special_tokens", TEXT, 1 },
    { "top_logprobs", TEXT, 0 },
    { "functions", TEXT, 0 },
    { "prompt_embeds", TEXT, 0 },
};

/* Fields of which every value but null has an effect. */
static const struct {
    const char *name;
    int requests;
    const char *why;
} unsupported[] = {
    { "suffix", TEXT, "null: text cannot be inserted" },
    { "web_search_options", CHAT, "null: this server does not search the web" },
};

static bool has_effect(const json_node *field, double neutral)
{
    const char *text = "";
    double number = neutral;
    bool yes = false;
    switch (json_kind_of(field)) {
    case JSON_KIND_BOOL: return json_as_bool(field, &yes) != CADRE_OK || yes != neutral;
    case JSON_KIND_NUMBER:
        return json_as_real(field, -DBL_MAX, DBL_MAX, &number) != CADRE_OK || number != neutral;
    case JSON_KIND_STRING: return json_as_string(field, &text, NULL) != CADRE_OK || *text;
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT: return json_count(field) > 0;
    case JSON_KIND_LITERAL: return true; /* NaN or an infinity */
    case JSON_KIND_NULL:
    case JSON_KIND_ABSENT: break;
    }
    return false;
}

cadre_status api_check_foreign_fields(const json_node *root, bool chat)
{
    const int request = chat ? CHAT : TEXT;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        json_node field = json_member(root, fields[i].name);
        if (fields[i].requests & request && has_effect(&field, fields[i].neutral))
            return json_refuse(&field,
                "no such field: it belongs to another server, or to another kind of request, and "
                "is not supported");
    }
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++) {
        json_node field = json_member(root, unsupported[i].name);
        if (unsupported[i].requests & request && json_has(root, unsupported[i].name))
            return json_refuse(&field, "%s", unsupported[i].why);
    }
    return CADRE_OK;
}

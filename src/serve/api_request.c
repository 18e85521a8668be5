/* api_request.c - reads the fields that both kinds of request have, with one function for each
 * group of fields. */
#include "serve/api_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "format/json_copy.h"

/* ---- sampling ---- */

/* A top_p of 0 allows only the most likely token, but in cadre_sampling 0 would mean all tokens. */
static const double MIN_TOP_P = 1e-12;

static cadre_status read_sampling(const json_node *root, api_request *r)
{
    cadre_sampling *s = &r->sampling;
    int64_t seed = 0, top_k = s->top_k;
    CADRE_TRY(json_opt_real(root, "temperature", 0, 2, &s->temperature));
    CADRE_TRY(json_opt_real(root, "top_p", 0, 1, &s->top_p));
    CADRE_TRY(json_opt_int(root, "top_k", -1, INT32_MAX, &top_k));
    CADRE_TRY(json_opt_real(root, "min_p", 0, 1, &s->min_p));
    CADRE_TRY(json_opt_real(root, "repetition_penalty", 0.01, 100, &s->repetition_penalty));
    CADRE_TRY(json_opt_real(root, "presence_penalty", -2, 2, &s->presence_penalty));
    CADRE_TRY(json_opt_real(root, "frequency_penalty", -2, 2, &s->frequency_penalty));
    CADRE_TRY(json_opt_int(root, "seed", INT64_MIN, INT64_MAX, &seed));
    r->seeded = json_has(root, "seed");
    s->seed = (uint64_t)seed;
    s->top_k = top_k < 0 ? 0 : top_k;
    if (json_has(root, "top_p") && s->top_p < MIN_TOP_P) s->top_p = MIN_TOP_P;
    return CADRE_OK;
}

/* Reads a key of logit_bias, which is an id in decimal digits. */
static bool read_id(const char *key, int64_t vocab, int32_t *id)
{
    size_t digits = strspn(key, "0123456789");
    if (!digits || key[digits] || digits > 9) return false;
    *id = (int32_t)strtol(key, NULL, 10);
    return *id < vocab;
}

static cadre_status read_biases(const json_node *root, int64_t vocab, api_request *r)
{
    json_node map, m = { 0 };
    CADRE_TRY(json_opt_object(root, "logit_bias", &map));
    int64_t count = 0;
    size_t size = map.value ? json_count(&map) : 0;
    if (!size) return CADRE_OK;
    if (size > API_BIASES) return json_refuse(&map, "at most %d tokens", API_BIASES);
    r->biases = MEM_ARRAY(cadre_bias, size);
    if (!r->biases) return CADRE_ENOMEM;
    while (json_next(&map, &m)) {
        double bias;
        if (!read_id(m.key, vocab, &r->biases[count].token))
            return json_refuse(&map, "ids of tokens, 0 to %lld, as keys", (long long)vocab - 1);
        CADRE_TRY(json_as_real(&m, -100, 100, &bias));
        r->biases[count++].bias = (float)bias;
    }
    r->sampling.biases = r->biases, r->sampling.bias_count = count;
    return CADRE_OK;
}

/* ---- length, number of choices, and what is returned ---- */

static cadre_status add_stop(const json_node *node, api_request *r)
{
    const char *text;
    CADRE_TRY(json_as_string(node, &text, NULL));
    if (!*text) return json_refuse(node, "a text that is not empty");
    r->stops[r->stop_count++] = text;
    return CADRE_OK;
}

static cadre_status read_stops(const json_node *root, api_request *r)
{
    json_node stop = json_member(root, "stop");
    switch (json_kind_of(&stop)) {
    case JSON_KIND_ABSENT:
    case JSON_KIND_NULL: return CADRE_OK;
    case JSON_KIND_STRING: return add_stop(&stop, r);
    case JSON_KIND_ARRAY: break;
    default: return json_refuse(&stop, "a string, or an array of at most %d", API_STOPS);
    }
    if (json_count(&stop) > API_STOPS)
        return json_refuse(&stop, "a string, or an array of at most %d", API_STOPS);
    for (size_t i = 0; i < json_count(&stop); i++) {
        json_node item = json_item(&stop, i);
        CADRE_TRY(add_stop(&item, r));
    }
    return CADRE_OK;
}

/* Reads the token limit. It may exceed the context, which also ends the text. It may be 0 only with
 * echo, if only the prompt's logprobs are wanted. */
static cadre_status read_limit(const json_node *root, api_request *r)
{
    const char *key =
        json_has(root, "max_completion_tokens") ? "max_completion_tokens" : "max_tokens";
    r->limit = r->chat ? -1 : 16;
    return json_opt_int(root, key, r->echo ? 0 : 1, INT64_MAX, &r->limit);
}

static cadre_status read_choices(const json_node *root, const api_limits *limits, api_request *r)
{
    int64_t best;
    r->n = 1;
    CADRE_TRY(json_opt_int(root, "n", 1, limits->choices, &r->n));
    best = r->n;
    CADRE_TRY(json_opt_int(root, "best_of", 1, limits->choices, &best));
    json_node given = json_member(root, "best_of");
    return best == r->n ? CADRE_OK : json_refuse(&given, "the same as n: all choices are returned");
}

static cadre_status read_stream(const json_node *root, api_request *r)
{
    json_node options;
    CADRE_TRY(json_opt_bool(root, "stream", &r->stream));
    CADRE_TRY(json_opt_object(root, "stream_options", &options));
    return options.value ? json_opt_bool(&options, "include_usage", &r->include_usage) : CADRE_OK;
}

static cadre_status read_logprobs(const json_node *root, api_request *r)
{
    int64_t top = 0;
    json_node given = json_member(root, "top_logprobs");
    if (!r->chat) {
        CADRE_TRY(json_opt_int(root, "logprobs", 0, API_TOP_LOGPROBS, &top));
        r->logprobs = json_has(root, "logprobs");
    } else {
        CADRE_TRY(json_opt_bool(root, "logprobs", &r->logprobs));
        CADRE_TRY(json_opt_int(root, "top_logprobs", 0, API_TOP_LOGPROBS, &top));
        if (top && !r->logprobs) return json_refuse(&given, "0, or logprobs to be true");
    }
    r->top = (int32_t)top;
    return CADRE_OK;
}

/* ---- structured answers ---- */

static cadre_status read_schema(const json_node *format, api_request *r)
{
    json_node named, schema;
    CADRE_TRY(json_get_object(format, "json_schema", &named));
    CADRE_TRY(json_get_object(&named, "schema", &schema));
    json_writer w = json_writer_new(0);
    json_put_copy(&w, NULL, &schema);
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK) status = byte_buffer_put(&r->schema, w.text.data, w.text.size);
    json_writer_free(&w);
    return status;
}

static cadre_status read_format(const json_node *root, api_request *r)
{
    json_node format, type;
    const char *name;
    CADRE_TRY(json_opt_object(root, "response_format", &format));
    if (!format.value) return CADRE_OK;
    CADRE_TRY(json_get_string(&format, "type", &name));
    type = json_member(&format, "type");
    if (strcmp(name, "text") == 0) return CADRE_OK;
    r->structured = true;
    if (strcmp(name, "json_object") == 0) return CADRE_OK;
    if (strcmp(name, "json_schema") == 0) return read_schema(&format, r);
    return json_refuse(&type, "\"text\", \"json_object\" or \"json_schema\"");
}

static cadre_status check_modalities(const json_node *root)
{
    json_node list;
    const char *word;
    CADRE_TRY(json_opt_array(root, "modalities", &list));
    for (size_t i = 0; list.value && i < json_count(&list); i++) {
        json_node item = json_item(&list, i);
        CADRE_TRY(json_as_string(&item, &word, NULL));
        if (strcmp(word, "text") != 0) return json_refuse(&item, "\"text\"");
    }
    return CADRE_OK;
}

/* ---- whole requests ---- */

static cadre_status read_common_fields(
    const json_node *root, const api_limits *limits, api_request *r)
{
    CADRE_TRY(read_choices(root, limits, r));
    CADRE_TRY(read_stream(root, r));
    CADRE_TRY(read_limit(root, r));
    CADRE_TRY(read_sampling(root, r));
    CADRE_TRY(read_biases(root, limits->vocab, r));
    CADRE_TRY(read_stops(root, r));
    CADRE_TRY(read_logprobs(root, r));
    CADRE_TRY(json_opt_bool(root, "return_routes", &r->routes));
    CADRE_TRY(json_opt_bool(root, "return_token_ids", &r->token_ids));
    CADRE_TRY(read_format(root, r));
    return api_tool_use_read(root, r->chat, r->structured, &r->tool_use);
}

static cadre_status read_kind(const json_node *root, const api_limits *limits, api_request *r)
{
    if (r->chat) {
        CADRE_TRY(check_modalities(root));
        return api_read_messages(root, r);
    }
    return api_read_prompts(root, limits, r);
}

static cadre_status read_all(const json_node *root, const api_limits *limits, api_request *r)
{
    CADRE_TRY(json_as_object(root));
    CADRE_TRY(api_check_foreign_fields(root, r->chat));
    if (!r->chat) CADRE_TRY(json_opt_bool(root, "echo", &r->echo));
    CADRE_TRY(read_common_fields(root, limits, r));
    return read_kind(root, limits, r);
}

/* Checks that the request names the served model, or none. */
static cadre_status check_model(const json_node *root, const api_limits *limits, api_error *error)
{
    const char *name = limits->model;
    CADRE_TRY(json_opt_string(root, "model", &name));
    if (strcmp(name, limits->model) == 0) return CADRE_OK;
    *error = api_error_new(404, "model_not_found", "model",
        "this model is not served here; the served model is \"%s\"", limits->model);
    return CADRE_EARGUMENT;
}

static cadre_status read_document(const api_limits *limits, api_request *r, api_error *error)
{
    json_node root = json_root(r->document);
    CADRE_TRY(read_all(&root, limits, r));
    return check_model(&root, limits, error);
}

cadre_status api_request_read(
    string_view body, bool chat, const api_limits *limits, api_request *out, api_error *error)
{
    api_request r = { .chat = chat, .sampling = limits->sampling };
    *error = (api_error){ 0 };
    cadre_status status =
        json_parse_request(API_DOCUMENT, body.data ? body.data : "", body.size, &r.document);
    if (status == CADRE_OK) status = read_document(limits, &r, error);
    if (status == CADRE_OK) *out = r;
    else api_request_free(&r);
    if (status != CADRE_OK && !error->status) *error = api_error_of_last(status);
    return status;
}

void api_request_free(api_request *r)
{
    for (int64_t i = 0; r->prompts && i < r->prompt_count; i++) mem_free(r->prompts[i].ids);
    for (int64_t i = 0; r->texts && i < r->message_count; i++) byte_buffer_free(&r->texts[i]);
    mem_free(r->texts);
    mem_free(r->prompts);
    mem_free(r->messages);
    mem_free(r->biases);
    byte_buffer_free(&r->schema);
    api_tool_use_free(r->tool_use);
    json_close(r->document);
    *r = (api_request){ 0 };
}

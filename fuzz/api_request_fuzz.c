/* api_request_fuzz.c - any bytes as the body of a completion or a chat: refused with an error that
 * is JSON, or a request within its bounds. */
#include "fuzz.h"

#include <string.h>

#include "format/json.h"
#include "serve/api_request.h"

enum { VOCAB = 1000, CHOICES = 4, PLACES = 12 };

static void check_sampling(const cadre_sampling *s)
{
    fuzz_require(s->temperature >= 0 && s->temperature <= 2);
    fuzz_require(s->top_p > 0 && s->top_p <= 1 && s->min_p >= 0 && s->min_p <= 1);
    fuzz_require(s->top_k >= 0 && s->repetition_penalty > 0);
    fuzz_require(s->bias_count >= 0 && s->bias_count <= API_BIASES);
    for (int64_t i = 0; i < s->bias_count; i++) {
        fuzz_require(s->biases[i].token >= 0 && s->biases[i].token < VOCAB);
        fuzz_require(s->biases[i].bias >= -100 && s->biases[i].bias <= 100);
    }
}

static void check_request(const api_request *r)
{
    fuzz_require(r->n >= 1 && r->n <= CHOICES && r->limit >= -1);
    fuzz_require(r->top >= 0 && r->top <= API_TOP_LOGPROBS && r->stop_count <= API_STOPS);
    fuzz_require(r->chat ? r->message_count >= 1 : r->prompt_count >= 1);
    fuzz_require(r->prompt_count * r->n <= PLACES && r->message_count <= API_MESSAGES);
    for (int i = 0; i < r->stop_count; i++) fuzz_require(strlen(r->stops[i]) > 0);
    for (int64_t i = 0; i < r->message_count; i++)
        fuzz_require(r->messages[i].text && r->messages[i].role < CHAT_ROLES);
    for (int64_t i = 0; i < r->prompt_count; i++)
        for (int64_t t = 0; t < r->prompts[i].count; t++)
            fuzz_require(r->prompts[i].ids[t] >= 0 && r->prompts[i].ids[t] < VOCAB);
    check_sampling(&r->sampling);
}

static void check_error(const api_error *e)
{
    byte_buffer json = { 0 };
    json_document *d;
    fuzz_require(e->status >= 400 && e->message[0]);
    api_error_put(e, &json);
    fuzz_require(json.size && json_parse("error", json.data, json.size, &d) == CADRE_OK);
    json_close(d);
    byte_buffer_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const api_limits limits = { "tiny", VOCAB, CHOICES, PLACES, cadre_sampling_default() };
    for (int chat = 0; chat < 2; chat++) {
        api_request r;
        api_error e;
        string_view body = { (const char *)data, size };
        if (api_request_read(body, chat, &limits, &r, &e) == CADRE_OK) {
            check_request(&r);
            api_request_free(&r);
        } else check_error(&e);
    }
    return 0;
}

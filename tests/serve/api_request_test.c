/* api_request_test.c - bodies of requests: what is read from them, and which field an error
 * names. */
#include "serve/api_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/random.h"

static api_limits limits(void)
{
    return (api_limits){ .model = "tiny",
        .vocab = 100,
        .choices = 4,
        .total_choices = 12,
        .sampling = cadre_sampling_default() };
}

static cadre_status read_text(const char *text, bool chat, api_request *r, api_error *e)
{
    api_limits l = limits();
    return api_request_read((string_view){ text, strlen(text) }, chat, &l, r, e);
}

static api_request understands(const char *text, bool chat)
{
    api_request r;
    api_error e;
    if (read_text(text, chat, &r, &e) != CADRE_OK) fail_msg("%s: %s", text, e.message);
    return r;
}

#define CHAT(members) "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], " members "}"
#define TEXT(members) "{\"prompt\": \"a\", " members "}"

static void reads_fields(void **state)
{
    (void)state;
    api_request r = understands(
        CHAT("\"model\": \"tiny\", \"max_tokens\": 3, \"max_completion_tokens\": 5, \"n\": 2, "
             "\"temperature\": 0.5, \"top_p\": 0, \"top_k\": -1, \"min_p\": 0.25, \"seed\": -1, "
             "\"presence_penalty\": 1, \"frequency_penalty\": -1, \"repetition_penalty\": 1.5, "
             "\"logit_bias\": {\"99\": -100, \"0\": 1}, \"stop\": [\"x\", \"yz\"], \"stream\": "
             "true, "
             "\"stream_options\": {\"include_usage\": true}, \"logprobs\": true, "
             "\"top_logprobs\": 7, \"return_routes\": true, \"unknown\": {\"a\": [1]}"),
        true);
    assert_int_equal(r.limit, 5);
    assert_int_equal(r.n, 2);
    assert_true(r.sampling.temperature == 0.5 && r.sampling.min_p == 0.25 && r.seeded);
    assert_true(r.sampling.top_p > 0 && r.sampling.top_p < 1e-6 && r.sampling.top_k == 0);
    assert_true(r.sampling.seed == UINT64_MAX && r.sampling.repetition_penalty == 1.5);
    assert_true(r.sampling.presence_penalty == 1 && r.sampling.frequency_penalty == -1);
    assert_int_equal(r.sampling.bias_count, 2);
    assert_int_equal(r.biases[0].token + r.biases[1].token, 99);
    assert_int_equal(r.stop_count, 2);
    assert_string_equal(r.stops[1], "yz");
    assert_true(r.stream && r.include_usage && r.logprobs && r.routes && r.top == 7);
    api_request_free(&r);
}

static void null_is_absent(void **state)
{
    (void)state;
    api_request r = understands(
        TEXT("\"model\": null, \"max_tokens\": null, \"n\": null, \"best_of\": null, "
             "\"temperature\": null, \"top_p\": null, \"seed\": null, \"stop\": null, "
             "\"logit_bias\": null, \"logprobs\": null, \"suffix\": null, \"stream\": null, "
             "\"stream_options\": null, \"tools\": null, \"response_format\": null"),
        false);
    assert_int_equal(r.limit, 16);
    assert_int_equal(r.n, 1);
    assert_true(r.sampling.temperature == 1 && !r.seeded && !r.logprobs && !r.stop_count);
    api_request_free(&r);
    r = understands(CHAT("\"tools\": [], \"response_format\": {\"type\": \"text\"}"), true);
    assert_int_equal(r.limit, -1);
    api_request_free(&r);
    r = understands(CHAT("\"tools\": [{}], \"tool_choice\": \"none\""), true);
    api_request_free(&r);
    r = understands(TEXT("\"max_tokens\": 3, \"max_completion_tokens\": 5"), false);
    assert_int_equal(r.limit, 5);
    api_request_free(&r);
    r = understands(TEXT("\"echo\": true, \"max_tokens\": 0, \"logprobs\": 0"), false);
    assert_true(r.limit == 0 && r.logprobs && r.echo);
    api_request_free(&r);
}

static void reads_prompts(void **state)
{
    (void)state;
    api_request r = understands("{\"prompt\": [\"a\\u0000b\", \"c\"]}", false);
    assert_int_equal(r.prompt_count, 2);
    assert_int_equal(r.prompts[0].text.size, 3);
    api_request_free(&r);
    r = understands("{\"prompt\": [1, 99]}", false);
    assert_int_equal(r.prompt_count, 1);
    assert_int_equal(r.prompts[0].ids[1], 99);
    api_request_free(&r);
    r = understands("{\"prompt\": [[1], [2, 3]], \"n\": 4}", false);
    assert_int_equal(r.prompt_count, 2);
    assert_int_equal(r.prompts[1].count, 2);
    api_request_free(&r);
}

static void reads_schemas(void **state)
{
    (void)state;
    api_request r = understands(CHAT("\"response_format\": {\"type\": \"json_object\"}"), true);
    assert_true(r.structured && !r.schema.size);
    api_request_free(&r);
    r = understands(CHAT("\"response_format\": {\"type\": \"json_schema\", \"json_schema\": "
                         "{\"name\": \"a\", \"strict\": true, \"schema\": {\"type\": "
                         "\"integer\"}}}"),
        true);
    assert_true(r.structured);
    assert_string_equal(r.schema.data, "{\"type\": \"integer\"}");
    api_request_free(&r);
}

/* Clients send the thoughts of past answers under the names that different servers give them. */
static void reads_thoughts(void **state)
{
    (void)state;
    api_request r = understands(
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", "
        "\"content\": \"b\", \"reasoning_content\": \"hm\"}, {\"role\": \"user\", \"content\": "
        "\"c\", \"reasoning_content\": \"not a user's\"}, {\"role\": \"assistant\", \"content\": "
        "\"d\", \"reasoning_content\": null, \"reasoning\": \"so\"}, {\"role\": \"user\", "
        "\"content\": \"e\"}]}",
        true);
    static const char *const thoughts[] = { "", "hm", "", "so", "" };
    for (int i = 0; i < 5; i++) {
        assert_true(string_view_is(r.messages[i].thought, thoughts[i]));
        assert_true(string_view_is(r.tool_use->turns[i].thought, thoughts[i]));
    }
    api_request_free(&r);
}

static void reads_messages(void **state)
{
    (void)state;
    api_request r = understands(
        "{\"messages\": [{\"role\": \"developer\", \"content\": \"s\"}, {\"role\": \"user\", "
        "\"content\": [{\"type\": \"text\", \"text\": \"a\"}, {\"type\": \"text\", \"text\": "
        "\"b\"}]}, {\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": []}]}",
        true);
    assert_int_equal(r.message_count, 3);
    assert_int_equal(r.messages[0].role, CHAT_SYSTEM);
    assert_int_equal(r.messages[1].size, 3);
    assert_memory_equal(r.messages[1].text, "a\nb", 3);
    assert_true(r.continues);
    api_request_free(&r);
    r = understands("{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}], "
                    "\"add_generation_prompt\": true}",
        true);
    assert_false(r.continues);
    api_request_free(&r);
    r = understands(CHAT("\"reasoning_effort\": \"minimal\""), true);
    assert_string_equal(r.thinking, "low");
    api_request_free(&r);
    r = understands(CHAT("\"chat_template_kwargs\": {\"enable_thinking\": false}"), true);
    assert_string_equal(r.thinking, "off");
    api_request_free(&r);
    r = understands(CHAT("\"enable_thinking\": false"), true);
    assert_string_equal(r.thinking, "off");
    api_request_free(&r);
    r = understands(CHAT("\"thinking\": {\"type\": \"enabled\"}"), true);
    assert_string_equal(r.thinking, "on");
    api_request_free(&r);
}

typedef struct wrong {
    bool chat;
    const char *body, *param;
} wrong;

static const wrong wrongs[] = {
    { true, CHAT("\"guided_json\": {\"type\": \"object\"}"), "guided_json" },
    { true, CHAT("\"grammar\": \"root ::= x\""), "grammar" },
    { true, CHAT("\"min_tokens\": 5"), "min_tokens" },
    { true, CHAT("\"ignore_eos\": true"), "ignore_eos" },
    { true, CHAT("\"stop_token_ids\": [3]"), "stop_token_ids" },
    { false, "{\"prompt\": \"a\", \"repeat_penalty\": 1.1}", "repeat_penalty" },
    { true, CHAT("\"min_tokens\": NaN"), "min_tokens" },
    { true, CHAT("\"include_stop_str_in_output\": true"), "include_stop_str_in_output" },
    { false, TEXT("\"skip_special_tokens\": false"), "skip_special_tokens" },
    { true, CHAT("\"samplers\": [\"top_k\"]"), "samplers" },
    { true, CHAT("\"echo\": true"), "echo" },
    { true, CHAT("\"documents\": [{\"text\": \"a\"}]"), "documents" },
    { true, CHAT("\"reasoning\": {\"effort\": \"low\"}"), "reasoning" },
    { true, CHAT("\"web_search_options\": {}"), "web_search_options" },
    { true, CHAT("\"add_special_tokens\": true"), "add_special_tokens" },
    { false, TEXT("\"add_special_tokens\": false"), "add_special_tokens" },
    { false, TEXT("\"top_logprobs\": 3"), "top_logprobs" },
    { false, TEXT("\"functions\": [{}]"), "functions" },
    { false, TEXT("\"tools\": [{}]"), "tools" },
    { false, TEXT("\"max_completion_tokens\": 0"), "max_completion_tokens" },
    { true, CHAT("\"thinking\": {\"type\": \"auto\"}"), "thinking.type" },
    { true, CHAT("\"thinking\": {\"budget_tokens\": 9}"), "thinking.budget_tokens" },
    { true, CHAT("\"thinking\": true"), "thinking" },
    { true, CHAT("\"enable_thinking\": \"no\""), "enable_thinking" },
    { true, CHAT("\"tool_choice\": \"required\""), "tool_choice" },
    { true, CHAT("\"tools\": [], \"tool_choice\": {\"type\": \"function\"}"), "tool_choice" },
    { false, TEXT("\"tool_choice\": 5"), "tool_choice" },
    { true, "", "" },
    { true, "[]", "" },
    { true, "{\"messages\": [", "" },
    { true, "{}", "messages" },
    { true, "{\"messages\": []}", "messages" },
    { true, "{\"messages\": \"a\"}", "messages" },
    { true, "{\"messages\": [5]}", "messages[0]" },
    { true, "{\"messages\": [{\"content\": \"a\"}]}", "messages[0].role" },
    { true, "{\"messages\": [{\"role\": \"wizard\", \"content\": \"a\"}]}", "messages[0].role" },
    { true, "{\"messages\": [{\"role\": \"tool\", \"content\": \"a\"}]}",
        "messages[0].tool_call_id" },
    { true, "{\"messages\": [{\"role\": \"user\", \"content\": 5}]}", "messages[0].content" },
    { true, "{\"messages\": [{\"role\": \"user\"}]}", "messages[0].content" },
    { true, "{\"messages\": [{\"role\": \"user\", \"content\": []}]}", "messages[0].content" },
    { true,
        "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", "
        "\"image_url\": {}}]}]}",
        "messages[0].content[0].type" },
    { true,
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"system\", "
        "\"content\": \"a\"}]}",
        "messages[1].role" },
    { true, "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\", \"tool_calls\": [{}]}]}",
        "messages[0].tool_calls[0].function" },
    { true,
        "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\"}], "
        "\"continue_final_message\": true, \"add_generation_prompt\": true}",
        "continue_final_message" },
    { true, CHAT("\"continue_final_message\": true"), "continue_final_message" },
    { true, CHAT("\"add_generation_prompt\": false"), "add_generation_prompt" },
    { true, CHAT("\"chat_template_kwargs\": {\"x\": 1}"), "chat_template_kwargs.x" },
    { true, CHAT("\"max_tokens\": -1"), "max_tokens" },
    { true, CHAT("\"max_tokens\": 0"), "max_tokens" },
    { true, CHAT("\"max_tokens\": 1.5"), "max_tokens" },
    { true, CHAT("\"max_tokens\": \"ten\""), "max_tokens" },
    { true, CHAT("\"max_completion_tokens\": []"), "max_completion_tokens" },
    { true, CHAT("\"temperature\": -1"), "temperature" },
    { true, CHAT("\"temperature\": NaN"), "temperature" },
    { true, CHAT("\"temperature\": 1e999"), "" },
    { true, CHAT("\"top_p\": 1.5"), "top_p" },
    { true, CHAT("\"top_k\": -5"), "top_k" },
    { true, CHAT("\"min_p\": 2"), "min_p" },
    { true, CHAT("\"repetition_penalty\": 0"), "repetition_penalty" },
    { true, CHAT("\"presence_penalty\": 3"), "presence_penalty" },
    { true, CHAT("\"n\": 0"), "n" },
    { true, CHAT("\"n\": 5"), "n" },
    { true, CHAT("\"best_of\": 2"), "best_of" },
    { true, CHAT("\"stop\": 5"), "stop" },
    { true, CHAT("\"stop\": \"\""), "stop" },
    { true, CHAT("\"stop\": [\"a\", 1]"), "stop[1]" },
    { true, CHAT("\"stop\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"), "stop" },
    { true, CHAT("\"logit_bias\": {\"abc\": 1}"), "logit_bias" },
    { true, CHAT("\"logit_bias\": {\"100\": 1}"), "logit_bias" },
    { true, CHAT("\"logit_bias\": {\"-1\": 1}"), "logit_bias" },
    { true, CHAT("\"logit_bias\": {\"99999999999\": 1}"), "logit_bias" },
    /* 1, if it were cut to 32 bits */
    { true, CHAT("\"logit_bias\": {\"4294967297\": 1}"), "logit_bias" },
    { true, CHAT("\"logit_bias\": {\"5\": 101}"), "logit_bias.5" },
    { true, CHAT("\"top_logprobs\": 3"), "top_logprobs" },
    { true, CHAT("\"logprobs\": true, \"top_logprobs\": 21"), "top_logprobs" },
    { true, CHAT("\"seed\": \"x\""), "seed" },
    { true, CHAT("\"stream\": \"yes\""), "stream" },
    { true, CHAT("\"stream_options\": {\"include_usage\": 1}"), "stream_options.include_usage" },
    { true, CHAT("\"response_format\": {\"type\": \"sound\"}"), "response_format.type" },
    { true, CHAT("\"response_format\": {\"type\": \"json_schema\"}"),
        "response_format.json_schema" },
    { true,
        CHAT("\"response_format\": {\"type\": \"json_schema\", \"json_schema\": "
             "{\"schema\": 123}}"),
        "response_format.json_schema.schema" },
    { true, CHAT("\"tools\": [{}]"), "tools[0].function" },
    { true,
        CHAT("\"tools\": [{\"function\": {\"name\": \"a\", \"parameters\": {\"type\": "
             "\"array\"}}}]"),
        "tools[0].function.parameters.type" },
    { true, CHAT("\"tools\": [{\"function\": {\"name\": \"a\"}}], \"tool_choice\": \"some\""),
        "tool_choice" },
    { true,
        CHAT("\"tools\": [{\"function\": {\"name\": \"a\"}}], \"tool_choice\": {\"type\": "
             "\"function\", \"function\": {\"name\": \"b\"}}"),
        "tool_choice.function.name" },
    { true, CHAT("\"functions\": [{}]"), "functions" },
    { true, CHAT("\"modalities\": [\"text\", \"audio\"]"), "modalities[1]" },
    { false, "{}", "prompt" },
    { false, "{\"prompt\": {}}", "prompt" },
    { false, "{\"prompt\": []}", "prompt" },
    { false, "{\"prompt\": [[]]}", "prompt[0]" },
    { false, "{\"prompt\": [1, \"a\"]}", "prompt[1]" },
    { false, "{\"prompt\": [\"a\", 1]}", "prompt[1]" },
    { false, "{\"prompt\": [100]}", "prompt[0]" },
    { false, "{\"prompt\": [-1]}", "prompt[0]" },
    { false, "{\"prompt\": [[1], [1.5]]}", "prompt[1][0]" },
    { false, "{\"prompt\": [\"a\",\"a\",\"a\",\"a\"], \"n\": 4}", "prompt" },
    { false, TEXT("\"logprobs\": true"), "logprobs" },
    { false, TEXT("\"logprobs\": 21"), "logprobs" },
    { false, TEXT("\"echo\": \"yes\""), "echo" },
    { false, TEXT("\"suffix\": \"a\""), "suffix" },
    { false, TEXT("\"max_tokens\": 9223372036854775808"), "max_tokens" },
    { false, TEXT("\"a\": 1, \"a\": 2"), "" },
    { false, "{\"prompt\": \"\xff\"}", "" },
};

static void errors_name_the_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        api_request r;
        api_error e;
        if (read_text(wrongs[i].body, wrongs[i].chat, &r, &e) == CADRE_OK)
            fail_msg("understood: %s", wrongs[i].body);
        if (e.status != 400 || strcmp(e.param, wrongs[i].param) != 0)
            fail_msg("%s: %d, param %s: %s", wrongs[i].body, e.status, e.param, e.message);
        assert_string_equal(e.type, "invalid_request_error");
        assert_true(strlen(e.message) > 0);
    }
}

/* Returns `begin`, then `count` times an item with its number, then `end`. */
static byte_buffer many(const char *begin, const char *item, int count, const char *end)
{
    byte_buffer text = { 0 };
    char one[96];
    byte_buffer_put(&text, begin, strlen(begin));
    for (int i = 0; i < count; i++) {
        snprintf(one, sizeof one, item, i ? "," : "", i);
        byte_buffer_put(&text, one, strlen(one));
    }
    byte_buffer_put(&text, end, strlen(end));
    return text;
}

static void counts_are_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *item, *end;
        int most;
        const char *param;
    } lists[] = {
        { "{\"messages\": [", "%s{\"role\": \"user\", \"content\": \"%d\"}", "]}", API_MESSAGES,
            "messages" },
        { "{\"prompt\": \"a\", \"logit_bias\": {", "%s\"%d\": 1", "}}", API_BIASES, "logit_bias" },
        { "{\"prompt\": \"a\", \"stop\": [", "%s\"%d\"", "]}", API_STOPS, "stop" },
        { "{\"prompt\": [", "%s\"%d\"", "]}", 12, "prompt" },
    };
    api_limits l = limits();
    l.vocab = 5000;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (int more = 0; more < 2; more++) {
            api_request r;
            api_error e;
            byte_buffer text =
                many(lists[i].begin, lists[i].item, lists[i].most + more, lists[i].end);
            cadre_status status =
                api_request_read((string_view){ text.data, text.size }, i == 0, &l, &r, &e);
            if (!more && status != CADRE_OK) fail_msg("%s", e.message);
            if (!more) api_request_free(&r);
            else assert_string_equal(e.param, lists[i].param);
            assert_int_equal(status == CADRE_OK, !more);
            byte_buffer_free(&text);
        }
}

static void checks_the_model(void **state)
{
    (void)state;
    api_request r;
    api_error e;
    assert_true(read_text(TEXT("\"model\": \"gpt-4o\""), false, &r, &e) != CADRE_OK);
    assert_int_equal(e.status, 404);
    assert_string_equal(e.code, "model_not_found");
    byte_buffer json = { 0 };
    api_error_put(&e, &json);
    assert_string_equal(json.data,
        "{\"error\": {\"message\": \"this model is not served here; the served model is "
        "\\\"tiny\\\"\", \"type\": \"not_found_error\", \"param\": \"model\", \"code\": "
        "\"model_not_found\"}}");
    byte_buffer_free(&json);
}

static void survives_depth_and_damage(void **state)
{
    (void)state;
    static char deep[100000];
    api_request r;
    api_error e;
    memset(deep, '[', sizeof deep - 1);
    assert_true(read_text(deep, true, &r, &e) != CADRE_OK);
    assert_int_equal(e.status, 400);
    random_key key = random_key_of(3, "damage", 0, 0);
    for (uint64_t n = 0; n < 80000; n += 4) {
        char text[600];
        const wrong *from = &wrongs[random_bits(key, n) % (sizeof wrongs / sizeof *wrongs)];
        size_t size = strlen(from->body);
        memcpy(text, from->body, size + 1);
        if (size) text[random_bits(key, n + 1) % size] = (char)(random_bits(key, n + 2) % 255 + 1);
        if (read_text(text, from->chat, &r, &e) == CADRE_OK) api_request_free(&r);
        else assert_true(e.status >= 400 && e.message[0]);
    }
}

/* Clients of other servers send their fields even with values that have no effect. */
static void ignores_foreign_fields_without_effect(void **state)
{
    (void)state;
    static const char *const bodies[] = { CHAT("\"min_tokens\": 0, \"ignore_eos\": false"),
        CHAT("\"guided_json\": null, \"stop_token_ids\": [], \"grammar\": \"\""),
        CHAT("\"typical_p\": 1.0, \"mirostat\": 0, \"repeat_penalty\": 1, \"n_predict\": -1"),
        CHAT("\"skip_special_tokens\": true, \"echo\": false, \"web_search_options\": null"),
        CHAT("\"add_special_tokens\": false, \"reasoning\": {}, \"thinking\": null"),
        CHAT("\"tool_choice\": \"auto\""), CHAT("\"tool_choice\": \"none\"") };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        api_request r = understands(bodies[i], true);
        api_request_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ignores_foreign_fields_without_effect),
        cmocka_unit_test(reads_fields),
        cmocka_unit_test(null_is_absent),
        cmocka_unit_test(reads_prompts),
        cmocka_unit_test(reads_schemas),
        cmocka_unit_test(reads_messages),
        cmocka_unit_test(reads_thoughts),
        cmocka_unit_test(errors_name_the_field),
        cmocka_unit_test(counts_are_bounded),
        cmocka_unit_test(checks_the_model),
        cmocka_unit_test(survives_depth_and_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

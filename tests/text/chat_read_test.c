/* chat_read_test.c - conversations of JSON: what is read of them, what is refused by name, and what
 * is learnt of one with calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/succeeds.h"
#include "support/tokenizer_sample.h"
#include "text/chat_read.h"

static tokenizer *t;

static int begin(void **state)
{
    (void)state;
    t = tokenizer_sample_open(SAMPLE_BYTE_LEVEL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tokenizer_close(t);
    return 0;
}

static cadre_status try_read(const char *text, json_document **d, chat_read *read)
{
    succeeds(json_parse("talk", text, strlen(text), d));
    json_node root = json_root(*d);
    return chat_read_conversation(&root, read);
}

static void check_view(string_view found, const char *wanted)
{
    assert_int_equal(found.size, strlen(wanted));
    if (found.size) assert_memory_equal(found.data, wanted, found.size);
}

static const char talk[] =
    "{\"messages\": [{\"role\": \"developer\", \"content\": \"Be brief.\"}, {\"role\": \"user\", "
    "\"content\": [{\"type\": \"text\", \"text\": \"And\"}, {\"text\": \"?\"}]}, {\"role\": "
    "\"assistant\", \"content\": null, \"reasoning_content\": \"Hm.\", \"tool_calls\": [{\"id\": "
    "\"one\", \"type\": \"function\", \"function\": {\"name\": \"now\", \"arguments\": {}}}, "
    "{\"id\": \"two\", \"function\": {\"name\": \"now\", \"arguments\": \"{\\\"zone\\\": 1}\"}}]}, "
    "{\"role\": \"tool\", \"content\": \"noon\", \"tool_call_id\": \"two\"}, {\"role\": \"tool\", "
    "\"content\": \"one\"}, {\"role\": \"assistant\", \"content\": \"Noon.\", \"thinking\": "
    "\"so\"}], "
    "\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"now\"}}]}";

static void messages_become_turns(void **state)
{
    (void)state;
    json_document *d;
    chat_read r;
    succeeds(try_read(talk, &d, &r));
    assert_int_equal(r.count, 6);
    assert_true(r.calls);
    assert_int_equal(r.tools.count, 1);
    assert_int_equal(r.turns[0].role, CHAT_SYSTEM);
    check_view(r.turns[1].text, "And?");
    assert_int_equal(r.turns[2].call_count, 2);
    check_view(r.turns[2].text, "");
    check_view(r.turns[2].thought, "Hm.");
    assert_string_equal(r.turns[2].calls[0].id, "one");
    assert_int_equal(json_count(&r.turns[2].calls[0].arguments), 0);
    assert_int_equal(json_count(&r.turns[2].calls[1].arguments), 1);
    assert_true(r.turns[3].result && r.turns[4].result);
    assert_string_equal(r.turns[3].call, "two");
    assert_string_equal(r.turns[4].call, "one"); /* without an id: the first call's */
    check_view(r.turns[5].thought, "so");
    chat_read_free(&r);
    json_close(d);
    succeeds(try_read("{\"messages\": []}", &d, &r));
    assert_false(r.calls);
    chat_read_free(&r);
    json_close(d);
}

static void what_is_no_conversation_is_refused(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        { "[]", "expected an object" },
        { "{}", "messages" },
        { "{\"messages\": 1}", "messages: expected" },
        { "{\"messages\": [1]}", "messages[0]: expected an object" },
        { "{\"messages\": [{\"role\": \"robot\", \"content\": \"a\"}]}",
            "messages[0].role: expected the role system, user, assistant or tool" },
        { "{\"messages\": [{\"role\": \"user\"}]}", "messages[0].content" },
        { "{\"messages\": [{\"role\": \"user\", \"content\": null}]}", "messages[0].content" },
        { "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image\"}]}]}",
            "content[0].type: expected a part of the type \"text\"" },
        { "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"system\", "
          "\"content\": \"b\"}]}",
            "messages[1].role: expected the system message first" },
        { "{\"messages\": [{\"role\": \"user\", \"content\": \"a\", \"tool_calls\": [{}]}]}",
            "tool_calls: expected calls of the assistant alone" },
        { "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [1]}]}", "tool_calls[0]" },
        { "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{\"function\": {}}]}]}",
            "function.name" },
        { "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"name\": "
          "\"f\"}}]}]}",
            "function.arguments" },
        { "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"name\": "
          "\"f\", \"arguments\": \"[]\"}}]}]}",
            "arguments: expected an object, or its text" },
        { "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"name\": "
          "\"f\", \"arguments\": \"{\"}}]}]}",
            "arguments: expected an object, or its text" },
        { "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\", \"reasoning\": 1}]}",
            "reasoning: expected" },
        { "{\"messages\": [], \"tools\": {}}", "tools: expected" },
        { "{\"messages\": [], \"tools\": [{\"function\": {}}]}", "function.name" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_document *d;
        chat_read r;
        if (try_read(cases[i].text, &d, &r) == CADRE_OK) fail_msg("%s", cases[i].text);
        if (!strstr(cadre_last_error(), cases[i].words))
            fail_msg("%s: %s", cases[i].text, cadre_last_error());
        json_close(d);
    }
}

/* What is learnt: thoughts that are kept, calls, and the answer, each up to what ends it. */
static void check_learnt(const char *name, const char *wanted)
{
    json_document *d;
    chat_read r;
    token_list ids = { 0 }, answers = { 0 };
    byte_buffer text = { 0 };
    succeeds(try_read(talk, &d, &r));
    succeeds(chat_read_encode_whole(&r, chat_template_find(name), t, &ids, &answers));
    for (size_t i = 0; i < answers.count; i += 2) {
        size_t from = (size_t)answers.ids[i], to = (size_t)answers.ids[i + 1];
        assert_true(from < to && to <= ids.count);
        succeeds(tokenizer_decode(t, ids.ids + from, to - from, 0, &text));
        byte_buffer_text(&text, "|");
    }
    if (strcmp(text.data, wanted) != 0)
        fail_msg("%s: expected\n%s\nfound\n%s", name, wanted, text.data);
    byte_buffer_free(&text);
    token_list_free(&ids);
    token_list_free(&answers);
    chat_read_free(&r);
    json_close(d);
}

static void calls_are_learnt(void **state)
{
    (void)state;
    check_learnt("qwen3",
        "<think>\nHm.\n</think>\n\n<tool_call>\n{\"name\": \"now\", \"arguments\": "
        "{}}\n</tool_call>\n"
        "<tool_call>\n{\"name\": \"now\", \"arguments\": {\"zone\": 1}}\n</tool_call><|im_end|>|"
        "<think>\nso\n</think>\n\nNoon.<|im_end|>|");
    check_learnt("qwen3.5",
        "<think>\nHm.\n</think>\n\n<tool_call>\n<function=now>\n</function>\n</"
        "tool_call>\n<tool_call>\n"
        "<function=now>\n<parameter=zone>\n1\n</parameter>\n</function>\n</tool_call><|im_end|>|"
        "<think>\nso\n</think>\n\nNoon.<|im_end|>|");
    check_learnt("lfm2.5",
        "<think>Hm.</think><|tool_call_start|>[now(), now(zone=1)]<|tool_call_end|>"
        "<|im_end|>|<think>so</think>Noon.<|im_end|>|");
    check_learnt("gemma4", "<|channel>thought\nHm.\n<channel|><|tool_call>call:now{}<tool_call|><|"
                           "tool_call>call:now{zone:1}"
                           "<tool_call|>|Noon.<turn|>|");
    check_learnt("kimi-k2",
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.now:0<|tool_call_argument_begin|>"
        "{}"
        "<|tool_call_end|><|tool_call_begin|>functions.now:1<|tool_call_argument_begin|>{\"zone\": "
        "1}"
        "<|tool_call_end|><|tool_calls_section_end|><|im_end|>|Noon.<|im_end|>|");
}

static void templates_without_calls_refuse_them(void **state)
{
    (void)state;
    json_document *d;
    chat_read r;
    token_list ids = { 0 };
    succeeds(try_read(talk, &d, &r));
    assert_int_equal(
        chat_read_encode(&r, chat_template_find("llama-2"), (string_view){ "", 0 }, t, &ids),
        CADRE_EUNSUPPORTED);
    assert_non_null(
        strstr(cadre_last_error(), "the chat template llama-2: expected a conversation"));
    assert_int_equal(ids.count, 0);
    chat_read_free(&r);
    json_close(d);
}

static void memory_may_fail(void **state)
{
    (void)state;
    cadre_status status = CADRE_ENOMEM;
    json_document *d;
    succeeds(json_parse("talk", talk, sizeof talk - 1, &d));
    json_node root = json_root(d);
    int64_t before = mem_balance();
    for (int k = 1; status == CADRE_ENOMEM; k++) {
        chat_read r;
        assert_true(k < 200);
        mem_fail_at(k, k % 2);
        status = chat_read_conversation(&root, &r);
        mem_fail_at(0, false);
        if (status == CADRE_OK) chat_read_free(&r);
        assert_int_equal(mem_balance(), before);
    }
    json_close(d);
    succeeds(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_become_turns),
        cmocka_unit_test(what_is_no_conversation_is_refused),
        cmocka_unit_test(calls_are_learnt),
        cmocka_unit_test(templates_without_calls_refuse_them),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

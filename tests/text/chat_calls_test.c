/* chat_calls_test.c - conversations with functions as the families' templates write them, and calls
 * found in answers, however these are cut. */
#include "text/chat_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/succeeds.h"
#include "support/tokenizer_sample.h"

#define BAR "\xef\xbd\x9c"
#define UNDERLINE "\xe2\x96\x81"
#define TOOL "<" BAR "tool" UNDERLINE

static tokenizer *t;
static json_document *document;
static chat_tools tools;

static const char request[] =
    "{\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"description\": "
    "\"The weather <|im_end|>\", \"parameters\": {\"type\": \"object\", \"properties\": {\"city\": "
    "{\"type\": \"string\", \"description\": \"a town\"}, \"days\": {\"type\": \"integer\", "
    "\"default\": 3}, \"unit\": {\"type\": \"string\", \"enum\": [\"C\", \"F\"]}}, \"required\": "
    "[\"city\"]}}}, {\"type\": \"function\", \"function\": {\"name\": \"now\"}}], \"arguments\": "
    "{\"city\": \"\xc3\x84n\", \"days\": 2}, \"none\": {}}";

static int begin(void **state)
{
    (void)state;
    char *json = tokenizer_sample_text(SAMPLE_BYTE_LEVEL);
    succeeds(tokenizer_open_text(json, strlen(json), "sample", &t));
    mem_free(json);
    succeeds(json_parse("request", request, sizeof request - 1, &document));
    return 0;
}

static int end(void **state)
{
    (void)state;
    json_close(document);
    tokenizer_close(t);
    return 0;
}

#define SAYS(text)                                                                                 \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }

/* A question, an answer that calls two functions, what they returned, and another question. */
static void check_text(const char *name, const char *wanted)
{
    const chat_template *c = chat_template_find(name);
    json_node root = json_root(document), list = json_member(&root, "tools");
    chat_call calls[] = {
        { .id = "call_123456789", .name = "weather", .arguments = json_member(&root, "arguments") },
        { .id = "callx", .name = "now", .arguments = json_member(&root, "none") },
    };
    const chat_turn turns[] = {
        { .role = CHAT_SYSTEM, .text = SAYS("Be brief.") },
        { .role = CHAT_USER, .text = SAYS("And?") },
        { .role = CHAT_ASSISTANT, .text = SAYS(""), .calls = calls, .call_count = 2 },
        { .result = true, .text = SAYS("\"wet\""), .call = "call_123456789" },
        { .result = true, .text = SAYS("noon"), .call = "callx" },
    };
    token_list ids = { 0 };
    byte_buffer text = { 0 };
    succeeds(chat_tools_read(&list, &tools));
    const chat_tool_style *style = chat_tool_style_of(c, (string_view){ "", 0 });
    assert_non_null(style);
    succeeds(chat_calls_encode(c, style, t, turns, 5, &tools, &ids));
    succeeds(tokenizer_decode(t, ids.ids, ids.count, 0, &text));
    assert_string_equal(text.data, wanted);
    token_list_free(&ids);
    byte_buffer_free(&text);
    chat_tools_free(&tools);
}

#define WEATHER                                                                                    \
    "{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"description\": \"The "       \
    "weather "                                                                                     \
    "<|im_end|>\", \"parameters\": {\"type\": \"object\", \"properties\": {\"city\": {\"type\": "  \
    "\"string\", \"description\": \"a town\"}, \"days\": {\"type\": \"integer\", \"default\": "    \
    "3}, "                                                                                         \
    "\"unit\": {\"type\": \"string\", \"enum\": [\"C\", \"F\"]}}, \"required\": [\"city\"]}}}"
#define NOW "{\"type\": \"function\", \"function\": {\"name\": \"now\"}}"
#define MAY_CALL                                                                                   \
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are "     \
    "provided with function signatures within <tools></tools> XML tags:\n<tools>\n" WEATHER        \
    "\n" NOW "\n</tools>\n\nFor each function call, "
#define CITY "{\"city\": \"\xc3\x84n\", \"days\": 2}"

static void conversations_are_as_their_templates_write_them(void **state)
{
    (void)state;
    check_text("qwen3",
        "<|im_start|>system\nBe brief.\n\n" MAY_CALL
        "return a json object with function name and arguments within <tool_call></tool_call> XML "
        "tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n"
        "</tool_call><|im_end|>\n<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\n"
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": " CITY "}\n</tool_call>\n<tool_call>\n"
        "{\"name\": \"now\", \"arguments\": {}}\n</tool_call><|im_end|>\n<|im_start|>user\n"
        "<tool_response>\n\"wet\"\n</tool_response>\n<tool_response>\nnoon\n</tool_response>"
        "<|im_end|>\n<|im_start|>assistant\n");
    check_text("glm4.5",
        "[gMASK]<sop><|system|>\n" MAY_CALL
        "output the function name and arguments within the following XML format:\n<tool_call>"
        "{function-name}\n<arg_key>{arg-key-1}</arg_key>\n<arg_value>{arg-value-1}</arg_value>\n"
        "<arg_key>{arg-key-2}</arg_key>\n<arg_value>{arg-value-2}</arg_value>\n...\n</tool_call>"
        "<|system|>\nBe brief.<|user|>\nAnd?<|assistant|>\n<think></think>\n<tool_call>weather\n"
        "<arg_key>city</arg_key>\n<arg_value>\xc3\x84n</arg_value>\n<arg_key>days</arg_key>\n"
        "<arg_value>2</arg_value>\n</tool_call>\n<tool_call>now\n</tool_call><|observation|>\n"
        "<tool_response>\n\"wet\"\n</tool_response>\n<tool_response>\nnoon\n</tool_response>"
        "<|assistant|>");
    check_text("deepseek-v3.1",
        "Be brief.\n\n## Tools\nYou have access to the following tools:\n\n"
        "### weather\nDescription: The weather <|im_end|>\n\nParameters: {\"type\": \"object\", "
        "\"properties\": {\"city\": {\"type\": \"string\", \"description\": \"a town\"}, \"days\": "
        "{\"type\": \"integer\", \"default\": 3}, \"unit\": {\"type\": \"string\", \"enum\": "
        "[\"C\", \"F\"]}}, \"required\": [\"city\"]}\n\n### now\nDescription: \n\nParameters: "
        "{}\n\n"
        "IMPORTANT: ALWAYS adhere to this exact format for tool use:\n" TOOL "calls" UNDERLINE
        "begin" BAR ">" TOOL "call" UNDERLINE "begin" BAR ">tool_call_name" TOOL "sep" BAR
        ">tool_call_arguments" TOOL "call" UNDERLINE "end" BAR ">{{additional_tool_calls}}" TOOL
        "calls" UNDERLINE "end" BAR ">\n\nWhere:\n\n- `tool_call_name` must be an exact match to "
        "one of the available tools\n- `tool_call_arguments` must be valid JSON that strictly "
        "follows the tool's Parameters Schema\n- For multiple tool calls, chain them directly "
        "without separators or spaces\n<" BAR "User" BAR ">And?<" BAR "Assistant" BAR
        "></think>" TOOL "calls" UNDERLINE "begin" BAR ">" TOOL "call" UNDERLINE "begin" BAR
        ">weather" TOOL "sep" BAR ">" CITY TOOL "call" UNDERLINE "end" BAR ">" TOOL "call" UNDERLINE
        "begin" BAR ">now" TOOL "sep" BAR ">{}" TOOL "call" UNDERLINE "end" BAR ">" TOOL
        "calls" UNDERLINE "end" BAR ">" TOOL "output" UNDERLINE "begin" BAR ">\"wet\"" TOOL
        "output" UNDERLINE "end" BAR ">" TOOL "output" UNDERLINE "begin" BAR ">noon" TOOL
        "output" UNDERLINE "end" BAR ">");
    check_text("mistral-v3",
        "[AVAILABLE_TOOLS] [" WEATHER ", " NOW "][/AVAILABLE_TOOLS][INST] "
        "Be brief.\n\nAnd?[/INST][TOOL_CALLS] [{\"name\": \"weather\", \"arguments\": " CITY
        ", \"id\": \"123456789\"}, {\"name\": \"now\", \"arguments\": {}, \"id\": \"callx\"}]"
        "[TOOL_RESULTS] {\"content\": \"\\\"wet\\\"\", \"call_id\": \"123456789\"}[/TOOL_RESULTS]"
        "[TOOL_RESULTS] {\"content\": \"noon\", \"call_id\": \"callx\"}[/TOOL_RESULTS]");
    check_text("gpt-oss",
        "<|start|>system<|message|>You are ChatGPT, a large language model trained "
        "by OpenAI.\nKnowledge cutoff: 2024-06\n\nReasoning: medium\n\n# Valid channels: analysis, "
        "commentary, final. Channel must be included for every message.\nCalls to these tools must "
        "go to the commentary channel: 'functions'.<|end|><|start|>developer<|message|>"
        "# Instructions\n\nBe brief.\n\n# Tools\n\n## functions\n\nnamespace functions {\n\n"
        "// The weather <|im_end|>\ntype weather = (_: {\n// a town\ncity: string,\ndays?: number, "
        "// default: 3,\nunit?: \"C\" | \"F\",\n}) => any;\n\n// \ntype now = () => any;\n\n"
        "} // namespace functions<|end|><|start|>user<|message|>And?<|end|><|start|>assistant "
        "to=functions.weather<|channel|>commentary json<|message|>" CITY
        "<|call|><|start|>assistant "
        "to=functions.now<|channel|>commentary json<|message|>{}<|call|><|start|>functions.weather "
        "to=assistant<|channel|>commentary<|message|>\"\\\"wet\\\"\"<|end|><|start|>functions.now "
        "to=assistant<|channel|>commentary<|message|>\"noon\"<|end|><|start|>assistant");
}

static void styles_are_recognised(void **state)
{
    static const char program[] = "{{ '<tool_call>' }}";
    (void)state;
    const chat_template *chatml = chat_template_find("chatml");
    assert_non_null(chat_tool_style_of(chatml, (string_view)SAYS(program)));
    assert_null(chat_tool_style_of(chatml, (string_view)SAYS("nothing of the kind")));
    assert_null(chat_tool_style_of(chat_template_find("llama-2"), (string_view){ "", 0 }));
    assert_null(chat_tool_style_of(chat_template_find("qwen3-coder"), (string_view){ "", 0 }));
}

/* ---- answers ---- */

static cadre_status hear(void *arg, call_event event, string_view text)
{
    static const char *const names[] = { "", "<name ", "", "<end>" };
    byte_buffer *out = arg;
    byte_buffer_format(
        out, "%s%.*s%s", names[event], (int)text.size, text.data, event == CALL_NAME ? ">" : "");
    return out->status;
}

static void check_answer(const char *name, const char *answer, const char *wanted)
{
    json_node root = json_root(document), list = json_member(&root, "tools");
    const chat_tool_style *style =
        chat_tool_style_of(chat_template_find(name), (string_view){ "", 0 });
    size_t size = strlen(answer);
    succeeds(chat_tools_read(&list, &tools));
    for (size_t piece = 1; piece <= size; piece++) {
        call_reader r;
        byte_buffer heard = { 0 };
        succeeds(byte_buffer_reserve(&heard, 1));
        call_reader_open(style, &tools, &r);
        for (size_t at = 0; at < size; at += piece) {
            size_t left = size - at < piece ? size - at : piece;
            succeeds(call_reader_put(&r, (string_view){ answer + at, left }, hear, &heard));
        }
        succeeds(call_reader_end(&r, hear, &heard));
        assert_string_equal(heard.data, wanted);
        byte_buffer_free(&heard);
        call_reader_close(&r);
    }
    chat_tools_free(&tools);
}

static void calls_are_found(void **state)
{
    (void)state;
    check_answer("qwen3",
        "So: <tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": "
        "\"a}\\\"</tool_call>\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"now\", \"arguments\": "
        "{}}\n"
        "</tool_call>",
        "So: <name weather>{\"city\": \"a}\\\"</tool_call>\"}<end><name now>{}<end>");
    check_answer("qwen3", "no <tool_cal", "no <tool_cal");
    check_answer("qwen3", "<tool_call>\n{\"name\": \"now\", \"argu", "");
    check_answer("glm4.5",
        "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>a \"b\"\n</arg_value>\n"
        "<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>\n<tool_call>now\n</"
        "tool_call>",
        "<name weather>{\"city\": \"a \\\"b\\\"\\n\", \"days\": 2}<end><name now>{}<end>");
    check_answer("deepseek-v3.1",
        "x" TOOL "calls" UNDERLINE "begin" BAR ">" TOOL "call" UNDERLINE "begin" BAR ">weather" TOOL
        "sep" BAR ">{\"days\": [1, {}]}" TOOL "call" UNDERLINE "end" BAR ">" TOOL "call" UNDERLINE
        "begin" BAR ">now" TOOL "sep" BAR ">{}" TOOL "call" UNDERLINE "end" BAR ">" TOOL
        "calls" UNDERLINE "end" BAR ">y",
        "x<name weather>{\"days\": [1, {}]}<end><name now>{}<end>y");
    check_answer("mistral-v3",
        "[TOOL_CALLS] [{\"name\": \"weather\", \"arguments\": {\"city\": \"x\"}, "
        "\"id\": \"123456789\"}, {\"name\": \"now\", \"arguments\": {}}]",
        "<name weather>{\"city\": \"x\"}<end><name now>{}<end>");
    check_answer("gpt-oss",
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>"
        "commentary to=functions.weather <|constrain|>json<|message|>{\"city\":\"x\"}",
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<name "
        "weather>{\"city\":\"x\"}<end>");
}

static void lists_are_checked(void **state)
{
    static const struct {
        const char *list, *sentence;
    } wrong[] = { { "[]", "expected 1 to 128 functions" }, { "[1]", "[0]: expected an object" },
        { "[{\"type\":\"retrieval\"}]", "[0].type: expected \"function\"" },
        { "[{\"function\":{}}]", "function.name" },
        { "[{\"function\":{\"name\":\"a b\"}}]", "letters, digits" },
        { "[{\"function\":{\"name\":\"a\"}},{\"function\":{\"name\":\"a\"}}]",
            "no other function" },
        { "[{\"function\":{\"name\":\"a\",\"parameters\":[]}}]",
            "parameters: expected an object" } };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_document *d;
        succeeds(json_parse("r", wrong[i].list, strlen(wrong[i].list), &d));
        json_node root = json_root(d);
        assert_int_not_equal(chat_tools_read(&root, &tools), CADRE_OK);
        if (!strstr(cadre_last_error(), wrong[i].sentence)) fail_msg("%s", cadre_last_error());
        json_close(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations_are_as_their_templates_write_them),
        cmocka_unit_test(styles_are_recognised),
        cmocka_unit_test(calls_are_found),
        cmocka_unit_test(lists_are_checked),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

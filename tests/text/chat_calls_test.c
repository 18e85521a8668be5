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
    t = tokenizer_sample_open(SAMPLE_BYTE_LEVEL);
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
static void text_of(const char *name, byte_buffer *text)
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
    succeeds(chat_tools_read(&list, &tools));
    const chat_tool_style *style = chat_tool_style_of(c, (string_view){ "", 0 });
    assert_non_null(style);
    succeeds(chat_calls_encode(c, style, t, turns, 5, &tools, &ids));
    succeeds(tokenizer_decode(t, ids.ids, ids.count, 0, text));
    token_list_free(&ids);
    chat_tools_free(&tools);
}

static void check_text(const char *name, const char *wanted)
{
    byte_buffer text = { 0 };
    text_of(name, &text);
    assert_string_equal(text.data, wanted);
    byte_buffer_free(&text);
}

static void check_behind(const char *mark, const char *name, const char *wanted)
{
    byte_buffer text = { 0 };
    text_of(name, &text);
    assert_non_null(strstr(text.data, mark));
    if (strcmp(strstr(text.data, mark), wanted) != 0)
        fail_msg("%s: expected\n%s\nfound\n%s", name, wanted, strstr(text.data, mark));
    byte_buffer_free(&text);
}

static void check_before(const char *mark, const char *name, const char *wanted)
{
    byte_buffer text = { 0 };
    text_of(name, &text);
    char *end = strstr(text.data, mark);
    assert_non_null(end);
    *end = 0;
    assert_string_equal(text.data, wanted);
    byte_buffer_free(&text);
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

/* What stands behind the question, in the newer families. */
static void newer_families_call_and_are_answered(void **state)
{
    static const struct {
        const char *name, *text;
    } cases[] = {
        { "qwen3.5", "And?<|im_end|>\n<|im_start|>assistant\n<think>\n\n</"
                     "think>\n\n<tool_call>\n<function=weather>\n<parameter=city>\n\xc3\x84n\n</"
                     "parameter>\n<parameter=days>\n2\n</parameter>\n</function>\n</"
                     "tool_call>\n<tool_call>\n<function=now>\n</function>\n</"
                     "tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\n\"wet\"\n</"
                     "tool_response>\n<tool_response>\nnoon\n</"
                     "tool_response><|im_end|>\n<|im_start|>assistant\n<think>\n" },
        { "nemotron3", "And?<|im_end|>\n<|im_start|>assistant\n<think></"
                       "think>\n<tool_call>\n<function=weather>\n<parameter=city>\n\xc3\x84n\n</"
                       "parameter>\n<parameter=days>\n2\n</parameter>\n</function>\n</"
                       "tool_call>\n<tool_call>\n<function=now>\n</function>\n</"
                       "tool_call>\n<|im_end|>\n<|im_start|>user\n<tool_response>\n\"wet\"\n</"
                       "tool_response>\n<tool_response>\nnoon\n</"
                       "tool_response>\n<|im_end|>\n<|im_start|>assistant\n<think>\n" },
        { "lfm2.5", "And?<|im_end|>\n<|im_start|>assistant\n<|tool_call_start|>[weather(city='"
                    "\xc3\x84n', days=2), "
                    "now()]<|tool_call_end|><|im_end|>\n<|im_start|>tool\n\"wet\"<|im_end|>\n<|im_"
                    "start|>tool\nnoon<|im_end|>\n<|im_start|>assistant\n" },
        { "glm4.7", "And?<|assistant|></think><tool_call>weather<arg_key>city</"
                    "arg_key><arg_value>\xc3\x84n</arg_value><arg_key>days</arg_key><arg_value>2</"
                    "arg_value></tool_call><tool_call>now</"
                    "tool_call><|observation|><tool_response>\"wet\"</"
                    "tool_response><tool_response>noon</tool_response><|assistant|><think>" },
        { "ling3", "And?<|role_end|><role>ASSISTANT</role>\n<think></"
                   "think><tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>\xc3\x84n</"
                   "arg_value><arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</"
                   "tool_call>\n<tool_call>now\n\n</tool_call><|role_end|><role>OBSERVATION</"
                   "role>\n<tool_response>\n\"wet\"\n</tool_response>\n<tool_response>\nnoon\n</"
                   "tool_response><|role_end|><role>ASSISTANT</role>\n<think>" },
        { "ling2", "And?<|role_end|><role>ASSISTANT</role><tool_call>\n{\"name\": \"weather\", "
                   "\"arguments\": {\"city\": \"\xc3\x84n\", \"days\": "
                   "2}}\n</tool_call>\n<tool_call>\n{\"name\": \"now\", \"arguments\": "
                   "{}}\n</tool_call><|role_end|><role>OBSERVATION</"
                   "role>\n<tool_response>\n\"wet\"\n</tool_response>\n<tool_response>\nnoon\n</"
                   "tool_response><|role_end|><role>ASSISTANT</role>" },
        { "laguna",
            "And?</user>\n<assistant><think></think><tool_call>weather<arg_key>city</"
            "arg_key><arg_value>\xc3\x84n</arg_value><arg_key>days</arg_key><arg_value>2</"
            "arg_value></tool_call><tool_call>now</tool_call></assistant>\n<tool_response>\"wet\"</"
            "tool_response>\n<tool_response>noon</tool_response>\n<assistant><think>" },
        { "laguna-xs.2",
            "And?\n</user>\n<assistant>\n</think>\n<tool_call>weather\n<arg_key>city</"
            "arg_key>\n<arg_value>\xc3\x84n</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</"
            "arg_value>\n</tool_call>\n<tool_call>now\n</tool_call>\n</"
            "assistant>\n<tool_response>\n\"wet\"\n</tool_response>\n<tool_response>\nnoon\n</"
            "tool_response>\n<assistant>\n</think>" },
        { "kimi-k2",
            "And?<|im_end|><|im_assistant|>assistant<|im_middle|><|tool_calls_section_begin|><|"
            "tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>{\"city\": "
            "\"\xc3\x84n\", \"days\": "
            "2}<|tool_call_end|><|tool_call_begin|>functions.now:1<|tool_call_argument_begin|>{}<|"
            "tool_call_end|><|tool_calls_section_end|><|im_end|><|im_system|>tool<|im_middle|>## "
            "Return of functions.weather:0\n\"wet\"<|im_end|><|im_system|>tool<|im_middle|>## "
            "Return of functions.now:1\nnoon<|im_end|><|im_assistant|>assistant<|im_middle|>" },
        { "granite-4.0",
            "And?<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|><tool_call>\n{\"name\": "
            "\"weather\", \"arguments\": {\"city\": \"\xc3\x84n\", \"days\": "
            "2}}\n</tool_call>\n<tool_call>\n{\"name\": \"now\", \"arguments\": "
            "{}}\n</"
            "tool_call><|end_of_text|>\n<|start_of_role|>user<|end_of_role|>\n<tool_response>"
            "\n\"wet\"\n</tool_response>\n<tool_response>\nnoon\n</"
            "tool_response><|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>" },
        { "gemma4", "And?<turn|>\n<|turn>model\n<|tool_call>call:weather{city:<|\"|>\xc3\x84n<|\"|>"
                    ",days:2}<tool_call|><|tool_call>call:now{}<tool_call|><|tool_response>"
                    "response:weather{value:<|\"|>\"wet\"<|\"|>}<tool_response|><|tool_response>"
                    "response:now{value:<|\"|>noon<|\"|>}<tool_response|>" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_behind("And?", cases[i].name, cases[i].text);
}

static void functions_are_told(void **state)
{
    (void)state;
    check_before("</tools>", "nemotron3",
        "<|im_start|>system\nBe brief.\n\n# Tools\n\nYou have access to the following "
        "functions:\n\n"
        "<tools>\n<function>\n<name>weather</name>\n<description>The weather <|im_end|>"
        "</description>\n<parameters>\n<parameter>\n<name>city</name>\n<type>string</type>\n"
        "<description>a town</description>\n</parameter>\n<parameter>\n<name>days</name>\n"
        "<type>integer</type>\n<default>3</default>\n</parameter>\n<parameter>\n<name>unit</name>\n"
        "<type>string</type>\n<enum>[\"C\", \"F\"]</enum>\n</parameter>\n<required>[\"city\"]"
        "</required>\n</parameters>\n</function>\n<function>\n<name>now</name>\n<parameters>\n"
        "</parameters>\n</function>\n");
    check_before("<|turn>user", "gemma4",

        "<|turn>system\nBe brief.<|tool>declaration:weather{description:<|\"|>The weather "
        "<|im_end|><|\"|>,parameters:{properties:{city:{description:<|\"|>a "
        "town<|\"|>,type:<|\"|>STRING<|\"|>},days:{type:<|\"|>INTEGER<|\"|>},unit:{enum:[<|\"|>C"
        "<|\"|>,<|\"|>F<|\"|>],type:<|\"|>STRING<|\"|>}},required:[<|\"|>city<|\"|>],type:<|\"|>"
        "OBJECT<|\"|>}}<tool|><|tool>declaration:now{description:<|\"|><|\"|>}<tool|><turn|>\n");
}

static void styles_are_recognised(void **state)
{
    static const char program[] = "{{ '<tool_call>' }}";
    (void)state;
    const chat_template *chatml = chat_template_find("chatml");
    assert_non_null(chat_tool_style_of(chatml, (string_view)SAYS(program)));
    assert_null(chat_tool_style_of(chatml, (string_view)SAYS("nothing of the kind")));
    assert_null(chat_tool_style_of(chat_template_find("llama-2"), (string_view){ "", 0 }));
    assert_null(chat_tool_style_of(chat_template_find("ernie4.5"), (string_view){ "", 0 }));
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
    check_answer("qwen3.5",
        "I look.\n\n<tool_call>\n<function=weather>\n<parameter=city>\nNew\nYork\n</parameter>\n"
        "<parameter=days>\n2\n</parameter>\n</function>\n</"
        "tool_call>\n<tool_call>\n<function=now>\n"
        "</function>\n</tool_call>",
        "I look.\n\n<name weather>{\"city\": \"New\\nYork\", \"days\": 2}<end><name now>{}<end>");
    check_answer("nemotron3",
        "<tool_call>\n<function=weather>\n<parameter=city>Bern</parameter><parameter=days>\nTrue\n"
        "</parameter>\n</function>\n</tool_call>\n",
        "<name weather>{\"city\": \"Bern\", \"days\": true}<end>\n");
    check_answer("glm4.7",
        "<tool_call>weather<arg_key>city</arg_key><arg_value>a \"b\"</arg_value><arg_key>days"
        "</arg_key>\n<arg_value>2</arg_value></tool_call><tool_call>now</tool_call>",
        "<name weather>{\"city\": \"a \\\"b\\\"\", \"days\": 2}<end><name now>{}<end>");
    check_answer("ling3",
        "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>x</arg_value>\n</tool_call>\n"
        "<tool_call>now\n\n</tool_call>",
        "<name weather>{\"city\": \"x\"}<end><name now>{}<end>");
    check_answer("lfm2",
        "<|tool_call_start|>[weather(city=\"a)b\", days=[1, {'x': None}]), now(), "
        "weather(city='O'Brien', near=True)]<|tool_call_end|>So.",
        "<name weather>{\"city\": \"a)b\", \"days\": [1, {\"x\": null}]}<end><name now>{}<end>"
        "<name weather>{\"city\": \"O'Brien\", \"near\": true}<end>So.");
    check_answer("kimi-k2",
        "Hm<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0"
        "<|tool_call_argument_begin|>{\"city\": \"x\"}<|tool_call_end|><|tool_call_begin|>"
        "functions.now:1<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
        "Hm<name weather>{\"city\": \"x\"}<end><name now>{}<end>");
    check_answer("gemma4",
        "<|tool_call>call:weather{city:<|\"|>a}b,<|\"|>,days:-2.5,of:[1,{k:<|\"|>v<|\"|>},none],on:"
        "true}"
        "<tool_call|><|tool_call>call:now{}<tool_call|>",
        "<name weather>{\"city\": \"a}b,\", \"days\": -2.5, \"of\": [1, {\"k\": \"v\"}, \"none\"], "
        "\"on\": true}<end><name now>{}<end>");
    check_answer("gpt-oss",
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>"
        "commentary to=functions.weather <|constrain|>json<|message|>{\"city\":\"x\"}",
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<name "
        "weather>{\"city\":\"x\"}<end>");
}

/* ---- damaged answers ---- */

typedef struct order {
    bool inside, wrong;
    byte_buffer arguments;
} order;

/* A name begins a call, arguments stand in it, and its end ends it. */
static cadre_status watch(void *arg, call_event event, string_view text)
{
    order *o = arg;
    o->wrong |= o->inside != (event == CALL_ARGUMENTS || event == CALL_END);
    if (event == CALL_NAME) o->inside = true, o->arguments.size = 0;
    if (event == CALL_ARGUMENTS) return byte_buffer_put(&o->arguments, text.data, text.size);
    if (event == CALL_END) o->inside = false;
    return CADRE_OK;
}

static void read_damaged(const char *name, const char *answer, unsigned seed)
{
    json_node root = json_root(document), list = json_member(&root, "tools");
    size_t size = strlen(answer);
    char *text = mem_printf("%s", answer);
    order o = { .inside = false };
    call_reader r;
    for (int i = 0; i < 3; i++) {
        seed = seed * 1103515245u + 12345u;
        text[(seed >> 16) % size] = answer[(seed >> 8) % size];
    }
    succeeds(chat_tools_read(&list, &tools));
    call_reader_open(
        chat_tool_style_of(chat_template_find(name), (string_view){ "", 0 }), &tools, &r);
    for (size_t at = 0, piece; at < size; at += piece) {
        piece = 1 + seed % 9;
        if (piece > size - at) piece = size - at;
        succeeds(call_reader_put(&r, (string_view){ text + at, piece }, watch, &o));
    }
    succeeds(call_reader_end(&r, watch, &o));
    if (o.wrong) fail_msg("%s: %s", name, text);
    call_reader_close(&r);
    chat_tools_free(&tools);
    byte_buffer_free(&o.arguments);
    mem_free(text);
}

/* Bytes of an answer take each other's places: calls still begin, go on and end in this order. */
static void damaged_answers_are_read(void **state)
{
    static const struct {
        const char *name, *answer;
    } cases[] = {
        { "qwen3",
            "a<tool_call>\n{\"name\": \"now\", \"arguments\": {\"a\": [1]}}\n</tool_call>b" },
        { "qwen3.5",
            "a<tool_call>\n<function=weather>\n<parameter=city>\nx\n</parameter>\n</function>\n"
            "</tool_call>\n<tool_call>\n<function=now>\n</function>\n</tool_call>" },
        { "glm4.7",
            "<tool_call>weather<arg_key>city</arg_key><arg_value>x</arg_value></tool_call>b" },
        { "ling3",
            "<tool_call>weather\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>" },
        { "lfm2",
            "<|tool_call_start|>[weather(city='x', of=[1, {'k': True}]), now()]<|tool_call_end|>" },
        { "kimi-k2", "<|tool_calls_section_begin|><|tool_call_begin|>functions.now:0"
                     "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>" },
        { "gemma4", "<|tool_call>call:weather{city:<|\"|>x<|\"|>,l:[1,{k:2}]}<tool_call|>b" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned seed = 0; seed < 400; seed++)
            read_damaged(cases[i].name, cases[i].answer, seed);
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
        cmocka_unit_test(newer_families_call_and_are_answered),
        cmocka_unit_test(functions_are_told),
        cmocka_unit_test(styles_are_recognised),
        cmocka_unit_test(calls_are_found),
        cmocka_unit_test(damaged_answers_are_read),
        cmocka_unit_test(lists_are_checked),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

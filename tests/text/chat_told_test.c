/* chat_told_test.c - lists of functions in every way that models are told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/succeeds.h"
#include "support/tokenizer_sample.h"
#include "text/chat_told.h"

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

/* What is told of one function, with its parameters as this; mem_free. */
static char *told(const char *name, const char *how, const char *function)
{
    chat_template way = *chat_template_find(name);
    const chat_tool_style *style = chat_tool_style_of(&way, (string_view){ "", 0 });
    json_document *d;
    chat_tools tools;
    char *list =
        mem_printf("[{\"type\": \"function\", \"function\": {\"name\": \"f\"%s}}]", function);
    assert_non_null(style);
    if (how) assert_true(chat_template_think(chat_template_find(name), how, &way));
    chat_script s = { .c = &way, .t = t };
    succeeds(json_parse("v", list, strlen(list), &d));
    json_node root = json_root(d);
    succeeds(chat_tools_read(&root, &tools));
    succeeds(chat_told_put(&s, style, &tools));
    char *text = mem_printf("%s", s.text.data);
    script_free(&s);
    chat_tools_free(&tools);
    json_close(d);
    mem_free(list);
    return text;
}

static void check_holds(const char *name, const char *how, const char *function, const char *wanted)
{
    char *text = told(name, how, function);
    if (!strstr(text, wanted)) fail_msg("%s: expected\n%s\nin\n%s", name, wanted, text);
    mem_free(text);
}

#define OF(schema) ", \"parameters\": {\"type\": \"object\", \"properties\": {\"p\": " schema "}}"

/* Of a parameter its type and description come first; lists and objects are JSON, the rest is as
 * Python has it. */
static void parameters_are_elements(void **state)
{
    static const char *const names[] = { "nemotron3", "qwen3-coder" };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        check_holds(names[i], NULL, "",
            "\n<function>\n<name>f</name>\n<parameters>\n</parameters>\n"
            "</function>\n</tools>");
        check_holds(
            names[i], NULL, ", \"description\": \" a\\nb \"", "<description>a\nb</description>");
        check_holds(names[i], NULL, OF("{\"type\": [\"string\", \"null\"]}"),
            "<name>p</name>\n<type>['string', 'null']</type>\n</parameter>");
        check_holds(names[i], NULL, OF("{\"description\": \" d \", \"type\": \"integer\"}"),
            "<name>p</name>\n<type>integer</type>\n<description>d</description>\n</parameter>");
        check_holds(names[i], NULL, OF("{\"default\": true, \"items\": {\"a\": 1}, \"n\": null}"),
            "<name>p</name>\n<default>True</default>\n<items>{\"a\": 1}</items>\n<n>None</n>\n"
            "</parameter>");
        check_holds(names[i], NULL, OF("{}") ", \"strict\": false",
            "</parameter>\n</parameters>\n<strict>False</strict>\n</function>");
        check_holds(names[i], NULL,
            ", \"parameters\": {\"type\": \"object\", \"additionalProperties\": false, "
            "\"required\": "
            "[\"p\"]}",
            "<parameters>\n<additionalProperties>False</additionalProperties>\n<required>[\"p\"]"
            "</required>\n</parameters>");
    }
}

/* Lists of JSON have the functions as they were given, in the order of their members. */
static void functions_are_json(void **state)
{
    static const struct {
        const char *name, *before, *after;
    } cases[] = { { "qwen3", "<tools>\n", "\n</tools>" },
        { "granite-4.0", "<tools>\n", "\n</tools>" }, { "ling2", "<tools>\n", "\n</tools>" },
        { "ling3", "<tools>\n", "\n</tools>" }, { "qwen3.5", "<tools>\n", "\n</tools>" },
        { "glm4.5", "<tools>\n", "\n</tools>" }, { "glm4.7", "<tools>\n", "\n</tools>" },
        { "laguna", "<available_tools>\n", "\n</available_tools>" },
        { "laguna-xs.2", "<available_tools>\n", "\n</available_tools>" },
        { "lfm2", "List of tools: <|tool_list_start|>[", "]<|tool_list_end|>" },
        { "lfm2.5", "List of tools: [", "]" },
        { "kimi-k2", "<|im_system|>tool_declare<|im_middle|>[", "]<|im_end|>" },
        { "mistral-v3", "[AVAILABLE_TOOLS] [", "][/AVAILABLE_TOOLS]" } };
    static const char function[] = ", \"b\": 1, \"a\": \"\xc3\xa9\"";
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *wanted = mem_printf("%s{\"type\": \"function\", \"function\": {\"name\": \"f\"%s}}%s",
            cases[i].before, function, cases[i].after);
        check_holds(cases[i].name, NULL, function, wanted);
        mem_free(wanted);
    }
}

/* Laguna is told to think first where it does. */
static void how_to_call_follows_how_to_think(void **state)
{
    (void)state;
    char *on = told("laguna-xs.2", "on", ""), *off = told("laguna-xs.2", "off", "");
    assert_non_null(
        strstr(on, "\n<think> your thoughts here </think>\n<tool_call>function-name\n"));
    assert_null(strstr(off, "<think>"));
    assert_non_null(strstr(off, "tags, like here:\n<tool_call>function-name\n"));
    mem_free(on);
    mem_free(off);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_elements),
        cmocka_unit_test(functions_are_json),
        cmocka_unit_test(how_to_call_follows_how_to_think),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

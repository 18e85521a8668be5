/* gemma_text_test.c - declarations of functions, values and arguments in Gemma's notation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/succeeds.h"
#include "support/tokenizer_sample.h"
#include "text/gemma_text.h"

#define Q GEMMA_QUOTE

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

static void check_value(const char *json, bool keyed, const char *wanted)
{
    json_document *d;
    chat_script s = { .c = chat_template_find("gemma4"), .t = t };
    succeeds(json_parse("v", json, strlen(json), &d));
    json_node root = json_root(d);
    succeeds(gemma_put_value(&s, &root, keyed));
    assert_string_equal(s.text.data, wanted);
    script_free(&s);
    json_close(d);
}

static void values_are_written(void **state)
{
    (void)state;
    check_value("[\"a\", 1, 2.5, true, false, null]", false, "[" Q "a" Q ",1,2.5,true,false,None]");
    check_value("{}", false, "{}");
    check_value("{\"b\": 1, \"a\": \"x\"}", false, "{a:" Q "x" Q ",b:1}");
    check_value("{\"B\": 1, \"a\": {\"d\": [], \"c\": {}}}", false, "{a:{c:{},d:[]},B:1}");
    check_value("{\"b\": {\"a\": 1}}", true, "{" Q "b" Q ":{" Q "a" Q ":1}}");
}

static void check_declaration(const char *function, const char *wanted)
{
    json_document *d;
    chat_tools tools;
    chat_script s = { .c = chat_template_find("gemma4"), .t = t };
    char *list =
        mem_printf("[{\"type\": \"function\", \"function\": {\"name\": \"f\", %s}}]", function);
    succeeds(json_parse("v", list, strlen(list), &d));
    json_node root = json_root(d);
    succeeds(chat_tools_read(&root, &tools));
    succeeds(gemma_put_declaration(&s, &tools.tools[0]));
    assert_string_equal(s.text.data, wanted);
    script_free(&s);
    chat_tools_free(&tools);
    json_close(d);
    mem_free(list);
}

#define HEAD "declaration:f{description:" Q "d" Q ",parameters:{"

static void functions_are_declared(void **state)
{
    (void)state;
    check_declaration("\"description\": \"d\"", "declaration:f{description:" Q "d" Q "}");
    check_declaration(
        "\"description\": \"d\", \"parameters\": {\"type\": \"object\", \"properties\": {}}",
        HEAD "type:" Q "OBJECT" Q "}}");
    check_declaration(
        "\"description\": \"d\", \"parameters\": {\"type\": \"object\", \"properties\": "
        "{\"z\": {\"type\": \"string\"}, \"A\": {\"type\": \"integer\", \"description\": "
        "\"n\", \"nullable\": true}}, \"required\": [\"z\", \"A\"]}",
        HEAD "properties:{A:{description:" Q "n" Q ",nullable:true,type:" Q "INTEGER" Q
             "},z:{type:" Q "STRING" Q "}},required:[" Q "z" Q "," Q "A" Q "],type:" Q "OBJECT" Q
             "}}");
    check_declaration(
        "\"description\": \"d\", \"parameters\": {\"type\": \"object\", \"properties\": "
        "{\"u\": {\"type\": \"string\", \"enum\": [\"C\", \"F\"]}, \"l\": {\"type\": "
        "\"array\", \"items\": {\"type\": \"string\", \"maxLength\": 3}}}}",
        HEAD "properties:{l:{items:{maxLength:3,type:" Q "STRING" Q "},type:" Q "ARRAY" Q
             "},u:{enum:[" Q "C" Q "," Q "F" Q "],type:" Q "STRING" Q "}},type:" Q "OBJECT" Q "}}");
    check_declaration(
        "\"description\": \"d\", \"parameters\": {\"type\": \"object\", \"properties\": "
        "{\"o\": {\"type\": \"object\", \"properties\": {\"x\": {\"type\": \"number\"}}, "
        "\"required\": [\"x\"]}}}",
        HEAD "properties:{o:{properties:{x:{type:" Q "NUMBER" Q "}},required:[" Q "x" Q "],type:" Q
             "OBJECT" Q "}},type:" Q "OBJECT" Q "}}");
}

static void check_read(const char *text, const char *wanted)
{
    byte_buffer json = { 0 };
    succeeds(gemma_read_arguments((string_view){ text, strlen(text) }, &json));
    assert_string_equal(json.data, wanted);
    byte_buffer_free(&json);
}

static void arguments_are_read(void **state)
{
    (void)state;
    check_read("", "{}");
    check_read("city:" Q "Bern" Q, "{\"city\": \"Bern\"}");
    check_read("a:" Q "x,y}z:" Q ",b:3", "{\"a\": \"x,y}z:\", \"b\": 3}");
    check_read(
        "a:-1.5,b:true,c:null,d:None", "{\"a\": -1.5, \"b\": true, \"c\": null, \"d\": null}");
    check_read("l:[1," Q "x" Q ",[],{k:" Q "v" Q "}]", "{\"l\": [1, \"x\", [], {\"k\": \"v\"}]}");
    check_read("o:{a:{b:1},c:" Q Q "}", "{\"o\": {\"a\": {\"b\": 1}, \"c\": \"\"}}");
    check_read(Q "key" Q ":" Q "v" Q, "{\"key\": \"v\"}");
    check_read(" a : 1 , b : word ", "{\"a\": 1, \"b\": \"word\"}");
}

/* Whatever a model writes, what is told is JSON, and reading it ends. */
static void what_is_no_notation_is_read_as_json(void **state)
{
    (void)state;
    static const char *const texts[] = { "}", "]", ",", ":", "{", "[", "a", "a:", "a:[", "a:{",
        "a:]", "a:}", ",,", "a:[}", "a:{]", Q, "a:" Q, "a:" Q "x", "[1,2]", "a:[[[[", "a:1:2",
        "{}{}", "\"a\":1" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        byte_buffer json = { 0 };
        json_document *d;
        succeeds(gemma_read_arguments((string_view){ texts[i], strlen(texts[i]) }, &json));
        if (json_parse("j", json.data, json.size, &d) != CADRE_OK)
            fail_msg("%s: %s", texts[i], json.data);
        json_close(d);
        byte_buffer_free(&json);
    }
    char deep[300];
    memset(deep, '[', sizeof deep);
    memcpy(deep, "a:", 2);
    byte_buffer json = { 0 };
    succeeds(gemma_read_arguments((string_view){ deep, sizeof deep }, &json));
    byte_buffer_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_written),
        cmocka_unit_test(functions_are_declared),
        cmocka_unit_test(arguments_are_read),
        cmocka_unit_test(what_is_no_notation_is_read_as_json),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

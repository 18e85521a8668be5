/* python_text_test.c - values as Python writes them, and arguments as models write them in calls of
 * Python: whole, cut anywhere, and not quite right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/succeeds.h"
#include "text/python_text.h"

static void check_put(const char *json, const char *wanted)
{
    json_document *d;
    byte_buffer text = { 0 };
    succeeds(json_parse("v", json, strlen(json), &d));
    json_node root = json_root(d), value = json_item(&root, 0);
    succeeds(python_put(&text, &value));
    assert_string_equal(text.data ? text.data : "", wanted);
    byte_buffer_free(&text);
    json_close(d);
}

static void values_are_as_str_has_them(void **state)
{
    (void)state;
    check_put("[\"a'b\"]", "a'b"); /* a string itself has no marks */
    check_put("[\"\"]", "");
    check_put("[true]", "True");
    check_put("[false]", "False");
    check_put("[null]", "None");
    check_put("[3]", "3");
    check_put("[-2.5]", "-2.5");
    check_put("[[]]", "[]");
    check_put("[{}]", "{}");
    check_put("[[\"a\", true, null, 1]]", "['a', True, None, 1]");
    check_put("[[\"it's\"]]", "[\"it's\"]");
    check_put("[[\"it's \\\"so\\\"\"]]", "['it\\'s \"so\"']");
    check_put("[[\"a\\nb\\tc\\rd\\\\e\\u0001\"]]", "['a\\nb\\tc\\rd\\\\e\\x01']");
    check_put("[{\"k\": [1, {\"x\": \"\xc3\xa9\"}]}]", "{'k': [1, {'x': '\xc3\xa9'}]}");
}

/* What is read of the text, and how much of it; NULL: it is not whole. */
static void check_read(const char *text, const char *wanted, const char *rest)
{
    byte_buffer json = { 0 };
    size_t used;
    succeeds(python_read_arguments((string_view){ text, strlen(text) }, &json, &used));
    if (!wanted) {
        if (used) fail_msg("%s: found %s", text, json.data);
        return;
    }
    if (!used) fail_msg("%s: expected %s, found no end", text, wanted);
    assert_string_equal(json.data, wanted);
    assert_string_equal(text + used, rest);
    byte_buffer_free(&json);
}

static void arguments_are_read(void **state)
{
    (void)state;
    check_read(")", "{}", "");
    check_read(" ) x", "{}", " x");
    check_read("city=\"Bern\")]", "{\"city\": \"Bern\"}", "]");
    check_read("city='Bern', days=3)", "{\"city\": \"Bern\", \"days\": 3}", "");
    check_read("a=1.5, b=-2e3, c=+4)", "{\"a\": 1.5, \"b\": -2000.0, \"c\": 4}", "");
    check_read("a=True, b=False, c=None)", "{\"a\": true, \"b\": false, \"c\": null}", "");
    check_read("a=true, b=false, c=null)", "{\"a\": true, \"b\": false, \"c\": null}", "");
    check_read("a=[1, 'x', [True]])", "{\"a\": [1, \"x\", [true]]}", "");
    check_read("a=(1, 2))", "{\"a\": [1, 2]}", "");
    check_read("a={'k': 1, \"l\": {'m': []}})", "{\"a\": {\"k\": 1, \"l\": {\"m\": []}}}", "");
    check_read("a=\"x)y\", b='z)')", "{\"a\": \"x)y\", \"b\": \"z)\"}", "");
    check_read("a='x\\ny\\t\\'z\\\\')", "{\"a\": \"x\\ny\\t'z\\\\\"}", "");
    check_read(" a = 1 ,\n b = 2 )", "{\"a\": 1, \"b\": 2}", "");
    check_read("a=\"\\u00e9\\ud83d\\ude00\\/\")", "{\"a\": \"\xc3\xa9\xf0\x9f\x98\x80/\"}", "");
    check_read("a=\"\\ud83d.\\ude00\")", "{\"a\": \"\xef\xbf\xbd.\xef\xbf\xbd\"}", "");
}

/* A mark in a string ends it only where a value may end; a word without marks is a string. */
static void what_models_write_wrongly_is_understood(void **state)
{
    (void)state;
    check_read("city='O'Brien')", "{\"city\": \"O'Brien\"}", "");
    check_read("city=Bern, days=3)", "{\"city\": \"Bern\", \"days\": 3}", "");
    check_read("id=12345678901234567890)", "{\"id\": 1.2345678901234567e+19}", "");
    check_read("a=1,)", "{\"a\": 1}", "");
    check_read("a=[1,])", "{\"a\": [1]}", "");
    check_read("=)", "{\"\": \"\"}", "");
}

/* Whatever is cut off, nothing is told; deep values end somewhere. */
static void arguments_that_are_cut_are_not_whole(void **state)
{
    (void)state;
    static const char text[] = "city=\"a, b\", l=[1, {'k': 'v)'}], n=None)";
    for (size_t size = 0; size < sizeof text - 1; size++) {
        byte_buffer json = { 0 };
        size_t used = 9;
        succeeds(python_read_arguments((string_view){ text, size }, &json, &used));
        if (used) fail_msg("%.*s", (int)size, text);
        assert_int_equal(json.size, 0);
    }
    char deep[400] = "a=";
    memset(deep + 2, '[', sizeof deep - 3);
    byte_buffer json = { 0 };
    size_t used;
    succeeds(python_read_arguments((string_view){ deep, strlen(deep) }, &json, &used));
    assert_int_equal(used, 0);
    byte_buffer_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_as_str_has_them),
        cmocka_unit_test(arguments_are_read),
        cmocka_unit_test(what_models_write_wrongly_is_understood),
        cmocka_unit_test(arguments_that_are_cut_are_not_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* json_text_test.c - what is written as any value is JSON to jansson, and JSON as people and
 * programs write it can be written; texts that are damaged in one place are told apart. */
#include "grammar/json_text.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "grammar/written.h"

static network n;
static json_text pieces;
static pushdown p;
static random_key key;
static uint64_t draws;

static size_t draw(size_t below) { return random_bits(key, draws++) % below; }

static int begin(void **state)
{
    (void)state;
    if (network_open(&n, "J") != CADRE_OK) return 1;
    json_text_make(&n, &pieces);
    written_open(&n, network_call(&n, pieces.value, NETWORK_END), &p);
    return 0;
}

static int end(void **state)
{
    (void)state;
    written_close(&n, &p);
    return 0;
}

static const char *const texts[] = { "null", "true", "false", "0", "-0", "12", "-12.50", "1e5",
    "1E-05", "0.1e+9", "123456789012345", "\"\"", "\"a b\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u00e9\\ud83d\\ude00\\uD83D\\uDE00\"", "\"\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80\"", "[]",
    "{}", "[1,2,3]", "[1, [2, []], {}]", "[\n  1,\n  2\n]", "{\"a\":1,\"b\":{\"c\":[null,true]}}",
    "{\n    \"a\": [\n        \"x\"\n    ],\n    \"b\": 0.5\n}", "{\"\":{\"\":\"\"}}",
    "[[[[[[[[]]]]]]]]" };

static void what_people_write_can_be_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!written(&p, texts[i])) fail_msg("%s cannot be written", texts[i]);
}

static void what_is_no_json_or_has_no_number_is_left_out(void **state)
{
    (void)state;
    static const char *const others[] = { "", " 1", "1 ", "01", "-", "+1", "1.", ".5", "1e", "1e+",
        "1e999", "1234567890123456", "0.1234567890123456", "nul", "nulll", "True", "NaN",
        "Infinity", "'a'", "\"", "\"a", "\"\n\"", "\"\t\"", "\"\\x\"", "\"\\u12\"", "\"\\u0000\"",
        "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"", "\"\x80\"", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{",
        "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\" :1}",
        "{\"a\":1 \"b\":2}", "[1]]", "{}{}", "/**/1", "[\n\n1]", "[\t1]", "[\r\n1]" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (written(&p, others[i])) fail_msg("%s can be written", others[i]);
}

/* jansson's way of writing, with and without blanks. */
static json_t *draw_value(int depth)
{
    switch (draw(depth ? 8 : 6)) {
    case 0: return json_null();
    case 1: return json_boolean(draw(2));
    case 2: return json_integer((json_int_t)draw(2000000) - 1000000);
    case 3: return json_real((double)((int)draw(2001) - 1000) / 64);
    case 4: return json_string("caf\xc3\xa9 \"\\\n\x01");
    case 5: return json_string("");
    case 6: {
        json_t *list = json_array();
        for (size_t i = draw(4); i > 0; i--) json_array_append_new(list, draw_value(depth - 1));
        return list;
    }
    default: {
        json_t *object = json_object();
        for (size_t i = draw(4); i > 0; i--) {
            char name[16];
            snprintf(name, sizeof name, "k%zu", draw(50));
            json_object_set_new(object, name, draw_value(depth - 1));
        }
        return object;
    }
    }
}

static void what_jansson_writes_can_be_written(void **state)
{
    (void)state;
    static const size_t ways[] = { JSON_COMPACT, JSON_INDENT(2), JSON_INDENT(4), JSON_ENSURE_ASCII,
        JSON_COMPACT | JSON_ESCAPE_SLASH };
    key = random_key_of(1, "values", 0, 0);
    for (int i = 0; i < 400; i++) {
        json_t *value = draw_value(4);
        char *text =
            json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12) | ways[(size_t)i % 5]);
        if (!written(&p, text)) fail_msg("%s cannot be written", text);
        free(text);
        json_decref(value);
    }
}

/* One byte is put in, left out or changed: if it can still be written, jansson still reads it. */
static void what_is_damaged_is_json_or_left_out(void **state)
{
    (void)state;
    int kept = 0, lost = 0;
    key = random_key_of(2, "damage", 0, 0);
    for (int i = 0; i < 20000; i++) {
        static const char bytes[] = "\"\\{}[],:0123456789eE+-. \nntfu\x01\x80\xc3\xed\xa0\xff";
        const char *whole = texts[draw(sizeof texts / sizeof *texts)];
        size_t size = strlen(whole), at = draw(size), how = draw(3);
        char text[128];
        memcpy(text, whole, at);
        size_t put = at;
        if (how) text[put++] = bytes[draw(sizeof bytes - 1)];
        size_t from = how == 2 ? at : at + 1;
        memcpy(text + put, whole + from, size - from);
        put += size - from;
        if (!written_bytes(&p, text, put)) {
            lost++;
            continue;
        }
        json_t *value = json_loadb(text, put, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (!value) fail_msg("\"%.*s\" is no JSON", (int)put, text);
        json_decref(value);
        kept++;
    }
    assert_true(kept > 1000 && lost > 1000);
}

static void an_answer_may_begin_with_two_blanks(void **state)
{
    (void)state;
    network own;
    pushdown q;
    succeeds(network_open(&own, "J"));
    written_open(&own, json_text_lead(&own, network_byte(&own, '{', NETWORK_END)), &q);
    static const char *const leads[] = { "{", " {", "\n{", "\n\n{", " \n{" };
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) assert_true(written(&q, leads[i]));
    assert_false(written(&q, "\n\n\n{") || written(&q, "\t{") || written(&q, "{ "));
    written_close(&own, &q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_write_can_be_written),
        cmocka_unit_test(what_is_no_json_or_has_no_number_is_left_out),
        cmocka_unit_test(what_jansson_writes_can_be_written),
        cmocka_unit_test(what_is_damaged_is_json_or_left_out),
        cmocka_unit_test(an_answer_may_begin_with_two_blanks),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

/* json_test.c - bounds before parsing, typed getters with errors that name the way, and the
 * writer. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/json.h"
#include "format/json_writer.h"
#include "support/heap_peak.h"
#include "support/refusal.h"
#include "support/scratch.h"

static json_document *document;

static json_node parse(const char *text)
{
    json_close(document);
    document = NULL;
    if (json_parse("config.json", text, strlen(text), &document) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    return json_root(document);
}

static int close_document(void **state)
{
    (void)state;
    json_close(document);
    document = NULL;
    return 0;
}

static void check_refusal(cadre_status status, const char *phrase)
{
    assert_true(refusal_is_good(phrase, status, "config.json", phrase));
}

static cadre_status parse_bad(const char *text, size_t size)
{
    json_document *bad;
    char *exact = malloc(size ? size : 1);
    memcpy(exact, text, size);
    cadre_status status = json_parse("config.json", exact, size, &bad);
    free(exact);
    if (status == CADRE_OK) json_close(bad);
    return status;
}

/* ---- the whole text ---- */

static void malformed_text_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = { "", " ", "{", "}", "[", "[1,]", "{\"a\"}", "{\"a\":1,}",
        "{a:1}", "'a'", "01", "+1", "1.", ".5", "1e", "nul", "nan", "NaNs", "Inf", "+Infinity",
        "[NaN Infinity]", "{NaN:1}", "{\"a\":1, NaN :2}", "-", "\"", "\"\\x\"", "\"\\u12\"",
        "\"\\ud800\"", "\"\x01\"", "\"\xff\"", "\"\xed\xa0\x80\"", "1 2", "{} {}", "// a\n1",
        "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1,\"b\":1}}",
        "{\"\\u0061\":1,\"a\":2}", "1e999", "{\"a\\u0000b\":1}" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_refusal(parse_bad(texts[i], strlen(texts[i])), "expected valid JSON");
    check_refusal(parse_bad("{}\0", 3), "expected valid JSON");
    check_refusal(parse_bad("{\n \"a\": x}", 10), "at line 2, column 7");
}

/* What Python writes for numbers that are none: values that nobody can have, and that harm nobody
 * who does not ask. */
static void literals_are_nobodys(void **state)
{
    (void)state;
    int64_t integer;
    double real;
    bool flag;
    const char *text;
    size_t size;
    json_node root = parse("{\"a\": [0.5, Infinity,-Infinity ],\"b\":NaN, \"c\": \"NaN\", \"d\": "
                           "\"\\\", NaN\", \"e\": 7}");
    json_node list = json_member(&root, "a"), node = json_member(&root, "b");
    assert_int_equal(json_count(&list), 3);
    assert_int_equal(json_get_int(&root, "e", 0, 9, &integer), CADRE_OK);
    assert_int_equal(json_get_string(&root, "c", &text), CADRE_OK);
    assert_string_equal(text, "NaN");
    assert_int_equal(json_get_string(&root, "d", &text), CADRE_OK);
    assert_string_equal(text, "\", NaN");
    assert_int_equal(json_kind_of(&node), JSON_KIND_LITERAL);
    assert_true(json_has(&root, "b"));
    check_refusal(
        json_opt_real(&root, "b", -DBL_MAX, DBL_MAX, &real), "b: expected a number, found NaN");
    check_refusal(
        json_opt_int(&root, "b", 0, 1, &integer), "b: expected an integer in 0..1, found NaN");
    check_refusal(json_opt_bool(&root, "b", &flag), "found NaN");
    check_refusal(json_opt_string(&root, "b", &text), "b: expected a string, found NaN");
    check_refusal(json_as_string(&node, &text, &size), "b: expected a string, found NaN");
    node = json_item(&list, 2);
    check_refusal(
        json_as_real(&node, -DBL_MAX, DBL_MAX, &real), "a[2]: expected a number, found -Infinity");
    root = parse("Infinity");
    check_refusal(json_as_real(&root, -DBL_MAX, DBL_MAX, &real), "found Infinity");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[2 * 70];
    for (int depth = 1; depth <= 70; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        cadre_status status = parse_bad(text, 2 * (size_t)depth);
        if (depth <= JSON_DEPTH) assert_int_equal(status, CADRE_OK);
        else check_refusal(status, "at most 64 levels deep");
    }
    size_t size = 1 << 20;
    char *deep = malloc(size);
    memset(deep, '[', size);
    check_refusal(parse_bad(deep, size), "levels deep, found more");
    free(deep);
    parse("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[["
          "[\"");
}

static void size_is_bounded(void **state)
{
    (void)state;
    json_document *d;
    const char *path = scratch_file("large.json");
    assert_int_equal(file_write(path, "[1, 2, 3]", 9), CADRE_OK);
    assert_true(refusal_is_good(
        "large", json_open(path, 8, &d), path, "expected at most 8 bytes, found 9"));
    assert_int_equal(json_open(path, 9, &d), CADRE_OK);
    json_close(d);
    assert_int_equal(json_open(scratch_file("absent.json"), 9, &d), CADRE_EIO);
}

/* What a list of `item` takes is at most 24 times its text, or the list is refused. */
static void check_memory(const char *item)
{
    size_t count = 200000, length = strlen(item), size = 1 + count * (length + 1);
    char *text = malloc(size);
    text[0] = '[';
    for (size_t i = 0; i < count; i++) {
        memcpy(text + 1 + i * (length + 1), item, length);
        text[1 + i * (length + 1) + length] = i + 1 < count ? ',' : ']';
    }
    bool counts = heap_peak_begin();
    json_document *d = NULL;
    cadre_status status = json_parse_dense("config.json", text, size, &d);
    size_t peak = heap_peak_end();
    if (!counts) printf("SKIP: not built with the address sanitizer, which counts: memory\n");
    printf("    %-24s %s, %.1f times its bytes\n", item, status == CADRE_OK ? "read" : "refused",
        (double)peak / (double)size);
    assert_true(peak <= 24 * size);
    if (status != CADRE_OK) check_refusal(status, "bytes of memory");
    json_close(d);
    free(text);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    static const char *const items[] = { "[]", "{}", "0", "\"\"", "[0]", "{\"\":0}", "[[]]",
        "[\"a\",\"b\"]", "-1.5", "true", "\"word\"", "NaN", "-Infinity", "[NaN]", "{\"id\":1}",
        "[\"token\",\"token\"]", " [ ]", "\"\\\"\"" };
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) check_memory(items[i]);
}

/* ---- getters ---- */

static void numbers_are_read_within_bounds(void **state)
{
    (void)state;
    json_node root =
        parse("{\"e\": 64, \"t\": 1e4, \"h\": 0.5, "
              "\"big\": 9223372036854775807, \"n\": null, \"s\": \"x\", \"list\": [1]}");
    int64_t i = 3;
    double r = 0.25;
    assert_int_equal(json_get_int(&root, "e", 1, 4096, &i), CADRE_OK);
    assert_int_equal(i, 64);
    /* An integer, however it is written */
    assert_int_equal(json_get_int(&root, "t", 0, 10000, &i), CADRE_OK);
    assert_int_equal(i, 10000);
    assert_int_equal(json_get_int(&root, "big", 0, INT64_MAX, &i), CADRE_OK);
    assert_true(i == INT64_MAX);
    check_refusal(json_get_int(&root, "e", 1, 63, &i), "e: expected an integer in 1..63, found 64");
    check_refusal(
        json_get_int(&root, "h", 0, 63, &i), "h: expected an integer in 0..63, found 0.5");
    check_refusal(
        json_get_int(&root, "s", 1, 63, &i), "s: expected an integer in 1..63, found \"x\"");
    check_refusal(
        json_get_int(&root, "n", 1, 63, &i), "n: expected an integer in 1..63, found null");
    check_refusal(json_get_int(&root, "list", 1, 63, &i),
        "list: expected an integer in 1..63, found an array of 1");
    check_refusal(json_get_int(&root, "nope", 1, 63, &i),
        "nope: expected an integer in 1..63, found nothing");
    assert_true(i == INT64_MAX);
    assert_int_equal(json_get_real(&root, "h", 0, 1, &r), CADRE_OK);
    assert_true(r == 0.5);
    assert_int_equal(json_get_real(&root, "e", 0, 100, &r), CADRE_OK);
    assert_true(r == 64);
    check_refusal(json_get_real(&root, "h", 1, 2, &r), "h: expected a number in 1..2, found 0.5");
    check_refusal(json_get_real(&root, "h", 1, HUGE_VAL, &r),
        "h: expected a number of at least 1, found 0.5");
    check_refusal(
        json_get_real(&root, "s", -DBL_MAX, DBL_MAX, &r), "s: expected a number, found \"x\"");
}

static void optional_members_keep_the_default(void **state)
{
    (void)state;
    json_node node,
        root = parse("{\"n\": null, \"wrong\": [], \"i\": 1, \"b\": true, \"s\": \"t\", "
                     "\"r\": 2.5, \"o\": {}, \"a\": [7]}");
    int64_t i = 3;
    double r = 0.25;
    bool b = false;
    const char *s = "default";
    static const char *const absent[] = { "n", "nope" };
    for (int k = 0; k < 2; k++) {
        assert_int_equal(json_opt_int(&root, absent[k], 0, 1, &i), CADRE_OK);
        assert_int_equal(json_opt_real(&root, absent[k], 0, 1, &r), CADRE_OK);
        assert_int_equal(json_opt_bool(&root, absent[k], &b), CADRE_OK);
        assert_int_equal(json_opt_string(&root, absent[k], &s), CADRE_OK);
        assert_int_equal(json_opt_object(&root, absent[k], &node), CADRE_OK);
        assert_int_equal(json_kind_of(&node), JSON_KIND_ABSENT);
        assert_int_equal(json_opt_array(&root, absent[k], &node), CADRE_OK);
        assert_true(json_count(&node) == 0 && !json_has(&root, absent[k]));
    }
    assert_true(i == 3 && r == 0.25 && !b && !strcmp(s, "default"));
    assert_int_equal(json_opt_int(&root, "i", 0, 1, &i), CADRE_OK);
    assert_int_equal(json_opt_real(&root, "r", 0, 3, &r), CADRE_OK);
    assert_int_equal(json_opt_bool(&root, "b", &b), CADRE_OK);
    assert_int_equal(json_opt_string(&root, "s", &s), CADRE_OK);
    assert_int_equal(json_opt_object(&root, "o", &node), CADRE_OK);
    assert_int_equal(json_opt_array(&root, "a", &node), CADRE_OK);
    assert_true(i == 1 && r == 2.5 && b && !strcmp(s, "t") && json_count(&node) == 1);
    check_refusal(json_opt_int(&root, "wrong", 0, 1, &i), "wrong: expected an integer");
    check_refusal(json_opt_bool(&root, "i", &b), "i: expected true or false, found 1");
    check_refusal(json_opt_string(&root, "b", &s), "b: expected a string, found true");
    check_refusal(json_opt_object(&root, "a", &node), "a: expected an object, found an array of 1");
    check_refusal(json_opt_array(&root, "o", &node), "o: expected an array, found an object");
}

static void errors_name_the_whole_way(void **state)
{
    (void)state;
    json_node root = parse("{\"rope\": {\"factor\": [1, {\"x\": false}]}}"), rope, factor;
    assert_int_equal(json_get_object(&root, "rope", &rope), CADRE_OK);
    assert_int_equal(json_get_array(&rope, "factor", &factor), CADRE_OK);
    json_node first = json_item(&factor, 0), second = json_item(&factor, 1),
              x = json_member(&second, "x");
    int64_t i;
    check_refusal(json_as_int(&first, 2, 3, &i),
        "config.json: rope.factor[0]: expected an integer in 2..3, found 1");
    check_refusal(json_as_int(&x, 2, 3, &i),
        "config.json: rope.factor[1].x: expected an integer in 2..3, found false");
    check_refusal(json_refuse(&rope, "\"type\" to be one of %d", 7),
        "config.json: rope: expected \"type\" to be one of 7, found an object");
    check_refusal(json_refuse(&root, "something else"),
        "config.json: expected something else, found an object");
    json_node wrong = parse("[]");
    check_refusal(json_as_object(&wrong), "config.json: expected an object, found an array of 0");
    check_refusal(
        json_get_int(&wrong, "k", 0, 1, &i), "k: expected an integer in 0..1, found nothing");
}

static void strangers_text_cannot_command_a_terminal(void **state)
{
    (void)state;
    json_node root =
        parse("{\"\\u001b[2J\\n\": \"\\u001b]0;x\\u0007\\u202e\\u200b\\u009b\", \"long\": "
              "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
              "aaaaaaaaaaaa\"}");
    int64_t i;
    check_refusal(json_get_int(&root, "\x1b[2J\n", 0, 1, &i),
        "\\x1b[2J\\x0a: expected an integer in 0..1, found \"\\x1b]0;x\\x07\\xe2\\x80");
    check_refusal(json_get_int(&root, "long", 0, 1, &i), "aaa...\"");
}

static void strings_may_hold_nul_only_where_asked_for(void **state)
{
    (void)state;
    json_node root = parse("{\"s\": \"a\\u0000b\", \"plain\": \"\\ud83d\\ude00\"}");
    const char *text;
    size_t size;
    check_refusal(
        json_get_string(&root, "s", &text), "s: expected a string without NUL, found \"a\\x00b\"");
    json_node s = json_member(&root, "s");
    assert_int_equal(json_as_string(&s, &text, &size), CADRE_OK);
    assert_true(size == 3 && !memcmp(text, "a\0b", 4));
    assert_int_equal(json_get_string(&root, "plain", &text), CADRE_OK);
    assert_string_equal(text, "\xf0\x9f\x98\x80");
}

static void members_come_in_the_order_of_the_file(void **state)
{
    (void)state;
    json_node root = parse("{\"z\": 1, \"a\": 2, \"m\": {\"q\": 3}}"), m = { 0 };
    char keys[8] = "";
    while (json_next(&root, &m)) strcat(keys, m.key);
    assert_string_equal(keys, "zam");
    assert_int_equal(json_count(&root), 3);
    m = (json_node){ 0 };
    json_node list = parse("[1]");
    assert_false(json_next(&list, &m));
}

/* tokenizer_config.json files hold "model_max_length": 1000000000000000019884624838656. */
static void integers_beyond_64_bits_are_reals(void **state)
{
    (void)state;
    json_node root = parse("{\"model_max_length\": 1000000000000000019884624838656, \"id\": 17, "
                           "\"edge\": 9007199254740994}");
    double r;
    int64_t i;
    assert_int_equal(json_get_real(&root, "model_max_length", 0, HUGE_VAL, &r), CADRE_OK);
    assert_true(r == 1e30);
    assert_int_equal(json_get_int(&root, "id", 0, 100, &i), CADRE_OK);
    assert_int_equal(i, 17);
    check_refusal(json_get_int(&root, "model_max_length", 0, INT64_MAX, &i), "found 1e+30");
    /* May have been rounded */
    check_refusal(json_get_int(&root, "edge", 0, INT64_MAX, &i), "edge: expected an integer");
}

static void a_failed_allocation_is_told(void **state)
{
    (void)state;
    json_document *d;
    for (long n = 1; n <= 2; n++) {
        mem_fail_at(n, false);
        assert_int_equal(json_parse("config.json", "{\"a\": [1]}", 10, &d), CADRE_ENOMEM);
        mem_fail_at(0, false);
    }
    json_node root = parse("{}");
    mem_fail_at(1, true);
    assert_int_equal(json_refuse(&root, "anything"), CADRE_ENOMEM);
    mem_fail_at(0, false);
}

/* ---- writing ---- */

static void check_written(json_writer *w, const char *expected)
{
    assert_int_equal(json_writer_status(w), CADRE_OK);
    assert_string_equal(w->text.data, expected);
    json_writer_free(w);
}

static void put_some(json_writer *w)
{
    json_put_object(w, NULL);
    json_put_int(w, "n", -9223372036854775807 - 1);
    json_put_array(w, "list");
    json_put_real(w, NULL, 0.1);
    json_put_bool(w, NULL, true);
    json_put_null(w, NULL);
    json_put_object(w, NULL);
    json_put_close(w, '}');
    json_put_close(w, ']');
    json_put_string(w, "text", "\"\\\n\t\x01/\xc3\xa9");
    json_put_close(w, '}');
}

static void writing_keeps_the_order_of_the_calls(void **state)
{
    (void)state;
    json_writer line = json_writer_new(0), page = json_writer_new(2);
    put_some(&line);
    check_written(&line, "{\"n\": -9223372036854775808, \"list\": [0.1, true, null, {}], \"text\": "
                         "\"\\\"\\\\\\n\\t\\u0001/\xc3\xa9\"}");
    put_some(&page);
    check_written(&page, "{\n  \"n\": -9223372036854775808,\n  \"list\": [\n    0.1,\n    true,\n  "
                         "  null,\n    {}\n  ],\n"
                         "  \"text\": \"\\\"\\\\\\n\\t\\u0001/\xc3\xa9\"\n}");
}

static void reals_take_the_fewest_digits_that_read_back(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = { { 0, "0.0" }, { 1, "1.0" }, { -2.5, "-2.5" }, { 1e-6, "1e-06" },
        { 1e-5, "1e-05" }, { 0.1 + 0.2, "0.30000000000000004" }, { 10000, "10000.0" },
        { 1e15, "1000000000000000.0" }, { 1e16, "1e+16" }, { 123456.789, "123456.789" },
        { 0.0001, "0.0001" }, { 1e30, "1e+30" }, { DBL_MAX, "1.7976931348623157e+308" },
        { 5e-324, "5e-324" }, { 1.0 / 3, "0.3333333333333333" },
        { (double)0.1f, "0.10000000149011612" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_writer w = json_writer_new(0);
        json_put_real(&w, NULL, cases[i].value);
        json_node root = parse(w.text.data);
        double back = -1;
        assert_int_equal(json_as_real(&root, -HUGE_VAL, HUGE_VAL, &back), CADRE_OK);
        assert_true(back == cases[i].value);
        check_written(&w, cases[i].text);
    }
}

static void what_json_cannot_hold_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        json_writer w = json_writer_new(0);
        json_put_array(&w, NULL);
        if (i == 0) json_put_real(&w, NULL, HUGE_VAL);
        if (i == 1) json_put_real(&w, NULL, (double)NAN);
        if (i == 2) json_put_string(&w, NULL, "\xff");
        if (i == 3) json_put_bytes(&w, NULL, "ab\xc3\xa9", 3);
        json_put_int(&w, NULL, 1);
        json_put_close(&w, ']');
        assert_int_equal(json_writer_status(&w), CADRE_EFORMAT);
        assert_int_equal(json_writer_save(&w, scratch_file("never.json")), CADRE_EFORMAT);
        assert_false(file_exists(scratch_file("never.json")));
    }
}

static void a_saved_document_opens(void **state)
{
    (void)state;
    json_writer w = json_writer_new(2);
    json_document *d;
    const char *text;
    put_some(&w);
    assert_int_equal(json_writer_save(&w, scratch_file("saved.json")), CADRE_OK);
    assert_int_equal(json_open(scratch_file("saved.json"), JSON_LIMIT, &d), CADRE_OK);
    json_node root = json_root(d);
    assert_int_equal(json_get_string(&root, "text", &text), CADRE_OK);
    assert_string_equal(text, "\"\\\n\t\x01/\xc3\xa9");
    json_close(d);
    json_close(NULL);
}

static void writing_without_memory_is_told(void **state)
{
    (void)state;
    json_writer w = json_writer_new(0);
    mem_fail_at(2, true);
    json_put_array(&w, NULL);
    for (int i = 0; i < 100; i++) json_put_int(&w, NULL, i);
    json_put_close(&w, ']');
    mem_fail_at(0, false);
    assert_int_equal(json_writer_status(&w), CADRE_ENOMEM);
    json_writer_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_text_is_refused),
        cmocka_unit_test_teardown(literals_are_nobodys, close_document),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test_teardown(numbers_are_read_within_bounds, close_document),
        cmocka_unit_test_teardown(optional_members_keep_the_default, close_document),
        cmocka_unit_test_teardown(errors_name_the_whole_way, close_document),
        cmocka_unit_test_teardown(strangers_text_cannot_command_a_terminal, close_document),
        cmocka_unit_test_teardown(strings_may_hold_nul_only_where_asked_for, close_document),
        cmocka_unit_test_teardown(members_come_in_the_order_of_the_file, close_document),
        cmocka_unit_test_teardown(integers_beyond_64_bits_are_reals, close_document),
        cmocka_unit_test_teardown(a_failed_allocation_is_told, close_document),
        cmocka_unit_test(writing_keeps_the_order_of_the_calls),
        cmocka_unit_test_teardown(reals_take_the_fewest_digits_that_read_back, close_document),
        cmocka_unit_test(what_json_cannot_hold_is_refused),
        cmocka_unit_test(a_saved_document_opens),
        cmocka_unit_test(writing_without_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

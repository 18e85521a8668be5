/* settings_test.c - values of options as people read them. */
#include "report/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "report/sections.h"
#include "support/succeeds.h"

static json_document *parse(const char *text)
{
    json_document *document;
    succeeds(json_parse("run.json", text, strlen(text), &document));
    return document;
}

static void reads_as(const char *value, const char *expected)
{
    char text[1024];
    byte_buffer page = { 0 };
    snprintf(text, sizeof text, "{\"v\": %s}", value);
    json_document *document = parse(text);
    json_node root = json_root(document), node = json_member(&root, "v");
    setting_value(&page, &node);
    assert_string_equal(page.data ? page.data : "", expected);
    byte_buffer_free(&page);
    json_close(document);
}

static void values(void **state)
{
    (void)state;
    reads_as("\"olmoe\"", "olmoe");
    reads_as("\"a <b> & c\"", "a &lt;b&gt; &amp; c");
    reads_as("true", "yes");
    reads_as("false", "no");
    reads_as("12", "12");
    reads_as("0.003", "0.003");
    reads_as("1e-8", "1e-08");
    reads_as("null", "–");
    reads_as("{\"a\": 1}", "…");
    reads_as("[]", "");
    reads_as("[4, \"x\", false]", "4, x, no");
    reads_as("[[1, 2], 3]", "…, 3");
}

static void a_missing_value(void **state)
{
    (void)state;
    byte_buffer page = { 0 };
    json_document *document = parse("{}");
    json_node root = json_root(document), node = json_member(&root, "v");
    setting_value(&page, &node);
    assert_int_equal(page.size, 0);
    byte_buffer_free(&page);
    json_close(document);
}

/* A list that goes on is cut; a long text too. */
static void long_values(void **state)
{
    (void)state;
    char list[1024] = "[0", text[512], expected[1024] = "0";
    for (int i = 1; i < 100; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), ", %d", i);
    strcat(list, "]");
    for (int i = 1; i < 64; i++)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), ", %d", i);
    reads_as(list, expected);
    memset(text, 'x', sizeof text);
    text[0] = text[400] = '"';
    text[401] = 0;
    byte_buffer page = { 0 };
    char object[1024];
    snprintf(object, sizeof object, "{\"v\": %s}", text);
    json_document *document = parse(object);
    json_node root = json_root(document), node = json_member(&root, "v");
    setting_value(&page, &node);
    assert_in_range(page.size, 290, 310); /* 300 bytes, and a sign that there is more */
    byte_buffer_free(&page);
    json_close(document);
}

static void the_section(void **state)
{
    (void)state;
    byte_buffer page = { 0 };
    json_document *document = parse("{\"lr\": 0.1, \"a<b\": true}"), *empty = parse("{}");
    training_run r = { .options = json_root(document) }, none = { .options = json_root(empty) };
    section_options(&page, &none);
    assert_int_equal(page.size, 0);
    section_options(&page, &r);
    assert_non_null(strstr(page.data, "<div><dt>lr</dt><dd>0.1</dd></div>"));
    assert_non_null(strstr(page.data, "<div><dt>a&lt;b</dt><dd>yes</dd></div>"));
    assert_non_null(strstr(page.data, "id=\"options\""));
    byte_buffer_free(&page);
    json_close(document);
    json_close(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(a_missing_value),
        cmocka_unit_test(long_values),
        cmocka_unit_test(the_section),
    };
    return cmocka_run_group_tests_name("options of the report", tests, NULL, NULL);
}

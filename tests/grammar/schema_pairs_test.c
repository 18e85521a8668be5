/* schema_pairs_test.c - an object as pairs of key and value between marks, as GLM-4.5 writes the
 * arguments of a call: strings as they are, other values as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "grammar/schema.h"
#include "grammar/written.h"

#define PAIR(key, value) "<arg_key>" key "</arg_key>\n<arg_value>" value "</arg_value>\n"

static const schema_form glm = { .pairs = true,
    .begin = "<arg_key>",
    .named = "</arg_key>\n<arg_value>",
    .given = "</arg_value>\n",
    .between = "" };

typedef struct opened {
    network n;
    pushdown p;
} opened;

static const schema_form *form = &glm;

static cadre_status try_open(const char *schema, opened *o)
{
    node_id piece = NETWORK_DEAD;
    CADRE_TRY(network_open(&o->n, "S"));
    cadre_status status =
        schema_read_as(&o->n, form, "S", (string_view){ schema, strlen(schema) }, &piece);
    node_id root = network_call(&o->n, piece, NETWORK_END);
    if (status == CADRE_OK) status = network_measure(&o->n);
    if (status == CADRE_OK) status = pushdown_open(&o->p, &o->n, root);
    if (status != CADRE_OK) network_free(&o->n);
    return status;
}

static void open_pairs(const char *schema, opened *o)
{
    if (try_open(schema, o) != CADRE_OK) fail_msg("%s\n%s", schema, cadre_last_error());
}

static void expect(const char *schema, const char *text, bool expected)
{
    opened o;
    open_pairs(schema, &o);
    bool taken = written(&o.p, text);
    written_close(&o.n, &o.p);
    if (taken != expected) fail_msg("%s %s\n%s", schema, expected ? "leaves out" : "takes", text);
}

static const char two[] =
    "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},\"days\":{\"type\":"
    "\"integer\",\"minimum\":1,\"maximum\":9}},\"required\":[\"city\"]}";

static void pairs_come_in_the_order_of_the_schema(void **state)
{
    (void)state;
    expect(two, PAIR("city", "Bern") PAIR("days", "3"), true);
    expect(two, PAIR("city", "Bern"), true);
    expect(two, PAIR("days", "3"), false); /* city is missing */
    expect(two, PAIR("days", "3") PAIR("city", "Bern"), false);
    expect(two, PAIR("city", "Bern") PAIR("city", "Bern"), false);
    expect(two, PAIR("city", "Bern") PAIR("land", "CH"), false);
    expect(two, "", false);
    expect("{\"type\":\"object\",\"properties\":{}}", "", true);
}

/* A string goes on up to its mark; what it holds is not JSON. */
static void strings_are_written_as_they_are(void **state)
{
    (void)state;
    static const char *const values[] = { "", "\"", "a\nb", "</arg", "</arg_value", "{}", "\\",
        "\xc3\xa9\xf0\x9f\x98\x80", "<arg_key>" };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[256];
        snprintf(
            text, sizeof text, "<arg_key>city</arg_key>\n<arg_value>%s</arg_value>\n", values[i]);
        expect(two, text, true);
    }
    expect(two, PAIR("city", "\xff"), false);
    expect(two, "<arg_key>city</arg_key>\n<arg_value>Bern</arg_value>", false);
}

static void other_values_are_json(void **state)
{
    (void)state;
    expect(two, PAIR("city", "Bern") PAIR("days", "0"), false);
    expect(two, PAIR("city", "Bern") PAIR("days", "\"3\""), false);
    expect(two, PAIR("city", "Bern") PAIR("days", "10"), false);
    static const char list[] =
        "{\"properties\":{\"l\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}";
    expect(list, PAIR("l", "[\"a\", \"b\"]"), true);
    expect(list, PAIR("l", "[a]"), false);
}

/* Of what a schema says of a string, its list of values holds; no value begins another's end. */
static void a_string_may_be_one_of_several(void **state)
{
    (void)state;
    static const char unit[] =
        "{\"properties\":{\"u\":{\"type\":\"string\",\"enum\":[\"C\",\"CF\",\"K \\\"x\\\"\"]}},"
        "\"required\":[\"u\"]}";
    expect(unit, PAIR("u", "C"), true);
    expect(unit, PAIR("u", "CF"), true);
    expect(unit, PAIR("u", "K \"x\""), true);
    expect(unit, PAIR("u", "F"), false);
    expect(unit, PAIR("u", ""), false);
    expect(unit, PAIR("u", "\"C\""), false);
}

/* Lengths, patterns and formats hold, too, and the mark stands nowhere in a text. */
static void strings_have_lengths_and_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *said, *value;
        bool valid;
    } cases[] = {
        { "\"const\":\"a<b\"", "a<b", true }, { "\"const\":\"a<b\"", "a", false },
        { "\"maxLength\":3", "\xc3\xa9<\xf0\x9f\x98\x80", true }, { "\"maxLength\":3", "", true },
        { "\"maxLength\":3", "four", false }, { "\"minLength\":2", "a", false },
        { "\"minLength\":2", "a</arg", true }, { "\"minLength\":2,\"maxLength\":1", "a", false },
        { "\"maxLength\":100000", "a\nb", true }, { "\"pattern\":\"^[a-c]+$\"", "abc", true },
        { "\"pattern\":\"^[a-c]+$\"", "abd", false }, { "\"pattern\":\"^[a-c]+$\"", "", false },
        { "\"pattern\":\"^[a-c]+$\",\"maxLength\":2", "abc", false },
        { "\"format\":\"date\"", "2026-11-30", true },
        { "\"format\":\"date\"", "2026-11-31", false },
        { "\"pattern\":\"^<.*>$\"", "</arg_value", false },
        { "\"pattern\":\"^<.*>$\"", "</arg_values>", true },
        { "\"pattern\":\"^<.*>$\"", "</arg_value>", false }, /* a text would end in it */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char schema[256], text[256];
        snprintf(schema, sizeof schema,
            "{\"properties\":{\"u\":{\"type\":\"string\",%s},\"v\":{\"type\":\"null\"}},"
            "\"required\":[\"v\"]}",
            cases[i].said);
        snprintf(text, sizeof text,
            "<arg_key>u</arg_key>\n<arg_value>%s</arg_value>\n" PAIR("v", "null"), cases[i].value);
        expect(schema, text, cases[i].valid);
        expect(schema, PAIR("v", "null"), true);
    }
}

static void what_is_not_done_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const said[] = { "\"anyOf\":[{}]", "\"$ref\":\"#\"",
        "\"enum\":[\"a\"],\"maxLength\":3", "\"const\":\"a\",\"pattern\":\"^a$\"" };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        char schema[256];
        opened o;
        snprintf(
            schema, sizeof schema, "{\"properties\":{\"u\":{\"type\":\"string\",%s}}}", said[i]);
        assert_int_equal(try_open(schema, &o), CADRE_EUNSUPPORTED);
        if (!strstr(cadre_last_error(), "expected none of this beside"))
            fail_msg("%s: %s", schema, cadre_last_error());
    }
}

/* A reader ends a value at its mark, wherever it stands, and takes a line feed from both ends. */
static void marks_may_stand_in_lines_of_their_own(void **state)
{
    static const schema_form xml = { .pairs = true,
        .begin = "<parameter=",
        .named = ">\n",
        .given = "\n</parameter>\n",
        .between = "" };
    static const char *const said[] = { "", ",\"maxLength\":30", ",\"pattern\":\"^\"" };
    (void)state;
    form = &xml;
    for (size_t i = 0; i < 3; i++) {
        char schema[128];
        snprintf(schema, sizeof schema,
            "{\"properties\":{\"u\":{\"type\":\"string\"%s}},\"required\":[\"u\"]}", said[i]);
        expect(schema, "<parameter=u>\na\n</parameter>\n", true);
        expect(schema, "<parameter=u>\n\n</parameter>\n", true);
        expect(schema, "<parameter=u>\na\n\n</parameter>\n", true);
        expect(schema, "<parameter=u>\na</parameter\n</parameter>\n", true);
        expect(schema, "<parameter=u>\na</parameter>b\n</parameter>\n", false);
        expect(schema, "<parameter=u>\na</parameter>\n", false);
    }
    form = &glm;
}

/* Python's arguments: a comma between two, whichever they are, and strings of JSON. */
static void arguments_may_have_commas_between_them(void **state)
{
    static const schema_form python = {
        .pairs = true, .quoted = true, .begin = "", .named = "=", .given = "", .between = ", "
    };
    static const char three[] =
        "{\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"^x+$\"},\"b\":{\"type\":"
        "\"boolean\"},\"c\":{\"type\":\"integer\"}},\"required\":[\"b\"]}";
    (void)state;
    form = &python;
    expect(three, "a=\"xx\", b=true, c=3", true);
    expect(three, "b=true, c=3", true);
    expect(three, "a=\"x\", b=false", true);
    expect(three, "b=true", true);
    expect(three, "a=\"y\", b=true", false);
    expect(three, "a=\"x\", c=3", false); /* b is missing */
    expect(three, "b=true,c=3", false);
    expect(three, "b=true, ", false);
    expect("{\"type\":\"object\"}", "", true);
    form = &glm;
}

/* Gemma's values: no marks around keys, control tokens around strings, at every depth. */
static void values_may_be_gemmas(void **state)
{
    static const schema_form gemma = { .quote = "\xff<|\"|>" };
#define Q "\xff<|\"|>"
    static const char nested[] =
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"enum\":[\"x\",\"y z\"]},"
        "\"b\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":3}},\"c\":{"
        "\"type\":"
        "\"object\",\"properties\":{\"d\":{\"type\":\"number\"}},\"required\":[\"d\"]},\"e\":{}},"
        "\"required\":[\"a\"]}";
    (void)state;
    form = &gemma;
    expect(nested, "{a:" Q "x" Q "}", true);
    expect(nested, "{a:" Q "y z" Q ",b:[" Q "u\"v" Q "," Q "" Q "],c:{d:1.5}}", true);
    expect(nested, "{a:" Q "x" Q ",e:{any_key:[1,true,null," Q "}" Q "]}}", true);
    expect(nested, "{a:" Q "w" Q "}", false);
    expect(nested, "{a:" Q "x" Q ", b:[]}", false);
    expect(nested, "{a:" Q "x" Q ",b:[" Q "four" Q "]}", false);
    expect(nested, "{a:\"x\"}", false);
    expect(nested, "{b:[]}", false);
    form = &glm;
#undef Q
}

static void memory_may_fail(void **state)
{
    (void)state;
    cadre_status status = CADRE_ENOMEM;
    int64_t before = mem_balance();
    for (int k = 1; status == CADRE_ENOMEM; k++) {
        opened o;
        assert_true(k < 1000);
        mem_fail_at(k, k % 2);
        status = try_open(two, &o);
        mem_fail_at(0, false);
        if (status == CADRE_OK) written_close(&o.n, &o.p);
        assert_int_equal(mem_balance(), before);
    }
    succeeds(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_come_in_the_order_of_the_schema),
        cmocka_unit_test(strings_are_written_as_they_are),
        cmocka_unit_test(other_values_are_json),
        cmocka_unit_test(a_string_may_be_one_of_several),
        cmocka_unit_test(strings_have_lengths_and_patterns),
        cmocka_unit_test(marks_may_stand_in_lines_of_their_own),
        cmocka_unit_test(what_is_not_done_is_refused_by_name),
        cmocka_unit_test(arguments_may_have_commas_between_them),
        cmocka_unit_test(values_may_be_gemmas),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

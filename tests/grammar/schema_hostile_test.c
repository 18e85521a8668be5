/* schema_hostile_test.c - schemas that mean harm: every word with every kind of value, texts that
 * are damaged, numbers of things at their bounds and beyond, and memory that runs out. What is read
 * can be followed to an end; what is not is refused with a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/random.h"
#include "grammar/schema.h"
#include "grammar/schema_set.h"
#include "grammar/written.h"

/* Reads the schema, and writes some text of it if there is any. */
static cadre_status try_schema(const char *schema, size_t size, uint64_t seed)
{
    network n;
    pushdown p;
    node_id piece = NETWORK_DEAD;
    random_key key = random_key_of(seed, "text", 0, 0);
    CADRE_TRY(network_open(&n, "S"));
    cadre_status status = schema_read(&n, "S", schema, size, &piece);
    node_id root = network_call(&n, piece, NETWORK_END);
    if (status == CADRE_OK) status = network_measure(&n);
    if (status == CADRE_OK) status = pushdown_open(&p, &n, root);
    if (status != CADRE_OK) return network_free(&n), status;
    state_id at = p.start;
    for (uint64_t i = 0; at && i < 60 && !p.states[at].ends; i++) {
        state_id next = 0;
        uint64_t first = random_bits(key, i) % 256;
        for (uint64_t b = 0; b < 256 && !next; b++)
            next = pushdown_step(&p, at, (uint8_t)(first + b));
        if (!next && p.status == CADRE_OK) fail_msg("%.*s: nothing goes on", (int)size, schema);
        at = next;
    }
    status = p.status;
    pushdown_close(&p);
    network_free(&n);
    return status;
}

static void refused_or_read(const char *schema, size_t size, uint64_t seed)
{
    cadre_fail(CADRE_OK, NULL, "nothing was said");
    cadre_status status = try_schema(schema, size, seed);
    if (status == CADRE_OK) return;
    const char *said = cadre_last_error();
    if (strncmp(said, "S: ", 3) != 0 || !strstr(said, "expected"))
        fail_msg("%.*s\n%d: %s", (int)size, schema, (int)status, said);
    assert_true(status == CADRE_EFORMAT || status == CADRE_EUNSUPPORTED);
}

static const char *const words[] = { "type", "nullable", "properties", "required",
    "additionalProperties", "patternProperties", "propertyNames", "minProperties", "maxProperties",
    "items", "prefixItems", "additionalItems", "contains", "minItems", "maxItems", "uniqueItems",
    "minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "enum", "const", "anyOf", "oneOf", "allOf", "not", "if",
    "$ref", "$defs", "definitions", "dependentRequired", "title", "default" };
static const char *const values[] = { "null", "true", "false", "0", "-1", "1.5", "1e400", "3",
    "9223372036854775808", "\"\"", "\"string\"", "\"#\"", "\"#/x\"", "\"^a$\"", "\"\\u0000\"", "[]",
    "[null]", "[\"a\"]", "[[]]", "[{}]", "[1,\"a\",[1],{\"b\":null}]", "{}", "{\"a\":{}}",
    "{\"a\":1}", "{\"a\":{\"$ref\":\"#\"}}", "{\"\":true}", "{\"type\":\"null\"}" };
enum { WORDS = sizeof words / sizeof *words, VALUES = sizeof values / sizeof *values };

static void every_word_with_every_kind_of_value(void **state)
{
    (void)state;
    for (int w = 0; w < WORDS; w++)
        for (int v = 0; v < VALUES; v++) {
            char schema[256];
            int size = snprintf(schema, sizeof schema, "{\"%s\":%s}", words[w], values[v]);
            refused_or_read(schema, (size_t)size, (uint64_t)v);
            size = snprintf(schema, sizeof schema,
                "{\"type\":\"object\",\"properties\":{\"p\":{\"%s\":%s}},\"required\":[\"p\"]}",
                words[w], values[v]);
            refused_or_read(schema, (size_t)size, (uint64_t)v);
        }
}

/* Several at once, which have to hold together. */
static void words_that_are_drawn(void **state)
{
    (void)state;
    random_key key = random_key_of(1, "schemas", 0, 0);
    uint64_t draws = 0;
    for (int i = 0; i < 1500; i++) {
        char schema[1024];
        int size = snprintf(schema, sizeof schema, "{\"allOf\":[{");
        for (int k = 0, all = 2 + i % 5; k < all; k++)
            size += snprintf(schema + size, sizeof schema - (size_t)size, "%s\"%s\":%s",
                k == 0       ? ""
                : k % 3 == 0 ? "},{"
                             : ",",
                words[random_bits(key, draws) % WORDS],
                values[random_bits(key, draws + 1) % VALUES]),
                draws += 2;
        size += snprintf(schema + size, sizeof schema - (size_t)size, "}]}");
        refused_or_read(schema, (size_t)size, (uint64_t)i);
    }
}

static void texts_that_are_damaged(void **state)
{
    (void)state;
    static const char whole[] =
        "{\"$defs\":{\"a\":{\"type\":[\"string\",\"null\"],\"pattern\":\"^(a|b){1,3}\\\\d$\"}},"
        "\"type\":\"object\",\"properties\":{\"x\":{\"$ref\":\"#/$defs/a\"},\"y\":{\"type\":"
        "\"array\",\"items\":{\"enum\":[1,\"b\",null]},\"minItems\":1,\"maxItems\":4},\"z\":{"
        "\"type\":\"number\",\"minimum\":-2.5,\"exclusiveMaximum\":1e3}},\"required\":[\"x\"],"
        "\"additionalProperties\":false}";
    static const char bytes[] = "\"{}[]:,\\#$0129-.eatn \x01\xff";
    random_key key = random_key_of(2, "damage", 0, 0);
    uint64_t draws = 0;
    assert_int_equal(try_schema(whole, sizeof whole - 1, 1), CADRE_OK);
    for (int i = 0; i < 1500; i++) {
        char text[sizeof whole];
        size_t size = sizeof whole - 1;
        memcpy(text, whole, sizeof whole);
        for (uint64_t k = 1 + random_bits(key, draws++) % 3; k > 0; k--, draws += 2)
            text[random_bits(key, draws) % size] =
                bytes[random_bits(key, draws + 1) % (sizeof bytes - 1)];
        if (i % 4 == 0) size = random_bits(key, draws++) % size;
        refused_or_read(text, size, (uint64_t)i);
    }
}

/* ---- bounds ---- */

/* `count` copies of a format that takes their number, between commas. */
static void put_list(byte_buffer *b, int count, const char *before, const char *after)
{
    for (int i = 0; i < count; i++)
        byte_buffer_format(b, "%s%s%d%s", i ? "," : "", before, i, after);
}

static cadre_status with_list(
    const char *begin, int count, const char *before, const char *after, const char *end)
{
    byte_buffer b = { 0 };
    byte_buffer_text(&b, begin);
    put_list(&b, count, before, after);
    byte_buffer_text(&b, end);
    cadre_status status = try_schema(b.data, b.size, 1);
    byte_buffer_free(&b);
    return status;
}

static void each_number_of_things_has_a_bound(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *before, *after, *end, *sentence;
        int most;
    } cases[] = {
        { "{\"anyOf\":[", "{\"const\":", "}", "]}", "1 to 512 alternatives", 512 },
        { "{\"properties\":{", "\"p", "\":true", "}}", "at most 4096 properties", 4096 },
        { "{\"allOf\":[", "{\"minLength\":", "}", "]}", "at most 64 schemas that hold", 63 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cadre_status status =
            with_list(cases[i].begin, cases[i].most, cases[i].before, cases[i].after, cases[i].end);
        if (status != CADRE_OK) fail_msg("%s: %s", cases[i].begin, cadre_last_error());
        status = with_list(
            cases[i].begin, cases[i].most + 1, cases[i].before, cases[i].after, cases[i].end);
        if (status == CADRE_OK || !strstr(cadre_last_error(), cases[i].sentence))
            fail_msg("%s: %d, %s", cases[i].begin, (int)status, cadre_last_error());
    }
}

/* Few texts are left of them, but each takes its time: all patterns of a schema have one bound. */
static void patterns_share_a_bound(void **state)
{
    (void)state;
    static const char begin[] = "{\"type\":\"object\",\"properties\":{\"p",
                      between[] = "\":{\"allOf\":[{\"pattern\":\"^x$\"},{\"pattern\":"
                                  "\"^(a|b|c|d|e|f|g|h)*a(a|b|c|d|e|f|g|h){10}",
                      end[] = "$\"}]}}}";
    byte_buffer b = { 0 };
    byte_buffer_format(&b, "%s0%s0%s", begin, between, end);
    succeeds(try_schema(b.data, b.size, 1));
    byte_buffer_free(&b);
    byte_buffer_text(&b, begin);
    for (int i = 0; i < 100; i++)
        byte_buffer_format(&b, "%s%d%s%d", i ? "$\"}]},\"p" : "", i, between, i);
    byte_buffer_text(&b, end);
    assert_int_equal(try_schema(b.data, b.size, 1), CADRE_EUNSUPPORTED);
    assert_non_null(strstr(cadre_last_error(), "too many states"));
    byte_buffer_free(&b);
}

/* Keys of one object that are said twice are one key or a refusal, never two. */
static void keys_said_twice_are_refused(void **state)
{
    (void)state;
    static const char twice[] = "{\"type\":\"null\",\"type\":\"string\"}";
    assert_int_equal(try_schema(twice, sizeof twice - 1, 1), CADRE_EFORMAT);
    assert_non_null(strstr(cadre_last_error(), "S: "));
}

static void memory_may_fail(void **state)
{
    (void)state;
    static const char schema[] =
        "{\"$defs\":{\"t\":{\"type\":\"object\",\"properties\":{\"l\":{\"$ref\":\"#/$defs/t\"},"
        "\"s\":{\"type\":\"string\",\"pattern\":\"^a|b$\",\"maxLength\":3},\"n\":{\"type\":"
        "\"number\",\"minimum\":0.5},\"e\":{\"enum\":[\"a\",\"ab\",1]}}}},\"anyOf\":[{\"$ref\":"
        "\"#/$defs/t\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/t\"},\"maxItems\":2}]}";
    cadre_status status = CADRE_ENOMEM;
    int64_t before = mem_balance();
    for (long k = 1; status == CADRE_ENOMEM; k += 1 + k / 24) {
        assert_true(k < 5000);
        mem_fail_at(k, k % 2);
        status = try_schema(schema, sizeof schema - 1, 3);
        bool reached = mem_count() >= k;
        mem_fail_at(0, false);
        if (mem_balance() != before)
            fail_msg(
                "%ld: %d, %lld bytes are kept", k, status, (long long)(mem_balance() - before));
        if (!reached) assert_int_equal(status, CADRE_OK);
        else if (status != CADRE_ENOMEM) fail_msg("%ld: %d, %s", k, status, cadre_last_error());
    }
    succeeds(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_with_every_kind_of_value),
        cmocka_unit_test(words_that_are_drawn),
        cmocka_unit_test(texts_that_are_damaged),
        cmocka_unit_test(each_number_of_things_has_a_bound),
        cmocka_unit_test(patterns_share_a_bound),
        cmocka_unit_test(keys_said_twice_are_refused),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

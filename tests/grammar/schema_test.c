/* schema_test.c - whatever is written by a schema's grammar is valid for the schema, by a validator
 * that shares nothing with it; what is known to be valid can be written; what is refused is, by
 * name. */
#include "grammar/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "grammar/pushdown.h"
#include "support/succeeds.h"
#include "support/validator.h"

typedef struct opened {
    network n;
    pushdown p;
} opened;

static cadre_status try_open(const char *schema, size_t size, opened *o)
{
    node_id piece = NETWORK_DEAD;
    CADRE_TRY(network_open(&o->n, "S"));
    cadre_status status = schema_read(&o->n, "S", schema, size, &piece);
    node_id root = network_call(&o->n, piece, NETWORK_END);
    if (status == CADRE_OK) status = network_measure(&o->n);
    if (status == CADRE_OK) status = pushdown_open(&o->p, &o->n, root);
    if (status != CADRE_OK) network_free(&o->n);
    return status;
}

static void open_schema(const char *schema, opened *o)
{
    cadre_status status = try_open(schema, strlen(schema), o);
    if (status != CADRE_OK) print_error("%s\n%s\n", schema, cadre_last_error());
    assert_int_equal(status, CADRE_OK);
}

static void close_schema(opened *o)
{
    pushdown_close(&o->p);
    network_free(&o->n);
}

/* ---- what can be written ---- */

static state_id follow(opened *o, const char *text)
{
    state_id state = o->p.start;
    for (; *text && state; text++) state = pushdown_step(&o->p, state, (uint8_t)*text);
    return state;
}

static bool takes(opened *o, const char *text)
{
    state_id state = follow(o, text);
    return state && o->p.states[state].ends;
}

static bool schema_takes(const char *schema, const char *text)
{
    opened o;
    open_schema(schema, &o);
    bool taken = takes(&o, text);
    close_schema(&o);
    return taken;
}

static const struct {
    const char *schema;
    const char *valid[6], *others[8]; /* others: not valid, or left out as grammar/schema.h says */
} examples[] = {
    { "{}", { "1", "\"a\"", "[1, {\"a\": null}]", "{\"x\":[true,false]}", "-0.5e-12" },
        { "", "01", "[1,]", "nul", "{a:1}", "'a'", "1 ", "\"\xff\"" } },
    { "true", { "1" }, { "" } },
    { "{\"type\":\"boolean\"}", { "true", "false" }, { "null", "True", "0" } },
    { "{\"type\":[\"null\",\"integer\"]}", { "null", "7", "-12", "0" },
        { "1.0", "-0", "00", "+1" } },
    { "{\"type\":\"integer\",\"nullable\":true}", { "null", "7" }, { "\"7\"" } },
    { "{\"type\":\"integer\",\"minimum\":-3,\"maximum\":120}",
        { "-3", "-1", "0", "9", "99", "120" }, { "-4", "121", "1200", "-10", "013", "1." } },
    { "{\"type\":\"integer\",\"exclusiveMinimum\":9,\"exclusiveMaximum\":1001}",
        { "10", "99", "100", "999", "1000" }, { "9", "1001", "8", "1" } },
    { "{\"type\":\"integer\",\"minimum\":9007199254740993}", { "9223372036854775807" },
        { "9007199254740992", "9223372036854775808", "999" } },
    { "{\"type\":\"number\",\"minimum\":0.25,\"exclusiveMaximum\":12.5}",
        { "0.25", "0.250", "0.3", "1", "12", "12.49999" },
        { "0", "0.2", "0.249", "12.5", "12.50", "13", "100", "-1" } },
    { "{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":1}",
        { "0.1", "0.00000000000001", "1", "1.0" },
        { "0", "0.0", "1.1", "1.00001", "-0.5", "1e0" } },
    { "{\"type\":\"number\",\"maximum\":-1.5}", { "-1.5", "-1.50", "-2", "-150.25" },
        { "-1.4", "-1", "0", "1.5", "-0" } },
    { "{\"type\":\"integer\",\"multipleOf\":7,\"minimum\":-15,\"maximum\":1000}",
        { "-14", "-7", "0", "7", "14", "994" }, { "-21", "1", "-1", "8", "993", "1001", "" } },
    { "{\"multipleOf\":400,\"exclusiveMinimum\":0}", { "400", "800", "123456789012400" },
        { "0", "4", "40", "200", "-400", "400.0" } },
    { "{\"allOf\":[{\"multipleOf\":6},{\"multipleOf\":4.0}],\"type\":\"number\"}",
        { "0", "12", "-24", "120" }, { "6", "8", "-4", "1" } },
    { "{\"type\":\"array\",\"uniqueItems\":true,\"maxItems\":1}", { "[]", "[1]" }, { "[1,1]" } },
    { "{\"type\":\"number\",\"multipleOf\":0.25,\"minimum\":-1,\"maximum\":12.5}",
        { "0", "0.25", "-0.5", "12.50", "7.0", "1.75" }, { "0.3", "0.255", "0.125", "12.75" } },
    { "{\"type\":\"integer\",\"multipleOf\":2.5}", { "0", "5", "-10", "1000" },
        { "2.5", "2", "4", "7.5" } },
    { "{\"allOf\":[{\"multipleOf\":0.5},{\"multipleOf\":0.75}],\"type\":\"number\"}",
        { "1.5", "3", "-4.5", "0.0" }, { "0.75", "0.5", "2", "1" } },
    { "{\"multipleOf\":1000}", { "0", "3000", "-1000" }, { "100", "1500", "1000.0" } },
    { "{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"enum\":[\"a\",\"ab\",1]}}",
        { "[]", "[\"ab\", \"a\", 1]", "[1]", "[1,\"a\"]" },
        { "[1,1]", "[\"a\",1,\"a\"]", "[\"a\",]", "[2]" } },
    { "{\"$defs\":{\"c\":{\"enum\":[\"r\",\"g\",\"b\",\"r\"]}},\"type\":\"array\",\"items\":{\"$"
      "ref\":"
      "\"#/$defs/c\"},\"uniqueItems\":true,\"minItems\":1,\"maxItems\":2}",
        { "[\"g\"]", "[\"b\",\"r\"]" }, { "[]", "[\"b\",\"b\"]", "[\"r\",\"g\",\"b\"]" } },
    { "{\"type\":\"object\",\"propertyNames\":{\"type\":\"string\"},\"additionalProperties\":{"
      "\"type\":"
      "\"null\"}}",
        { "{}", "{\"a\":null,\"b\":null}" }, { "{\"a\":1}" } },
    { "{\"type\":\"object\",\"propertyNames\":{\"enum\":[\"x\",\"y\"]},\"additionalProperties\":{"
      "\"type\":"
      "\"null\"},\"required\":[\"y\"]}",
        { "{\"y\":null}", "{\"y\":null,\"x\":null}" },
        { "{}", "{\"x\":null}", "{\"y\":null,\"z\":null}" } },
    { "{\"propertyNames\":{\"maxLength\":2,\"pattern\":\"^[ab]\"},\"properties\":{\"a\":{\"type\":"
      "\"null\"},\"c\":{}},\"additionalProperties\":{\"type\":\"boolean\"}}",
        { "{}", "{\"a\":null}", "{\"b\":true}", "{\"a\":null,\"ax\":false,\"b\":true}" },
        { "{\"c\":1}", "{\"abc\":true}", "{\"d\":true}", "{\"b\":null}" } },
    { "{\"type\":\"object\",\"propertyNames\":false}", { "{}" }, { "{\"a\":1}" } },
    { "{\"type\":\"object\",\"patternProperties\":{\"^s_\":{\"type\":\"null\"},\"^i\":{\"type\":"
      "\"integer\"}},\"properties\":{\"s_x\":{}},\"additionalProperties\":false}",
        { "{}", "{\"s_x\":null,\"s_\":null}", "{\"i\":7}", "{\"i1\":7,\"s_a\":null}" },
        { "{\"a\":1}", "{\"s_a\":1}", "{\"i\":null}", "{\"s_x\":1}" } },
    { "{\"type\":\"object\",\"patternProperties\":{\"1$\":{\"type\":\"null\"}},"
      "\"additionalProperties\":{\"type\":\"boolean\"}}",
        { "{\"a1\":null,\"b\":true}" }, { "{\"a1\":true}", "{\"b\":null}" } },
    { "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"null\"},\"minProperties\":1,"
      "\"maxProperties\":2}",
        { "{\"a\":null}", "{\"a\":null,\"b\":null}" },
        { "{}", "{\"a\":null,\"b\":null,\"c\":null}" } },
    { "{\"properties\":{\"a\":{\"type\":\"null\"}},\"required\":[\"a\"],\"additionalProperties\":{"
      "\"type\":"
      "\"null\"},\"maxProperties\":1}",
        { "{\"a\":null}" }, { "{}", "{\"a\":null,\"b\":null}" } },
    { "{\"type\":\"object\",\"properties\":{\"a\":{\"not\":{}},\"b\":{\"not\":false,\"type\":"
      "\"null\"}}}",
        { "{}", "{\"b\":null}" }, { "{\"a\":1}" } },
    { "{\"pattern\":\"^(?!\\\\.)(?!.*\\\\.\\\\.)[a-z.]+@(x|y)$\"}", { "\"a.b@x\"", "\"b@y\"" },
        { "\".a@x\"", "\"a..b@x\"", "\"a@z\"" } },
    { "{\"oneOf\":[{\"properties\":{\"k\":{\"const\":\"a\"}}},{\"properties\":{\"k\":{\"const\":"
      "\"b\"},\"v\":{"
      "\"type\":\"null\"}}}],\"discriminator\":{\"propertyName\":\"k\",\"mapping\":{\"a\":\"#/"
      "oneOf/0\"}}}",
        { "{\"k\":\"a\"}", "{\"k\":\"b\",\"v\":null}", "{\"k\":\"b\"}" },
        { "{}", "{\"v\":null}", "{\"k\":\"a\",\"v\":null}" } },
    { "{\"type\":\"string\",\"format\":\"uuid4\"}", { "\"01234567-89ab-4def-a123-456789abcdef\"" },
        { "\"01234567-89ab-1def-a123-456789abcdef\"" } },
    { "{\"type\":\"string\",\"format\":\"uri\",\"minLength\":1,\"maxLength\":2083}",
        { "\"https://example.org/a?b=c#d\"" }, { "\"example.org\"", "\"\"" } },
    { "{\"type\":\"string\",\"format\":\"base64\"}", { "\"\"", "\"aGk=\"", "\"aGkh\"", "\"aA==\"" },
        { "\"aGk\"", "\"aGl=\"", "\"aB==\"" } },
    { "{\"type\":\"string\"}",
        { "\"\"", "\"a\\n\\u00e9\\ud83d\\ude00\"", "\"\xc3\xa9\xf0\x9f\x98\x80\"", "\"\\/\"" },
        { "\"\\u0000\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\n\"", "\"\xc3\"", "\"\xed\xa0\x80\"",
            "\"\xc0\x80\"", "\"\\x\"" } },
    { "{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}",
        { "\"ab\"", "\"\xc3\xa9\xf0\x9f\x98\x80\\ud83d\\ude00\"" },
        { "\"a\"", "\"abcd\"", "\"\"" } },
    { "{\"type\":\"string\",\"pattern\":\"^a+(b|cd)*$\"}", { "\"a\"", "\"aabcdb\"" },
        { "\"\"", "\"b\"", "\"abc\"" } },
    { "{\"pattern\":\"foo|^ba+r$|q.x\"}", { "\"afoo!\"", "\"baar\"", "\"q_x\"" },
        { "\"fo\"", "\"baar!\"", "\"qx\"" } },
    { "{\"type\":\"string\",\"pattern\":\"b[0-9]{2}\"}", { "\"b12\"", "\"xb99\\\"y\"" },
        { "\"b1\"", "\"b1x2\"" } },
    { "{\"type\":\"string\",\"pattern\":\"^\\\\w+$\",\"maxLength\":4}", { "\"ab_9\"" },
        { "\"abcde\"", "\"a-\"", "\"\xc3\xa9\"" } },
    { "{\"pattern\":\"^[^a-c\\\\s]$\"}", { "\"d\"", "\"\xe6\xbc\xa2\"", "\"\\\\\"" },
        { "\"a\"", "\" \"", "\"\xe3\x80\x80\"", "\"dd\"" } },
    { "{\"type\":\"string\",\"format\":\"date\"}", { "\"2024-02-28\"", "\"1999-12-31\"" },
        { "\"2024-02-30\"", "\"2024-13-01\"", "\"24-1-1\"" } },
    { "{\"type\":\"string\",\"format\":\"uuid\"}", { "\"01234567-89ab-cdef-0123-456789abcdef\"" },
        { "\"01234567\"" } },
    { "{\"enum\":[\"a\",\"ab\",1,12,null,{\"k\":[1]}]}", { "\"a\"", "\"ab\"", "1", "12", "null" },
        { "\"b\"", "2", "true", "\"abc\"" } },
    { "{\"type\":\"string\",\"enum\":[\"a\",1]}", { "\"a\"" }, { "1" } },
    { "{\"const\":{\"a\":[1,2.5,\"x\"]}}", { NULL }, { "{}" } },
    { "{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"minItems\":1,\"maxItems\":3}",
        { "[1]", "[1,2]", "[1, 2, 3]", "[\n  1,\n  2\n]" },
        { "[]", "[1,2,3,4]", "[\"a\"]", "[1" } },
    { "{\"type\":\"array\",\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"boolean\"}],"
      "\"items\":{\"type\":\"null\"}}",
        { "[]", "[\"a\"]", "[\"a\",true]", "[\"a\",true,null,null]" },
        { "[true]", "[\"a\",null]", "[\"a\",true,1]" } },
    { "{\"type\":\"array\",\"items\":[{\"type\":\"null\"}],\"additionalItems\":false}",
        { "[null]", "[]" }, { "[null,null]" } },
    { "{\"type\":\"array\",\"items\":false}", { "[]", "[ ]" }, { "[1]" } },
    { "{\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"null\"}},\"required\":["
      "\"b\"]}",
        { "{\"b\":null}", "{\"a\": 1, \"b\": null}", "{\n  \"a\": 1,\n  \"b\": null\n}" },
        { "{}", "{\"a\":1}", "{\"b\":null,\"c\":1}", "{\"a\":1,}", "{\"b\":1}", "{\"b\" :null}" } },
    { "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"additionalProperties\":"
      "{\"type\":\"string\"}}",
        { "{}", "{\"a\":1}", "{\"x\":\"y\"}", "{\"a\":1,\"aa\":\"\",\"\":\"z\"}" },
        { "{\"a\":\"x\"}", "{\"x\":1}", "{\"\\u0061\":\"x\"}" } },
    { "{\"type\":\"object\"}", { "{}", "{\"a\":{\"b\":[]}}" }, { "[]", "{\"a\"}" } },
    { "{\"type\":\"object\",\"minProperties\":1}", { "{\"a\":1}" }, { "{}" } },
    { "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\",\"maxLength\":1}]}",
        { "12", "\"a\"" }, { "\"ab\"", "1.5" } },
    { "{\"allOf\":[{\"properties\":{\"a\":{\"type\":\"number\"}},\"required\":[\"a\"]},"
      "{\"properties\":{\"a\":{\"maximum\":5},\"b\":{\"const\":1}}}]}",
        { "{\"a\":4.5}", "{\"a\":5,\"b\":1}" }, { "{}", "{\"a\":6}", "{\"b\":1}" } },
    { "{\"$ref\":\"#/$defs/"
      "n\",\"$defs\":{\"n\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":"
      "\"integer\"},\"next\":{\"anyOf\":[{\"$ref\":\"#/$defs/n\"},{\"type\":\"null\"}]}},"
      "\"required\":[\"v\",\"next\"]}}}",
        { "{\"v\":1,\"next\":null}", "{\"v\":1,\"next\":{\"v\":2,\"next\":null}}" },
        { "{\"v\":1}", "null", "{\"v\":1,\"next\":{}}" } },
    { "{\"definitions\":{\"a b/c\":{\"type\":\"null\"}},\"$ref\":\"#/definitions/a%20b~1c\"}",
        { "null" }, { "1" } },
};

static void examples_are_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        opened o;
        open_schema(examples[i].schema, &o);
        for (int k = 0; k < 6 && examples[i].valid[k]; k++)
            if (!takes(&o, examples[i].valid[k]))
                fail_msg("%s does not take %s", examples[i].schema, examples[i].valid[k]);
        for (int k = 0; k < 8 && examples[i].others[k]; k++)
            if (takes(&o, examples[i].others[k]))
                fail_msg("%s takes %s", examples[i].schema, examples[i].others[k]);
        close_schema(&o);
    }
}

/* ---- what is written is valid ---- */

enum { LONGEST = 4096 };

/* Bytes that end things are taken where they can be, once a text is long. */
static uint8_t choose(const bool allowed[256], size_t length, uint64_t *seed)
{
    static const char ends[] = "\"}]";
    uint8_t list[256];
    int count = 0;
    for (int i = 0; length > 200 && ends[i]; i++)
        if (allowed[(uint8_t)ends[i]]) return (uint8_t)ends[i];
    for (int b = 0; b < 256; b++)
        if (allowed[b]) list[count++] = (uint8_t)b;
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return list[(*seed >> 33) % (uint64_t)count];
}

/* Some text of the grammar; returns its length, 0: it became too long. */
static size_t write_one(opened *o, char *text, uint64_t seed)
{
    state_id state = o->p.start;
    for (size_t length = 0; length < LONGEST - 1;) {
        bool allowed[256];
        int count = 0;
        for (int b = 0; b < 256; b++)
            count += allowed[b] = pushdown_step(&o->p, state, (uint8_t)b) != 0;
        bool ends = o->p.states[state].ends;
        if (!count && !ends) fail_msg("nothing goes on after %.*s", (int)length, text);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        if (!count || (ends && (seed >> 40) % 4 == 0)) {
            text[length] = 0;
            return length;
        }
        text[length] = (char)choose(allowed, length, &seed);
        state = pushdown_step(&o->p, state, (uint8_t)text[length++]);
    }
    return 0;
}

static void check_written(const char *schema, int rounds)
{
    opened o;
    char text[LONGEST];
    json_t *document = json_loads(schema, JSON_DECODE_ANY, NULL);
    int whole = 0;
    open_schema(schema, &o);
    for (int i = 0; i < rounds; i++) {
        json_error_t error;
        if (!write_one(&o, text, (uint64_t)i * 977 + 5)) continue;
        json_t *value = json_loads(text, JSON_DECODE_ANY, &error);
        if (!value) fail_msg("%s\nwrote what is no JSON (%s): %s", schema, error.text, text);
        if (!valid_for(document, document, value))
            fail_msg("%s\nwrote what is not valid: %s", schema, text);
        json_decref(value);
        whole++;
    }
    if (whole <= rounds / 2) fail_msg("%s: %d of %d are whole", schema, whole, rounds);
    close_schema(&o);
    json_decref(document);
}

static const char *const more[] = {
    "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\",\"minimum\":1},\"name\":{"
    "\"type\":"
    "\"string\",\"minLength\":1,\"maxLength\":12},\"tags\":{\"type\":\"array\",\"items\":{\"enum\":"
    "[\"x\","
    "\"y\",\"xy\"]},\"maxItems\":4},\"score\":{\"type\":\"number\",\"minimum\":-2.75,\"maximum\":"
    "1e3},"
    "\"kind\":{\"oneOf\":[{\"const\":\"a\"},{\"type\":\"object\",\"properties\":{\"p\":{"
    "\"pattern\":"
    "\"^[a-f]{2,4}(-[0-9]+)?$\"}},\"required\":[\"p\"],\"additionalProperties\":false}]}},"
    "\"required\":[\"id\",\"kind\"],\"additionalProperties\":false}",
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"additionalProperties\":{"
    "\"type\":"
    "\"integer\",\"maximum\":0}},\"aa\":{\"type\":\"null\"}},\"additionalProperties\":{\"type\":"
    "\"boolean\"}}",
    "{\"$defs\":{\"tree\":{\"type\":\"object\",\"properties\":{\"l\":{\"$ref\":\"#/$defs/"
    "tree\"},\"r\":{"
    "\"$ref\":\"#/$defs/"
    "tree\"},\"v\":{\"type\":\"integer\",\"minimum\":10,\"maximum\":99}},\"required\":"
    "[\"v\"],\"additionalProperties\":false}},\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/"
    "tree\"},"
    "\"minItems\":1,\"maxItems\":2}",
    "{\"type\":\"number\",\"exclusiveMinimum\":-0.001,\"exclusiveMaximum\":0.30000000000000004}",
    "{\"type\":\"number\",\"minimum\":99.995,\"maximum\":100.1}",
    "{\"type\":\"number\",\"minimum\":1e-7,\"maximum\":2e-7}",
    "{\"type\":\"integer\",\"minimum\":-1005,\"exclusiveMaximum\":-99}",
    "{\"type\":\"string\",\"pattern\":\"^(a|[\\u00e0-\\u4e00])*\\\\.\\\\d{1,3}$\"}",
    "{\"type\":\"string\",\"pattern\":\"^[\\\"\\\\\\\\/]+$\",\"minLength\":3}",
    "{\"allOf\":[{\"$ref\":\"#/$defs/a\"},{\"$ref\":\"#/$defs/"
    "b\"}],\"$defs\":{\"a\":{\"type\":\"object\","
    "\"properties\":{\"x\":{\"type\":[\"integer\",\"string\"]}},\"additionalProperties\":{\"type\":"
    "[\"null\","
    "\"string\"]}},\"b\":{\"properties\":{\"y\":{\"type\":\"string\",\"maxLength\":2}},"
    "\"required\":[\"x\"],"
    "\"anyOf\":[{\"required\":[\"y\"]},{\"properties\":{\"x\":{\"type\":\"integer\"}}}]}}}",
};

static void what_is_written_is_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        if (!strstr(examples[i].schema, "pattern")) check_written(examples[i].schema, 200);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) check_written(more[i], 400);
}

/* ---- refusals ---- */

static const struct {
    const char *schema, *sentence;
} refusals[] = {
    { "{\"properties\":{\"a\":{\"not\":{\"type\":\"null\"}}}}",
        "S: properties.a.not: expected a schema without" },
    { "{\"patternProperties\":{\"(\":{}}}", "S: patternProperties.(: expected a pattern" },
    { "{\"propertyNames\":{\"anyOf\":[{}]},\"type\":\"object\"}", "S: propertyNames.anyOf: " },
    { "{\"propertyNames\":{\"enum\":[\"a\"],\"const\":\"a\"}}", "S: propertyNames.const: " },
    { "{\"if\":{\"type\":\"null\"}}", "S: if: " },
    { "{\"items\":{\"multipleOf\":0.01}}",
        "S: items.multipleOf: expected an integer of 1 to 1000" },
    { "{\"allOf\":[{\"multipleOf\":99},{\"multipleOf\":100}]}", "multipleOf: expected" },
    { "{\"uniqueItems\":true}", "S: uniqueItems: expected false, at most one item, or" },
    { "{\"minProperties\":2}", "S: minProperties: " },
    { "{\"properties\":{\"a\":{},\"b\":{},\"c\":{}},\"maxProperties\":2}", "S: maxProperties: " },
    { "{\"type\":\"strin\"}", "S: type: expected one of null, boolean" },
    { "{\"type\":7}", "S: type: expected a string" },
    { "{\"$ref\":\"http://x/y\"}", "S: $ref: expected \"#\" or a place of this document" },
    { "{\"$ref\":\"#/$defs/x\"}", "S: $ref: expected a place of this document" },
    { "{\"$defs\":{\"a\":{\"pattern\":\"(\"}},\"$ref\":\"#/%24defs/a\"}",
        "S: $defs.a.pattern: expected a pattern" },
    { "{\"$ref\":\"#\"}", "expected a schema that does not refer to itself" },
    { "{\"allOf\":[{\"$ref\":\"#/allOf/0\"}]}", "expected a schema that does not refer to itself" },
    { "{\"pattern\":\"(?=a)\"}", "S: pattern: expected a pattern of characters" },
    { "{\"properties\":{\"z\":{\"pattern\":\"(a)\\\\1\"}}}", "S: properties.z.pattern: expected" },
    { "{\"pattern\":\"a$b\"}", "^ or $ that is not at an end" },
    { "{\"pattern\":\"\\\\bx\"}", "\\b (not supported)" },
    { "{\"pattern\":\"(\"}", "a group without an end" },
    { "{\"pattern\":\"[z-a]\"}", "a range that is none" },
    { "{\"pattern\":\"a{3,2}\"}", "below its beginning" },
    { "{\"pattern\":\"((((a{1,200}){1,200}){1,200}){1,200})\"}", "simple to follow" },
    { "{\"pattern\":\"(((((){9999}){9999}){9999}){9999})\"}", "simple to follow" },
    { "{\"pattern\":\"(a|b)*a(a|b){20}\"}", "S: pattern: expected" },
    { "{\"pattern\":\"^a*$\",\"minLength\":1000000}", "expected strings that" },
    { "{\"format\":\"nonsense\"}", "S: format: expected a format that is known" },
    { "{\"enum\":[\"a\"],\"minLength\":1}", "S: minLength: expected none of this beside enum" },
    { "{\"anyOf\":[]}", "S: anyOf: expected 1 to 512 alternatives" },
    { "{\"properties\":[1]}", "S: properties: expected an object" },
    { "{\"required\":\"a\"}", "S: required: expected an array" },
    { "{\"minLength\":-1}", "S: minLength: expected an integer" },
    { "{\"exclusiveMinimum\":true}", "S: exclusiveMinimum: expected a number" },
    { "123", "expected a schema: an object, true or false, found 123" },
    { "[]", "expected a schema" },
    { "{", "valid JSON" },
};

static void what_is_not_done_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        opened o;
        cadre_status status = try_open(refusals[i].schema, strlen(refusals[i].schema), &o);
        if (status == CADRE_OK) fail_msg("%s was not refused", refusals[i].schema);
        if (!strstr(cadre_last_error(), refusals[i].sentence))
            fail_msg("%s: %s", refusals[i].schema, cadre_last_error());
    }
}

/* What nothing is valid for, or nothing that ends, is a network whose start leads nowhere. */
static void what_cannot_be_leads_nowhere(void **state)
{
    static const char *const none[] = { "false", "{\"type\":[]}",
        "{\"type\":\"integer\",\"minimum\":3,\"maximum\":2}",
        "{\"type\":\"integer\",\"minimum\":1.2,\"maximum\":1.8}",
        "{\"type\":\"integer\",\"minimum\":1e30}",
        "{\"type\":\"number\",\"exclusiveMinimum\":1,\"maximum\":1}",
        "{\"allOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}",
        "{\"type\":\"string\",\"minLength\":3,\"maxLength\":2}",
        "{\"pattern\":\"^a{5}$\",\"maxLength\":4}",
        "{\"pattern\":\"^a$\",\"allOf\":[{\"pattern\":\"b\"}]}", "{\"enum\":[]}",
        "{\"enum\":[1],\"const\":2}", "{\"properties\":{\"a\":false},\"required\":[\"a\"]}",
        "{\"type\":\"array\",\"items\":false,\"minItems\":1}",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}" };
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        opened o;
        open_schema(none[i], &o);
        if (o.p.start) fail_msg("%s leads somewhere", none[i]);
        close_schema(&o);
    }
}

/* ---- bounds ---- */

static void put_many(byte_buffer *b, const char *text, int count)
{
    for (int i = 0; i < count; i++) byte_buffer_text(b, text);
}

/* Whether it is read, and how; in either case within the time of a few passes of a model, which is
 * this process's own: other programs may be at work. */
static cadre_status timed(const byte_buffer *schema, const char *what)
{
    opened o;
    double begin = clock_processor_seconds();
    cadre_status status = try_open(schema->data, schema->size, &o);
    if (status == CADRE_OK) {
        static const char begun[] = "{\"a0\":{\"a1\":[{\"";
        state_id at = o.p.start;
        for (const char *c = begun; *c && at; c++) at = pushdown_step(&o.p, at, (uint8_t)*c);
        close_schema(&o);
    }
    double took = clock_processor_seconds() - begin;
    print_message("# %s, %zu bytes: %.3f s, %s\n", what, schema->size, took,
        status == CADRE_OK ? "read" : cadre_last_error());
    assert_true(took < 20);
    return status;
}

/* Schemas that would be large if they were written out: each is read once, or refused. */
static void size_and_time_are_bounded(void **state)
{
    byte_buffer b = { 0 };
    (void)state;
    byte_buffer_text(&b, "{\"$defs\":{"); /* 2^60 of the last one */
    for (int i = 0; i < 60; i++)
        byte_buffer_format(&b,
            "\"a%d\":{\"properties\":{\"a%d\":{\"$ref\":\"#/$defs/a%d\"},\"b%d\":{"
            "\"$ref\":\"#/$defs/a%d\"}}},",
            i, i, i + 1, i, i + 1);
    byte_buffer_text(&b, "\"a60\":{\"type\":\"null\"}},\"$ref\":\"#/$defs/a0\"}");
    assert_int_equal(timed(&b, "references that double"), CADRE_OK);
    b.size = 0;
    byte_buffer_text(&b, "{\"allOf\":["); /* 4^30 combinations */
    for (int i = 0; i < 30; i++)
        byte_buffer_format(&b,
            "%s{\"anyOf\":[{\"minLength\":%d},{\"maxLength\":%d},{\"minLength\":%d},{"
            "\"maxLength\":%d}]}",
            i ? "," : "", i, i + 50, i + 100, i + 200);
    byte_buffer_text(&b, "]}");
    assert_int_equal(timed(&b, "choices that multiply"), CADRE_EUNSUPPORTED);
    b.size = 0;
    byte_buffer_text(&b, "{\"enum\":[");
    for (int i = 0; i < 15000; i++)
        byte_buffer_format(&b, "%s\"value number %d\"", i ? "," : "", i * 7);
    byte_buffer_text(&b, "]}");
    assert_int_equal(timed(&b, "a long enum"), CADRE_OK);
    b.size = 0;
    put_many(&b, "{\"items\":", 30);
    byte_buffer_text(&b, "{}");
    put_many(&b, "}", 30);
    assert_int_equal(timed(&b, "arrays in each other"), CADRE_OK);
    b.size = 0;
    put_many(&b, "{\"items\":", 5000);
    byte_buffer_text(&b, "{}");
    put_many(&b, "}", 5000);
    assert_int_equal(timed(&b, "too many arrays in each other"), CADRE_EFORMAT);
    b.size = 0;
    byte_buffer_text(&b, "{\"properties\":{");
    for (int i = 0; i < 4000; i++) byte_buffer_format(&b, "%s\"p%d\":{}", i ? "," : "", i);
    byte_buffer_text(&b, "}}");
    assert_int_equal(timed(&b, "many properties"), CADRE_OK);
    b.size = 0;
    byte_buffer_text(&b, "{\"minItems\":2000000000,\"items\":{\"minLength\":2000000000}}");
    assert_int_equal(timed(&b, "large counts"), CADRE_OK);
    b.size = 0;
    byte_buffer_text(&b, "{\"properties\":{"); /* patterns of names that multiply, many times */
    for (int i = 0; i < 200; i++) {
        byte_buffer_format(&b, "%s\"o%d\":{\"patternProperties\":{", i ? "," : "", i);
        for (int k = 0; k < 8; k++)
            byte_buffer_format(
                &b, "%s\"^(a|b)*%c(a|b){%d}$\":{}", k ? "," : "", 'a' + k % 2, 5 + k / 2);
        byte_buffer_text(&b, "}}");
    }
    byte_buffer_text(&b, "}}");
    assert_int_equal(timed(&b, "patterns of names"), CADRE_EUNSUPPORTED);
    b.size = 0;
    byte_buffer_fill(&b, ' ', SCHEMA_BYTES_MAX + 1);
    assert_int_equal(timed(&b, "a long text"), CADRE_EUNSUPPORTED);
    byte_buffer_free(&b);
}

/* Nothing of any kind goes on for ever: levels and white space have an end. */
static void levels_and_blanks_have_an_end(void **state)
{
    opened o;
    (void)state;
    open_schema("{}", &o);
    state_id at = o.p.start;
    int levels = 0;
    while ((at = pushdown_step(&o.p, at, '['))) levels++;
    assert_in_range(levels, 32, NETWORK_DEPTH);
    at = follow(&o, "[\n");
    int blanks = 0;
    while ((at = pushdown_step(&o.p, at, ' '))) blanks++;
    assert_in_range(blanks, 16, 32);
    assert_int_equal(follow(&o, "[\n\n"), 0);
    close_schema(&o);
}

/* An alternative that is the whole schema again adds nothing. */
static void a_choice_of_itself_adds_nothing(void **state)
{
    static const char schema[] = "{\"anyOf\":[{\"$ref\":\"#\"},{\"type\":\"null\"}]}";
    (void)state;
    assert_true(schema_takes(schema, "null"));
    assert_false(schema_takes(schema, "1"));
}

/* One text may be read in very many ways: the places are bounded, and what is read is valid. */
static void ambiguity_is_bounded(void **state)
{
    static const char schema[] =
        "{\"$defs\":{\"a\":{\"properties\":{\"c\":{\"$ref\":\"#/$defs/"
        "v\"},\"x\":{\"type\":\"null\"}}},\"b\":{"
        "\"properties\":{\"c\":{\"$ref\":\"#/$defs/"
        "v\"},\"y\":{\"type\":\"null\"}}},\"v\":{\"anyOf\":[{"
        "\"$ref\":\"#/$defs/a\"},{\"$ref\":\"#/$defs/b\"}]}},\"$ref\":\"#/$defs/v\"}";
    opened o;
    (void)state;
    open_schema(schema, &o);
    state_id at = o.p.start;
    for (int i = 0; i < 40; i++) {
        for (const char *c = "{\"c\":"; *c; c++) at = pushdown_step(&o.p, at, (uint8_t)*c);
        assert_true(at && o.p.states[at].count <= PUSHDOWN_PLACES);
    }
    close_schema(&o);
    check_written(schema, 200);
}

/* Forgetting all states changes none of what is read. */
static void states_are_found_again(void **state)
{
    opened o;
    char first[LONGEST], second[LONGEST];
    (void)state;
    open_schema(more[0], &o);
    for (uint64_t seed = 1; seed < 20; seed++) {
        size_t length = write_one(&o, first, seed);
        pushdown_forget(&o.p);
        assert_int_equal(write_one(&o, second, seed), length);
        if (length) assert_string_equal(first, second);
    }
    close_schema(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_are_told_apart),
        cmocka_unit_test(what_is_written_is_valid),
        cmocka_unit_test(what_is_not_done_is_refused_by_name),
        cmocka_unit_test(what_cannot_be_leads_nowhere),
        cmocka_unit_test(size_and_time_are_bounded),
        cmocka_unit_test(levels_and_blanks_have_an_end),
        cmocka_unit_test(a_choice_of_itself_adds_nothing),
        cmocka_unit_test(ambiguity_is_bounded),
        cmocka_unit_test(states_are_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

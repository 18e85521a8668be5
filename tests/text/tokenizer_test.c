/* tokenizer_test.c - ids and texts of the tokenizers package, any bytes, streams, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/oracle.h"
#include "text/tokenizer.h"

static tokenizer *open_oracle(const char *name)
{
    char file[128];
    tokenizer *t = NULL;
    snprintf(file, sizeof file, "tokenizer-json/%s.json", name);
    const char *path = oracle_path(file);
    if (path && tokenizer_open_json(path, &t) != CADRE_OK) fail_msg("%s", cadre_last_error());
    return t;
}

static json_t *open_cases(const char *name)
{
    char file[128];
    snprintf(file, sizeof file, "tokenizer-json/%s.cases.json", name);
    const char *path = oracle_path(file);
    return path ? json_load_file(path, JSON_ALLOW_NUL, NULL) : NULL;
}

static void check_ids(const char *what, const char *text, const token_list *ids, const json_t *expected)
{
    bool same = ids->count == json_array_size(expected);
    for (size_t i = 0; same && i < ids->count; i++) same = ids->ids[i] == json_integer_value(json_array_get(expected, i));
    if (same) return;
    char *wanted = json_dumps(expected, JSON_COMPACT);
    print_error("%s: \"%s\": expected %s, found", what, text, wanted);
    for (size_t i = 0; i < ids->count; i++) print_error(" %d", ids->ids[i]);
    fail_msg("%s", what);
}

static void check_case(const tokenizer *t, const char *name, const json_t *c)
{
    const json_t *text = json_object_get(c, "text"), *decoded = json_object_get(c, "decoded");
    token_list ids = { 0 };
    byte_list back = { 0 };
    assert_int_equal(tokenizer_encode(t, json_string_value(text), json_string_length(text),
                                      CADRE_PARSE_SPECIAL | CADRE_ADD_SPECIAL, &ids), CADRE_OK);
    check_ids(name, json_string_value(text), &ids, json_object_get(c, "ids"));
    ids.count = 0;
    assert_int_equal(tokenizer_encode(t, json_string_value(text), json_string_length(text), CADRE_PARSE_SPECIAL, &ids),
                     CADRE_OK);
    check_ids(name, json_string_value(text), &ids, json_object_get(c, "ids_without_special"));
    assert_int_equal(tokenizer_decode(t, ids.ids, ids.count, 0, &back), CADRE_OK);
    if (back.size != json_string_length(decoded) || (back.size && memcmp(back.data, json_string_value(decoded), back.size) != 0))
        fail_msg("%s: expected \"%s\", found \"%.*s\"", name, json_string_value(decoded), (int)back.size, back.data);
    token_list_free(&ids);
    byte_list_free(&back);
}

static void test_reference_cases(void **state)
{
    (void)state;
    static const char *const names[] = { "deepseek-v3", "gpt-2", "gpt-oss", "llama-3", "qwen-2", "sentencepiece-bpe",
                                        "t5-precompiled", "t5-unigram" };
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        tokenizer *t = open_oracle(names[n]);
        json_t *cases = open_cases(names[n]);
        for (size_t i = 0; t && i < json_array_size(cases); i++) check_case(t, names[n], json_array_get(cases, i));
        json_decref(cases);
        tokenizer_close(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

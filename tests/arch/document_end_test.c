/* document_end_test.c - of several tokens that end a text, the one that ends documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/document_end.h"

static const char json[] =
    "{\"added_tokens\": ["
    "{\"id\": 2, \"content\": \"<|im_end|>\", \"special\": true, \"normalized\": false, "
    "\"single_word\": false, \"lstrip\": false, \"rstrip\": false},"
    "{\"id\": 3, \"content\": \"<|endoftext|>\", \"special\": true, \"normalized\": false, "
    "\"single_word\": false, \"lstrip\": false, \"rstrip\": false}],"
    "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"<|im_end|>\": 2, "
    "\"<|endoftext|>\": 3}, \"merges\": []}}";

static void the_end_of_documents(void **state)
{
    (void)state;
    tokenizer *t;
    if (tokenizer_open_text(json, strlen(json), "sample", &t) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    model_config turns_first = { .vocab = 4, .eos = 2, .other_eos = { 3 }, .other_eos_count = 1 },
                 turns = { .vocab = 4, .eos = 2 };
    model_config documents = { .vocab = 4, .eos = 3, .other_eos = { 2 }, .other_eos_count = 1 },
                 none = { .vocab = 4, .eos = -1 };
    model_config outside = { .vocab = 2, .eos = 2 };
    assert_int_equal(document_end(&turns_first, t), 3);
    assert_int_equal(document_end(&documents, t), 3);
    assert_int_equal(document_end(&turns, t), 2); /* it stops there, and nowhere else */
    assert_int_equal(document_end(&none, t), -1);
    assert_int_equal(document_end(&outside, t), -1);
    tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_end_of_documents) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

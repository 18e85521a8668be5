/* base64_test.c - the examples of RFC 4648. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"

static void the_examples_of_the_standard(void **state)
{
    (void)state;
    static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
        { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfd", "//79" } };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        byte_buffer b = { 0 };
        assert_int_equal(base64_put(&b, pairs[i][0], strlen(pairs[i][0])), CADRE_OK);
        assert_string_equal(b.data ? b.data : "", pairs[i][1]);
        assert_true(base64_is(pairs[i][1]));
        byte_buffer_free(&b);
    }
}

static void other_text_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = { "a", "ab=", "a===", "ab\"=", "ab=c", "abc\n" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) assert_false(base64_is(texts[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_standard),
        cmocka_unit_test(other_text_is_none),
    };
    return cmocka_run_group_tests_name("base/base64", tests, NULL, NULL);
}

/* plain_text_test.c - what is refused as no text, by which name, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "text/plain_text.h"

static void kinds_by_their_first_bytes(void **state)
{
    (void)state;
#define CASE(bytes, name, command)                                                                 \
    {                                                                                              \
        bytes, sizeof(bytes) - 1, name, command                                                    \
    }
    static const struct {
        const char *bytes;
        size_t size;
        const char *name, *command;
    } cases[] = {
        CASE("\x1f\x8b\x08\0\0", "gzip", "gzip -dc a/b > a/b.txt"),
        CASE("\x28\xb5\x2f\xfd", "zstd", "zstd -dc a/b"),
        CASE("\xfd"
             "7zXZ\0\0",
            "xz", "xz -dc a/b"),
        CASE("BZh91AY&SY", "bzip2", "bzip2 -dc a/b"),
        CASE("PK\3\4..", "zip", "unzip a/b"),
        CASE("PAR1\x15\4", "Parquet", "pandas"),
        CASE("%PDF-1.7", "PDF", "pdftotext a/b"),
        CASE("\xff\xfe"
             "h\0",
            "UTF-16", "iconv -f UTF-16"),
        CASE("\xfe\xff\0h", "UTF-16", "iconv -f UTF-16"),
        CASE("version https://git-lfs.github.com/spec/v1\n", "Git LFS", "git lfs pull"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(plain_text_check("a/b", cases[i].bytes, cases[i].size), CADRE_EFORMAT);
        assert_non_null(strstr(cadre_last_error(), "a/b: expected text in UTF-8, found "));
        assert_non_null(strstr(cadre_last_error(), cases[i].name));
        assert_non_null(strstr(cadre_last_error(), cases[i].command));
    }
}

static void shares_of_bytes(void **state)
{
    (void)state;
    char text[4096];
    memset(text, 'a', sizeof text);
    assert_int_equal(plain_text_check(NULL, text, sizeof text), CADRE_OK);
    for (int i = 0; i < 400; i++) text[i * 10] = (char)0xe9; /* Latin-1, a letter in ten */
    assert_int_equal(plain_text_check(NULL, text, sizeof text), CADRE_OK);
    for (int i = 0; i < 800; i++) text[i * 5] = (char)0xe9; /* a letter in five */
    assert_int_equal(plain_text_check(NULL, text, sizeof text), CADRE_EFORMAT);
    memset(text, 'a', sizeof text);
    for (int i = 0; i < 2048; i++) text[2 * i + 1] = 0; /* UTF-16 without a mark */
    assert_int_equal(plain_text_check(NULL, text, sizeof text), CADRE_EFORMAT);
    assert_non_null(strstr(cadre_last_error(), "zero bytes"));
    assert_int_equal(plain_text_check(NULL, text, 20), CADRE_OK); /* a few bytes say nothing */
    assert_int_equal(plain_text_check(NULL, "", 0), CADRE_OK);
    assert_int_equal(plain_text_check(NULL, "\xef\xbb\xbfmarked", 9), CADRE_OK);
    assert_int_equal(plain_text_check(NULL, "PK is a name, GIF8 a word.", 26), CADRE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(kinds_by_their_first_bytes),
        cmocka_unit_test(shares_of_bytes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* file_reader_test.c - a file piece by piece and from anywhere; what is none, and one that
 * shrinks. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/file_reader.h"
#include "support/scratch.h"

static const char text[] = "0123456789";

static void test_pieces(void **state)
{
    (void)state;
    const char *path = scratch_file("pieces");
    char piece[4], all[16] = { 0 };
    size_t got = 1, size = 0;
    file_reader r;
    assert_int_equal(file_write(path, text, 10), CADRE_OK);
    assert_int_equal(file_reader_open(path, &r), CADRE_OK);
    assert_int_equal(r.bytes, 10);
    while (got) {
        assert_int_equal(file_reader_next(&r, piece, sizeof piece, &got), CADRE_OK);
        assert_true(size + got <= 10);
        memcpy(all + size, piece, got);
        size += got;
    }
    assert_string_equal(all, text);
    assert_int_equal(file_reader_at(&r, 3, piece, 4), CADRE_OK);
    assert_memory_equal(piece, "3456", 4);
    assert_int_equal(file_reader_at(&r, 6, piece, 4), CADRE_OK);
    assert_memory_equal(piece, "6789", 4);
    file_reader_close(&r);
    file_reader_close(&r); /* once more does nothing */
}

static void test_a_file_that_shrinks(void **state)
{
    (void)state;
    const char *path = scratch_file("shrinks");
    char piece[4];
    file_reader r;
    assert_int_equal(file_write(path, text, 10), CADRE_OK);
    assert_int_equal(file_reader_open(path, &r), CADRE_OK);
    assert_int_equal(file_reader_at(&r, 7, piece, 4), CADRE_EIO);
    assert_non_null(strstr(cadre_last_error(), "expected 4 bytes at 7, found its end"));
    assert_int_equal(truncate(path, 2), 0);
    assert_int_equal(file_reader_at(&r, 0, piece, 4), CADRE_EIO);
    assert_int_equal(file_reader_at(&r, 0, piece, 2), CADRE_OK);
    file_reader_close(&r);
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    file_reader r;
    assert_int_equal(file_reader_open(scratch_folder(), &r), CADRE_EIO);
    assert_non_null(strstr(cadre_last_error(), "found a folder"));
    assert_int_equal(file_reader_open(scratch_file("nowhere"), &r), CADRE_EIO);
    file_reader_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_a_file_that_shrinks), cmocka_unit_test(test_what_is_no_file) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

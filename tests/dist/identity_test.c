/* identity_test.c - the identity of a file or folder depends on what it holds, not on where it
 * lies. */
#define _GNU_SOURCE
#include "cadre/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

enum { LONG = 3 << 20 }; /* bytes: so long that only samples are hashed */

static char folder[] = "/tmp/identity_test-XXXXXX";

static void write_in(const char *name, const void *data, size_t size)
{
    char *path = file_join(folder, name);
    assert_int_equal(file_write(path, data, size), CADRE_OK);
    mem_free(path);
}

static void identity_of(const char *name, char text[CADRE_FILE_IDENTITY])
{
    char *path = file_join(folder, name);
    assert_int_equal(cadre_file_identity(path, text), CADRE_OK);
    mem_free(path);
}

static void test_files(void **state)
{
    (void)state;
    char a[CADRE_FILE_IDENTITY], b[CADRE_FILE_IDENTITY], *data = mem_alloc(LONG, 1);
    write_in("a", data, LONG);
    write_in("b", data, LONG);
    identity_of("a", a);
    identity_of("b", b);
    assert_string_equal(a, b);
    assert_non_null(strstr(a, "3145728 bytes"));
    data[LONG - 1] = 1; /* the samples include the last byte and the first */
    write_in("b", data, LONG);
    identity_of("b", b);
    assert_string_not_equal(a, b);
    write_in("b", data, LONG - 1);
    identity_of("b", b);
    assert_string_not_equal(a, b);
    mem_free(data);
}

static void test_folders(void **state)
{
    (void)state;
    char a[CADRE_FILE_IDENTITY], b[CADRE_FILE_IDENTITY];
    for (int i = 0; i < 2; i++) {
        char *path = file_join(folder, i ? "second" : "first");
        assert_int_equal(file_make_folder(path), CADRE_OK);
        mem_free(path);
    }
    write_in("first/x", "model", 5);
    write_in("second/x", "model", 5);
    identity_of("first", a);
    identity_of("second", b);
    assert_string_equal(a, b);
    write_in("second/y", "", 0); /* adds a file */
    identity_of("second", b);
    assert_string_not_equal(a, b);
}

static void test_missing_files(void **state)
{
    (void)state;
    char a[CADRE_FILE_IDENTITY], *path = file_join(folder, "nothing");
    assert_int_equal(cadre_file_identity(path, a), CADRE_EIO);
    mem_free(path);
}

static int open_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_all(void **state)
{
    (void)state;
    static const char *const names[] = { "a", "b", "first/x", "second/x", "second/y" };
    static const char *const folders[] = { "first", "second", "." };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = file_join(folder, names[i]);
        file_remove(path);
        mem_free(path);
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char *path = file_join(folder, folders[i]);
        file_remove_folder(i == 2 ? folder : path);
        mem_free(path);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_missing_files),
    };
    return cmocka_run_group_tests(tests, open_folder, remove_all);
}

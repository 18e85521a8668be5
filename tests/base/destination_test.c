/* destination_test.c - what cannot be written is known before. */
#define _GNU_SOURCE
#include "base/destination.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

static char folder[64];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/destination_test-XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    char *file = file_join(folder, "file");
    file_remove(file);
    mem_free(file);
    return rmdir(folder);
}

static void expect(cadre_status (*ask)(const char *path), const char *name, const char *words)
{
    char *path = file_join(folder, name);
    assert_int_equal(ask(path), words ? CADRE_EIO : CADRE_OK);
    if (words) assert_non_null(strstr(cadre_last_error(), words));
    if (words) assert_non_null(strstr(cadre_last_error(), folder));
    mem_free(path);
}

static void files_need_a_folder(void **state)
{
    (void)state;
    char *file = file_join(folder, "file");
    assert_int_equal(file_write(file, "x", 1), CADRE_OK);
    expect(destination_file, "file", NULL);
    expect(destination_file, "new", NULL);
    expect(destination_file, "", "found a folder");
    expect(destination_file, "none/new", "No such file");
    expect(destination_file, "file/new", "found a file");
    assert_int_equal(destination_file("in-this-folder"), CADRE_OK);
    mem_free(file);
}

static void folders_come_with_their_parents(void **state)
{
    (void)state;
    char *file = file_join(folder, "file");
    assert_int_equal(file_write(file, "x", 1), CADRE_OK);
    expect(destination_folder, "", NULL);
    expect(destination_folder, "a/b/c", NULL);
    expect(destination_folder, "a//b/c///", NULL);
    expect(destination_folder, "file", "found a file");
    expect(destination_folder, "file/a/b", "found a file");
    assert_int_equal(destination_folder("one/two"), CADRE_OK);
    mem_free(file);
}

static void room_is_that_of_the_nearest_folder(void **state)
{
    (void)state;
    char *path = file_join(folder, "a/b");
    assert_int_equal(destination_room(path, 1, "a letter"), CADRE_OK);
    assert_int_equal(destination_room(path, INT64_MAX, "all the world's books"), CADRE_EIO);
    assert_non_null(strstr(cadre_last_error(),
        "expected room on the disk for all the world's books, 9.22e+09 GB, found "));
    mem_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_need_a_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_come_with_their_parents, setup, teardown),
        cmocka_unit_test_setup_teardown(room_is_that_of_the_nearest_folder, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

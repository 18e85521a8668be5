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
    assert_false(file_exists("in-this-folder"));
    expect(destination_file, "new///", "could not be created");
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
    assert_false(file_exists_in(folder, "a"));
    expect(destination_folder, "file", "found a file");
    expect(destination_folder, "file/a/b", "found a file");
    assert_int_equal(destination_folder("one/two"), CADRE_OK);
    mem_free(file);
}

/* Root may write in /proc, as far as permissions say, but nothing can be made there. */
static void what_permissions_do_not_tell_is_tried(void **state)
{
    (void)state;
    if (!file_is_folder("/proc")) return;
    assert_int_equal(destination_file("/proc/cadre"), CADRE_EIO);
    assert_int_equal(destination_folder("/proc"), CADRE_EIO);
    assert_non_null(strstr(cadre_last_error(), "/proc: no file could be made in it: "));
    assert_int_equal(destination_folder("/proc/cadre/a"), CADRE_EIO);
    assert_non_null(strstr(cadre_last_error(), "/proc/cadre/a: "));
}

static void folders_that_were_there_stay(void **state)
{
    (void)state;
    char *there = file_join(folder, "there"), *way = file_join(folder, "none/../there/a");
    assert_int_equal(file_make_folder(there), CADRE_OK);
    assert_int_equal(destination_folder(way), CADRE_OK);
    assert_true(file_is_folder(there));
    assert_false(file_exists_in(folder, "none"));
    assert_false(file_exists_in(there, "a"));
    file_remove_folder(there);
    mem_free(there);
    mem_free(way);
}

/* Whether a file's folder comes with a folder, both in the test's */
static bool comes_with(const char *file, const char *other)
{
    char *path = file_join(folder, file), *made = file_join(folder, other);
    bool comes = destination_comes_with(path, made);
    mem_free(path);
    mem_free(made);
    return comes;
}

static void files_may_lie_in_folders_to_come(void **state)
{
    (void)state;
    int64_t before = mem_balance();
    assert_true(comes_with("a/x", "a"));
    assert_true(comes_with("a/x", "a//"));
    assert_true(comes_with("a//x", "./a/b/c"));
    assert_true(comes_with("./a/b/x", "a/b/c/"));
    assert_false(comes_with("a/x", "b/a"));
    assert_false(comes_with("b/a/x", "a"));
    assert_false(comes_with("a/b/x", "a"));
    assert_false(comes_with("x", "a"));
    assert_true(destination_comes_with("no-folder/x", "./no-folder"));
    assert_false(destination_comes_with("x", "no-folder"));
    assert_int_equal(mem_balance(), before);
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

static void sentences_name_what_was_asked_for(void **state)
{
    (void)state;
    int64_t before = mem_balance();
    char *file = file_join(folder, "file"), *inner = file_join(folder, "file/a/b"),
         *none = file_join(folder, "none/new"), *slashes = file_join(folder, "new///"), wanted[300];
    assert_int_equal(file_write(file, "x", 1), CADRE_OK);
    snprintf(
        wanted, sizeof wanted, "%s: expected the name of a file to write, found a folder", folder);
    assert_int_equal(destination_file(folder), CADRE_EIO);
    assert_string_equal(cadre_last_error(), wanted);
    snprintf(wanted, sizeof wanted, "%s: expected a folder to write in, found a file", file);
    assert_int_equal(destination_folder(inner), CADRE_EIO);
    assert_string_equal(cadre_last_error(), wanted);
    snprintf(wanted, sizeof wanted, "%s: could not be created: No such file or directory", none);
    assert_int_equal(destination_file(none), CADRE_EIO);
    assert_string_equal(cadre_last_error(), wanted);
    assert_int_equal(destination_file(slashes), CADRE_EIO);
    mem_free(file);
    mem_free(inner);
    mem_free(none);
    mem_free(slashes);
    assert_int_equal(mem_balance(), before);
}

static void the_root_is_a_folder_like_others(void **state)
{
    (void)state;
    assert_int_equal(destination_file("/"), CADRE_EIO);
    assert_int_equal(destination_folder("/"), CADRE_OK);
    assert_int_equal(destination_room("/not/there/yet", 1, "a letter"), CADRE_OK);
    if (access("/", W_OK) == 0) {
        assert_int_equal(destination_file("/cadre-destination-test"), CADRE_OK);
        assert_int_equal(destination_folder("/not/there/yet"), CADRE_OK);
    }
}

static void questions_without_memory_are_not_answered(void **state)
{
    (void)state;
    cadre_status (*const ask[])(const char *) = { destination_file, destination_folder };
    int64_t before = mem_balance();
    for (int i = 0; i < 3; i++) {
        mem_fail_at(1, false);
        cadre_status status = i < 2 ? ask[i]("a/b") : destination_room("a/b", 1, "a letter");
        mem_fail_at(0, false);
        assert_int_equal(status, CADRE_ENOMEM);
    }
    assert_int_equal(mem_balance(), before);
}

static void the_room_that_was_found_is_told(void **state)
{
    (void)state;
    double free_gb = 0;
    assert_int_equal(destination_room(folder, INT64_MAX, "all"), CADRE_EIO);
    const char *found = strstr(cadre_last_error(), ", found ");
    assert_non_null(found);
    assert_int_equal(sscanf(found, ", found %lf GB", &free_gb), 1);
    assert_true(free_gb > 1e-6 && free_gb < 1e8);
    assert_int_equal(destination_room(folder, (int64_t)(free_gb * 0.8e9), "less"), CADRE_OK);
    assert_int_equal(destination_room(folder, (int64_t)(free_gb * 1.5e9), "more"), CADRE_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_need_a_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_come_with_their_parents, setup, teardown),
        cmocka_unit_test_setup_teardown(what_permissions_do_not_tell_is_tried, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_that_were_there_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(files_may_lie_in_folders_to_come, setup, teardown),
        cmocka_unit_test_setup_teardown(room_is_that_of_the_nearest_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(sentences_name_what_was_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(the_root_is_a_folder_like_others, setup, teardown),
        cmocka_unit_test_setup_teardown(questions_without_memory_are_not_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(the_room_that_was_found_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

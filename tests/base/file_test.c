/* file_test.c - files replaced whole or not at all, folders, and errors that name the path. */
#define _GNU_SOURCE
#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/scratch.h"

static char folder[64];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/file_test-XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    char **names;
    int count;
    if (file_list(folder, &names, &count) != CADRE_OK) return 1;
    for (int i = 0; i < count; i++) {
        char *path = file_join(folder, names[i]);
        remove(path);
        mem_free(path);
    }
    file_list_free(names, count);
    return rmdir(folder);
}

static void expect_content(const char *path, const char *text)
{
    char *read;
    size_t size;
    assert_int_equal(file_read(path, 1 << 20, &read, &size), CADRE_OK);
    assert_int_equal(size, strlen(text));
    assert_string_equal(read, text);
    mem_free(read);
}

static void expect_one_file(void)
{
    char **names;
    int count;
    assert_int_equal(file_list(folder, &names, &count), CADRE_OK);
    assert_int_equal(count, 1);
    file_list_free(names, count);
}

static void a_file_is_replaced_whole(void **state)
{
    (void)state;
    char *path = file_join(folder, "a");
    assert_int_equal(file_write(path, "old", 3), CADRE_OK);
    file_writer *w;
    assert_int_equal(file_writer_open(path, &w), CADRE_OK);
    for (int i = 0; i < 300000; i++)
        assert_int_equal(file_writer_put(w, "0123456789", 10), CADRE_OK);
    expect_content(path, "old");
    assert_int_equal(file_writer_commit(w), CADRE_OK);
    file_map map;
    assert_int_equal(file_map_open(path, &map), CADRE_OK);
    assert_int_equal(map.size, 3000000);
    assert_int_equal(file_bytes(path), 3000000);
    assert_int_equal(file_bytes(folder), 0);
    assert_int_equal(map.data[2999999], '9');
    file_map_close(&map);
    expect_one_file();
    mem_free(path);
}

static void a_writer_that_is_discarded_leaves_nothing(void **state)
{
    (void)state;
    char *path = file_join(folder, "a");
    file_writer *w;
    assert_int_equal(file_write(path, "old", 3), CADRE_OK);
    assert_int_equal(file_writer_open(path, &w), CADRE_OK);
    assert_int_equal(file_writer_put(w, "new", 3), CADRE_OK);
    file_writer_discard(w);
    file_writer_discard(NULL);
    expect_content(path, "old");
    expect_one_file();
    mem_free(path);
}

static void what_is_being_written_can_be_abandoned(void **state)
{
    (void)state;
    char *path = file_join(folder, "a"), *other = file_join(folder, "b"),
         *third = file_join(folder, "c");
    file_writer *w, *v;
    assert_int_equal(file_write(path, "old", 3), CADRE_OK);
    assert_int_equal(file_writer_open(path, &w), CADRE_OK);
    assert_int_equal(file_writer_open(other, &v), CADRE_OK);
    cadre_abandon_files();
    expect_content(path, "old");
    expect_one_file();
    file_writer_discard(w);
    file_writer_discard(v);
    assert_int_equal(file_write(third, "kept", 4), CADRE_OK);
    cadre_abandon_files(); /* it has its name */
    expect_content(third, "kept");
    file_remove(third);
    mem_free(path);
    mem_free(other);
    mem_free(third);
}

/* A limit on file sizes fails a write halfway, as a full disk does. */
static void a_disk_that_fills_up_leaves_the_old_file(void **state)
{
    (void)state;
    char *path = file_join(folder, "a"), *large = mem_alloc(3 << 20, 1);
    assert_int_equal(file_write(path, "old", 3), CADRE_OK);
    struct rlimit before, little = { 1 << 20, RLIM_INFINITY };
    getrlimit(RLIMIT_FSIZE, &before);
    little.rlim_max = before.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &little);
    cadre_status status = file_write(path, large, 3 << 20);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, CADRE_EIO);
    assert_non_null(strstr(cadre_last_error(), path));
    assert_non_null(strstr(cadre_last_error(), "could not be written after 1048576 bytes"));
    expect_content(path, "old");
    expect_one_file();
    mem_free(path);
    mem_free(large);
}

static void reading_names_what_is_wrong(void **state)
{
    (void)state;
    char *path = file_join(folder, "a"), *text;
    size_t size;
    file_map map;
    assert_int_equal(file_read(path, 10, &text, &size), CADRE_EIO);
    assert_non_null(strstr(cadre_last_error(), "No such file"));
    assert_int_equal(file_map_open(folder, &map), CADRE_EIO);
    assert_non_null(strstr(cadre_last_error(), "found a folder"));
    assert_int_equal(file_write(path, "0123456789", 10), CADRE_OK);
    assert_int_equal(file_read(path, 9, &text, &size), CADRE_EFORMAT);
    assert_non_null(strstr(cadre_last_error(), "at most 9 bytes, found 10"));
    mem_free(path);
}

static void an_empty_file_is_a_file(void **state)
{
    (void)state;
    char *path = file_join(folder, "a");
    file_map map;
    assert_int_equal(file_write(path, NULL, 0), CADRE_OK);
    assert_int_equal(file_map_open(path, &map), CADRE_OK);
    assert_int_equal(map.size, 0);
    file_map_close(&map);
    expect_content(path, "");
    mem_free(path);
}

static void folders_are_made_with_their_parents(void **state)
{
    (void)state;
    char *outer = file_join(folder, "x"), *inner = file_join(outer, "y");
    assert_int_equal(file_make_folder(inner), CADRE_OK);
    assert_int_equal(file_make_folder(inner), CADRE_OK);
    assert_true(file_is_folder(inner));
    char *blocked = file_join(inner, "z");
    assert_int_equal(file_write(blocked, "f", 1), CADRE_OK);
    assert_int_equal(file_make_folder(blocked), CADRE_EIO);
    assert_int_equal(file_remove(blocked), CADRE_OK);
    assert_int_equal(file_remove(blocked), CADRE_OK);
    rmdir(inner);
    mem_free(blocked);
    mem_free(inner);
    mem_free(outer);
}

static void names_are_listed_in_order(void **state)
{
    (void)state;
    const char *const made[] = { "b", "a", "C" }, *const listed[] = { "C", "a", "b" };
    for (int i = 0; i < 3; i++) {
        char *path = file_join(folder, made[i]);
        assert_int_equal(file_write(path, "x", 1), CADRE_OK);
        mem_free(path);
    }
    char **names;
    int count;
    assert_int_equal(file_list(folder, &names, &count), CADRE_OK);
    assert_int_equal(count, 3);
    for (int i = 0; i < 3; i++) assert_string_equal(names[i], listed[i]);
    file_list_free(names, count);
    assert_int_equal(file_list("/nowhere", &names, &count), CADRE_EIO);
}

static void paths_are_joined_and_cut(void **state)
{
    (void)state;
    char *a = file_join("x", "y"), *b = file_join("x/", "y"), *c = file_join("", "y");
    assert_string_equal(a, "x/y");
    assert_string_equal(b, "x/y");
    assert_string_equal(c, "y");
    assert_string_equal(file_base("x/y"), "y");
    assert_string_equal(file_base("y"), "y");
    mem_free(a);
    mem_free(b);
    mem_free(c);
}

static void every_allocation_of_a_write_may_fail(void **state)
{
    (void)state;
    char *path = file_join(folder, "a");
    cadre_status status = CADRE_ENOMEM;
    for (long n = 1; status != CADRE_OK; n++) {
        mem_fail_at(n, false);
        status = file_write(path, "new", 3);
        mem_fail_at(0, false);
        assert_true(status == CADRE_OK || status == CADRE_ENOMEM);
    }
    expect_content(path, "new");
    expect_one_file();
    mem_free(path);
}

/* Opening one waits for whoever writes to it, perhaps for ever. */
static void a_pipe_is_refused_at_once(void **state)
{
    (void)state;
    file_map map;
    char *path = file_join(folder, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(10);
    assert_int_equal(file_map_open(path, &map), CADRE_EIO);
    alarm(0);
    assert_non_null(strstr(cadre_last_error(), "regular file"));
    mem_free(path);
}

static void empty_folders_alone_are_removed(void **state)
{
    (void)state;
    char *made = file_join(folder, "made"), *within = file_join(folder, "made/x");
    assert_int_equal(file_make_folder(made), CADRE_OK);
    assert_int_equal(file_write(within, "x", 1), CADRE_OK);
    file_remove_folder(made);
    assert_true(file_exists(within));
    assert_int_equal(file_remove(within), CADRE_OK);
    file_remove_folder(made);
    assert_false(file_exists(made));
    mem_free(made);
    mem_free(within);
}

static void a_file_in_a_folder_is_found_without_memory(void **state)
{
    (void)state;
    const char *where = scratch_folder();
    assert_int_equal(file_write(scratch_file("there"), "x", 1), CADRE_OK);
    mem_fail_at(1, true);
    bool found = file_exists_in(where, "there"), other = file_exists_in(where, "elsewhere");
    bool nowhere = file_exists_in("/no/such/folder", "there");
    mem_fail_at(0, false);
    assert_true(found && !other && !nowhere);
}

/* ---- nothing stays open ---- */

static int lowest_handle(void)
{
    int fd = open("/dev/null", O_RDONLY);
    close(fd);
    return fd;
}

static void no_handle_stays_open(void **state)
{
    (void)state;
    char *path = file_join(folder, "a"), *none = file_join(folder, "none/a"), *text, **names;
    size_t size;
    int count, before = lowest_handle();
    file_map map;
    file_writer *w;
    assert_int_equal(file_write(path, "text", 4), CADRE_OK);
    assert_int_equal(file_write(none, "text", 4), CADRE_EIO);
    assert_int_equal(file_map_open(folder, &map), CADRE_EIO);
    assert_int_equal(file_map_open(path, &map), CADRE_OK);
    file_map_close(&map);
    assert_int_equal(file_read(path, 3, &text, &size), CADRE_EFORMAT);
    assert_int_equal(file_read(path, 4, &text, &size), CADRE_OK);
    mem_free(text);
    assert_int_equal(file_list(folder, &names, &count), CADRE_OK);
    file_list_free(names, count);
    assert_true(file_exists_in(folder, "a"));
    assert_int_equal(file_sync_folder(folder), CADRE_OK);
    assert_int_equal(file_writer_open(path, &w), CADRE_OK);
    file_writer_discard(w);
    assert_int_equal(lowest_handle(), before);
    mem_free(path);
    mem_free(none);
}

/* How much of a file is mapped: kilobytes of addresses, and of memory behind them. */
static void mapped(const char *path, long *addresses, long *resident)
{
    char line[512];
    bool own = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    *addresses = *resident = 0;
    while (fgets(line, sizeof line, maps)) {
        long kilobytes;
        if (strstr(line, path)) own = true;
        else if (own && sscanf(line, "Size: %ld", &kilobytes) == 1) *addresses += kilobytes;
        else if (own && sscanf(line, "Rss: %ld", &kilobytes) == 1) *resident += kilobytes, own = 0;
    }
    fclose(maps);
}

static void a_mapping_is_let_go_page_by_page_and_closed_whole(void **state)
{
    (void)state;
    enum { BYTES = 1 << 20 };
    char *path = file_join(folder, "a"), *ones = mem_alloc(BYTES, 1);
    long addresses, resident;
    file_map map;
    memset(ones, 1, BYTES);
    assert_int_equal(file_write(path, ones, BYTES), CADRE_OK);
    assert_int_equal(file_map_open(path, &map), CADRE_OK);
    assert_memory_equal(map.data, ones, BYTES);
    mapped(path, &addresses, &resident);
    assert_int_equal(addresses, BYTES / 1024);
    assert_int_equal(resident, BYTES / 1024);
    file_map_let_go(map.data + 1, BYTES - 2); /* all but the first page and the last */
    mapped(path, &addresses, &resident);
    assert_int_equal(resident, 2 * sysconf(_SC_PAGESIZE) / 1024);
    file_map_let_go(map.data + 10, 100); /* no whole page */
    assert_memory_equal(map.data, ones, BYTES);
    file_map_close(&map);
    mapped(path, &addresses, &resident);
    assert_int_equal(addresses, 0);
    assert_true(!map.data && map.size == 0);
    file_map_close(&map);
    mem_free(path);
    mem_free(ones);
}

/* ---- writing ---- */

static void what_is_written_lies_beside_until_it_is_renamed(void **state)
{
    (void)state;
    char *path = file_join(folder, "a"),
         *temporary = mem_printf("%s.tmp-%ld", path, (long)getpid());
    file_writer *w;
    assert_int_equal(file_writer_open(path, &w), CADRE_OK);
    assert_int_equal(file_writer_put(w, "whole", 5), CADRE_OK);
    assert_true(file_exists(temporary) && !file_exists(path));
    assert_int_equal(file_bytes(temporary), 0); /* still in the buffer */
    assert_int_equal(file_writer_finish(w), CADRE_OK);
    assert_int_equal(file_writer_finish(w), CADRE_OK);
    expect_content(temporary, "whole");
    assert_false(file_exists(path));
    assert_int_equal(file_writer_commit(w), CADRE_OK);
    expect_content(path, "whole");
    expect_one_file();
    mem_free(path);
    mem_free(temporary);
}

/* The temporary name has a random part, by which others join; they leave the file as it is. */
static void a_file_may_have_several_writers(void **state)
{
    (void)state;
    char *path = file_join(folder, "a");
    file_writer *w, *v;
    file_ending ending, other;
    assert_int_equal(file_writer_open_shared(path, &v, &other), CADRE_OK);
    file_writer_discard(v);
    assert_int_equal(file_writer_open_shared(path, &w, &ending), CADRE_OK);
    assert_true(strstr(ending.text, ".tmp-") == ending.text && strcmp(ending.text, other.text));
    assert_int_equal(file_writer_join(path, &other, &v), CADRE_EIO);
    assert_int_equal(file_writer_reserve(w, 9), CADRE_OK);
    assert_int_equal(file_writer_put(w, "abc", 3), CADRE_OK);
    assert_int_equal(file_writer_skip(w, 3), CADRE_OK);
    for (int commits = 0; commits < 2; commits++) {
        assert_int_equal(file_writer_join(path, &ending, &v), CADRE_OK);
        assert_int_equal(file_writer_reserve(v, 9), CADRE_OK);
        assert_int_equal(file_writer_skip(v, 3), CADRE_OK);
        assert_int_equal(file_writer_put(v, "def", 3), CADRE_OK);
        if (commits) assert_int_equal(file_writer_commit(v), CADRE_OK);
        else file_writer_discard(v);
        assert_true(file_exists(file_writer_temporary(w)) && !file_exists(path));
    }
    assert_int_equal(file_writer_put(w, "ghi", 3), CADRE_OK);
    assert_int_equal(file_writer_flush(w), CADRE_OK);
    assert_int_equal(file_writer_written(w), 6);
    expect_content(file_writer_temporary(w), "abcdefghi");
    assert_int_equal(file_writer_commit(w), CADRE_OK);
    expect_content(path, "abcdefghi");
    expect_one_file();
    mem_free(path);
}

static void a_name_that_is_taken_by_a_folder_leaves_nothing(void **state)
{
    (void)state;
    char *path = file_join(folder, "made");
    assert_int_equal(file_make_folder(path), CADRE_OK);
    assert_int_equal(file_write(path, "x", 1), CADRE_EIO);
    assert_non_null(strstr(cadre_last_error(), path));
    assert_non_null(strstr(cadre_last_error(), ": could not be renamed into place: "));
    expect_one_file();
    assert_true(file_is_folder(path));
    mem_free(path);
}

static void a_name_alone_is_of_this_folder(void **state)
{
    (void)state;
    char before[1000], *path = file_join(folder, "alone");
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    cadre_status status = file_write("alone", "x", 1);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(status, CADRE_OK);
    expect_content(path, "x");
    mem_free(path);
}

/* More than there are places to remember them. */
static void many_files_are_written_at_once(void **state)
{
    (void)state;
    enum { MANY = 66 };
    file_writer *w[MANY];
    char *path[MANY];
    for (int i = 0; i < MANY; i++) {
        path[i] = mem_printf("%s/%d", folder, i);
        assert_int_equal(file_writer_open(path[i], &w[i]), CADRE_OK);
        assert_int_equal(file_writer_put(w[i], path[i], strlen(path[i])), CADRE_OK);
    }
    for (int i = 0; i < MANY; i++) assert_int_equal(file_writer_commit(w[i]), CADRE_OK);
    cadre_abandon_files();
    for (int i = 0; i < MANY; i++) {
        expect_content(path[i], path[i]);
        mem_free(path[i]);
    }
}

/* ---- folders ---- */

static void sentences_name_the_part_that_failed(void **state)
{
    (void)state;
    char *file = file_join(folder, "f"), *inner = file_join(folder, "f/x/y"), wanted[300], **names;
    int count;
    assert_int_equal(file_write(file, "x", 1), CADRE_OK);
    snprintf(wanted, sizeof wanted, "%s: this folder could not be made: File exists", file);
    assert_int_equal(file_make_folder(inner), CADRE_EIO);
    assert_string_equal(cadre_last_error(), wanted);
    snprintf(wanted, sizeof wanted, "%s: this folder could not be opened: Not a directory", file);
    assert_int_equal(file_sync_folder(file), CADRE_EIO);
    assert_string_equal(cadre_last_error(), wanted);
    assert_int_equal(file_list(file, &names, &count), CADRE_EIO);
    assert_non_null(strstr(cadre_last_error(), ": expected a readable folder: Not a directory"));
    assert_int_equal(file_remove(folder), CADRE_EIO);
    assert_non_null(strstr(cadre_last_error(), ": could not be removed: "));
    mem_free(file);
    mem_free(inner);
}

static void a_file_tells_when_it_was_written(void **state)
{
    (void)state;
    char *path = file_join(folder, "a");
    assert_int_equal(file_written(path), 0);
    assert_int_equal(file_bytes(path), 0);
    assert_int_equal(file_write(path, "12345", 5), CADRE_OK);
    struct timespec times[2] = { { 1000000000, 0 }, { 1234567890, 0 } };
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_int_equal(file_written(path), 1234567890);
    assert_int_equal(file_bytes(path), 5);
    mem_free(path);
}

/* More names than the first block holds, and every allocation of the list may fail. */
static void a_long_list_is_whole_or_refused(void **state)
{
    (void)state;
    enum { FILES = 40 };
    for (int i = 0; i < FILES; i++) {
        char *path = mem_printf("%s/%02d", folder, FILES - 1 - i);
        assert_int_equal(file_write(path, "x", 1), CADRE_OK);
        mem_free(path);
    }
    int64_t before = mem_balance();
    cadre_status status = CADRE_ENOMEM;
    for (long n = 1; status != CADRE_OK; n++) {
        char **names;
        int count;
        mem_fail_at(n, false);
        status = file_list(folder, &names, &count);
        mem_fail_at(0, false);
        assert_true(status == CADRE_OK || status == CADRE_ENOMEM);
        if (status == CADRE_OK) {
            assert_int_equal(count, FILES);
            for (int i = 0; i < FILES; i++) assert_int_equal(atoi(names[i]), i);
            file_list_free(names, count);
            assert_int_equal(n, FILES + 4); /* names and three blocks */
        }
        assert_int_equal(mem_balance(), before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_in_a_folder_is_found_without_memory),
        cmocka_unit_test_setup_teardown(a_file_is_replaced_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_writer_that_is_discarded_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_being_written_can_be_abandoned, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_fills_up_leaves_the_old_file, setup, teardown),
        cmocka_unit_test_setup_teardown(reading_names_what_is_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_file_is_a_file, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_are_made_with_their_parents, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_listed_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(paths_are_joined_and_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pipe_is_refused_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_folders_alone_are_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(every_allocation_of_a_write_may_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(no_handle_stays_open, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_mapping_is_let_go_page_by_page_and_closed_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_is_written_lies_beside_until_it_is_renamed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_may_have_several_writers, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_name_that_is_taken_by_a_folder_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_alone_is_of_this_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(many_files_are_written_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(sentences_name_the_part_that_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_tells_when_it_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_list_is_whole_or_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

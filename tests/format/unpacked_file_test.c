/* unpacked_file_test.c - files as they are, compressed, in members and frames, damaged and cut. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/unpacked_file.h"
#include "support/scratch.h"

enum { SIZE = 1000003 };

/* Text that compresses, but not to nothing */
static void make_text(char *text)
{
    uint32_t x = 7;
    for (size_t i = 0; i < SIZE; i++) {
        x = x * 1664525 + 1013904223;
        text[i] = x >> 30 ? "expert token "[i % 13] : (char)('a' + (x >> 20) % 26);
    }
}

static void run(const char *format, const char *a, const char *b)
{
    char *command = mem_printf(format, a, b);
    if (system(command)) fail_msg("%s", command);
    mem_free(command);
}

static bool zstd_is_here(void) { return system("command -v zstd > /dev/null 2>&1") == 0; }

static cadre_status read_all(const char *path, byte_buffer *all)
{
    unpacked_file *f;
    const char *data;
    size_t size = 1;
    CADRE_TRY(unpacked_open(path, &f));
    cadre_status status = CADRE_OK;
    while (status == CADRE_OK && size) {
        status = unpacked_next(f, &data, &size);
        if (status == CADRE_OK) status = byte_buffer_put(all, data, size);
    }
    if (status == CADRE_OK) { /* the end stays the end */
        assert_int_equal(unpacked_next(f, &data, &size), CADRE_OK);
        assert_int_equal(size, 0);
    }
    unpacked_close(f);
    return status;
}

static void check_is(const char *path, const char *text, size_t size)
{
    byte_buffer all = { 0 };
    if (read_all(path, &all) != CADRE_OK) fail_msg("%s", cadre_last_error());
    assert_int_equal(all.size, size);
    assert_memory_equal(all.data ? all.data : "", text, size);
    byte_buffer_free(&all);
}

static void check_refused(const char *path, const char *words)
{
    byte_buffer all = { 0 };
    assert_int_not_equal(read_all(path, &all), CADRE_OK);
    if (!strstr(cadre_last_error(), words) || !strstr(cadre_last_error(), path))
        fail_msg("%s", cadre_last_error());
    byte_buffer_free(&all);
}

/* All first bytes of a file of which every piece is refused but the whole */
static void check_cuts(const char *path, const char *what)
{
    char *data;
    size_t size;
    char *cut = mem_strdup(scratch_file("cut"));
    assert_int_equal(file_read(path, SIZE, &data, &size), CADRE_OK);
    for (size_t n = 5; n < size; n += size / 23 + 1) {
        assert_int_equal(file_write(cut, data, n), CADRE_OK);
        check_refused(cut, what);
    }
    mem_free(data);
    mem_free(cut);
}

static void check_packed(const char *tool, const char *name)
{
    char *text = mem_alloc(SIZE, 1), *plain = mem_strdup(scratch_file("plain")),
         *packed = mem_strdup(scratch_file(name)), *twice = mem_alloc(2, SIZE),
         *command = mem_printf("%s -c < %%s > %%s", tool);
    make_text(text);
    assert_int_equal(file_write(plain, text, SIZE), CADRE_OK);
    check_is(plain, text, SIZE);
    run(command, plain, packed);
    check_is(packed, text, SIZE);
    check_cuts(packed, "ends too early");
    mem_free(command);
    command = mem_printf("%s -c < %%s >> %%s", tool); /* a second member or frame */
    run(command, plain, packed);
    memcpy(twice, text, SIZE), memcpy(twice + SIZE, text, SIZE);
    check_is(packed, twice, (size_t)2 * SIZE);
    run("printf garbage%s >> %s", "", packed);
    check_refused(packed, "damage");
    mem_free(command), mem_free(text), mem_free(twice), mem_free(plain), mem_free(packed);
}

static void test_gzip(void **state)
{
    (void)state;
    check_packed("gzip", "text.gz");
    char *path = mem_strdup(scratch_file("padded.gz"));
    run("printf a | gzip -c > %s && head -c 300000 /dev/zero >> %s", path, path);
    check_is(path, "a", 1);
    mem_free(path);
}

static void test_zstd(void **state)
{
    (void)state;
    if (!zstd_is_here()) skip();
    check_packed("zstd -q", "text.zst");
}

static void test_names_and_small_files(void **state)
{
    (void)state;
    const char *path = scratch_file("small");
    assert_int_equal(unpacked_name("a.jsonl.gz"), 7);
    assert_int_equal(unpacked_name("a.zst"), 1);
    assert_int_equal(unpacked_name(".gz"), 3);
    assert_int_equal(file_write(path, "", 0), CADRE_OK);
    check_is(path, "", 0);
    assert_int_equal(file_write(path, "\x1f", 1), CADRE_OK);
    check_is(path, "\x1f", 1);
    unpacked_file *f;
    assert_int_equal(unpacked_open("/nowhere/at/all", &f), CADRE_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_gzip), cmocka_unit_test(test_zstd),
        cmocka_unit_test(test_names_and_small_files) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

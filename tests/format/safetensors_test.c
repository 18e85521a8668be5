/* safetensors_test.c - what is written reads back, what is not right is refused by name. */
#define _GNU_SOURCE
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
#include "format/safetensors.h"

static char folder[] = "/tmp/cadre-safetensors-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_two(const char *path, bool hashes, hash128 *hash)
{
    safetensors_writer *w;
    int64_t shape[2] = { 2, 3 };
    float numbers[6] = { 1, 2, 3, 4, 5, 6 };
    assert_int_equal(safetensors_writer_open(path, hashes, &w), CADRE_OK);
    assert_int_equal(safetensors_writer_metadata(w, "format", "pt"), CADRE_OK);
    assert_int_equal(safetensors_writer_declare(w, "a.weight", "F32", 2, shape), CADRE_OK);
    assert_int_equal(safetensors_writer_declare(w, "nothing", "F32", 1, (int64_t[]){ 0 }), CADRE_OK);
    assert_int_equal(safetensors_writer_declare(w, "step", "I32", 0, NULL), CADRE_OK);
    assert_int_equal(safetensors_writer_put(w, numbers, 5), CADRE_OK);
    assert_int_equal(safetensors_writer_put(w, (char *)numbers + 5, 19), CADRE_OK);
    assert_int_equal(safetensors_writer_put(w, &(int32_t){ 77 }, 4), CADRE_OK);
    assert_int_equal(safetensors_writer_seal(w, hash), CADRE_OK);
    assert_false(file_exists(path));
    assert_int_equal(safetensors_writer_commit(w), CADRE_OK);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    const char *path = in_folder("two.safetensors");
    hash128 sealed, found;
    write_two(path, false, &sealed);
    assert_int_equal(hash_file(path, &found), CADRE_OK);
    assert_true(hash_equal(sealed, found));
    safetensors *file;
    assert_int_equal(safetensors_open(path, &file), CADRE_OK);
    assert_int_equal(safetensors_count(file), 3);
    const safetensors_tensor *t = safetensors_find(file, "a.weight");
    assert_non_null(t);
    assert_int_equal(t->size, 24);
    assert_int_equal(t->elements, 6);
    assert_memory_equal(t->data, ((float[]){ 1, 2, 3, 4, 5, 6 }), 24);
    assert_string_equal(safetensors_metadata(file, "format"), "pt");
    assert_int_equal(safetensors_get_as(file, "step", "I32", 0, NULL, &t), CADRE_OK);
    assert_int_equal(safetensors_verify(file), CADRE_EFORMAT);
    safetensors_close(file);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char **names;
    int count;
    if (file_list(folder, &names, &count) != CADRE_OK) return -1;
    for (int i = 0; i < count; i++) file_remove(in_folder(names[i]));
    file_list_free(names, count);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* safetensors_test.c - what is written reads back, hashes find a flipped bit, two files can be
 * committed in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/safetensors.h"
#include "support/oracle.h"
#include "support/refusal.h"
#include "support/scratch.h"

#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != CADRE_OK) fail_msg("%s: %s", #call, cadre_last_error());                     \
    } while (0)

/* ---- writing and reading ---- */

static safetensors_writer *begin(const char *path, bool hashes)
{
    safetensors_writer *w = NULL;
    OK(safetensors_writer_open(path, hashes, &w));
    OK(safetensors_writer_metadata(w, "format", "pt"));
    OK(safetensors_writer_metadata(w, "strange", "\"\\\n"));
    OK(safetensors_writer_declare(w, "a.weight", "F32", 2, (int64_t[]){ 2, 3 }));
    OK(safetensors_writer_declare(w, "nothing", "F32", 1, (int64_t[]){ 0 }));
    OK(safetensors_writer_declare(w, "step", "I32", 0, NULL));
    return w;
}

static void put_all(safetensors_writer *w)
{
    float numbers[6] = { 1, 2, 3, 4, 5, 6 };
    OK(safetensors_writer_put(w, numbers, 5));
    OK(safetensors_writer_put(w, NULL, 0));
    OK(safetensors_writer_put(w, (char *)numbers + 5, 19));
    OK(safetensors_writer_put(w, &(int32_t){ 77 }, 4));
}

static void write_sample(const char *path, bool hashes)
{
    safetensors_writer *w = begin(path, hashes);
    put_all(w);
    OK(safetensors_writer_commit(w));
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    safetensors *file = NULL;
    const safetensors_tensor *t;
    write_sample(scratch_file("two.safetensors"), false);
    OK(safetensors_open(scratch_file("two.safetensors"), &file));
    assert_int_equal(safetensors_count(file), 3);
    assert_string_equal(safetensors_at(file, 0)->name, "a.weight");
    assert_string_equal(safetensors_at(file, 2)->name, "step");
    assert_non_null(t = safetensors_find(file, "a.weight"));
    assert_true(
        t->rank == 2 && t->shape[0] == 2 && t->shape[1] == 3 && t->elements == 6 && t->size == 24);
    assert_string_equal(t->dtype, "F32");
    assert_memory_equal(t->data, ((float[]){ 1, 2, 3, 4, 5, 6 }), 24);
    assert_int_equal((uintptr_t)t->data % 8, 0);
    assert_string_equal(safetensors_metadata(file, "format"), "pt");
    assert_string_equal(safetensors_metadata(file, "strange"), "\"\\\n");
    assert_null(safetensors_metadata(file, "nope"));
    assert_null(safetensors_find(file, "a.weigh"));
    OK(safetensors_get_as(file, "step", "I32", 0, NULL, &t));
    assert_memory_equal(t->data, &(int32_t){ 77 }, 4);
    safetensors_close(file);
}

static void a_tensor_must_be_as_asked_for(void **state)
{
    (void)state;
    const char *path = scratch_file("two.safetensors");
    safetensors *file = NULL;
    const safetensors_tensor *t;
    write_sample(path, false);
    OK(safetensors_open(path, &file));
    OK(safetensors_get_as(file, "a.weight", NULL, 2, (int64_t[]){ -1, 3 }, &t));
    assert_true(
        refusal_is_good("absent", safetensors_get_as(file, "b", NULL, 1, (int64_t[]){ -1 }, &t),
            path, "expected a tensor b, found none"));
    assert_int_equal(
        safetensors_get_as(file, "a.weight", "BF16", 2, (int64_t[]){ -1, 4 }, &t), CADRE_EMISMATCH);
    assert_non_null(
        strstr(cadre_last_error(), "a.weight: expected BF16 [any, 4], found F32 [2, 3]"));
    assert_int_equal(
        safetensors_get_as(file, "a.weight", "F32", 1, (int64_t[]){ 6 }, &t), CADRE_EMISMATCH);
    assert_int_equal(
        safetensors_get_as(file, "a.weight", "I32", 2, (int64_t[]){ 2, 3 }, &t), CADRE_EMISMATCH);
    safetensors_close(file);
}

/* Eight elements of each, in eight dimensions. */
static void every_dtype_is_known(void **state)
{
    (void)state;
    static const char *const dtypes[] = { "F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8",
        "U64", "U32", "U16", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F6_E2M3", "F6_E3M2",
        "F4" };
    enum { COUNT = sizeof dtypes / sizeof *dtypes };
    safetensors_writer *w = NULL;
    safetensors *file = NULL;
    uint8_t zeros[64] = { 0 };
    OK(safetensors_writer_open(scratch_file("dtypes.safetensors"), false, &w));
    for (int i = 0; i < COUNT; i++)
        OK(safetensors_writer_declare(
            w, dtypes[i], dtypes[i], 8, (int64_t[]){ 1, 1, 1, 2, 1, 2, 1, 2 }));
    for (int i = 0; i < COUNT; i++)
        OK(safetensors_writer_put(w, zeros, (size_t)safetensors_dtype_bits(dtypes[i])));
    OK(safetensors_writer_commit(w));
    OK(safetensors_open(scratch_file("dtypes.safetensors"), &file));
    for (int i = 0; i < COUNT; i++)
        assert_string_equal(safetensors_find(file, dtypes[i])->dtype, dtypes[i]);
    safetensors_close(file);
    assert_int_equal(safetensors_dtype_bits("f32"), 0);
}

static void the_same_calls_write_the_same_bytes(void **state)
{
    (void)state;
    hash128 first, second;
    write_sample(scratch_file("a.safetensors"), true);
    write_sample(scratch_file("b.safetensors"), true);
    OK(hash_file(scratch_file("a.safetensors"), &first));
    OK(hash_file(scratch_file("b.safetensors"), &second));
    assert_true(hash_equal(first, second));
}

/* ---- hashes ---- */

static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    const char *path = scratch_file("hashed.safetensors");
    char *data;
    size_t size;
    safetensors *file = NULL;
    write_sample(path, true);
    OK(safetensors_open(path, &file));
    OK(safetensors_verify(file));
    safetensors_close(file);
    OK(file_read(path, 1 << 20, &data, &size));
    for (size_t bit = 0; bit < 8 * size; bit++) {
        data[bit / 8] ^= (char)(1 << bit % 8);
        cadre_status status = safetensors_parse(path, data, size, &file);
        if (status == CADRE_OK) {
            status = safetensors_verify(file);
            safetensors_close(file);
        }
        if (status == CADRE_OK)
            fail_msg("bit %zu of %zu bytes was flipped and nobody saw it", bit, size);
        data[bit / 8] ^= (char)(1 << bit % 8);
    }
    mem_free(data);
}

static void a_file_without_hashes_cannot_be_verified(void **state)
{
    (void)state;
    const char *path = scratch_file("plain.safetensors");
    safetensors *file = NULL;
    write_sample(path, false);
    OK(safetensors_open(path, &file));
    assert_true(refusal_is_good(
        "no hashes", safetensors_verify(file), path, "expected a tensor hashes, found none"));
    safetensors_close(file);
}

/* ---- two files in order ---- */

static void a_finished_file_waits_for_its_name(void **state)
{
    (void)state;
    const char *path = scratch_file("finished.safetensors");
    hash128 finished, found;
    safetensors_writer *w = begin(path, false);
    put_all(w);
    OK(safetensors_writer_finish(w, &finished));
    assert_false(file_exists(path));
    OK(safetensors_writer_finish(w, &found));
    assert_true(hash_equal(finished, found));
    OK(safetensors_writer_commit(w));
    OK(hash_file(path, &found));
    assert_true(hash_equal(finished, found));
    w = begin(path, false);
    OK(safetensors_writer_put(w, "1234", 4));
    safetensors_writer_discard(w); /* the old one stays */
    OK(hash_file(path, &found));
    assert_true(hash_equal(finished, found));
}

/* ---- mistakes ---- */

typedef cadre_status mistake(safetensors_writer *w);

static cadre_status too_many_bytes(safetensors_writer *w)
{
    put_all(w);
    return safetensors_writer_put(w, "x", 1);
}
static cadre_status too_few_bytes(safetensors_writer *w)
{
    OK(safetensors_writer_put(w, "x", 1));
    return safetensors_writer_finish(w, NULL);
}
static cadre_status name_twice(safetensors_writer *w)
{
    OK(safetensors_writer_declare(w, "step", "I32", 0, NULL));
    return safetensors_writer_put(w, "x", 1);
}
static cadre_status metadata_too_late(safetensors_writer *w)
{
    return safetensors_writer_metadata(w, "k", "v");
}
static cadre_status tensor_too_late(safetensors_writer *w)
{
    OK(safetensors_writer_put(w, "x", 1));
    return safetensors_writer_declare(w, "late", "I32", 0, NULL);
}
static cadre_status dtype_unknown(safetensors_writer *w)
{
    return safetensors_writer_declare(w, "t", "f32", 0, NULL);
}
static cadre_status rank_nine(safetensors_writer *w)
{
    return safetensors_writer_declare(w, "t", "U8", 9, (int64_t[]){ 1, 1, 1, 1, 1, 1, 1, 1, 1 });
}
static cadre_status negative_shape(safetensors_writer *w)
{
    return safetensors_writer_declare(w, "t", "U8", 1, (int64_t[]){ -1 });
}
static cadre_status shape_that_wraps(safetensors_writer *w)
{
    return safetensors_writer_declare(
        w, "t", "U8", 2, (int64_t[]){ (int64_t)1 << 32, (int64_t)1 << 32 });
}
static cadre_status half_a_byte(safetensors_writer *w)
{
    return safetensors_writer_declare(w, "t", "F4", 1, (int64_t[]){ 1 });
}
static cadre_status name_not_utf8(safetensors_writer *w)
{
    return safetensors_writer_declare(w, "\xff", "I32", 0, NULL);
}
static cadre_status name_of_metadata(safetensors_writer *w)
{
    return safetensors_writer_declare(w, "__metadata__", "I32", 0, NULL);
}

static void mistakes_of_the_writer_leave_no_file(void **state)
{
    (void)state;
    static mistake *const mistakes[] = { too_many_bytes, too_few_bytes, name_twice,
        metadata_too_late, tensor_too_late, dtype_unknown, rank_nine, negative_shape,
        shape_that_wraps, half_a_byte, name_not_utf8, name_of_metadata };
    const char *path = scratch_file("mistake.safetensors");
    for (size_t i = 0; i < 2 * sizeof mistakes / sizeof *mistakes; i++) {
        safetensors_writer *w = begin(path, i % 2);
        /* A text's fault */
        cadre_status expected = mistakes[i / 2] == name_not_utf8 ? CADRE_EFORMAT : CADRE_EARGUMENT;
        assert_int_equal(mistakes[i / 2](w), expected);
        assert_int_equal(safetensors_writer_put(w, "x", 1), expected);
        assert_int_equal(safetensors_writer_commit(w), expected);
        assert_false(file_exists(path));
    }
    safetensors_writer_discard(NULL);
}

static void a_failed_allocation_while_writing_leaves_no_file(void **state)
{
    (void)state;
    const char *path = scratch_file("failing.safetensors");
    cadre_status status = CADRE_ENOMEM;
    for (long n = 1; status != CADRE_OK; n++) {
        safetensors_writer *w = NULL;
        mem_fail_at(n, false);
        status = safetensors_writer_open(path, true, &w);
        if (status == CADRE_OK) {
            safetensors_writer_metadata(w, "k", "v");
            safetensors_writer_declare(w, "t", "I32", 0, NULL);
            safetensors_writer_put(w, "1234", 4);
            status = safetensors_writer_commit(w);
        }
        mem_fail_at(0, false);
        assert_true(status == CADRE_OK || status == CADRE_ENOMEM);
        assert_true(file_exists(path) == (status == CADRE_OK));
    }
}

/* ---- other people's files ---- */

static void published_files_open(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        size_t count;
    } cases[] = { { "models/olmoe", 117 }, { "models/qwen3_moe_sharded", 128 },
        { "models/deepseek_v3_fp8/model.safetensors", 93 },
        { "models/deepseek_v2_lite/expected.safetensors", 6 },
        { "train/mixtral/tokens.safetensors", 1 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        safetensors *file = NULL;
        OK(safetensors_open(oracle_path(cases[i].path), &file));
        assert_int_equal(safetensors_count(file), cases[i].count);
        safetensors_close(file);
    }
}

static void a_text_may_hold_a_nul(void **state)
{
    (void)state;
    safetensors *file = NULL;
    size_t size = 0;
    static const char bytes[] = "\x27\0\0\0\0\0\0\0{\"__metadata__\":{\"text\":\"a\\u0000b\"}}   ";
    const char *path = scratch_file("nul.safetensors");
    OK(file_write(path, bytes, 8 + 0x27));
    OK(safetensors_open(path, &file));
    assert_memory_equal(safetensors_metadata_text(file, "text", &size), "a\0b", 3);
    assert_int_equal(size, 3);
    safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(a_tensor_must_be_as_asked_for),
        cmocka_unit_test(every_dtype_is_known),
        cmocka_unit_test(the_same_calls_write_the_same_bytes),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(a_file_without_hashes_cannot_be_verified),
        cmocka_unit_test(a_finished_file_waits_for_its_name),
        cmocka_unit_test(mistakes_of_the_writer_leave_no_file),
        cmocka_unit_test(a_failed_allocation_while_writing_leaves_no_file),
        cmocka_unit_test(published_files_open),
        cmocka_unit_test(a_text_may_hold_a_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

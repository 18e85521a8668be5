/* gguf_test.c - values and tensors as they are in the file, what is written reads back, split
 * sets. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/gguf.h"
#include "support/gguf_sample.h"
#include "support/oracle.h"
#include "support/refusal.h"
#include "support/scratch.h"

#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != CADRE_OK) fail_msg("%s: %s", #call, cadre_last_error());                     \
    } while (0)

static gguf *parse_sample(gguf_sample *s)
{
    gguf *file = NULL;
    gguf_sample_make(s, 3);
    OK(gguf_parse("x.gguf", s->data, s->size, &file));
    return file;
}

/* ---- metadata ---- */

static void integers_of_every_type_are_read(void **state)
{
    (void)state;
    gguf_sample s;
    gguf *file = parse_sample(&s);
    static const struct {
        const char *key;
        int64_t value;
    } cases[] = { { "k.u8", 200 }, { "k.i8", -128 }, { "k.u16", 60000 }, { "k.i16", -32768 },
        { "k.i32", -1 }, { "k.u64", INT64_MAX }, { "k.i64", INT64_MIN },
        { "general.alignment", 32 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t value = 0;
        OK(gguf_get_int(file, cases[i].key, INT64_MIN, INT64_MAX, &value));
        assert_true(value == cases[i].value);
    }
    gguf_close(file);
}

static void integers_out_of_bounds_or_of_other_types_are_refused(void **state)
{
    (void)state;
    gguf_sample s;
    gguf *file = parse_sample(&s);
    int64_t value = 7;
    assert_true(refusal_is_good("bound", gguf_get_int(file, "k.u8", 1, 199, &value), "x.gguf",
        "k.u8: expected an integer in 1..199, found 200"));
    assert_true(refusal_is_good("type", gguf_get_int(file, "k.f32", 0, 9, &value), "x.gguf",
        "k.f32: expected an integer in 0..9, found 1.5"));
    assert_true(refusal_is_good("string", gguf_get_int(file, "general.architecture", 0, 9, &value),
        "x.gguf", "found \"olmoe\""));
    assert_true(refusal_is_good(
        "boolean", gguf_get_int(file, "k.bool", 0, 9, &value), "x.gguf", "found a boolean"));
    assert_true(refusal_is_good(
        "array", gguf_get_int(file, "k.ints", 0, 9, &value), "x.gguf", "found an array"));
    assert_true(refusal_is_good(
        "absent", gguf_get_int(file, "nope", 0, 9, &value), "x.gguf", "found nothing"));
    OK(gguf_opt_int(file, "nope", 0, 9, &value));
    assert_int_equal(value, 7);
    gguf_close(file);
}

static void reals_booleans_and_strings_are_read(void **state)
{
    (void)state;
    gguf_sample s;
    gguf *file = parse_sample(&s);
    double real = 0;
    bool flag = false;
    gguf_string text;
    OK(gguf_get_real(file, "k.f32", 0, 2, &real));
    assert_true(real == 1.5);
    OK(gguf_get_real(file, "k.f64", -3, 2, &real));
    assert_true(real == -2.5);
    OK(gguf_opt_real(file, "k.u8", 0, 200, &real));
    assert_true(real == 200);
    assert_true(refusal_is_good("bound", gguf_get_real(file, "k.f64", 0, 1, &real), "x.gguf",
        "a number in 0..1, found -2.5"));
    OK(gguf_opt_bool(file, "k.bool", &flag));
    assert_true(flag);
    assert_true(refusal_is_good("bool", gguf_opt_bool(file, "k.u8", &flag), "x.gguf",
        "k.u8: expected a boolean, found 200"));
    OK(gguf_get_string(file, "general.architecture", &text));
    assert_true(gguf_string_is(text, "olmoe") && !gguf_string_is(text, "olmo"));
    OK(gguf_opt_string(file, "nope", &text));
    assert_int_equal(gguf_get_string(file, "k.u8", &text), CADRE_EFORMAT);
    gguf_close(file);
}

static void a_number_that_is_not_finite_is_refused(void **state)
{
    (void)state;
    gguf_sample s;
    gguf_sample_make(&s, 3);
    gguf_sample_set(&s, "k.f32.value", 4, 0x7fc00000);
    gguf *file = NULL;
    double real;
    OK(gguf_parse("x.gguf", s.data, s.size, &file));
    assert_true(refusal_is_good("nan", gguf_get_real(file, "k.f32", -HUGE_VAL, HUGE_VAL, &real),
        "x.gguf", "a finite number, found"));
    gguf_close(file);
}

static void arrays_are_read_in_place(void **state)
{
    (void)state;
    gguf_sample s;
    gguf *file = parse_sample(&s);
    gguf_array a;
    gguf_string items[3];
    OK(gguf_get_array(file, "k.strings", &a));
    assert_int_equal(a.count, 3);
    gguf_array_strings(&a, items);
    assert_true(gguf_string_is(items[0], "a") && gguf_string_is(items[1], "") &&
                gguf_string_is(items[2], "\xc3\xa9"));
    assert_true((const uint8_t *)items[2].data > s.data &&
                (const uint8_t *)items[2].data < s.data + s.size);
    OK(gguf_get_array(file, "k.ints", &a));
    assert_true(gguf_array_is_int(&a) && !gguf_array_is_real(&a));
    assert_true(
        gguf_array_int(&a, 0) == 1 && gguf_array_int(&a, 1) == -2 && gguf_array_real(&a, 2) == 3);
    OK(gguf_get_array(file, "k.none", &a));
    assert_true(a.count == 0 && gguf_array_is_real(&a));
    assert_int_equal(gguf_get_array(file, "k.u8", &a), CADRE_EFORMAT);
    assert_int_equal(gguf_type_of(file, "k.bools"), GGUF_ARRAY);
    assert_int_equal(gguf_type_of(file, "nope"), GGUF_TYPES);
    assert_int_equal(gguf_key_count(file), 16);
    assert_true(gguf_string_is(gguf_key_at(file, 2), "k.u8"));
    gguf_close(file);
}

/* ---- tensors ---- */

static void tensors_are_found_where_they_lie(void **state)
{
    (void)state;
    gguf_sample s;
    gguf *file = parse_sample(&s);
    const uint8_t *data = s.data + gguf_sample_place(&s, "data");
    static const struct {
        const char *name, *type;
        int rank;
        int64_t elements;
        size_t offset, size;
    } cases[] = { { "t.f32", "F32", 2, 12, 0, 48 }, { "t.q8_0", "Q8_0", 2, 64, 64, 68 },
        { "t.f16", "F16", 1, 5, 160, 10 }, { "t.scalar", "F32", 0, 1, 192, 4 } };
    assert_int_equal(gguf_tensor_count(file), 4);
    for (size_t i = 0; i < 4; i++) {
        gguf_tensor t;
        assert_true(gguf_tensor_find(file, cases[i].name, &t));
        assert_string_equal(t.name, cases[i].name);
        assert_string_equal(gguf_tensor_type_name(t.type), cases[i].type);
        assert_true(
            t.rank == cases[i].rank && t.elements == cases[i].elements && t.size == cases[i].size);
        assert_ptr_equal(t.data, data + cases[i].offset);
        assert_string_equal(gguf_tensor_at(file, i).name, cases[i].name);
    }
    gguf_tensor t;
    OK(gguf_tensor_get(file, "t.f32", &t));
    assert_true(t.extent[0] == 4 && t.extent[1] == 3 && t.extent[2] == 1 && t.extent[3] == 1);
    assert_false(gguf_tensor_find(file, "t.f3", &t));
    assert_true(refusal_is_good("absent", gguf_tensor_get(file, "t.f3", &t), "x.gguf",
        "expected a tensor t.f3, found none"));
    gguf_close(file);
}

static void every_tensor_type_has_its_size(void **state)
{
    (void)state;
    int known = 0;
    int64_t elements, extent[2] = { 256, 3 };
    size_t size;
    for (int type = -1; type < 64; type++) {
        bool has = gguf_tensor_size(type, 2, extent, &elements, &size);
        assert_int_equal(has, gguf_tensor_type_name(type) != NULL);
        known += has;
        if (has)
            assert_true(elements == 768 && size % 3 == 0 && size >= 3 * 32 && size <= 3 * 8 * 256);
    }
    assert_int_equal(known, 35);
    assert_true(gguf_tensor_size(12, 2, extent, &elements, &size) && size == 3 * 144);
    assert_true(gguf_tensor_size(39, 2, extent, &elements, &size) && size == 3 * 8 * 17);
}

/* ---- writing ---- */

static void write_all(const char *path, const gguf *other)
{
    gguf_writer *w;
    gguf_string words[2] = { { "one", 3 }, { "\xff\0x", 3 } };
    int64_t row[1] = { 3 }, matrix[2] = { 32, 2 }, none[1] = { 0 };
    uint8_t blocks[68];
    for (size_t i = 0; i < sizeof blocks; i++) blocks[i] = (uint8_t)i;
    OK(gguf_writer_open(path, &w));
    OK(gguf_writer_string(w, "general.architecture", "olmoe", 5));
    OK(gguf_writer_int(w, "a.count", GGUF_U32, 64));
    OK(gguf_writer_int(w, "a.negative", GGUF_I64, -5));
    OK(gguf_writer_bool(w, "a.flag", true));
    OK(gguf_writer_real(w, "a.eps", 1e-5));
    OK(gguf_writer_strings(w, "a.words", words, 2));
    OK(gguf_writer_reals(w, "a.scores", (float[]){ 0.5f, -1 }, 2));
    OK(gguf_writer_ints(w, "a.types", GGUF_I32, (int64_t[]){ 1, -3 }, 2));
    if (other) OK(gguf_writer_copy(w, other, "k.strings"));
    if (other) OK(gguf_writer_copy(w, other, "nope"));
    OK(gguf_writer_declare(w, "row", 0, 1, row));
    OK(gguf_writer_declare(w, "none", 0, 1, none));
    OK(gguf_writer_declare(w, "blocks", 8, 2, matrix));
    OK(gguf_writer_declare(w, "four", 24, 4, (int64_t[]){ 1, 2, 1, 3 }));
    OK(gguf_writer_put(w, (float[]){ 1, 2, 3 }, 12));
    OK(gguf_writer_put(w, blocks, 1));
    OK(gguf_writer_put(w, blocks + 1, 67));
    OK(gguf_writer_put(w, blocks, 6));
    OK(gguf_writer_commit(w));
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    gguf_sample s;
    gguf *sample = parse_sample(&s), *file = NULL;
    const char *path = scratch_file("written.gguf");
    write_all(path, sample);
    gguf_close(sample);
    OK(gguf_open(path, &file));
    int64_t number;
    double real;
    bool flag = false;
    gguf_array a;
    gguf_string items[3];
    gguf_tensor t;
    assert_int_equal(gguf_key_count(file), 9);
    OK(gguf_get_int(file, "a.count", 64, 64, &number));
    OK(gguf_get_int(file, "a.negative", -5, -5, &number));
    OK(gguf_get_real(file, "a.eps", 0, 1, &real));
    assert_true(real == (double)1e-5f);
    OK(gguf_opt_bool(file, "a.flag", &flag));
    assert_true(flag);
    OK(gguf_get_array(file, "a.words", &a));
    gguf_array_strings(&a, items);
    assert_true(items[1].size == 3 && !memcmp(items[1].data, "\xff\0x", 3));
    OK(gguf_get_array(file, "a.types", &a));
    assert_true(gguf_array_int(&a, 1) == -3);
    OK(gguf_get_array(file, "k.strings", &a));
    gguf_array_strings(&a, items);
    assert_true(gguf_string_is(items[2], "\xc3\xa9"));
    OK(gguf_tensor_get(file, "row", &t));
    assert_memory_equal(t.data, ((float[]){ 1, 2, 3 }), 12);
    assert_int_equal((uintptr_t)t.data % 32, 0);
    OK(gguf_tensor_get(file, "blocks", &t));
    assert_true(t.size == 68 && t.data[0] == 0 && t.data[67] == 67 && (uintptr_t)t.data % 32 == 0);
    OK(gguf_tensor_get(file, "four", &t));
    assert_true(t.rank == 4 && t.elements == 6 && t.size == 6 && t.extent[1] == 2 &&
                t.extent[3] == 3 && t.data[5] == 5);
    OK(gguf_tensor_get(file, "none", &t));
    assert_true(t.size == 0 && t.elements == 0);
    gguf_close(file);
}

static void the_same_calls_write_the_same_bytes(void **state)
{
    (void)state;
    char *first, *second;
    size_t first_size, second_size;
    write_all(scratch_file("a.gguf"), NULL);
    write_all(scratch_file("b.gguf"), NULL);
    OK(file_read(scratch_file("a.gguf"), 1 << 20, &first, &first_size));
    OK(file_read(scratch_file("b.gguf"), 1 << 20, &second, &second_size));
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    mem_free(first);
    mem_free(second);
}

/* Each mistake is told at once and at commit, and no file is left. */
typedef cadre_status mistake(gguf_writer *w);

static cadre_status key_twice(gguf_writer *w)
{
    gguf_writer_bool(w, "k", true);
    return gguf_writer_bool(w, "k", true);
}

static cadre_status number_too_large(gguf_writer *w)
{
    return gguf_writer_int(w, "n", GGUF_U8, 256);
}
static cadre_status negative_unsigned(gguf_writer *w)
{
    return gguf_writer_int(w, "n", GGUF_U64, -1);
}
static cadre_status integer_of_type_f32(gguf_writer *w)
{
    return gguf_writer_int(w, "n", GGUF_F32, 1);
}
static cadre_status name_too_long(gguf_writer *w)
{
    return gguf_writer_declare(
        w, "0123456789012345678901234567890123456789012345678901234567890123", 0, 0, NULL);
}
static cadre_status broken_rows(gguf_writer *w)
{
    return gguf_writer_declare(w, "t", 8, 1, (int64_t[]){ 33 });
}
static cadre_status removed_type(gguf_writer *w)
{
    return gguf_writer_declare(w, "t", 4, 1, (int64_t[]){ 32 });
}
static cadre_status shape_that_wraps(gguf_writer *w)
{
    return gguf_writer_declare(w, "t", 0, 2, (int64_t[]){ (int64_t)1 << 32, (int64_t)1 << 32 });
}
static cadre_status too_many_bytes(gguf_writer *w)
{
    gguf_writer_declare(w, "t", 0, 1, (int64_t[]){ 1 });
    return gguf_writer_put(w, "12345678", 8);
}
static cadre_status tensor_twice(gguf_writer *w)
{
    gguf_writer_declare(w, "t", 0, 1, (int64_t[]){ 1 });
    gguf_writer_declare(w, "t", 0, 1, (int64_t[]){ 1 });
    return gguf_writer_put(w, "1234", 4);
}
static cadre_status key_after_bytes(gguf_writer *w)
{
    gguf_writer_declare(w, "t", 0, 1, (int64_t[]){ 2 });
    gguf_writer_put(w, "1234", 4);
    return gguf_writer_bool(w, "k", true);
}

static void integers_must_fit_the_type_they_are_written_as(void **state)
{
    (void)state;
    static const struct {
        gguf_type type;
        int64_t least, most;
    } bounds[] = { { GGUF_U8, 0, 255 }, { GGUF_I8, -128, 127 }, { GGUF_U16, 0, 65535 },
        { GGUF_I16, -32768, 32767 }, { GGUF_U32, 0, 4294967295 },
        { GGUF_I32, -2147483647 - 1, 2147483647 }, { GGUF_BOOL, 0, 1 } };
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        for (int64_t by = -1; by <= 1; by += 2) {
            gguf_writer *w = NULL;
            int64_t edge = by < 0 ? bounds[i].least : bounds[i].most;
            OK(gguf_writer_open(scratch_file("bounds.gguf"), &w));
            OK(gguf_writer_int(w, "edge", bounds[i].type, edge));
            assert_int_equal(
                gguf_writer_int(w, "beyond", bounds[i].type, edge + by), CADRE_EARGUMENT);
            gguf_writer_discard(w);
        }
}

static void mistakes_of_the_writer_leave_no_file(void **state)
{
    (void)state;
    static mistake *const mistakes[] = { key_twice, number_too_large, negative_unsigned,
        integer_of_type_f32, name_too_long, broken_rows, removed_type, shape_that_wraps,
        too_many_bytes, tensor_twice, key_after_bytes };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        gguf_writer *w;
        OK(gguf_writer_open(scratch_file("mistake.gguf"), &w));
        assert_int_equal(mistakes[i](w), CADRE_EARGUMENT);
        assert_int_equal(gguf_writer_bool(w, "later", true), CADRE_EARGUMENT);
        assert_int_equal(gguf_writer_commit(w), CADRE_EARGUMENT);
        assert_false(file_exists(scratch_file("mistake.gguf")));
    }
    gguf_writer *w;
    OK(gguf_writer_open(scratch_file("mistake.gguf"), &w));
    OK(gguf_writer_declare(w, "t", 0, 1, (int64_t[]){ 1 }));
    assert_int_equal(gguf_writer_commit(w), CADRE_EARGUMENT); /* its bytes are missing */
    assert_false(file_exists(scratch_file("mistake.gguf")));
    gguf_writer_discard(NULL);
}

static void a_failed_allocation_while_writing_leaves_no_file(void **state)
{
    (void)state;
    const char *path = scratch_file("failing.gguf");
    cadre_status status = CADRE_ENOMEM;
    for (long n = 1; status != CADRE_OK; n++) {
        gguf_writer *w = NULL;
        mem_fail_at(n, false);
        status = gguf_writer_open(path, &w);
        if (status == CADRE_OK) {
            gguf_writer_string(w, "k", "text", 4);
            gguf_writer_declare(w, "t", 0, 1, (int64_t[]){ 1 });
            gguf_writer_put(w, "1234", 4);
            status = gguf_writer_commit(w);
        }
        mem_fail_at(0, false);
        assert_true(status == CADRE_OK || status == CADRE_ENOMEM);
        assert_true(file_exists(path) == (status == CADRE_OK));
    }
}

/* ---- split sets ---- */

static void write_part(const char *name, int no, int count, int total, const char *tensor)
{
    gguf_writer *w;
    OK(gguf_writer_open(scratch_file(name), &w));
    OK(gguf_writer_int(w, "split.no", GGUF_U16, no));
    OK(gguf_writer_int(w, "split.count", GGUF_U16, count));
    OK(gguf_writer_int(w, "split.tensors.count", GGUF_I32, total));
    OK(gguf_writer_declare(w, tensor, 0, 1, (int64_t[]){ 1 }));
    OK(gguf_writer_put(w, &(float){ (float)no }, 4));
    OK(gguf_writer_commit(w));
}

static void a_split_set_is_one_file(void **state)
{
    (void)state;
    write_part("m-00001-of-00003.gguf", 0, 3, 3, "b");
    write_part("m-00002-of-00003.gguf", 1, 3, 3, "c");
    write_part("m-00003-of-00003.gguf", 2, 3, 3, "a");
    gguf *file = NULL;
    OK(gguf_open(scratch_file("m-00001-of-00003.gguf"), &file));
    assert_int_equal(gguf_tensor_count(file), 3);
    for (int i = 0; i < 3; i++) {
        gguf_tensor t;
        const char *names[] = { "b", "c", "a" };
        OK(gguf_tensor_get(file, names[i], &t));
        assert_true(*(const float *)(const void *)t.data == (float)i);
        assert_string_equal(gguf_tensor_at(file, (size_t)i).name, names[i]);
    }
    gguf_close(file);
}

static void a_failed_allocation_among_parts_leaks_nothing(void **state)
{
    (void)state;
    write_part("f-00001-of-00002.gguf", 0, 2, 2, "a");
    write_part("f-00002-of-00002.gguf", 1, 2, 2, "b");
    gguf *file;
    cadre_status status = CADRE_ENOMEM;
    for (long n = 1; status != CADRE_OK; n++) {
        mem_fail_at(n, false);
        status = gguf_open(scratch_file("f-00001-of-00002.gguf"), &file);
        mem_fail_at(0, false);
        if (status != CADRE_OK) assert_int_equal(status, CADRE_ENOMEM);
    }
    assert_int_equal(gguf_tensor_count(file), 2);
    gguf_close(file);
}

static void check_split_refusal(
    const char *what, const char *open, const char *blamed, const char *phrase)
{
    gguf *file;
    if (!refusal_is_good(what, gguf_open(scratch_file(open), &file), scratch_file(blamed), phrase))
        fail_msg("%s", what);
}

static void broken_split_sets_are_refused(void **state)
{
    (void)state;
    write_part("n-00001-of-00002.gguf", 0, 2, 2, "a");
    gguf *file;
    /* Its other half is not there */
    assert_int_equal(gguf_open(scratch_file("n-00001-of-00002.gguf"), &file), CADRE_EIO);
    write_part("n-00002-of-00002.gguf", 1, 2, 2, "a");
    check_split_refusal("tensor in both", "n-00001-of-00002.gguf", "n-00001-of-00002.gguf",
        "a: expected this tensor once");
    write_part("n-00002-of-00002.gguf", 0, 2, 2, "b");
    check_split_refusal("wrong number", "n-00001-of-00002.gguf", "n-00002-of-00002.gguf",
        "split.no: expected 1, found 0");
    write_part("n-00002-of-00002.gguf", 1, 3, 2, "b");
    check_split_refusal("other count", "n-00001-of-00002.gguf", "n-00002-of-00002.gguf",
        "split.count: expected 2, found 3");
    write_part("n-00002-of-00002.gguf", 1, 2, 2, "b");
    check_split_refusal("second opened", "n-00002-of-00002.gguf", "n-00002-of-00002.gguf",
        "expected the first file of 2");
    write_part("n-00001-of-00002.gguf", 0, 2, 5, "a");
    check_split_refusal("tensors missing", "n-00001-of-00002.gguf", "n-00001-of-00002.gguf",
        "expected 5 tensors in 2 files, found 2");
    write_part("renamed.gguf", 0, 2, 2, "a");
    check_split_refusal(
        "renamed", "renamed.gguf", "renamed.gguf", "whose name ends in -00001-of-00002.gguf");
    write_part("o-00001-of-60000.gguf", 0, 60000, 2, "a");
    check_split_refusal(
        "60000 files", "o-00001-of-60000.gguf", "o-00001-of-60000.gguf", "split.count: expected");
}

/* ---- other people's files ---- */

static void published_file_opens(void **state)
{
    gguf *file = NULL;
    gguf_array tokens;
    gguf_string architecture;
    OK(gguf_open(oracle_path(*state), &file));
    OK(gguf_get_string(file, "general.architecture", &architecture));
    if (gguf_has(file, "tokenizer.ggml.tokens")) {
        OK(gguf_get_array(file, "tokenizer.ggml.tokens", &tokens));
        gguf_string *items = MEM_ARRAY(gguf_string, tokens.count);
        gguf_array_strings(&tokens, items);
        mem_free(items);
    }
    gguf_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_every_type_are_read),
        cmocka_unit_test(integers_out_of_bounds_or_of_other_types_are_refused),
        cmocka_unit_test(reals_booleans_and_strings_are_read),
        cmocka_unit_test(a_number_that_is_not_finite_is_refused),
        cmocka_unit_test(arrays_are_read_in_place),
        cmocka_unit_test(tensors_are_found_where_they_lie),
        cmocka_unit_test(every_tensor_type_has_its_size),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(the_same_calls_write_the_same_bytes),
        cmocka_unit_test(integers_must_fit_the_type_they_are_written_as),
        cmocka_unit_test(mistakes_of_the_writer_leave_no_file),
        cmocka_unit_test(a_failed_allocation_while_writing_leaves_no_file),
        cmocka_unit_test(a_split_set_is_one_file),
        cmocka_unit_test(a_failed_allocation_among_parts_leaks_nothing),
        cmocka_unit_test(broken_split_sets_are_refused),
        cmocka_unit_test_prestate(published_file_opens, "models/olmoe/model.gguf"),
        cmocka_unit_test_prestate(published_file_opens, "models/deepseek_v3/model.gguf"),
        cmocka_unit_test_prestate(published_file_opens, "models/grok/model.gguf"),
        cmocka_unit_test_prestate(published_file_opens, "tokenizer/llama-spm.gguf"),
        cmocka_unit_test_prestate(published_file_opens, "tokenizer/deepseek-llm.gguf"),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

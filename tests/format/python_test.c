/* python_test.c - files to and from the Python packages safetensors and gguf: $CADRE_PYTHON runs
 * tests/oracle/formats.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/gguf.h"
#include "format/safetensors.h"
#include "support/scratch.h"

#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != CADRE_OK) fail_msg("%s: %s", #call, cadre_last_error());                     \
    } while (0)

/* The test is skipped where no such Python is named. */
static void run_python(const char *mode)
{
    char command[1024];
    const char *python = getenv("CADRE_PYTHON");
    if (!python) {
        printf(
            "SKIP: CADRE_PYTHON names no Python with safetensors and gguf: formats.py %s\n", mode);
        skip();
    }
    snprintf(command, sizeof command, "'%s' tests/oracle/formats.py %s '%s'", python, mode,
        scratch_folder());
    if (system(command) != 0) fail_msg("%s", command);
}

static const float *halves(void)
{
    static float values[256];
    for (int i = 0; i < 256; i++) values[i] = (float)i * 0.5f;
    return values;
}

/* The first halves as half precision: 0, 0.5, 1, 1.5, 2. */
static const uint16_t halves_f16[] = { 0, 0x3800, 0x3c00, 0x3e00, 0x4000 };

/* ---- theirs ---- */

static void check_safetensors(void)
{
    safetensors *file = NULL;
    const safetensors_tensor *t;
    OK(safetensors_open(scratch_file("theirs.safetensors"), &file));
    assert_int_equal(safetensors_count(file), 5);
    OK(safetensors_get_as(file, "a.weight", "F32", 2, (int64_t[]){ 2, 3 }, &t));
    assert_memory_equal(t->data, halves(), 24);
    OK(safetensors_get_as(file, "h", "F16", 1, (int64_t[]){ 4 }, &t));
    assert_memory_equal(t->data, halves_f16, 8);
    OK(safetensors_get_as(file, "ids", "I32", 1, (int64_t[]){ 5 }, &t));
    assert_memory_equal(t->data, ((int32_t[]){ 0, 1, 2, 3, 4 }), 20);
    OK(safetensors_get_as(file, "empty", "F32", 2, (int64_t[]){ 0, 7 }, &t));
    OK(safetensors_get_as(file, "scalar", "I64", 0, NULL, &t));
    assert_memory_equal(t->data, &(int64_t){ 7 }, 8);
    assert_string_equal(safetensors_metadata(file, "text"), "\xc3\xa9\n\"\\");
    safetensors_close(file);
}

static void check_gguf(void)
{
    gguf *file = NULL;
    int64_t count = 0;
    double eps = 0;
    bool flag = false;
    gguf_array a;
    gguf_string words[3];
    gguf_tensor t;
    OK(gguf_open(scratch_file("theirs.gguf"), &file));
    OK(gguf_get_int(file, "olmoe.expert_count", 1, 4096, &count));
    OK(gguf_get_real(file, "olmoe.attention.layer_norm_rms_epsilon", 0, 1, &eps));
    OK(gguf_opt_bool(file, "olmoe.flag", &flag));
    assert_true(count == 64 && eps == (double)1e-5f && flag);
    OK(gguf_get_array(file, "tokenizer.ggml.tokens", &a));
    assert_int_equal(a.count, 3);
    gguf_array_strings(&a, words);
    assert_true(gguf_string_is(words[0], "a") && gguf_string_is(words[1], "") &&
                gguf_string_is(words[2], "\xc3\xa9"));
    OK(gguf_get_array(file, "olmoe.layers", &a));
    assert_true(a.count == 3 && gguf_array_is_int(&a) && gguf_array_int(&a, 2) == 3);
    OK(gguf_tensor_get(file, "blk.0.weight", &t));
    assert_true(t.rank == 2 && t.extent[0] == 32 && t.extent[1] == 3);
    assert_memory_equal(t.data, halves(), t.size);
    OK(gguf_tensor_get(file, "blk.0.q8", &t));
    assert_true(
        !strcmp(gguf_tensor_type_name(t.type), "Q8_0") && t.elements == 128 && t.size == 4 * 34);
    OK(gguf_tensor_get(file, "half", &t));
    assert_memory_equal(t.data, halves_f16, 10);
    gguf_close(file);
}

static void files_of_the_packages_are_read(void **state)
{
    (void)state;
    run_python("make");
    check_safetensors();
    check_gguf();
}

/* ---- ours ---- */

static void write_safetensors(void)
{
    safetensors_writer *w = NULL;
    OK(safetensors_writer_open(scratch_file("ours.safetensors"), false, &w));
    OK(safetensors_writer_metadata(w, "format", "pt"));
    OK(safetensors_writer_metadata(w, "text", "\xc3\xa9\n\"\\"));
    OK(safetensors_writer_declare(w, "a.weight", "F32", 2, (int64_t[]){ 2, 3 }));
    OK(safetensors_writer_declare(w, "ids", "I32", 1, (int64_t[]){ 5 }));
    OK(safetensors_writer_declare(w, "empty", "F32", 2, (int64_t[]){ 0, 7 }));
    OK(safetensors_writer_declare(w, "h", "F16", 1, (int64_t[]){ 4 }));
    OK(safetensors_writer_put(w, halves(), 24));
    OK(safetensors_writer_put(w, (int32_t[]){ 0, 1, 2, 3, 4 }, 20));
    OK(safetensors_writer_put(w, halves_f16, 8));
    OK(safetensors_writer_commit(w));
}

static void write_gguf(void)
{
    gguf_writer *w = NULL;
    gguf_string words[] = { { "a", 1 }, { "", 0 }, { "\xc3\xa9", 2 } };
    uint8_t blocks[68];
    for (size_t i = 0; i < sizeof blocks; i++) blocks[i] = (uint8_t)i;
    OK(gguf_writer_open(scratch_file("ours.gguf"), &w));
    OK(gguf_writer_string(w, "general.architecture", "olmoe", 5));
    OK(gguf_writer_int(w, "n.u32", GGUF_U32, 64));
    OK(gguf_writer_int(w, "n.i64", GGUF_I64, -5));
    OK(gguf_writer_bool(w, "flag", true));
    OK(gguf_writer_real(w, "eps", 1e-5));
    OK(gguf_writer_strings(w, "words", words, 3));
    OK(gguf_writer_ints(w, "ints", GGUF_I32, (int64_t[]){ 1, -2, 3 }, 3));
    OK(gguf_writer_reals(w, "reals", (float[]){ 0.5f, -1 }, 2));
    OK(gguf_writer_declare(w, "blk.0.weight", 0, 2, (int64_t[]){ 32, 3 }));
    OK(gguf_writer_declare(w, "half", 1, 1, (int64_t[]){ 5 }));
    OK(gguf_writer_declare(w, "q8", 8, 2, (int64_t[]){ 32, 2 }));
    OK(gguf_writer_put(w, halves(), 96 * 4));
    OK(gguf_writer_put(w, halves_f16, 10));
    OK(gguf_writer_put(w, blocks, sizeof blocks));
    OK(gguf_writer_commit(w));
}

static void the_packages_read_our_files(void **state)
{
    (void)state;
    write_safetensors();
    write_gguf();
    run_python("check");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_the_packages_are_read),
        cmocka_unit_test(the_packages_read_our_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

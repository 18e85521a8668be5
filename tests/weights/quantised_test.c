/* quantised_test.c - models written in quantised formats: which tensor has which, rows that no
 * block divides, bytes that stay as they are, numbers that no block can hold; the same file for any
 * number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "cadre.h"
#include "format/gguf.h"
#include "format/safetensors.h"
#include "kernel/number.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

static cadre_context *context;
static char notes[2048];

static void take_note(void *arg, const char *sentence)
{
    size_t used = strlen(notes);
    (void)arg;
    snprintf(notes + used, sizeof notes - used, "%s\n", sentence);
}

static const cadre_output_listener listener = { .size = sizeof listener, .note = take_note };

/* Width 256, experts of width `expert_width`. */
static void make(const char *path, const char *layers, const char *experts,
    const char *expert_width, const char *dtype)
{
    cadre_options *o = small_options("qwen3-moe");
    small_set(o, "layers", layers);
    small_set(o, "width", "256");
    small_set(o, "experts", experts);
    small_set(o, "expert-width", expert_width);
    notes[0] = 0;
    succeeds(cadre_init(context, o, NULL, dtype, path, &listener));
    cadre_options_free(o);
}

static void expect_type(const char *path, const char *tensor, const char *type)
{
    gguf *file;
    gguf_tensor t;
    succeeds(gguf_open(path, &file));
    succeeds(gguf_tensor_get(file, tensor, &t));
    if (strcmp(gguf_tensor_type_name(t.type), type) != 0)
        fail_msg("%s: expected %s, found %s", tensor, type, gguf_tensor_type_name(t.type));
    gguf_close(file);
}

static int64_t key(const char *path, const char *name)
{
    gguf *file;
    int64_t value = -1;
    succeeds(gguf_open(path, &file));
    succeeds(gguf_opt_int(file, name, 0, 1000, &value));
    gguf_close(file);
    return value;
}

/* ---- which tensor has which format ---- */

static void one_format_is_for_all_matrices(void **state)
{
    (void)state;
    const char *path = scratch_file("plain.gguf");
    make(path, "2", "4", "256", "q5_k");
    static const char *const matrices[] = { "token_embd.weight", "output.weight",
        "blk.0.attn_q.weight", "blk.1.attn_v.weight", "blk.0.attn_output.weight",
        "blk.0.ffn_gate_exps.weight", "blk.1.ffn_down_exps.weight" };
    static const char *const others[] = { "output_norm.weight", "blk.0.attn_norm.weight",
        "blk.0.attn_q_norm.weight", "blk.1.ffn_gate_inp.weight" };
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        expect_type(path, matrices[i], "Q5_K");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) expect_type(path, others[i], "F32");
    assert_int_equal(key(path, "general.file_type"), 16);
    assert_int_equal(key(path, "general.quantization_version"), 2);
    assert_string_equal(notes, "");
    remove(path);
}

static void mixtures_spend_bits_as_llama_cpp_does(void **state)
{
    (void)state;
    const char *path = scratch_file("mixed.gguf");
    make(path, "8", "4", "256", "q4_k_m"); /* more in layers 0, 3, 6 and 7 */
    for (int l = 0; l < 8; l++) {
        char name[64];
        const char *more = l == 0 || l == 3 || l == 6 || l == 7 ? "Q6_K" : "Q4_K";
        snprintf(name, sizeof name, "blk.%d.attn_v.weight", l);
        expect_type(path, name, more);
        snprintf(name, sizeof name, "blk.%d.ffn_down_exps.weight", l);
        expect_type(path, name, more);
        snprintf(name, sizeof name, "blk.%d.ffn_up_exps.weight", l);
        expect_type(path, name, "Q4_K");
    }
    expect_type(path, "output.weight", "Q6_K");
    expect_type(path, "token_embd.weight", "Q4_K");
    assert_int_equal(key(path, "general.file_type"), 15);
    remove(path);
    make(path, "8", "8", "256", "q4_k_s"); /* eight experts: attention has more */
    expect_type(path, "blk.5.attn_v.weight", "Q8_0");
    expect_type(path, "blk.5.attn_k.weight", "Q8_0");
    expect_type(path, "blk.5.attn_output.weight", "Q5_K");
    expect_type(path, "blk.0.ffn_down_exps.weight", "Q5_K");
    expect_type(path, "blk.1.ffn_down_exps.weight", "Q4_K");
    assert_int_equal(key(path, "general.file_type"), 14);
    remove(path);
}

static void rows_of_no_whole_blocks_have_another_format(void **state)
{
    (void)state;
    const char *path = scratch_file("ragged.gguf");
    make(path, "2", "4", "96", "q4_k");
    expect_type(path, "blk.0.ffn_up_exps.weight", "Q4_K");
    expect_type(path, "blk.0.ffn_down_exps.weight", "Q5_0");
    assert_non_null(strstr(notes, "blk.0.ffn_down_exps.weight and 1 more like it: rows of 96 "
                                  "elements are not whole blocks of "
                                  "q4_k: written as q5_0\n"));
    assert_null(strstr(notes, "ffn_up"));
    remove(path);
    make(path, "2", "4", "40", "q4_0");
    expect_type(path, "blk.1.ffn_down_exps.weight", "F16");
    assert_non_null(
        strstr(notes, "rows of 40 elements are not whole blocks of q4_0: written as f16\n"));
    remove(path);
}

static void experts_have_their_own(void **state)
{
    (void)state;
    char in[4096], out[4096];
    snprintf(in, sizeof in, "%s", scratch_file("in.gguf"));
    snprintf(out, sizeof out, "%s", scratch_file("out.gguf"));
    make(in, "2", "4", "256", "f32");
    succeeds(cadre_convert(context, in, out, "q8_0", "q4_0", NULL));
    expect_type(out, "blk.0.attn_q.weight", "Q8_0");
    expect_type(out, "blk.0.ffn_down_exps.weight", "Q4_0");
    assert_int_equal(key(out, "general.file_type"), 2); /* of most numbers */
    remove(in);
    remove(out);
}

/* ---- bytes ---- */

static void expect_same_tensors(const char *a, const char *b)
{
    gguf *x, *y;
    succeeds(gguf_open(a, &x));
    succeeds(gguf_open(b, &y));
    assert_int_equal(gguf_tensor_count(x), gguf_tensor_count(y));
    for (size_t i = 0; i < gguf_tensor_count(x); i++) {
        gguf_tensor t = gguf_tensor_at(x, i), u;
        succeeds(gguf_tensor_get(y, t.name, &u));
        assert_int_equal(t.type, u.type);
        assert_int_equal(t.size, u.size);
        assert_memory_equal(t.data, u.data, t.size);
    }
    gguf_close(x);
    gguf_close(y);
}

/* Formats that are only read too: the file's q8_0 is renamed to one of the same size of block. */
static void what_is_quantised_stays_as_it_is(void **state)
{
    (void)state;
    char in[4096], out[4096];
    snprintf(in, sizeof in, "%s", scratch_file("in.gguf"));
    snprintf(out, sizeof out, "%s", scratch_file("out.gguf"));
    make(in, "2", "4", "256", "q4_0");
    char *bytes;
    size_t size;
    static const char name[] = "blk.0.attn_q.weight";
    succeeds(file_read(in, (size_t)1 << 30, &bytes, &size));
    char *at = bytes;
    while (memcmp(at, name, sizeof name - 1)) at++;
    at[sizeof name - 1 + 4 + 16] = 20; /* rank, two extents, then the type: IQ4_NL */
    succeeds(file_write(in, bytes, size));
    mem_free(bytes);
    succeeds(cadre_convert(context, in, out, NULL, NULL, NULL));
    expect_type(out, name, "IQ4_NL");
    expect_same_tensors(in, out);
    remove(in);
    remove(out);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    uint64_t hashes[3];
    for (int threads = 1; threads <= 3; threads++) {
        cadre_context *own = context;
        succeeds(cadre_context_new(threads, NULL, &context));
        make(scratch_file("same.gguf"), "2", "4", "256", "q4_k_m");
        hashes[threads - 1] = small_hash(scratch_folder(), "same.gguf");
        remove(scratch_file("same.gguf"));
        cadre_context_free(context);
        context = own;
    }
    assert_true(hashes[0] == hashes[1] && hashes[0] == hashes[2]);
}

/* ---- folders ---- */

static void folders_have_the_numbers_of_the_blocks(void **state)
{
    (void)state;
    char in[4096], out[4096];
    gguf *file;
    gguf_tensor t;
    safetensors *folder;
    const safetensors_tensor *u;
    snprintf(in, sizeof in, "%s", scratch_file("in.gguf"));
    snprintf(out, sizeof out, "%s", scratch_file("out"));
    make(in, "2", "4", "256", "q6_k");
    assert_int_equal(cadre_convert(context, in, out, "q8_0", NULL, NULL), CADRE_EARGUMENT);
    notes[0] = 0;
    succeeds(cadre_convert(context, in, out, NULL, NULL, &listener));
    assert_non_null(strstr(notes, "a folder has no blocks"));
    succeeds(gguf_open(in, &file));
    succeeds(safetensors_open(out, &folder));
    succeeds(gguf_tensor_get(file, "output.weight", &t));
    succeeds(safetensors_get_as(
        folder, "lm_head.weight", "F32", 2, (int64_t[]){ t.extent[1], t.extent[0] }, &u));
    float *values = MEM_ARRAY(float, t.elements);
    number_q6_k.unpack(t.data, values, t.elements);
    assert_memory_equal(values, u->data, u->size);
    mem_free(values);
    safetensors_close(folder);
    gguf_close(file);
    small_remove(out);
    remove(in);
}

static void no_block_holds_what_is_not_finite(void **state)
{
    (void)state;
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    char in[4096], out[4096];
    snprintf(in, sizeof in, "%s", scratch_file("in.gguf"));
    snprintf(out, sizeof out, "%s", scratch_file("out.gguf"));
    make(in, "2", "4", "256", "f32");
    for (int i = 0; i < 3; i++) {
        char *bytes;
        size_t size;
        gguf *file;
        gguf_tensor t;
        succeeds(gguf_open(in, &file));
        succeeds(gguf_tensor_get(file, "blk.1.ffn_up_exps.weight", &t));
        succeeds(file_read(in, (size_t)1 << 30, &bytes, &size));
        size_t place = size;
        for (size_t at = 0; at + 64 <= size && place == size; at++)
            if (!memcmp(bytes + at, t.data, 64)) place = at;
        gguf_close(file);
        memcpy(bytes + place + 4 * 1000, &bad[i], 4);
        succeeds(file_write(in, bytes, size));
        mem_free(bytes);
        assert_int_equal(cadre_convert(context, in, out, "q4_k", NULL, NULL), CADRE_EFORMAT);
        assert_non_null(
            strstr(cadre_last_error(), "blk.1.ffn_up_exps.weight: expected finite numbers"));
        assert_false(file_exists(out));
        remove(in);
        make(in, "2", "4", "256", "f32");
    }
    remove(in);
}

static int begin(void **state)
{
    (void)state;
    return cadre_context_new(2, NULL, &context);
}

static int end(void **state)
{
    (void)state;
    cadre_context_free(context);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_format_is_for_all_matrices),
        cmocka_unit_test(mixtures_spend_bits_as_llama_cpp_does),
        cmocka_unit_test(rows_of_no_whole_blocks_have_another_format),
        cmocka_unit_test(experts_have_their_own),
        cmocka_unit_test(what_is_quantised_stays_as_it_is),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(folders_have_the_numbers_of_the_blocks),
        cmocka_unit_test(no_block_holds_what_is_not_finite),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

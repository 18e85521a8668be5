/* checkpoint_test.c - in which folders a run would overwrite something; a checkpoint is loaded as
 * it was saved; and a model and a training state that do not belong together are refused. */
#include "train/checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/family.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"
#include "weights/files.h"

static void put(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    succeeds(file_write(path, "x", 1));
    mem_free(path);
}

/* Whether a folder that has this file alone counts as one with files of a run */
static bool used_with(const char *name)
{
    const char *folder = scratch_file("folder");
    small_remove(folder);
    succeeds(file_make_folder(folder));
    if (name) put(folder, name);
    bool used = checkpoint_folder_used(folder);
    assert_false(checkpoint_exists(folder));
    small_remove(folder);
    return used;
}

static void a_folder_with_files_of_others_is_free(void **state)
{
    (void)state;
    static const char *const files[] = { NULL, "notes.txt", "text.json", "training-state-",
        "training-state-1.txt", ".hidden" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (used_with(files[i]))
            fail_msg("%s is nobody's", files[i] ? files[i] : "an empty folder");
    assert_false(checkpoint_folder_used(scratch_file("nowhere")));
}

static void a_folder_with_a_file_of_a_run_is_used(void **state)
{
    (void)state;
    static const char *const files[] = { "model.safetensors", "model.gguf", "config.json",
        "metrics.jsonl", "training-state-000000001.safetensors" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!used_with(files[i])) fail_msg("%s is a run's", files[i]);
    const char *file = scratch_file("file");
    succeeds(file_write(file, "x", 1));
    assert_true(checkpoint_folder_used(file)); /* a file is in the place of the folder */
}

/* A model with a training state beside it is a checkpoint, whether they belong together or not. */
static void a_checkpoint_has_both(void **state)
{
    (void)state;
    const char *folder = scratch_file("both");
    succeeds(file_make_folder(folder));
    put(folder, "model.safetensors");
    assert_false(checkpoint_exists(folder));
    put(folder, "training-state-000000001.safetensors");
    assert_true(checkpoint_exists(folder));
    small_remove(folder);
}

/* ---- saving and loading ---- */

typedef struct saved {
    model_config config;
    param_table table;
    checkpoint_arrays arrays;
} saved;

static real *numbers(const param_table *t, real first)
{
    real *x = MEM_ARRAY(real, t->elements);
    assert_non_null(x);
    for (int64_t p = 0; p < t->count; p++)
        for (int64_t i = 0; i < t->rows[p].rows * t->rows[p].cols; i++)
            x[t->rows[p].offset + i] = first + (real)(i % 64) / 64;
    return x;
}

static void saved_open(saved *s, real first)
{
    s->config = family_config("mixtral", "\"num_hidden_layers\": 1, \"num_local_experts\": 2");
    succeeds(param_table_make(&s->config, &s->table));
    s->arrays = (checkpoint_arrays){ .config = &s->config,
        .table = &s->table,
        .values = numbers(&s->table, first),
        .state = { { "adamw.m.", &s->table, numbers(&s->table, first + 1) },
            { "adamw.v.", &s->table, numbers(&s->table, first + 2) } },
        .states = 2 };
}

static void saved_close(saved *s)
{
    mem_free(s->arrays.values);
    for (int i = 0; i < 2; i++) mem_free(s->arrays.state[i].values);
    param_table_free(&s->table);
    model_config_free(&s->config);
}

static void same_arrays(const saved *a, const saved *b)
{
    const size_t bytes = (size_t)a->table.elements * sizeof(real);
    assert_memory_equal(a->arrays.values, b->arrays.values, bytes);
    for (int i = 0; i < 2; i++)
        assert_memory_equal(a->arrays.state[i].values, b->arrays.state[i].values, bytes);
}

static const char *fresh(const char *name)
{
    const char *folder = scratch_file(name);
    small_remove(folder);
    succeeds(file_make_folder(folder));
    return folder;
}

static bool there(const char *folder, const char *name) { return file_exists_in(folder, name); }

#define STATE_7 "training-state-000000007.safetensors"
#define STATE_8 "training-state-000000008.safetensors"

static void what_is_saved_comes_back(void **state)
{
    (void)state;
    const char *folder = fresh("saved");
    saved a, b;
    checkpoint_state s;
    char *run;
    saved_open(&a, 3), saved_open(&b, 30);
    succeeds(checkpoint_save(folder, &a.arrays,
        &(checkpoint_state){
            .step = 7, .tokens = 12345678901, .seconds = 2.5, .run = "{\"lr\": \"0.1\"}" }));
    assert_true(checkpoint_exists(folder) && there(folder, STATE_7));
    succeeds(checkpoint_peek(folder, &s, &run));
    assert_true(s.step == 7 && s.tokens == 12345678901 && s.seconds == 2.5);
    assert_string_equal(run, "{\"lr\": \"0.1\"}");
    mem_free(run);
    succeeds(checkpoint_load(folder, &b.arrays, &s, &run));
    assert_true(s.step == 7 && s.tokens == 12345678901 && s.seconds == 2.5);
    mem_free(run);
    same_arrays(&a, &b);
    saved_close(&a), saved_close(&b);
    small_remove(folder);
}

/* If a model is saved in bfloat16, its file has rounded weights, and the state the float32 ones. */
static void rounding_is_the_files_alone(void **state)
{
    (void)state;
    const char *folder = fresh("rounded");
    saved a, b;
    checkpoint_state s;
    char *run;
    saved_open(&a, REAL_C(3.0001)), saved_open(&b, 30);
    a.arrays.format = b.arrays.format = &number_bf16;
    succeeds(checkpoint_save(folder, &a.arrays,
        &(checkpoint_state){ .step = 7, .tokens = 70, .seconds = 1, .run = "{}" }));
    succeeds(checkpoint_load(folder, &b.arrays, &s, &run));
    size_t bytes = (size_t)a.table.elements * sizeof(real);
    const param *first = &a.table.rows[0];
    if (!REAL_IS_DOUBLE) assert_memory_equal(a.arrays.values, b.arrays.values, bytes);
    mem_free(run);
    succeeds(model_read_values(folder, &b.config, &b.table, b.arrays.values));
    float written;
    uint16_t half;
    for (int64_t i = first->offset; i < first->offset + first->rows * first->cols; i++) {
        float value = (float)a.arrays.values[i];
        number_bf16.pack(&value, &half, 1);
        number_bf16.unpack(&half, &written, 1);
        assert_true((float)b.arrays.values[i] == written);
    }
    saved_close(&a), saved_close(&b);
}

/* A second checkpoint replaces the first one, whose state is removed. */
static void the_last_one_counts(void **state)
{
    (void)state;
    const char *folder = fresh("last");
    saved a, b, c;
    checkpoint_state s;
    char *run;
    saved_open(&a, 3), saved_open(&b, 30), saved_open(&c, 0);
    succeeds(checkpoint_save(folder, &a.arrays,
        &(checkpoint_state){ .step = 7, .tokens = 70, .seconds = 1, .run = "{}" }));
    succeeds(checkpoint_save(folder, &b.arrays,
        &(checkpoint_state){ .step = 8, .tokens = 80, .seconds = 2, .run = "{}" }));
    assert_true(there(folder, STATE_8) && !there(folder, STATE_7));
    succeeds(checkpoint_load(folder, &c.arrays, &s, &run));
    assert_int_equal(s.step, 8);
    same_arrays(&b, &c);
    mem_free(run);
    saved_close(&a), saved_close(&b), saved_close(&c);
    small_remove(folder);
}

static char *bytes_of(const char *folder, const char *name, size_t *size)
{
    char *path = file_join(folder, name), *bytes;
    succeeds(file_read(path, 1 << 24, &bytes, size));
    mem_free(path);
    return bytes;
}

static void put_bytes(const char *folder, const char *name, const char *bytes, size_t size)
{
    char *path = file_join(folder, name);
    succeeds(file_write(path, bytes, size));
    mem_free(path);
}

/* A state belongs to the exact bytes of a model: for a model of another step, or with one other
 * weight, no state is found. A state of another step beside it does no harm, damaged or not. */
static void a_state_belongs_to_one_model(void **state)
{
    (void)state;
    const char *folder = fresh("belongs");
    saved a, b;
    checkpoint_state s;
    char *run;
    size_t size, state_size;
    saved_open(&a, 3), saved_open(&b, 30);
    succeeds(checkpoint_save(folder, &a.arrays,
        &(checkpoint_state){ .step = 7, .tokens = 70, .seconds = 1, .run = "{}" }));
    char *model = bytes_of(folder, "model.safetensors", &size);
    char *old = bytes_of(folder, STATE_7, &state_size);
    model[size - 1] ^= 1;
    put_bytes(folder, "model.safetensors", model, size);
    refuses(checkpoint_load(folder, &b.arrays, &s, &run), CADRE_EMISMATCH,
        "model.safetensors: expected a training state that was saved with this file, found none");
    refuses(checkpoint_peek(folder, &s, &run), CADRE_EMISMATCH, "found none");
    model[size - 1] ^= 1;
    put_bytes(folder, "model.safetensors", model, size);
    put_bytes(folder, "training-state-000000003.safetensors", "x", 1);
    succeeds(checkpoint_load(folder, &b.arrays, &s, &run));
    mem_free(run);
    same_arrays(&a, &b);
    /* interrupted between the new state and the new model: the old checkpoint is loaded */
    saved c;
    saved_open(&c, 50);
    succeeds(checkpoint_save(folder, &c.arrays,
        &(checkpoint_state){ .step = 8, .tokens = 80, .seconds = 1, .run = "{}" }));
    put_bytes(folder, "model.safetensors", model, size);
    put_bytes(folder, STATE_7, old, state_size);
    assert_true(there(folder, STATE_8));
    succeeds(checkpoint_load(folder, &c.arrays, &s, &run));
    assert_int_equal(s.step, 7);
    same_arrays(&a, &c);
    mem_free(run);
    saved_close(&c);
    mem_free(model);
    mem_free(old);
    saved_close(&a), saved_close(&b);
    small_remove(folder);
}

/* A state with a changed byte is not loaded. */
static void a_damaged_state_is_refused(void **state)
{
    (void)state;
    const char *folder = fresh("damaged");
    saved a;
    checkpoint_state s;
    char *run;
    size_t size;
    saved_open(&a, 3);
    succeeds(checkpoint_save(folder, &a.arrays,
        &(checkpoint_state){ .step = 7, .tokens = 70, .seconds = 1, .run = "{}" }));
    char *bytes = bytes_of(folder, STATE_7, &size);
    bytes[size - 1] ^= 1;
    put_bytes(folder, STATE_7, bytes, size);
    cadre_status status = checkpoint_load(folder, &a.arrays, &s, &run);
    assert_int_not_equal(status, CADRE_OK);
    assert_non_null(strstr(cadre_last_error(), STATE_7));
    mem_free(bytes);
    saved_close(&a);
    small_remove(folder);
}

/* Counts below 0 are refused; they would be read as enormous numbers of steps. */
static void counts_of_a_state_are_checked(void **state)
{
    (void)state;
    static const checkpoint_state wrong[] = {
        { .step = -7, .tokens = 70, .seconds = 1, .run = "{}" },
        { .step = 7, .tokens = -70, .seconds = 1, .run = "{}" },
    };
    for (int i = 0; i < 2; i++) {
        const char *folder = fresh("negative");
        saved a;
        checkpoint_state s;
        char *run;
        saved_open(&a, 3);
        succeeds(checkpoint_save(folder, &a.arrays, &wrong[i]));
        assert_int_equal(checkpoint_load(folder, &a.arrays, &s, &run), CADRE_EFORMAT);
        assert_non_null(strstr(cadre_last_error(), "expected steps and tokens of 0 or more"));
        saved_close(&a);
        small_remove(folder);
    }
}

static void leftovers_are_removed(void **state)
{
    (void)state;
    const char *folder = fresh("swept");
    put(folder, "model.safetensors.tmp-123");
    put(folder, "model.safetensors.tmp-123-0123456789abcdef"); /* of several ranks */
    put(folder, "notes.tmp");
    char *begun = mem_printf("%s/best.tmp-new", folder); /* snapshot.c's */
    succeeds(file_make_folder(begun));
    succeeds(checkpoint_sweep(folder));
    assert_true(!there(folder, "model.safetensors.tmp-123") && there(folder, "notes.tmp"));
    assert_false(there(folder, "model.safetensors.tmp-123-0123456789abcdef"));
    file_remove_folder(begun);
    mem_free(begun);
    small_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_with_files_of_others_is_free),
        cmocka_unit_test(a_folder_with_a_file_of_a_run_is_used),
        cmocka_unit_test(a_checkpoint_has_both),
        cmocka_unit_test(what_is_saved_comes_back),
        cmocka_unit_test(rounding_is_the_files_alone),
        cmocka_unit_test(the_last_one_counts),
        cmocka_unit_test(a_state_belongs_to_one_model),
        cmocka_unit_test(a_damaged_state_is_refused),
        cmocka_unit_test(counts_of_a_state_are_checked),
        cmocka_unit_test(leftovers_are_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

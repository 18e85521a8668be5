/* checkpoint_test.c - which folders a run would spoil. */
#include "train/checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

static void put(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    succeeds(file_write(path, "x", 1));
    mem_free(path);
}

/* Whether a folder that has this file alone is one that a run has left something in. */
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
    assert_true(checkpoint_folder_used(file)); /* no folder can be there */
}

/* A model and a state beside it are something to go on from, if they belong together or not. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_with_files_of_others_is_free),
        cmocka_unit_test(a_folder_with_a_file_of_a_run_is_used),
        cmocka_unit_test(a_checkpoint_has_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

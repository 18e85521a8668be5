/* snapshot_test.c - which files snapshots have, and which snapshots are removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/scratch.h"
#include "support/succeeds.h"
#include "train/snapshot.h"

static void write_text(const char *folder, const char *name, const char *text)
{
    char *path = file_join(folder, name);
    succeeds(file_write(path, text, strlen(text)));
    mem_free(path);
}

static bool holds(const char *folder, const char *name, const char *text)
{
    char *path = file_join(folder, name), *found = NULL;
    size_t size;
    bool same = file_exists(path) && file_read(path, 100, &found, &size) == CADRE_OK &&
                size == strlen(text) && !memcmp(found, text, size);
    mem_free(found);
    mem_free(path);
    return same;
}

/* A file that is replaced in the run's folder stays in the snapshot. Logs and incomplete files are
 * not part of it. */
static void test_it_stays(void **state)
{
    (void)state;
    const char *run = scratch_file("run");
    succeeds(file_make_folder(run));
    write_text(run, "model.safetensors", "first");
    write_text(run, "metrics.jsonl", "log");
    write_text(run, "model.safetensors.tmp-1", "half");
    succeeds(snapshot_take(run, "best"));
    write_text(run, "model.safetensors", "second");
    char *best = file_join(run, "best");
    assert_true(holds(best, "model.safetensors", "first"));
    assert_false(file_exists_in(best, "metrics.jsonl"));
    assert_false(file_exists_in(best, "model.safetensors.tmp-1"));
    succeeds(snapshot_take(run, "best"));
    assert_true(holds(best, "model.safetensors", "second"));
    assert_false(file_exists_in(run, "best.tmp-new"));
    mem_free(best);
}

/* An incomplete snapshot is replaced. */
static void test_an_incomplete_one_is_replaced(void **state)
{
    (void)state;
    const char *run = scratch_file("begun");
    char *half = mem_printf("%s/best.tmp-new", run);
    succeeds(file_make_folder(half));
    write_text(half, "stale", "x");
    write_text(run, "config.json", "{}");
    succeeds(snapshot_take(run, "best"));
    char *best = file_join(run, "best");
    assert_true(holds(best, "config.json", "{}") && !file_exists_in(best, "stale"));
    assert_false(file_exists(half));
    mem_free(best);
    mem_free(half);
}

static void test_the_last_ones_are_kept(void **state)
{
    (void)state;
    const char *run = scratch_file("kept");
    succeeds(file_make_folder(run));
    write_text(run, "config.json", "{}");
    write_text(run, "checkpoint-notes", "a person's own");
    for (int64_t step = 90; step <= 130; step += 10) succeeds(snapshot_keep(run, step, 2));
    assert_true(file_exists_in(run, "checkpoint-000000130"));
    assert_true(file_exists_in(run, "checkpoint-000000120"));
    assert_false(file_exists_in(run, "checkpoint-000000110"));
    assert_false(file_exists_in(run, "checkpoint-000000090"));
    assert_true(holds(run, "checkpoint-notes", "a person's own"));
}

/* Incomplete snapshots are removed; other folders stay. */
static void test_incomplete_ones_are_removed(void **state)
{
    (void)state;
    const char *run = scratch_file("swept");
    char *half = mem_printf("%s/best.tmp-new", run), *own = mem_printf("%s/notes.tmp-new.d", run);
    succeeds(file_make_folder(half));
    succeeds(file_make_folder(own));
    write_text(half, "model.safetensors", "x");
    write_text(own, "note", "a person's own");
    write_text(run, "config.json", "{}");
    succeeds(snapshot_sweep(run));
    assert_false(file_exists(half));
    assert_true(holds(own, "note", "a person's own") && holds(run, "config.json", "{}"));
    mem_free(half);
    mem_free(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_stays),
        cmocka_unit_test(test_an_incomplete_one_is_replaced),
        cmocka_unit_test(test_incomplete_ones_are_removed),
        cmocka_unit_test(test_the_last_ones_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

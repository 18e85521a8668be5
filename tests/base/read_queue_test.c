/* read_queue_test.c - every engine, and a bad disk, bring the bytes that are in the file, or say
 * why not. */
#include "base/read_queue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "support/bad_disk.h"
#include "support/scratch.h"
#include "support/succeeds.h"

enum { PAGES = 64, EXTRA = 100, JOBS = 40 };
#define FILE_BYTES (PAGES * DIRECT_PAGE + EXTRA)

typedef struct fixture {
    direct_file file;
    uint8_t *content, *memory;
    read_job job[JOBS];
} fixture;

static fixture f;

static void write_content(void)
{
    succeeds(file_write(scratch_file("pages"), f.content, FILE_BYTES));
}

static int setup(void **state)
{
    (void)state;
    f.content = MEM_ARRAY(uint8_t, FILE_BYTES);
    f.memory = mem_reserve(JOBS, 8 * DIRECT_PAGE);
    random_key key = random_key_of(1, "content", 0, 0);
    for (int i = 0; i < FILE_BYTES; i++) f.content[i] = (uint8_t)random_bits(key, (uint64_t)i);
    write_content();
    succeeds(direct_file_open(scratch_file("pages"), &f.file));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    direct_file_close(&f.file);
    mem_return(f.memory, JOBS, 8 * DIRECT_PAGE);
    mem_free(f.content);
    return 0;
}

static void prepare(int i, bool ahead)
{
    int64_t offset = i * 37 % PAGES * DIRECT_PAGE, bytes = (1 + i % 8) * DIRECT_PAGE,
            least = offset + bytes > FILE_BYTES ? FILE_BYTES - offset : bytes - i % 100;
    f.job[i] = (read_job){ .file = &f.file,
        .offset = offset,
        .bytes = bytes,
        .least = least,
        .to = f.memory + (int64_t)i * 8 * DIRECT_PAGE,
        .ahead = ahead,
        .owner = &f };
    memset(f.job[i].to, 0, 8 * DIRECT_PAGE);
}

static void expect_bytes(const read_job *job)
{
    assert_int_equal(job->error, 0);
    assert_memory_equal(job->to, f.content + job->offset, (size_t)job->least);
}

/* All jobs, of which some are ahead, in one queue; every one comes once. */
static void read_all(const read_engine *engine, int depth)
{
    read_queue *q;
    bool came[JOBS] = { false };
    succeeds(read_queue_new(engine, depth, &q));
    for (int i = 0; i < JOBS; i++) {
        prepare(i, i % 3 == 0);
        read_queue_submit(q, &f.job[i]);
    }
    for (int i = 0; i < JOBS; i++) {
        read_job *job = read_queue_wait(q, 20);
        assert_non_null(job);
        expect_bytes(job);
        assert_false(came[job - f.job]);
        came[job - f.job] = true;
    }
    assert_null(read_queue_wait(q, 20)); /* at once, as nothing is in flight */
    read_stats s = read_queue_stats(q);
    assert_true(s.reads == JOBS && s.busy > 0);
    read_queue_free(q);
}

static void every_engine_reads(void **state)
{
    (void)state;
    for (int i = 0; read_engine_list[i]; i++) {
        read_queue *q;
        if (read_queue_new(read_engine_list[i], 4, &q) == CADRE_EUNSUPPORTED) {
            print_message("not here: %s\n", read_engine_list[i]->name);
            continue;
        }
        read_queue_free(q);
        read_all(read_engine_list[i], 1);
        read_all(read_engine_list[i], 32);
    }
    read_all(NULL, 8);
}

static void short_late_and_shuffled_reads_are_whole(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        bad_disk_manners = (bad_disk_manner){
            .seed = seed, .shuffled = true, .shorts = 0.5, .interrupted = 0.2, .slow = 0.1
        };
        read_all(&bad_disk, 1 + (int)(seed % 20));
    }
}

static int error_of(bad_disk_manner manner, int64_t offset)
{
    read_queue *q;
    bad_disk_manners = manner;
    succeeds(read_queue_new(&bad_disk, 4, &q));
    prepare(0, false);
    f.job[0].offset = offset;
    read_queue_submit(q, &f.job[0]);
    read_job *job = read_queue_wait(q, 20);
    assert_ptr_equal(job, &f.job[0]);
    read_queue_free(q);
    return job->error;
}

static void failures_are_told(void **state)
{
    (void)state;
    assert_int_equal(error_of((bad_disk_manner){ .fails_after = 1 }, 0), EIO);
    assert_int_equal(error_of((bad_disk_manner){ .ends_after = 1 }, 0), READ_ENDED);
    assert_int_equal(error_of((bad_disk_manner){ 0 }, 2 * PAGES * DIRECT_PAGE), READ_ENDED);
    assert_int_equal(error_of((bad_disk_manner){ .interrupted = 1 }, 0), EIO); /* in the end */
    assert_int_equal(error_of((bad_disk_manner){ .shorts = 0 }, 0), 0);
}

static void a_stall_ends_the_wait(void **state)
{
    read_queue *q;
    (void)state;
    bad_disk_manners = (bad_disk_manner){ .stalled = true };
    succeeds(read_queue_new(&bad_disk, 4, &q));
    prepare(5, false);
    read_queue_submit(q, &f.job[5]);
    assert_null(read_queue_wait(q, 0.02));
    bad_disk_wake();
    assert_ptr_equal(read_queue_wait(q, 20), &f.job[5]);
    expect_bytes(&f.job[5]);
    read_queue_free(q);
}

/* Guesses wait while anything else does; one that has not started can be taken back. */
static void reads_ahead_wait(void **state)
{
    read_queue *q;
    (void)state;
    bad_disk_manners = (bad_disk_manner){ .stalled = true };
    succeeds(read_queue_new(&bad_disk, 2, &q));
    for (int i = 0; i < 6; i++) {
        prepare(i, i >= 3);
        read_queue_submit(q, &f.job[i]);
    }
    assert_int_equal(bad_disk_reads(), 2);
    assert_false(read_queue_cancel(q, &f.job[0])); /* it flies */
    assert_true(read_queue_cancel(q, &f.job[5]));
    read_queue_demand(q, &f.job[4]);
    bad_disk_wake();
    const int order[] = { 0, 1, 2, 4, 3 };
    for (int i = 0; i < 5; i++) assert_ptr_equal(read_queue_wait(q, 20), &f.job[order[i]]);
    assert_null(read_queue_wait(q, 0));
    read_queue_free(q);
}

static void a_changed_file_is_noticed(void **state)
{
    direct_file d;
    (void)state;
    char *path = mem_strdup(scratch_file("changes"));
    succeeds(file_write(path, f.content, FILE_BYTES));
    succeeds(direct_file_open(path, &d));
    succeeds(direct_file_check(&d));
    FILE *w = fopen(path, "r+");
    assert_non_null(w);
    fputc('x', w);
    fclose(w);
    refuses(direct_file_check(&d), CADRE_EIO, "changed since it was opened");
    w = fopen(path, "a");
    fputc('x', w);
    fclose(w);
    refuses(direct_file_check(&d), CADRE_EIO, "bytes that were there");
    direct_file_close(&d);
    refuses(direct_file_open(scratch_file("nowhere"), &d), CADRE_EIO, "nowhere");
    mem_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_engine_reads),
        cmocka_unit_test(short_late_and_shuffled_reads_are_whole),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(a_stall_ends_the_wait),
        cmocka_unit_test(reads_ahead_wait),
        cmocka_unit_test(a_changed_file_is_noticed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

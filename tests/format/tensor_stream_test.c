/* tensor_stream_test.c - declared tensors on their way to a file: where their bytes lie, what is
 * hashed, and what is refused. */
#include "format/tensor_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/scratch.h"
#include "support/succeeds.h"
#include "support/thread_comm.h"

static void expect_file(const char *path, const void *bytes, size_t size)
{
    char *text;
    size_t found;
    succeeds(file_read(path, 1 << 20, &text, &found));
    assert_int_equal(found, size);
    assert_memory_equal(text, bytes, size);
    mem_free(text);
}

/* Header of 3, tensors of 4, 5, 0 and 8 bytes, to multiples of 4. */
static const char whole[] = "HHH\0aaaabbbbb\0\0\0dddddddd";
enum { WHOLE = sizeof whole - 1 };

static void declare_four(tensor_stream *s, const char *path, size_t align)
{
    succeeds(tensor_stream_open(s, path, align));
    succeeds(tensor_stream_declare(s, "a", 4));
    succeeds(tensor_stream_declare(s, "b", 5));
    succeeds(tensor_stream_declare(s, "c", 0));
    succeeds(tensor_stream_declare(s, "d", 8));
    assert_int_equal(s->left, 17);
    succeeds(tensor_stream_begin(s, "HHH", 3));
}

static void bytes_may_come_in_any_pieces(void **state)
{
    (void)state;
    static const char bytes[] = "aaaabbbbbdddddddd";
    const char *path = scratch_file("pieces");
    int64_t before = mem_balance();
    for (size_t piece = 1; piece < 18; piece++) {
        tensor_stream s;
        declare_four(&s, path, 4);
        for (size_t at = 0; at < 17; at += piece)
            succeeds(tensor_stream_put(&s, bytes + at, piece < 17 - at ? piece : 17 - at));
        succeeds(tensor_stream_put(&s, NULL, 0));
        assert_false(file_exists(path));
        succeeds(tensor_stream_finish(&s));
        succeeds(tensor_stream_finish(&s));
        assert_true(hash_equal(s.list[0].hash, hash_bytes("aaaa", 4)));
        assert_true(hash_equal(s.list[1].hash, hash_bytes("bbbbb", 5)));
        assert_true(hash_equal(s.list[2].hash, hash_bytes("", 0)));
        assert_true(hash_equal(s.list[3].hash, hash_bytes("dddddddd", 8)));
        assert_true(hash_equal(hash_stream_value(s.of_file), hash_bytes(whole, WHOLE)));
        succeeds(tensor_stream_commit(&s));
        tensor_stream_close(&s);
        expect_file(path, whole, WHOLE);
        file_remove(path);
    }
    assert_int_equal(mem_balance(), before);
}

static void padding_may_be_long_or_none(void **state)
{
    (void)state;
    static const size_t aligns[] = { 1, 64, 100 }, sizes[] = { 7, 128, 200 };
    for (int i = 0; i < 3; i++) {
        const char *path = scratch_file("padded");
        char expected[256] = "HHH";
        tensor_stream s;
        memcpy(expected + (i ? aligns[i] : 3), "aaaa", 4);
        succeeds(tensor_stream_open(&s, path, aligns[i]));
        succeeds(tensor_stream_declare(&s, "a", 4));
        succeeds(tensor_stream_begin(&s, "HHH", 3));
        succeeds(tensor_stream_put(&s, "aaaa", 4));
        succeeds(tensor_stream_finish(&s));
        succeeds(tensor_stream_commit(&s));
        tensor_stream_close(&s);
        expect_file(path, expected, sizes[i]);
        file_remove(path);
    }
}

static void tensors_of_no_bytes_are_complete_at_once(void **state)
{
    (void)state;
    const char *path = scratch_file("empty");
    tensor_stream s;
    succeeds(tensor_stream_open(&s, path, 4));
    succeeds(tensor_stream_declare(&s, "a", 0));
    succeeds(tensor_stream_declare(&s, "b", 0));
    succeeds(tensor_stream_begin(&s, "HHH", 3));
    succeeds(tensor_stream_finish(&s));
    succeeds(tensor_stream_commit(&s));
    tensor_stream_close(&s);
    expect_file(path, "HHH", 4);
}

static void more_bytes_than_declared_are_refused(void **state)
{
    (void)state;
    const char *path = scratch_file("more");
    tensor_stream s;
    declare_four(&s, path, 4);
    succeeds(tensor_stream_put(&s, whole, 17));
    refuses(tensor_stream_put(&s, "x", 1), CADRE_EARGUMENT,
        "more: was given more bytes than its tensors hold");
    assert_int_equal(tensor_stream_finish(&s), CADRE_EARGUMENT); /* the failure stays */
    assert_int_equal(tensor_stream_commit(&s), CADRE_EARGUMENT);
    tensor_stream_close(&s);
    assert_false(file_exists(path));
}

static void missing_bytes_are_told_by_the_tensor(void **state)
{
    (void)state;
    const char *path = scratch_file("less");
    tensor_stream s;
    declare_four(&s, path, 4);
    succeeds(tensor_stream_put(&s, whole, 6));
    refuses(tensor_stream_finish(&s), CADRE_EARGUMENT, "less: b: expected 5 bytes, was given 2");
    assert_int_equal(tensor_stream_commit(&s), CADRE_EARGUMENT);
    tensor_stream_close(&s);
    assert_false(file_exists(path));
}

static void a_name_comes_once(void **state)
{
    (void)state;
    tensor_stream s;
    succeeds(tensor_stream_open(&s, scratch_file("twice"), 1));
    static const char *const names[] = { "a", "c", "b", "c", "d" };
    for (int i = 0; i < 5; i++) succeeds(tensor_stream_declare(&s, names[i], 1));
    refuses(tensor_stream_begin(&s, "", 0), CADRE_EARGUMENT, "twice: two tensors are named c");
    assert_int_equal(tensor_stream_put(&s, "x", 1), CADRE_EARGUMENT);
    tensor_stream_close(&s);
}

static void sizes_that_do_not_add_up_are_refused(void **state)
{
    (void)state;
    tensor_stream s;
    succeeds(tensor_stream_open(&s, scratch_file("large"), 1));
    succeeds(tensor_stream_declare(&s, "a", INT64_MAX / 2 - 1));
    succeeds(tensor_stream_declare(&s, "b", 1));
    refuses(tensor_stream_declare(&s, "c", 1), CADRE_EARGUMENT,
        "large: c: expected tensors whose sizes add up in 64 bits");
    assert_int_equal(tensor_stream_declare(&s, "d", 0), CADRE_EARGUMENT);
    tensor_stream_close(&s);
    succeeds(tensor_stream_open(&s, scratch_file("large"), 1));
    succeeds(tensor_stream_declare(&s, "a", 2));
    refuses(tensor_stream_declare(&s, "b", SIZE_MAX - 1), CADRE_EARGUMENT, "large: b: ");
    tensor_stream_close(&s);
}

/* More than the first block of the list holds; every allocation on the way may fail. */
static void a_long_list_is_whole_or_refused(void **state)
{
    (void)state;
    enum { TENSORS = 130 };
    const char *path = scratch_file("long");
    int64_t before = mem_balance();
    cadre_status status = CADRE_ENOMEM;
    for (long n = 1; status != CADRE_OK; n++) {
        tensor_stream s;
        char name[8];
        mem_fail_at(n, false);
        status = tensor_stream_open(&s, path, 1);
        for (int i = 0; i < TENSORS && status == CADRE_OK; i++) {
            snprintf(name, sizeof name, "%d", i);
            status = tensor_stream_declare(&s, name, 1);
        }
        if (status == CADRE_OK) status = tensor_stream_begin(&s, "", 0);
        for (int i = 0; i < TENSORS && status == CADRE_OK; i++)
            status = tensor_stream_put(&s, &(char){ (char)i }, 1);
        if (status == CADRE_OK) status = tensor_stream_finish(&s);
        if (status == CADRE_OK) status = tensor_stream_commit(&s);
        mem_fail_at(0, false);
        assert_true(status == CADRE_OK || status == CADRE_ENOMEM);
        tensor_stream_close(&s);
        assert_int_equal(file_exists(path), status == CADRE_OK);
        assert_int_equal(mem_balance(), before);
    }
    assert_int_equal(file_bytes(path), TENSORS);
}

/* ---- ranks ---- */

enum { RANKS = 3 };

typedef struct shared_stream {
    const char *path;
    size_t last[RANKS]; /* bytes of tensor d, as each rank declares it */
    cadre_status status[RANKS];
    char sentence[RANKS][COMM_SENTENCE];
    hash128 of_file, of_tensor[4];
} shared_stream;

/* Byte i of the tensors is of rank i % RANKS. */
static cadre_status pass_bytes(tensor_stream *s, int rank)
{
    static const char bytes[] = "aaaabbbbbdddddddd";
    for (size_t i = 0; i < 17; i++)
        CADRE_TRY(i % RANKS == (size_t)rank ? tensor_stream_put(s, bytes + i, 1)
                                            : tensor_stream_skip(s, 1));
    return CADRE_OK;
}

static cadre_status write_among(tensor_stream *s, int rank, size_t last)
{
    static const char header[] = "HHHHHHH";
    CADRE_TRY(tensor_stream_declare(s, "a", 4));
    CADRE_TRY(tensor_stream_declare(s, "b", 5));
    CADRE_TRY(tensor_stream_declare(s, "c", 0));
    CADRE_TRY(tensor_stream_declare(s, "d", last));
    CADRE_TRY(tensor_stream_begin(s, header, 3 + 2 * (size_t)rank));
    CADRE_TRY(pass_bytes(s, rank));
    CADRE_TRY(tensor_stream_gather(s));
    CADRE_TRY(tensor_stream_gather(s));
    CADRE_TRY(tensor_stream_finish(s));
    return CADRE_OK;
}

static void write_rank(comm *world, void *arg)
{
    shared_stream *shared = arg;
    int blind, r = world->rank;
    tensor_stream s;
    cadre_status status = tensor_stream_open_among(&s, shared->path, world, &blind);
    if (status == CADRE_OK) status = write_among(&s, r, shared->last[r]);
    if (status == CADRE_OK && r == 0) {
        shared->of_file = hash_stream_value(s.of_file);
        for (int i = 0; i < 4; i++) shared->of_tensor[i] = s.list[i].hash;
    }
    if (status == CADRE_OK) status = tensor_stream_commit(&s);
    if (status != CADRE_OK) comm_fail(world, status);
    shared->status[r] = status;
    snprintf(shared->sentence[r], COMM_SENTENCE, "%s", world->sentence);
    tensor_stream_close(&s);
}

/* The file has the header of rank 0, and rank 0 has the hashes of all bytes. */
static void ranks_write_each_their_bytes(void **state)
{
    (void)state;
    shared_stream s = { .path = scratch_file("shared"), .last = { 8, 8, 8 } };
    static const char expected[] = "HHHaaaabbbbbdddddddd";
    succeeds(thread_comm_run(RANKS, 60, write_rank, &s));
    for (int r = 0; r < RANKS; r++) succeeds(s.status[r]);
    expect_file(s.path, expected, sizeof expected - 1);
    assert_true(hash_equal(s.of_file, hash_bytes(expected, sizeof expected - 1)));
    assert_true(hash_equal(s.of_tensor[0], hash_bytes("aaaa", 4)));
    assert_true(hash_equal(s.of_tensor[1], hash_bytes("bbbbb", 5)));
    assert_true(hash_equal(s.of_tensor[2], hash_bytes("", 0)));
    assert_true(hash_equal(s.of_tensor[3], hash_bytes("dddddddd", 8)));
}

static void ranks_with_other_tensors_are_refused(void **state)
{
    (void)state;
    shared_stream s = { .path = scratch_file("unlike"), .last = { 8, 8, 9 } };
    thread_comm_run(RANKS, 60, write_rank, &s);
    for (int r = 0; r < RANKS; r++) {
        assert_int_equal(s.status[r], CADRE_EMISMATCH);
        assert_non_null(strstr(s.sentence[r],
            "unlike: ranks do not agree: expected 18 bytes of tensors, found 17 on rank 0"));
    }
    assert_false(file_exists(s.path));
}

static void one_process_skips_nothing(void **state)
{
    (void)state;
    tensor_stream s;
    declare_four(&s, scratch_file("skips"), 4);
    refuses(
        tensor_stream_skip(&s, 1), CADRE_EARGUMENT, "skips: has no other ranks to write its bytes");
    tensor_stream_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_may_come_in_any_pieces),
        cmocka_unit_test(padding_may_be_long_or_none),
        cmocka_unit_test(tensors_of_no_bytes_are_complete_at_once),
        cmocka_unit_test(more_bytes_than_declared_are_refused),
        cmocka_unit_test(missing_bytes_are_told_by_the_tensor),
        cmocka_unit_test(a_name_comes_once),
        cmocka_unit_test(sizes_that_do_not_add_up_are_refused),
        cmocka_unit_test(a_long_list_is_whole_or_refused),
        cmocka_unit_test(ranks_write_each_their_bytes),
        cmocka_unit_test(ranks_with_other_tensors_are_refused),
        cmocka_unit_test(one_process_skips_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

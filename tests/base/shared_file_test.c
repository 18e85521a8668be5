/* shared_file_test.c - ranks that are threads open one file together, see that it is the same one,
 * and write each their own bytes; or one of them is in another folder, or rank 0 cannot. */
#include "base/shared_file.h"

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

enum { RANKS = 4, PART = 5, PATH = 400 };

typedef struct opening {
    char path[RANKS][PATH]; /* that each rank gives */
    cadre_status status[RANKS];
    int blind[RANKS];
    bool writes[RANKS];
} opening;

/* Writes its own letter at its place. */
static cadre_status write_own(comm *world, file_writer *w)
{
    char bytes[PART];
    memset(bytes, 'a' + world->rank, sizeof bytes);
    CADRE_TRY(file_writer_reserve(w, (int64_t)world->size * PART));
    CADRE_TRY(file_writer_skip(w, (size_t)world->rank * PART));
    CADRE_TRY(file_writer_put(w, bytes, sizeof bytes));
    CADRE_TRY(file_writer_finish(w));
    comm_barrier(world);
    return comm_status(world);
}

static void open_rank(comm *world, void *arg)
{
    opening *o = arg;
    int r = world->rank;
    file_writer *w = NULL;
    o->status[r] = shared_file_open(world, o->path[r], &w, &o->blind[r]);
    o->writes[r] = w != NULL;
    if (o->status[r] == CADRE_OK && o->blind[r] < 0) o->status[r] = write_own(world, w);
    if (o->status[r] != CADRE_OK) comm_fail(world, o->status[r]);
    if (w && o->status[r] == CADRE_OK) o->status[r] = file_writer_commit(w);
    else file_writer_discard(w);
}

/* All ranks give this path, but one (-1: none) another. */
static opening opened(const char *path, int other, const char *another)
{
    opening o = { .blind = { 99, 99, 99, 99 } };
    for (int r = 0; r < RANKS; r++) snprintf(o.path[r], PATH, "%s", r == other ? another : path);
    int64_t before = mem_balance();
    thread_comm_run(RANKS, 60, open_rank, &o);
    assert_int_equal(mem_balance(), before);
    return o;
}

static void ranks_write_one_file(void **state)
{
    (void)state;
    const char *path = scratch_file("together");
    opening o = opened(path, -1, NULL);
    char *text;
    size_t size;
    for (int r = 0; r < RANKS; r++) {
        succeeds(o.status[r]);
        assert_int_equal(o.blind[r], -1);
    }
    succeeds(file_read(path, 100, &text, &size));
    assert_string_equal(text, "aaaaabbbbbcccccddddd");
    mem_free(text);
}

/* Nothing of the file that the other rank sees is changed, whatever its name. */
static void a_rank_elsewhere_is_named_and_rank_0_writes(void **state)
{
    (void)state;
    static char path[PATH], other[PATH];
    snprintf(path, PATH, "%s", scratch_file("here"));
    for (int rank = 1; rank < RANKS; rank++) {
        snprintf(other, PATH, "%s", scratch_file("there"));
        succeeds(file_write(other, "kept", 4));
        opening o = opened(path, rank, other);
        for (int r = 0; r < RANKS; r++) {
            succeeds(o.status[r]);
            assert_int_equal(o.blind[r], rank);
            assert_int_equal(o.writes[r], r == 0);
        }
        assert_int_equal(file_bytes(other), 4);
    }
}

static void all_fail_if_rank_0_cannot_make_the_file(void **state)
{
    (void)state;
    static char path[PATH];
    snprintf(path, PATH, "%s/nowhere/file", scratch_folder());
    opening o = opened(path, -1, NULL);
    for (int r = 0; r < RANKS; r++) {
        assert_int_equal(o.status[r], CADRE_EIO);
        assert_false(o.writes[r]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_write_one_file),
        cmocka_unit_test(a_rank_elsewhere_is_named_and_rank_0_writes),
        cmocka_unit_test(all_fail_if_rank_0_cannot_make_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

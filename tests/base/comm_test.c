/* comm_test.c - what ranks do together, on one rank and on threads: every call, errors that stick,
 * ranks that fail, that never come and that do not agree. */
#define _GNU_SOURCE
#include "base/comm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/thread_comm.h"

enum { MOST = 8, LONG = 60 };
static const int sizes[] = { 1, 2, 3, MOST };

/* What each rank found; asserted when all have ended, for cmocka's jumps are the main thread's. */
typedef struct findings {
    bool (*check)(comm *c);
    bool right[MOST];
    cadre_status status[MOST];
    char sentence[MOST][COMM_SENTENCE];
    double seconds[MOST];
} findings;

static void run_check(comm *world, void *arg)
{
    findings *f = arg;
    double begin = clock_seconds();
    f->right[world->rank] = f->check(world);
    f->seconds[world->rank] = clock_seconds() - begin;
    f->status[world->rank] = comm_status(world);
    snprintf(f->sentence[world->rank], COMM_SENTENCE, "%s", world->sentence);
}

static findings run_on(int size, double limit, bool (*check)(comm *c))
{
    findings f = { .check = check };
    assert_int_equal(thread_comm_run(size, limit, run_check, &f), CADRE_OK);
    return f;
}

/* On one rank alone, and on threads. */
static void check_everywhere(bool (*check)(comm *c))
{
    comm self = comm_self();
    assert_true(check(&self));
    assert_int_equal(comm_status(&self), CADRE_OK);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        findings f = run_on(sizes[i], LONG, check);
        for (int r = 0; r < sizes[i]; r++) {
            if (!f.right[r] || f.status[r] != CADRE_OK)
                fail_msg("rank %d of %d: %s", r, sizes[i], f.sentence[r]);
        }
    }
}

/* ---- sums ---- */

static bool sums_counts(comm *c)
{
    int64_t values[5], ranks = c->size;
    for (int i = 0; i < 5; i++) values[i] = (int64_t)1 << 40 | (c->rank + i);
    comm_all_reduce_counts(c, values, 5);
    for (int i = 0; i < 5; i++)
        if (values[i] != (ranks << 40) + ranks * (ranks - 1) / 2 + ranks * i) return false;
    return true;
}

static void test_sums(void **state)
{
    (void)state;
    check_everywhere(sums_counts);
}

/* ---- rows ---- */

static bool gathers(comm *c)
{
    int32_t own[2] = { c->rank, -c->rank }, all[MOST * 2], in_place[MOST * 2];
    memcpy(&in_place[c->rank * 2], own, sizeof own);
    comm_all_gather(c, own, sizeof own, all);
    comm_all_gather(c, &in_place[c->rank * 2], sizeof own, in_place);
    for (int r = 0; r < c->size; r++)
        if (all[2 * r] != r || all[2 * r + 1] != -r) return false;
    return !memcmp(all, in_place, (size_t)c->size * sizeof own);
}

/* Rank r has r + 1 rows of three, but the second none. */
static bool gathers_ragged(comm *c)
{
    int64_t first[MOST + 1] = { 0 };
    int32_t own[MOST][3], all[MOST * MOST][3];
    for (int r = 0; r < c->size; r++) first[r + 1] = first[r] + (r == 1 ? 0 : r + 1);
    for (int i = 0; i <= c->rank; i++)
        for (int j = 0; j < 3; j++) own[i][j] = c->rank * 100 + i * 10 + j;
    comm_all_gather_v(c, own, first, sizeof *own, all);
    for (int r = 0; r < c->size; r++)
        for (int64_t i = first[r]; i < first[r + 1]; i++)
            for (int j = 0; j < 3; j++)
                if (all[i][j] != r * 100 + (i - first[r]) * 10 + j) return false;
    return true;
}

static int64_t rows_between(int from, int to) { return (from + 2 * to) % 3; }

/* Row i from one rank to another is { from, to, i }. */
static bool exchanges_all_with_all(comm *c)
{
    int64_t send_first[MOST + 1] = { 0 }, receive_first[MOST + 1] = { 0 };
    int32_t send[2 * MOST][3], receive[2 * MOST][3];
    for (int r = 0; r < c->size; r++) {
        send_first[r + 1] = send_first[r] + rows_between(c->rank, r);
        receive_first[r + 1] = receive_first[r] + rows_between(r, c->rank);
        for (int64_t i = send_first[r]; i < send_first[r + 1]; i++)
            memcpy(send[i], (int32_t[]){ c->rank, r, (int32_t)(i - send_first[r]) }, sizeof *send);
    }
    comm_rows rows = { send, send_first, receive, receive_first, sizeof *send, 0, true };
    comm_all_to_all_v(c, &rows);
    for (int r = 0; r < c->size; r++)
        for (int64_t i = receive_first[r]; i < receive_first[r + 1]; i++)
            if (receive[i][0] != r || receive[i][1] != c->rank ||
                receive[i][2] != i - receive_first[r])
                return false;
    return true;
}

/* Rows that stay on their rank are not counted, nor others' calls. */
static bool counts_what_travels(comm *c)
{
    comm_tally before = comm_tally_of(c);
    int64_t sent = 0, received = 0, one = 1, all[MOST];
    for (int r = 0; r < c->size; r++) {
        sent += r == c->rank ? 0 : rows_between(c->rank, r);
        received += r == c->rank ? 0 : rows_between(r, c->rank);
    }
    if (!exchanges_all_with_all(c)) return false;
    comm_tally rows = comm_tally_since(c, &before);
    comm_all_gather(c, &one, sizeof one, all);
    comm_tally both = comm_tally_since(c, &before);
    int64_t gathered = (int64_t)sizeof one * (c->size - 1);
    return rows.rows_sent == sent && rows.rows_received == received &&
           rows.bytes_sent == 12 * sent && rows.bytes_received == 12 * received &&
           both.rows_sent == sent && both.bytes_sent == 12 * sent + gathered &&
           (c->size == 1) == (both.seconds == 0);
}

static bool broadcasts(comm *c)
{
    for (int root = 0; root < c->size; root++) {
        char text[24] = "";
        if (c->rank == root) snprintf(text, sizeof text, "from %d", root);
        comm_broadcast(c, text, sizeof text, root);
        char expected[24];
        snprintf(expected, sizeof expected, "from %d", root);
        if (strcmp(text, expected)) return false;
    }
    return true;
}

static void test_rows(void **state)
{
    (void)state;
    check_everywhere(gathers);
    check_everywhere(gathers_ragged);
    check_everywhere(exchanges_all_with_all);
    check_everywhere(counts_what_travels);
    check_everywhere(broadcasts);
}

/* ---- messages ---- */

/* A number goes from the first rank to the last, and each adds one. */
static bool hands_on(comm *c)
{
    int number = 5;
    if (c->rank > 0) comm_receive(c, c->rank - 1, &number, sizeof number);
    if (number != 5 + c->rank) return false;
    number++;
    if (c->rank + 1 < c->size) comm_send(c, c->rank + 1, &number, sizeof number);
    return true;
}

/* All send to the right and receive from the left at once: sending first would wait for ever. */
static bool turns_a_ring(comm *c)
{
    int mine = c->rank * 3, left = (c->rank + c->size - 1) % c->size, got = -1;
    if (c->size == 1) return true;
    for (int round = 0; round < 3; round++, mine++) {
        comm_message m = { (c->rank + 1) % c->size, left, &mine, sizeof mine, &got, sizeof got };
        comm_send_receive(c, &m);
        if (got != left * 3 + round) return false;
    }
    return true;
}

static bool keeps_the_order(comm *c)
{
    for (int i = 0; i < 20; i++) {
        int number = i * i;
        if (c->rank == 0 && c->size > 1) comm_send(c, c->size - 1, &number, sizeof number);
        if (c->rank == 0 || c->rank != c->size - 1) continue;
        number = 0;
        comm_receive(c, 0, &number, sizeof number);
        if (number != i * i) return false;
    }
    return true;
}

static void test_messages(void **state)
{
    (void)state;
    check_everywhere(hands_on);
    check_everywhere(turns_a_ring);
    check_everywhere(keeps_the_order);
}

/* ---- the ranks themselves ---- */

static atomic_int arrived;

static bool waits_for_all(comm *c)
{
    if (c->rank == 0) atomic_store(&arrived, 0);
    comm_barrier(c);
    atomic_fetch_add(&arrived, 1);
    comm_barrier(c);
    bool right = atomic_load(&arrived) == c->size;
    comm_barrier(c);
    return right;
}

/* Odd and even ranks, the last first; within them halves. */
static bool splits(comm *c)
{
    comm *part, *half;
    int64_t sum = c->rank, expected = 0, after = 0;
    for (int r = c->rank % 2; r < c->size; r += 2) expected += r, after += r > c->rank;
    if (comm_split(c, c->rank % 2, -c->rank, &part) != CADRE_OK) return false;
    bool right = part->rank == after;
    comm_all_reduce_counts(part, &sum, 1);
    right = right && sum == expected;
    if (comm_split(part, part->rank / 2, 0, &half) != CADRE_OK) return false;
    int64_t members = 1;
    comm_all_reduce_counts(half, &members, 1);
    right = right && members == half->size && half->rank == part->rank % 2;
    comm_free(half);
    comm_free(part);
    return right;
}

static bool may_be_in_none(comm *c)
{
    comm *part;
    int64_t one = 1;
    if (comm_split(c, c->rank == 0 ? -1 : 4, 0, &part) != CADRE_OK) return false;
    if (c->rank == 0) return !part;
    comm_all_reduce_counts(part, &one, 1);
    bool right = one == c->size - 1;
    comm_free(part);
    return right;
}

static void test_ranks(void **state)
{
    (void)state;
    check_everywhere(waits_for_all);
    check_everywhere(splits);
    check_everywhere(may_be_in_none);
}

/* ---- what goes wrong ---- */

static void sleep_for(double seconds)
{
    struct timespec t = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };
    nanosleep(&t, NULL);
}

/* After an error: calls return, and what would have been received is zeros. */
static bool receives_zeros(comm *c)
{
    int64_t first[MOST + 1], count = 77, all[MOST], sum = 3;
    for (int r = 0; r <= c->size; r++) first[r] = r;
    for (int r = 0; r < c->size; r++) all[r] = 88;
    comm_rows rows = { all, first, all, first, sizeof *all, 0, false };
    comm_all_reduce_counts(c, &sum, 1);
    comm_all_to_all_v(c, &rows);
    for (int r = 0; r < c->size; r++)
        if (all[r] != 0) return false;
    if (c->rank > 0) comm_broadcast(c, &count, sizeof count, 0);
    else comm_receive(c, 1, &count, sizeof count);
    if (count != 0 || sum != 3) return false;
    count = 77;
    comm_all_gather(c, &count, sizeof count, all);
    for (int r = 0; r < c->size; r++)
        if (all[r] != 0) return false;
    comm *part;
    return comm_split(c, 0, 0, &part) != CADRE_OK && !part;
}

/* Rank 1 cannot go on; the others are in a sum, or on their way to it. */
static bool one_fails(comm *c)
{
    if (c->rank == 1) {
        sleep_for(0.02);
        comm_fail(c, cadre_fail(CADRE_ENOMEM, "model", "no room for %d experts", 8));
    }
    int64_t sum = 3;
    comm_all_reduce_counts(c, &sum, 1);
    return receives_zeros(c);
}

static void test_a_rank_that_fails(void **state)
{
    (void)state;
    for (size_t i = 1; i < sizeof sizes / sizeof *sizes; i++) {
        findings f = run_on(sizes[i], LONG, one_fails);
        for (int r = 0; r < sizes[i]; r++) {
            assert_true(f.right[r]);
            assert_int_equal(f.status[r], CADRE_ENOMEM);
            assert_string_equal(f.sentence[r], "rank 1: model: no room for 8 experts");
            assert_true(f.seconds[r] < LONG / 2.0);
        }
    }
}

static void test_one_rank_fails(void **state)
{
    (void)state;
    comm self = comm_self();
    comm_fail(&self, cadre_fail(CADRE_EIO, "disk", "full"));
    comm_fail(&self, cadre_fail(CADRE_ENOMEM, NULL, "second"));
    cadre_fail(CADRE_EIO, NULL, "something else");
    assert_int_equal(comm_status(&self), CADRE_EIO);
    assert_string_equal(cadre_last_error(), "disk: full");
    int64_t values[] = { 1, 2 }, first[] = { 0, 2 }, received[] = { 7, 7 };
    comm_rows rows = { values, first, received, first, sizeof *values, 0, false };
    comm_all_to_all_v(&self, &rows);
    assert_true(received[0] == 0 && received[1] == 0 && values[1] == 2);
}

/* How many ranks have given up waiting for the silent one, who knows it by this alone. */
static atomic_int given_up;

static void begin_waiting(comm *c)
{
    if (c->rank == 0) atomic_store(&given_up, 0);
    comm_barrier(c); /* all are there, and from now on */
    c->limit = 0.2;
}

static void stay_away(const comm *c)
{
    while (atomic_load(&given_up) < c->size - 1) sleep_for(0.002);
}

static bool last_is_late(comm *c)
{
    int64_t sum = 3;
    begin_waiting(c);
    if (c->rank == c->size - 1) stay_away(c);
    comm_all_reduce_counts(c, &sum, 1);
    atomic_fetch_add(&given_up, 1);
    return receives_zeros(c);
}

static void expect_silent(const findings *f, int size, int silent)
{
    char expected[64];
    snprintf(expected, sizeof expected, "rank %d is silent: ", silent);
    for (int r = 0; r < size; r++) {
        assert_true(f->right[r]);
        assert_int_equal(f->status[r], CADRE_EIO);
        if (strncmp(f->sentence[r], expected, strlen(expected)))
            fail_msg("rank %d of %d: %s", r, size, f->sentence[r]);
    }
}

static void test_a_rank_that_does_not_come(void **state)
{
    (void)state;
    for (size_t i = 1; i < sizeof sizes / sizeof *sizes; i++) {
        findings f = run_on(sizes[i], LONG, last_is_late);
        expect_silent(&f, sizes[i], sizes[i] - 1);
    }
}

/* Rank 0 waits for a message of 1, who waits in a part for 2, who is asleep. */
static bool waits_in_a_chain(comm *c)
{
    comm *part;
    int number = 9;
    if (comm_split(c, c->rank > 0, 0, &part) != CADRE_OK) return false;
    begin_waiting(c);
    if (c->rank == 2) stay_away(c);
    if (c->rank > 0) comm_barrier(part);
    else comm_receive(c, 1, &number, sizeof number);
    atomic_fetch_add(&given_up, 1);
    comm_free(part);
    return c->rank > 0 || number == 0;
}

static void test_the_silent_one_is_named_not_who_waits_for_it(void **state)
{
    (void)state;
    findings f = run_on(3, LONG, waits_in_a_chain);
    expect_silent(&f, 3, 2);
}

static bool all_receive(comm *c)
{
    int number;
    comm_receive(c, (c->rank + 1) % c->size, &number, sizeof number);
    return number == 0;
}

static bool last_returns(comm *c)
{
    if (c->rank < c->size - 1) comm_barrier(c);
    return true;
}

static void test_waiting_for_what_cannot_come(void **state)
{
    (void)state;
    findings f = run_on(3, 0.1, all_receive);
    for (int r = 0; r < 3; r++)
        assert_non_null(strstr(f.sentence[r], "all ranks wait for each other"));
    f = run_on(3, 0, last_returns); /* without a limit */
    for (int r = 0; r < 2; r++) assert_non_null(strstr(f.sentence[r], "rank 2 has ended"));
}

static bool calls_differ(comm *c)
{
    int64_t values[2] = { 1, 1 };
    comm_all_reduce_counts(c, values, c->rank == 1 ? 2 : 1);
    return true;
}

static bool rows_differ(comm *c)
{
    int64_t send_first[MOST + 1] = { 0 }, receive_first[MOST + 1] = { 0 };
    char sent[MOST] = { 0 }, received[MOST * 2];
    for (int r = 0; r < c->size; r++) {
        send_first[r + 1] = r + 1;
        receive_first[r + 1] = receive_first[r] + (c->rank == 1 && r == 2 ? 2 : 1);
    }
    comm_rows rows = { sent, send_first, received, receive_first, 1, 0, false };
    comm_all_to_all_v(c, &rows);
    return true;
}

static bool messages_differ(comm *c)
{
    int number = 1;
    if (c->rank == 0) comm_send(c, 1, &number, sizeof number);
    if (c->rank == 1) comm_receive(c, 0, &number, 2);
    comm_barrier(c);
    return c->rank != 1 || number << 16 == 0;
}

static void test_ranks_that_do_not_agree(void **state)
{
    (void)state;
    const struct {
        bool (*check)(comm *c);
        const char *sentence;
    } cases[] = { { calls_differ,
                      "all_reduce_counts of 1 on rank 0, all_reduce_counts of 2 on rank 1" },
        { rows_differ, "rank 2 sends 1 rows, rank 1 expects 2" },
        { messages_differ, "rank 0 sends 4 bytes, rank 1 expects 2" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        findings f = run_on(3, LONG, cases[i].check);
        for (int r = 0; r < 3; r++) {
            assert_true(f.right[r]);
            assert_int_equal(f.status[r], CADRE_EMISMATCH);
            if (!strstr(f.sentence[r], cases[i].sentence))
                fail_msg("rank %d: %s", r, f.sentence[r]);
        }
    }
}

static bool sums_once(comm *c)
{
    int64_t one = 1;
    comm_all_reduce_counts(c, &one, 1);
    return one == c->size;
}

static void run_sums_once(comm *c, void *arg) { atomic_fetch_add((atomic_int *)arg, sums_once(c)); }

static void test_many_ranks(void **state)
{
    (void)state;
    atomic_int right = 0;
    assert_int_equal(thread_comm_run(THREAD_COMM_MOST, LONG, run_sums_once, &right), CADRE_OK);
    assert_int_equal(right, THREAD_COMM_MOST);
    assert_int_equal(
        thread_comm_run(THREAD_COMM_MOST + 1, LONG, run_sums_once, &right), CADRE_EARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_ranks),
        cmocka_unit_test(test_a_rank_that_fails),
        cmocka_unit_test(test_one_rank_fails),
        cmocka_unit_test(test_a_rank_that_does_not_come),
        cmocka_unit_test(test_the_silent_one_is_named_not_who_waits_for_it),
        cmocka_unit_test(test_waiting_for_what_cannot_come),
        cmocka_unit_test(test_ranks_that_do_not_agree),
        cmocka_unit_test(test_many_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

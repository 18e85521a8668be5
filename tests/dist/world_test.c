/* world_test.c - the communicator over a transport of threads: every call on 1 to 9 ranks, every
 * all-to-all method with rows of all lengths, groups, and ranks that fail, are silent or end. */
#define _GNU_SOURCE
#include "dist/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "dist/all_to_all.h"
#include "support/thread_transport.h"

static const double LONG = 60; /* seconds: longer than any test takes */

/* Results of the threads, because cmocka's checks work only in the thread that runs the test. */
typedef struct findings {
    atomic_int right;
    const all_to_all_method *method;
    int64_t rows, row; /* the most rows that a pair exchanges; bytes of a row */
    cadre_status status[THREAD_TRANSPORT_MOST];
    char sentence[THREAD_TRANSPORT_MOST][CONTROL_TEXT];
    char printed[THREAD_TRANSPORT_MOST][CONTROL_TEXT];
    int code[THREAD_TRANSPORT_MOST];
} findings;

static void check_on(
    int size, int per_node, void (*body)(thread_rank *, void *), findings *f, const char *what)
{
    atomic_store(&f->right, 0);
    assert_int_equal(thread_transport_run(size, per_node, LONG, body, f), CADRE_OK);
    if (f->right != size) fail_msg("%s: %d of %d ranks", what, f->right, size);
}

/* ---- calls ---- */

static bool sums(comm *c)
{
    int64_t counts[3] = { c->rank, 1, -c->rank };
    comm_all_reduce_counts(c, counts, 3);
    int64_t sum = (int64_t)c->size * (c->size - 1) / 2;
    return counts[0] == sum && counts[1] == c->size && counts[2] == -sum;
}

/* Gathers blocks of `bytes` each; short and long ones use different methods. */
static bool gathers(comm *c, size_t bytes)
{
    char *all = mem_alloc((size_t)c->size, bytes), *own = mem_alloc(1, bytes);
    memset(own, c->rank + 1, bytes);
    comm_all_gather(c, own, bytes, all);
    bool right = true;
    for (int r = 0; r < c->size; r++)
        right &= all[(size_t)r * bytes] == r + 1 && all[(size_t)(r + 1) * bytes - 1] == r + 1;
    mem_free(all);
    mem_free(own);
    return right;
}

static bool gathers_rows(comm *c)
{
    int64_t first[THREAD_TRANSPORT_MOST + 1] = { 0 };
    int32_t own[THREAD_TRANSPORT_MOST], all[THREAD_TRANSPORT_MOST * THREAD_TRANSPORT_MOST];
    for (int r = 0; r < c->size; r++) first[r + 1] = first[r] + r;
    for (int i = 0; i < c->rank; i++) own[i] = c->rank * 100 + i;
    comm_all_gather_v(c, own, first, sizeof *own, all);
    bool right = true;
    for (int r = 0; r < c->size; r++)
        for (int i = 0; i < r; i++) right &= all[first[r] + i] == r * 100 + i;
    return right;
}

static bool broadcasts(comm *c)
{
    bool right = true;
    for (int root = 0; root < c->size; root++) {
        int64_t data[2] = { c->rank == root ? root + 7 : 0, 0 };
        comm_broadcast(c, data, sizeof data, root);
        right &= data[0] == root + 7;
    }
    return right;
}

static bool passes_on(comm *c)
{
    int32_t out = c->rank, in = -1;
    if (c->size == 1) return true;
    comm_message m = { (c->rank + 1) % c->size, (c->rank + c->size - 1) % c->size, &out, sizeof out,
        &in, sizeof in };
    comm_send_receive(c, &m);
    comm_barrier(c);
    return in == m.from;
}

static void run_calls(thread_rank *r, void *arg)
{
    findings *f = arg;
    comm *c = &r->world.comm;
    bool right = sums(c) && gathers(c, 3) && gathers(c, 100000) && gathers_rows(c) &&
                 broadcasts(c) && passes_on(c);
    atomic_fetch_add(&f->right, right && comm_status(c) == CADRE_OK);
}

static void test_calls(void **state)
{
    (void)state;
    findings f = { 0 };
    for (int size = 1; size <= 9; size++) check_on(size, 0, run_calls, &f, "calls");
    check_on(17, 0, run_calls, &f, "calls");
}

/* ---- all to all ---- */

static int64_t rows_between(const findings *f, int from, int to)
{
    return (from * 7 + to * 3 + from * to) % (f->rows + 1);
}

static char byte_of(int from, int to, int64_t i) { return (char)(from * 31 + to * 17 + i); }

static void fill_rows(const findings *f, comm *c, comm_rows *rows, int64_t *out, int64_t *in)
{
    for (int r = 0; r < c->size; r++) {
        out[r + 1] = out[r] + rows_between(f, c->rank, r);
        in[r + 1] = in[r] + rows_between(f, r, c->rank);
    }
    char *send = mem_alloc((size_t)out[c->size] + 1, (size_t)f->row);
    for (int r = 0; r < c->size; r++)
        for (int64_t i = out[r] * f->row; i < out[r + 1] * f->row; i++)
            send[i] = byte_of(c->rank, r, i - out[r] * f->row);
    *rows = (comm_rows){ send, out, mem_alloc((size_t)in[c->size] + 1, (size_t)f->row), in,
        (size_t)f->row, f->rows, false };
}

static void run_exchange(thread_rank *t, void *arg)
{
    findings *f = arg;
    comm *c = &t->world.comm;
    int64_t out[THREAD_TRANSPORT_MOST + 1] = { 0 }, in[THREAD_TRANSPORT_MOST + 1] = { 0 };
    comm_rows rows;
    fill_rows(f, c, &rows, out, in);
    bool right = (f->method ? f->method->exchange(c, &rows) : c->methods->all_to_all_v(c, &rows)) ==
                 CADRE_OK;
    for (int r = 0; r < c->size; r++)
        for (int64_t i = in[r] * f->row; i < in[r + 1] * f->row; i++)
            right &= ((char *)rows.receive)[i] == byte_of(r, c->rank, i - in[r] * f->row);
    mem_free((void *)(uintptr_t)rows.send);
    mem_free(rows.receive);
    atomic_fetch_add(&f->right, right);
}

static void test_all_to_all(void **state)
{
    (void)state;
    static const int sizes[][2] = { { 1, 1 }, { 2, 1 }, { 3, 1 }, { 5, 1 }, { 8, 1 }, { 4, 2 },
        { 6, 2 }, { 6, 3 }, { 9, 3 }, { 12, 3 }, { 8, 4 } };
    static const int64_t rows[][2] = { { 3, 4 }, { 1, 8 }, { 2, 5000 } };
    for (int m = 0; all_to_all_methods[m]; m++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                findings f = {
                    .method = all_to_all_methods[m], .rows = rows[i][0], .row = rows[i][1]
                };
                if (f.method->nodes && sizes[s][1] == 1) continue;
                check_on(sizes[s][0], sizes[s][1], run_exchange, &f, f.method->name);
            }
}

/* The chosen method suits the length of the blocks. If the ranks' sizes differ, the ranks need not
 * agree on a method. */
static void test_the_choice(void **state)
{
    (void)state;
    fabric f = { { 1e-6, 1e-7, 5e9 }, { 50e-6, 20e-6, 1e8 }, 32, 1 };
    assert_ptr_equal(all_to_all_cheapest(&f, 8, true), &all_to_all_bruck);
    assert_ptr_not_equal(all_to_all_cheapest(&f, 1 << 20, true), &all_to_all_bruck);
    assert_false(all_to_all_cheapest(&f, 8, false)->blocks);
    f.per_node = 8;
    assert_ptr_equal(all_to_all_cheapest(&f, 64, true), &all_to_all_nodes);
    f.ranks = f.per_node = 2;
    assert_ptr_equal(all_to_all_cheapest(&f, 1 << 20, true), &all_to_all_direct);
    findings chosen = { .rows = 3, .row = 4 };
    check_on(9, 3, run_exchange, &chosen, "the chosen method");
}

/* ---- groups ---- */

static bool adds_up(comm *part, int64_t expected)
{
    int64_t one = 1;
    comm_all_reduce_counts(part, &one, 1);
    return one == expected;
}

static void run_groups(thread_rank *t, void *arg)
{
    findings *f = arg;
    comm *c = &t->world.comm, *row, *column, *none;
    comm_split(c, c->rank / 3, c->rank, &row);
    comm_split(c, c->rank % 3, -c->rank, &column); /* ranks in reverse order */
    comm_split(c, c->rank == 0 ? 0 : -1, 0, &none);
    bool right = row->size == 3 && column->size == 2 && column->rank == (c->rank < 3) &&
                 row->rank == c->rank % 3 && (none != NULL) == (c->rank == 0);
    for (int i = 0; i < 3; i++) right &= adds_up(row, 3) && adds_up(column, 2) && gathers_rows(row);
    right &= adds_up(c, 6) && comm_status(c) == CADRE_OK;
    comm_free(none);
    comm_free(row);
    comm_free(column);
    atomic_fetch_add(&f->right, right);
}

static void test_groups(void **state)
{
    (void)state;
    findings f = { 0 };
    check_on(6, 0, run_groups, &f, "groups");
}

/* ---- faults ---- */

static void end(thread_rank *t, findings *f, cadre_status status)
{
    int r = t->world.comm.rank;
    f->status[r] = status;
    snprintf(f->sentence[r], CONTROL_TEXT, "%s", status == CADRE_OK ? "" : cadre_last_error());
    f->code[r] = control_end(&t->world.control, status != CADRE_OK, f->sentence[r],
        t->world.endpoint.limit, f->printed[r]);
}

static void run_failing(thread_rank *t, void *arg)
{
    comm *c = &t->world.comm;
    int64_t one = 1;
    if (c->rank == 2) {
        cadre_fail(CADRE_ENOMEM, NULL, "out of memory");
        end(t, arg, CADRE_ENOMEM);
        return;
    }
    comm_all_reduce_counts(c, &one, 1);
    end(t, arg, comm_status(c));
}

static void check_printed(const findings *f, int size, int printer, const char *text)
{
    for (int r = 0; r < size; r++) {
        if (r != printer && *f->printed[r]) fail_msg("rank %d prints %s", r, f->printed[r]);
        if (r == printer && !strstr(f->printed[r], text)) fail_msg("prints %s", f->printed[r]);
    }
}

/* A rank that ends by itself reports why. The others stop waiting for it, and only one prints the
 * message. */
static void test_a_rank_that_fails(void **state)
{
    (void)state;
    findings f = { 0 };
    double begin = clock_seconds();
    assert_int_equal(thread_transport_run(4, 0, LONG, run_failing, &f), CADRE_OK);
    assert_true(clock_seconds() - begin < LONG / 2);
    for (int r = 0; r < 4; r++) {
        assert_int_equal(f.code[r], 1);
        assert_non_null(strstr(f.sentence[r], "out of memory"));
    }
    check_printed(&f, 4, 0, "rank 2: out of memory");
}

/* Rank 0 waits for rank 1, which waits for rank 2, which has stopped. Rank 2 is named, and only
 * rank 0 prints it. */
static void run_silent(thread_rank *t, void *arg)
{
    comm *c = &t->world.comm;
    char byte = 0;
    if (c->rank == 2) {
        t->stop(t);
        clock_sleep(3);
        return;
    }
    if (c->rank == 3) clock_sleep(2); /* computes meanwhile, but answers */
    comm_receive(c, c->rank == 3 ? 0 : c->rank + 1, &byte, 1);
    end(t, arg, comm_status(c));
}

static void test_a_silent_rank(void **state)
{
    (void)state;
    findings f = { 0 };
    assert_int_equal(thread_transport_run(4, 0, 1, run_silent, &f), CADRE_OK);
    for (int r = 0; r < 4; r++)
        if (r != 2) {
            assert_int_equal(f.status[r], CADRE_EIO);
            assert_non_null(strstr(f.sentence[r], "rank 2 on host machine-0 is silent"));
        }
    check_printed(&f, 4, 0, "rank 2 on host machine-0 is silent");
}

/* MPI goes on with messages that were given up: their bytes must stay allocated. */
static void run_lasting(thread_rank *t, void *arg)
{
    findings *f = arg;
    char byte = 0;
    if (t->world.comm.rank == 1) {
        t->stop(t);
        clock_sleep(3);
        return;
    }
    t->world.transport.lasting = true;
    comm_receive(&t->world.comm, 1, &byte, 1);
    int64_t before = mem_balance();
    void *block = mem_alloc(100, 1);
    mem_free(block);
    f->right = mem_balance() - before >= 100;
    mem_keep(false);
    mem_free(block);
    f->right += mem_balance() == before;
}

static void test_messages_given_up(void **state)
{
    (void)state;
    findings f = { 0 };
    assert_int_equal(thread_transport_run(2, 0, 1, run_lasting, &f), CADRE_OK);
    assert_int_equal(f.right, 2);
}

/* A rank that computes for longer than the limit is not silent. */
static void run_slow(thread_rank *t, void *arg)
{
    if (t->world.comm.rank == 1) clock_sleep(1.5);
    comm_barrier(&t->world.comm);
    end(t, arg, comm_status(&t->world.comm));
}

static void test_a_slow_rank(void **state)
{
    (void)state;
    findings f = { 0 };
    assert_int_equal(thread_transport_run(3, 0, 0.4, run_slow, &f), CADRE_OK);
    for (int r = 0; r < 3; r++) {
        assert_int_equal(f.status[r], CADRE_OK);
        assert_int_equal(f.code[r], 0);
        assert_string_equal(f.printed[r], "");
    }
}

static void run_in_circles(thread_rank *t, void *arg)
{
    char byte = 0;
    comm *c = &t->world.comm;
    comm_receive(c, (c->rank + 1) % c->size, &byte, 1);
    end(t, arg, comm_status(c));
}

static void test_all_wait(void **state)
{
    (void)state;
    findings f = { 0 };
    assert_int_equal(thread_transport_run(3, 0, 0.4, run_in_circles, &f), CADRE_OK);
    for (int r = 0; r < 3; r++) assert_int_equal(f.code[r], 1);
    check_printed(&f, 3, 0, "wait for each other");
}

static void run_and_end(thread_rank *t, void *arg)
{
    char byte = 0;
    if (t->world.comm.rank == 0) comm_receive(&t->world.comm, 1, &byte, 1);
    end(t, arg, comm_status(&t->world.comm));
}

static void test_waiting_for_one_that_has_ended(void **state)
{
    (void)state;
    findings f = { 0 };
    assert_int_equal(thread_transport_run(2, 0, 0.6, run_and_end, &f), CADRE_OK);
    check_printed(&f, 2, 0, "rank 1 has ended while rank 0 waits for it");
    assert_int_equal(f.code[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_all_to_all),
        cmocka_unit_test(test_the_choice),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_a_rank_that_fails),
        cmocka_unit_test(test_a_silent_rank),
        cmocka_unit_test(test_messages_given_up),
        cmocka_unit_test(test_a_slow_rank),
        cmocka_unit_test(test_all_wait),
        cmocka_unit_test(test_waiting_for_one_that_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

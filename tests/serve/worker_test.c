/* worker_test.c - jobs run at once or in the worker's thread, `done` is called for all of them in
 * order, and a cancelled job does not run. */
#include "serve/worker.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

enum { JOBS = 5 };

typedef struct fixture {
    engine engine;
    worker worker;
    pthread_mutex_t held; /* a job that `waits` locks it, so the test can hold the job up */
    int done_order[JOBS], done_count;
} fixture;

typedef struct test_job {
    worker_job job;
    fixture *fixture;
    int number;
    bool waits, worked, aside; /* aside: it ran in another thread */
    pthread_t caller;
} test_job;

static void work(void *arg)
{
    test_job *e = arg;
    e->worked = true;
    e->aside = !pthread_equal(e->caller, pthread_self());
    if (e->waits) pthread_mutex_lock(&e->fixture->held);
    if (e->waits) pthread_mutex_unlock(&e->fixture->held);
}

static void done(void *arg)
{
    test_job *e = arg;
    e->fixture->done_order[e->fixture->done_count++] = e->number;
}

static void open_fixture(fixture *s)
{
    *s = (fixture){ .engine = { .signal = eventfd(0, EFD_NONBLOCK) } };
    assert_true(s->engine.signal >= 0);
    pthread_mutex_init(&s->held, NULL);
    worker_open(&s->engine, &s->worker);
}

static void close_fixture(fixture *s)
{
    worker_close(&s->worker);
    pthread_mutex_destroy(&s->held);
    close(s->engine.signal);
}

static void submit(fixture *s, test_job *e, size_t bytes, bool aside)
{
    e->fixture = s, e->caller = pthread_self();
    e->job = (worker_job){ .work = work, .done = done, .arg = e, .bytes = bytes, .slow = aside };
    worker_submit(&s->worker, &e->job);
}

static void collect(fixture *s, int count)
{
    struct pollfd p = { .fd = s->engine.signal, .events = POLLIN };
    while (s->done_count < count) {
        assert_int_equal(poll(&p, 1, 30000), 1);
        engine_clear_signal(&s->engine);
        worker_collect(&s->worker);
    }
}

static void small_jobs_run_at_once(void **state)
{
    (void)state;
    fixture s;
    test_job e = { .number = 7 };
    open_fixture(&s);
    submit(&s, &e, WORKER_INLINE_BYTES, false);
    assert_true(e.worked && !e.aside && s.done_count == 1 && s.done_order[0] == 7);
    assert_false(s.worker.started);
    close_fixture(&s);
}

static void other_jobs_run_in_the_thread_in_order(void **state)
{
    (void)state;
    fixture s;
    test_job e[JOBS] = { { .waits = true } };
    open_fixture(&s);
    pthread_mutex_lock(&s.held);
    for (int i = 0; i < JOBS; i++) {
        e[i].number = i;
        submit(&s, &e[i], i % 2 ? 0 : WORKER_INLINE_BYTES + 1, i % 2);
    }
    assert_int_equal(s.done_count, 0);
    assert_int_equal(s.worker.bytes, 3 * (WORKER_INLINE_BYTES + 1));
    atomic_store(&e[3].job.cancelled, true);
    pthread_mutex_unlock(&s.held);
    collect(&s, JOBS);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(s.done_order[i], i);
        assert_true(e[i].worked == (i != 3) && e[i].aside == (i != 3));
    }
    assert_int_equal(s.worker.bytes, 0);
    close_fixture(&s);
}

/* The running job is finished; the jobs after it may run or not. */
static void closing_finishes_all_jobs(void **state)
{
    (void)state;
    fixture s;
    test_job e[JOBS];
    open_fixture(&s);
    for (int i = 0; i < JOBS; i++) {
        e[i] = (test_job){ .number = i };
        submit(&s, &e[i], 0, true);
    }
    close_fixture(&s);
    assert_int_equal(s.done_count, JOBS);
    worker_close(&(worker){ 0 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_jobs_run_at_once),
        cmocka_unit_test(other_jobs_run_in_the_thread_in_order),
        cmocka_unit_test(closing_finishes_all_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

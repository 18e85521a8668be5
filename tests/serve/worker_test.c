/* worker_test.c - jobs are done at once or aside, told of in their order, and all told of at the
 * end; one that nobody wants is not worked on. */
#include "serve/worker.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

enum { JOBS = 5 };

typedef struct shop {
    engine engine;
    worker worker;
    pthread_mutex_t held; /* whoever works on a job that `waits` takes it */
    int told[JOBS], told_count;
} shop;

typedef struct errand {
    worker_job job;
    shop *shop;
    int number;
    bool waits, worked, aside; /* aside: by another thread */
    pthread_t giver;
} errand;

static void work(void *arg)
{
    errand *e = arg;
    e->worked = true;
    e->aside = !pthread_equal(e->giver, pthread_self());
    if (e->waits) pthread_mutex_lock(&e->shop->held);
    if (e->waits) pthread_mutex_unlock(&e->shop->held);
}

static void done(void *arg)
{
    errand *e = arg;
    e->shop->told[e->shop->told_count++] = e->number;
}

static void open_shop(shop *s)
{
    *s = (shop){ .engine = { .signal = eventfd(0, EFD_NONBLOCK) } };
    assert_true(s->engine.signal >= 0);
    pthread_mutex_init(&s->held, NULL);
    worker_open(&s->engine, &s->worker);
}

static void close_shop(shop *s)
{
    worker_close(&s->worker);
    pthread_mutex_destroy(&s->held);
    close(s->engine.signal);
}

static void give(shop *s, errand *e, size_t bytes, bool aside)
{
    e->shop = s, e->giver = pthread_self();
    e->job = (worker_job){ .work = work, .done = done, .arg = e, .bytes = bytes, .aside = aside };
    worker_give(&s->worker, &e->job);
}

static void collect(shop *s, int count)
{
    struct pollfd p = { .fd = s->engine.signal, .events = POLLIN };
    while (s->told_count < count) {
        assert_int_equal(poll(&p, 1, 30000), 1);
        engine_heard(&s->engine);
        worker_collect(&s->worker);
    }
}

static void what_is_small_is_done_at_once(void **state)
{
    (void)state;
    shop s;
    errand e = { .number = 7 };
    open_shop(&s);
    give(&s, &e, WORKER_SMALL, false);
    assert_true(e.worked && !e.aside && s.told_count == 1 && s.told[0] == 7);
    assert_false(s.worker.started);
    close_shop(&s);
}

static void the_rest_is_done_aside_in_order(void **state)
{
    (void)state;
    shop s;
    errand e[JOBS] = { { .waits = true } };
    open_shop(&s);
    pthread_mutex_lock(&s.held);
    for (int i = 0; i < JOBS; i++) {
        e[i].number = i;
        give(&s, &e[i], i % 2 ? 0 : WORKER_SMALL + 1, i % 2);
    }
    assert_int_equal(s.told_count, 0);
    assert_int_equal(s.worker.bytes, 3 * (WORKER_SMALL + 1));
    atomic_store(&e[3].job.unwanted, true);
    pthread_mutex_unlock(&s.held);
    collect(&s, JOBS);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(s.told[i], i);
        assert_true(e[i].worked == (i != 3) && e[i].aside == (i != 3));
    }
    assert_int_equal(s.worker.bytes, 0);
    close_shop(&s);
}

/* The job that is worked on is finished; those behind it may be or not. */
static void all_are_told_of_at_the_end(void **state)
{
    (void)state;
    shop s;
    errand e[JOBS];
    open_shop(&s);
    for (int i = 0; i < JOBS; i++) {
        e[i] = (errand){ .number = i };
        give(&s, &e[i], 0, true);
    }
    close_shop(&s);
    assert_int_equal(s.told_count, JOBS);
    worker_close(&(worker){ 0 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_small_is_done_at_once),
        cmocka_unit_test(the_rest_is_done_aside_in_order),
        cmocka_unit_test(all_are_told_of_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* guard_test.c - one thread inside, others turned away or waiting. */
#include "base/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct attempt {
    guard *guard;
    bool entered;
} attempt;

static void *try_once(void *arg)
{
    attempt *a = arg;
    a->entered = guard_enter(a->guard);
    if (a->entered) guard_leave(a->guard);
    return NULL;
}

static bool another_enters(guard *g)
{
    pthread_t thread;
    attempt a = { g, false };
    assert_int_equal(pthread_create(&thread, NULL, try_once, &a), 0);
    pthread_join(thread, NULL);
    return a.entered;
}

static void a_second_thread_is_turned_away(void **state)
{
    (void)state;
    guard g = { 0 };
    assert_true(guard_enter(&g));
    assert_false(another_enters(&g));
    assert_true(guard_enter(&g)); /* the one that is inside may */
    guard_leave(&g);
    assert_false(another_enters(&g));
    guard_leave(&g);
    assert_true(another_enters(&g));
    assert_true(guard_enter(&g));
    guard_leave(&g);
}

enum { THREADS = 4, TURNS = 2000 };

typedef struct counter {
    guard guard;
    lock lock;
    long guarded, locked; /* not atomic: what keeps threads apart has to */
    atomic_long entered;
} counter;

static void *count(void *arg)
{
    counter *c = arg;
    for (int i = 0; i < TURNS; i++) {
        if (guard_enter(&c->guard)) {
            c->guarded++;
            atomic_fetch_add(&c->entered, 1);
            guard_leave(&c->guard);
        }
        lock_take(&c->lock);
        c->locked++;
        lock_give(&c->lock);
    }
    return NULL;
}

static void nobody_is_inside_together(void **state)
{
    (void)state;
    static counter c;
    pthread_t threads[THREADS];
    lock_open(&c.lock);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, &c), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(c.guarded, atomic_load(&c.entered));
    assert_int_equal(c.locked, THREADS * TURNS);
    lock_close(&c.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_thread_is_turned_away),
        cmocka_unit_test(nobody_is_inside_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

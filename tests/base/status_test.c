/* status_test.c - the sentence of the last error. */
#include "base/status.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_failure_names_path_and_cause(void **state)
{
    (void)state;
    assert_int_equal(
        cadre_fail(CADRE_EFORMAT, "x.json", "expected %d, found %d", 1, 2), CADRE_EFORMAT);
    assert_string_equal(cadre_last_error(), "x.json: expected 1, found 2");
    cadre_fail(CADRE_EARGUMENT, NULL, "no path");
    cadre_fail_advice("try %s", "this");
    assert_string_equal(cadre_last_error(), "no path\ntry this");
    errno = ENOENT;
    cadre_fail_errno(CADRE_EIO, "y", "could not be read");
    assert_string_equal(cadre_last_error(), "y: could not be read: No such file or directory");
    assert_int_equal(errno, ENOENT);
}

static void endless_sentences_are_cut(void **state)
{
    (void)state;
    char endless[5000];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    cadre_fail(CADRE_EIO, endless, "%s", endless);
    cadre_fail_advice("%s", endless);
    assert_true(strlen(cadre_last_error()) < sizeof endless);
    cadre_fail(CADRE_EIO, "x", "%s", endless);
    errno = EIO;
    cadre_fail_errno(CADRE_EIO, "x", "%s", endless);
    assert_true(strlen(cadre_last_error()) < sizeof endless);
}

static void *fail_elsewhere(void *arg)
{
    (void)arg;
    cadre_fail(CADRE_EIO, NULL, "theirs");
    return NULL;
}

static void each_thread_has_its_own(void **state)
{
    (void)state;
    pthread_t thread;
    cadre_fail(CADRE_EIO, NULL, "mine");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    assert_string_equal(cadre_last_error(), "mine");
}

static void every_status_has_a_name(void **state)
{
    (void)state;
    for (int s = CADRE_EINTERRUPTED; s <= 0; s++)
        assert_string_not_equal(cadre_status_name((cadre_status)s), "unknown status");
    assert_string_equal(cadre_status_name((cadre_status)-99), "unknown status");
}

static void a_path_that_fills_the_sentence_leaves_room_for_the_cause(void **state)
{
    (void)state;
    char path[4000];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = 0;
    cadre_fail(CADRE_EIO, path, "expected %s", "a file");
    assert_string_equal(cadre_last_error(), "expected a file");
    path[100] = 0;
    cadre_fail(CADRE_EIO, path, "expected %s", "a file");
    assert_int_equal(strlen(cadre_last_error()), 100 + strlen(": expected a file"));
}

static void each_status_is_told_apart(void **state)
{
    (void)state;
    for (int s = CADRE_EINTERRUPTED; s <= 0; s++)
        for (int t = CADRE_EINTERRUPTED; t < s; t++)
            assert_string_not_equal(
                cadre_status_name((cadre_status)s), cadre_status_name((cadre_status)t));
    assert_string_equal(cadre_status_name(CADRE_EFORMAT), "malformed data");
    assert_string_equal(cadre_status_name(CADRE_EARGUMENT), "impossible argument");
    assert_string_equal(cadre_status_name(CADRE_EIO), "input or output failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_names_path_and_cause),
        cmocka_unit_test(endless_sentences_are_cut),
        cmocka_unit_test(each_thread_has_its_own),
        cmocka_unit_test(every_status_has_a_name),
        cmocka_unit_test(a_path_that_fills_the_sentence_leaves_room_for_the_cause),
        cmocka_unit_test(each_status_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

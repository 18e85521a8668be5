/* verify_test.c - every check is told of once, in the order of the lists. */
#include "verify/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/succeeds.h"

typedef struct heard {
    int checks, passed, order;
    int groups[3]; /* checks of each */
} heard;

static void listen(void *arg, const cadre_verification *v)
{
    static const char *const names[] = { "reference", "gradient", "kernel" };
    heard *h = arg;
    assert_int_equal(v->size, sizeof *v);
    while (h->order < 3 && strcmp(names[h->order], v->group)) h->order++;
    assert_in_range(h->order, 0, 2);
    h->groups[h->order]++;
    assert_true(v->name[0] && v->detail[0]);
    if (h->order == 2) assert_non_null(strstr(v->detail, "portable"));
    h->checks++;
    h->passed += v->passed;
}

static void every_check_is_told_of_once_and_holds(void **state)
{
    (void)state;
    int64_t before = mem_balance();
    heard h = { 0 };
    succeeds(cadre_verify(1, listen, &h));
    assert_int_equal(h.groups[0], verify_references.count);
    assert_int_equal(h.groups[1], verify_gradients.count);
    assert_int_equal(h.groups[2], verify_kernels.count);
    assert_int_equal(h.passed, h.checks);
    assert_int_equal(mem_balance(), before);
}

static void no_number_of_threads_means_the_cores(void **state)
{
    (void)state;
    heard h = { 0 };
    succeeds(cadre_verify(0, listen, &h));
    assert_int_equal(h.passed, 20);
}

static void without_memory_it_fails_and_tells_of_nothing(void **state)
{
    (void)state;
    heard h = { 0 };
    mem_fail_at(1, true);
    cadre_status status = cadre_verify(1, listen, &h);
    mem_fail_at(0, false);
    assert_int_equal(status, CADRE_ENOMEM);
    assert_int_equal(h.checks, 0);
}

static void what_a_check_says_is_cut_to_its_room(void **state)
{
    (void)state;
    verify_run run;
    char endless[1000];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    assert_true(verify_say(&run, true, "%d", 7));
    assert_string_equal(run.detail, "7");
    assert_false(verify_say(&run, false, "%s", endless));
    assert_int_equal(strlen(run.detail), VERIFY_DETAIL - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_check_is_told_of_once_and_holds),
        cmocka_unit_test(no_number_of_threads_means_the_cores),
        cmocka_unit_test(without_memory_it_fails_and_tells_of_nothing),
        cmocka_unit_test(what_a_check_says_is_cut_to_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

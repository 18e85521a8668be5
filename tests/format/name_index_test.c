/* name_index_test.c - every name is found at its place, no other one is, and one that comes twice
 * is told. */
#include "format/name_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/succeeds.h"

enum { NAMES = 5000 };

typedef struct named {
    int64_t before;
    const char *name;
    char text[24];
} named;

static void every_name_is_found_at_its_place(void **state)
{
    (void)state;
    int64_t before = mem_balance();
    named *list = MEM_ARRAY(named, NAMES);
    for (int i = 0; i < NAMES; i++) {
        snprintf(list[i].text, sizeof list[i].text, "experts.%d", i);
        list[i].name = list[i].text;
    }
    for (size_t count = 0; count <= NAMES; count = count * 3 + 1) {
        name_index x;
        uint32_t twice = 7;
        succeeds(name_index_make(&list->name, sizeof *list, count, &x, &twice));
        assert_int_equal(twice, NAME_NONE);
        for (size_t i = 0; i < NAMES; i += 7)
            assert_int_equal(name_index_find(&x, list[i].text), i < count ? i : NAME_NONE);
        assert_int_equal(name_index_find(&x, ""), NAME_NONE);
        assert_int_equal(name_index_find(&x, "experts."), NAME_NONE);
        assert_true(x.mask + 1 >= 2 * count); /* at most half full, so that a search ends */
        name_index_free(&x);
        assert_int_equal(name_index_find(&x, "experts.0"), NAME_NONE);
    }
    mem_free(list);
    assert_int_equal(mem_balance(), before);
}

static void a_name_that_comes_twice_is_told(void **state)
{
    (void)state;
    const char *const names[] = { "a", "b", "c", "b", "d" };
    name_index x;
    uint32_t twice;
    succeeds(name_index_make(names, sizeof *names, 5, &x, &twice));
    assert_int_equal(twice, 3);
    assert_int_equal(name_index_find(&x, "b"), 1);
    assert_int_equal(name_index_find(&x, "d"), 4);
    name_index_free(&x);
    succeeds(name_index_make(names, sizeof *names, 3, &x, &twice));
    assert_int_equal(twice, NAME_NONE);
    name_index_free(&x);
}

static void without_memory_there_is_no_index(void **state)
{
    (void)state;
    const char *const names[] = { "a" };
    name_index x = { 0 };
    uint32_t twice;
    mem_fail_at(1, false);
    cadre_status status = name_index_make(names, sizeof *names, 1, &x, &twice);
    mem_fail_at(0, false);
    assert_int_equal(status, CADRE_ENOMEM);
    assert_int_equal(name_index_find(&x, "a"), NAME_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_name_is_found_at_its_place),
        cmocka_unit_test(a_name_that_comes_twice_is_told),
        cmocka_unit_test(without_memory_there_is_no_index) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

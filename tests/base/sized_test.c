/* sized_test.c - public structs of an older, this and a newer version. */
#include "base/sized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/succeeds.h"

/* A struct as it was first, as the library has it, and as it will be. */
typedef struct first {
    size_t size;
    int64_t a;
} first;
typedef struct known {
    size_t size;
    int64_t a, b;
    double c;
} known;
typedef struct later {
    size_t size;
    int64_t a, b;
    double c, d;
} later;

enum { FIRST = SIZE_UP_TO(known, a) };

static void an_older_struct_is_read_with_zeros(void **state)
{
    (void)state;
    struct {
        first given;
        int beyond[8];
    } s = { { sizeof s.given, 5 }, { -1, -1, -1, -1, -1, -1, -1, -1 } };
    known own;
    memset(&own, 0xff, sizeof own);
    succeeds(sized_read("first", &s.given, FIRST, &own, sizeof own));
    assert_int_equal(own.size, sizeof own);
    assert_int_equal(own.a, 5);
    assert_int_equal(own.b, 0);
    assert_true(own.c == 0);
}

static void a_newer_struct_is_read_as_far_as_it_is_known(void **state)
{
    (void)state;
    struct {
        known own;
        double beyond;
    } s = { .beyond = 3 };
    const later given = { sizeof given, 1, 2, 3, 4 };
    succeeds(sized_read("later", &given, FIRST, &s.own, sizeof s.own));
    assert_true(s.own.size == sizeof s.own && s.own.a == 1 && s.own.b == 2 && s.own.c == 3 &&
                s.beyond == 3);
}

static void answers_fill_what_both_know(void **state)
{
    (void)state;
    const known made = { sizeof made, 1, 2, 3 };
    struct {
        first given;
        int beyond;
    } older = { { SIZE_UP_TO(first, a), 0 }, 9 };
    later newer = { sizeof newer, 7, 7, 7, 7 };
    sized_write(&made, sizeof made, &older.given);
    assert_true(
        older.given.size == SIZE_UP_TO(first, a) && older.given.a == 1 && older.beyond == 9);
    sized_write(&made, sizeof made, &newer);
    assert_true(
        newer.size == sizeof newer && newer.a == 1 && newer.b == 2 && newer.c == 3 && newer.d == 0);
}

static void nothing_and_too_little_are_refused_by_name(void **state)
{
    (void)state;
    known own;
    first short_one = { FIRST - 1, 0 }, forgotten = { 0, 0 };
    refuses(sized_read("some_struct", NULL, FIRST, &own, sizeof own), CADRE_EARGUMENT,
        "some_struct: expected a pointer");
    refuses(sized_read("some_struct", &short_one, FIRST, &own, sizeof own), CADRE_EARGUMENT,
        "some_struct: expected a size of at least 16");
    refuses(sized_check("some_struct", &forgotten, FIRST), CADRE_EARGUMENT,
        "found 0\nits field `size`");
    memset(&own, 0xff, sizeof own);
    succeeds(sized_read_or_zero("some_struct", NULL, FIRST, &own, sizeof own));
    assert_true(own.size == 0 && own.a == 0 && own.b == 0 && own.c == 0);
    refuses(sized_read_or_zero("some_struct", &forgotten, FIRST, &own, sizeof own), CADRE_EARGUMENT,
        "some_struct");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_struct_is_read_with_zeros),
        cmocka_unit_test(a_newer_struct_is_read_as_far_as_it_is_known),
        cmocka_unit_test(answers_fill_what_both_know),
        cmocka_unit_test(nothing_and_too_little_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

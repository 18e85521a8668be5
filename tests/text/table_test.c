/* table_test.c - the two hash tables beside plain arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "text/table.h"

enum { COUNT = 5000 };

static void test_numbers(void **state)
{
    (void)state;
    number_map map = { 0 };
    random_key key = random_key_of(1, "table", 0, 0);
    assert_null(number_map_find(&map, 0));
    for (uint64_t i = 0; i < COUNT; i++)
        assert_int_equal(number_map_set(&map, (uint64_t)random_bits(key, i) << 20, i), CADRE_OK);
    assert_int_equal(number_map_set(&map, 0, 77), CADRE_OK);
    assert_int_equal(number_map_set(&map, 0, 78), CADRE_OK);
    assert_int_equal(map.count, COUNT + 1);
    for (uint64_t i = 0; i < COUNT; i++)
        assert_int_equal(*number_map_find(&map, (uint64_t)random_bits(key, i) << 20), i);
    assert_int_equal(*number_map_find(&map, 0), 78);
    assert_null(number_map_find(&map, 1));
    number_map_free(&map);
}

static void test_strings(void **state)
{
    (void)state;
    string_set set = { 0 };
    char text[32];
    uint32_t place;
    bool was_there;
    for (uint32_t i = 0; i < COUNT; i++) {
        int size = snprintf(text, sizeof text, "%u-%u", i * i, i);
        assert_int_equal(string_set_add(&set, text, (size_t)size, &place, &was_there), CADRE_OK);
        assert_false(was_there);
        assert_int_equal(place, i);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        int size = snprintf(text, sizeof text, "%u-%u", i * i, i);
        assert_true(string_set_find(&set, text, (size_t)size, &place));
        assert_int_equal(place, i);
        assert_memory_equal(string_set_at(&set, place).data, text, (size_t)size);
        assert_false(string_set_find(&set, text, (size_t)size - 1, &place) && place == i);
    }
    assert_false(string_set_find(&set, "", 0, &place));
    assert_int_equal(string_set_add(&set, NULL, 0, &place, &was_there), CADRE_OK);
    assert_true(string_set_find(&set, "", 0, &place));
    string_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

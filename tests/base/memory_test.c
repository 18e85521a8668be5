/* memory_test.c - allocation, its failures, the arena, and checked sizes. */
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/checked.h"
#include "base/status.h"

static void blocks_are_zero_and_aligned(void **state)
{
    (void)state;
    for (size_t count = 0; count < 300; count += 37) {
        char *block = mem_alloc(count, 1);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % CADRE_ALIGN, 0);
        for (size_t i = 0; i < count; i++) assert_int_equal(block[i], 0);
        mem_free(block);
    }
}

enum { LARGE = (64 << 20) + 4321 };

/* Fresh or used before. */
static void large_blocks_are_zero(void **state)
{
    (void)state;
    for (size_t size = LARGE; size > LARGE / 32; size /= 2) {
        for (int time = 0; time < 2; time++) {
            char *block = mem_alloc(size, 1);
            size_t sum = 0;
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % CADRE_ALIGN, 0);
            for (size_t i = 0; i < size; i++) sum += block[i] != 0;
            assert_int_equal(sum, 0);
            memset(block, 0x5a, size);
            mem_free(block);
        }
    }
}

static long resident_pages(void)
{
    long all = 0, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%ld %ld", &all, &resident), 2);
    fclose(statm);
    return resident;
}

static void a_large_block_costs_nothing_until_it_is_written(void **state)
{
    (void)state;
    long before = resident_pages();
    char *block = mem_alloc(LARGE, 1);
    assert_non_null(block);
    assert_true((resident_pages() - before) * 4096 < LARGE / 8);
    mem_free(block);
}

static void reserved_memory_is_zero_and_given_back(void **state)
{
    (void)state;
    size_t count = (size_t)1 << 30; /* reals that stay untouched but for a few */
    for (int i = 0; i < 64; i++) {
        double *block = mem_reserve(count, sizeof *block);
        assert_non_null(block);
        assert_true(block[0] == 0 && block[count - 1] == 0);
        block[count / 2] = 1;
        mem_return(block, count, sizeof *block);
    }
    mem_return(NULL, 1, 1);
    assert_null(mem_reserve(SIZE_MAX / 2, 3));
    mem_fail_at(1, false);
    assert_null(mem_reserve(1, 1));
    mem_fail_at(0, false);
}

static void sizes_that_wrap_are_refused(void **state)
{
    (void)state;
    assert_null(mem_alloc(SIZE_MAX / 2, 3));
    assert_null(mem_alloc(SIZE_MAX, 1));
    assert_null(mem_alloc((size_t)1 << 62, 2));
    assert_non_null(strstr(cadre_last_error(), "out of memory"));
}

static void resizing_keeps_what_was_there(void **state)
{
    (void)state;
    int *a = MEM_ARRAY(int, 3);
    for (int i = 0; i < 3; i++) a[i] = i + 1;
    a = mem_resize(a, 3, 100, sizeof *a);
    assert_int_equal(a[2], 3);
    assert_int_equal(a[3], 0);
    a = mem_resize(a, 100, 2, sizeof *a);
    assert_int_equal(a[1], 2);
    assert_null(mem_resize(a, 2, SIZE_MAX, sizeof *a));
    assert_int_equal(a[1], 2);
    mem_free(a);
}

static void allocations_fail_once_or_for_ever(void **state)
{
    (void)state;
    mem_fail_at(2, false);
    void *first = mem_alloc(1, 1), *second = mem_alloc(1, 1), *third = mem_alloc(1, 1);
    assert_int_equal(mem_count(), 3);
    mem_fail_at(2, true);
    void *fourth = mem_alloc(1, 1), *fifth = mem_alloc(1, 1), *sixth = mem_alloc(1, 1);
    mem_fail_at(0, false);
    assert_true(first && !second && third && fourth && !fifth && !sixth);
    mem_free(first);
    mem_free(third);
    mem_free(fourth);
}

static void text_is_copied_and_formatted(void **state)
{
    (void)state;
    char *copy = mem_strdup("expert"), *text = mem_printf("%s %d", copy, 7);
    assert_string_equal(text, "expert 7");
    mem_free(copy);
    mem_free(text);
}

static void lay_out(arena *a, char **bytes, double **numbers)
{
    *bytes = ARENA_ARRAY(a, char, 5);
    *numbers = ARENA_ARRAY(a, double, 100);
}

static void an_arena_is_measured_by_the_code_that_fills_it(void **state)
{
    (void)state;
    char *bytes;
    double *numbers;
    arena a = { 0 };
    lay_out(&a, &bytes, &numbers);
    assert_null(bytes);
    assert_int_equal(a.used, 64 + 832 + 2 * MEM_GAP);
    assert_true(arena_open(&a, a.used));
    lay_out(&a, &bytes, &numbers);
    assert_int_equal((char *)numbers - bytes, 64 + MEM_GAP);
    assert_true(numbers[99] == 0);
    arena_close(&a);
}

#ifdef CADRE_ADDRESS_SANITIZER
    #include <sanitizer/asan_interface.h>

/* The bytes before the end may be touched, those after it not. */
static void ends_at(const char *end)
{
    assert_false(__asan_address_is_poisoned(end - 1));
    for (int i = 0; i < 8; i++) assert_true(__asan_address_is_poisoned(end + i));
}

static void beyond_a_block_is_forbidden_ground(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes < 200; bytes += 3) {
        char *block = mem_alloc(bytes, 1);
        ends_at(block + bytes);
        mem_free(block);
        /* Perhaps the same place again */
        assert_null(__asan_region_is_poisoned(block = mem_alloc(bytes + 1, 1), bytes + 1));
        mem_free(block);
    }
    for (size_t bytes = 4000; bytes < 4200; bytes += 48) { /* whole pages too */
        char *block = mem_reserve(bytes, 1);
        ends_at(block + bytes);
        mem_return(block, bytes, 1);
        assert_null(__asan_region_is_poisoned(block, 8192));
    }
}

static void between_the_blocks_of_an_arena_is_forbidden_ground(void **state)
{
    (void)state;
    arena a = { 0 };
    assert_true(arena_open(&a, 4096));
    char *first = arena_take(&a, 64, 1), *second = arena_take(&a, 60, 1);
    ends_at(first + 64);
    ends_at(second + 60);
    arena again = { .base = a.base, .size = a.size }; /* as a scratch is used from call to call */
    char *whole = arena_take(&again, 200, 1);
    assert_null(__asan_region_is_poisoned(whole, 200));
    ends_at(whole + 200);
    arena over = { .base = a.base, .size = a.size, .overlaid = true };
    char *wide = arena_take(&over, 300, 1);
    over.used = 0; /* another layout in the same place forbids nothing of the first */
    arena_take(&over, 10, 1);
    assert_null(__asan_region_is_poisoned(wide, 300));
    arena_close(&a);
}
#else
static void beyond_a_block_is_forbidden_ground(void **state)
{
    (void)state;
    skip();
}

static void between_the_blocks_of_an_arena_is_forbidden_ground(void **state)
{
    (void)state;
    skip();
}
#endif

static void an_arena_too_large_for_the_address_space_is_refused(void **state)
{
    (void)state;
    arena a = { 0 };
    arena_take(&a, SIZE_MAX / 4, 8);
    assert_true(a.used == SIZE_MAX);
    arena_take(&a, 1, 1);
    assert_true(a.used == SIZE_MAX);
    assert_false(arena_open(&a, a.used));
}

static void checked_sizes_do_not_wrap(void **state)
{
    (void)state;
    size_t n;
    int64_t product;
    assert_true(checked_add(1, 2, &n) && n == 3);
    assert_false(checked_add(SIZE_MAX, 1, &n));
    assert_false(checked_mul(SIZE_MAX / 2, 3, &n));
    assert_true(checked_pad(65, 64, &n) && n == 128);
    assert_true(checked_pad(64, 64, &n) && n == 64);
    assert_false(checked_pad(SIZE_MAX - 3, 64, &n));
    assert_true(checked_product((const int64_t[]){ 3, 5, 7 }, 3, &product) && product == 105);
    assert_false(
        checked_product((const int64_t[]){ INT64_C(1) << 32, INT64_C(1) << 31 }, 2, &product));
    assert_false(checked_product((const int64_t[]){ 3, -1 }, 2, &product));
    /* a product that wraps to a small number */
    assert_false(
        checked_product((const int64_t[]){ 4194305, 4194305, 211106198978564 }, 3, &product));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zero_and_aligned),
        cmocka_unit_test(large_blocks_are_zero),
        cmocka_unit_test(a_large_block_costs_nothing_until_it_is_written),
        cmocka_unit_test(reserved_memory_is_zero_and_given_back),
        cmocka_unit_test(sizes_that_wrap_are_refused),
        cmocka_unit_test(resizing_keeps_what_was_there),
        cmocka_unit_test(allocations_fail_once_or_for_ever),
        cmocka_unit_test(beyond_a_block_is_forbidden_ground),
        cmocka_unit_test(between_the_blocks_of_an_arena_is_forbidden_ground),
        cmocka_unit_test(text_is_copied_and_formatted),
        cmocka_unit_test(an_arena_is_measured_by_the_code_that_fills_it),
        cmocka_unit_test(an_arena_too_large_for_the_address_space_is_refused),
        cmocka_unit_test(checked_sizes_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

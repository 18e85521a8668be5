/* code_book_test.c - patches that are there are found again, with the same bits for any threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "image/code_book.h"
#include "kernel/context.h"
#include "support/succeeds.h"

enum { SIDE = 16, PATCH = 4, PATCHES = 16, NUMBERS = 3 * PATCH * PATCH, SQUARES = 12, CODES = 8 };

/* Squares of patches of one colour each, of so many colours. */
static void make_squares(uint8_t squares[SQUARES][SIDE * SIDE * 3], int colours)
{
    for (int n = 0; n < SQUARES; n++)
        for (int i = 0; i < SIDE * SIDE * 3; i++) {
            int x = i / 3 % SIDE / PATCH, y = i / 3 / SIDE / PATCH;
            int colour = (n * 5 + x * 3 + y * 7) % colours;
            squares[n][i] = (uint8_t)(colour * 30 + i % 3 * 10);
        }
}

static void learn(int threads, int colours, const code_book *book, real *code)
{
    static uint8_t squares[SQUARES][SIDE * SIDE * 3];
    const uint8_t *list[SQUARES];
    compute *c;
    make_squares(squares, colours);
    for (int n = 0; n < SQUARES; n++) list[n] = squares[n];
    succeeds(compute_new(threads, NULL, &c));
    succeeds(code_book_learn(c, book, list, SQUARES, 3, code));
    compute_free(c);
}

static void as_many_patches_as_codes_are_kept_exactly(void **state)
{
    (void)state;
    real code[CODES * NUMBERS];
    uint8_t squares[SQUARES][SIDE * SIDE * 3], again[SIDE * SIDE * 3];
    int32_t ids[PATCHES];
    code_book book = { SIDE, PATCH, CODES, code };
    compute *c;
    learn(1, CODES, &book, code);
    make_squares(squares, CODES);
    succeeds(compute_new(1, NULL, &c));
    for (int n = 0; n < SQUARES; n++) {
        succeeds(code_book_encode(c, &book, squares[n], ids));
        code_book_decode(&book, ids, again);
        assert_memory_equal(squares[n], again, sizeof again);
    }
    compute_free(c);
}

/* Threads that share a product's rows, or have none of it. */
static void the_bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    static real one[CODES * NUMBERS], three[CODES * NUMBERS];
    code_book book = { SIDE, PATCH, CODES, NULL };
    learn(1, 23, &book, one);
    learn(3, 23, &book, three);
    assert_memory_equal(one, three, sizeof one);
}

static void fewer_patches_than_codes_are_fine(void **state)
{
    (void)state;
    real code[CODES * NUMBERS];
    code_book book = { SIDE, PATCH, CODES, code };
    learn(1, 3, &book, code);
    for (int i = 0; i < CODES * NUMBERS; i++) assert_true(code[i] >= 0 && code[i] <= 1);
}

static void codes_that_are_none_are_white(void **state)
{
    (void)state;
    real code[CODES * NUMBERS] = { 0 };
    const int32_t ids[PATCHES] = { -1, CODES };
    uint8_t square[SIDE * SIDE * 3];
    code_book_decode(&(code_book){ SIDE, PATCH, CODES, code }, ids, square);
    assert_int_equal(square[0], 255);
    assert_int_equal(square[PATCH * 3], 255);
    assert_int_equal(square[2 * PATCH * 3], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_patches_as_codes_are_kept_exactly),
        cmocka_unit_test(the_bits_do_not_depend_on_threads),
        cmocka_unit_test(fewer_patches_than_codes_are_fine),
        cmocka_unit_test(codes_that_are_none_are_white),
    };
    return cmocka_run_group_tests_name("image/code_book", tests, NULL, NULL);
}

/* square_test.c - images of any shape in squares, and patches of these. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "image/square.h"

enum { SIDE = 4 };

static void check_grey(const uint8_t *rgb, const uint8_t *grey)
{
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        if (rgb[i] != grey[i / 3]) fail_msg("number %d is %d, not %d", i, rgb[i], grey[i / 3]);
}

/* Grey values as an image. */
static void square_of(int width, int height, const uint8_t *grey, uint8_t *square)
{
    uint8_t rgb[64 * 3];
    image p = { width, height, rgb };
    for (int i = 0; i < width * height * 3; i++) rgb[i] = grey[i / 3];
    image_square(&p, SIDE, square);
}

static void a_square_of_its_side_is_as_it_is(void **state)
{
    (void)state;
    uint8_t square[SIDE * SIDE * 3],
        grey[] = { 1, 2, 3, 4, 50, 60, 70, 80, 9, 8, 7, 6, 255, 0, 255, 0 };
    square_of(4, 4, grey, square);
    check_grey(square, grey);
}

static void a_larger_one_is_averaged(void **state)
{
    (void)state;
    uint8_t square[SIDE * SIDE * 3], grey[64], mean[16];
    for (int i = 0; i < 64; i++) grey[i] = (uint8_t)(i % 2 ? 10 : 20);
    memset(mean, 15, sizeof mean);
    square_of(8, 8, grey, square);
    check_grey(square, mean);
}

static void a_smaller_one_is_repeated(void **state)
{
    (void)state;
    uint8_t square[SIDE * SIDE * 3], grey[] = { 1, 2, 3, 4 };
    square_of(2, 2, grey, square);
    check_grey(square, (const uint8_t[]){ 1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4 });
}

static void a_wide_one_has_white_above_and_below(void **state)
{
    (void)state;
    uint8_t square[SIDE * SIDE * 3], grey[] = { 0, 0, 0, 0, 0, 0, 0, 0 };
    square_of(4, 2, grey, square);
    check_grey(square,
        (const uint8_t[]){ 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255 });
}

static void patches_come_back(void **state)
{
    (void)state;
    uint8_t rgb[SIDE * SIDE * 3], again[SIDE * SIDE * 3] = { 0 };
    float numbers[3 * 2 * 2];
    for (int i = 0; i < SIDE * SIDE * 3; i++) rgb[i] = (uint8_t)(i * 5);
    for (int32_t i = 0; i < 4; i++) {
        square_get_patch(rgb, SIDE, 2, i, numbers);
        square_put_patch(again, SIDE, 2, i, numbers);
    }
    assert_memory_equal(rgb, again, sizeof rgb);
    square_get_patch(rgb, SIDE, 2, 3, numbers); /* lower right */
    assert_int_equal((int)(numbers[0] * 255 + 0.5f), rgb[(2 * SIDE + 2) * 3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_square_of_its_side_is_as_it_is),
        cmocka_unit_test(a_larger_one_is_averaged),
        cmocka_unit_test(a_smaller_one_is_repeated),
        cmocka_unit_test(a_wide_one_has_white_above_and_below),
        cmocka_unit_test(patches_come_back),
    };
    return cmocka_run_group_tests_name("image/square", tests, NULL, NULL);
}

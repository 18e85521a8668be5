/* state_rows_test.c - a row of a cache is what its number format makes of it, lies where the view
 * of it says, and leaves every other row alone. */
#include "mixer/state_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { HEADS = 3, KEY = 64, VALUE = 32, MOST = HEADS * KEY * STATE_BLOCK };

static const number_format *const formats[] = { NULL, &number_f32, &number_f16, &number_q8_0 };
enum { FORMATS = sizeof formats / sizeof *formats };

static real number_at(int64_t row, int64_t i) { return (real)((row * 37 + i * 11) % 101 - 50) / 7; }

/* Element i of head h of a token, unpacked from the block. */
static float element(const state_rows *r, const char *block, int64_t row, int64_t h, int64_t i)
{
    float values[32];
    int64_t at = h * r->head + (r->columns ? i * r->stride + row : row * r->stride + i),
            size = r->format ? r->format->block : 1, first = at / size * size;
    if (!r->format) return (float)((const real *)(const void *)block)[at];
    r->format->unpack(block + state_rows_bytes(r, first), values, size);
    return values[at - first];
}

/* What the format makes of a head's elements, packed and unpacked. */
static void rounded(const number_format *f, const real *from, int64_t width, float *to)
{
    float narrow[KEY];
    char packed[KEY * sizeof(float)];
    for (int64_t i = 0; i < width; i++) narrow[i] = (float)from[i];
    memcpy(to, narrow, (size_t)width * sizeof *to);
    if (!f) return;
    f->pack(narrow, packed, width);
    f->unpack(packed, to, width);
}

static void check_rows(const state_rows *r, int64_t width)
{
    static _Alignas(64) char block[MOST * sizeof(real)];
    real row[HEADS * KEY];
    memset(block, 0, sizeof block);
    for (int64_t t = STATE_BLOCK - 1; t >= 0; t--) {
        for (int64_t i = 0; i < HEADS * width; i++) row[i] = number_at(t, i);
        state_rows_put(r, block, t, row);
    }
    for (int64_t t = 0; t < STATE_BLOCK; t++) {
        float expected[KEY];
        for (int64_t i = 0; i < HEADS * width; i++) row[i] = number_at(t, i);
        for (int64_t h = 0; h < HEADS; h++) {
            rounded(r->format, row + h * width, width, expected);
            for (int64_t i = 0; i < width; i++)
                assert_true(element(r, block, t, h, i) == expected[i]);
        }
    }
}

static void rows_are_what_the_format_makes_of_them(void **state)
{
    (void)state;
    for (int f = 0; f < FORMATS; f++) {
        mixer_state_size size = {
            .key_row = HEADS * KEY, .value_row = HEADS * VALUE, .heads = HEADS, .format = formats[f]
        };
        state_rows keys = state_keys_of(&size), values = state_values_of(&size);
        assert_int_equal(keys.columns, formats[f] != &number_q8_0);
        assert_false(values.columns);
        check_rows(&keys, KEY);
        check_rows(&values, VALUE);
    }
}

/* Keys that are the values, too, are read as both. */
static void keys_alone_lie_as_rows(void **state)
{
    (void)state;
    for (int f = 0; f < FORMATS; f++) {
        mixer_state_size size = { .key_row = KEY, .format = formats[f] };
        state_rows keys = state_keys_of(&size), values = state_values_of(&size);
        assert_false(keys.columns);
        assert_int_equal(values.stride, keys.stride);
    }
}

static void blocks_take_what_their_format_takes(void **state)
{
    (void)state;
    const int64_t elements = STATE_BLOCK * HEADS * (KEY + VALUE);
    const int64_t expected[] = { elements * (int64_t)sizeof(real), elements * 4, elements * 2,
        elements / 32 * 34 };
    for (int f = 0; f < FORMATS; f++) {
        mixer_state_size size = {
            .key_row = HEADS * KEY, .value_row = HEADS * VALUE, .heads = HEADS, .format = formats[f]
        };
        assert_int_equal(state_block_bytes(&size), expected[f]);
    }
    assert_int_equal(state_block_bytes(&(mixer_state_size){ .fixed = 7 }), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_what_the_format_makes_of_them),
        cmocka_unit_test(keys_alone_lie_as_rows),
        cmocka_unit_test(blocks_take_what_their_format_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

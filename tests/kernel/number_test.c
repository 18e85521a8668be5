/* number_test.c - number formats against the definition of IEEE rounding, written another way. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/number.h"

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static uint16_t packed(const number_format *f, float value)
{
    uint16_t half;
    f->pack(&value, &half, 1);
    return half;
}

static float unpacked(const number_format *f, uint16_t half)
{
    float value;
    f->unpack(&half, &value, 1);
    return value;
}

/* The value of a half by its definition. */
static double half_value(uint16_t half)
{
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    double magnitude = exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);
    if (exponent == 31) magnitude = mantissa ? NAN : INFINITY;
    return half & 0x8000 ? -magnitude : magnitude;
}

static void every_half_unpacks_and_comes_back(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float value = unpacked(&number_f16, (uint16_t)h);
        double expected = half_value((uint16_t)h);
        if (isnan(expected)) {
            assert_true(isnan(value));
            assert_int_equal(packed(&number_f16, value), h | 0x200); /* quiet, the rest of the payload kept */
        } else {
            assert_true((double)value == expected && !signbit(value) == !signbit(expected));
            assert_int_equal(packed(&number_f16, value), h);
        }
    }
}

/* Between each two neighbouring halves: below, at and above the middle. */
static void halves_round_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7c00; h++) {
        double low = half_value((uint16_t)h), high = h == 0x7bff ? 65536.0 : half_value((uint16_t)(h + 1));
        float middle = (float)((low + high) / 2);
        uint16_t even = (uint16_t)(h & 1 ? h + 1 : h);
        assert_int_equal(packed(&number_f16, middle), even);
        assert_int_equal(packed(&number_f16, nextafterf(middle, 0.0f)), h);
        assert_int_equal(packed(&number_f16, nextafterf(middle, INFINITY)), h + 1);
        assert_int_equal(packed(&number_f16, -middle), even | 0x8000);
    }
    assert_int_equal(packed(&number_f16, 3e38f), 0x7c00);
    assert_int_equal(packed(&number_f16, -INFINITY), 0xfc00);
    assert_int_equal(packed(&number_f16, 1e-40f), 0);
}

static void bf16_rounds_to_nearest_even_and_keeps_nan(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        uint32_t bits = h << 16;
        float value = unpacked(&number_bf16, (uint16_t)h);
        uint32_t back;
        memcpy(&back, &value, 4);
        assert_int_equal(back, bits);
        if (isnan(value)) {
            assert_int_equal(packed(&number_bf16, value), h | 0x40);
            continue;
        }
        assert_int_equal(packed(&number_bf16, value), h);
        if (isinf(value)) continue;
        assert_int_equal(packed(&number_bf16, float_of(bits | 0x7fff)), h);
        assert_int_equal(packed(&number_bf16, float_of(bits | 0x8000)), h + (h & 1));
        assert_int_equal(packed(&number_bf16, float_of(bits | 0x8001)), h + 1);
    }
    assert_int_equal(packed(&number_bf16, float_of(0x7f800001)), 0x7fc0); /* not infinity */
}

static void every_f8_e4m3_is_its_definition(void **state)
{
    (void)state;
    for (int code = 0; code < 256; code++) {
        uint8_t byte = (uint8_t)code;
        float value;
        number_f8_e4m3.unpack(&byte, &value, 1);
        int exponent = code >> 3 & 15, mantissa = code & 7;
        double magnitude = exponent == 0 ? ldexp(mantissa, -9) : ldexp(8 + mantissa, exponent - 10);
        if ((code & 127) == 127) assert_true(isnan(value));
        else assert_true((double)value == (code & 128 ? -magnitude : magnitude) && !signbit(value) == !(code & 128));
    }
}

/* Element i of the folder's layout is element i of the block made from it. */
static void mxfp4_blocks_hold_what_the_pairs_held(void **state)
{
    (void)state;
    static const double magnitudes[] = { 0, 0.5, 1, 1.5, 2, 3, 4, 6 };
    uint8_t pairs[2 * 16], exponents[2] = { 127, 120 }, blocks[2 * 17];
    float values[64];
    for (int i = 0; i < 32; i++) pairs[i] = (uint8_t)(i * 37 + 11);
    number_mxfp4_from_pairs(pairs, exponents, blocks, 2);
    number_mxfp4.unpack(blocks, values, 64);
    for (int i = 0; i < 64; i++) {
        int code = pairs[i / 2] >> (i % 2 * 4) & 15;
        double expected = ldexp(magnitudes[code & 7], exponents[i / 32] - 127);
        assert_true((double)values[i] == (code & 8 ? -expected : expected));
    }
    blocks[0] = 0; /* 2^-127, a subnormal float */
    blocks[1] = 0x12;
    number_mxfp4.unpack(blocks, values, 32);
    assert_true((double)values[0] == 0x1p-127 && (double)values[16] == 0x1p-128);
    blocks[0] = 255; /* 2^128: what a float holds of its multiples */
    number_mxfp4.unpack(blocks, values, 32);
    assert_true((double)values[0] == INFINITY && (double)values[16] == 0x1p127);
}

static void formats_are_found(void **state)
{
    (void)state;
    int count;
    const number_format *const *list = number_list(&count);
    for (int i = 0; i < count; i++) {
        assert_ptr_equal(number_by_name(list[i]->name), list[i]);
        if (list[i]->safetensors) assert_ptr_equal(number_by_safetensors(list[i]->safetensors), list[i]);
        if (list[i]->gguf >= 0) assert_ptr_equal(number_by_gguf(list[i]->gguf), list[i]);
    }
    assert_null(number_by_name("f17"));
    assert_null(number_by_safetensors("I64"));
    assert_null(number_by_gguf(-1));
}

static void tolerances_hold(void **state)
{
    (void)state;
    int count;
    const number_format *const *list = number_list(&count);
    for (int i = 0; i < count; i++) {
        if (!list[i]->pack) continue;
        float in[256], out[256];
        unsigned char blocks[256 * 4];
        for (int j = 0; j < 256; j++) in[j] = sinf((float)j + 1) * 3;
        list[i]->pack(in, blocks, 256);
        list[i]->unpack(blocks, out, 256);
        double error = 0, square = 0;
        for (int j = 0; j < 256; j++) {
            error += ((double)out[j] - (double)in[j]) * ((double)out[j] - (double)in[j]);
            square += (double)in[j] * (double)in[j];
        }
        assert_true(sqrt(error / square) <= list[i]->tolerance);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_unpacks_and_comes_back), cmocka_unit_test(halves_round_to_nearest_even),
        cmocka_unit_test(bf16_rounds_to_nearest_even_and_keeps_nan), cmocka_unit_test(every_f8_e4m3_is_its_definition),
        cmocka_unit_test(mxfp4_blocks_hold_what_the_pairs_held), cmocka_unit_test(formats_are_found),
        cmocka_unit_test(tolerances_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

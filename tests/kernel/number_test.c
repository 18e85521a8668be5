/* number_test.c - number formats against the definition of IEEE rounding, written another way. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/number.h"
#include "kernel/number_block_scales.h"

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
            /* quiet, the rest of the payload kept */
            assert_int_equal(packed(&number_f16, value), h | 0x200);
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
        double low = half_value((uint16_t)h),
               high = h == 0x7bff ? 65536.0 : half_value((uint16_t)(h + 1));
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
        else
            assert_true((double)value == (code & 128 ? -magnitude : magnitude) &&
                        !signbit(value) == !(code & 128));
    }
}

static double e2m1_value(int code)
{
    static const double magnitudes[] = { 0, 0.5, 1, 1.5, 2, 3, 4, 6 };
    return code & 8 ? -magnitudes[code & 7] : magnitudes[code & 7];
}

/* In a folder's two tensors, and in a block. */
static void mxfp4_is_its_definition(void **state)
{
    (void)state;
    for (int exponent = 0; exponent < 256; exponent++) {
        uint8_t pairs[16], block[17] = { (uint8_t)exponent };
        float values[32], of_block[32];
        for (int i = 0; i < 16; i++) {
            pairs[i] = (uint8_t)(i | (15 - i) << 4);
            block[1 + i] = (uint8_t)(i | (15 - i) << 4);
        }
        const number_block_scales scales = {
            .form = &number_block_scale_e8m0, .at = block, .stride = 1
        };
        number_e2m1.unpack(pairs, values, 32);
        number_apply_block_scales(&scales, 0, 0, 32, values);
        number_mxfp4.unpack(block, of_block, 32);
        for (int i = 0; i < 32; i++) {
            assert_true(
                values[i] == (float)ldexp(e2m1_value(i % 2 ? 15 - i / 2 : i / 2), exponent - 127));
            assert_true(
                of_block[i] == (float)ldexp(e2m1_value(i < 16 ? i : 31 - i), exponent - 127));
        }
    }
}

/* Every byte as a scale of every sub-block: unsigned, without NaN. */
static void nvfp4_is_its_definition(void **state)
{
    (void)state;
    for (int code = 0; code < 256; code++) {
        uint8_t block[36] = { 0 };
        float values[64];
        int exponent = code >> 3 & 15;
        double mantissa = exponent ? 8 + (code & 7) : 2 * (code & 7),
               scale = ldexp(mantissa, exponent - 10);
        block[code % 4] = (uint8_t)code;
        for (int i = 0; i < 32; i++) block[4 + i] = (uint8_t)(i % 16 | (15 - i % 16) << 4);
        number_nvfp4.unpack(block, values, 64);
        for (int i = 0; i < 64; i++) {
            int q = i / 8 % 2 ? 15 - (i / 16 * 8 + i % 8) % 16 : (i / 16 * 8 + i % 8) % 16;
            double expected = i / 16 == code % 4 && code != 0x7f ? scale * e2m1_value(q) : 0;
            assert_true((double)values[i] == expected);
        }
    }
}

/* Every value with every zero point, and pairs of values with every scale of E4M3. */
static void four_bits_in_memory_are_their_definitions(void **state)
{
    (void)state;
    for (int zero = 0; zero < 16; zero++) {
        const float scale = 0.37f * (float)(zero - 5);
        uint8_t block[21] = { [4] = (uint8_t)zero };
        float values[32], pairs[32];
        memcpy(block, &scale, sizeof scale);
        for (int i = 0; i < 16; i++) block[5 + i] = (uint8_t)(i | (15 - i) << 4);
        number_int4_zero.unpack(block, values, 32);
        number_int4.unpack(block + 5, pairs, 32);
        for (int i = 0; i < 32; i++) {
            int q = i % 2 ? 15 - i / 2 : i / 2;
            assert_true(values[i] == (float)(q - zero) * scale);
            assert_true(pairs[i] == (float)(q - 8));
        }
    }
    for (int code = 0; code < 127; code++) {
        const float whole = 0.0625f;
        uint8_t block[40] = { [4] = (uint8_t)code, [7] = (uint8_t)(126 - code) };
        float values[64], scales[2];
        number_f8_e4m3.unpack((uint8_t[]){ block[4], block[7] }, scales, 2);
        memcpy(block, &whole, sizeof whole);
        for (int i = 0; i < 32; i++) block[8 + i] = (uint8_t)(i % 16 | (15 - i % 16) << 4);
        number_nvfp4_whole.unpack(block, values, 64);
        for (int i = 0; i < 64; i++) {
            int q = i % 2 ? 15 - i / 2 % 16 : i / 2 % 16;
            float scale = i < 16 ? scales[0] : i < 48 ? 0 : scales[1];
            assert_true((double)values[i] == e2m1_value(q) * (double)(scale * whole));
        }
    }
}

/* From any row and column on; a slice of a matrix has a slice of its block scales. */
static void block_scales_cover_their_blocks(void **state)
{
    (void)state;
    enum { ROWS = 300, COLS = 330, ACROSS = (COLS + 127) / 128 };
    float table[3 * ACROSS], values[COLS];
    for (int i = 0; i < 3 * ACROSS; i++) table[i] = (float)(i + 1);
    const number_block_scales all = {
        .form = &number_block_scale_f32, .at = (const uint8_t *)table, .stride = ACROSS * 4
    };
    assert_int_equal(number_block_scale_bytes(all.form, ROWS, COLS), sizeof table);
    for (int row = 0; row < ROWS; row += 7)
        for (int part = 0; part <= row; part += 50)
            for (int from = 0; from < COLS; from += 31) {
                number_block_scales x = number_block_scales_from(all, part, 0);
                for (int i = from; i < COLS; i++) values[i - from] = 2;
                number_apply_block_scales(&x, row - part, from, COLS - from, values);
                for (int i = from; i < COLS; i++)
                    assert_true(values[i - from] == 2 * table[row / 128 * ACROSS + i / 128]);
            }
    number_apply_block_scales(&(number_block_scales){ 0 }, 5, 3, 1, values);
}

static void formats_are_found(void **state)
{
    (void)state;
    int count;
    const number_format *const *list = number_list(&count);
    for (int i = 0; i < count; i++) {
        assert_ptr_equal(number_by_name(list[i]->name), list[i]);
        if (list[i]->safetensors)
            assert_ptr_equal(number_by_safetensors(list[i]->safetensors), list[i]);
        if (list[i]->gguf >= 0) assert_ptr_equal(number_by_gguf(list[i]->gguf), list[i]);
    }
    assert_ptr_equal(number_by_name("Q4_K"), &number_q4_k);
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
        cmocka_unit_test(every_half_unpacks_and_comes_back),
        cmocka_unit_test(halves_round_to_nearest_even),
        cmocka_unit_test(bf16_rounds_to_nearest_even_and_keeps_nan),
        cmocka_unit_test(every_f8_e4m3_is_its_definition),
        cmocka_unit_test(mxfp4_is_its_definition),
        cmocka_unit_test(nvfp4_is_its_definition),
        cmocka_unit_test(four_bits_in_memory_are_their_definitions),
        cmocka_unit_test(block_scales_cover_their_blocks),
        cmocka_unit_test(formats_are_found),
        cmocka_unit_test(tolerances_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

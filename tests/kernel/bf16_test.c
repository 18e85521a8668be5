/* bf16_test.c - bfloat16 rounding and the step of a product, against bits that the instruction
 * vdpbf16ps gave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "format/json.h"
#include "kernel/bf16.h"
#include "kernel/number.h"
#include "support/oracle.h"
#include "support/succeeds.h"

static uint32_t bits_of(const json_node *row, const char *key)
{
    const char *text;
    succeeds(json_get_string(row, key, &text));
    return (uint32_t)strtoul(text, NULL, 16);
}

static void check_bits(uint32_t got, uint32_t expected, const char *what)
{
    if (got != expected) fail_msg("%s: expected %08x, found %08x", what, expected, got);
}

static void check_dot(const json_node *row)
{
    const char *why;
    succeeds(json_get_string(row, "why", &why));
    float d = bf16_pair_step(bits_of(row, "a"), bits_of(row, "b"), bf16_float(bits_of(row, "c")));
    check_bits(bf16_bits(d), bits_of(row, "d"), why);
}

static void check_round(const json_node *row)
{
    const char *why;
    uint16_t half;
    float x = bf16_float(bits_of(row, "f32"));
    succeeds(json_get_string(row, "why", &why));
    check_bits(bf16_bits(bf16_round(x)) >> 16, bits_of(row, "flushed"), why);
    number_bf16.pack(&x, &half, 1);
    check_bits(half, bits_of(row, "plain"), why);
}

static void test_bits_of_the_instruction(void **state)
{
    (void)state;
    json_document *document;
    json_node dots, rounds;
    succeeds(json_open(oracle_path("work/bf16.json"), 1 << 20, &document));
    json_node root = json_root(document);
    succeeds(json_get_array(&root, "dot", &dots));
    succeeds(json_get_array(&root, "round", &rounds));
    assert_true(json_count(&dots) >= 20 && json_count(&rounds) >= 10);
    for (size_t i = 0; i < json_count(&dots); i++) {
        json_node row = json_item(&dots, i);
        check_dot(&row);
    }
    for (size_t i = 0; i < json_count(&rounds); i++) {
        json_node row = json_item(&rounds, i);
        check_round(&row);
    }
    json_close(document);
}

/* Where nothing is large or small, a step is a fused multiply-add; the exact way agrees with the
 * fast one everywhere. */
static void test_both_ways_agree(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 200000; i++) {
        random_key key = { 3, (uint32_t)(i % 5) };
        uint32_t a = random_bits(key, 3 * i) & 0xffff0000,
                 b = random_bits(key, 3 * i + 1) & 0xffff0000, c = random_bits(key, 3 * i + 2);
        if (i % 2) { /* operands near each other, whose sums cancel */
            a = (a & 0x807fffff) | 0x3f800000, b = (b & 0x807fffff) | 0x3f800000;
            c = (c & 0x807fffff) | 0x3f800000;
        }
        float x = bf16_flushed(bf16_float(a)), y = bf16_flushed(bf16_float(b)),
              z = bf16_flushed(bf16_float(c));
        uint32_t fast = bf16_bits(bf16_step(x, y, z)),
                 exact = bf16_bits(bf16_step_exactly(x, y, z));
        if (z == z && x == x && y == y) check_bits(fast, exact, "a step");
        if (i % 2) check_bits(fast, bf16_bits(fmaf(x, y, z)), "a fused multiply-add");
    }
}

/* The chain does not depend on where it is cut in two: a pair is two steps, and a missing second
 * one adds -0. */
static void test_pairs_are_steps(void **state)
{
    (void)state;
    const float a[3] = { 1.5f, -0.75f, 3 }, b[3] = { 2, 1.25f, -0.5f };
    float chain = 0.1f, pairs = 0.1f;
    for (int i = 0; i < 3; i++) chain = bf16_step(a[i], b[i], chain);
    pairs = bf16_pair_step(
        bf16_bits(a[0]) | bf16_bits(a[1]) >> 16, bf16_bits(b[0]) | bf16_bits(b[1]) >> 16, pairs);
    pairs = bf16_pair_step(bf16_bits(a[2]) | 0x8000, bf16_bits(b[2]), pairs);
    check_bits(bf16_bits(pairs), bf16_bits(chain), "three steps");
    check_bits(bf16_bits(bf16_pair_step(0x80008000, 0, -0.0f)), 0x80000000, "-0 stays");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_of_the_instruction),
        cmocka_unit_test(test_both_ways_agree),
        cmocka_unit_test(test_pairs_are_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

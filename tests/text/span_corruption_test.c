/* span_corruption_test.c - spans that are taken out of a text: how many, and that what is read and
 * what is written are together the text. */
#include "text/span_corruption.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 600, SENTINEL = 5000, START = 4001, END = 4002 };

static const span_corruption t5 = { 0.15, 3, SENTINEL, START, END };

/* As seqio's random_spans_helper counts them: 568 tokens give 512 to read and 114 to write. */
static void lengths_are_as_published(void **state)
{
    (void)state;
    span_lengths n = span_lengths_of(&t5, 568);
    assert_int_equal(n.noise, 85);
    assert_int_equal(n.spans, 28);
    assert_int_equal(n.read, 512);
    assert_int_equal(n.written, 114);
    n = span_lengths_of(&t5, SPAN_LEAST);
    assert_true(n.noise == 1 && n.spans == 1 && n.read == 5 && n.written == 3);
}

static bool is_sentinel(int32_t token) { return token > SENTINEL - 100 && token <= SENTINEL; }

/* Puts what was written back where its sentinel was read. */
static int64_t put_back(const int32_t *read, const int32_t *written, int32_t *text)
{
    int64_t count = 0;
    for (; *read != END; read++) {
        if (!is_sentinel(*read)) {
            text[count++] = *read;
            continue;
        }
        assert_int_equal(*written, *read);
        for (written++; *written != END && !is_sentinel(*written);) text[count++] = *written++;
    }
    assert_int_equal(*written, END);
    return count;
}

static void both_are_the_text(void **state)
{
    (void)state;
    int32_t text[MOST], read[MOST], inputs[MOST], targets[MOST], back[MOST];
    int32_t other[MOST];
    for (int i = 0; i < MOST; i++) text[i] = i;
    for (int64_t length = SPAN_LEAST; length < MOST; length += 7) {
        span_lengths n = span_lengths_of(&t5, length);
        random_key key = random_key_of(3, "spans", (uint64_t)length, 0);
        span_corrupt(&t5, key, length, text, read, inputs, targets);
        assert_int_equal(put_back(read, targets, back), length);
        assert_memory_equal(back, text, (size_t)length * sizeof *text);
        assert_int_equal(inputs[0], START);
        assert_memory_equal(inputs + 1, targets, (size_t)(n.written - 1) * sizeof *inputs);
        assert_true(read[n.read - 1] == END && targets[n.written - 1] == END);
        assert_true(!is_sentinel(read[0]) && targets[0] == SENTINEL);
        span_corrupt(&t5, key, length, text, other, inputs, targets);
        assert_memory_equal(other, read, (size_t)n.read * sizeof *read);
    }
}

/* Every partition is as likely: of 4 kept tokens in 2 parts, the first has 1, 2 or 3. */
static void partitions_are_as_likely(void **state)
{
    (void)state;
    const span_corruption even = { 0.5, 2, SENTINEL, START, END };
    int32_t text[8] = { 0, 1, 2, 3, 4, 5, 6, 7 }, read[16], inputs[16], targets[16];
    int first[8] = { 0 };
    for (uint64_t i = 0; i < 3000; i++) {
        span_corrupt(&even, random_key_of(1, "spans", i, 0), 8, text, read, inputs, targets);
        int kept = 0;
        while (!is_sentinel(read[kept])) kept++;
        first[kept]++;
    }
    for (int i = 1; i <= 3; i++) assert_in_range(first[i], 900, 1100);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lengths_are_as_published),
        cmocka_unit_test(both_are_the_text), cmocka_unit_test(partitions_are_as_likely) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* preference_test.c - preference pairs: lines as rows of tokens, the loss and its gradient, the
 * pairs of a step, and lines that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "support/near.h"
#include "support/scratch.h"
#include "support/succeeds.h"
#include "train/preference.h"

static const preference_frame none = { 0 };

static const char *written(const char *text)
{
    const char *path = scratch_file("pairs.jsonl");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static void test_rows(void **state)
{
    (void)state;
    preference_set s;
    succeeds(preference_read(written("{\"prompt\": [1, 2, 3], \"chosen\": [4], "
                                     "\"rejected\": [5, 6]}\n\n"
                                     "{\"prompt\": [7], \"chosen\": [8, 9], \"rejected\": [1]}\n"),
        &none, 10, &s));
    assert_int_equal(s.pairs, 2);
    assert_int_equal(s.longest, 4);
    static const int32_t inputs[4][5] = { { 1, 2, 3, 4, 0 }, { 1, 2, 3, 5, 6 }, { 7, 8, 9, 0, 0 },
        { 7, 1, 0, 0, 0 } };
    static const int32_t targets[4][5] = { { -1, -1, 4, -1, -1 }, { -1, -1, 5, 6, -1 },
        { 8, 9, -1, -1, -1 }, { 1, -1, -1, -1, -1 } };
    for (int row = 0; row < 4; row++) {
        int32_t in[5], out[5];
        preference_row(&s, row, 5, in, out);
        assert_memory_equal(in, inputs[row], sizeof in);
        assert_memory_equal(out, targets[row], sizeof out);
    }
    preference_free(&s);
}

#define ASK "{\"role\": \"user\", \"content\": \"Who?\"}"
#define YES "{\"role\": \"assistant\", \"content\": \"I.\"}"

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *line, *phrase;
    } bad[] = {
        { "[1]", "jsonl:1" },
        { "{\"prompt\": [1], \"chosen\": [2]}", "rejected" },
        { "{\"prompt\": [], \"chosen\": [2], \"rejected\": [3]}", "prompt" },
        { "{\"prompt\": [1], \"chosen\": [10], \"rejected\": [3]}", "chosen[0]" },
        { "{\"prompt\": [1], \"chosen\": [-1], \"rejected\": [3]}", "chosen[0]" },
        { "{\"prompt\": [1], \"chosen\": 2, \"rejected\": [3]}", "chosen" },
        { "{\"prompt\": \"a\", \"chosen\": [2], \"rejected\": [3]}", "no tokenizer" },
        { "{\"prompt\": [1, ", "" },
        { "{\"prompt\": [" ASK "], \"chosen\": [" YES "], \"rejected\": [" YES "]}", "template" },
        { "{\"prompt\": [" ASK "], \"chosen\": [" ASK "], \"rejected\": [" YES "]}", "assistant" },
        { "{\"prompt\": [" ASK "], \"chosen\": [" YES "," YES "], \"rejected\": [" YES "]}",
            "one message" },
        { "{\"chosen\": [" YES "], \"rejected\": [" YES "]}", "the last" },
        { "{\"prompt\": \"a\", \"chosen\": [{\"role\": \"cook\", \"content\": \"a\"}], "
          "\"rejected\": [" YES "]}",
            "prompt" },
    };
    char text[256];
    preference_set s;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "%s\n", bad[i].line);
        cadre_status status = preference_read(written(text), &none, 10, &s);
        if (status == CADRE_OK || !strstr(cadre_last_error(), bad[i].phrase))
            fail_msg("%s: status %d, \"%s\"", text, (int)status, cadre_last_error());
        preference_free(&s);
    }
    refuses(preference_read(written(""), &none, 10, &s), CADRE_EFORMAT, "found none");
    preference_free(&s);
}

static void test_loss(void **state)
{
    (void)state;
    double margin, weight, up, down, unused;
    const double reference[2] = { -3, -4 };
    double nll[2] = { 3, 4 };
    /* the reference model itself: the loss is log 2 */
    assert_near("loss", 0, (real)preference_loss(0.1, nll, reference, &margin, &weight), log(2));
    assert_true(margin == 0);
    assert_near("weight", 0, (real)weight, 0.05);
    /* beta ((-2 + 3) - (-5 + 4)) = 0.2 */
    nll[0] = 2, nll[1] = 5;
    double loss = preference_loss(0.1, nll, reference, &margin, &weight);
    assert_near("margin", 0, (real)margin, 0.2);
    assert_near("loss", 1, (real)loss, log(1 + exp(-0.2)));
    /* the gradient, against central differences */
    for (int i = 0; i < 2; i++) {
        double at = nll[i], h = 1e-5;
        nll[i] = at + h;
        up = preference_loss(0.1, nll, reference, &margin, &unused);
        nll[i] = at - h;
        down = preference_loss(0.1, nll, reference, &margin, &unused);
        nll[i] = at;
        double difference = (up - down) / (2 * h);
        assert_true(fabs(difference - (i ? -weight : weight)) < 1e-8);
    }
    /* far from the reference model nothing overflows */
    nll[0] = 1e6;
    loss = preference_loss(1, nll, reference, &margin, &weight);
    assert_true(loss > 9e5 && loss < 1.1e6 && weight == 1);
    nll[0] = -1e6;
    loss = preference_loss(1, nll, reference, &margin, &weight);
    assert_true(loss >= 0 && loss < 1e-9 && weight >= 0 && weight < 1e-9);
}

/* Every pair comes once in each epoch, whatever the batch is. */
static void test_order(void **state)
{
    (void)state;
    const preference_set s = { .pairs = 7 };
    bool moved = false;
    for (int epoch = 0; epoch < 3; epoch++) {
        bool seen[7] = { false };
        for (int i = 0; i < 7; i++) {
            int64_t pair = preference_at(&s, 5, 2, epoch * 7 + i);
            assert_true(pair >= 0 && pair < 7 && !seen[pair]);
            seen[pair] = true;
            moved |= pair != i;
        }
    }
    assert_true(moved);
    for (int i = 0; i < 14; i++) assert_int_equal(preference_at(&s, 5, 7, i), i % 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

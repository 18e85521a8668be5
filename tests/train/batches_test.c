/* batches_test.c - which tokens a step trains on. */
#include "train/batches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "text/token_word.h"

enum { CONTEXT = 8, BATCH = 3, FIRST = 200, SECOND = 67 };

static int32_t first[FIRST], second[SECOND];
static const token_run runs[] = { { .words = first, .count = FIRST, .weight = 0 },
    { .words = second, .count = SECOND, .weight = 0 } };

/* Token i of run r is r * 1000 + i: a window tells where it came from. */
static batches open_case(uint64_t seed)
{
    batches b;
    for (int32_t i = 0; i < FIRST; i++) first[i] = i;
    for (int32_t i = 0; i < SECOND; i++) second[i] = 1000 + i;
    assert_int_equal(batches_of_corpus(runs, 2, BATCH, CONTEXT, seed, &b), CADRE_OK);
    return b;
}

static void test_targets_follow_inputs(void **state)
{
    (void)state;
    batches b = open_case(1);
    int32_t inputs[BATCH * CONTEXT], targets[BATCH * CONTEXT];
    bool begins[BATCH * CONTEXT] = { false };
    const batch_rows rows = { inputs, targets, begins, NULL };
    for (int64_t step = 0; step < 100; step++) {
        batches_take(&b, step, 0, BATCH, &rows);
        for (int i = 0; i < BATCH * CONTEXT; i++) {
            assert_int_equal(targets[i], inputs[i] + 1);
            if (i % CONTEXT) assert_int_equal(inputs[i], inputs[i - 1] + 1);
            assert_true(targets[i] < FIRST || (targets[i] >= 1000 && targets[i] < 1000 + SECOND));
        }
    }
}

static void test_an_epoch_sees_every_window_once(void **state)
{
    (void)state;
    batches b = open_case(2);
    int32_t inputs[CONTEXT], targets[CONTEXT];
    bool begins[CONTEXT] = { false };
    b.batch = 1;
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        int seen[1000 + SECOND] = { 0 }, twice = 0;
        for (int64_t i = 0; i < b.windows; i++) {
            batches_take(
                &b, epoch * b.windows + i, 0, 1, &(batch_rows){ inputs, targets, begins, NULL });
            for (int j = 0; j < CONTEXT; j++) twice += seen[inputs[j]]++ > 0;
        }
        assert_int_equal(twice, 0);
    }
}

/* The one window of a short run begins at every place in turn, so that no token is left out. */
static void test_a_short_run_is_seen_whole(void **state)
{
    (void)state;
    enum { SHORT = CONTEXT + 5 };
    const token_run run = { .words = first, .count = SHORT, .weight = 0 };
    int32_t inputs[CONTEXT], targets[CONTEXT];
    bool begins[CONTEXT] = { false };
    int seen[SHORT] = { 0 };
    batches b;
    open_case(1);
    assert_int_equal(batches_of_corpus(&run, 1, 1, CONTEXT, 6, &b), CADRE_OK);
    for (int64_t i = 0; i < 200; i++) {
        batches_take(&b, i, 0, 1, &(batch_rows){ inputs, targets, begins, NULL });
        assert_true(inputs[0] >= 0 && targets[CONTEXT - 1] < SHORT);
        for (int j = 0; j < CONTEXT; j++) seen[targets[j]]++;
    }
    for (int i = 1; i < SHORT; i++) assert_true(seen[i] > 0);
}

static void test_a_batch_is_a_function_of_the_step(void **state)
{
    (void)state;
    batches b = open_case(3), other = open_case(4);
    int32_t whole[BATCH * CONTEXT], part[BATCH * CONTEXT], targets[BATCH * CONTEXT],
        different[BATCH * CONTEXT];
    bool begins[BATCH * CONTEXT] = { false };
    batches_take(&b, 41, 0, BATCH, &(batch_rows){ whole, targets, begins, NULL });
    /* In pieces, the last one first */
    for (int64_t i = BATCH - 1; i >= 0; i--)
        batches_take(&b, 41, i, 1, &(batch_rows){ part + i * CONTEXT, targets, begins, NULL });
    assert_memory_equal(whole, part, sizeof whole);
    batches_take(&other, 41, 0, BATCH, &(batch_rows){ different, targets, begins, NULL });
    assert_memory_not_equal(whole, different, sizeof whole);
}

/* If domains have weights, each run has as many rows as its weight says, and none of its windows
 * comes again before all have come. */
static void test_weights_say_how_often_a_run_comes(void **state)
{
    (void)state;
    int32_t inputs[CONTEXT], targets[CONTEXT];
    bool begins[CONTEXT] = { false };
    open_case(1);
    const token_run mixed[] = { { .words = first, .count = FIRST, .weight = BATCHES_MIX / 4 },
        { .words = second, .count = SECOND, .weight = BATCHES_MIX - BATCHES_MIX / 4 } };
    batches b;
    assert_int_equal(batches_of_corpus(mixed, 2, 1, CONTEXT, 5, &b), CADRE_OK);
    for (int mix = 0; mix < 2; mix++) {
        int count[2] = { 0 }, seen[FIRST / CONTEXT + 1] = { 0 };
        for (int64_t i = 0; i < BATCHES_MIX; i++) {
            batches_take(
                &b, mix * BATCHES_MIX + i, 0, 1, &(batch_rows){ inputs, targets, begins, NULL });
            count[inputs[0] >= 1000]++;
            if (inputs[0] < 1000) seen[inputs[0] / CONTEXT]++;
        }
        assert_int_equal(count[0], BATCHES_MIX / 4);
        for (int w = 1; w < FIRST / CONTEXT - 2; w++) /* 23 windows, 1024 rows */
            assert_true(seen[w] >= 1024 / 23 && seen[w] <= 1024 / 23 + 1);
    }
    const token_run none[] = { { .words = first, .count = CONTEXT, .weight = 1 },
        { .words = second, .count = SECOND, .weight = BATCHES_MIX - 1 } };
    assert_int_equal(batches_of_corpus(none, 2, 1, CONTEXT, 5, &b), CADRE_EARGUMENT);
}

/* Silent tokens are no targets. If documents are packed, neither are tokens that begin one. */
static void test_marks_of_a_corpus(void **state)
{
    (void)state;
    int32_t words[CONTEXT + 1], inputs[CONTEXT], targets[CONTEXT];
    for (int32_t i = 0; i <= CONTEXT; i++) words[i] = i;
    words[0] |= TOKEN_BEGINS, words[3] |= TOKEN_SILENT | TOKEN_BEGINS, words[5] |= TOKEN_SILENT,
        words[6] |= TOKEN_BEGINS;
    const token_run run[] = { { .words = words, .count = CONTEXT + 1, .weight = 0 } };
    batches b;
    assert_int_equal(batches_of_corpus(run, 1, 1, CONTEXT, 5, &b), CADRE_OK);
    assert_int_equal(batches_most_documents(&b), 1);
    for (int pack = 0; pack < 2; pack++) {
        bool begins[CONTEXT] = { false };
        b.pack = pack;
        batches_take(&b, 0, 0, 1, &(batch_rows){ inputs, targets, begins, NULL });
        for (int i = 0; i < CONTEXT; i++) {
            bool counts = i + 1 != 3 && i + 1 != 5 && !(pack && i + 1 == 6);
            assert_int_equal(inputs[i], i);
            assert_int_equal(targets[i], counts ? i + 1 : -1);
            assert_int_equal(begins[i], pack && (i == 3 || i == 6));
        }
    }
    assert_in_range(batches_most_documents(&b), 3, 4);
}

static void test_rows_of_a_file_come_in_order(void **state)
{
    (void)state;
    int32_t rows[2 * BATCH * (CONTEXT + 1)], inputs[CONTEXT], targets[CONTEXT];
    bool begins[CONTEXT] = { false };
    for (int32_t i = 0; i < 2 * BATCH * (CONTEXT + 1); i++) rows[i] = i;
    batches b = { .batch = BATCH, .context = CONTEXT, .table = rows, .steps = 2 };
    batches_take(&b, 1, 2, 1, &(batch_rows){ inputs, targets, begins, NULL });
    assert_int_equal(inputs[0], 5 * (CONTEXT + 1));
    assert_int_equal(targets[CONTEXT - 1], 6 * (CONTEXT + 1) - 1);
}

/* A row of a token file: documents 3, 3, 3, 5, 5, 9 ..., and targets of which one does not count */
static void test_targets_and_documents_of_a_file(void **state)
{
    (void)state;
    static const int32_t tokens[CONTEXT + 1] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 },
                                          given[CONTEXT] = { 11, -100, 13, 14, 15, 16, 17, 18 },
                                          documents[CONTEXT + 1] = { 3, 3, 3, 5, 5, 9, 9, 9, 10 },
                                          packed[CONTEXT] = { 11, -1, -1, 14, -1, 16, 17, -1 },
                                          next[CONTEXT] = { 2, 3, -1, 5, -1, 7, 8, -1 };
    int32_t inputs[CONTEXT], targets[CONTEXT];
    bool begins[CONTEXT] = { false };
    const batch_rows rows = { inputs, targets, begins, NULL };
    batches b = { .batch = 1, .context = CONTEXT, .table = tokens, .steps = 1, .targets = given };
    assert_int_equal(batches_most_documents(&b), 1);
    batches_take(&b, 0, 0, 1, &rows);
    for (int i = 0; i < CONTEXT; i++) {
        assert_int_equal(targets[i], i == 1 ? -1 : given[i]);
        assert_false(begins[i]);
    }
    b.documents = documents;
    assert_int_equal(batches_most_documents(&b), 3);
    batches_take(&b, 0, 0, 1, &rows);
    assert_memory_equal(inputs, tokens, sizeof inputs);
    assert_memory_equal(targets, packed, sizeof targets);
    for (int i = 1; i < CONTEXT; i++) assert_int_equal(begins[i], i == 3 || i == 5);
    b.targets = NULL;
    batches_take(&b, 0, 0, 1, &rows);
    assert_memory_equal(targets, next, sizeof targets);
}

static void test_too_little_text_is_refused(void **state)
{
    (void)state;
    batches b;
    const token_run little[] = { { .words = first, .count = CONTEXT, .weight = 0 } };
    assert_int_equal(batches_of_corpus(little, 1, BATCH, CONTEXT, 1, &b), CADRE_EARGUMENT);
    const token_run enough[] = { { .words = first, .count = CONTEXT + 1, .weight = 0 } };
    assert_int_equal(batches_of_corpus(enough, 1, BATCH, CONTEXT, 1, &b), CADRE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets_follow_inputs),
        cmocka_unit_test(test_an_epoch_sees_every_window_once),
        cmocka_unit_test(test_a_short_run_is_seen_whole),
        cmocka_unit_test(test_a_batch_is_a_function_of_the_step),
        cmocka_unit_test(test_rows_of_a_file_come_in_order),
        cmocka_unit_test(test_weights_say_how_often_a_run_comes),
        cmocka_unit_test(test_marks_of_a_corpus),
        cmocka_unit_test(test_targets_and_documents_of_a_file),
        cmocka_unit_test(test_too_little_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

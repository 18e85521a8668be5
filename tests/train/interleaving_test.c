/* interleaving_test.c - the order of stages with several chunks: every pass is taken once and after
 * what it needs, each chunk takes the micro-batches in order, and stages idle less than without
 * chunks. */
#include "train/interleaving.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_STAGES = 5, MOST_CHUNKS = 4, MOST_MICRO = 20 };

/* When a virtual stage (chunk * stages + stage) was done with a micro-batch; -1: not yet */
typedef struct times {
    int forward[MOST_STAGES * MOST_CHUNKS][MOST_MICRO];
    int backward[MOST_STAGES * MOST_CHUNKS][MOST_MICRO];
} times;

static void go_forward(times *done, int virtual_stage, int64_t micro, int tick)
{
    assert_int_equal(done->forward[virtual_stage][micro], -1);
    if (virtual_stage) assert_in_range(done->forward[virtual_stage - 1][micro], 0, tick - 1);
    if (micro) assert_in_range(done->forward[virtual_stage][micro - 1], 0, tick - 1);
    done->forward[virtual_stage][micro] = tick;
}

static void go_backward(times *done, int virtual_stage, int virtual_stages, int64_t micro, int tick)
{
    assert_int_equal(done->backward[virtual_stage][micro], -1);
    assert_in_range(done->forward[virtual_stage][micro], 0, tick);
    if (virtual_stage + 1 < virtual_stages)
        assert_in_range(done->backward[virtual_stage + 1][micro], 0, tick - 1);
    if (micro) assert_in_range(done->backward[virtual_stage][micro - 1], 0, tick - 1);
    done->backward[virtual_stage][micro] = tick;
}

/* Returns the number of ticks. */
static int check_order(int stages, int chunks, int64_t micro_batches, bool forward_only)
{
    times done;
    int tick = 0;
    stage_work work[BATCH_RANKS];
    interleaving t = { .stages = stages,
        .chunks = chunks,
        .micro_batches = micro_batches,
        .forward_only = forward_only };
    memset(&done, -1, sizeof done);
    for (; interleaving_tick(&t, work); tick++)
        for (int s = 0; s < stages; s++) {
            const stage_work *w = &work[s];
            if (w->forward)
                go_forward(&done, w->forward_chunk * stages + s, w->forward_micro, tick);
            if (w->backward)
                go_backward(&done, w->backward_chunk * stages + s, stages * chunks,
                    w->backward_micro, tick);
        }
    for (int virtual_stage = 0; virtual_stage < stages * chunks; virtual_stage++)
        for (int64_t i = 0; i < micro_batches; i++) {
            assert_true(done.forward[virtual_stage][i] >= 0);
            assert_true(forward_only || done.backward[virtual_stage][i] >= 0);
        }
    return tick;
}

/* If nothing stalls, a stage works in every tick from its first forward pass to its last backward
 * pass; the first stage begins at once, and ends last. */
static void test_every_shape(void **state)
{
    (void)state;
    for (int stages = 2; stages <= MOST_STAGES; stages++)
        for (int chunks = 2; chunks <= MOST_CHUNKS; chunks++)
            for (int rounds = 1; rounds * stages <= MOST_MICRO; rounds++) {
                int micro = rounds * stages, units = micro * chunks;
                int warmup = 2 * (stages - 1) + (chunks - 1) * stages;
                int ticks = check_order(stages, chunks, micro, false);
                assert_in_range(ticks, units + warmup, units + warmup + stages);
                assert_int_equal(check_order(stages, chunks, micro, true), units + stages - 1);
            }
}

static void test_peak_is_what_the_order_needs(void **state)
{
    (void)state;
    interleaving_peak first = interleaving_measure(4, 2, 16, 0),
                      last = interleaving_measure(4, 2, 16, 3);
    assert_in_range(first.passes[0], 8, 12);
    assert_true(first.passes[1] < first.passes[0]);
    assert_int_equal(last.passes[1], 1); /* the backward pass follows the forward pass at once */
    assert_in_range(last.messages, 1, 9);
    assert_int_equal(interleaving_measure(2, 2, 2, 0).passes[0], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_shape),
        cmocka_unit_test(test_peak_is_what_the_order_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

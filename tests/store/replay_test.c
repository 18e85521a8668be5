/* replay_test.c - the hits of replayed picks, compared with those of a list in order of use. */
#include <stdbool.h>

#include "store/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "store/policy_row.h"
#include "support/replay.h"
#include "support/succeeds.h"

enum { EXPERTS = 12, COUNT = 400 };

/* With one pick a visit: the hits of a list in order of use, the most recent first */
static int64_t hits_of_list(const int32_t *picks, int64_t count, int32_t slots)
{
    int32_t list[EXPERTS], length = 0;
    int64_t hits = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t at = 0;
        while (at < length && list[at] != picks[i]) at++;
        bool hit = at < length;
        hits += hit;
        if (!hit && length < slots) length++;
        if (!hit) at = length - 1;
        memmove(list + 1, list, (size_t)at * sizeof *list);
        list[0] = picks[i];
    }
    return hits;
}

static void lru_is_a_list(void **state)
{
    static int32_t layer[COUNT], picks[COUNT];
    static int64_t start[COUNT + 1];
    static const int32_t first[] = { 0, EXPERTS };
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        random_key key = random_key_of(seed, "picks", 0, 0);
        for (int64_t i = 0; i < COUNT; i++) {
            double x = random_uniform(key, (uint64_t)i);
            picks[i] = (int32_t)(x * x * EXPERTS);
            start[i + 1] = i + 1;
        }
        const replay r = { { 1, first }, COUNT, layer, start, picks, NULL };
        for (int32_t slots = 1; slots <= EXPERTS; slots++) {
            int64_t hits;
            succeeds(replay_hits(&r, &policy_lru, slots, &hits));
            assert_int_equal(hits, hits_of_list(picks, COUNT, slots));
        }
    }
}

/* The experts that a visit uses are not evicted for each other, even if there are too few slots. */
static void a_visit_keeps_what_it_wants(void **state)
{
    static const int32_t first[] = { 0, 4 }, layer[] = { 0, 0, 0 },
                         picks[] = { 0, 1, 2, 0, 1, 2, 0, 1, 2 };
    static const int64_t start[] = { 0, 3, 6, 9 };
    const replay r = { { 1, first }, 3, layer, start, picks, NULL };
    (void)state;
    for (int i = 0; policy_list[i]; i++) {
        int64_t hits;
        succeeds(replay_hits(&r, policy_list[i], 2, &hits));
        assert_int_equal(hits, 4); /* two of three, twice */
        succeeds(replay_hits(&r, policy_list[i], 3, &hits));
        assert_int_equal(hits, 6);
    }
}

static void no_policy_beats_the_best(void **state)
{
    replay_picks r;
    (void)state;
    replay_make(80, 6, 16, 3, &r);
    for (int32_t slots = 4; slots <= 96; slots += 23) {
        double best = replay_best(&r, slots);
        for (int i = 0; policy_list[i]; i++)
            assert_true(replay_policy(&r, policy_list[i], slots) <= best);
    }
    replay_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lru_is_a_list),
        cmocka_unit_test(a_visit_keeps_what_it_wants), cmocka_unit_test(no_policy_beats_the_best) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

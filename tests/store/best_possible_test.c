/* best_possible_test.c - the hits are as many as the best of all possible choices gives. */
#include "store/best_possible.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "support/succeeds.h"

enum { EXPERTS = 5, MOST = 12 };

/* Tries to evict every expert that is held, and not to keep the one that was read. */
static int64_t most_hits(const int32_t *picks, int64_t count, unsigned held, int32_t room)
{
    if (!count) return 0;
    unsigned own = 1u << picks[0];
    if (held & own) return 1 + most_hits(picks + 1, count - 1, held, room);
    if (room > 0) return most_hits(picks + 1, count - 1, held | own, room - 1);
    int64_t best = most_hits(picks + 1, count - 1, held, 0);
    for (int e = 0; e < EXPERTS; e++) {
        if (!(held >> e & 1)) continue;
        int64_t hits = most_hits(picks + 1, count - 1, (held & ~(1u << e)) | own, 0);
        if (hits > best) best = hits;
    }
    return best;
}

static void no_choice_does_better(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        random_key key = random_key_of(seed, "picks", 0, 0);
        int32_t picks[MOST], slots = 1 + (int32_t)(seed % 4);
        int64_t count = (int64_t)(seed % (MOST + 1)), hits;
        for (int64_t i = 0; i < count; i++)
            picks[i] = (int32_t)(random_bits(key, (uint64_t)i) % EXPERTS);
        succeeds(best_possible_hits(picks, count, EXPERTS, slots, &hits));
        assert_int_equal(hits, most_hits(picks, count, 0, slots));
    }
}

static void more_room_never_hurts(void **state)
{
    enum { COUNT = 2000, KINDS = 100 };
    static int32_t picks[COUNT];
    random_key key = random_key_of(1, "picks", 0, 0);
    int64_t before = 0, hits;
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        double x = random_uniform(key, (uint64_t)i);
        picks[i] = (int32_t)(x * x * KINDS);
    }
    for (int32_t slots = 1; slots <= KINDS; slots += 9) {
        succeeds(best_possible_hits(picks, COUNT, KINDS, slots, &hits));
        assert_true(hits >= before);
        before = hits;
    }
    succeeds(best_possible_hits(picks, COUNT, KINDS, KINDS, &hits));
    bool seen[KINDS] = { false };
    int64_t kinds = 0;
    for (int i = 0; i < COUNT; i++) {
        kinds += !seen[picks[i]];
        seen[picks[i]] = true;
    }
    assert_int_equal(hits, COUNT - kinds);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(no_choice_does_better),
        cmocka_unit_test(more_room_never_hurts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

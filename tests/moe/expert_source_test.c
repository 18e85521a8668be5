/* expert_source_test.c - a layer whose experts come a few at a time gives the bits of one that has
 * them all, whatever the waves; what a source fails with reaches the caller. */
#include "moe/expert_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/expert_slots.h"
#include "support/moe_case.h"
#include "support/succeeds.h"

enum { EXPERTS = 8, SEQUENCES = 2, LENGTH = 13, TOKENS = SEQUENCES * LENGTH, WIDTH = 6 };
enum { ROOM = 4096 };

static moe_config config_of(int32_t topk, const char *form)
{
    moe_config c = moe_case_config("softmax", EXPERTS, topk);
    c.form = form;
    c.expert_bias = true;
    return c;
}

/* y without a source, then with one of so many slots, twice: the second time some are there. */
static void check(const moe_config *config, int32_t slots, bool joined, bool train)
{
    real expected[TOKENS * WIDTH];
    for (uint64_t seed = 2; seed < 4; seed++) { /* gate and up joined, and apart */
        moe_case *c = moe_case_new(config, SEQUENCES, LENGTH, 2, seed);
        expert_slots s;
        c->batch.random.train = train;
        moe_case_forward(c);
        memcpy(expected, c->y, sizeof expected);
        expert_slots_open(&s, slots, EXPERTS, ROOM);
        s.joined = joined;
        c->call.source = &s.source;
        for (int64_t pass = 1; pass <= 2; pass++) {
            memset(c->y, 0xFF, sizeof expected);
            moe_case_forward(c);
            assert_memory_equal(c->y, expected, sizeof expected);
            assert_int_equal(s.prefetches, pass);
        }
        if (slots >= EXPERTS) assert_true(s.waves == 2 && s.reads <= EXPERTS && !s.evictions);
        else assert_true(s.waves > 2 && s.reads > slots && s.evictions > 0);
        expert_slots_close(&s);
        moe_case_free(c);
    }
}

static void the_same_bits_in_any_waves(void **state)
{
    static const int32_t slots[] = { 1, 2, 3, EXPERTS };
    (void)state;
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        for (int joined = 0; joined < 2; joined++) {
            moe_config c = config_of(3, "swiglu");
            check(&c, slots[i], joined, false);
            c.shared = 5, c.shared_gated = true;
            check(&c, slots[i], joined, true);
            c.expert_dropout = 0.3;
            c.dispatch = (dispatch_options){ .overflow = OVERFLOW_PAD, .factor = REAL_C(0.7) };
            check(&c, slots[i], joined, true);
            c = config_of(2, "gelu");
            check(&c, slots[i], joined, false);
        }
}

/* One expert has all rows: the rest is not asked for. */
static void experts_without_rows_are_not_wanted(void **state)
{
    (void)state;
    moe_config config = config_of(1, "swiglu");
    moe_case *c = moe_case_new(&config, 1, 1, 1, 2);
    expert_slots s;
    c->batch.random.train = false;
    expert_slots_open(&s, 1, EXPERTS, ROOM);
    c->call.source = &s.source;
    moe_case_forward(c);
    assert_true(s.waves == 1 && s.reads == 1);
    c->batch.tokens = 0;
    c->start[1] = 0;
    moe_case_forward(c);
    assert_int_equal(s.waves, 1);
    expert_slots_close(&s);
    moe_case_free(c);
}

static void a_failure_reaches_the_caller(void **state)
{
    (void)state;
    moe_config config = config_of(3, "swiglu");
    moe_case *c = moe_case_new(&config, SEQUENCES, LENGTH, 1, 2);
    real expected[TOKENS * WIDTH];
    expert_slots s;
    c->batch.random.train = false;
    moe_case_forward(c);
    memcpy(expected, c->y, sizeof expected);
    expert_slots_open(&s, 2, EXPERTS, ROOM);
    c->call.source = &s.source;
    for (s.fails_at = 1; s.fails_at <= 4; s.fails_at++) {
        s.waves = 0;
        refuses(moe_layer_forward(&c->call, &config, &c->weights, c->x, &c->state, c->y), CADRE_EIO,
            "a broken disk");
    }
    moe_case_forward(c); /* the next is as if nothing had been */
    assert_memory_equal(c->y, expected, sizeof expected);
    expert_slots_close(&s);
    moe_case_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bits_in_any_waves),
        cmocka_unit_test(experts_without_rows_are_not_wanted),
        cmocka_unit_test(a_failure_reaches_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* choose_expert_test.c - every expert takes the tokens that a sort of its column puts first: of
 * each group, among equals the earlier ones, never padding and never a key of -inf; on any number
 * of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "kernel/context.h"
#include "moe/routing.h"
#include "moe/select.h"
#include "support/succeeds.h"

enum { TOKENS = 60, EXPERTS = 5, GROUPS = 4 };

static const int64_t starts[GROUPS + 1] = { 0, 1, 20, 20, TOKENS }; /* one is empty */

typedef struct column_case {
    real key[TOKENS * EXPERTS];
    unsigned char mark[TOKENS * EXPERTS];
    int32_t heap[TOKENS * EXPERTS];
    bool valid[TOKENS];
    plan plan;
    routing routing;
} column_case;

static int64_t most_of_case; /* that an expert takes; of odd experts one fewer */

static int64_t most(const routing *r, int64_t group, int32_t expert)
{
    (void)r, (void)group;
    return most_of_case - expert % 2;
}

/* Few different keys, so that equal ones meet; some of -inf. */
static void draw(column_case *c, uint64_t seed)
{
    random_key key = random_key_of(seed, "columns", 0, 0);
    memset(c, 0, sizeof *c);
    for (int i = 0; i < TOKENS * EXPERTS; i++) {
        uint64_t bits = random_bits(key, (uint64_t)i);
        c->key[i] = bits % 11 == 0 ? -REAL_INF
                    : seed % 2     ? (real)(bits % 7)
                                   : (real)random_normal(key, (uint64_t)(1000 + i));
        c->mark[i] = 7; /* is written over */
    }
    for (int t = 0; t < TOKENS; t++) c->valid[t] = random_bits(key, (uint64_t)(5000 + t)) % 6 != 0;
    c->plan = (plan){ .tokens = TOKENS, .experts = EXPERTS };
    if (seed % 3) c->plan.valid = c->valid;
    c->routing.plan = &c->plan;
}

static void choose(column_case *c, compute *machine)
{
    const choose_columns columns = { .groups = GROUPS,
        .start = starts,
        .most = most,
        .key = c->key,
        .mark = c->mark,
        .heap = c->heap };
    c->routing.compute = machine;
    choose_by_column(&c->routing, &columns);
}

/* How many tokens of the group come before t in the order of a column. */
static int64_t rank_of(const column_case *c, int64_t begin, int64_t end, int64_t t, int e)
{
    int64_t rank = 0;
    real own = c->key[t * EXPERTS + e];
    for (int64_t o = begin; o < end; o++) {
        real other = c->key[o * EXPERTS + e];
        bool may = !c->plan.valid || c->valid[o];
        rank += may && o != t && (other > own || (other == own && o < t));
    }
    return rank;
}

static void expect_sorted(const column_case *c)
{
    for (int g = 0; g < GROUPS; g++)
        for (int64_t t = starts[g]; t < starts[g + 1]; t++)
            for (int e = 0; e < EXPERTS; e++) {
                bool may = (!c->plan.valid || c->valid[t]) && c->key[t * EXPERTS + e] > -REAL_INF;
                bool taken =
                    may && rank_of(c, starts[g], starts[g + 1], t, e) < most_of_case - e % 2;
                if (c->mark[t * EXPERTS + e] != taken)
                    fail_msg("token %d, expert %d: %d", (int)t, e, c->mark[t * EXPERTS + e]);
            }
}

static void columns_are_sorted(void **state)
{
    (void)state;
    static const int64_t sizes[] = { 0, 1, 2, 3, 7, 20, 40, 100 };
    for (int threads = 1; threads <= 3; threads++) {
        compute *machine;
        succeeds(compute_new(threads, NULL, &machine));
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (uint64_t seed = 0; seed < 12; seed++) {
                column_case c;
                most_of_case = sizes[i];
                draw(&c, seed);
                choose(&c, machine);
                expect_sorted(&c);
            }
        compute_free(machine);
    }
}

/* Of tokens that are all alike the first ones are taken. */
static void of_equal_tokens_the_earlier_are_taken(void **state)
{
    (void)state;
    compute *machine;
    column_case c;
    succeeds(compute_new(1, NULL, &machine));
    draw(&c, 0);
    c.plan.valid = NULL;
    for (int i = 0; i < TOKENS * EXPERTS; i++) c.key[i] = 1;
    most_of_case = 6;
    choose(&c, machine);
    for (int64_t t = 20; t < TOKENS; t++)
        for (int e = 0; e < EXPERTS; e++)
            assert_int_equal(c.mark[t * EXPERTS + e], t < 20 + 6 - e % 2);
    compute_free(machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_sorted),
        cmocka_unit_test(of_equal_tokens_the_earlier_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

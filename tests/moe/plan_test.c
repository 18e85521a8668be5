/* plan_test.c - the plan finds the token of an edge, and reports each edge that capacity moved or
 * dropped, once and in order. */
#include "moe/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"

enum { TOKENS = 9, EXPERTS = 4, MOST = 40 };

typedef struct owned {
    arena arena;
    plan p;
} owned;

static void open_plan(owned *o, bool limited)
{
    const plan_limits most = {
        .tokens = TOKENS, .experts = EXPERTS, .edges = MOST, .rows = MOST, .limited = limited
    };
    arena measured = { 0 };
    plan_layout(&o->p, &measured, &most);
    assert_true(arena_open(&o->arena, measured.used));
    plan_layout(&o->p, &o->arena, &most);
    assert_int_equal(o->arena.used, measured.used);
}

/* Tokens with 0 to 4 edges each, from a seed. */
static void draw_edges(plan *p, uint64_t seed)
{
    random_key key = random_key_of(seed, "plan", 0, 0);
    p->edges = 0;
    for (int64_t t = 0; t < TOKENS; t++) {
        p->token_start[t] = p->edges;
        for (uint64_t n = random_bits(key, (uint64_t)t) % 5; n > 0; n--) {
            p->edge_expert[p->edges] = (gexp){ (int32_t)(n % EXPERTS) };
            p->edge_row[p->edges++] = 0;
        }
    }
    p->token_start[TOKENS] = p->edges;
}

static void an_edge_belongs_to_its_token(void **state)
{
    (void)state;
    owned o;
    open_plan(&o, false);
    for (uint64_t seed = 0; seed < 40; seed++) {
        draw_edges(&o.p, seed);
        for (int64_t t = 0; t < TOKENS; t++)
            for (int64_t i = o.p.token_start[t]; i < o.p.token_start[t + 1]; i++)
                assert_int_equal(plan_token_of(&o.p, i), t);
    }
    arena_close(&o.arena);
}

static void losses_are_told_once_and_in_order(void **state)
{
    (void)state;
    owned o;
    open_plan(&o, true);
    for (uint64_t seed = 0; seed < 40; seed++) {
        random_key key = random_key_of(seed, "losses", 0, 0);
        int64_t cursor = 0, expected = 0, told = 0, last = -1;
        plan_loss loss;
        draw_edges(&o.p, seed);
        for (int64_t i = 0; i < o.p.edges; i++) {
            uint64_t fate = random_bits(key, (uint64_t)i) % 4; /* kept, kept, dropped, moved */
            o.p.edge_lost[i] = fate < 2 ? GEXP_NONE : (gexp){ (int32_t)(i % EXPERTS) };
            o.p.edge_row[i] = fate == 2 ? -1 : (int32_t)i;
            expected += fate >= 2;
        }
        while (plan_next_loss(&o.p, &cursor, &loss)) {
            int64_t edge = o.p.token_start[loss.token] + loss.rank;
            assert_true(edge > last && edge < o.p.token_start[loss.token + 1]);
            assert_int_equal(loss.wanted.id, edge % EXPERTS);
            assert_int_equal(
                loss.instead.id, o.p.edge_row[edge] < 0 ? -1 : o.p.edge_expert[edge].id);
            last = edge, told++;
        }
        assert_int_equal(told, expected);
        assert_false(plan_next_loss(&o.p, &cursor, &loss));
    }
    arena_close(&o.arena);
}

static void a_plan_without_limit_has_no_losses(void **state)
{
    (void)state;
    owned o;
    plan_loss loss = { .token = 77 };
    int64_t cursor = 0;
    open_plan(&o, false);
    assert_null(o.p.edge_lost);
    draw_edges(&o.p, 1);
    assert_false(plan_next_loss(&o.p, &cursor, &loss));
    assert_int_equal(loss.token, 77);
    arena_close(&o.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edge_belongs_to_its_token),
        cmocka_unit_test(losses_are_told_once_and_in_order),
        cmocka_unit_test(a_plan_without_limit_has_no_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* dispatch_test.c - rows and capacity against a plain rendering of the rules. */
#include "kernel/context.h"
#include "moe/dispatch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

enum { TOKENS = 600, EXPERTS = 12, PICKS = 3, SEQUENCES = 5 };

typedef struct fixture {
    compute *c;
    plan plan;
    real score[TOKENS * EXPERTS]; /* keys too */
    int64_t start[SEQUENCES + 1];
    token_batch batch;
    dispatch_options options;
    arena arena;
} fixture;

static void lay_out(
    fixture *f, arena *a, dispatch_scratch *s, int64_t tokens, int32_t experts, int32_t picks)
{
    plan_limits most = { .tokens = tokens,
        .edges = tokens * picks,
        .experts = experts,
        .rows = dispatch_max_rows(&f->options, tokens, f->batch.sequences, picks, experts),
        .limited = f->options.overflow != OVERFLOW_NONE };
    plan_layout(&f->plan, a, &most);
    dispatch_layout(s, a, &f->options, tokens, f->batch.sequences, picks, experts);
}

/* Picks [T, K], -1 behind a token's last, as edges. */
static void fill_edges(plan *p, int32_t picks, const gexp *pick)
{
    p->edges = 0;
    for (int64_t i = 0; i < p->tokens * picks; i++) {
        if (i % picks == 0) p->token_start[i / picks] = p->edges;
        if (pick[i].id >= 0) p->edge_expert[p->edges++] = pick[i];
    }
    p->token_start[p->tokens] = p->edges;
}

/* The edge of pick i of [T, PICKS], a token's picks standing in front. */
static int64_t edge_of(const fixture *f, int64_t i)
{
    return f->plan.token_start[i / PICKS] + i % PICKS;
}

/* Runs dispatch over `pick` as edges; f->plan is then what it made. */
static void run(fixture *f, int threads, int64_t tokens, int32_t experts, int32_t picks,
    const gexp *pick, const bool *valid)
{
    dispatch_scratch scratch;
    arena measured = { 0 };
    lay_out(f, &measured, &scratch, tokens, experts, picks);
    arena_close(&f->arena);
    assert_true(arena_open(&f->arena, measured.used));
    lay_out(f, &f->arena, &scratch, tokens, experts, picks);
    f->plan.valid = valid;
    fill_edges(&f->plan, picks, pick);
    compute_free(f->c);
    assert_int_equal(compute_new(threads, NULL, &f->c), CADRE_OK);
    dispatching d = { f->c, &f->options, &f->batch, picks, f->score, f->score, &scratch };
    dispatch(&d, &f->plan);
}

static void drop(fixture *f)
{
    arena_close(&f->arena);
    compute_free(f->c);
    mem_free(f);
}

static fixture *make(int64_t sequences, int64_t tokens)
{
    fixture *f = mem_alloc(1, sizeof *f);
    assert_non_null(f);
    for (int64_t s = 0; s <= sequences; s++) f->start[s] = tokens * s / sequences;
    f->batch = (token_batch){ .tokens = tokens, .sequences = sequences, .start = f->start };
    return f;
}

/* ---- the fact sheet's batch: picks (0,3) (1,0) (0,2) (3,1), two slots an expert ---- */

static const gexp four[] = { { 0 }, { 3 }, { 1 }, { 0 }, { 0 }, { 2 }, { 3 }, { 1 } };

static const double four_scores[4][4] = { /* softmax of its logits */
    { .404561, .233332, .127326, .234781 }, { .218, .440, .198, .133 }, { .69, .057, .127, .094 },
    { .22, .27, .12, .44 }
};

static fixture *batch_of_four(dispatch_overflow overflow, dispatch_priority priority)
{
    fixture *f = make(1, 4);
    for (int t = 0; t < 4; t++)
        for (int e = 0; e < 4; e++) f->score[t * 4 + e] = (real)four_scores[t][e];
    f->options = (dispatch_options){ .overflow = overflow, .priority = priority, .slots = 2 };
    run(f, 1, 4, 4, 2, four, NULL);
    return f;
}

static void expect_one_loss(
    const fixture *f, int64_t token, int32_t rank, int32_t wanted, int32_t instead)
{
    int64_t cursor = 0;
    plan_loss loss;
    assert_true(plan_next_loss(&f->plan, &cursor, &loss));
    assert_int_equal(loss.token, token);
    assert_int_equal(loss.rank, rank);
    assert_int_equal(loss.wanted.id, wanted);
    assert_int_equal(loss.instead.id, instead);
    assert_false(plan_next_loss(&f->plan, &cursor, &loss));
    assert_int_equal(f->plan.dropped, instead < 0);
    assert_int_equal(f->plan.rerouted, instead >= 0);
    assert_int_equal(f->plan.capacity, 2);
    assert_int_equal(f->plan.load[0], 3); /* before capacity */
    assert_int_equal(f->plan.kept[0], 2);
}

static void test_priorities_of_the_worked_batch(void **state)
{
    (void)state;
    /* choice-major, token-major, by probability, by batch */
    static const int64_t token[] = { 1, 2, 1, 1 };
    static const int32_t rank[] = { 1, 0, 1, 1 };
    for (int priority = PRIORITY_CHOICE; priority <= PRIORITY_BATCH; priority++) {
        fixture *f = batch_of_four(OVERFLOW_DROP, (dispatch_priority)priority);
        expect_one_loss(f, token[priority], rank[priority], 0, -1);
        drop(f);
    }
}

/* Token 1 has expert 1 and loses expert 0; of those left, 2 has its higher score and a free
 * slot. */
static void test_rerouting_of_the_worked_batch(void **state)
{
    (void)state;
    fixture *f = batch_of_four(OVERFLOW_REROUTE, PRIORITY_CHOICE);
    expect_one_loss(f, 1, 1, 0, 2);
    assert_int_equal(f->plan.edge_expert[3].id, 2);
    assert_int_equal(f->plan.kept[2], 2);
    drop(f);
}

static void test_padding_fills_every_slot(void **state)
{
    (void)state;
    fixture *f = batch_of_four(OVERFLOW_PAD, PRIORITY_CHOICE);
    assert_int_equal(f->plan.rows, 4 * 2);
    int pads = 0;
    for (int64_t r = 0; r < 8; r++) {
        pads += f->plan.row_edge[r] < 0;
        assert_in_range(f->plan.row_token[r], 0, 3);
    }
    assert_int_equal(pads, 1); /* 8 picks, one dropped, 8 slots */
    for (int e = 0; e <= 4; e++) assert_int_equal(f->plan.first[e], 2 * e);
    drop(f);
}

/* Trap: with k picks a token, capacity has a factor k. */
static void test_capacity_counts_the_picks(void **state)
{
    (void)state;
    dispatch_options o = { .overflow = OVERFLOW_DROP, .factor = REAL_C(1.25) };
    assert_int_equal(dispatch_capacity(&o, 64, 1, 8), 10);
    assert_int_equal(dispatch_capacity(&o, 64, 2, 8), 20);
    assert_int_equal(dispatch_capacity(&o, 7, 2, 8), 3); /* 2.1875 rounds up */
    o.factor = REAL_C(0.3);
    assert_int_equal(dispatch_capacity(&o, 10, 1, 1), 3); /* though 0.3 is not a float */
    assert_int_equal(dispatch_capacity(&o, 11, 1, 1), 4);
    o.factor = REAL_C(1.2);
    assert_int_equal(dispatch_capacity(&o, 10, 2, 4), 6);
    o.factor = 100;
    assert_int_equal(dispatch_capacity(&o, 64, 2, 8), 64); /* no more than there are tokens */
    o.slots = 5;
    assert_int_equal(dispatch_capacity(&o, 64, 2, 8), 5);
}

/* ---- many random batches against the rules, one by one ---- */

static void random_batch(fixture *f, uint64_t seed, gexp *pick, bool *valid)
{
    random_key key = random_key_of(seed, "dispatch", 0, 0);
    /* With ties */
    for (uint64_t i = 0; i < TOKENS * EXPERTS; i++) f->score[i] = (real)(random_bits(key, i) % 50);
    for (uint64_t t = 0; t < TOKENS; t++) {
        valid[t] = random_bits(key, 1000000 + t) % 16 != 0;
        for (uint64_t k = 0; k < PICKS; k++) { /* skewed, distinct, now and then fewer */
            uint64_t draw = random_bits(key, 2000000 + t * PICKS + k) % EXPERTS;
            int32_t e = (int32_t)(draw * draw / EXPERTS);
            for (uint64_t j = 0; j < k; j++)
                if (pick[t * PICKS + j].id == e) e = (e + 1) % EXPERTS, j = (uint64_t)-1;
            bool none = !valid[t] || (k > 0 && (pick[t * PICKS + k - 1].id < 0 || draw == 0));
            pick[t * PICKS + k] = none ? GEXP_NONE : (gexp){ e };
        }
    }
}

typedef struct rules {
    const fixture *f;
    gexp pick[TOKENS * PICKS], lost[TOKENS * PICKS];
    bool kept[TOKENS * PICKS];
    int64_t used[EXPERTS];
} rules;

static void visit(rules *r, int64_t pair, int64_t capacity)
{
    int32_t e = r->pick[pair].id;
    r->lost[pair] = GEXP_NONE;
    r->kept[pair] = false;
    if (e < 0) return;
    if (r->used[e] == capacity) {
        r->lost[pair] = r->pick[pair];
        int32_t best = -1;
        const gexp *own = r->pick + pair / PICKS * PICKS;
        const real *key = r->f->score + pair / PICKS * EXPERTS;
        for (int32_t o = 0; o < EXPERTS && r->f->options.overflow == OVERFLOW_REROUTE; o++)
            if (r->used[o] < capacity && own[0].id != o && own[1].id != o && own[2].id != o &&
                (best < 0 || key[o] > key[best]))
                best = o;
        if (best < 0) return;
        r->pick[pair] = (gexp){ best };
        e = best;
    }
    r->kept[pair] = true;
    r->used[e]++;
}

static bool before_in_batch(const fixture *f, int64_t a, int64_t b)
{
    real best_score[2] = { -1, -1 };
    for (int e = 0; e < EXPERTS; e++) {
        best_score[0] =
            (real)fmax((double)best_score[0], (double)f->score[a / PICKS * EXPERTS + e]);
        best_score[1] =
            (real)fmax((double)best_score[1], (double)f->score[b / PICKS * EXPERTS + e]);
    }
    if (a % PICKS != b % PICKS) return a % PICKS < b % PICKS;
    return best_score[0] > best_score[1];
}

/* Visits the pairs of one sequence by looking for the next one again and again: slow and plain. */
static void apply_rules(rules *r, int64_t s, const bool *valid)
{
    const fixture *f = r->f;
    int64_t begin = f->start[s], end = f->start[s + 1], count = 0;
    for (int64_t t = begin; t < end; t++) count += valid[t];
    int64_t capacity = (int64_t)ceil((double)f->options.factor * PICKS * (double)count / EXPERTS);
    bool done[TOKENS * PICKS] = { false };
    memset(r->used, 0, sizeof r->used);
    for (int64_t turn = 0; turn < (end - begin) * PICKS; turn++) {
        int64_t next = -1;
        for (int64_t i = begin * PICKS; i < end * PICKS; i++) {
            if (done[i]) continue;
            if (next < 0) {
                next = i;
                continue;
            }
            if (f->options.priority == PRIORITY_CHOICE && i % PICKS < next % PICKS) next = i;
            if (f->options.priority == PRIORITY_BATCH && before_in_batch(f, i, next)) next = i;
            if (f->options.priority != PRIORITY_PROBABILITY || r->pick[i].id < 0) continue;
            if (r->pick[next].id < 0 || f->score[i / PICKS * EXPERTS + r->pick[i].id] >
                                            f->score[next / PICKS * EXPERTS + r->pick[next].id])
                next = i;
        }
        done[next] = true;
        visit(r, next, capacity);
    }
}

static void expect_rows_in_order(const plan *p)
{
    for (int32_t e = 0; e < p->experts; e++)
        for (int64_t r = p->first[e]; r < p->first[e + 1]; r++) {
            int32_t edge = p->row_edge[r];
            if (edge < 0) continue;
            assert_int_equal(p->edge_expert[edge].id, e);
            assert_int_equal(p->edge_row[edge], r);
            assert_int_equal(p->row_token[r], plan_token_of(p, edge));
            if (r > p->first[e] && p->row_edge[r - 1] >= 0)
                assert_true(p->row_token[r - 1] < p->row_token[r]);
        }
}

static void test_capacity_follows_the_rules(void **state)
{
    (void)state;
    static gexp pick[TOKENS * PICKS];
    static bool valid[TOKENS];
    static rules expected;
    for (uint64_t seed = 0; seed < 12; seed++) {
        fixture *f = make(SEQUENCES, TOKENS / 4);
        random_batch(f, seed, pick, valid);
        f->options = (dispatch_options){ .overflow = (dispatch_overflow)(1 + seed % 3),
            .priority = (dispatch_priority)(seed / 3),
            .factor = REAL_C(0.75) };
        run(f, 1 + (int)(seed % 3), TOKENS / 4, EXPERTS, PICKS, pick, valid);
        expected.f = f;
        memcpy(expected.pick, pick, sizeof pick);
        for (int64_t s = 0; s < SEQUENCES; s++) apply_rules(&expected, s, valid);
        int64_t losses = 0;
        for (int64_t i = 0; i < TOKENS / 4 * PICKS; i++) {
            if (pick[i].id < 0) continue;
            int64_t edge = edge_of(f, i);
            assert_int_equal(f->plan.edge_expert[edge].id, expected.pick[i].id);
            assert_int_equal(f->plan.edge_lost[edge].id, expected.lost[i].id);
            assert_int_equal(f->plan.edge_row[edge] >= 0, expected.kept[i]);
            losses += expected.lost[i].id >= 0;
        }
        assert_int_equal(f->plan.dropped + f->plan.rerouted, losses);
        assert_true(losses > 0);
        expect_rows_in_order(&f->plan);
        drop(f);
    }
}

static void test_without_a_limit_every_edge_has_a_row(void **state)
{
    (void)state;
    static gexp pick[TOKENS * PICKS];
    static bool valid[TOKENS];
    for (int threads = 1; threads <= 3; threads++) {
        fixture *f = make(1, TOKENS);
        random_batch(f, (uint64_t)threads, pick, valid);
        run(f, threads, TOKENS, EXPERTS, PICKS, pick, valid);
        int64_t picks = 0, load[EXPERTS] = { 0 };
        for (int64_t i = 0; i < TOKENS * PICKS; i++) {
            if (pick[i].id < 0) continue;
            assert_true(f->plan.edge_row[edge_of(f, i)] >= 0);
            picks++;
            load[pick[i].id]++;
        }
        assert_int_equal(f->plan.rows, picks);
        assert_memory_equal(f->plan.load, load, sizeof load);
        assert_memory_equal(f->plan.kept, load, sizeof load);
        assert_int_equal(f->plan.dropped, 0);
        expect_rows_in_order(&f->plan);
        drop(f);
    }
}

/* A layer whose experts are full in training alone uses one plan for both. */
static void test_losses_end_with_training(void **state)
{
    (void)state;
    fixture *f = batch_of_four(OVERFLOW_DROP, PRIORITY_CHOICE);
    dispatch_options evaluation = { .overflow = OVERFLOW_NONE };
    dispatch_scratch scratch;
    arena measured = { 0 };
    int64_t cursor = 0;
    plan_loss loss;
    expect_one_loss(f, 1, 1, 0, -1);
    dispatch_layout(&scratch, &measured, &f->options, 4, 1, 2, 4);
    arena laid;
    assert_true(arena_open(&laid, measured.used));
    dispatch_layout(&scratch, &laid, &f->options, 4, 1, 2, 4);
    dispatching d = { f->c, &evaluation, &f->batch, 2, f->score, f->score, &scratch };
    dispatch(&d, &f->plan);
    assert_int_equal(f->plan.rows, 8);
    assert_int_equal(f->plan.dropped, 0);
    assert_false(plan_next_loss(&f->plan, &cursor, &loss));
    arena_close(&laid);
    drop(f);
}

/* A sequence keeps its rows whatever stands beside it. */
static void test_sequences_do_not_compete(void **state)
{
    (void)state;
    static gexp pick[TOKENS * PICKS];
    static bool valid[TOKENS];
    fixture *all = make(2, 60), *own = make(1, 30);
    random_batch(all, 3, pick, valid);
    memcpy(own->score, all->score, sizeof all->score);
    all->options = own->options =
        (dispatch_options){ .overflow = OVERFLOW_DROP, .factor = REAL_C(0.5) };
    run(all, 1, 60, EXPERTS, PICKS, pick, valid);
    run(own, 1, 30, EXPERTS, PICKS, pick, valid);
    assert_int_equal(all->plan.token_start[30], own->plan.edges);
    for (int64_t i = 0; i < own->plan.edges; i++)
        assert_int_equal(all->plan.edge_row[i] >= 0, own->plan.edge_row[i] >= 0);
    drop(all), drop(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_priorities_of_the_worked_batch),
        cmocka_unit_test(test_rerouting_of_the_worked_batch),
        cmocka_unit_test(test_padding_fills_every_slot),
        cmocka_unit_test(test_capacity_counts_the_picks),
        cmocka_unit_test(test_capacity_follows_the_rules),
        cmocka_unit_test(test_without_a_limit_every_edge_has_a_row),
        cmocka_unit_test(test_losses_end_with_training),
        cmocka_unit_test(test_sequences_do_not_compete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* balanced_assignment_test.c - the sum of affinities is the largest that there is, by trying every
 * assignment of small problems; on larger ones no swap of two tokens and no move is better. */
#include "moe/balanced_assignment.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"

enum { TOKENS = 48, EXPERTS = 8 };

typedef struct problem {
    real affinity[TOKENS * EXPERTS];
    bool valid[TOKENS];
    int32_t expert[TOKENS];
    balanced_problem p;
} problem;

/* scratch of exactly the bytes that are asked for, so that a sanitizer sees one more */
static void assign(problem *q)
{
    void *scratch = mem_alloc(balanced_assignment_bytes(q->p.experts), 1);
    assert_non_null(scratch);
    q->p.affinity = q->affinity;
    for (int64_t t = 0; t < q->p.tokens; t++) q->expert[t] = 99;
    balanced_assign(&q->p, scratch, q->expert);
    mem_free(scratch);
}

/* Whole numbers among few, so that many assignments are equal; or full mantissas. */
static void draw(problem *q, uint64_t seed, bool equal)
{
    random_key key = random_key_of(seed, "assignment", 0, 0);
    for (int i = 0; i < TOKENS * EXPERTS; i++)
        q->affinity[i] = equal ? (real)(random_bits(key, (uint64_t)i) % 3)
                               : (real)(random_uniform(key, (uint64_t)i) * 2 - 1);
}

static double sum_of(const problem *q)
{
    double sum = 0;
    for (int64_t t = 0; t < q->p.tokens; t++)
        if (q->expert[t] >= 0) sum += (double)q->affinity[t * q->p.experts + q->expert[t]];
    return sum;
}

static void is_within_its_shares(const problem *q)
{
    int64_t used[EXPERTS] = { 0 };
    for (int64_t t = 0; t < q->p.tokens; t++) {
        bool valid = !q->p.valid || q->p.valid[t];
        if (!valid) assert_int_equal(q->expert[t], -1);
        else {
            assert_in_range(q->expert[t], 0, q->p.experts - 1);
            used[q->expert[t]]++;
        }
    }
    for (int32_t e = 0; e < q->p.experts; e++) assert_true(used[e] <= q->p.most);
}

/* The best sum of tokens t, t + 1 ... */
static double best_from(const problem *q, int64_t t, int64_t *used)
{
    double best = -INFINITY;
    if (t == q->p.tokens) return 0;
    if (q->p.valid && !q->p.valid[t]) return best_from(q, t + 1, used);
    for (int32_t e = 0; e < q->p.experts; e++) {
        if (used[e] == q->p.most) continue;
        used[e]++;
        best = fmax(best, (double)q->affinity[t * q->p.experts + e] + best_from(q, t + 1, used));
        used[e]--;
    }
    return best;
}

static void small_problems_are_solved_exactly(void **state)
{
    (void)state;
    static const balanced_problem sizes[] = { { .tokens = 1, .experts = 1, .most = 1 },
        { .tokens = 4, .experts = 4, .most = 1 }, { .tokens = 6, .experts = 3, .most = 2 },
        { .tokens = 7, .experts = 3, .most = 3 }, { .tokens = 6, .experts = 2, .most = 6 },
        { .tokens = 8, .experts = 4, .most = 2 }, { .tokens = 5, .experts = 5, .most = 2 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint64_t seed = 0; seed < 24; seed++) {
            problem q = { .p = sizes[i] };
            int64_t used[EXPERTS] = { 0 };
            draw(&q, 100 * i + seed, seed % 2);
            for (int t = 0; t < TOKENS; t++) q.valid[t] = (seed + (uint64_t)t) % 4 != 0;
            if (seed % 3 == 0) q.p.valid = q.valid;
            assign(&q);
            is_within_its_shares(&q);
            assert_true(fabs(sum_of(&q) - best_from(&q, 0, used)) < 1e-5);
        }
}

/* A token that every expert wants less than others still gets a place. */
static void nobody_is_left_out(void **state)
{
    (void)state;
    problem q = { .p = { .tokens = 6, .experts = 3, .most = 2 } };
    for (int t = 0; t < 6; t++)
        for (int e = 0; e < 3; e++) q.affinity[t * 3 + e] = (real)(e == 0 ? 10 - t : -5 * e);
    assign(&q);
    is_within_its_shares(&q);
    assert_int_equal(q.expert[0], 0);
    assert_int_equal(q.expert[1], 0);
}

static void no_swap_and_no_move_is_better(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        problem q = { .p = { .tokens = TOKENS, .experts = EXPERTS, .most = TOKENS / EXPERTS } };
        int64_t used[EXPERTS] = { 0 };
        draw(&q, seed, seed % 2);
        q.p.most += (int64_t)seed % 3;
        assign(&q);
        is_within_its_shares(&q);
        for (int t = 0; t < TOKENS; t++) used[q.expert[t]]++;
        for (int a = 0; a < TOKENS; a++) {
            const real *x = q.affinity + a * EXPERTS;
            for (int e = 0; e < EXPERTS; e++)
                assert_true(used[e] == q.p.most || x[e] <= x[q.expert[a]]);
            for (int b = 0; b < a; b++) {
                const real *y = q.affinity + b * EXPERTS;
                double now = (double)x[q.expert[a]] + (double)y[q.expert[b]];
                double other = (double)x[q.expert[b]] + (double)y[q.expert[a]];
                assert_true(other <= now + 1e-5);
            }
        }
    }
}

/* What is there already decides nothing, and the same problem has the same answer. */
static void the_answer_depends_on_the_problem_alone(void **state)
{
    (void)state;
    problem a = { .p = { .tokens = TOKENS, .experts = EXPERTS, .most = 6 } }, b;
    draw(&a, 5, true);
    b = a;
    assign(&a);
    memset(b.expert, 0, sizeof b.expert);
    assign(&b);
    assert_memory_equal(a.expert, b.expert, sizeof a.expert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_problems_are_solved_exactly),
        cmocka_unit_test(nobody_is_left_out),
        cmocka_unit_test(no_swap_and_no_move_is_better),
        cmocka_unit_test(the_answer_depends_on_the_problem_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* experts_test.c - the experts' arithmetic on rows that stand anywhere: whoever holds an expert,
 * and whichever tokens it is given beside each other, a row's numbers are the same. */
#include "kernel/context.h"
#include "moe/experts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/gradient.h"

enum { T = 9, E = 4, D = 6, H = 700, ROWS = 2 * T };

/* A layer's experts, and one pass over some of them. */
typedef struct layer {
    compute *c;
    real x[T * D], dy[T * D], gate[E][H * D], up[E][H * D], down[E][D * H];
} layer;

/* Rows that a rank has: of some experts, with the tokens where they stand in its own x. */
typedef struct held {
    int32_t experts;
    gexp expert[E];
    int64_t first[E + 1], place[ROWS];
    int32_t token[ROWS], pair[ROWS]; /* pair: token * 2 + which of its two experts */
    real x[ROWS * D], dy[ROWS * D];
} held;

/* What a pass made of each pair of a token and one of its experts. */
typedef struct made {
    real out[ROWS][D], dx[ROWS][D], act[ROWS][H];
} made;

static int32_t expert_of(int32_t pair) { return (pair / 2 * 3 + pair % 2 * 2) % E; }

static void layer_fill(layer *l)
{
    gradient_fill(l->x, T * D, 1, 1);
    gradient_fill(l->dy, T * D, 2, 1);
    gradient_fill(&l->gate[0][0], E * H * D, 3, 1);
    gradient_fill(&l->up[0][0], E * H * D, 4, 1);
    gradient_fill(&l->down[0][0], E * D * H, 5, 1);
}

/* All experts, and x as it is. */
static held hold_all(const layer *l)
{
    held h = { .experts = E };
    int64_t rows = 0;
    for (int32_t e = 0; e < E; e++) {
        h.expert[e].id = e;
        for (int32_t pair = 0; pair < ROWS; pair++)
            if (expert_of(pair) == e) h.pair[rows] = pair, h.token[rows++] = pair / 2;
        h.first[e + 1] = rows;
    }
    memcpy(h.x, l->x, sizeof l->x);
    memcpy(h.dy, l->dy, sizeof l->dy);
    return h;
}

/* Two of the experts, the later first; their rows were sent here one by one. */
static held hold_two(const layer *l, int32_t later, int32_t earlier)
{
    held h = { .experts = 2, .expert = { { later }, { earlier } } };
    int64_t rows = 0;
    for (int i = 0; i < 2; i++) {
        for (int32_t pair = 0; pair < ROWS; pair++) {
            if (expert_of(pair) != h.expert[i].id) continue;
            memcpy(h.x + rows * D, l->x + pair / 2 * D, D * sizeof(real));
            memcpy(h.dy + rows * D, l->dy + pair / 2 * D, D * sizeof(real));
            h.pair[rows] = pair;
            h.place[rows] = 100 + pair / 2;
            h.token[rows] = (int32_t)rows;
            rows++;
        }
        h.first[i + 1] = rows;
    }
    return h;
}

static weight view(const void *const *pointers, int experts, int64_t rows, int64_t cols)
{
    return (weight){
        .rows = rows, .cols = cols, .stride = cols, .experts = experts, .expert = pointers
    };
}

static void run(layer *l, const held *h, bool sent, made *m)
{
    static real pre[ROWS * 2 * H], act[ROWS * H], out[ROWS * D], dx[ROWS * D];
    static real dgate[E][H * D], dup[E][H * D], ddown[E][D * H];
    const void *gate[E], *up[E], *down[E];
    real *g[E], *u[E], *d[E];
    gemm_group group[2 * E];
    int32_t wanted[E];
    for (int i = 0; i < h->experts; i++) {
        gate[i] = l->gate[h->expert[i].id], up[i] = l->up[h->expert[i].id];
        down[i] = l->down[h->expert[i].id];
        g[i] = dgate[i], u[i] = dup[i], d[i] = ddown[i];
    }
    expert_weights w = { .gate = view(gate, h->experts, H, D),
        .up = view(up, h->experts, H, D),
        .down = view(down, h->experts, D, H) };
    expert_gradients into = { .gate = g, .up = u, .down = d };
    expert_pass p = { .compute = l->c,
        .weights = &w,
        .form = row_activation_by_name(l->c->variant->rows, "swiglu"),
        .limit = REAL_INF,
        .width = D,
        .hidden = H,
        .rows = { .experts = h->experts, .first = h->first, .token = h->token },
        .dropout = { .chance = 0.3,
            .key = random_key_of(5, "expert dropout", 1, 2),
            .experts = E,
            .expert = sent ? h->expert : NULL,
            .first_token = 100,
            .token = sent ? h->place : NULL },
        .pre = pre,
        .act = act,
        .group = group,
        .wanted = wanted };
    assert_int_equal(experts_forward(&p, h->x, out), CADRE_OK);
    for (int64_t r = 0; r < h->first[h->experts]; r++)
        memcpy(m->act[h->pair[r]], act + r * H, H * sizeof(real));
    experts_backward(&p, h->x, h->dy, &into, NULL, dx, false);
    for (int64_t r = 0; r < h->first[h->experts]; r++) {
        memcpy(m->out[h->pair[r]], out + r * D, D * sizeof(real));
        memcpy(m->dx[h->pair[r]], dx + r * D, D * sizeof(real));
    }
}

/* Trap: dropout drawn by an expert's number on its rank, or by a row's place in what was sent. */
static void test_who_holds_an_expert_changes_nothing(void **state)
{
    static layer l;
    static made all, parts;
    (void)state;
    layer_fill(&l);
    assert_int_equal(compute_new(2, NULL, &l.c), CADRE_OK);
    held whole = hold_all(&l), even = hold_two(&l, 2, 0), odd = hold_two(&l, 3, 1);
    run(&l, &whole, false, &all);
    run(&l, &even, true, &parts);
    run(&l, &odd, true, &parts);
    assert_memory_equal(parts.act, all.act, sizeof all.act);
    assert_memory_equal(parts.out, all.out, sizeof all.out);
    assert_memory_equal(parts.dx, all.dx, sizeof all.dx);
    compute_free(l.c);
}

/* About the chance of them, another set for every token and expert. */
static void test_dropout_is_by_token_expert_and_unit(void **state)
{
    static layer l;
    static made m;
    (void)state;
    layer_fill(&l);
    assert_int_equal(compute_new(1, NULL, &l.c), CADRE_OK);
    held whole = hold_all(&l);
    run(&l, &whole, false, &m);
    int dropped = 0, alike = 0;
    for (int p = 0; p < ROWS; p++)
        for (int i = 0; i < H; i++) {
            dropped += m.act[p][i] == 0;
            alike += (m.act[p][i] == 0) == (m.act[(p + 1) % ROWS][i] == 0);
        }
    assert_true(dropped > 0.27 * ROWS * H && dropped < 0.33 * ROWS * H);
    assert_true(alike > 0.54 * ROWS * H && alike < 0.62 * ROWS * H); /* 0.7^2 + 0.3^2 */
    compute_free(l.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_holds_an_expert_changes_nothing),
        cmocka_unit_test(test_dropout_is_by_token_expert_and_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

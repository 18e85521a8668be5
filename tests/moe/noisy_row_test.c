/* noisy_row_test.c - noise, load and their gradients, against the formula in double and its
 * differences: with noise and without, for members that were picked and those that were not. */
#include "moe/noisy_row.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "moe/select.h"
#include "support/gradient.h" /* and so runs in double too */

enum { COUNT = 6, PICKS = 2 };

static const double noise_floor = 0.01;

typedef struct row {
    double z[COUNT], n[COUNT], eps[COUNT];
    bool noisy;
} row;

static double sigma_of(const row *r, int e) { return log1p(exp(r->n[e])) + noise_floor; }

static double logit_of(const row *r, int e)
{
    return r->z[e] + (r->noisy ? r->eps[e] * sigma_of(r, e) : 0);
}

static double load_of(const row *r, int against, int e)
{
    double x = (r->z[e] - logit_of(r, against)) / sigma_of(r, e);
    return 0.5 * erfc(-x / sqrt(2));
}

typedef struct case_of {
    row r;
    real z[COUNT], n[COUNT], eps[COUNT];
    noisy_row given;
    gexp pick[COUNT];
    noisy_threshold threshold;
} case_of;

static void draw(case_of *c, uint64_t seed, bool noisy)
{
    random_key key = random_key_of(seed, "noisy row", 0, 0);
    real h[COUNT];
    for (int e = 0; e < COUNT; e++) {
        c->z[e] = (real)random_normal(key, (uint64_t)e);
        c->n[e] = (real)random_normal(key, (uint64_t)(100 + e));
        c->eps[e] = (real)random_normal(key, (uint64_t)(200 + e));
        c->r.z[e] = (double)c->z[e], c->r.n[e] = (double)c->n[e], c->r.eps[e] = (double)c->eps[e];
    }
    c->r.noisy = noisy;
    c->given = (noisy_row){ .count = COUNT,
        .z = c->z,
        .n = c->n,
        .eps = noisy ? c->eps : NULL,
        .floor = (real)noise_floor };
    for (int e = 0; e < COUNT; e++) h[e] = noisy_logit(&c->given, e);
    select_topk(COUNT, h, PICKS, c->pick);
    c->threshold = noisy_threshold_of(&c->given, c->pick[PICKS - 1].id);
}

static bool is_picked(const case_of *c, int e) { return c->pick[0].id == e || c->pick[1].id == e; }

/* The member whose logit a member has to beat under fresh noise. */
static int against(const case_of *c, int e)
{
    int best = -1;
    if (!is_picked(c, e)) return c->pick[PICKS - 1].id;
    for (int i = 0; i < COUNT; i++)
        if (!is_picked(c, i) && (best < 0 || logit_of(&c->r, i) > logit_of(&c->r, best))) best = i;
    return best;
}

static void near(double found, double expected, double within)
{
    if (!(fabs(found - expected) <= within)) fail_msg("%.9g, expected %.9g", found, expected);
}

static void loads_are_those_of_the_formula(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        case_of c;
        draw(&c, seed, seed % 2);
        for (int e = 0; e < COUNT; e++) {
            near((double)noisy_logit(&c.given, e), logit_of(&c.r, e), 1e-5);
            near((double)noisy_load(&c.given, c.threshold, e), load_of(&c.r, against(&c, e), e),
                1e-5);
        }
        near((double)c.threshold.last, c.pick[PICKS - 1].id, 0);
        near((double)c.threshold.next, against(&c, c.pick[0].id), 0);
    }
}

/* d/dz and d/dn of one load, by every member's numbers. */
static void gradients_are_those_of_the_formula(void **state)
{
    (void)state;
    const double step = 1e-5;
    for (uint64_t seed = 0; seed < 20; seed++)
        for (int e = 0; e < COUNT; e++) {
            case_of c;
            real dz[COUNT] = { 0 }, dn[COUNT] = { 0 };
            draw(&c, 1000 + seed, seed % 2);
            int other = against(&c, e);
            noisy_load_backward(&c.given, c.threshold, e, 3, dz, dn);
            for (int i = 0; i < COUNT; i++) {
                row up = c.r, down = c.r;
                up.z[i] += step, down.z[i] -= step;
                double slope = (load_of(&up, other, e) - load_of(&down, other, e)) / (2 * step);
                near((double)dz[i], 3 * slope, 1e-4);
                up = down = c.r;
                up.n[i] += step, down.n[i] -= step;
                slope = (load_of(&up, other, e) - load_of(&down, other, e)) / (2 * step);
                near((double)dn[i], 3 * slope, 1e-4);
            }
        }
}

static void a_logits_gradient_goes_to_its_noise(void **state)
{
    (void)state;
    const double step = 1e-5;
    for (uint64_t seed = 0; seed < 20; seed++) {
        case_of c;
        draw(&c, 2000 + seed, true);
        for (int e = 0; e < COUNT; e++) {
            real dn[COUNT] = { 0 };
            row up = c.r, down = c.r;
            up.n[e] += step, down.n[e] -= step;
            noisy_logit_backward(&c.given, e, 2, dn);
            near((double)dn[e], 2 * (logit_of(&up, e) - logit_of(&down, e)) / (2 * step), 1e-4);
            for (int i = 0; i < COUNT; i++) assert_true(i == e || dn[i] == 0);
        }
    }
}

static void where_all_are_picked_each_is_certain(void **state)
{
    (void)state;
    case_of c;
    real dz[COUNT] = { 0 }, dn[COUNT] = { 0 };
    draw(&c, 7, true);
    c.given.count = 1;
    noisy_threshold t = noisy_threshold_of(&c.given, 0);
    assert_int_equal(t.next, -1);
    assert_true(noisy_load(&c.given, t, 0) == 1);
    noisy_load_backward(&c.given, t, 0, 1, dz, dn);
    for (int i = 0; i < COUNT; i++) assert_true(dz[i] == 0 && dn[i] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_are_those_of_the_formula),
        cmocka_unit_test(gradients_are_those_of_the_formula),
        cmocka_unit_test(a_logits_gradient_goes_to_its_noise),
        cmocka_unit_test(where_all_are_picked_each_is_certain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

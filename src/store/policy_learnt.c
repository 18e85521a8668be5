/* policy_learnt.c - learns, while it runs, the chance p that an expert is used when its layer is
 * visited next, and keeps the experts that will probably be used first.
 *
 *     p = sigmoid(w . f)      f: logarithms of its recent frequency, with four half-lives, and of
 *                             the visits since it was last used; 1
 *
 * All experts share one w, which is learnt by logistic regression with adaptive step sizes
 * (AdaGrad): at every visit of a layer, each of its experts is an example, used or not. The expert
 * that is evicted is the one with the longest expected time to its next use: the time until its
 * layer is visited, and then 1 / p - 1 passes through all layers. */
#include <math.h>

#include "store/policy_row.h"

enum { RATES = 4, SINCE = RATES, CHANCE, ARRAYS, FEATURES = RATES + 2 };

static const double half_life[RATES] = { 2, 8, 32, 128 };
static const double STEP = 0.05, LEAST = 1e-3;

static void features_of(const policy *p, int32_t expert, double *f)
{
    for (int i = 0; i < RATES; i++) f[i] = log(p->array[i][expert] + LEAST);
    f[SINCE] = log1p(p->array[SINCE][expert]);
    f[FEATURES - 1] = 1;
}

static double chance_of(const policy *p, const double *f)
{
    double z = 0;
    for (int i = 0; i < FEATURES; i++) z += p->weight[i] * f[i];
    return 1 / (1 + exp(-z));
}

/* Takes one step of gradient descent on the errors of the chances predicted for this visit. */
static void learn(policy *p, int32_t first, int32_t count, const int32_t *rows)
{
    double gradient[FEATURES] = { 0 }, f[FEATURES];
    int32_t used = 1;
    for (int32_t e = 0; e < count; e++) {
        features_of(p, first + e, f);
        double error = p->array[CHANCE][first + e] - (rows[e] > 0);
        used += rows[e] > 0;
        for (int i = 0; i < FEATURES; i++) gradient[i] += error * f[i];
    }
    for (int i = 0; i < FEATURES; i++) {
        gradient[i] /= used;
        p->square[i] += gradient[i] * gradient[i];
        if (p->square[i] > 0) p->weight[i] -= STEP * gradient[i] / sqrt(p->square[i] + 0.01);
    }
}

/* Sets w for the time before any examples have come. */
static void begin(policy *p) { p->weight[1] = p->weight[2] = 0.5; }

static void update(policy *p, int32_t expert, double use)
{
    for (int i = 0; i < RATES; i++) {
        double keep = exp2(-1 / half_life[i]);
        p->array[i][expert] = keep * p->array[i][expert] + (1 - keep) * use;
    }
    p->array[SINCE][expert] = use > 0 ? 0 : p->array[SINCE][expert] + 1;
}

static void visit(policy *p, int64_t layer, const int32_t *rows, int64_t tokens)
{
    int32_t first = p->shape.first[layer], count = p->shape.first[layer + 1] - first;
    double f[FEATURES];
    (void)tokens;
    if (p->visits == 1) begin(p);
    if (p->array[CHANCE][first] > 0) learn(p, first, count, rows);
    for (int32_t e = 0; e < count; e++) {
        update(p, first + e, rows[e] > 0);
        features_of(p, first + e, f);
        p->array[CHANCE][first + e] = chance_of(p, f);
    }
}

static void expect(policy *p, int32_t expert, double chance)
{
    double f[FEATURES];
    begin(p);
    for (int i = 0; i < RATES; i++) p->array[i][expert] = chance;
    p->array[SINCE][expert] = fmin(1 / fmax(chance, LEAST) - 1, half_life[RATES - 1]);
    features_of(p, expert, f);
    p->array[CHANCE][expert] = chance_of(p, f);
}

static int64_t layer_of(const policy *p, int32_t expert)
{
    int64_t l = 0, end = p->shape.layers;
    while (end - l > 1) {
        int64_t middle = (l + end) / 2;
        if (p->shape.first[middle] <= expert) l = middle;
        else end = middle;
    }
    return l;
}

static double worth(const policy *p, int32_t expert)
{
    double chance = p->array[CHANCE][expert];
    int64_t layers = p->shape.layers,
            ahead = (layer_of(p, expert) - p->layer - 1 + layers) % layers;
    return -((double)ahead / (double)layers + 1 / fmax(chance, 1e-9));
}

const policy_row policy_learnt = { "learnt",
    "waits longest, by a chance of use that is learnt while it runs", ARRAYS, visit, worth,
    expect };

/* estimators_test.c - the estimators of the router's gradient. Each bends the gradient by intent:
 * it is that of another function, a surrogate, in which some numbers are held still. In a build
 * with REAL=double, the layer's gradients are compared with central differences of the surrogate,
 * which is computed here by plain loops:
 *
 *     router             y = sum over the picks of w E(x)
 *     straight-through   y = sum of w E(x (1 + w - w')), where w' is w held still
 *     dense              y = sum of w E(x) + sum over the others of u E'(x'), where u is p, or p
 *                        over the picks' sum held still, and E'(x') are outputs held still
 *     sparsemixer        y = sum of (w' + g (p - p')) E(x): g is 1, or 2 with one pick
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/real.h"
#include "cadre.h"
#include "support/gradient.h" /* and so runs in double too */
#include "support/succeeds.h"

enum { WIDTH = 5, HIDDEN = 4, EXPERTS = 6, TOKENS = 9, PICKS = 2 };

typedef struct kind {
    const char *router, *estimator;
    int32_t topk;
    bool renormalised; /* weights are p over the sum of the picks' */
    double sampled;    /* g; 0: the router does not sample */
} kind;

static const kind kinds[] = {
    { "softmax", "router", 2, false, 0 },
    { "softmax-renorm", "router", 2, true, 0 },
    { "softmax", "straight-through", 2, false, 0 },
    { "softmax-renorm", "straight-through", 1, true, 0 },
    { "topk-softmax", "straight-through", 2, true, 0 },
    { "softmax", "dense", 1, false, 0 },
    { "softmax-renorm", "dense", 2, true, 0 },
    { "sparsemixer", "sparsemixer", 2, false, 1 },
    { "sparsemixer-1", "sparsemixer", 1, false, 2 },
    { "sparsemixer", "straight-through", 2, false, 1 },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The numbers that the layer's output follows from. */
typedef struct numbers {
    double x[TOKENS * WIDTH], router[EXPERTS][WIDTH], omega[WIDTH];
    double gate[EXPERTS][HIDDEN][WIDTH], down[EXPERTS][WIDTH][HIDDEN];
} numbers;

typedef struct layer {
    const kind *kind;
    cadre_context *context;
    cadre_options *options;
    cadre_moe *moe;
    numbers now, still; /* as they vary, and as the layer was run */
    int32_t picks[TOKENS], pick[TOKENS][PICKS];
    double weight[TOKENS][PICKS], probability[TOKENS][PICKS], sum[TOKENS]; /* held still */
    cadre_real x[TOKENS * WIDTH], y[TOKENS * WIDTH], dy[TOKENS * WIDTH], dx[TOKENS * WIDTH];
} layer;

/* ---- the surrogate ---- */

static void expert_output(const numbers *n, int32_t e, const double *x, double scale, double *out)
{
    double act[HIDDEN];
    for (int h = 0; h < HIDDEN; h++) {
        double sum = 0;
        for (int i = 0; i < WIDTH; i++) sum += n->gate[e][h][i] * x[i] * scale;
        act[h] = sum / 2 * (1 + erf(sum / sqrt(2)));
    }
    for (int i = 0; i < WIDTH; i++) {
        out[i] = 0;
        for (int h = 0; h < HIDDEN; h++) out[i] += n->down[e][i][h] * act[h];
    }
}

/* p [E] of a token among the experts that were not among its first `taken` picks. */
static void probabilities(const layer *l, const numbers *n, int t, int taken, double *p)
{
    double most = -INFINITY, sum = 0;
    for (int e = 0; e < EXPERTS; e++) {
        bool out = false;
        for (int k = 0; k < taken; k++) out |= l->pick[t][k] == e;
        p[e] = out ? -INFINITY : 0;
        for (int i = 0; i < WIDTH && !out; i++) p[e] += n->router[e][i] * n->x[t * WIDTH + i];
        most = fmax(most, p[e]);
    }
    for (int e = 0; e < EXPERTS; e++) sum += p[e] = exp(p[e] - most);
    for (int e = 0; e < EXPERTS; e++) p[e] /= sum;
}

static double picked_sum(const layer *l, int t, const double *p)
{
    double sum = 0;
    for (int k = 0; k < l->picks[t]; k++) sum += p[l->pick[t][k]];
    return sum;
}

/* The weight of pick k as a function of what varies. */
static double weight_of(const layer *l, int t, int k)
{
    double p[EXPERTS];
    probabilities(l, &l->now, t, l->kind->sampled > 0 ? k : 0, p);
    double own = p[l->pick[t][k]];
    if (l->kind->sampled > 0)
        return l->weight[t][k] + l->kind->sampled * (own - l->probability[t][k]);
    return l->kind->renormalised ? own / picked_sum(l, t, p) : own;
}

static void add_unpicked(const layer *l, int t, double *y)
{
    double p[EXPERTS], out[WIDTH];
    probabilities(l, &l->now, t, 0, p);
    for (int e = 0; e < EXPERTS; e++) {
        bool picked = false;
        for (int k = 0; k < l->picks[t]; k++) picked |= l->pick[t][k] == e;
        if (picked) continue;
        expert_output(&l->still, e, l->still.x + t * WIDTH, 1, out);
        double u = l->kind->renormalised ? p[e] / l->sum[t] : p[e];
        for (int i = 0; i < WIDTH; i++) y[i] += u * out[i];
    }
}

/* sum of dy y */
static double surrogate(const layer *l)
{
    double sum = 0;
    bool through = !strcmp(l->kind->estimator, "straight-through");
    for (int t = 0; t < TOKENS; t++) {
        double y[WIDTH] = { 0 }, out[WIDTH];
        for (int k = 0; k < l->picks[t]; k++) {
            double w = weight_of(l, t, k);
            double scale = through ? 1 + w - l->weight[t][k] : 1;
            expert_output(&l->now, l->pick[t][k], l->now.x + t * WIDTH, scale, out);
            for (int i = 0; i < WIDTH; i++) y[i] += w * out[i];
        }
        if (!strcmp(l->kind->estimator, "dense")) add_unpicked(l, t, y);
        for (int i = 0; i < WIDTH; i++)
            sum += (double)l->dy[t * WIDTH + i] * y[i] * l->now.omega[i];
    }
    return sum;
}

/* ---- the layer ---- */

static void fill(cadre_real *x, int64_t count, const char *name, double deviation)
{
    random_key key = random_key_of(11, name, 0, 0);
    for (int64_t i = 0; i < count; i++)
        x[i] = (cadre_real)(deviation * random_normal(key, (uint64_t)i));
}

/* Where the parameter stands among the numbers; NULL: it is none of them. */
static double *place_of(numbers *n, const cadre_moe_parameter *p)
{
    if (!strcmp(p->name, "router.weight")) return n->router[0];
    if (!strcmp(p->name, "router.omega")) return n->omega;
    if (!strcmp(p->name, "experts.gate")) return n->gate[p->expert][0];
    return !strcmp(p->name, "experts.down") ? n->down[p->expert][0] : NULL;
}

static void fill_parameters(layer *l)
{
    for (int64_t i = 0; i < cadre_moe_parameters(l->moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(l->moe, i);
        char name[96];
        snprintf(name, sizeof name, "%s %d", p.name, p.expert);
        fill(p.values, p.rows * p.cols, name, 0.7);
        double *place = place_of(&l->now, &p);
        assert_non_null(place);
        for (int64_t j = 0; j < p.rows * p.cols; j++) place[j] = (double)p.values[j];
    }
}

static void open_layer(layer *l, const kind *k)
{
    const cadre_option_table tables[] = { cadre_layer_options(), cadre_routing_options() };
    *l = (layer){ .kind = k };
    cadre_moe_shape shape = { .size = sizeof shape,
        .width = WIDTH,
        .hidden = HIDDEN,
        .experts = EXPERTS,
        .topk = k->topk,
        .router = k->router,
        .form = "gelu",
        .tokens = TOKENS,
        .sequences = 1 };
    succeeds(cadre_options_new(tables, 2, &l->options));
    succeeds(cadre_options_set(l->options, "estimator", k->estimator));
    /* So far from the best no expert is that it could not be sampled. */
    if (k->sampled > 0) succeeds(cadre_options_set(l->options, "sparsemixer-epsilon", "10"));
    succeeds(cadre_context_new(1, NULL, &l->context));
    succeeds(cadre_moe_new(l->context, &shape, l->options, 3, &l->moe));
    for (int i = 0; i < WIDTH; i++) l->now.omega[i] = 1;
    fill_parameters(l);
    fill(l->x, TOKENS * WIDTH, "x", 1), fill(l->dy, TOKENS * WIDTH, "dy", 1);
    for (int i = 0; i < TOKENS * WIDTH; i++) l->now.x[i] = (double)l->x[i];
}

static void close_layer(layer *l)
{
    cadre_moe_free(l->moe);
    cadre_options_free(l->options);
    cadre_context_free(l->context);
}

/* Runs the layer and keeps what the surrogate holds still. */
static void run(layer *l)
{
    const cadre_moe_batch batch = { .tokens = TOKENS, .train = true };
    cadre_moe_step_begin(l->moe, 0, 1, TOKENS);
    succeeds(cadre_moe_forward(l->moe, &batch, l->x, l->y));
    cadre_moe_routes routes = cadre_moe_routes_get(l->moe);
    l->still = l->now;
    for (int t = 0; t < TOKENS; t++) {
        double p[EXPERTS];
        l->picks[t] = (int32_t)(routes.start[t + 1] - routes.start[t]);
        for (int k = 0; k < l->picks[t]; k++) {
            l->pick[t][k] = routes.expert[routes.start[t] + k];
            l->weight[t][k] = (double)routes.weight[routes.start[t] + k];
            probabilities(l, &l->still, t, k, p);
            l->probability[t][k] = p[l->pick[t][k]];
        }
        probabilities(l, &l->still, t, 0, p);
        l->sum[t] = picked_sum(l, t, p);
    }
    succeeds(cadre_moe_backward(l->moe, l->dy, l->dx));
}

/* ---- comparisons ---- */

static void check(layer *l, const char *name, double *at, const cadre_real *d, int64_t count)
{
    const double step = 1e-6;
    double most = 1e-3, worst = 0;
    for (int64_t i = 0; i < count; i++) {
        double own = at[i];
        at[i] = own + step;
        double up = surrogate(l);
        at[i] = own - step;
        double down = surrogate(l);
        at[i] = own;
        double expected = (up - down) / (2 * step);
        most = fmax(most, fabs(expected));
        worst = fmax(worst, fabs((double)d[i] - expected));
    }
    if (worst > 1e-6 * most)
        fail_msg(
            "%s by %s, %s: %.3g of %.3g", l->kind->router, l->kind->estimator, name, worst, most);
}

static void gradients_are_those_of_surrogates(void **state)
{
    (void)state;
    if (!REAL_IS_DOUBLE) skip();
    for (int i = 0; i < KINDS; i++) {
        layer *l = malloc(sizeof *l);
        assert_non_null(l);
        open_layer(l, &kinds[i]);
        run(l);
        for (int64_t j = 0; j < cadre_moe_parameters(l->moe); j++) {
            cadre_moe_parameter p = cadre_moe_parameter_at(l->moe, j);
            check(l, p.name, place_of(&l->now, &p), p.gradient, p.rows * p.cols);
        }
        check(l, "x", l->now.x, l->dx, TOKENS * WIDTH);
        close_layer(l);
        free(l);
    }
}

static void every_estimator_is_among_the_kinds(void **state)
{
    (void)state;
    const cadre_option_table table = cadre_routing_options();
    const char *word;
    for (int i = 0; i < table.count; i++) {
        if (strcmp(table.rows[i].name, "estimator") != 0) continue;
        for (int k = 0; (word = cadre_option_choice(&table.rows[i], k)); k++) {
            bool found = false;
            for (int j = 0; j < KINDS; j++) found |= !strcmp(kinds[j].estimator, word);
            if (!found) fail_msg("estimator %s: what is its surrogate?", word);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_estimator_is_among_the_kinds),
        cmocka_unit_test(gradients_are_those_of_surrogates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

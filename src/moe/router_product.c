/* router_product.c - experts are the points of a grid n1 x n2 x ...; one small softmax for each
 * dimension, and an expert's probability is the product of its coordinates': hivemind's product
 * keys. The sum of the coordinates' logits is the expert's logit, so that a softmax over all of
 * them is that product. Coordinates that a mask leaves out lead to no expert. */
#include "moe/routing.h"
#include "moe/select.h"

enum { MASK }; /* [sum of n] a state: 0 leaves a coordinate out */

/* The sizes of the grid. Where none is given it has two dimensions, as near to a square as the
 * number of experts allows. */
typedef struct grid {
    int32_t size[ROUTER_MAX_GRID], dimensions;
    int64_t coordinates; /* the sum of the sizes */
} grid;

static grid grid_of(const router_options *o, int32_t experts)
{
    grid g = { .dimensions = o->dimensions ? o->dimensions : 2 };
    int32_t side = 1;
    for (int32_t n = 1; n * n <= experts; n++)
        if (experts % n == 0) side = n;
    for (int32_t i = 0; i < g.dimensions; i++) {
        g.size[i] = o->dimensions ? o->grid[i] : i ? experts / side : side;
        g.coordinates += g.size[i];
    }
    return g;
}

/* Own buffers: the coordinates' logits [T, sum of n]; backward: their gradients. */
static int64_t own(const router_options *o, int64_t tokens, int64_t width, int32_t experts)
{
    (void)width;
    return tokens * grid_of(o, experts).coordinates;
}

/* at[i]: where the coordinate of dimension i stands for expert e; ids are row-major. */
static void coordinates(const grid *g, int32_t e, int64_t *at)
{
    int64_t first = g->coordinates;
    for (int32_t i = g->dimensions - 1; i >= 0; i--) {
        first -= g->size[i];
        at[i] = first + e % g->size[i];
        e /= g->size[i];
    }
}

static void project(routing *r)
{
    grid g = grid_of(r->options, r->plan->experts);
    int64_t wide = g.coordinates, experts = r->plan->experts, at[ROUTER_MAX_GRID];
    const real *mask = r->weights->own[MASK];
    real *logits = r->state->own;
    routing_multiply(r, routing_input(r), &r->weights->matrix, r->weights->bias, logits, false);
    for (int32_t e = 0; e < experts; e++) {
        coordinates(&g, e, at);
        for (int64_t t = 0; t < r->plan->tokens; t++) {
            real sum = 0;
            for (int32_t i = 0; i < g.dimensions; i++)
                sum += mask[at[i]] == 0 ? -REAL_INF : logits[t * wide + at[i]];
            r->state->logits[t * experts + e] = sum;
        }
    }
}

static void project_backward(
    routing *r, const real *dlogits, router_gradients *g, bool accumulate, real *dx)
{
    grid by = grid_of(r->options, r->plan->experts);
    int64_t wide = by.coordinates, experts = r->plan->experts, at[ROUTER_MAX_GRID];
    real *d = r->state->own;
    memset(d, 0, (size_t)(r->plan->tokens * wide) * sizeof(real));
    for (int32_t e = 0; e < experts; e++) {
        coordinates(&by, e, at);
        for (int64_t t = 0; t < r->plan->tokens; t++)
            for (int32_t i = 0; i < by.dimensions; i++)
                d[t * wide + at[i]] += dlogits[t * experts + e];
    }
    routing_matrix_backward(r, d, g, accumulate, dx);
}

static int64_t matrix_rows(const router_options *o, int32_t experts)
{
    return grid_of(o, experts).coordinates;
}

static int parameters(
    const router_options *o, int64_t width, int32_t experts, router_parameter *list)
{
    (void)width;
    list[MASK] = (router_parameter){ "router.mask", 0, 0, grid_of(o, experts).coordinates, false,
        true, START_VALUE, 1 };
    return 1;
}

static void score(const router_token *t)
{
    score_softmax(t);
    memcpy(t->key, t->logits, (size_t)t->experts * sizeof(real));
}

const router router_product = {
    .name = "product",
    .help = "experts lie on a grid; a score is the product of one softmax for each dimension; the "
            "k largest are chosen (hivemind)",
    .options = (const char *const[]){ "grid", "renormalise", "norm-eps", "survivors", NULL },
    .matrix_rows = matrix_rows,
    .parameters = parameters,
    .own = own,
    .project = project,
    .project_backward = project_backward,
    .assign = assign_by_token,
    .score = score,
    .weigh = weigh_by_renormalise,
    .backward = backward_by_renormalise,
};

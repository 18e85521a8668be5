/* router_speed.c - what a router costs: the time of a sparse layer's forward and backward pass with
 * it, divided by the time with router softmax and as many picks.
 *
 *     cc -O2 -o router_speed router_speed.c $(pkg-config --cflags --libs cadre) -lm
 *     ./router_speed [TOKENS [NAME]]     default: 1024 tokens and every router
 *
 * The time is that of the processor, in one thread. The two layers take turns, so that other
 * programs on the machine disturb both alike. The best times of a round give a ratio, and the
 * median over the rounds is printed. Experts dominate the time, and a router that gives a token
 * more of them costs more; therefore the number of picks is printed too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cadre.h>

enum { WIDTH = 256, HIDDEN = 256, EXPERTS = 16, VOCABULARY = 1000, ROUNDS = 5, TURNS = 4 };

typedef struct row {
    const char *name, *router;
    int32_t topk;
    const char *options[4]; /* name, value, ... */
} row;

static const row rows[] = {
    { "softmax", "softmax", 2, { NULL } },
    { "softmax-renorm", "softmax-renorm", 2, { NULL } },
    { "topk-softmax", "topk-softmax", 2, { NULL } },
    { "sigmoid-bias", "sigmoid-bias", 2, { NULL } },
    { "sigmoid-bias-raw", "sigmoid-bias-raw", 2, { NULL } },
    { "sqrtsoftplus-bias", "sqrtsoftplus-bias", 2, { NULL } },
    { "softmax-bias", "softmax-bias", 2, { NULL } },
    { "noisy-topk", "noisy-topk", 2, { NULL } },
    { "top-p", "top-p", 2, { "top-p", "0.4" } },
    { "expert-choice", "expert-choice", 2, { "capacity-factor", "2" } },
    { "hash", "hash", 2, { NULL } },
    { "hash-next", "hash-next", 2, { NULL } },
    { "multi-hash", "multi-hash", 2, { NULL } },
    { "base", "base", 1, { NULL } },
    { "sinkhorn", "sinkhorn", 2, { NULL } },
    { "relu", "relu", 2, { NULL } },
    { "sparsemixer", "sparsemixer", 2, { NULL } },
    { "sparsemixer-1", "sparsemixer-1", 1, { NULL } },
    { "sigmoid-input", "sigmoid-input", 1, { NULL } },
    { "cosine", "cosine", 2, { "projector", "64" } },
    { "product", "product", 2, { "grid", "4,4" } },
    { "quantile", "quantile", 2, { NULL } },
    { "threshold", "threshold", 2, { NULL } },
    { "dense", "dense", 2, { NULL } },
    { "hierarchical", "hierarchical", 1, { "groups", "4", "groups-used", "2" } },
    { "soft", "soft", 2, { "slots" } }, /* of an expert: as many rows as with 2 picks a token */
    { "estimator straight-through", "softmax", 2, { "estimator", "straight-through" } },
    { "estimator dense", "softmax", 2, { "estimator", "dense" } },
    { "zero-experts 4", "softmax", 2, { "zero-experts", "4" } },
    { "copy-experts 4", "softmax", 2, { "copy-experts", "4" } },
    { "constant-experts 4", "softmax", 2, { "constant-experts", "4" } },
};

enum { ROWS = sizeof rows / sizeof *rows };

typedef struct layer {
    cadre_moe *moe;
    cadre_moe_batch batch;
    const cadre_real *x, *dy; /* [T, D] */
    cadre_real *y, *dx;       /* [T, D] */
} layer;

static void check(cadre_status status)
{
    if (status == CADRE_OK) return;
    fprintf(stderr, "router_speed: %s\n", cadre_last_error());
    exit(1);
}

/* Experts without weights are added to the others. */
static int32_t experts_of(const row *r)
{
    return r->options[0] && strstr(r->options[0], "-experts") ? EXPERTS + atoi(r->options[1])
                                                              : EXPERTS;
}

/* In a hierarchy, the picks in each of the two groups */
static int32_t picks_of(const row *r)
{
    return !strcmp(r->router, "hierarchical") ? 2 * r->topk : r->topk;
}

static void set_options(cadre_options *options, const row *r, int tokens)
{
    char slots[20];
    snprintf(slots, sizeof slots, "%d", tokens * r->topk / EXPERTS);
    for (int i = 0; i < 4 && r->options[i]; i += 2)
        check(cadre_options_set(
            options, r->options[i], r->options[i + 1] ? r->options[i + 1] : slots));
}

static cadre_moe *new_moe(cadre_context *context, const row *r, int tokens)
{
    cadre_moe_shape shape = { .size = sizeof shape,
        .width = WIDTH,
        .hidden = HIDDEN,
        .experts = experts_of(r),
        .topk = r->topk,
        .router = r->router,
        .tokens = tokens,
        .vocabulary = VOCABULARY };
    cadre_option_table table = cadre_routing_options();
    cadre_options *options;
    cadre_moe *moe;
    check(cadre_options_new(&table, 1, &options));
    set_options(options, r, tokens);
    check(cadre_moe_new(context, &shape, options, 1, &moe));
    cadre_options_free(options);
    return moe;
}

static int64_t router_numbers(const cadre_moe *moe)
{
    int64_t elements = 0;
    for (int64_t i = 0; i < cadre_moe_parameters(moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(moe, i);
        if (!strncmp(p.name, "router.", 7) || !strncmp(p.name, "inner.", 6))
            elements += p.rows * p.cols;
    }
    return elements;
}

static double seconds_of(layer *l)
{
    clock_t begin = clock();
    cadre_moe_step_begin(l->moe, 0, 1, l->batch.tokens);
    check(cadre_moe_forward(l->moe, &l->batch, l->x, l->y));
    check(cadre_moe_backward(l->moe, l->dy, l->dx));
    check(cadre_moe_step_end(l->moe));
    return (double)(clock() - begin) / CLOCKS_PER_SEC;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double ratio(layer *measured, layer *softmax)
{
    double ratios[ROUNDS];
    seconds_of(measured), seconds_of(softmax); /* touches the memory */
    for (int i = 0; i < ROUNDS; i++) {
        double best = 1e9, best_softmax = 1e9;
        for (int turn = 0; turn < TURNS; turn++) {
            double a = seconds_of(measured), b = seconds_of(softmax);
            best = a < best ? a : best, best_softmax = b < best_softmax ? b : best_softmax;
        }
        ratios[i] = best / best_softmax;
    }
    qsort(ratios, ROUNDS, sizeof *ratios, ascending);
    return ratios[ROUNDS / 2];
}

/* Fills an array with uniform numbers of deviation 1, the same on every machine. */
static void fill(cadre_real *values, int count, uint32_t state)
{
    for (int i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (cadre_real)((double)(state >> 8) / (1 << 24) * 3.46 - 1.73);
    }
}

static void measure(cadre_context *context, const row *r, int tokens, const layer *memory)
{
    const row same_picks = { "softmax", "softmax", picks_of(r), { NULL } };
    layer measured = *memory, softmax = *memory;
    measured.moe = new_moe(context, r, tokens);
    softmax.moe = new_moe(context, &same_picks, tokens);
    double factor = ratio(&measured, &softmax);
    cadre_moe_routes routes = cadre_moe_routes_get(measured.moe);
    printf("%-27s picks %5.2f  router's parameters %7lld  time / softmax's %5.2f\n", r->name,
        (double)routes.edges / tokens, (long long)router_numbers(measured.moe), factor);
    fflush(stdout);
    cadre_moe_free(measured.moe);
    cadre_moe_free(softmax.moe);
}

int main(int arguments, char **argument)
{
    int tokens = arguments > 1 ? atoi(argument[1]) : 1024;
    if (tokens < EXPERTS || tokens % EXPERTS || tokens > 1 << 16) {
        fprintf(stderr, "router_speed: expected a multiple of %d tokens\n", EXPERTS);
        return 1;
    }
    int elements = tokens * WIDTH;
    cadre_real *x = malloc(4 * (size_t)elements * sizeof *x);
    int32_t *ids = malloc((size_t)tokens * sizeof *ids);
    cadre_context *context;
    check(cadre_context_new(1, NULL, &context));
    if (!x || !ids) return 1;
    fill(x, 2 * elements, 1);
    for (int t = 0; t < tokens; t++) ids[t] = t * 37 % VOCABULARY;
    layer memory = { .batch = { .tokens = tokens, .train = true, .ids = ids },
        .x = x,
        .dy = x + elements,
        .y = x + 2 * elements,
        .dx = x + 3 * elements };
    for (int i = 0; i < ROWS; i++)
        if (arguments < 3 || !strcmp(argument[2], rows[i].name))
            measure(context, &rows[i], tokens, &memory);
    free(x), free(ids);
    cadre_context_free(context);
    return 0;
}

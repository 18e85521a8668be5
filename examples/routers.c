/* routers.c - what every router of the library does with the same four tokens and four experts.
 *
 *     cc -o routers routers.c $(pkg-config --cflags --libs cadre) -lm
 *     ./routers softmax        prints which experts each token reaches, and with which weights
 *     ./routers losses         prints every balancing loss of router softmax
 *     ./routers all FOLDER     prints all of them, and draws FOLDER/router-NAME.svg and
 *                              FOLDER/routers.svg, all in one picture
 *
 * Tokens are four numbers wide and the router's matrix is the unit matrix, so that a token is its
 * own logits. Noise is 0 unless said otherwise, so that the numbers can be checked on paper. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cadre.h>

enum { TOKENS = 4, EXPERTS = 4, MOST_OPTIONS = 6 };

static const cadre_real logits[TOKENS * EXPERTS] = {
    1, 0, -1, 0.5f,          /* token 0 */
    0.2f, 0.9f, 0.1f, -0.3f, /* token 1 */
    2, -0.5f, 0.3f, 0,       /* token 2 */
    0.4f, 0.6f, -0.2f, 1.1f, /* token 3 */
};

static const cadre_real unit[] = { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1 };
static const cadre_real halves[] = { 0.5f, 0.5f, 0, 0, 0, 0, 0.5f, 0.5f };
static const cadre_real correction[] = { 0, 0.15f, 0, 0 }, level[] = { 0, -0.6f, 0, 0 };
static const cadre_real table[] = { 0, 1, 2, 3, 1, 2, 3, 0 };  /* [4, 2] experts of token ids */
static const cadre_real parts[] = { 0, 2, 1, 2, 0, 3, 1, 3 };  /* [4, 2] of two runs of experts */
static const cadre_real cosine_temperature[] = { 0.6931472f }; /* log 2 */

/* [2, T, E] and [2, T] for the routers that sample. Token 1's first pick is not its best expert. */
static const cadre_real gumbel[2 * TOKENS * EXPERTS] = { [EXPERTS] = 1.5f };
static const cadre_real uniform[2 * TOKENS], nothing[TOKENS * EXPERTS];

typedef struct show {
    const char *name, *router;
    int32_t topk;
    const char *options[MOST_OPTIONS]; /* name, value, ... */
} show;

static const show shows[] = {
    { "softmax", "softmax", 2, { NULL } },
    { "softmax-renorm", "softmax-renorm", 2, { NULL } },
    { "topk-softmax", "topk-softmax", 2, { NULL } },
    { "sigmoid-bias", "sigmoid-bias", 2, { NULL } },
    { "sigmoid-bias-raw", "sigmoid-bias-raw", 2, { NULL } },
    { "sqrtsoftplus-bias", "sqrtsoftplus-bias", 2, { NULL } },
    { "softmax-bias", "softmax-bias", 2, { NULL } },
    { "noisy-topk", "noisy-topk", 2, { NULL } },
    { "top-p", "top-p", 4, { "top-p", "0.6" } },
    { "expert-choice", "expert-choice", 2, { "capacity-factor", "2" } },
    { "hash", "hash", 2, { NULL } },
    { "hash-next", "hash-next", 2, { NULL } },
    { "multi-hash", "multi-hash", 2, { NULL } },
    { "base", "base", 1, { NULL } },
    { "sinkhorn", "sinkhorn", 2, { NULL } },
    { "relu", "relu", 2, { NULL } },
    { "sparsemixer", "sparsemixer", 2, { "sparsemixer-epsilon", "0.5" } },
    { "sparsemixer-1", "sparsemixer-1", 1, { "sparsemixer-epsilon", "0.5" } },
    { "sigmoid-input", "sigmoid-input", 1, { NULL } },
    { "cosine", "cosine", 2, { "projector", "4" } },
    { "product", "product", 2, { "grid", "2,2" } },
    { "quantile", "quantile", 2, { NULL } },
    { "threshold", "threshold", 2, { NULL } },
    { "dense", "dense", 4, { NULL } },
    { "hierarchical", "hierarchical", 1, { "groups", "2", "groups-used", "2" } },
    { "soft", "soft", 4, { "slots", "1" } },
};

enum { SHOWS = sizeof shows / sizeof *shows };

/* What happens to the picks of router softmax-renorm if an expert takes at most two tokens */
static const show capacities[] = {
    { "capacity-choice", "softmax-renorm", 2,
        { "capacity-factor", "1", "overflow", "drop", "priority", "choice" } },
    { "capacity-token", "softmax-renorm", 2,
        { "capacity-factor", "1", "overflow", "drop", "priority", "token" } },
    { "capacity-probability", "softmax-renorm", 2,
        { "capacity-factor", "1", "overflow", "drop", "priority", "probability" } },
    { "capacity-batch", "softmax-renorm", 2,
        { "capacity-factor", "1", "overflow", "drop", "priority", "batch" } },
    { "capacity-reroute", "softmax-renorm", 2,
        { "capacity-factor", "1", "overflow", "reroute", "priority", "choice" } },
};

static const show losses = { "losses", "softmax", 2,
    { "losses", "load=1,first-choice=1,importance=1,entropy=1,mean-entropy=1,"
                "mutual-information=1,orthogonality=1,z=1" } };

enum { CAPACITIES = sizeof capacities / sizeof *capacities };

static void check(cadre_status status)
{
    if (status == CADRE_OK) return;
    fprintf(stderr, "routers: %s\n", cadre_last_error());
    exit(1);
}

/* ---- a layer whose router is fully known ---- */

static bool fill(cadre_moe_parameter *p, const char *name, const cadre_real *values)
{
    if (strcmp(p->name, name) != 0) return false;
    memcpy(p->values, values, (size_t)(p->rows * p->cols) * sizeof *values);
    return true;
}

static void fill_router(cadre_moe *moe, const show *s)
{
    bool groups = !strcmp(s->router, "hierarchical"), whole = strcmp(s->router, "multi-hash") != 0;
    for (int64_t i = 0; i < cadre_moe_parameters(moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(moe, i);
        (void)(fill(&p, "router.weight", groups ? halves : unit) ||
               fill(&p, "inner.weight", unit) || fill(&p, "router.experts", unit) ||
               fill(&p, "router.slots", unit) || fill(&p, "router.correction", correction) ||
               fill(&p, "router.beta", level) || fill(&p, "router.table", whole ? table : parts) ||
               fill(&p, "router.temperature", cosine_temperature));
    }
}

static cadre_moe *new_layer(cadre_context *context, const show *s)
{
    cadre_moe_shape shape = { .size = sizeof shape,
        .width = EXPERTS,
        .hidden = 2,
        .experts = EXPERTS,
        .topk = s->topk,
        .router = s->router,
        .tokens = TOKENS,
        .vocabulary = 4 };
    cadre_option_table tables[] = { cadre_routing_options(), cadre_layer_options() };
    cadre_options *options;
    cadre_moe *moe;
    check(cadre_options_new(tables, 2, &options));
    for (int i = 0; i < MOST_OPTIONS && s->options[i]; i += 2)
        check(cadre_options_set(options, s->options[i], s->options[i + 1]));
    check(cadre_moe_new(context, &shape, options, 1, &moe));
    cadre_options_free(options);
    fill_router(moe, s);
    return moe;
}

static void route(cadre_moe *moe)
{
    static const int32_t ids[TOKENS] = { 0, 1, 2, 1 };
    cadre_real y[TOKENS * EXPERTS];
    cadre_moe_draws draws = { nothing, nothing, gumbel, uniform, nothing };
    cadre_moe_batch batch = { .tokens = TOKENS, .train = true, .draws = &draws, .ids = ids };
    cadre_moe_step_begin(moe, 0, 1, TOKENS);
    check(cadre_moe_forward(moe, &batch, logits, y));
}

/* ---- in numbers ---- */

static void print_mixtures(cadre_moe *moe)
{
    cadre_moe_tensor t;
    for (int i = 0; cadre_moe_tensor_at(moe, i, &t); i++) {
        if (strcmp(t.name, "dispatch") != 0 && strcmp(t.name, "combine") != 0) continue;
        for (int k = 0; k < TOKENS; k++) {
            printf("  %s, token %d ", t.name, k);
            for (int e = 0; e < EXPERTS; e++) printf(" %.3f", t.values[k * EXPERTS + e]);
            putchar('\n');
        }
    }
}

static void print_routes(cadre_moe *moe, const show *s)
{
    cadre_moe_routes r = cadre_moe_routes_get(moe);
    int load[EXPERTS] = { 0 };
    printf("%s\n", s->name);
    if (!strcmp(s->router, "soft")) {
        print_mixtures(moe);
        return;
    }
    for (int64_t t = 0; t < r.tokens; t++) {
        printf("  token %d:", (int)t);
        for (int64_t i = r.start[t]; i < r.start[t + 1]; i++) {
            if (r.row[i] < 0) {
                printf("  expert %d is full", (int)r.expert[i]);
                continue;
            }
            printf("  expert %d x %.3f", (int)r.expert[i], r.weight[i]);
            load[r.expert[i]]++;
        }
        putchar('\n');
    }
    printf("  tokens of each expert: %d %d %d %d\n", load[0], load[1], load[2], load[3]);
}

static void print_losses(const cadre_moe *moe)
{
    const char *name;
    double value;
    for (int i = 0; cadre_moe_loss_at(moe, i, &name, &value); i++)
        printf("  %-19s %9.6f\n", name, value);
}

/* ---- as a picture: tokens on the left, experts on the right, a line as wide as its weight ---- */

enum { PANEL_WIDTH = 280, PANEL_HEIGHT = 210, FIRST_ROW = 52, ROW = 42, LEFT = 60, RIGHT = 220 };

static const char *const colours[EXPERTS] = { "#3b7dd8", "#d9822b", "#3a9a5b", "#a855b8" };

static void draw_nodes(FILE *f)
{
    for (int i = 0; i < TOKENS; i++) {
        int y = FIRST_ROW + ROW * i;
        fprintf(f, "<circle class='t' cx='%d' cy='%d' r='13'/><text x='%d' y='%d'>t%d</text>\n",
            LEFT, y, LEFT, y + 4, i);
        fprintf(f,
            "<rect x='%d' y='%d' width='30' height='26' rx='4' fill='%s'/>"
            "<text class='e' x='%d' y='%d'>e%d</text>\n",
            RIGHT, y - 13, colours[i], RIGHT + 15, y + 4, i);
    }
}

static double height(int row) { return FIRST_ROW + ROW * row; }

static void draw_line(FILE *f, int token, int expert, double weight)
{
    fprintf(f, "<line x1='%d' y1='%.0f' x2='%d' y2='%.0f' stroke='%s' stroke-width='%.1f'/>\n",
        LEFT + 13, height(token), RIGHT, height(expert), colours[expert],
        0.8 + 4.2 * (weight < 1.5 ? weight : 1.5));
}

/* Writes a weight on its line; those of a token's picks are placed apart by their rank. */
static void draw_weight(FILE *f, int token, int rank, int expert, double weight)
{
    double at = 0.14 + 0.2 * rank, from = height(token), to = height(expert);
    fprintf(f, "<text class='w' style='fill:%s' x='%.0f' y='%.0f'>%.2f</text>\n", colours[expert],
        LEFT + 13 + at * (RIGHT - LEFT - 13), from + at * (to - from) - 2, weight);
}

static void draw_edges(FILE *f, const cadre_moe_routes *r, bool weights)
{
    for (int64_t t = 0; t < r->tokens; t++)
        for (int64_t i = r->start[t]; i < r->start[t + 1]; i++) {
            if (r->row[i] < 0) continue;
            if (weights) draw_weight(f, (int)t, (int)(i - r->start[t]), r->expert[i], r->weight[i]);
            else draw_line(f, (int)t, r->expert[i], r->weight[i]);
        }
}

static void draw_panel(FILE *f, const cadre_moe *moe, const show *s, int x, int y)
{
    cadre_moe_routes r = cadre_moe_routes_get(moe);
    fprintf(f, "<g transform='translate(%d %d)'>\n<text class='n' x='%d' y='22'>%s</text>\n", x, y,
        PANEL_WIDTH / 2, s->name);
    draw_edges(f, &r, false);
    draw_edges(f, &r, true);
    draw_nodes(f);
    fprintf(f, "</g>\n");
}

static FILE *open_picture(const char *folder, const char *name, int width, int height)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/%s.svg", folder, name);
    FILE *f = fopen(path, "w");
    if (!f) {
        perror(path);
        exit(1);
    }
    fprintf(f,
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' width='%d' height='%d'>\n"
        "<style>text{font:11px sans-serif;text-anchor:middle;fill:#222}.n{font:bold 14px "
        "sans-serif}.e{fill:#fff}.w{font-size:9px;paint-order:stroke;stroke:#fff;stroke-width:3}"
        ".t{fill:#e4e4ea;stroke:#888}</style>\n"
        "<rect width='%d' height='%d' fill='#fff'/>\n",
        width, height, width, height, width, height);
    return f;
}

static void close_picture(FILE *f)
{
    fprintf(f, "</svg>\n");
    if (fclose(f) == 0) return;
    perror("routers");
    exit(1);
}

static void draw_alone(const char *folder, const cadre_moe *moe, const show *s)
{
    char name[100];
    snprintf(name, sizeof name, "router-%s", s->name);
    FILE *f = open_picture(folder, name, PANEL_WIDTH, PANEL_HEIGHT);
    draw_panel(f, moe, s, 0, 0);
    close_picture(f);
}

/* ---- the program ---- */

/* `at` is its place in the picture of all routers. */
static void show_router(
    cadre_context *context, const show *s, int at, const char *folder, FILE *all)
{
    enum { COLUMNS = 4 };
    cadre_moe *moe = new_layer(context, s);
    route(moe);
    print_routes(moe, s);
    if (folder) draw_alone(folder, moe, s);
    if (all) draw_panel(all, moe, s, at % COLUMNS * PANEL_WIDTH, at / COLUMNS * PANEL_HEIGHT);
    cadre_moe_free(moe);
}

static void show_losses(cadre_context *context)
{
    cadre_moe *moe = new_layer(context, &losses);
    cadre_real zero[TOKENS * EXPERTS] = { 0 }, dx[TOKENS * EXPERTS];
    route(moe);
    check(cadre_moe_backward(moe, zero, dx));
    check(cadre_moe_step_end(moe));
    printf("%s\n", losses.name);
    print_losses(moe);
    cadre_moe_free(moe);
}

static void show_all(cadre_context *context, const char *folder)
{
    FILE *all =
        folder ? open_picture(folder, "routers", 4 * PANEL_WIDTH, (SHOWS + 3) / 4 * PANEL_HEIGHT)
               : NULL;
    for (int i = 0; i < SHOWS; i++) show_router(context, &shows[i], i, folder, all);
    for (int i = 0; i < CAPACITIES; i++) show_router(context, &capacities[i], 0, folder, NULL);
    show_losses(context);
    if (all) close_picture(all);
}

static const show *find(const char *name)
{
    for (int i = 0; i < SHOWS; i++)
        if (!strcmp(name, shows[i].name)) return &shows[i];
    for (int i = 0; i < CAPACITIES; i++)
        if (!strcmp(name, capacities[i].name)) return &capacities[i];
    return NULL;
}

int main(int arguments, char **argument)
{
    const char *wanted = arguments > 1 ? argument[1] : "all",
               *folder = arguments > 2 ? argument[2] : NULL;
    const show *s = find(wanted);
    cadre_context *context;
    check(cadre_context_new(1, NULL, &context));
    if (s) show_router(context, s, 0, folder, NULL);
    else if (!strcmp(wanted, losses.name)) show_losses(context);
    else if (!strcmp(wanted, "all")) show_all(context, folder);
    else fprintf(stderr, "routers: there is no router '%s'\n", wanted);
    cadre_context_free(context);
    return s || !strcmp(wanted, losses.name) || !strcmp(wanted, "all") ? 0 : 1;
}

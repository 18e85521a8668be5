/* gradients.c - compares a sparse layer's backward pass with central differences of its forward
 * pass, in the installed precision. In float they agree to about a hundredth. The tests hold the
 * build with REAL=double to a millionth. */
#include <math.h>

#include "arch/recipe.h"
#include "base/memory.h"
#include "base/random.h"
#include "moe/layer.h"
#include "verify/verify.h"
#include "weights/weights.h"

enum { TOKENS = 6, WIDTH = 8, HIDDEN = 12, SAMPLES = 40 };

/* One sparse layer, as in a model with one layer */
typedef struct layer_case {
    model_config config;
    layer_config layer;
    moe_config moe;
    param_table table;
    model_weights weights;
    model_gradients gradients;
    moe_state state;
    arena arena;
    void *scratch;
    real *values, *gradient;
    real x[TOKENS * WIDTH], y[TOKENS * WIDTH], dy[TOKENS * WIDTH], dx[TOKENS * WIDTH];
} layer_case;

static void fill(real *values, int64_t count, const char *use, double deviation)
{
    random_key key = random_key_of(11, use, 0, 0);
    for (int64_t i = 0; i < count; i++)
        values[i] = (real)(deviation * random_normal(key, (uint64_t)i));
}

static void run_layer(verify_run *run, layer_case *c, bool backward)
{
    int64_t start[] = { 0, TOKENS };
    batch_limits most = { .tokens = TOKENS, .sequences = 1 };
    token_batch batch = { .tokens = TOKENS, .sequences = 1, .start = start };
    moe_call call = { .compute = run->portable,
        .batch = &batch,
        .scratch = c->scratch,
        .scratch_bytes = moe_scratch_bytes(&c->moe, &most) };
    moe_layer_forward(&call, &c->moe, &c->weights.layer[0].moe, c->x, &c->state, c->y);
    if (backward)
        moe_layer_backward(&call, &c->moe, &c->weights.layer[0].moe, &c->state, c->dy, c->dx,
            &c->gradients.layer[0].moe);
}

static double loss(verify_run *run, layer_case *c)
{
    double sum = 0;
    run_layer(run, c, false);
    for (int i = 0; i < TOKENS * WIDTH; i++) sum += (double)c->y[i] * (double)c->dy[i];
    return sum;
}

static void lay_out(layer_case *c, const batch_limits *most, arena *a)
{
    moe_state_layout(&c->state, a, &c->moe, most);
    c->scratch = arena_take(a, moe_scratch_bytes(&c->moe, most), 1);
}

static bool open_case(layer_case *c, const char *router_name, const char *form)
{
    batch_limits most = { .tokens = TOKENS, .sequences = 1 };
    *c = (layer_case){ .layer = { .mixer = { .row = &mixer_grouped,
                                      .width = WIDTH,
                                      .heads = 1,
                                      .kv_heads = 1,
                                      .head_dim = 2,
                                      .value_dim = 2 },
                           .sparse = true,
                           .moe = { .experts = 4, .hidden = HIDDEN, .route = { .topk = 2 } } } };
    c->config = (model_config){ .vocab = 1,
        .width = WIDTH,
        .layers = 1,
        .experts = 4,
        .topk = 2,
        .router = router_by_name(router_name),
        .expert_form = form,
        .groups = 1,
        .groups_used = 1,
        .route_scale = 1,
        .layer = &c->layer };
    model_config_fill_layers(&c->config);
    c->moe = c->layer.moe;
    if (moe_config_check(&c->moe, "gradients") != CADRE_OK ||
        param_table_make(&c->config, &c->table) != CADRE_OK)
        return false;
    c->values = MEM_ARRAY(real, c->table.elements);
    c->gradient = MEM_ARRAY(real, c->table.elements);
    if (!c->values || !c->gradient) return false;
    fill(c->values, c->table.elements, "values", 0.5);
    fill(c->x, TOKENS * WIDTH, "x", 1);
    fill(c->dy, TOKENS * WIDTH, "dy", 1);
    if (model_weights_of_flat(&c->config, &c->table, c->values, &c->weights) != CADRE_OK)
        return false;
    if (model_gradients_of_flat(&c->config, &c->table, c->gradient, &c->gradients) != CADRE_OK)
        return false;
    arena measured = { 0 };
    lay_out(c, &most, &measured);
    if (!arena_open(&c->arena, measured.used)) return false;
    lay_out(c, &most, &c->arena);
    return true;
}

static void close_case(layer_case *c)
{
    arena_close(&c->arena);
    model_weights_free(&c->weights);
    model_gradients_free(&c->gradients);
    param_table_free(&c->table);
    mem_free(c->values);
    mem_free(c->gradient);
}

/* The largest difference at some of `count` inputs, relative to the largest gradient. */
static double compare(
    verify_run *run, layer_case *c, real *input, const real *analytic, int64_t count)
{
    const real h = REAL_C(0.01);
    double worst = 0, top = 1e-3;
    for (int64_t i = 0; i < count; i++) top = fmax(top, fabs((double)analytic[i]));
    for (int s = 0; s < SAMPLES; s++) {
        int64_t i = s * count / SAMPLES;
        real middle = input[i];
        input[i] = middle + h;
        double above = loss(run, c);
        input[i] = middle - h;
        double below = loss(run, c);
        input[i] = middle;
        worst = fmax(worst, fabs((above - below) / (2 * (double)h) - (double)analytic[i]) / top);
    }
    return worst;
}

static bool check(verify_run *run, const char *router_name, const char *form)
{
    layer_case c;
    double worst = INFINITY;
    if (open_case(&c, router_name, form)) {
        run_layer(run, &c, true);
        worst = compare(run, &c, c.x, c.dx, TOKENS * WIDTH);
        for (int64_t i = 0; i < c.table.count; i++) {
            const param *p = &c.table.rows[i];
            if (p->role != ROLE_ROUTER && !param_is_expert(p->role)) continue;
            worst = fmax(worst,
                compare(run, &c, c.values + p->offset, c.gradient + p->offset, p->rows * p->cols));
        }
    }
    close_case(&c);
    return verify_say(run, worst < 0.02, "within %.1e of central differences", worst);
}

static bool mixtral_like(verify_run *run) { return check(run, "softmax-renorm", "swiglu"); }
static bool olmoe_like(verify_run *run) { return check(run, "softmax", "swiglu"); }
static bool deepseek_like(verify_run *run) { return check(run, "sigmoid-bias", "swiglu"); }
static bool glam_like(verify_run *run) { return check(run, "softmax-renorm", "geglu"); }

static const verify_check checks[] = {
    { "sparse layer, softmax-renorm, swiglu", mixtral_like },
    { "sparse layer, softmax, swiglu", olmoe_like },
    { "sparse layer, sigmoid-bias, swiglu", deepseek_like },
    { "sparse layer, softmax-renorm, geglu", glam_like },
};

const verify_group verify_gradients = { "gradient", checks, sizeof checks / sizeof *checks };

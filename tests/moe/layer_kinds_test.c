/* layer_kinds_test.c - every kind of sparse layer through the public layer: gradients against
 * central differences (in a build with REAL=double), the same bits for any number of threads, and
 * batches that a layer cannot take. */
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

enum { WIDTH = 6, HIDDEN = 5, EXPERTS = 8, SEQUENCES = 2, LENGTH = 7, TOKENS = SEQUENCES * LENGTH };
enum { VOCABULARY = 5, MOST_TASKS = 2 };

typedef struct kind {
    const char *router, *form;
    int32_t topk;
    const char *options; /* "name value name value" */
    int64_t shared, latent, residual;
    bool residual_logits, evaluation;
} kind;

#define KIND(router_, form_, topk_, options_)                                                      \
    .router = router_, .form = form_, .topk = topk_, .options = options_

/* Every router, form, kind of expert and loss, which every_row_is_among_the_kinds holds; for
 * estimators, which bend gradients by intent, see estimators_test.c. */
static const kind kinds[] = {
    { KIND("softmax", "swiglu", 2, "losses load=.5,z=.3") },
    { KIND("softmax", "gelu", 2, "logit-noise 1 losses score-importance=.4,noise-load=.6") },
    { KIND("softmax-renorm", "geglu", 3, "losses first-choice=.6,orthogonality=.2") },
    { KIND("topk-softmax", "gelu", 3, "losses importance=.5,mean-entropy=.4") },
    { KIND("sigmoid-bias", "swiglu", 3, "groups 4 groups-used 2 group-score top2 losses load=.6") },
    { KIND("sigmoid-bias-raw", "swiglu", 2, "losses mutual-information=.5") },
    { KIND("sqrtsoftplus-bias", "gelu", 2, "route-scale 1.5 losses entropy=.4") },
    { KIND("softmax-bias", "swiglu", 2, "renormalise yes losses load=.4") },
    { KIND("noisy-topk", "gelu", 2, "losses importance=.3,smooth-load=.5") },
    { KIND("top-p", "swiglu", 8, "top-p .6 losses entropy=.3,load=.4") },
    { KIND("expert-choice", "swiglu", 1, "capacity-factor 2 losses load=.3") },
    { KIND("expert-choice", "gelu", 1, "score sigmoid capacity-factor 1.5") },
    { KIND("hash", "gelu", 2, "") },
    { KIND("hash", "swiglu", 2, "score sqrtsoftplus route-scale 1.5 losses load=.3") },
    { KIND("hash", "swiglu", 2, "score sigmoid") },
    { KIND("hash-next", "gelu", 2, "") },
    { KIND("hash-next", "swiglu", 1, "score softmax") },
    { KIND("multi-hash", "swiglu", 4, "route-scale 1.5") },
    { KIND("multi-hash", "gelu", 1, "overflow drop capacity-factor 1") },
    { KIND("base", "gelu", 1, "losses z=.2") },
    { KIND("sinkhorn", "swiglu", 1, "") },
    { KIND("sinkhorn", "swiglu", 2, "losses load=.3") },
    { KIND("relu", "gelu", 2, "l1 .7") },
    { KIND("sparsemixer", "swiglu", 2, "sparsemixer-epsilon .3"), .evaluation = true },
    { KIND("sparsemixer-1", "swiglu", 1, "sparsemixer-epsilon .3"), .evaluation = true },
    { KIND("sigmoid-input", "swiglu", 2, "losses load=.4") },
    { KIND("softmax", "relu", 2, "devices 4 losses device=.5") },
    { KIND("softmax", "gpt-oss", 2, "devices 4 devices-used 2 losses communication=.5") },
    { KIND("cosine", "swiglu", 2, "projector 4 renormalise yes losses load=.4") },
    { KIND("product", "gelu", 3, "grid 2,4 losses load=.4") },
    { KIND("product", "swiglu", 2, "grid 2,2,2 renormalise yes") },
    { KIND("product", "swiglu", 2, "losses z=.2") },
    { KIND("quantile", "swiglu", 2, "score softmax") },
    { KIND("quantile", "gelu", 3, "score sigmoid route-scale 2.5") },
    { KIND("quantile", "gelu", 2, "score topk-softmax") },
    { KIND("threshold", "swiglu", 2, "losses threshold=.4") },
    { KIND("dense", "gelu", 1, "losses importance=.6") },
    { KIND("dense", "swiglu", 1, "tasks 2 losses load=.3") },
    { KIND("dense", "gelu", 1, "tasks 2 route-scale .5") },
    { KIND("hierarchical", "gelu", 2,
        "groups 2 groups-used 2 losses importance=.4,smooth-load=.5,load=.3") },
    { KIND("hierarchical", "swiglu", 1, "groups 4 groups-used 2 losses smooth-load=.5") },
    { KIND("soft", "swiglu", 1, "slots 1 losses load=.3") },
    { KIND("soft", "gelu", 1, "slots 2"), .shared = 4 },
    { KIND("softmax", "swiglu", 2,
        "types text,image entropy-experts text=7,image=2.5 losses "
        "local-entropy.text=.4,global-entropy.image=.5") },
    /* Experts and layers */
    { KIND("softmax", "geglu", 2,
        "constant-experts 1 copy-experts 1 zero-experts 1 tau .75 losses heterogeneous=.6") },
    { KIND("softmax-renorm", "gelu", 2,
          "constant-experts 2 copy-experts 1 zero-experts 1 zero-weight dropped expert-input-scale "
          "2"),
        .residual_logits = true },
    { KIND("softmax-bias", "swiglu", 2, "banks text=5,image=3 losses load=.3") },
    { KIND("expert-choice", "gelu", 1, "banks text=5,image=3 score sigmoid") },
    { KIND("topk-softmax", "gelu", 2, ""), .latent = 4, .shared = 5 },
    { KIND("softmax", "geglu", 1, "losses load=.4"), .residual = 7 },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

typedef struct layer {
    const kind *kind;
    cadre_context *context;
    cadre_options *options;
    cadre_moe *moe;
    cadre_moe_batch batch;
    int64_t start[SEQUENCES + 1];
    bool valid[TOKENS];
    int32_t ids[TOKENS], types[TOKENS];
    cadre_real x[TOKENS * WIDTH], dx[TOKENS * WIDTH];
    cadre_real y[MOST_TASKS * TOKENS * WIDTH], dy[MOST_TASKS * TOKENS * WIDTH];
    cadre_real before[TOKENS * EXPERTS], dbefore[TOKENS * EXPERTS];
} layer;

static void fill(cadre_real *x, int64_t count, const char *name, double deviation)
{
    random_key key = random_key_of(7, name, 0, 0);
    for (int64_t i = 0; i < count; i++)
        x[i] = (cadre_real)(deviation * random_normal(key, (uint64_t)i));
}

static cadre_options *options_of(const char *text)
{
    const cadre_option_table tables[] = { cadre_layer_options(), cadre_routing_options() };
    char copy[256], *name;
    cadre_options *o;
    snprintf(copy, sizeof copy, "%s", text);
    succeeds(cadre_options_new(tables, 2, &o));
    for (name = strtok(copy, " "); name; name = strtok(NULL, " "))
        succeeds(cadre_options_set(o, name, strtok(NULL, " ")));
    return o;
}

/* Parameters far enough from 0 that choices are clear, but for states, which stay as they start. */
static void fill_parameters(layer *l)
{
    for (int64_t i = 0; i < cadre_moe_parameters(l->moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(l->moe, i);
        char name[96];
        if (!p.gradient) continue;
        snprintf(name, sizeof name, "%s %d", p.name, p.expert);
        fill(p.values, p.rows * p.cols, name, 0.7);
        if (!strcmp(p.name, "router.threshold"))
            for (int64_t j = 0; j < p.cols; j++) p.values[j] = REAL_C(0.2) + p.values[j] / 20;
    }
}

static void open_layer(layer *l, const kind *k, int threads)
{
    *l = (layer){ .kind = k };
    cadre_moe_shape shape = { .size = sizeof shape,
        .width = WIDTH,
        .hidden = HIDDEN,
        .experts = EXPERTS,
        .topk = k->topk,
        .shared = k->shared,
        .router = k->router,
        .form = k->form,
        .tokens = TOKENS,
        .sequences = SEQUENCES,
        .latent = k->latent,
        .residual = k->residual,
        .residual_logits = k->residual_logits,
        .vocabulary = VOCABULARY };
    l->options = options_of(k->options);
    succeeds(cadre_context_new(threads, NULL, &l->context));
    succeeds(cadre_moe_new(l->context, &shape, l->options, 3, &l->moe));
    fill_parameters(l);
    for (int t = 0; t < TOKENS; t++)
        l->ids[t] = t * 3 % VOCABULARY, l->types[t] = t % 3 == 1, l->valid[t] = t != 4;
    for (int s = 0; s <= SEQUENCES; s++) l->start[s] = s * LENGTH;
    if (!strstr(k->options, "banks") && !strstr(k->options, "types"))
        memset(l->types, 0, sizeof l->types);
    fill(l->x, TOKENS * WIDTH, "x", 1), fill(l->dy, MOST_TASKS * TOKENS * WIDTH, "dy", 1);
    fill(l->before, TOKENS * EXPERTS, "before", 0.5);
    l->batch = (cadre_moe_batch){ .tokens = TOKENS,
        .sequences = SEQUENCES,
        .start = l->start,
        .valid = l->valid,
        .train = !k->evaluation,
        .differentiate = true,
        .ids = l->ids,
        .types = l->types,
        .logits_before = l->before,
        .logits_before_gradient = l->dbefore };
}

static void close_layer(layer *l)
{
    cadre_moe_free(l->moe);
    cadre_options_free(l->options);
    cadre_context_free(l->context);
}

/* sum of dy y and all losses, of valid tokens */
static double forward(layer *l)
{
    const char *name;
    double sum = 0, value;
    int tasks = strstr(l->kind->options, "tasks") ? MOST_TASKS : 1;
    cadre_moe_step_begin(l->moe, 0, SEQUENCES, TOKENS - 1);
    succeeds(cadre_moe_forward(l->moe, &l->batch, l->x, l->y));
    for (int i = 0; i < tasks * TOKENS * WIDTH; i++) sum += (double)(l->dy[i] * l->y[i]);
    for (int i = 0; cadre_moe_loss_at(l->moe, i, &name, &value); i++) sum += value;
    return sum;
}

static void backward(layer *l)
{
    forward(l);
    succeeds(cadre_moe_backward(l->moe, l->dy, l->dx));
}

/* ---- all of them ---- */

static const cadre_option *row_of(cadre_option_table table, const char *name)
{
    for (int i = 0; i < table.count; i++)
        if (!strcmp(table.rows[i].name, name)) return &table.rows[i];
    fail_msg("no option %s", name);
    return NULL;
}

static bool is_router(const kind *k, const char *word) { return !strcmp(k->router, word); }
static bool is_form(const kind *k, const char *word) { return !strcmp(k->form, word); }

/* Whether the kind asks for the loss, or its router has it by itself. */
static bool has_loss(const kind *k, const char *word)
{
    char wanted[64], item[64];
    snprintf(wanted, sizeof wanted, " %s=", word), snprintf(item, sizeof item, ",%s=", word);
    return strstr(k->options, wanted) || strstr(k->options, item) ||
           (!strcmp(word, "l1") && !strcmp(k->router, "relu"));
}

static void every_row_is_among_the_kinds(void **state)
{
    (void)state;
    const struct {
        const cadre_option *row;
        bool (*is)(const kind *k, const char *word);
    } lists[] = { { row_of(cadre_model_options(), "router"), is_router },
        { row_of(cadre_model_options(), "expert-form"), is_form },
        { row_of(cadre_routing_options(), "balance-loss"), has_loss } };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const char *word;
        for (int w = 0; (word = cadre_option_choice(lists[i].row, w)); w++) {
            bool found = false;
            for (int k = 0; k < KINDS; k++) found |= lists[i].is(&kinds[k], word);
            if (!found) fail_msg("--%s %s is in no kind", lists[i].row->name, word);
        }
    }
}

/* ---- gradients ---- */

static double difference(layer *l, cadre_real *at)
{
    const double step = 1e-6;
    cadre_real own = *at;
    *at = own + (cadre_real)step;
    double up = forward(l);
    *at = own - (cadre_real)step;
    double down = forward(l);
    *at = own;
    return (up - down) / (2 * step);
}

/* The largest error as a share of the largest gradient, over up to 40 numbers. */
static void check(layer *l, const char *name, cadre_real *x, const cadre_real *d, int64_t count)
{
    double most = 1e-3, worst = 0;
    for (int64_t i = 0; i < count; i += 1 + count / 40) {
        double expected = difference(l, &x[i]);
        most = fmax(most, fabs(expected));
        worst = fmax(worst, fabs((double)d[i] - expected));
    }
    if (worst > 1e-6 * most)
        fail_msg("%s (%s), %s: %.3g of %.3g", l->kind->router, l->kind->options, name, worst, most);
}

static cadre_real *copy_of(const cadre_real *x, int64_t count)
{
    cadre_real *copy = malloc((size_t)count * sizeof *copy);
    assert_non_null(copy);
    return memcpy(copy, x, (size_t)count * sizeof *copy);
}

static void gradients_are_differences(void **state)
{
    (void)state;
    if (!REAL_IS_DOUBLE) skip();
    for (int i = 0; i < KINDS; i++) {
        layer *l = malloc(sizeof *l);
        open_layer(l, &kinds[i], 1);
        backward(l);
        for (int64_t j = 0; j < cadre_moe_parameters(l->moe); j++) {
            cadre_moe_parameter p = cadre_moe_parameter_at(l->moe, j);
            if (!p.gradient) continue;
            cadre_real *d = copy_of(p.gradient, p.rows * p.cols);
            check(l, p.name, p.values, d, p.rows * p.cols);
            free(d);
        }
        check(l, "x", l->x, l->dx, TOKENS * WIDTH);
        if (l->kind->residual_logits)
            check(l, "residual logits", l->before, l->dbefore, TOKENS * EXPERTS);
        close_layer(l);
        free(l);
    }
}

/* What a gate of each task gave stays as it was used, scale included; padding has none. */
static void task_weights_stay(void **state)
{
    (void)state;
    static const kind scaled = { KIND("dense", "gelu", 1, "tasks 2 route-scale .5") };
    layer *l = malloc(sizeof *l);
    cadre_moe_tensor t;
    open_layer(l, &scaled, 1);
    backward(l);
    assert_true(cadre_moe_tensor_at(l->moe, 0, &t));
    assert_string_equal(t.name, "weights");
    for (int i = 0; i < MOST_TASKS * TOKENS; i++) {
        double sum = 0;
        for (int e = 0; e < EXPERTS; e++) sum += (double)t.values[i * EXPERTS + e];
        assert_true(fabs(sum - (l->valid[i % TOKENS] ? 0.5 : 0)) < 1e-6);
    }
    close_layer(l);
    free(l);
}

/* The controller of relu at the end of a step in which each token has `positive` experts. */
static double next_coefficient(int positive)
{
    static const kind relu = { KIND("relu", "gelu", 2, "l1 .5 l1-multiplier 2") };
    layer *l = malloc(sizeof *l);
    cadre_moe_tensor t;
    open_layer(l, &relu, 1);
    for (int64_t i = 0; i < cadre_moe_parameters(l->moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(l->moe, i);
        if (strcmp(p.name, "router.weight") != 0) continue;
        for (int e = 0; e < EXPERTS; e++)
            for (int j = 0; j < WIDTH; j++) p.values[e * WIDTH + j] = e < positive ? 1 : -1;
    }
    for (int i = 0; i < TOKENS * WIDTH; i++) l->x[i] = 1;
    backward(l);
    succeeds(cadre_moe_step_end(l->moe));
    int i = 0;
    do assert_true(cadre_moe_tensor_at(l->moe, i++, &t));
    while (strcmp(t.name, "l1_next") != 0);
    double next = (double)t.values[0];
    close_layer(l);
    free(l);
    return next;
}

/* As published, exactly K experts are not too many. */
static void the_coefficient_of_l1_follows_the_experts_in_use(void **state)
{
    (void)state;
    for (int positive = 0; positive <= EXPERTS; positive++)
        assert_true(next_coefficient(positive) == (positive > 2 ? 1 : 0.25));
}

/* ---- the same bits ---- */

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        layer *a = malloc(sizeof *a), *b = malloc(sizeof *b);
        open_layer(a, &kinds[i], 1), open_layer(b, &kinds[i], 3);
        backward(a), backward(b);
        assert_memory_equal(a->y, b->y, sizeof a->y);
        assert_memory_equal(a->dx, b->dx, sizeof a->dx);
        for (int64_t j = 0; j < cadre_moe_parameters(a->moe); j++) {
            cadre_moe_parameter p = cadre_moe_parameter_at(a->moe, j),
                                q = cadre_moe_parameter_at(b->moe, j);
            if (p.gradient)
                assert_memory_equal(
                    p.gradient, q.gradient, (size_t)(p.rows * p.cols) * sizeof(cadre_real));
        }
        close_layer(a), close_layer(b);
        free(a), free(b);
    }
}

/* Gradients of a step's second batch are added to the first's. */
static void a_second_batch_is_added(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        layer *l = malloc(sizeof *l);
        open_layer(l, &kinds[i], 1);
        if (strcmp(l->kind->router, "relu") != 0 && !strstr(l->kind->options, "noise") &&
            !strstr(l->kind->router, "noisy") && strcmp(l->kind->router, "hierarchical") != 0 &&
            strcmp(l->kind->router, "expert-choice") != 0) {
            backward(l);
            cadre_moe_parameter p = cadre_moe_parameter_at(l->moe, 0);
            for (int64_t j = 0; !p.gradient; j++) p = cadre_moe_parameter_at(l->moe, j);
            cadre_real *once = copy_of(p.gradient, p.rows * p.cols);
            succeeds(cadre_moe_forward(l->moe, &l->batch, l->x, l->y));
            succeeds(cadre_moe_backward(l->moe, l->dy, l->dx));
            for (int64_t j = 0; j < p.rows * p.cols; j++)
                if (fabs((double)(p.gradient[j] - 2 * once[j])) >
                    1e-3 * (1e-2 + fabs((double)once[j])))
                    fail_msg("%s (%s): %s", l->kind->router, l->kind->options, p.name);
            free(once);
        }
        close_layer(l);
        free(l);
    }
}

/* ---- padding ---- */

/* What stands where there is padding changes nothing, and nothing comes out there. */
static void padding_is_not_read(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        layer *l = malloc(sizeof *l);
        open_layer(l, &kinds[i], 1);
        double before = forward(l);
        cadre_real *y = copy_of(l->y, TOKENS * WIDTH);
        for (int j = 0; j < WIDTH; j++)
            l->x[4 * WIDTH + j] = 50, assert_true(y[4 * WIDTH + j] == 0);
        double after = forward(l);
        if (before != after) fail_msg("%s (%s)", l->kind->router, l->kind->options);
        assert_memory_equal(y, l->y, TOKENS * WIDTH * sizeof *y);
        backward(l);
        for (int j = 0; j < WIDTH; j++) assert_true(l->dx[4 * WIDTH + j] == 0);
        free(y);
        close_layer(l);
        free(l);
    }
}

/* ---- refusals ---- */

static void refused(const kind *k, const char *phrase)
{
    cadre_context *context;
    cadre_moe *moe = NULL;
    cadre_options *o = options_of(k->options);
    cadre_moe_shape shape = { .size = sizeof shape,
        .width = WIDTH,
        .hidden = HIDDEN,
        .experts = EXPERTS,
        .topk = k->topk,
        .router = k->router,
        .shared = k->shared,
        .latent = k->latent,
        .residual = k->residual,
        .tokens = TOKENS,
        .sequences = SEQUENCES };
    succeeds(cadre_context_new(1, NULL, &context));
    assert_int_not_equal(cadre_moe_new(context, &shape, o, 0, &moe), CADRE_OK);
    if (!strstr(cadre_last_error(), phrase)) fail_msg("\"%s\": %s", phrase, cadre_last_error());
    cadre_options_free(o);
    cadre_context_free(context);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    static const struct {
        kind kind;
        const char *phrase;
    } cases[] = {
        { { KIND("product", "relu", 2, "grid 3,4") }, "grid: expected sizes whose product" },
        { { KIND("softmax", "relu", 2, "grid 2,4") },
            "grid: the router softmax has no such option" },
        { { KIND("hash", "relu", 2, "score topk-softmax") },
            "score: the router hash does not know" },
        { { KIND("multi-hash", "relu", 3, "") },
            "topk: with the router multi-hash expected a divisor of the 8 experts" },
        { { KIND("multi-hash", "relu", 2, "score sigmoid") },
            "score: the router multi-hash has no such option" },
        { { KIND("hierarchical", "relu", 3, "groups 4 groups-used 2") },
            "topk: expected at most 2" },
        { { KIND("softmax", "relu", 2, "banks text=4,image=3") }, "banks: expected 8 experts" },
        { { KIND("softmax", "relu", 2, "banks text=7,image=1") }, "banks: expected at least topk" },
        { { KIND("softmax", "relu", 2, "banks text=x") }, "banks: expected up to 8" },
        { { KIND("cosine", "relu", 2, "banks text=4,image=4") }, "banks: not with router cosine" },
        { { KIND("softmax", "relu", 2, "zero-experts 8") }, "expected fewer than all" },
        { { KIND("softmax", "relu", 2, "estimator sparsemixer") }, "wants one of the routers" },
        { { KIND("sigmoid-bias", "relu", 2, "estimator dense") }, "estimator: dense wants" },
        { { KIND("soft", "relu", 1, "estimator straight-through") },
            "estimator: straight-through" },
        { { KIND("soft", "relu", 1, "zero-experts 1") }, "not together with" },
        { { KIND("soft", "relu", 1, "overflow drop") }, "no expert is ever full" },
        { { KIND("softmax", "relu", 1, ""), .residual = 3, .latent = 3 },
            "residual expert: not together" },
        { { KIND("softmax", "relu", 2, "losses l1=1") }, "losses: l1 belongs to router relu" },
        { { KIND("softmax", "relu", 2, "losses noise-load=1") }, "wants the option logit-noise" },
        { { KIND("softmax", "relu", 2, "losses local-entropy.text=1") },
            "local-entropy.text: expected" },
        { { KIND("softmax", "relu", 2, "losses local-entropy=1") }, "losses: expected the name" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(&cases[i].kind, cases[i].phrase);
}

static void batches_are_checked(void **state)
{
    (void)state;
    static const kind hash = { KIND("hash", "relu", 2, "") };
    layer *l = malloc(sizeof *l);
    open_layer(l, &hash, 1);
    l->ids[3] = VOCABULARY;
    assert_int_equal(cadre_moe_forward(l->moe, &l->batch, l->x, l->y), CADRE_EARGUMENT);
    l->ids[3] = 0;
    l->types[2] = 1;
    assert_int_equal(cadre_moe_forward(l->moe, &l->batch, l->x, l->y), CADRE_EARGUMENT);
    l->types[2] = 0;
    l->batch.ids = NULL;
    assert_int_equal(cadre_moe_forward(l->moe, &l->batch, l->x, l->y), CADRE_EARGUMENT);
    l->batch.ids = l->ids;
    cadre_moe_parameter p = cadre_moe_parameter_at(l->moe, 0);
    for (int64_t i = 1; strcmp(p.name, "router.table") != 0; i++)
        p = cadre_moe_parameter_at(l->moe, i);
    p.values[1] = p.values[0];
    assert_int_equal(cadre_moe_forward(l->moe, &l->batch, l->x, l->y), CADRE_EARGUMENT);
    p.values[1] = REAL_C(1.5);
    assert_int_equal(cadre_moe_forward(l->moe, &l->batch, l->x, l->y), CADRE_EARGUMENT);
    p.values[1] = EXPERTS;
    assert_int_equal(cadre_moe_forward(l->moe, &l->batch, l->x, l->y), CADRE_EARGUMENT);
    p.values[1] = p.values[0] > 0 ? 0 : 1;
    succeeds(cadre_moe_forward(l->moe, &l->batch, l->x, l->y));
    close_layer(l);
    free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_among_the_kinds),
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(task_weights_stay),
        cmocka_unit_test(the_coefficient_of_l1_follows_the_experts_in_use),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(a_second_batch_is_added),
        cmocka_unit_test(padding_is_not_read),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(batches_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

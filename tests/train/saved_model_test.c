/* saved_model_test.c - for every option of a training run: the saved model computes the same bits
 * as the trained one, or the option is refused by its name.
 *
 * Each row of the four tables of options is listed in `tries`, with values that are tried with
 * several recipes and on a model that is trained further, or in `nature`, if it describes the run
 * and not what a model computes. A row that is in neither fails the test. The trained model's
 * outputs are computed from the options, with the configuration of the trainer's layers; the saved
 * model's, by opening the folder. */
#ifndef _GNU_SOURCE
    #define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "format/safetensors.h"
#include "model/model.h"
#include "model/transformer.h"
#include "moe/settings.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "train/settings.h"
#include "weights/config_file.h"
#include "weights/files.h"

enum { CONTEXT = 16, BATCH = 4, SEQUENCES = 2, TOKENS = SEQUENCES * CONTEXT };
enum { MOST_VOCAB = 640, SMALLEST_VOCAB = 500 };

/* ---- the values that are tried ---- */

typedef enum effect {
    FUNCTION, /* it changes what the model computes, in at least one recipe */
    SHAPE,    /* the same, but parameters differ too, so there is nothing to compare it with */
    TRAINING, /* it must not change what the model computes */
} effect;

typedef struct
try {
    const char *option, *value;
    const char *beside; /* "option value ..." that it depends on; NULL: it depends on none */
    effect effect;
}
try;

#define LIMIT "capacity-factor 0.4 capacity-in-eval yes"
#define GROUPS "groups 4 groups-used 2"

static const try tries[] = {
    { "layers", "1", NULL, SHAPE },
    { "layers", "3", NULL, SHAPE },
    { "width", "32", NULL, SHAPE },
    { "mixer", "lstm", NULL, SHAPE },
    { "mixer", "lstm,attention", NULL, SHAPE },
    { "heads", "1", NULL, FUNCTION },
    { "heads", "4", NULL, FUNCTION },
    { "kv-heads", "1", NULL, SHAPE },
    { "head-dim", "12", NULL, SHAPE },
    { "q-lora-rank", "10", NULL, SHAPE },
    { "kv-lora-rank", "10", NULL, SHAPE },
    { "qk-rope-head-dim", "2", NULL, SHAPE },
    { "v-head-dim", "6", NULL, SHAPE },
    { "experts", "4", NULL, SHAPE },
    { "experts", "4,8", "topk 1", SHAPE },
    { "experts", "0,8", NULL, SHAPE },
    { "expert-width", "10", NULL, SHAPE },
    { "expert-width", "10,14", NULL, SHAPE },
    { "shared-experts", "2", NULL, SHAPE },
    { "shared-experts", "0,2", NULL, SHAPE },
    { "latent-width", "12", NULL, SHAPE },
    { "latent-width", "0,12", NULL, SHAPE },
    { "residual-width", "10", NULL, SHAPE },
    { "residual-width", "10,0", NULL, SHAPE },
    { "dense-layers", "1", NULL, SHAPE },
    { "dense-layers", "0", NULL, SHAPE },
    { "dense-width", "20", "dense-layers 1", SHAPE },
    { "dense-width", "20,0", "experts 8,0", SHAPE },
    { "dense-width", "20,24", "experts 0,0", SHAPE },
    { "vocab", "600", NULL, SHAPE },
    { "tie", "yes", NULL, FUNCTION },
    { "router", "softmax", NULL, FUNCTION },
    { "router", "softmax-renorm", NULL, FUNCTION },
    { "router", "topk-softmax", NULL, FUNCTION },
    { "router", "sigmoid-bias", NULL, SHAPE },
    { "router", "sigmoid-bias-raw", NULL, SHAPE },
    { "router", "sqrtsoftplus-bias", NULL, SHAPE },
    { "router", "softmax-bias", NULL, SHAPE },
    { "router", "noisy-topk", NULL, SHAPE },
    { "router", "top-p", NULL, FUNCTION },
    { "router", "base", "topk 1", FUNCTION },
    { "router", "sinkhorn", NULL, FUNCTION },
    { "router", "sparsemixer", NULL, FUNCTION },
    { "router", "sigmoid-input", NULL, FUNCTION },
    { "router", "dense", NULL, FUNCTION },
    { "router", "expert-choice", "allow-lookahead yes", FUNCTION },
    { "router", "cosine", NULL, SHAPE },
    { "router", "product", NULL, SHAPE },
    { "router", "quantile", NULL, SHAPE },
    { "router", "threshold", NULL, SHAPE },
    { "router", "relu", NULL, SHAPE },
    { "router", "hash", NULL, SHAPE },
    { "router", "hash-next", "allow-lookahead yes", SHAPE },
    { "router", "multi-hash", NULL, SHAPE },
    { "router", "hierarchical", "groups 2 groups-used 2", SHAPE },
    { "router", "sparsemixer-1", "topk 1", SHAPE },
    { "router", "soft", "allow-lookahead yes", SHAPE },
    { "router", "softmax,hash", NULL, SHAPE },
    { "router", "hash,softmax-bias", "score sqrtsoftplus,softmax norm-eps 0.1", SHAPE },
    { "router", "softmax-renorm,softmax", NULL, FUNCTION },
    { "router", "softmax,softmax-renorm", "groups 4 groups-used 2 group-score top2", FUNCTION },
    { "router", "cosine,top-p", "projector 9 top-p 0.2", SHAPE },
    { "topk", "3", NULL, FUNCTION },
    { "topk", "2,3", NULL, FUNCTION },
    { "expert-form", "relu,geglu", NULL, SHAPE },
    { "expert-form", "geglu,swiglu", NULL, FUNCTION },
    { "expert-form", "gelu,gpt-oss", "experts 0,8", SHAPE },
    { "expert-form", "relu", NULL, SHAPE },
    { "expert-form", "gelu", NULL, SHAPE },
    { "expert-form", "geglu", NULL, FUNCTION },
    { "expert-form", "swiglu", NULL, FUNCTION },
    { "expert-form", "gpt-oss", NULL, FUNCTION },

    { "groups", "4", NULL, FUNCTION },
    { "groups-used", "1", "groups 4 topk 2", FUNCTION },
    { "groups", "1,4", "topk 2", FUNCTION },
    { "groups", "4,1", "topk 3", FUNCTION },
    { "groups", "2,4", "experts 8,16 topk 2", SHAPE },
    { "groups-used", "1,2", "groups 4 topk 2", FUNCTION },
    { "groups", "2,4", "router hierarchical topk 1 groups-used 2", SHAPE },
    { "group-score", "max", GROUPS, FUNCTION },
    { "group-score", "top2", GROUPS, FUNCTION },
    { "group-mask", "zero", "router sigmoid-bias topk 4 " GROUPS, SHAPE },
    { "group-score", "top2", "groups 1,4 topk 3", FUNCTION },
    { "group-mask", "zero", GROUPS, TRAINING }, /* scores are above 0: the mask picks the same */
    { "group-score", "max,top2", "topk 3 " GROUPS, FUNCTION },
    { "group-score", "top2,max", "topk 3 " GROUPS, FUNCTION },
    { "group-mask", "inf,zero", "router sigmoid-bias topk 4 " GROUPS, SHAPE },
    { "route-scale", "300", NULL, FUNCTION },
    { "route-scale", "0.1", NULL, FUNCTION },
    { "route-scale", "1,300", NULL, FUNCTION },
    { "route-scale", "300,1", NULL, FUNCTION },
    { "renormalise", "yes", "router softmax-bias", FUNCTION },
    { "renormalise", "no,yes", "router softmax-bias", FUNCTION },
    { "renormalise", "yes,no", "router softmax-bias", FUNCTION },
    { "survivors", "yes", LIMIT, FUNCTION },
    { "survivors", "no,yes", LIMIT, FUNCTION },
    { "norm-eps", "0.5", "router softmax-bias renormalise yes", FUNCTION },
    { "norm-eps", "0.3", NULL, FUNCTION },
    { "norm-eps", "0.001,0.4", "router sigmoid-bias", SHAPE },
    { "top-p", "0.2", "router top-p topk 6", FUNCTION },
    { "top-p", "0.4,0.1", "router top-p topk 6", FUNCTION },
    { "noise-floor", "0.5", "router noisy-topk", TRAINING },
    { "noise-floor", "0.5,0.1", "router noisy-topk", TRAINING },
    { "score", "sigmoid", "router expert-choice allow-lookahead yes", FUNCTION },
    { "score", "softmax,sigmoid", "router expert-choice allow-lookahead yes", FUNCTION },
    { "score", "sigmoid", "router hash", FUNCTION },
    { "score", "sqrtsoftplus", "router hash", SHAPE },
    { "capacity-factor", "3", "router expert-choice allow-lookahead yes", FUNCTION },
    { "logit-noise", "2", "router softmax-renorm", TRAINING },
    { "logit-noise", "2,0", "router softmax-renorm", TRAINING },
    { "estimator", "dense", "router softmax", TRAINING },
    { "estimator", "dense,router", "router softmax", TRAINING },
    { "estimator", "straight-through", "router softmax-renorm", TRAINING },
    { "estimator", "sparsemixer", "router sparsemixer", TRAINING },
    { "sparsemixer-epsilon", "0.001", "router sparsemixer", FUNCTION },
    { "sparsemixer-epsilon", "0.01,0.0001", "router sparsemixer", FUNCTION },
    { "sinkhorn-tolerance", "0.1", "router sinkhorn", TRAINING },
    { "sinkhorn-tolerance", "0.1,0.01", "router sinkhorn", TRAINING },
    { "slots", "2", "router soft allow-lookahead yes", SHAPE },
    { "slots", "1,3", "router soft allow-lookahead yes", SHAPE },
    { "grid", "4,2", "router product", SHAPE },
    { "grid", "4,2/2,2,2", "router product experts 8", SHAPE },
    { "projector", "9", "router cosine", SHAPE },
    { "projector", "9,5", "router cosine", SHAPE },
    { "tasks", "2", "router dense", TRAINING },
    { "l1", "0.1", "router relu", SHAPE },
    { "l1-multiplier", "1.1", "router relu", SHAPE },
    { "quantile-ema", "0.5", "router quantile", SHAPE },
    { "l1", "0.1,0.2", "router relu", SHAPE },
    { "l1-multiplier", "1.1,1.2", "router relu", SHAPE },
    { "quantile-ema", "0.5,0.9", "router quantile", SHAPE },
    { "residual-logits", "yes", NULL, SHAPE },
    { "residual-logits", "no,yes", NULL, SHAPE },
    { "residual-logits", "no,no,yes", "layers 3", SHAPE },
    { "residual-logits", "no,yes,no", "layers 3", SHAPE },
    { "constant-experts", "1", NULL, SHAPE },
    { "constant-experts", "1,0", NULL, SHAPE },
    { "copy-experts", "0,1", NULL, SHAPE },
    { "copy-experts", "1", NULL, SHAPE },
    { "zero-experts", "1", NULL, SHAPE },
    { "zero-weight", "dropped", "zero-experts 4", FUNCTION },
    { "zero-weight", "kept,dropped", "zero-experts 4", FUNCTION },
    { "expert-input-scale", "2", NULL, FUNCTION },
    { "expert-input-scale", "1,2", NULL, FUNCTION },
    { "banks", "text=4,image=4", "topk 2 type-ids image=250-499", SHAPE },
    { "type-ids", "image=100-499", "topk 2 banks text=4,image=4", SHAPE },
    { "bank-width", "text=14,image=6", "topk 2 banks text=4,image=4 type-ids image=250-499",
        SHAPE },
    { "bank-width", "image=6", "topk 2 banks text=5,image=3 type-ids image=250-499", SHAPE },
    { "types", "text,image", NULL, TRAINING },
    { "jitter", "0.3", NULL, TRAINING },
    { "jitter-experts", "yes", "jitter 0.3", TRAINING },
    { "jitter", "0,0.3", NULL, TRAINING },
    { "jitter-experts", "yes,no", "jitter 0.3", TRAINING },
    { "expert-dropout", "0.3", NULL, TRAINING },
    { "expert-dropout", "0.3,0", NULL, TRAINING },
    { "capacity-factor", "0.4", NULL, TRAINING },
    { "capacity-factor", "0.3", "capacity-in-eval yes", FUNCTION },
    { "capacity-factor", "0.3,2", "capacity-in-eval yes", FUNCTION },
    { "capacity-factor", "0.3,2", NULL, TRAINING },
    { "capacity-factor", "3,1", "router expert-choice allow-lookahead yes", FUNCTION },
    { "zero-experts", "0,3", NULL, SHAPE },
    { "dropout", "0.3", NULL, SHAPE }, /* the bias that the loads move is saved */
    { "capacity-slots", "2", NULL, TRAINING },
    { "capacity-slots", "2", "capacity-in-eval yes", FUNCTION },
    { "capacity-slots", "2,5", "capacity-in-eval yes", FUNCTION },
    { "capacity-slots", "0,3", "capacity-in-eval yes", FUNCTION },
    { "capacity-slots", "2,5", NULL, TRAINING },
    { "capacity-in-eval", "yes", "capacity-factor 0.4", FUNCTION },
    { "capacity-in-eval", "yes,no", "capacity-factor 0.4", FUNCTION },
    { "capacity-in-eval", "no,yes", "capacity-factor 0.4", FUNCTION },
    { "overflow", "drop", NULL, TRAINING },
    { "overflow", "drop,reroute", LIMIT, FUNCTION },
    { "overflow", "none,drop", LIMIT, FUNCTION },
    { "overflow", "drop,none", LIMIT, FUNCTION },
    { "overflow", "drop,reroute", NULL, TRAINING },
    { "overflow", "reroute", LIMIT, FUNCTION },
    { "overflow", "pad", LIMIT, TRAINING },
    { "overflow", "none", "capacity-in-eval yes", FUNCTION },
    { "priority", "token", LIMIT, FUNCTION },
    { "priority", "probability", LIMIT, FUNCTION },
    { "priority", "token,probability", LIMIT, FUNCTION },
    { "priority", "probability,choice", LIMIT, FUNCTION },
    { "priority", "choice,batch", "capacity-slots 2,3 capacity-in-eval yes", FUNCTION },

    { "aux-loss", "0.7", NULL, TRAINING },
    { "balance-loss", "importance", "aux-loss 0.5", TRAINING },
    { "losses", "importance=0.5,load=0.1", NULL, TRAINING },
    { "aux-form", "pooled", "aux-loss 0.5", TRAINING },
    { "balance-over", "step", "aux-loss 0.5 accumulate 2", TRAINING },
    { "aux-loss", "0.7,0.1", NULL, TRAINING },
    { "losses", "importance=0.5/load=0.1,z=0.1", NULL, TRAINING },
    { "sequence-aux", "0.5", NULL, TRAINING },
    { "sequence-aux", "0.5,0", NULL, TRAINING },
    { "sequence-entropy", "0.5", NULL, TRAINING },
    { "sequence-entropy", "0,0.5", NULL, TRAINING },
    { "z-loss", "0.5", NULL, TRAINING },
    { "z-loss", "0.5,0.1", NULL, TRAINING },
    { "hash-table", "random", "router hash", SHAPE },
    { "hash-table", "balanced", "router multi-hash", SHAPE },
    { "bias-update-rate", "0.4", NULL, SHAPE }, /* the bias that it moves is saved */
    { "bias-update-rate", "0.4,0.1", NULL, SHAPE },
    { "tau", "0.5", "balance-loss heterogeneous aux-loss 0.5", TRAINING },
    { "tau", "0.5,1", "balance-loss heterogeneous aux-loss 0.5", TRAINING },
    { "entropy-experts", "text=2", NULL, TRAINING },
    { "devices", "2", "balance-loss device aux-loss 0.5", TRAINING },
    { "devices-used", "2", "balance-loss communication devices 4 aux-loss 0.5", TRAINING },
};
enum { TRIES = sizeof tries / sizeof *tries };

/* Options of the machine, of speed, of the run's length and of files */
static const char *const nature[] = {
    "threads",
    "seed",
    "init-scale",
    "recipe",
    "context",
    "from",
    "data",
    "tokens",
    "out",
    "resume",
    "metrics",
    "dry-run",
    "save-every",
    "keep",
    "watch",
    "tensorboard",
    "override",
    "dtype", /* tests/cli/long-runs.t */
    "validate-every",
    "validate-tokens",
    "patience",
    "skip-bad",
    "steps",
    "minutes",
    "batch",
    "accumulate",
    "lr",
    "warmup",
    "beta1",
    "beta2",
    "eps",
    "weight-decay",
    "clip",
    "router-lr",
    "no-decay",
    "schedule",
    "min-lr-ratio",
    "min-tokens",
    "max-minutes",
    "optimizer",
    "muon-scale",
    "momentum",
    "compute",
    "recompute",
    "weights",
    "template",
    "loss-on",
    "pack",
    "freeze",
    "noise-density",
    "noise-span",
    "allow-lookahead",
    "image-size", /* these four: of images, which tests/cli/images.t saves and draws */
    "image-patch",
    "image-codes",
    "image-order",
    "adapter", /* what it saves is no model: tests/train/run_adapter_test.c */
    "rank",
    "alpha",
    "targets",
    "adapter-from",
    "preference",
    "beta",
};

static bool is_known(const char *name)
{
    for (size_t i = 0; i < sizeof nature / sizeof *nature; i++)
        if (!strcmp(nature[i], name)) return true;
    for (int i = 0; i < TRIES; i++)
        if (!strcmp(tries[i].option, name)) return true;
    return false;
}

static void every_row_is_tried(void **state)
{
    (void)state;
    const cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(),
        cadre_routing_options(), cadre_train_options() };
    for (int t = 0; t < 4; t++)
        for (int i = 0; i < tables[t].count; i++)
            if (!is_known(tables[t].rows[i].name))
                fail_msg("--%s: is it kept in a saved model? Say so in `tries` or `nature`",
                    tables[t].rows[i].name);
}

static bool takes_a_list(const cadre_option *row)
{
    return row->kind == CADRE_OPTION_INTS || row->kind == CADRE_OPTION_REALS ||
           row->kind == CADRE_OPTION_CHOICES || row->kind == CADRE_OPTION_FLAGS;
}

static bool is_tried_as_list(const char *name)
{
    for (int i = 0; i < TRIES; i++)
        if (!strcmp(tries[i].option, name) && strchr(tries[i].value, ',')) return true;
    return false;
}

/* Options that are the same for all layers, because tokens, devices or terms of the loss are */
static const char *const of_the_model[] = { "tasks", "types", "banks", "type-ids", "bank-width",
    "devices", "devices-used", "balance-loss", "aux-form", "balance-over" };

/* Every option of sparse layers takes a list with an item for each layer, and one is tried. */
static void every_list_is_tried(void **state)
{
    (void)state;
    cadre_option_table table = cadre_routing_options();
    for (int i = 0; i < table.count; i++) {
        const cadre_option *row = &table.rows[i];
        bool text = row->kind == CADRE_OPTION_TEXT; /* parts between slashes */
        bool one = false;
        for (size_t k = 0; k < sizeof of_the_model / sizeof *of_the_model; k++)
            one |= !strcmp(of_the_model[k], row->name);
        if (!one && !takes_a_list(row) && !text) fail_msg("--%s takes no list", row->name);
        if (takes_a_list(row) && !is_tried_as_list(row->name))
            fail_msg("--%s: no list is tried", row->name);
    }
}

/* ---- runs ---- */

static const char *token_file(void)
{
    static char path[4096];
    static int32_t ids[BATCH * (CONTEXT + 1)];
    safetensors_writer *w;
    if (*path) return path;
    snprintf(path, sizeof path, "%s", scratch_file("tokens.safetensors"));
    for (int i = 0; i < BATCH * (CONTEXT + 1); i++) ids[i] = (i * 37 + i / 5) % SMALLEST_VOCAB;
    const int64_t shape[] = { 1, BATCH, CONTEXT + 1 };
    assert_int_equal(safetensors_writer_open(path, false, &w), CADRE_OK);
    assert_int_equal(safetensors_writer_declare(w, "tokens", "I32", 3, shape), CADRE_OK);
    assert_int_equal(safetensors_writer_put(w, ids, sizeof ids), CADRE_OK);
    assert_int_equal(safetensors_writer_commit(w), CADRE_OK);
    return path;
}

static void set_words(cadre_options *o, const char *words)
{
    char text[256], *rest = text;
    snprintf(text, sizeof text, "%s", words ? words : "");
    for (char *name; *text && (name = strsep(&rest, " "));) small_set(o, name, strsep(&rest, " "));
}

/* The options of a run; `base` is a recipe, or a model's folder. */
static cadre_options *options_of(const char *base, bool from, const char *beside, const try *t)
{
    cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(),
        cadre_routing_options(), cadre_train_options() };
    cadre_options *o;
    if (!from) o = small_options(base);
    else assert_int_equal(cadre_options_new(tables, 4, &o), CADRE_OK);
    if (from) small_set(o, "from", base);
    small_set(o, "tokens", token_file());
    small_set(o, "lr", "0");
    small_set(o, "steps", "1");
    set_words(o, beside);
    if (t) small_set(o, t->option, t->value);
    return o;
}

typedef struct outcome {
    bool refused;
    int64_t vocab;
    real saved[TOKENS * MOST_VOCAB], trained[TOKENS * MOST_VOCAB]; /* logits */
} outcome;

static void compute_logits(
    compute *c, const model_config *config, const model_weights *weights, real *logits)
{
    int32_t inputs[TOKENS];
    int64_t start[SEQUENCES + 1];
    transformer *t;
    batch_limits most = { .tokens = TOKENS, .sequences = SEQUENCES, .keys = CONTEXT };
    for (int i = 0; i < TOKENS; i++) inputs[i] = (i * 53 + i / 3) % SMALLEST_VOCAB;
    for (int i = 0; i <= SEQUENCES; i++) start[i] = i * CONTEXT;
    assert_int_equal(transformer_new(c, config, &most, &t), CADRE_OK);
    token_batch b = { .inputs = inputs, .tokens = TOKENS, .sequences = SEQUENCES, .start = start };
    transformer_forward(t, weights, &b, NULL, NULL, NULL);
    transformer_logits(t, weights, 0, TOKENS, logits);
    transformer_free(t);
}

static void logits_of_saved(cadre_context *context, const char *folder, outcome *result)
{
    cadre_model *m;
    if (cadre_model_open(context, folder, &m) != CADRE_OK) fail_msg("%s", cadre_last_error());
    assert_true(m->config.vocab <= MOST_VOCAB);
    result->vocab = m->config.vocab;
    compute_logits(context->compute, &m->config, &m->weights, result->saved);
    cadre_model_close(m);
}

/* Computes logits with the configuration that a trainer with these options has, and the saved
 * values. */
static void logits_of_trained(
    cadre_context *context, cadre_options *o, const char *folder, int64_t vocab, real *logits)
{
    const char *name = cadre_options_text(o, "recipe", 0);
    const char *from = cadre_options_text(o, "from", 0);
    const recipe *r = name ? recipe_by_name(name) : NULL;
    model_config config;
    train_settings settings;
    param_table table;
    model_weights weights;
    char *notes = NULL;
    assert_int_equal(recipe_apply(r, o), CADRE_OK);
    if (r) assert_int_equal(recipe_config(r, o, vocab, &config, &notes), CADRE_OK);
    else assert_int_equal(model_config_of(from, &config), CADRE_OK);
    if (!r) assert_int_equal(model_config_read_routing(&config, o), CADRE_OK);
    assert_int_equal(train_settings_read(o, r, &settings), CADRE_OK);
    assert_int_equal(train_settings_apply(&settings, &config), CADRE_OK);
    assert_int_equal(param_table_make(&config, &table), CADRE_OK);
    real *values = MEM_ARRAY(real, table.elements);
    assert_non_null(values);
    if (model_read_values(folder, &config, &table, values) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    assert_int_equal(model_weights_of_flat(&config, &table, values, &weights), CADRE_OK);
    compute_logits(context->compute, &config, &weights, logits);
    model_weights_free(&weights);
    mem_free(values);
    param_table_free(&table);
    mem_free(notes);
    model_config_free(&config);
}

static void run_one(const char *base, bool from, const char *beside, const try *t, outcome *result)
{
    char folder[4096];
    cadre_context *context;
    cadre_train_summary summary = { .size = sizeof summary };
    cadre_options *o = options_of(base, from, beside, t);
    snprintf(folder, sizeof folder, "%s", scratch_file("saved"));
    small_set(o, "out", folder);
    assert_int_equal(cadre_context_new(1, NULL, &context), CADRE_OK);
    cadre_status status = cadre_train(context, o, NULL, &summary);
    result->refused = status != CADRE_OK;
    if (status == CADRE_OK) {
        logits_of_saved(context, folder, result);
        logits_of_trained(context, o, folder, result->vocab, result->trained);
        small_remove(folder);
    } else if (status != CADRE_EARGUMENT && status != CADRE_EUNSUPPORTED)
        fail_msg(
            "%s: --%s %s: %s", base, t ? t->option : "", t ? t->value : "", cadre_last_error());
    cadre_context_free(context);
    cadre_options_free(o);
}

/* ---- what is checked ---- */

/* Checks that the error of a refusal names the option, or one that it depends on. */
static void check_refusal(const char *base, const try *t)
{
    const char *error = cadre_last_error();
    bool named = strstr(error, t->option) != NULL;
    char text[256], *rest = text;
    snprintf(text, sizeof text, "%s", t->beside ? t->beside : "");
    for (char *name; *text && (name = strsep(&rest, " ")); strsep(&rest, " "))
        named |= strstr(error, name) != NULL;
    if (!named)
        fail_msg("%s: --%s %s is refused without its name: %s", base, t->option, t->value, error);
}

static bool same(const real *a, const real *b, int64_t vocab)
{
    return !memcmp(a, b, (size_t)(TOKENS * vocab) * sizeof *a);
}

/* The outputs without the option, but with those that it depends on; `plain` if there are none */
static const outcome *without(const char *base, bool from, const try *t, const outcome *plain)
{
    static outcome made;
    if (!t->beside) return plain;
    run_one(base, from, t->beside, NULL, &made);
    return &made;
}

/* Whether the option changed what the model computes. plain: the outputs without any option */
static bool check_try(const char *base, bool from, const try *t, const outcome *plain)
{
    static outcome with;
    run_one(base, from, t->beside, t, &with);
    if (with.refused) {
        check_refusal(base, t);
        return false;
    }
    if (!same(with.saved, with.trained, with.vocab))
        fail_msg("%s: --%s %s (%s): what was saved is not what was trained", base, t->option,
            t->value, t->beside ? t->beside : "");
    if (t->effect == SHAPE) return true;
    const outcome *other = without(base, from, t, plain);
    if (other->refused) return true;
    bool changed = !same(with.saved, other->saved, other->vocab);
    if (changed && t->effect == TRAINING)
        fail_msg("%s: --%s %s changes what the saved model computes", base, t->option, t->value);
    return changed;
}

static const char *const made_by[] = { "olmoe", "deepseek-moe", "deepseek-v3", "switch" };
enum { MADE_BY = sizeof made_by / sizeof *made_by };

static void saved_is_trained(void **state)
{
    (void)state;
    static outcome plain[MADE_BY];
    for (int r = 0; r < MADE_BY; r++) run_one(made_by[r], false, NULL, NULL, &plain[r]);
    for (int i = 0; i < TRIES; i++) {
        bool acts = false;
        for (int r = 0; r < MADE_BY; r++)
            acts |= check_try(made_by[r], false, &tries[i], &plain[r]);
        if (!acts && tries[i].effect != TRAINING)
            fail_msg("--%s %s changes nothing with any recipe", tries[i].option, tries[i].value);
    }
}

/* The same for a model that is trained further. */
static void saved_is_trained_from_a_model(void **state)
{
    (void)state;
    static outcome plain;
    for (int r = 0; r < MADE_BY; r++) {
        char base[4096];
        snprintf(base, sizeof base, "%s", scratch_file("base"));
        cadre_options *o = options_of(made_by[r], false, NULL, NULL);
        small_set(o, "out", base);
        small_train(o, 1, CADRE_OK);
        cadre_options_free(o);
        run_one(base, true, NULL, NULL, &plain);
        for (int i = 0; i < TRIES; i++) check_try(base, true, &tries[i], &plain);
        small_remove(base);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_tried),
        cmocka_unit_test(every_list_is_tried),
        cmocka_unit_test(saved_is_trained),
        cmocka_unit_test(saved_is_trained_from_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

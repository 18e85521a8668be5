/* run_model.c - the configuration of the model that a run trains: that of a recipe, or of the model
 * that it starts from. */
#include <string.h>

#include "arch/architecture.h"
#include "arch/config_fit.h"
#include "base/memory.h"
#include "moe/settings.h"
#include "text/bpe_train.h"
#include "train/run.h"
#include "weights/config_file.h"
#include "weights/weight_file.h"

/* ---- from a file ---- */

/* Refuses options of the model's shape, and options of routing that change its parameters or
 * groups, because the model's file determines them. */
static cadre_status refuse_options_of_another_model(const train_run *r)
{
    static const char *const others[] = { "recipe", "context" }; /* recipe: has its own refusal */
    static const char *const groups[] = { "groups", "groups-used", "constant-experts",
        "copy-experts", "zero-experts", "residual-logits", "banks", "type-ids" };
    cadre_option_table table = cadre_model_options();
    const char *found = NULL;
    for (int i = 0; i < table.count && !found; i++) {
        const char *name = table.rows[i].name;
        bool other = false;
        for (int k = 0; k < 2; k++) other |= !strcmp(name, others[k]);
        if (!other && cadre_options_given(r->options, name)) found = name;
    }
    for (size_t i = 0; i < sizeof groups / sizeof *groups && !found; i++)
        if (cadre_options_given(r->options, groups[i])) found = groups[i];
    if (!found) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--%s: with --from, the model says what it is; expected no value, found one", found);
}

/* The default learning rate for fine-tuning, well below that of a new model: AdamW moves every
 * weight by about so much a step. An adapter's is larger, because what its pairs add begins at
 * zero. NULL: sgd and adafactor, whose rates have another scale, have no default here. */
static const char *usual_rate(const train_run *r)
{
    const char *method = cadre_options_text(r->options, "optimizer", 0);
    bool adapts = cadre_options_count(r->options, "adapter") > 0;
    if (strcmp(method, "adamw") != 0 && strcmp(method, "muon") != 0) return NULL;
    if (cadre_options_count(r->options, "preference")) return adapts ? "1e-05" : "1e-06";
    return adapts ? "0.0002" : "2e-05";
}

/* Sets options that were not given: the context to its default or the model's if that is shorter,
 * the learning rate to one for fine-tuning, and the coefficient of the balancing loss to the
 * model's. */
static cadre_status supply_defaults(train_run *r)
{
    enum { USUAL_CONTEXT = 256 };
    char text[40];
    int64_t context = r->config.context < USUAL_CONTEXT ? r->config.context : USUAL_CONTEXT;
    bool balanced = r->config.aux_loss > 0 && model_config_sparse_layers(&r->config);
    snprintf(text, sizeof text, "%lld", (long long)context);
    bool compares = cadre_options_count(r->options, "preference") > 0;
    if (!cadre_options_count(r->options, "tokens") && !compares)
        CADRE_TRY(options_supply(r->options, "context", text));
    if (usual_rate(r)) CADRE_TRY(options_supply(r->options, "lr", usual_rate(r)));
    snprintf(text, sizeof text, "%.15g", r->config.aux_loss);
    return balanced && !compares ? options_supply(r->options, "aux-loss", text) : CADRE_OK;
}

cadre_status train_model_open(train_run *r)
{
    CADRE_TRY(refuse_options_of_another_model(r));
    CADRE_TRY(model_config_of(r->from, &r->config));
    const char *untrainable = model_config_untrainable(&r->config);
    if (untrainable)
        return cadre_fail(CADRE_EUNSUPPORTED, r->from,
            "a model of type %s: expected one that can be trained, found %s, which "
            "cannot be yet",
            r->config.arch->model_type, untrainable);
    r->read_as = r->config.arch;
    r->config.arch = architecture_written(r->config.arch);
    return supply_defaults(r);
}

/* The 16-bit format of a file whose tensors have more bytes in it than in float32; otherwise
 * float32, also for a quantised file */
static cadre_status find_format(const char *path, const number_format **most)
{
    const number_format *formats[] = { &number_f32, &number_f16, &number_bf16 };
    int64_t bytes[3] = { 0 };
    weight_file file;
    char buffer[GGUF_NAME];
    CADRE_TRY(weight_file_open(path, &file));
    for (size_t i = 0; i < weight_file_count(&file); i++) {
        stored_tensor t;
        weight_file_at(&file, i, buffer, &t);
        for (int k = 0; k < 3; k++)
            if (t.format == formats[k]) bytes[k] += (int64_t)t.size;
    }
    bool plain = 2 * (bytes[0] + bytes[1] + bytes[2]) > weight_file_bytes(&file);
    int best = bytes[1] > bytes[2] ? 1 : 2;
    *most = plain && bytes[best] > bytes[0] ? formats[best] : &number_f32;
    weight_file_close(&file);
    return CADRE_OK;
}

cadre_status train_model_choose_dtype(train_run *r)
{
    const char *wish = cadre_options_text(r->options, "dtype", 0);
    if (cadre_options_count(r->options, "adapter"))
        return wish ? cadre_fail(CADRE_EARGUMENT, NULL,
                          "--dtype: expected no value with --adapter, which is saved in f32")
                    : CADRE_OK;
    if (wish) r->saved_as = number_by_name(wish);
    else if (r->from) CADRE_TRY(find_format(r->from, &r->saved_as));
    if (!wish && r->saved_as && r->saved_as != &number_f32)
        train_note(r, "the model is saved in %s, as %s is (--dtype f32 saves all of it)",
            r->saved_as->name, r->from);
    return CADRE_OK;
}

static cadre_status check_context(const train_run *r)
{
    int64_t context = cadre_options_int(r->options, "context", 0);
    if (context <= r->config.context) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, r->from,
        "--context: expected at most the model's %lld, found %lld", (long long)r->config.context,
        (long long)context);
}

static cadre_status check_tokenizer(const train_run *r)
{
    if (r->tokenizer && tokenizer_size(r->tokenizer) > r->config.vocab)
        return cadre_fail(CADRE_EMISMATCH, r->from,
            "tokenizer.json: expected at most the model's %lld ids, found %d",
            (long long)r->config.vocab, tokenizer_size(r->tokenizer));
    return CADRE_OK;
}

/* Completes the configuration. Refuses options, and properties of the model, for which the files
 * that will be written have no key. */
static cadre_status decide_from_model(train_run *r)
{
    const char *lost;
    CADRE_TRY(check_context(r));
    CADRE_TRY(model_config_read_routing(&r->config, r->options));
    if (r->adapts) return CADRE_OK; /* no model is written */
    CADRE_TRY(architecture_loses(r->config.arch, &r->config, &lost));
    const char *type = r->config.arch->model_type;
    if (lost && cadre_options_row(r->options, lost) && cadre_options_given(r->options, lost))
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--%s: expected what files of type %s have a key for, found another", lost, type);
    if (lost)
        return cadre_fail(CADRE_EUNSUPPORTED, r->from,
            "%s: expected what a config.json of type %s can say, found another", lost, type);
    r->config.aux_loss = options_most(r->options, "aux-loss"); /* config.json will have it */
    return CADRE_OK;
}

/* ---- from a recipe ---- */

static cadre_status decide_from_recipe(train_run *r)
{
    char *notes;
    int64_t vocab = r->tokenizer ? tokenizer_size(r->tokenizer)
                                 : cadre_options_int(r->options, "vocab", 0) + train_image_ids(r);
    CADRE_TRY(recipe_config(r->recipe, r->options, vocab, &r->config, &notes));
    r->config.images = r->images;
    for (char *line = notes, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        train_note(r, "%s", line);
    }
    mem_free(notes);
    return CADRE_OK;
}

static cadre_status check_recipe_early(const train_run *r, model_config *least)
{
    char *notes;
    bool learnt = cadre_options_count(r->options, "data") && !r->resumed;
    int64_t vocab = learnt ? BPE_TRAIN_MIN : cadre_options_int(r->options, "vocab", 0);
    CADRE_TRY(recipe_config(r->recipe, r->options, vocab + train_image_ids(r), least, &notes));
    mem_free(notes);
    least->images = r->images;
    return CADRE_OK;
}

cadre_status train_model_check_early(train_run *r, model_config *least)
{
    return r->from ? decide_from_model(r) : check_recipe_early(r, least);
}

cadre_status train_model_decide(train_run *r)
{
    return r->from ? check_tokenizer(r) : decide_from_recipe(r);
}

/* ---- notes before training ---- */

static void warn_of_routers_without_gradient(const train_run *r)
{
    for (int64_t l = 0; l < r->config.layers; l++) {
        const moe_config *moe = &r->config.layer[l].moe;
        if (!r->config.layer[l].sparse) continue;
        if (!router_learns_nothing(moe->router, &moe->route)) continue;
        train_note(r, "one pick with a renormalised weight: the router learns nothing from the "
                      "experts");
        return;
    }
}

/* Notes that a layer routes nothing, because every token takes all experts. */
static void warn_of_dense_picks(const train_run *r)
{
    for (int64_t l = 0; l < r->config.layers; l++) {
        const layer_config *layer = &r->config.layer[l];
        if (!layer->sparse || layer->moe.route.topk < layer->moe.experts || layer->moe.experts == 1)
            continue;
        if (layer->moe.router->traits & ROUTER_VARIABLE) continue;
        train_note(r,
            "every token takes all %lld experts, so nothing is routed: a --topk below "
            "%lld, or more --experts, makes the layers sparse",
            (long long)layer->moe.experts, (long long)layer->moe.experts);
        return;
    }
}

static bool any_correction(const model_config *c)
{
    bool any = false;
    for (int64_t l = 0; l < c->layers; l++)
        any |= c->layer[l].sparse && c->layer[l].moe.router->traits & ROUTER_CORRECTION;
    return any;
}

/* Notes which balancing is in force when a model is fine-tuned, as it is easily forgotten. */
static void tell_balancing(const train_run *r)
{
    const balance_options *b = &r->settings.balance;
    if (!r->from || !model_config_sparse_layers(&r->config)) return;
    bool bias_can_move = any_correction(&r->config);
    bool bias = b->bias_rate > 0 && bias_can_move;
    const char *other = bias_can_move ? " or --bias-update-rate X" : "";
    if (!b->terms && !bias) {
        train_note(r, "no balancing is in force, for nothing names one: --aux-loss X%s turns it on",
            other);
        return;
    }
    const char *most = settings_losses_by_layer(r->options) ? "at most " : "";
    static const char source[] = ", as the model's file has it (--aux-loss sets another)";
    bool from_file = !cadre_options_given(r->options, "aux-loss") && r->config.aux_loss > 0;
    for (int i = 0; i < b->terms; i++)
        train_note(r, "balancing: the loss %s with a coefficient of %s%g%s", b->term[i].loss->name,
            most, b->term[i].coefficient, i == 0 && from_file ? source : "");
    if (bias)
        train_note(r, "balancing: the correction bias moves by %s%g a step", most, b->bias_rate);
}

static void tell_rate(const train_run *r)
{
    if (!r->from || cadre_options_given(r->options, "lr")) return;
    train_note(r, "learning rate: at most %g%s (--lr sets another)", r->settings.schedule.lr,
        usual_rate(r) ? ", which is usual for fine-tuning" : "");
}

void train_model_warn(const train_run *r)
{
    tell_rate(r);
    warn_of_routers_without_gradient(r);
    warn_of_dense_picks(r);
    tell_balancing(r);
}

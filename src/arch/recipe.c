/* recipe.c - THE LIST of recipes. */
#include "arch/recipe.h"

#include <stdio.h>
#include <string.h>

#include "arch/architecture.h"
#include "arch/config_fit.h"
#include "arch/recipe_layers.h"
#include "arch/recipe_stacks.h"
#include "base/memory.h"
#include "arch/token_types.h"
#include "moe/settings.h"

/* Switch Transformers, Fedus et al. 2021: one expert for each token, capacity 1.25, jitter, and a
 * tenth of the usual initialisation. */
static const recipe_setting switch_settings[] = {
    { "router", "softmax" },
    { "topk", "1" },
    { "experts", "16" },
    { "expert-form", "relu" },
    { "aux-loss", "0.01" },
    { "balance-loss", "load" },
    { "jitter", "0.01" },
    { "expert-dropout", "0.1" },
    { "capacity-factor", "1.25" },
    { "overflow", "drop" },
    { "priority", "token" },
    { "balance-over", "micro" },
    { 0 },
};

/* Shazeer et al. 2017: LSTM layers with a sparse layer between them, noisy picks on two levels (two
 * groups, and two experts of each), losses for even importance and load. */
static const recipe_setting shazeer_2017_settings[] = {
    { "layers", "2" },
    { "mixer", "lstm" },
    { "router", "hierarchical" },
    { "topk", "2" },
    { "experts", "32" },
    { "expert-form", "relu" },
    { "losses", "importance=0.1,smooth-load=0.1" },
    { "dropout", "0.1" },
    { "weight-decay", "0" },
    { 0 },
};

/* Switch Transformers as published, in T5's form: an encoder and a decoder, in which every second
 * layer is sparse. */
static const recipe_setting switch_t5_settings[] = {
    { "layers", "2" },
    { "router", "softmax" },
    { "topk", "1" },
    { "experts", "8" },
    { "expert-form", "relu" },
    { "tie", "yes" },
    { "aux-loss", "0.01" },
    { "balance-loss", "load" },
    { "z-loss", "0.001" },
    { "jitter", "0.01" },
    { "expert-dropout", "0.1" },
    { "capacity-factor", "1.25" },
    { "overflow", "drop" },
    { "priority", "token" },
    { "balance-over", "micro" },
    { 0 },
};

/* GShard, Lepikhin et al. 2020: two experts, capacity for both choices, first choices served
 * first. */
static const recipe_setting gshard_settings[] = {
    { "router", "softmax-renorm" },
    { "topk", "2" },
    { "experts", "16" },
    { "expert-form", "relu" },
    { "aux-loss", "0.01" },
    { "balance-loss", "first-choice" },
    { "capacity-factor", "1" },
    { "overflow", "drop" },
    { "priority", "choice" },
    { "balance-over", "micro" },
    { 0 },
};

/* GLaM, Du et al. 2021: GShard's routing with gated GELU experts in every second layer. */
static const recipe_setting glam_settings[] = {
    { "router", "softmax-renorm" },
    { "topk", "2" },
    { "experts", "16" },
    { "expert-form", "geglu" },
    { "aux-loss", "0.01" },
    { "balance-loss", "first-choice" },
    { "capacity-factor", "1.25" },
    { "overflow", "drop" },
    { "priority", "choice" },
    { "balance-over", "micro" },
    { 0 },
};

/* Mixtral, Jiang et al. 2024. */
static const recipe_setting mixtral_settings[] = {
    { "router", "softmax-renorm" },
    { "topk", "2" },
    { "experts", "8" },
    { "expert-form", "swiglu" },
    { "aux-loss", "0.02" },
    { "balance-loss", "load" },
    { 0 },
};

/* OLMoE, Muennighoff et al. 2024: dropless, balance 0.01, z-loss 0.001. */
static const recipe_setting olmoe_settings[] = {
    { "router", "softmax" },
    { "topk", "8" },
    { "experts", "64" },
    { "expert-form", "swiglu" },
    { "aux-loss", "0.01" },
    { "balance-loss", "load" },
    { "z-loss", "0.001" },
    { 0 },
};

/* Qwen3-MoE, 2025: balance over the global batch (Qiu et al. 2025). */
static const recipe_setting qwen3_moe_settings[] = {
    { "router", "softmax-renorm" },
    { "topk", "8" },
    { "experts", "64" },
    { "expert-form", "swiglu" },
    { "aux-loss", "0.001" },
    { "balance-loss", "load" },
    { "balance-over", "step" },
    { 0 },
};

/* DeepSeekMoE, Dai et al. 2024: two shared experts, a dense first layer, balance over experts. */
static const recipe_setting deepseek_moe_settings[] = {
    { "router", "softmax" },
    { "topk", "6" },
    { "experts", "64" },
    { "expert-form", "swiglu" },
    { "shared-experts", "2" },
    { "dense-layers", "1" },
    { "aux-loss", "0.001" },
    { "balance-loss", "load" },
    { "balance-over", "sequence" },
    { 0 },
};

/* DeepSeek-V3, 2024: balance by bias (Wang et al. 2024), a small loss within each sequence. */
static const recipe_setting deepseek_v3_settings[] = {
    { "router", "sigmoid-bias" },
    { "topk", "8" },
    { "experts", "64" },
    { "expert-form", "swiglu" },
    { "shared-experts", "1" },
    { "dense-layers", "1" },
    { "sequence-aux", "0.0001" },
    { "bias-update-rate", "0.001" },
    { 0 },
};

/* Llama, Touvron et al. 2023: it has no experts. Sparse models are compared with it, and made of
 * it. */
static const recipe_setting llama_settings[] = {
    { "router", "softmax" },
    { "topk", "1" },
    { "experts", "1" },
    { "expert-form", "swiglu" },
    { 0 },
};

/* What every run has unless its recipe or the user says otherwise */
static const recipe_setting base_settings[] = {
    { "layers", "4" },
    { "width", "256" },
    { "vocab", "4096" },
    { "context", "256" },
    { "batch", "8" },
    { "dense-layers", "0" },
    { "shared-experts", "0" },
    { "lr", "0.002" },
    { "min-lr-ratio", "0.1" },
    { "schedule", "cosine" },
    { "beta1", "0.9" },
    { "beta2", "0.95" },
    { "eps", "1e-8" },
    { "weight-decay", "0.1" },
    { "clip", "1" },
    { "no-decay", "norms,biases,router" },
    { "aux-loss", "0" },
    { "z-loss", "0" },
    { "sequence-aux", "0" },
    { "bias-update-rate", "0" },
    { "aux-form", "layer" },
    { "balance-over", "micro" },
    { "balance-loss", "load" },
    { "jitter", "0" },
    { "expert-dropout", "0" },
    { "dropout", "0" },
    { 0 },
};

/* Only for new models: a model that is trained further has its own. */
static const recipe_setting new_model_settings[] = { { "priority", "choice" },
    { "mixer", "attention" }, { 0 } };

static const recipe recipes[] = {
    { .name = "shazeer-2017",
        .words = "LSTM layers, two levels of noisy top-2 between them",
        .source = "Shazeer et al. 2017 (arXiv 1701.06538)",
        .model_type = "cadre",
        .settings = shazeer_2017_settings,
        .expert_width = 2,
        .dense_width = 2,
        .sparse_step = 1,
        .norm_eps = 1e-6,
        .rope_theta = 10000,
        .init = INIT_FAN_IN,
        .init_scale = 1,
        .groups = 4,
        .groups_used = 2,
        .last_mixes = true,
        .expert_sigmoid = true,
        .zero_router = true },
    { .name = "gshard",
        .words = "top-2, capacity, first choices first",
        .source = "Lepikhin et al. 2020 (arXiv 2006.16668)",
        .model_type = "cadre",
        .settings = gshard_settings,
        .expert_width = 2,
        .dense_width = 4,
        .sparse_step = 2,
        .norm_eps = 1e-6,
        .rope_theta = 10000,
        .init = INIT_FAN_IN,
        .init_scale = 1 },
    { .name = "switch",
        .words = "top-1, capacity 1.25, jitter",
        .source = "Fedus et al. 2021 (arXiv 2101.03961)",
        .model_type = "cadre",
        .settings = switch_settings,
        .expert_width = 4,
        .dense_width = 4,
        .sparse_step = 2,
        .norm_eps = 1e-6,
        .rope_theta = 10000,
        .init = INIT_FAN_IN,
        .init_scale = 0.1 },
    { .name = "switch-t5",
        .words = "switch as encoder and decoder, on corrupted spans",
        .source = "Fedus et al. 2021 (arXiv 2101.03961)",
        .model_type = "switch_transformers",
        .settings = switch_t5_settings,
        .expert_width = 4,
        .dense_width = 4,
        .sparse_step = 2,
        .encoder = true,
        .unit_embedding = true,
        .norm_eps = 1e-6,
        .rope_theta = 10000,
        .init = INIT_FAN_IN,
        .init_scale = 0.1 },
    { .name = "glam",
        .words = "top-2, gated GELU experts in every second layer",
        .source = "Du et al. 2021 (arXiv 2112.06905)",
        .model_type = "cadre",
        .settings = glam_settings,
        .expert_width = 2,
        .dense_width = 4,
        .sparse_step = 2,
        .norm_eps = 1e-6,
        .rope_theta = 10000,
        .init = INIT_FAN_IN,
        .init_scale = 1 },
    { .name = "mixtral",
        .words = "top-2 of 8 wide experts, renormalised",
        .source = "Jiang et al. 2024 (arXiv 2401.04088)",
        .model_type = "mixtral",
        .settings = mixtral_settings,
        .expert_width = 1,
        .dense_width = 4,
        .sparse_step = 1,
        .norm_eps = 1e-5,
        .few_kv_heads = true,
        .rope_theta = 1e6,
        .init = INIT_NORMAL,
        .init_scale = 0.02 },
    { .name = "olmoe",
        .words = "top-8 of 64 small experts, dropless",
        .source = "Muennighoff et al. 2024 (arXiv 2409.02060)",
        .model_type = "olmoe",
        .settings = olmoe_settings,
        .expert_width = 0.25,
        .dense_width = 4,
        .sparse_step = 1,
        .qk_norm = QK_NORM_FULL,
        .norm_eps = 1e-5,
        .rope_theta = 10000,
        .init = INIT_TRUNCATED,
        .init_scale = 0.02 },
    { .name = "qwen3-moe",
        .words = "top-8, balance over the global batch",
        .source = "Qwen3 technical report 2025 (arXiv 2505.09388)",
        .model_type = "qwen3_moe",
        .settings = qwen3_moe_settings,
        .expert_width = 0.25,
        .dense_width = 4,
        .sparse_step = 1,
        .qk_norm = QK_NORM_HEAD,
        .norm_eps = 1e-6,
        .few_kv_heads = true,
        .rope_theta = 1e6,
        .init = INIT_NORMAL,
        .init_scale = 0.02 },
    { .name = "deepseek-moe",
        .words = "shared experts beside fine-grained ones",
        .source = "Dai et al. 2024 (arXiv 2401.06066)",
        .model_type = "deepseek",
        .settings = deepseek_moe_settings,
        .expert_width = 0.25,
        .dense_width = 4,
        .sparse_step = 1,
        .norm_eps = 1e-6,
        .rope_theta = 10000,
        .init = INIT_NORMAL,
        .init_scale = 0.006 },
    { .name = "deepseek-v3",
        .words = "sigmoid scores, balance by bias, latent attention",
        .source = "DeepSeek-V3 2024 (arXiv 2412.19437)",
        .model_type = "deepseek_v3",
        .settings = deepseek_v3_settings,
        .expert_width = 0.25,
        .dense_width = 4,
        .sparse_step = 1,
        .latent = true,
        .groups = 8,
        .groups_used = 4,
        .route_scale = 2.5,
        .norm_eps = 1e-6,
        .rope_theta = 10000,
        .init = INIT_NORMAL,
        .init_scale = 0.006 },
    { .name = "llama",
        .words = "dense: every layer one network, no experts",
        .source = "Touvron et al. 2023 (arXiv 2302.13971)",
        .model_type = "llama",
        .settings = llama_settings,
        .dense = true,
        .expert_width = 1,
        .dense_width = 4,
        .sparse_step = 1,
        .norm_eps = 1e-5,
        .few_kv_heads = true,
        .rope_theta = 10000,
        .init = INIT_NORMAL,
        .init_scale = 0.02 },
};

enum { RECIPES = sizeof recipes / sizeof *recipes };

const char *recipe_name(int i) { return i < RECIPES ? recipes[i].name : NULL; }

const recipe *recipe_by_name(const char *name)
{
    for (int i = 0; i < RECIPES; i++)
        if (!strcmp(recipes[i].name, name)) return &recipes[i];
    return NULL;
}

/* ---- options ---- */

static cadre_status set_missing(cadre_options *o, const recipe_setting *s)
{
    for (; s && s->option; s++) CADRE_TRY(options_supply(o, s->option, s->value));
    return CADRE_OK;
}

/* Banks say how many experts there are in all. */
static cadre_status supply_experts(cadre_options *o)
{
    char text[24];
    int64_t all = 0;
    moe_config banks = { 0 };
    CADRE_TRY(settings_read_banks(o, &banks));
    for (int32_t i = 0; i < banks.route.banks; i++) all += banks.route.bank_experts[i];
    snprintf(text, sizeof text, "%lld", (long long)all);
    return all ? options_supply(o, "experts", text) : CADRE_OK;
}

cadre_status recipe_apply(const recipe *r, cadre_options *options)
{
    if (r) CADRE_TRY(supply_experts(options));
    if (r) CADRE_TRY(set_missing(options, r->settings));
    if (r) CADRE_TRY(set_missing(options, new_model_settings));
    return set_missing(options, base_settings);
}

/* ---- the model ---- */

static int64_t at_least(int64_t value, int64_t least) { return value < least ? least : value; }
static int64_t even(int64_t value) { return at_least(value - value % 2, 2); }

/* Heads of width 32 or a little more, if the width divides into heads of an even width. */
static int64_t usual_heads(const model_config *c)
{
    int64_t heads = at_least(c->width / 32, 1);
    if (c->latent) return heads;
    while (heads > 1 && (c->width % heads || c->width / heads % 2)) heads--;
    return heads;
}

static void attention_sizes(const recipe *r, const cadre_options *o, model_config *c)
{
    c->latent = r->latent;
    c->heads = options_int_or(o, "heads", usual_heads(c));
    c->kv_heads = options_int_or(
        o, "kv-heads", r->few_kv_heads && c->heads % 4 == 0 ? c->heads / 4 : c->heads);
    int64_t share = even(c->width / c->heads);
    c->qk_norm = r->qk_norm;
    if (!c->latent) {
        c->head_dim = options_int_or(o, "head-dim", 0);
        return;
    }
    c->nope_dim = options_int_or(o, "head-dim", share);
    c->rope_dim = options_int_or(o, "qk-rope-head-dim", even(share / 2));
    c->value_dim = options_int_or(o, "v-head-dim", share);
    c->q_lora = options_int_or(o, "q-lora-rank", at_least(c->width * 3 / 8, 8));
    c->kv_lora = options_int_or(o, "kv-lora-rank", at_least(c->width / 4, 8));
}

/* The largest number of a list: a model with experts in any layer has some. */
static int64_t most_experts(const cadre_options *o)
{
    int64_t most = 0;
    for (int i = 0; i < cadre_options_count(o, "experts"); i++)
        most = at_least(cadre_options_int(o, "experts", i), most);
    return most;
}

static void sparse_sizes(
    const recipe *r, const cadre_options *o, model_config *c, char *notes, size_t room)
{
    c->experts = r->dense ? 0 : most_experts(o);
    c->topk = cadre_options_int(o, "topk", 0);
    c->expert_width = cadre_options_count(o, "expert-width")
                          ? cadre_options_int(o, "expert-width", 0)
                          : at_least((int64_t)((double)c->width * r->expert_width), 1);
    c->dense_width = options_int_or(o, "dense-width", (int64_t)((double)c->width * r->dense_width));
    c->shared_experts = cadre_options_int(o, "shared-experts", 0);
    c->shared_gated = r->shared_gated;
    c->sparse_step = r->sparse_step;
    c->dense_layers = cadre_options_int(o, "dense-layers", 0);
    if (c->dense_layers >= c->layers && !r->dense) {
        recipe_note(notes, room,
            "dense-layers: %lld of %lld layers would leave no sparse one; %lld it is\n",
            (long long)c->dense_layers, (long long)c->layers, (long long)(c->layers - 1));
        c->dense_layers = c->layers - 1;
    }
    if (c->sparse_step > c->layers) {
        recipe_note(
            notes, room, "every second layer is sparse in this recipe; with one layer, it is\n");
        c->sparse_step = 1;
    }
    c->expert_sigmoid = r->expert_sigmoid;
    c->route_scale = r->route_scale > 0 ? r->route_scale : 1;
}

/* Why the recipe's groups, which were not asked for, are impossible here; NULL: they are
 * possible. */
static const char *groups_refusal(const recipe *r, const model_config *c, int64_t used)
{
    if (!router_understands(c->router, "groups")) return "the router does not select by groups";
    for (int64_t l = 0; l < c->layers; l++) {
        const layer_config *layer = &c->layer[l];
        if (!layer->sparse) continue;
        if (layer->moe.experts % r->groups || layer->moe.experts / r->groups < 4)
            return "not every group would hold four experts";
        if (layer->moe.route.topk > layer->moe.experts / r->groups * used)
            return "they hold too few experts for the picks";
    }
    return NULL;
}

static void choose_groups(
    const recipe *r, const cadre_options *o, model_config *c, char *notes, size_t room)
{
    c->groups = options_int_or(o, "groups", 1);
    c->groups_used = options_int_or(o, "groups-used", at_least(c->groups / 2, 1));
    if (cadre_options_count(o, "groups") || !r->groups) return;
    int64_t used = options_int_or(o, "groups-used", r->groups_used);
    const char *why = groups_refusal(r, c, used);
    if (!why) c->groups = r->groups, c->groups_used = used;
    else
        recipe_note(notes, room,
            "groups: none of the recipe's %lld (%s); any expert may be chosen\n",
            (long long)r->groups, why);
}

static void end_with_mixer(layer_config *layer) { layer->sparse = false, layer->dense_width = 0; }

/* Why files of the recipe's published family cannot hold this model; *why NULL: they can. */
static cadre_status published_layout_refusal(
    const model_config *c, char *text, size_t room, const char **why)
{
    const char *lost = NULL;
    *why = architecture_refusal(c->arch, c);
    if (*why) return CADRE_OK;
    CADRE_TRY(architecture_loses(c->arch, c, &lost));
    snprintf(text, room, "they have no key for %s", lost ? lost : "");
    *why = lost ? text : NULL;
    return CADRE_OK;
}

static cadre_status choose_layout(const recipe *r, model_config *c, char *notes, size_t room)
{
    char text[128];
    const char *why, *lost = NULL;
    c->arch = architecture_by_type(r->model_type);
    CADRE_TRY(published_layout_refusal(c, text, sizeof text, &why));
    if (why) {
        recipe_note(notes, room,
            "\"model_type\": \"cadre\" in config.json, for files of %s cannot say this (%s)\n",
            r->model_type, why);
        c->arch = architecture_by_type("cadre");
    } else if (!c->arch->hf.class_name)
        recipe_note(notes, room,
            "\"model_type\": \"cadre\" in config.json: the %s recipe has no published decoder "
            "layout\n",
            r->name);
    if (why) CADRE_TRY(architecture_loses(c->arch, c, &lost));
    if (!lost) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, NULL,
        "--%s: expected what a model's files can hold, found what they cannot", lost);
}

static cadre_status refuse_experts(const recipe *r, const cadre_options *o)
{
    static const char *const names[] = { "experts", "topk", "expert-width", "shared-experts",
        "latent-width", "residual-width", "router" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cadre_options_given(o, names[i]))
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--%s: expected no value, for every layer of the recipe %s is dense, found one",
                names[i], r->name);
    return CADRE_OK;
}

static cadre_status make_layers(
    const recipe *r, const cadre_options *o, model_config *c, char *notes, size_t room)
{
    CADRE_TRY(model_config_derive(c, "options"));
    if (r->last_mixes && c->layers > 1) end_with_mixer(&c->layer[c->layers - 1]);
    return recipe_layers(o, c, notes, room);
}

static cadre_status fill(
    const recipe *r, const cadre_options *o, model_config *c, char *notes, size_t room)
{
    if (r->dense) CADRE_TRY(refuse_experts(r, o));
    c->layers = cadre_options_int(o, "layers", 0);
    c->width = cadre_options_int(o, "width", 0);
    c->context = cadre_options_int(o, "context", 0);
    c->tie = options_flag_or(o, "tie", false);
    c->norm_eps = r->norm_eps;
    c->rope.theta = r->rope_theta;
    c->init_range = r->init_scale;
    c->aux_loss = cadre_options_real(o, "aux-loss");
    c->bos = c->pad = -1;
    const char *router_name = cadre_options_text(o, "router", 0);
    c->router = router_by_name(router_name);
    if (!c->router)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--router: expected the name of a router, found \"%s\"", router_name);
    CADRE_TRY(model_config_set_form(c, cadre_options_text(o, "expert-form", 0), "options"));
    CADRE_TRY(token_types_read_options(o, c));
    attention_sizes(r, o, c);
    if (!strcmp(c->expert_form, "gpt-oss")) c->expert_limit = 7; /* as published */
    sparse_sizes(r, o, c, notes, room);
    if (r->encoder) CADRE_TRY(recipe_stacks(o, c, notes, room));
    else CADRE_TRY(make_layers(r, o, c, notes, room));
    choose_groups(r, o, c, notes, room);
    model_config_fill_layers(c);
    CADRE_TRY(model_config_check(c, "options"));
    CADRE_TRY(model_config_read_routing(c, o));
    return r->encoder ? recipe_stacks_check(r, c) : choose_layout(r, c, notes, room);
}

cadre_status recipe_config(const recipe *r, const cadre_options *options, int64_t vocab,
    model_config *config, char **notes)
{
    enum { ROOM = 1024 };
    char text[ROOM] = "";
    model_config c = { .vocab = vocab, .eos = vocab > 0 ? 0 : -1 };
    cadre_status status = fill(r, options, &c, text, ROOM);
    char *copy = status == CADRE_OK ? mem_strdup(text) : NULL;
    if (status == CADRE_OK && !copy) status = CADRE_ENOMEM;
    if (status != CADRE_OK) {
        model_config_free(&c);
        return status;
    }
    *config = c;
    *notes = copy;
    return CADRE_OK;
}

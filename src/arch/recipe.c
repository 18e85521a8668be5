/* recipe.c - THE LIST of recipes. */
#include "arch/recipe.h"

#include <stdio.h>
#include <string.h>

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

/* Qwen3-Next, 2025: ten experts beside a shared one, balanced as Qwen3-MoE's. */
static const recipe_setting qwen3_next_settings[] = {
    { "router", "softmax-renorm" },
    { "topk", "10" },
    { "experts", "64" },
    { "shared-experts", "1" },
    { "expert-form", "swiglu" },
    { "mixer", "gated-delta" },
    { "aux-loss", "0.001" },
    { "balance-loss", "load" },
    { "balance-over", "step" },
    { 0 },
};

/* LFM2-MoE, 2025: biased sigmoid scores, two dense layers first, embeddings that are the last
 * matrix too. Its report says nothing of how experts are balanced: as DeepSeek-V3 does. */
static const recipe_setting lfm2_settings[] = {
    { "router", "sigmoid-bias" },
    { "topk", "4" },
    { "experts", "32" },
    { "expert-form", "swiglu" },
    { "mixer", "short-conv" },
    { "dense-layers", "2" },
    { "norm-eps", "1e-6" },
    { "tie", "yes" },
    { "bias-update-rate", "0.001" },
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
    { .name = "qwen3-next",
        .words = "gated delta nets and gated attention, three to one",
        .source = "Yang, Kautz and Hatamizadeh 2024 (arXiv 2412.06464); Qwen3-Next 2025",
        .model_type = "qwen3_next",
        .settings = qwen3_next_settings,
        .expert_width = 0.25,
        .dense_width = 4,
        .sparse_step = 1,
        .qk_norm = QK_NORM_HEAD,
        .norm_eps = 1e-6,
        .shared_gated = true,
        .few_kv_heads = true,
        .attention_period = 4,
        .rotary_share = 0.25,
        .rope_theta = 1e7,
        .init = INIT_NORMAL,
        .init_scale = 0.02 },
    { .name = "lfm2",
        .words = "gated short convolutions and attention, two to one",
        .source = "Liquid AI, LFM2 technical report 2025 (arXiv 2511.23404)",
        .model_type = "lfm2_moe",
        .settings = lfm2_settings,
        .expert_width = 0.875,
        .dense_width = 3.5,
        .sparse_step = 1,
        .qk_norm = QK_NORM_HEAD,
        .norm_eps = 1e-5,
        .few_kv_heads = true,
        .attention_period = 3,
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

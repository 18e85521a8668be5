/* nemotron_h.c - Nemotron-H and Nemotron 3 (2025): every layer is one half of a block: Mamba-2,
 * attention without positions, a sparse layer (top-k of biased sigmoid scores, squared ReLU without
 * a gate, a shared expert) or a dense feed-forward. */
#include <stdio.h>
#include <string.h>

#include "arch/architecture.h"
#include "arch/state_keys.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, 0, 0),
    KEY_INT_OF("moe_shared_expert_intermediate_size", shared_width, 0, 0),
    KEY_INT_OF("n_routed_experts", experts, 0, 0),
    KEY_INT_OF("num_experts_per_tok", topk, 0, 0),
    KEY_INT_OF("n_shared_experts", shared_experts, 0, 1),
    KEY_INT_OF("n_group", groups, KEY_ZERO_UNSAID, 1),
    KEY_INT_OF("topk_group", groups_used, KEY_ZERO_UNSAID, 1),
    KEY_REAL_OF("routed_scaling_factor", route_scale, 0, 1),
    KEY_INT_OF("head_dim", head_dim, 0, 128),
    KEY_INT_OF("mamba_num_heads", state_heads, 0, 128),
    KEY_INT_OF("mamba_head_dim", state_head_dim, 0, 64),
    KEY_INT_OF("ssm_state_size", state_dim, 0, 128),
    KEY_INT_OF("n_groups", state_groups, 0, 8),
    KEY_INT_OF("conv_kernel", conv, KEY_ZERO_UNSAID, 4),
    KEY_BOOL_OF("use_conv_bias", conv_bias, 0, 1),
    KEY_REAL_OF("layer_norm_epsilon", norm_eps, 0, 1e-5),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),
    KEY_MUST_BE("mlp_hidden_act", "relu2"),
    KEY_MUST_BE("mamba_hidden_act", "silu"),
    KEY_MUST_BE("use_bias", "false"),
    KEY_MUST_BE("mlp_bias", "false"),
    KEY_MUST_BE("mamba_proj_bias", "false"),
    KEY_MUST_BE("sliding_window", "null"),
    { 0 },
};

/* ---- kinds of layers ---- */

typedef struct layer_kind {
    char letter;
    const char *name, *newer; /* as a list has it */
} layer_kind;
static const layer_kind kinds[] = { { 'M', "mamba", "linear_attention" },
    { '*', "attention", "full_attention" }, { 'E', "moe", "moe" }, { '-', "mlp", "mlp" } };
enum { KINDS = sizeof kinds / sizeof *kinds };

static cadre_status set_kind(model_config *c, int64_t l, char letter, const char *where)
{
    layer_config *layer = &c->layer[l];
    layer->sparse = letter == 'E';
    layer->dense_width = letter == '-' ? c->dense_width : 0;
    if (letter == '*') return CADRE_OK;
    return model_config_set_mixer(c, l, letter == 'M' ? "mamba2" : "none", where);
}

static char kind_of(const layer_config *layer)
{
    if (!layer_mixes(layer)) return layer->sparse ? 'E' : '-';
    return layer->mixer.row == &mixer_mamba2 ? 'M' : '*';
}

static cadre_status read_pattern(const json_node *node, model_config *c)
{
    const char *pattern;
    size_t size;
    CADRE_TRY(json_as_string(node, &pattern, &size));
    if ((int64_t)size != c->layers || strspn(pattern, "M*E-") != size)
        return json_refuse(node, "M, *, E or - for each of the %lld layers", (long long)c->layers);
    for (int64_t l = 0; l < c->layers; l++) CADRE_TRY(set_kind(c, l, pattern[l], node->file));
    return CADRE_OK;
}

static cadre_status read_list(const json_node *list, model_config *c)
{
    if ((int64_t)json_count(list) != c->layers)
        return json_refuse(list, "one item for each of the %lld layers", (long long)c->layers);
    for (int64_t l = 0; l < c->layers; l++) {
        json_node item = json_item(list, (size_t)l);
        const char *name;
        int k = 0;
        CADRE_TRY(json_as_string(&item, &name, NULL));
        while (k < KINDS && strcmp(name, kinds[k].name) != 0 && strcmp(name, kinds[k].newer) != 0)
            k++;
        if (k == KINDS) return json_refuse(&item, "mamba, attention, moe or mlp");
        CADRE_TRY(set_kind(c, l, kinds[k].letter, list->file));
    }
    return CADRE_OK;
}

/* Ours read a list first, as transformers does. */
static cadre_status read_kinds(const json_node *root, model_config *c)
{
    json_node list, pattern = json_member(root, "hybrid_override_pattern");
    CADRE_TRY(json_opt_array(root, "layers_block_type", &list));
    return list.value ? read_list(&list, c) : read_pattern(&pattern, c);
}

static cadre_status set_latent(model_config *c, int64_t width)
{
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse) c->layer[l].moe.latent = width;
    return CADRE_OK;
}

static int64_t latent_of(const model_config *c)
{
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse) return c->layer[l].moe.latent;
    return 0;
}

static cadre_status read(const json_node *root, model_config *c)
{
    int64_t latent = 0;
    CADRE_TRY(state_limit_read(root));
    CADRE_TRY(read_kinds(root, c));
    CADRE_TRY(json_opt_int(root, "moe_latent_size", 0, CONFIG_MAX_WIDTH, &latent));
    return set_latent(c, latent);
}

static void write(const model_config *c, json_writer *w)
{
    char pattern[CONFIG_MAX_LAYERS + 1] = "";
    for (int64_t l = 0; l < c->layers; l++) pattern[l] = kind_of(&c->layer[l]);
    json_put_string(w, "hybrid_override_pattern", pattern);
    if (latent_of(c)) json_put_int(w, "moe_latent_size", latent_of(c));
    else json_put_null(w, "moe_latent_size");
}

static const char *refuses(const model_config *c)
{
    for (int64_t l = 0; l < c->layers; l++) {
        const layer_config *layer = &c->layer[l];
        if (layer_mixes(layer) && layer_feeds_forward(layer))
            return "each of its layers is a token mixer or a feed-forward";
    }
    return NULL;
}

/* ---- names ---- */

#define MIXER "backbone.layers.{l}.mixer."
static const tensor_name tensors[] = {
    { ROLE_EMBED, "backbone.embeddings.weight", 0 },
    { ROLE_OUT_NORM, "backbone.norm_f.weight", 0 },
    { ROLE_ATTN_NORM, "backbone.layers.{l}.norm.weight", 0 },
    { ROLE_FFN_NORM, "backbone.layers.{l}.norm.weight", 0 },
    { ROLE_Q, MIXER "q_proj.weight", 0 },
    { ROLE_K, MIXER "k_proj.weight", 0 },
    { ROLE_V, MIXER "v_proj.weight", 0 },
    { ROLE_O, MIXER "o_proj.weight", 0 },
    { ROLE_Q_BIAS, MIXER "q_proj.bias", 0 },
    { ROLE_K_BIAS, MIXER "k_proj.bias", 0 },
    { ROLE_V_BIAS, MIXER "v_proj.bias", 0 },
    { ROLE_O_BIAS, MIXER "o_proj.bias", 0 },
    { ROLE_STATE_IN, MIXER "in_proj.weight", 0 },
    { ROLE_CONV, MIXER "conv1d.weight", TENSOR_FILTERS },
    { ROLE_CONV_BIAS, MIXER "conv1d.bias", 0 },
    { ROLE_A_LOG, MIXER "A_log", 0 },
    { ROLE_DT_BIAS, MIXER "dt_bias", 0 },
    { ROLE_STATE_D, MIXER "D", 0 },
    { ROLE_STATE_NORM, MIXER "norm.weight", 0 },
    { ROLE_STATE_OUT, MIXER "out_proj.weight", 0 },
    { ROLE_GATE, MIXER "up_proj.weight", 0 },
    { ROLE_DOWN, MIXER "down_proj.weight", 0 },
    { ROLE_ROUTER, MIXER "gate.weight", 0 },
    { ROLE_ROUTER_CORRECTION, MIXER "gate.e_score_correction_bias", 0 },
    { ROLE_LATENT_DOWN, MIXER "fc1_latent_proj.weight", 0 },
    { ROLE_LATENT_UP, MIXER "fc2_latent_proj.weight", 0 },
    { ROLE_EXPERT_GATE, MIXER "experts.{e}.up_proj.weight", 0 },
    { ROLE_EXPERT_GATE, MIXER "experts.up_proj", TENSOR_EXPERTS },
    { ROLE_EXPERT_DOWN, MIXER "experts.{e}.down_proj.weight", 0 },
    { ROLE_EXPERT_DOWN, MIXER "experts.down_proj", TENSOR_EXPERTS },
    { ROLE_SHARED_GATE, MIXER "shared_experts.up_proj.weight", 0 },
    { ROLE_SHARED_DOWN, MIXER "shared_experts.down_proj.weight", 0 },
    { 0 },
};

static const char *const left[] = { "mtp.", NULL };

/* ---- GGUF ---- */

static const config_key gguf_keys[] = {
    STATE_GGUF_KEYS,
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_shared_feed_forward_length", shared_width, 0, 0),
    KEY_INT_OF("expert_shared_count", shared_experts, 0, 0),
    KEY_INT_OF("expert_group_count", groups, 0, 1),
    KEY_INT_OF("expert_group_used_count", groups_used, 0, 1),
    KEY_REAL_OF("expert_weights_scale", route_scale, KEY_ZERO_UNSAID, 1),
    { 0 },
};

static const tensor_name gguf_tensors[] = {
    { ROLE_FFN_NORM, "blk.{l}.attn_norm.weight", 0 },
    { ROLE_CONV, "blk.{l}.ssm_conv1d.weight", TENSOR_CHANNELS },
    { ROLE_GATE, "blk.{l}.ffn_up.weight", 0 },
    { ROLE_EXPERT_GATE, "blk.{l}.ffn_up_exps.weight", TENSOR_EXPERTS },
    { ROLE_SHARED_GATE, "blk.{l}.ffn_up_shexp.weight", 0 },
    { 0 },
};

#define FAMILY "nemotron_h_moe"
#define WIDTHS FAMILY ".feed_forward_length"

static bool routes(const gguf *file, int64_t l)
{
    char name[GGUF_NAME];
    gguf_tensor t;
    snprintf(name, sizeof name, "blk.%lld.ffn_gate_inp.weight", (long long)l);
    return gguf_tensor_find(file, name, &t);
}

/* Layers that have heads of keys attend, those that have a width feed forward, and the others have
 * neither: they are recurrent. */
static cadre_status read_gguf_kinds(const gguf *file, model_config *c)
{
    gguf_array widths;
    int64_t latent = 0;
    CADRE_TRY(gguf_get_array(file, WIDTHS, &widths));
    if (!gguf_array_is_int(&widths) || (int64_t)widths.count != c->layers)
        return cadre_fail(CADRE_EFORMAT, gguf_path(file),
            WIDTHS ": expected a width for each of %lld layers, found %zu", (long long)c->layers,
            widths.count);
    for (int64_t l = 0; l < c->layers; l++) {
        int64_t width = gguf_array_int(&widths, (size_t)l);
        bool attends = c->layer[l].mixer.row == &mixer_grouped, sparse = width && routes(file, l);
        if (width < 0 || width > 1 << 20 || (width && attends))
            return cadre_fail(CADRE_EFORMAT, gguf_path(file),
                WIDTHS ": expected 0 for layer %lld, which attends, or a width of at most 2^20, "
                       "found %lld",
                (long long)l, (long long)width);
        if (width && !sparse) c->dense_width = width;
        CADRE_TRY(set_kind(c, l,
            attends  ? '*'
            : sparse ? 'E'
            : width  ? '-'
                     : 'M',
            gguf_path(file)));
    }
    CADRE_TRY(gguf_opt_int(file, FAMILY ".moe_latent_size", 0, CONFIG_MAX_WIDTH, &latent));
    return set_latent(c, latent);
}

static void write_gguf(const model_config *c, gguf_writer *w)
{
    int64_t widths[CONFIG_MAX_LAYERS];
    for (int64_t l = 0; l < c->layers; l++) {
        const layer_config *layer = &c->layer[l];
        widths[l] = layer->sparse ? layer->moe.hidden : layer->dense_width;
    }
    gguf_writer_ints(w, WIDTHS, GGUF_I32, widths, (size_t)c->layers);
    /* llama.cpp also asks for what a head for further tokens would have */
    gguf_writer_real(w, FAMILY ".attention.layer_norm_epsilon", c->norm_eps);
    gguf_writer_bool(w, FAMILY ".rope.scaling.finetuned", false);
    if (latent_of(c)) gguf_writer_int(w, FAMILY ".moe_latent_size", GGUF_U32, latent_of(c));
    state_inner_write_gguf(c, w);
}

static void fix(model_config *c) { c->unplaced = true; }

const architecture architecture_nemotron_h = {
    .model_type = "nemotron_h",
    .words = "Nemotron: Mamba-2, attention or top-k of biased sigmoid scores, one a layer",
    .hf.class_name = "NemotronHForCausalLM",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .hf.left = left,
    .hf.layer_list = "layers_block_type",
    .hf.layer_pattern = "hybrid_override_pattern",
    .hf.norm_topk_prob = true,
    .hf.read = read,
    .hf.write = write,
    .hf.refuses = refuses,
    .gguf.name = FAMILY,
    .gguf.gating = 2,
    .gguf.renorm = true,
    .gguf.keys = gguf_keys,
    .gguf.tensors = gguf_tensors,
    .gguf.recurrent = "mamba2",
    .gguf.read = state_inner_read_gguf,
    .gguf.read_layers = read_gguf_kinds,
    .gguf.write = write_gguf,
    .base.router = "sigmoid-bias-raw",
    .base.renorm = "sigmoid-bias",
    .base.expert_form = "relu2",
    .base.halves = true,
    .base.fix = fix,
};

/* kimi_linear.c - Kimi-Linear (2025): Kimi delta attention in most layers, latent attention without
 * positions in the others, and DeepSeek-V3's sparse layers. Lists of layers count from 1. */
#include "arch/architecture.h"
#include "arch/dense_layers.h"
#include "op/causal_conv.h"
#include "op/delta_rule.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts|num_local_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_token|num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("num_shared_experts|n_shared_experts", shared_experts, 0, 1),
    KEY_INT_OF("num_expert_group|n_group", groups, KEY_ZERO_UNSAID, 1),
    KEY_INT_OF("topk_group", groups_used, KEY_ZERO_UNSAID, 1),
    KEY_REAL_OF("routed_scaling_factor", route_scale, 0, 2.446),
    KEY_REAL_OF("rms_norm_eps", norm_eps, KEY_UNWRITTEN, 1e-5),
    KEY_INT_OF("first_k_dense_replace", dense_layers, 0, 1),
    KEY_INT_OF("q_lora_rank", q_lora, KEY_NULLABLE, 0),
    KEY_INT_OF("kv_lora_rank", kv_lora, KEY_REQUIRED, 0),
    KEY_INT_OF("qk_nope_head_dim", nope_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("qk_rope_head_dim", rope_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("v_head_dim", value_dim, KEY_REQUIRED, 0),
    KEY_MUST_BE("moe_layer_freq", "1"),
    KEY_MUST_BE("moe_router_activation_func", "sigmoid"),
    KEY_MUST_BE("mla_use_nope", "true"),
    { 0 },
};

#define MIXER "model.layers.{l}.self_attn."
#define FFN "model.layers.{l}.block_sparse_moe."
static const tensor_name tensors[] = {
    { ROLE_DELTA_GATE, MIXER "g_b_proj.weight", 0 },
    { ROLE_DELTA_BETA, MIXER "b_proj.weight", 0 },
    { ROLE_DELTA_DECAY, MIXER "f_b_proj.weight", 0 },
    { ROLE_A_LOG, MIXER "A_log", TENSOR_ONE_COLUMN | TENSOR_IN_ONES },
    { ROLE_DT_BIAS, MIXER "dt_bias", 0 },
    { ROLE_STATE_NORM, MIXER "o_norm.weight", 0 },
    { ROLE_STATE_OUT, MIXER "o_proj.weight", 0 },
    { ROLE_ROUTER, FFN "gate.weight", 0 },
    { ROLE_ROUTER_CORRECTION, FFN "gate.e_score_correction_bias", 0 },
    { ROLE_EXPERT_GATE, FFN "experts.{e}.w1.weight", 0 },
    { ROLE_EXPERT_UP, FFN "experts.{e}.w3.weight", 0 },
    { ROLE_EXPERT_DOWN, FFN "experts.{e}.w2.weight", 0 },
    { ROLE_SHARED_GATE, FFN "shared_experts.gate_proj.weight", 0 },
    { ROLE_SHARED_UP, FFN "shared_experts.up_proj.weight", 0 },
    { ROLE_SHARED_DOWN, FFN "shared_experts.down_proj.weight", 0 },
    /* These belong to dense layers; transformers calls them as sparse ones. */
    { ROLE_GATE, "model.layers.{l}.mlp.gate_proj.weight", 0 },
    { ROLE_UP, "model.layers.{l}.mlp.up_proj.weight", 0 },
    { ROLE_DOWN, "model.layers.{l}.mlp.down_proj.weight", 0 },
    { ROLE_GATE, FFN "gate_proj.weight", 0 },
    { ROLE_UP, FFN "up_proj.weight", 0 },
    { ROLE_DOWN, FFN "down_proj.weight", 0 },
    { 0 },
};

/* As transformers lists them, beside the lists of linear_attn_config */
static const layer_type types[] = { { "linear_attention", "kda" }, { 0 } };

static void fix(model_config *c) { c->unplaced = true; }

/* ---- config.json ---- */

/* A layer that stands in neither list attends. */
static cadre_status read_layers(const json_node *lists, model_config *c)
{
    bool delta[CONFIG_MAX_LAYERS + 1] = { false };
    json_node kda, full;
    int64_t layer;
    CADRE_TRY(json_opt_array(lists, "kda_layers", &kda));
    CADRE_TRY(json_opt_array(lists, "full_attn_layers", &full));
    for (size_t i = 0; kda.value && i < json_count(&kda); i++) {
        json_node item = json_item(&kda, i);
        CADRE_TRY(json_as_int(&item, 1, c->layers, &layer));
        CADRE_TRY(model_config_set_mixer(c, layer - 1, "kda", lists->file));
        delta[layer] = true;
    }
    for (size_t i = 0; full.value && i < json_count(&full); i++) {
        json_node item = json_item(&full, i);
        CADRE_TRY(json_as_int(&item, 1, c->layers, &layer));
        if (delta[layer]) return json_refuse(&item, "a layer that kda_layers does not name");
    }
    return CADRE_OK;
}

/* What transformers writes in place of linear_attn_config: other keys for the sizes. Of its layers,
 * which "layer_types" lists, the recurrent ones were made before the sizes were known. */
static cadre_status read_flat(const json_node *root, model_config *c)
{
    json_node list;
    c->delta_key_dim = 128, c->delta_heads = 32, c->conv = 4;
    CADRE_TRY(json_opt_int(root, "linear_head_dim", 1, DELTA_RULE_WIDEST, &c->delta_key_dim));
    CADRE_TRY(json_opt_int(root, "linear_num_heads", 1, 1024, &c->delta_heads));
    CADRE_TRY(json_opt_int(root, "linear_conv_kernel_dim", 2, CAUSAL_CONV_MOST, &c->conv));
    CADRE_TRY(json_opt_array(root, "layer_types", &list));
    for (int64_t l = 0; l < c->layers; l++) {
        bool delta = list.value ? c->layer[l].mixer.row == &mixer_kda : l == 0 || l % 4 != 0;
        if (delta) CADRE_TRY(model_config_set_mixer(c, l, "kda", root->file));
    }
    return CADRE_OK;
}

/* transformers' name for "moe_renormalize" */
static cadre_status read_other_name(const json_node *root, model_config *c)
{
    bool renorm = true;
    if (!json_has(root, "norm_topk_prob")) return CADRE_OK;
    CADRE_TRY(json_get_bool(root, "norm_topk_prob", &renorm));
    c->router = router_by_name(renorm ? c->arch->base.renorm : c->arch->base.router);
    return CADRE_OK;
}

static cadre_status read(const json_node *root, model_config *c)
{
    json_node lists;
    CADRE_TRY(read_other_name(root, c));
    CADRE_TRY(layer_kinds_read(root, c));
    CADRE_TRY(json_opt_object(root, "linear_attn_config", &lists));
    if (!lists.value && json_has(root, "linear_head_dim")) return read_flat(root, c);
    CADRE_TRY(json_get_object(root, "linear_attn_config", &lists));
    CADRE_TRY(json_get_int(&lists, "head_dim", 1, DELTA_RULE_WIDEST, &c->delta_key_dim));
    CADRE_TRY(json_get_int(&lists, "num_heads", 1, 1024, &c->delta_heads));
    CADRE_TRY(json_get_int(&lists, "short_conv_kernel_size", 2, CAUSAL_CONV_MOST, &c->conv));
    return read_layers(&lists, c);
}

static void write_layers(const model_config *c, json_writer *w, const char *key, bool kda)
{
    json_put_array(w, key);
    for (int64_t l = 0; l < c->layers; l++)
        if ((c->layer[l].mixer.row == &mixer_kda) == kda) json_put_int(w, NULL, l + 1);
    json_put_close(w, ']');
}

static void write(const model_config *c, json_writer *w)
{
    json_put_object(w, "linear_attn_config");
    json_put_int(w, "head_dim", c->delta_key_dim);
    json_put_int(w, "num_heads", c->delta_heads ? c->delta_heads : c->heads);
    json_put_int(w, "short_conv_kernel_size", c->conv);
    write_layers(c, w, "full_attn_layers", false);
    write_layers(c, w, "kda_layers", true);
    json_put_close(w, '}');
    layer_kinds_write(c, w);
    json_put_int(w, "num_nextn_predict_layers", 0);
}

/* ---- GGUF ---- */

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, 0, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_shared_count", shared_experts, 0, 0),
    KEY_REAL_OF("expert_weights_scale", route_scale, KEY_ZERO_UNSAID, 1),
    KEY_INT_OF("leading_dense_block_count", dense_layers, 0, 0),
    KEY_INT_OF("attention.q_lora_rank", q_lora, KEY_UNUSUAL, 0),
    KEY_INT_OF("attention.kv_lora_rank", kv_lora, KEY_REQUIRED, 0),
    KEY_INT_OF("attention.key_length_mla", head_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("attention.value_length_mla", value_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("rope.dimension_count", rope_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("ssm.conv_kernel", conv, KEY_REQUIRED, 0),
    KEY_INT_OF("kda.head_dim", delta_key_dim, KEY_REQUIRED, 0),
    { 0 },
};

static const tensor_name gguf_tensors[] = {
    { ROLE_DELTA_GATE, "blk.{l}.ssm_g_b.weight", 0 },
    { ROLE_DELTA_DECAY, "blk.{l}.ssm_f_b.weight", 0 },
    { ROLE_CONV_Q, "blk.{l}.ssm_conv1d_q.weight", TENSOR_FILTERS },
    { ROLE_CONV_K, "blk.{l}.ssm_conv1d_k.weight", TENSOR_FILTERS },
    { ROLE_CONV_V, "blk.{l}.ssm_conv1d_v.weight", TENSOR_FILTERS },
    { ROLE_STATE_NORM, "blk.{l}.ssm_norm.weight", 0 },
    { ROLE_STATE_OUT, "blk.{l}.attn_output.weight", 0 },
    { 0 },
};

static cadre_status read_gguf(const gguf *file, model_config *c)
{
    if (c->head_dim <= c->rope_dim || c->delta_key_dim < 1 || c->conv < 1)
        return cadre_fail(CADRE_EFORMAT, gguf_path(file),
            "kimi-linear.attention.key_length_mla: expected more than the %lld of "
            "rope.dimension_count, and kda.head_dim and ssm.conv_kernel of at least 1, found %lld",
            (long long)c->rope_dim, (long long)c->head_dim);
    c->nope_dim = c->head_dim - c->rope_dim;
    c->delta_heads = c->heads;
    return CADRE_OK;
}

static void write_gguf(const model_config *c, gguf_writer *w)
{
    gguf_writer_int(w, "kimi-linear.attention.key_length", GGUF_U32, c->kv_lora + c->rope_dim);
    gguf_writer_int(w, "kimi-linear.attention.value_length", GGUF_U32, c->kv_lora);
}

const architecture architecture_kimi_linear = {
    .model_type = "kimi_linear",
    .hf.class_name = "KimiLinearForCausalLM",
    .words = "Kimi-Linear: top-k of biased sigmoid scores, Kimi delta attention, latent attention",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .hf.read_types = types,
    .hf.renorm_key = "moe_renormalize",
    .hf.norm_topk_prob = true,
    .hf.act = "silu",
    .hf.read = read,
    .hf.write = write,
    .gguf.name = "kimi-linear",
    .gguf.gating = 2,
    .gguf.renorm = true,
    .gguf.keys = gguf_keys,
    .gguf.tensors = gguf_tensors,
    .gguf.recurrent = "kda",
    .gguf.read = read_gguf,
    .gguf.write = write_gguf,
    .base.router = "sigmoid-bias-raw",
    .base.renorm = "sigmoid-bias",
    .base.expert_form = "swiglu",
    .base.latent = true,
    .base.fix = fix,
};

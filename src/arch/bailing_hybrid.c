/* bailing_hybrid.c - Ling 3 (2026): Kimi delta attention with a bounded decay in most layers,
 * latent attention whose heads are gated in the last of each group, and DeepSeek-V3's sparse
 * layers. Ling 2.5 and 2.6, which have other recurrent layers, say the same "model_type". */
#include <string.h>

#include "arch/architecture.h"
#include "arch/dense_layers.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts|num_local_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok|num_experts_per_token", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("num_shared_experts|n_shared_experts", shared_experts, 0, 1),
    KEY_INT_OF("n_group|num_expert_group", groups, KEY_ZERO_UNSAID, 1),
    KEY_INT_OF("topk_group", groups_used, KEY_ZERO_UNSAID, 1),
    KEY_REAL_OF("routed_scaling_factor", route_scale, 0, 2.5),
    KEY_INT_OF("first_k_dense_replace", dense_layers, 0, 2),
    KEY_INT_OF("q_lora_rank", q_lora, KEY_NULLABLE, 0),
    KEY_INT_OF("kv_lora_rank", kv_lora, KEY_REQUIRED, 0),
    KEY_INT_OF("qk_nope_head_dim", nope_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("qk_rope_head_dim", rope_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("v_head_dim", value_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("head_dim", delta_key_dim, 0, 128),
    KEY_INT_OF("short_conv_kernel_size", conv, KEY_ZERO_UNSAID, 4),
    KEY_REAL_OF("kda_lower_bound", decay_bound, 0, -5),
    KEY_MUST_BE("no_kda_lora", "true"),
    KEY_MUST_BE("kda_safe_gate", "true"),
    KEY_MUST_BE("gated_attention_proj_granularity_type", "head_wise"),
    KEY_MUST_BE("score_function", "sigmoid"),
    KEY_MUST_BE("topk_method", "noaux_tc"),
    KEY_MUST_BE("moe_router_enable_expert_bias", "true"),
    { 0 },
};

static const tensor_name modules[] = {
    { ROLE_Q, "model.layers.{l}.self_attn.q_proj", 0 },
    { ROLE_K, "model.layers.{l}.self_attn.k_proj", 0 },
    { ROLE_V, "model.layers.{l}.self_attn.v_proj", 0 },
    { ROLE_O, "model.layers.{l}.self_attn.o_proj", 0 },
    { 0 },
};

#define MIXER "model.layers.{l}.attention."
static const tensor_name tensors[] = {
    { ROLE_EMBED, "model.word_embeddings.weight", 0 },
    { ROLE_Q, MIXER "q_proj.weight", 0 },
    { ROLE_K, MIXER "k_proj.weight", 0 },
    { ROLE_V, MIXER "v_proj.weight", 0 },
    { ROLE_O, MIXER "dense.weight", 0 },
    { ROLE_ATTN_GATE, MIXER "g_proj.weight", 0 },
    { ROLE_Q_A, MIXER "q_a_proj.weight", 0 },
    { ROLE_Q_A_NORM, MIXER "q_a_layernorm.weight", 0 },
    { ROLE_Q_B, MIXER "q_b_proj.weight", 0 },
    { ROLE_KV_A, MIXER "kv_a_proj_with_mqa.weight", 0 },
    { ROLE_KV_A_NORM, MIXER "kv_a_layernorm.weight", 0 },
    { ROLE_KV_B, MIXER "kv_b_proj.weight", 0 },
    { ROLE_CONV_Q, MIXER "q_conv1d.weight", TENSOR_FILTERS },
    { ROLE_CONV_K, MIXER "k_conv1d.weight", TENSOR_FILTERS },
    { ROLE_CONV_V, MIXER "v_conv1d.weight", TENSOR_FILTERS },
    { ROLE_DELTA_GATE, MIXER "g_proj.weight", 0 },
    { ROLE_DELTA_BETA, MIXER "b_proj.weight", 0 },
    { ROLE_DELTA_DECAY, MIXER "f_proj.weight", 0 },
    { ROLE_A_LOG, MIXER "A_log", 0 },
    { ROLE_DT_BIAS, MIXER "dt_bias", 0 },
    { ROLE_STATE_NORM, MIXER "o_norm.weight", 0 },
    { ROLE_STATE_OUT, MIXER "dense.weight", 0 },
    { ROLE_ROUTER_CORRECTION, "model.layers.{l}.mlp.gate.expert_bias", 0 },
    { 0 },
};

/* As transformers lists them; published files have layer_group_size. */
static const layer_type types[] = { { "linear_attention", "kda" }, { 0 } };

static void fix(model_config *c)
{
    c->gating = GATE_HEADS;
    c->direct_decay = true;
}

/* ---- config.json ---- */

static const char class_name[] = "BailingMoeV3ForCausalLM",
                  transformers_name[] = "BailingHybridForCausalLM";

/* Ling 2.5 and 2.6 are told by their class. Ling 3 has another one in what transformers saves. */
static cadre_status check_class(const json_node *root)
{
    json_node list;
    CADRE_TRY(json_opt_array(root, "architectures", &list));
    for (size_t i = 0; list.value && i < json_count(&list); i++) {
        json_node item = json_item(&list, i);
        const char *name;
        CADRE_TRY(json_as_string(&item, &name, NULL));
        if (strcmp(name, class_name) != 0 && strcmp(name, transformers_name) != 0) {
            json_refuse(
                &item, "%s, the only class of this model_type that is implemented", class_name);
            return CADRE_EUNSUPPORTED;
        }
    }
    return CADRE_OK;
}

/* Limits of what experts compute, one for each layer: null stands for none. */
static cadre_status check_limits(const json_node *root, const char *key)
{
    json_node list;
    CADRE_TRY(json_opt_array(root, key, &list));
    for (size_t i = 0; list.value && i < json_count(&list); i++) {
        json_node item = json_item(&list, i);
        if (json_kind_of(&item) == JSON_KIND_NULL) continue;
        json_refuse(&item, "null, the only value that is implemented");
        return CADRE_EUNSUPPORTED;
    }
    return CADRE_OK;
}

/* What transformers calls otherwise: "head_dim" is then the rotated part of latent attention. */
static cadre_status read_other_names(const json_node *root, model_config *c)
{
    bool renorm = true;
    CADRE_TRY(json_opt_int(root, "linear_head_dim", 1, CONFIG_MAX_WIDTH, &c->delta_key_dim));
    if (!json_has(root, "moe_renormalize")) return CADRE_OK;
    CADRE_TRY(json_get_bool(root, "moe_renormalize", &renorm));
    c->router = router_by_name(renorm ? c->arch->base.renorm : c->arch->base.router);
    return CADRE_OK;
}

static cadre_status read(const json_node *root, model_config *c)
{
    int64_t group = 6;
    json_node types_listed;
    CADRE_TRY(check_class(root));
    CADRE_TRY(check_limits(root, "expert_swiglu_limit_list"));
    CADRE_TRY(check_limits(root, "share_expert_swiglu_limit_list"));
    CADRE_TRY(read_other_names(root, c));
    CADRE_TRY(layer_kinds_read(root, c));
    CADRE_TRY(json_opt_int(root, "layer_group_size", 1, CONFIG_MAX_LAYERS, &group));
    CADRE_TRY(json_opt_array(root, "layer_types", &types_listed));
    for (int64_t l = 0; l < c->layers; l++)
        if (types_listed.value ? c->layer[l].mixer.row == &mixer_kda : (l + 1) % group != 0)
            CADRE_TRY(model_config_set_mixer(c, l, "kda", root->file));
    return CADRE_OK;
}

/* Programs that do not read the list of layers take the period. */
static void write(const model_config *c, json_writer *w)
{
    int64_t period = model_config_attention_period(c);
    if (period) json_put_int(w, "layer_group_size", period);
    json_put_int(w, "moe_shared_expert_intermediate_size", c->expert_width);
    layer_kinds_write(c, w);
    json_put_int(w, "num_nextn_predict_layers", 0);
}

static const char *refuses(const model_config *c)
{
    if (c->shared_width != c->shared_experts * c->expert_width)
        return "a shared expert is as wide as another one";
    return NULL;
}

/* ---- GGUF ---- */

#define FAMILY "bailingmoe3"

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, 0, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_shared_feed_forward_length", shared_width, 0, 0),
    KEY_INT_OF("expert_shared_count", shared_experts, 0, 0),
    KEY_INT_OF("expert_group_count", groups, 0, 1),
    KEY_INT_OF("expert_group_used_count", groups_used, 0, 1),
    KEY_REAL_OF("expert_weights_scale", route_scale, KEY_ZERO_UNSAID, 1),
    KEY_INT_OF("leading_dense_block_count", dense_layers, 0, 0),
    KEY_INT_OF("attention.q_lora_rank", q_lora, KEY_UNUSUAL, 0),
    KEY_INT_OF("attention.kv_lora_rank", kv_lora, KEY_REQUIRED, 0),
    KEY_INT_OF("attention.key_length_mla", head_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("attention.value_length_mla", value_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("rope.dimension_count", rope_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("ssm.conv_kernel", conv, KEY_REQUIRED, 0),
    KEY_INT_OF("kda.head_dim", delta_key_dim, KEY_REQUIRED, 0),
    KEY_REAL_OF("kda.gate_lower_bound", decay_bound, KEY_REQUIRED, 0),
    { 0 },
};

static const tensor_name gguf_tensors[] = {
    { ROLE_DELTA_GATE, "blk.{l}.ssm_g_a.weight", 0 },
    { ROLE_DELTA_DECAY, "blk.{l}.ssm_f_a.weight", 0 },
    { ROLE_CONV_Q, "blk.{l}.ssm_conv1d_q.weight", TENSOR_FILTERS },
    { ROLE_CONV_K, "blk.{l}.ssm_conv1d_k.weight", TENSOR_FILTERS },
    { ROLE_CONV_V, "blk.{l}.ssm_conv1d_v.weight", TENSOR_FILTERS },
    { ROLE_A_LOG, "blk.{l}.ssm_a", TENSOR_ONE_COLUMN | TENSOR_EXP },
    { ROLE_STATE_NORM, "blk.{l}.ssm_norm.weight", 0 },
    { ROLE_STATE_OUT, "blk.{l}.attn_output.weight", 0 },
    { 0 },
};

static cadre_status read_gguf(const gguf *file, model_config *c)
{
    bool safe = true;
    CADRE_TRY(gguf_opt_bool(file, FAMILY ".kda.safe_gate", &safe));
    if (!safe)
        return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(file),
            FAMILY ".kda.safe_gate: expected true, the only value that is implemented");
    if (c->head_dim <= c->rope_dim || c->delta_key_dim < 1)
        return cadre_fail(CADRE_EFORMAT, gguf_path(file),
            FAMILY ".attention.key_length_mla: expected more than the %lld of "
                   "rope.dimension_count, and a kda.head_dim of at least 1, found %lld",
            (long long)c->rope_dim, (long long)c->head_dim);
    c->nope_dim = c->head_dim - c->rope_dim;
    return CADRE_OK;
}

static void write_gguf(const model_config *c, gguf_writer *w)
{
    gguf_writer_int(w, FAMILY ".attention.key_length", GGUF_U32, c->kv_lora + c->rope_dim);
    gguf_writer_int(w, FAMILY ".attention.value_length", GGUF_U32, c->kv_lora);
    gguf_writer_bool(w, FAMILY ".kda.safe_gate", true);
}

const architecture architecture_bailing_hybrid = {
    .model_type = "bailing_hybrid",
    .words = "Ling 3: top-k of biased sigmoid scores in groups, Kimi delta and latent attention",
    .hf.class_name = class_name,
    .hf.keys = keys,
    .hf.tensors = tensors,
    .hf.modules = modules,
    .hf.types = types,
    .hf.act = "silu",
    .hf.norm_topk_prob = true,
    .hf.read = read,
    .hf.write = write,
    .hf.refuses = refuses,
    .gguf.name = FAMILY,
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
    .base.rope_theta = 6000000,
    .base.fix = fix,
};

/* glm4_moe.c - GLM-4.5 and 4.6 (2025): DeepSeek-V3's routing with grouped-query attention, in which
 * half of each head is rotated. */
#include "arch/architecture.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("n_routed_experts|num_experts|num_local_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("n_shared_experts", shared_experts, 0, 1),
    KEY_INT_OF("n_group", groups, KEY_ZERO_UNSAID, 1),
    KEY_INT_OF("topk_group", groups_used, KEY_ZERO_UNSAID, 1),
    KEY_REAL_OF("routed_scaling_factor", route_scale, 0, 1),
    KEY_INT_OF("first_k_dense_replace", dense_layers, 0, 1),
    KEY_INT_OF("head_dim", head_dim, 0, 0),
    KEY_REAL_OF("rms_norm_eps", norm_eps, KEY_UNWRITTEN, 1e-5),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, 0, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_shared_count", shared_experts, 0, 0),
    KEY_INT_OF("expert_group_count", groups, 0, 1),
    KEY_INT_OF("expert_group_used_count", groups_used, 0, 1),
    KEY_REAL_OF("expert_weights_scale", route_scale, KEY_ZERO_UNSAID, 1),
    KEY_INT_OF("leading_dense_block_count", dense_layers, 0, 0),
    { 0 },
};

static const tensor_name gguf_tensors[] = {
    { ROLE_FFN_NORM, "blk.{l}.post_attention_norm.weight", 0 },
    { 0 },
};

static cadre_status read_norms(const json_node *root, model_config *c)
{
    bool normed = false;
    CADRE_TRY(json_opt_bool(root, "use_qk_norm", &normed));
    c->qk_norm = normed ? QK_NORM_HEAD : QK_NORM_NONE;
    return CADRE_OK;
}

static void write_norms(const model_config *c, json_writer *w)
{
    json_put_bool(w, "use_qk_norm", c->qk_norm == QK_NORM_HEAD);
    json_put_int(w, "num_nextn_predict_layers", 0);
}

/* The tensors show whether there are norms. */
static cadre_status read_gguf(const gguf *file, model_config *c)
{
    gguf_tensor t;
    c->qk_norm =
        gguf_tensor_find(file, "blk.0.attn_q_norm.weight", &t) ? QK_NORM_HEAD : QK_NORM_NONE;
    return CADRE_OK;
}

const architecture architecture_glm4_moe = {
    .model_type = "glm4_moe",
    .hf.class_name = "Glm4MoeForCausalLM",
    .words = "GLM-4.5: top-k of biased sigmoid scores, a shared expert",
    .hf.keys = keys,
    .gguf.name = "glm4moe",
    .gguf.gating = 2,
    .gguf.keys = gguf_keys,
    .gguf.tensors = gguf_tensors,
    .gguf.read = read_gguf,
    .base.router = "sigmoid-bias-raw",
    .base.renorm = "sigmoid-bias",
    .hf.norm_topk_prob = true,
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .base.rotary_share = 0.5,
    .hf.read = read_norms,
    .hf.write = write_norms,
};

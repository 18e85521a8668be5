/* deepseek_v3.c - DeepSeek-V3 (2024): latent attention, sigmoid scores, selection by biased scores
 * within groups, and a shared expert. Its layers that predict further tokens are not read. */
#include "arch/architecture.h"
#include "arch/deepseek2.h"

const config_key deepseek_v3_keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("n_routed_experts|num_experts|num_local_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("n_shared_experts", shared_experts, 0, 0),
    KEY_INT_OF("n_group", groups, KEY_ZERO_UNSAID, 1),
    KEY_INT_OF("topk_group", groups_used, KEY_ZERO_UNSAID, 1),
    KEY_REAL_OF("routed_scaling_factor", route_scale, 0, 2.5),
    KEY_INT_OF("first_k_dense_replace", dense_layers, 0, 0),
    KEY_INT_OF("q_lora_rank", q_lora, KEY_NULLABLE, 0),
    KEY_INT_OF("kv_lora_rank", kv_lora, KEY_REQUIRED, 0),
    KEY_INT_OF("qk_nope_head_dim", nope_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("qk_rope_head_dim", rope_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("v_head_dim", value_dim, KEY_REQUIRED, 0),
    KEY_MUST_BE("moe_layer_freq", "1"),
    KEY_MUST_BE("scoring_func", "sigmoid"),
    KEY_MUST_BE("topk_method", "noaux_tc"),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),
    { 0 },
};

static cadre_status read_pairs(const json_node *root, model_config *c)
{
    return json_opt_bool(root, "rope_interleave", &c->rope.pairs);
}

/* The published files announce a layer that predicts a second token; ours have none. */
static void write_more(const model_config *config, json_writer *w)
{
    json_put_bool(w, "rope_interleave", config->rope.pairs);
    json_put_int(w, "num_nextn_predict_layers", 0);
}

const architecture architecture_deepseek_v3 = {
    .model_type = "deepseek_v3",
    .hf.class_name = "DeepseekV3ForCausalLM",
    .words =
        "DeepSeek-V3: top-k of biased sigmoid scores in groups, a shared expert, latent attention",
    .hf.keys = deepseek_v3_keys,
    .gguf.name = "deepseek2",
    .gguf.gating = 2,
    .gguf.keys = deepseek2_gguf_keys,
    .gguf.is = deepseek2_is_v3,
    .gguf.read = deepseek2_read_gguf,
    .gguf.write = deepseek2_write_gguf,
    .base.router = "sigmoid-bias-raw",
    .base.renorm = "sigmoid-bias",
    .hf.norm_topk_prob = true,
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .base.latent = true,
    .hf.read = read_pairs,
    .hf.write = write_more,
};

/* deepseek2.c - DeepSeek-V2 and V2-Lite (2024): latent attention, softmax weights times a factor,
 * groups that are scored by their best expert, and shared experts. */
#include "arch/deepseek2.h"

#include <stdio.h>
#include <string.h>

#include "arch/architecture.h"
#include "arch/config_keys_gguf.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("n_routed_experts|num_experts|num_local_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("n_shared_experts", shared_experts, 0, 0),
    KEY_INT_OF("n_group", groups, KEY_ZERO_UNSAID, 1),
    KEY_INT_OF("topk_group", groups_used, KEY_ZERO_UNSAID, 1),
    KEY_REAL_OF("routed_scaling_factor", route_scale, 0, 1),
    KEY_INT_OF("first_k_dense_replace", dense_layers, 0, 0),
    KEY_INT_OF("q_lora_rank", q_lora, KEY_NULLABLE, 0),
    KEY_INT_OF("kv_lora_rank", kv_lora, KEY_REQUIRED, 0),
    KEY_INT_OF("qk_nope_head_dim", nope_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("qk_rope_head_dim", rope_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("v_head_dim", value_dim, KEY_REQUIRED, 0),
    KEY_REAL_OF("aux_loss_alpha", aux_loss, 0, 0.001),
    KEY_MUST_BE("norm_topk_prob", "false"),
    KEY_MUST_BE("moe_layer_freq", "1"),
    KEY_MUST_BE("scoring_func", "softmax"),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),
    KEY_MUST_BE("mlp_bias", "false"),
    { 0 },
};

/* Reads "topk_method", which says whether groups count. */
static cadre_status read_method(const json_node *root, model_config *c)
{
    const char *method = "greedy";
    CADRE_TRY(json_opt_string(root, "topk_method", &method));
    if (!strcmp(method, "group_limited_greedy")) return CADRE_OK;
    if (strcmp(method, "greedy") != 0)
        return cadre_fail(CADRE_EUNSUPPORTED, root->file,
            "topk_method: expected greedy or group_limited_greedy, found \"%s\"", method);
    c->groups = c->groups_used = 1;
    return CADRE_OK;
}

static void write_method(const model_config *c, json_writer *w)
{
    json_put_string(w, "topk_method", c->groups > 1 ? "group_limited_greedy" : "greedy");
}

/* ---- GGUF ---- */

const config_key deepseek2_gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, 0, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_shared_count", shared_experts, 0, 0),
    KEY_INT_OF("expert_group_count", groups, 0, 1),
    KEY_INT_OF("expert_group_used_count", groups_used, 0, 1),
    KEY_REAL_OF("expert_weights_scale", route_scale, KEY_ZERO_UNSAID, 1),
    KEY_INT_OF("leading_dense_block_count", dense_layers, 0, 0),
    KEY_INT_OF("attention.q_lora_rank", q_lora, 0, 0),
    KEY_INT_OF("attention.kv_lora_rank", kv_lora, KEY_REQUIRED, 0),
    KEY_INT_OF("attention.key_length_mla", head_dim, 0, 0),
    KEY_INT_OF("attention.value_length_mla", value_dim, 0, 0),
    KEY_INT_OF("rope.dimension_count", rope_dim, KEY_REQUIRED, 0),
    { 0 },
};

/* Reads the widths of a head, which files older than the absorbed form have under other names, and
 * YaRN's magnitude, of which the file holds a tenth. */
cadre_status deepseek2_read_gguf(const gguf *file, model_config *c)
{
    const config_key before[] = { KEY_INT_OF("attention.key_length", head_dim, KEY_REQUIRED, 0),
        KEY_INT_OF("attention.value_length", value_dim, KEY_REQUIRED, 0), { 0 } };
    const config_key tenth[] = {
        KEY_REAL_OF("rope.scaling.yarn_log_multiplier", rope.mscale_all_dim, 0, 0), { 0 }
    };
    if (!c->head_dim || !c->value_dim) CADRE_TRY(config_keys_read_gguf(file, before, c));
    if (c->head_dim <= c->rope_dim)
        return cadre_fail(CADRE_EFORMAT, gguf_path(file),
            "deepseek2.attention.key_length_mla: expected more than the %lld that are rotated, "
            "found %lld",
            (long long)c->rope_dim, (long long)c->head_dim);
    c->nope_dim = c->head_dim - c->rope_dim;
    CADRE_TRY(config_keys_read_gguf(file, tenth, c));
    c->rope.mscale = c->rope.mscale_all_dim =
        gguf_decimal((double)(float)(10 * c->rope.mscale_all_dim));
    return CADRE_OK;
}

/* Writes the widths of a compressed key and its value in the cache. */
void deepseek2_write_gguf(const model_config *c, gguf_writer *w)
{
    gguf_writer_int(w, "deepseek2.attention.key_length", GGUF_U32, c->kv_lora + c->rope_dim);
    gguf_writer_int(w, "deepseek2.attention.value_length", GGUF_U32, c->kv_lora);
    if (c->rope.scaling != ROPE_YARN) return;
    gguf_writer_real(w, "deepseek2.rope.scaling.yarn_log_multiplier", 0.1 * c->rope.mscale_all_dim);
}

/* Whether a file is of DeepSeek-V3. If it does not say how experts are scored, a correction bias
 * means sigmoids. */
bool deepseek2_is_v3(const gguf *file)
{
    int64_t gating = 0, dense = 0;
    gguf_tensor bias;
    char name[GGUF_NAME];
    if (gguf_opt_int(file, "deepseek2.expert_gating_func", 0, INT32_MAX, &gating) != CADRE_OK)
        return false;
    if (gating) return gating == 2; /* 0: not said */
    if (gguf_opt_int(file, "deepseek2.leading_dense_block_count", 0, CONFIG_MAX_LAYERS, &dense) !=
        CADRE_OK)
        return false;
    snprintf(name, sizeof name, "blk.%lld.exp_probs_b.bias", (long long)dense);
    return gguf_tensor_find(file, name, &bias);
}

static bool gguf_is(const gguf *file) { return !deepseek2_is_v3(file); }

const architecture architecture_deepseek_v2 = {
    .model_type = "deepseek_v2",
    .hf.class_name = "DeepseekV2ForCausalLM",
    .words = "DeepSeek-V2: top-k of softmax in groups, shared experts, latent attention",
    .hf.keys = keys,
    .gguf.name = "deepseek2",
    .gguf.gating = 1,
    .gguf.keys = deepseek2_gguf_keys,
    .gguf.is = gguf_is,
    .gguf.read = deepseek2_read_gguf,
    .gguf.write = deepseek2_write_gguf,
    .base.router = "softmax",
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .base.latent = true,
    .hf.read = read_method,
    .hf.write = write_method,
};

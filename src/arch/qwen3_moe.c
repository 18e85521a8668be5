/* qwen3_moe.c - Qwen3-MoE (2025): renormalised softmax weights, 128 fine-grained experts,
 * norms over each head. */
#include "arch/architecture.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts|num_local_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("head_dim", head_dim, 0, 0),
    KEY_INT_OF("decoder_sparse_step", sparse_step, 0, 1),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0.001),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, 0, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, 0, 0),
    { 0 },
};

/* Where the file does not say, the chosen experts are together as wide as a dense layer. */
static cadre_status read_gguf(const gguf *file, model_config *c)
{
    (void)file;
    if (!c->expert_width && c->topk) c->expert_width = c->dense_width / c->topk;
    return CADRE_OK;
}

cadre_status architecture_read_dense_layers(const json_node *root, model_config *config)
{
    json_node list;
    CADRE_TRY(json_opt_array(root, "mlp_only_layers", &list));
    for (size_t i = 0; list.value && i < json_count(&list); i++) {
        json_node item = json_item(&list, i);
        int64_t layer;
        CADRE_TRY(json_as_int(&item, 0, config->layers - 1, &layer));
        config->layer[layer].sparse = false;
    }
    return CADRE_OK;
}

void architecture_write_dense_layers(const model_config *config, json_writer *w)
{
    json_put_array(w, "mlp_only_layers");
    for (int64_t l = 0; l < config->layers; l++)
        if (!config->layer[l].sparse && (l + 1) % config->sparse_step == 0)
            json_put_int(w, NULL, l);
    json_put_close(w, ']');
}

static bool windowed(int64_t l, int64_t most)
{
    (void)l, (void)most;
    return true;
}

static const char *refuses(const model_config *c)
{
    return c->shared_width ? "it has no shared experts" : NULL;
}

const architecture architecture_qwen3_moe = {
    .model_type = "qwen3_moe",
    .class_name = "Qwen3MoeForCausalLM",
    .words = "Qwen3-MoE: top-k of softmax, renormalised, no shared expert",
    .keys = keys,
    .router = "softmax",
    .renorm = "softmax-renorm",
    .gguf_name = "qwen3moe",
    .gguf_keys = gguf_keys,
    .gguf_renorm = true,
    .read_gguf = read_gguf,
    .expert_form = "swiglu",
    .act = "silu",
    .windowed = windowed,
    .qk_norm = QK_NORM_HEAD,
    .read = architecture_read_dense_layers,
    .write = architecture_write_dense_layers,
    .refuses = refuses,
};

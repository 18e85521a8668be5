/* ernie4_5_moe.c - ERNIE 4.5 (2025): the k largest of biased softmax scores, whose weights are the
 * scores without the bias, divided by their sum, and shared experts. Its layers that predict
 * further tokens are not read. */
#include <stdio.h>

#include "arch/architecture.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("moe_num_experts|num_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("moe_k|num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("moe_num_shared_experts", shared_experts, 0, 2),
    KEY_INT_OF("moe_layer_start_index", dense_layers, 0, 1),
    KEY_INT_OF("moe_layer_interval", sparse_step, 0, 1),
    KEY_INT_OF("head_dim", head_dim, KEY_NULLABLE | KEY_UNWRITTEN, 0),
    KEY_REAL_OF("rms_norm_eps", norm_eps, KEY_UNWRITTEN, 1e-5),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0.001),
    KEY_BOOL_OF("tie_word_embeddings", tie, KEY_UNWRITTEN, 1),
    KEY_MUST_BE("use_bias", "false"),
    KEY_MUST_BE("moe_norm_min", "1e-12"),
    { 0 },
};

static const tensor_name tensors[] = {
    { ROLE_ROUTER_CORRECTION, "model.layers.{l}.mlp.moe_statics.e_score_correction_bias",
        TENSOR_ONE_ROW },
    { 0 },
};

static const char *const left[] = { "model.mtp_", NULL };

static void fix(model_config *c)
{
    c->own_route = true;
    router_defaults(router_by_name("softmax-bias"), 1, &c->route);
    c->route.renormalise = true;
}

/* Reads the last sparse layer; -1: the model's last. */
static cadre_status read_end(const json_node *root, model_config *c)
{
    int64_t end = -1;
    CADRE_TRY(json_opt_int(root, "moe_layer_end_index", -1, CONFIG_MAX_LAYERS, &end));
    for (int64_t l = end + 1; end >= 0 && l < c->layers; l++) c->layer[l].sparse = false;
    return CADRE_OK;
}

static int64_t last_sparse(const model_config *c)
{
    int64_t l = c->layers - 1;
    while (l >= 0 && !c->layer[l].sparse) l--;
    return l;
}

static void write_end(const model_config *c, json_writer *w)
{
    json_put_int(w, "moe_layer_end_index", last_sparse(c));
}

/* ---- GGUF ---- */

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("leading_dense_block_count", dense_layers, 0, 0),
    KEY_INT_OF("interleave_moe_layer_step", sparse_step, KEY_ZERO_UNSAID, 1),
    { 0 },
};

static const tensor_name gguf_tensors[] = {
    { ROLE_ROUTER_CORRECTION, "blk.{l}.exp_probs_b.bias", TENSOR_ONE_ROW },
    { ROLE_ROUTER_CORRECTION, "blk.{l}.exp_probs_b.bias", 0 },
    { 0 },
};

/* The metadata's width of the shared experts is right by chance: the tensor has it. */
static cadre_status read_gguf(const gguf *file, model_config *c)
{
    char name[GGUF_NAME];
    gguf_tensor t;
    for (int64_t l = 0; l < c->layers; l++) {
        snprintf(name, sizeof name, "blk.%lld.ffn_gate_shexp.weight", (long long)l);
        if (!gguf_tensor_find(file, name, &t) || t.rank != 2 || c->expert_width < 1) continue;
        c->shared_experts = t.extent[1] / c->expert_width;
        break;
    }
    return CADRE_OK;
}

static void write_gguf(const model_config *c, gguf_writer *w)
{
    gguf_writer_int(w, "ernie4_5-moe.expert_shared_count", GGUF_U32, c->shared_experts);
    gguf_writer_int(w, "ernie4_5-moe.expert_shared_feed_forward_length", GGUF_U32, c->shared_width);
}

static const char *refuses(const model_config *c)
{
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse !=
            (l >= c->dense_layers && (l + 1) % c->sparse_step == 0 && l <= last_sparse(c)))
            return "its sparse layers follow one another in steps";
    return NULL;
}

const architecture architecture_ernie4_5_moe = {
    .model_type = "ernie4_5_moe",
    .hf.class_name = "Ernie4_5_MoeForCausalLM",
    .words = "ERNIE 4.5: top-k of biased softmax, renormalised, shared experts",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .hf.left = left,
    .gguf.name = "ernie4_5-moe",
    .gguf.keys = gguf_keys,
    .gguf.tensors = gguf_tensors,
    .gguf.read = read_gguf,
    .gguf.write = write_gguf,
    .base.router = "softmax-bias",
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .base.rope_theta = 500000,
    .base.rope_pairs = true,
    .base.fix = fix,
    .hf.read = read_end,
    .hf.write = write_end,
    .hf.refuses = refuses,
};

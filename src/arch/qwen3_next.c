/* qwen3_next.c - Qwen3-Next (2025): gated delta nets in most layers, gated attention in every
 * fourth, many small experts and a gated shared one. A layer's projections for its delta rule are
 * one matrix, with the rows of one key head after another. */
#include "arch/delta_net.h"
#include "arch/dense_layers.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("shared_expert_intermediate_size", shared_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("decoder_sparse_step", sparse_step, KEY_ZERO_UNSAID, 1),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0.001),
    DELTA_NET_KEYS,
    { 0 },
};

#define MIXER "model.layers.{l}.linear_attn."
static const tensor_name tensors[] = {
    DELTA_NET_TENSORS,
    { ROLE_DELTA_IN, MIXER "in_proj_qkvz.weight", TENSOR_BY_KEY_HEAD },
    { ROLE_DELTA_GATE, MIXER "in_proj_qkvz.weight", TENSOR_BY_KEY_HEAD },
    { ROLE_DELTA_BETA, MIXER "in_proj_ba.weight", TENSOR_BY_KEY_HEAD },
    { ROLE_DELTA_DECAY, MIXER "in_proj_ba.weight", TENSOR_BY_KEY_HEAD },
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, 0, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_shared_feed_forward_length", shared_width, KEY_REQUIRED, 0),
    DELTA_NET_GGUF_KEYS,
    { 0 },
};

static const tensor_name gguf_tensors[] = {
    DELTA_NET_GGUF_TENSORS(0),
    { ROLE_DELTA_BETA, "blk.{l}.ssm_ba.weight", TENSOR_BY_KEY_HEAD },
    { ROLE_DELTA_DECAY, "blk.{l}.ssm_ba.weight", TENSOR_BY_KEY_HEAD },
    { 0 },
};

static const char *const left[] = { "mtp.", NULL };

static cadre_status read(const json_node *root, model_config *c)
{
    CADRE_TRY(delta_net_read(root, c));
    return dense_layers_read(root, c);
}

static void write(const model_config *c, json_writer *w)
{
    delta_net_write(c, w);
    dense_layers_write(c, w);
}

const architecture architecture_qwen3_next = {
    .model_type = "qwen3_next",
    .hf.class_name = "Qwen3NextForCausalLM",
    .words = "Qwen3-Next: top-k of softmax, gated delta nets, a gated shared expert",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .hf.left = left,
    DELTA_NET_FAMILY,
    .hf.norm_topk_prob = true,
    .hf.read = read,
    .hf.write = write,
    .hf.refuses = delta_net_refuses,
    .gguf.name = "qwen3next",
    .gguf.keys = gguf_keys,
    .gguf.tensors = gguf_tensors,
    .gguf.renorm = true,
    .base.renorm = "softmax-renorm",
};

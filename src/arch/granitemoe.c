/* granitemoe.c - Granite 3 MoE (2024): softmax over the chosen logits; multipliers of
 * embeddings, attention, residuals and logits. */
#include "arch/architecture.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_local_experts|num_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_REAL_OF("embedding_multiplier", embedding_scale, 0, 1),
    KEY_REAL_OF("attention_multiplier", attention_scale, 0, 1),
    KEY_REAL_OF("residual_multiplier", residual_scale, 0, 1),
    KEY_REAL_OF("logits_scaling", logit_divisor, 0, 1),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0.001),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),
    { 0 },
};

static const tensor_name modules[] = {
    { ROLE_EXPERT_GATE, "model.layers.{l}.block_sparse_moe.experts", 0 },
    { 0 },
};

static const tensor_name tensors[] = {
    { ROLE_ROUTER, "model.layers.{l}.block_sparse_moe.router.layer.weight", 0 },
    { ROLE_EXPERT_GATE, "model.layers.{l}.block_sparse_moe.input_linear.weight",
        TENSOR_EXPERTS | TENSOR_FIRST },
    { ROLE_EXPERT_UP, "model.layers.{l}.block_sparse_moe.input_linear.weight",
        TENSOR_EXPERTS | TENSOR_SECOND },
    { ROLE_EXPERT_DOWN, "model.layers.{l}.block_sparse_moe.output_linear.weight", TENSOR_EXPERTS },
    { ROLE_ROUTER, "model.layers.{l}.block_sparse_moe.router.weight", 0 },
    { ROLE_EXPERT_GATE, "model.layers.{l}.block_sparse_moe.experts.gate_up_proj",
        TENSOR_EXPERTS | TENSOR_FIRST },
    { ROLE_EXPERT_UP, "model.layers.{l}.block_sparse_moe.experts.gate_up_proj",
        TENSOR_EXPERTS | TENSOR_SECOND },
    { ROLE_EXPERT_DOWN, "model.layers.{l}.block_sparse_moe.experts.down_proj", TENSOR_EXPERTS },
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_REAL_OF("embedding_scale", embedding_scale, KEY_ZERO_UNSAID, 1),
    KEY_REAL_OF("attention.scale", attention_scale, 0, 0),
    KEY_REAL_OF("residual_scale", residual_scale, KEY_ZERO_UNSAID, 1),
    KEY_REAL_OF("logit_scale", logit_divisor, KEY_ZERO_UNSAID, 1),
    { 0 },
};

const architecture architecture_granitemoe = {
    .model_type = "granitemoe",
    .hf.class_name = "GraniteMoeForCausalLM",
    .words = "Granite MoE: softmax over the k largest logits",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .hf.modules = modules,
    .gguf.name = "granitemoe",
    .gguf.divisors = true,
    .gguf.keys = gguf_keys,
    .gguf.tensors = tensor_names_paired,
    .base.router = "topk-softmax",
    .base.expert_form = "swiglu",
    .hf.act = "silu",
};

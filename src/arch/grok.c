/* grok.c - Grok-1 (2024): softmax weights that are not renormalised, GELU experts, soft caps, and a
 * norm after each half of a block. */
#include "arch/architecture.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_local_experts|num_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("head_dim", head_dim, 0, 0),
    KEY_REAL_OF("embedding_multiplier_scale", embedding_scale, 0, 78.38367176906169),
    KEY_REAL_OF("output_multiplier_scale", logit_scale, 0, 0.5773502691896257),
    KEY_REAL_OF("attn_output_multiplier", attention_scale, 0, 0.08838834764831845),
    KEY_REAL_OF("attn_logit_softcapping", attention_softcap, 0, 30),
    { 0 },
};

#define BLOCK "transformer.decoder_layer.{l}."
static const tensor_name tensors[] = {
    { ROLE_EMBED, "transformer.in_out_embed.weight", 0 },
    { ROLE_OUT_NORM, "transformer.rms_norm.weight", 0 },
    { ROLE_ATTN_NORM, BLOCK "rms_norm.weight", 0 },
    { ROLE_ATTN_POST_NORM, BLOCK "rms_norm_1.weight", 0 },
    { ROLE_FFN_NORM, BLOCK "rms_norm_2.weight", 0 },
    { ROLE_FFN_POST_NORM, BLOCK "rms_norm_3.weight", 0 },
    { ROLE_Q, BLOCK "multi_head_attention.query.weight", 0 },
    { ROLE_K, BLOCK "multi_head_attention.key.weight", 0 },
    { ROLE_V, BLOCK "multi_head_attention.value.weight", 0 },
    { ROLE_O, BLOCK "multi_head_attention.linear.weight", 0 },
    { ROLE_ROUTER, BLOCK "router.weight", 0 },
    { ROLE_EXPERT_GATE, BLOCK "moe.{e}.linear.weight", 0 },
    { ROLE_EXPERT_UP, BLOCK "moe.{e}.linear_v.weight", 0 },
    { ROLE_EXPERT_DOWN, BLOCK "moe.{e}.linear_1.weight", 0 },
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_REAL_OF("embedding_scale", embedding_scale, KEY_ZERO_UNSAID, 78.38367176906169),
    KEY_REAL_OF("logit_scale", logit_scale, KEY_ZERO_UNSAID, 0.5773502691896257),
    KEY_REAL_OF("attention.output_scale", attention_scale, KEY_ZERO_UNSAID, 0.08838834764831845),
    KEY_REAL_OF("attn_logit_softcapping", attention_softcap, 0, 30),
    { 0 },
};

static const tensor_name gguf_tensors[] = {
    { ROLE_ATTN_POST_NORM, "blk.{l}.attn_output_norm.weight", 0 },
    { ROLE_FFN_POST_NORM, "blk.{l}.layer_output_norm.weight", 0 },
    { ROLE_FFN_POST_NORM, "blk.{l}.post_ffw_norm.weight", 0 },
    { 0 },
};

static void fix(model_config *c) { c->post_norms = true; }

const architecture architecture_grok = {
    .model_type = "grok",
    .hf.class_name = "Grok1ForCausalLM",
    .words = "Grok-1: top-k of softmax, weights as they are, norms on both sides",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .gguf.name = "grok",
    .gguf.keys = gguf_keys,
    .gguf.tensors = gguf_tensors,
    .base.router = "softmax",
    .base.expert_form = "geglu",
    .hf.act = "gelu_pytorch_tanh",
    .base.fix = fix,
};

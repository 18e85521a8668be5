/* gpt_oss.c - gpt-oss (2025): softmax over the chosen logits, biases everywhere, a sink logit for
 * each head, a window in every second layer, and experts of a clamped form whose gate and up rows
 * alternate. */
#include "arch/architecture.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_local_experts|num_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok|experts_per_token", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("head_dim", head_dim, 0, 64),
    KEY_REAL_OF("rms_norm_eps", norm_eps, KEY_UNWRITTEN, 1e-5),
    KEY_INT_OF("sliding_window", window, 0, 128),
    KEY_REAL_OF("swiglu_limit", expert_limit, 0, 7),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0.9),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 1),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 1),
    KEY_MUST_BE("swiglu_alpha", "1.702"),
    { 0 },
};

static const tensor_name tensors[] = {
    { ROLE_ROUTER, "model.layers.{l}.mlp.router.weight", 0 },
    { ROLE_ROUTER_BIAS, "model.layers.{l}.mlp.router.bias", 0 },
    { ROLE_EXPERT_GATE, "model.layers.{l}.mlp.experts.gate_up_proj",
        TENSOR_EXPERTS | TENSOR_EVEN | TENSOR_TRANSPOSED },
    { ROLE_EXPERT_UP, "model.layers.{l}.mlp.experts.gate_up_proj",
        TENSOR_EXPERTS | TENSOR_ODD | TENSOR_TRANSPOSED },
    { ROLE_EXPERT_DOWN, "model.layers.{l}.mlp.experts.down_proj",
        TENSOR_EXPERTS | TENSOR_TRANSPOSED },
    { ROLE_EXPERT_GATE, "model.layers.{l}.mlp.experts.gate_up_proj",
        TENSOR_EXPERTS | TENSOR_EVEN | TENSOR_MXFP4 },
    { ROLE_EXPERT_UP, "model.layers.{l}.mlp.experts.gate_up_proj",
        TENSOR_EXPERTS | TENSOR_ODD | TENSOR_MXFP4 },
    { ROLE_EXPERT_DOWN, "model.layers.{l}.mlp.experts.down_proj", TENSOR_EXPERTS | TENSOR_MXFP4 },
    { ROLE_EXPERT_GATE_BIAS, "model.layers.{l}.mlp.experts.gate_up_proj_bias",
        TENSOR_EXPERTS | TENSOR_EVEN },
    { ROLE_EXPERT_UP_BIAS, "model.layers.{l}.mlp.experts.gate_up_proj_bias",
        TENSOR_EXPERTS | TENSOR_ODD },
    { ROLE_EXPERT_DOWN_BIAS, "model.layers.{l}.mlp.experts.down_proj_bias", TENSOR_EXPERTS },
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("attention.sliding_window", window, KEY_REQUIRED, 0),
    { 0 },
};

static const tensor_name gguf_tensors[] = {
    { ROLE_FFN_NORM, "blk.{l}.post_attention_norm.weight", 0 },
    { 0 },
};

static void fix(model_config *c)
{
    c->sinks = c->router_bias = c->expert_bias = c->qkv_bias = c->out_bias = true;
    c->expert_limit = 7;
}

static const rope_options yarn = {
    .scaling = ROPE_YARN, .factor = 32, .original_context = 4096, .beta_fast = 32, .beta_slow = 1
};

/* The published model does not round YaRN's bounds; GGUF has no key for that. */
static cadre_status read_gguf(const gguf *file, model_config *c)
{
    (void)file;
    c->rope.truncate = false;
    return CADRE_OK;
}

const architecture architecture_gpt_oss = {
    .model_type = "gpt_oss",
    .hf.class_name = "GptOssForCausalLM",
    .words = "gpt-oss: softmax over the k largest logits, sinks and windows in attention",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .gguf.name = "gpt-oss",
    .gguf.head = true,
    .gguf.keys = gguf_keys,
    .gguf.tensors = gguf_tensors,
    .gguf.read = read_gguf,
    .base.router = "topk-softmax",
    .base.expert_form = "gpt-oss",
    .hf.act = "silu",
    .base.rope_theta = 150000,
    .base.rope = &yarn,
    .base.window_period = 2,
    .base.fix = fix,
};

/* qwen3_vl_moe.c - the text part of Qwen3-VL-MoE (2025): Qwen3-MoE in a larger model, whose file
 * has all experts of a layer in two transposed tensors. The part that sees is not read, and so what
 * is written is a Qwen3-MoE. */
#include "arch/dense_layers.h"
#include "arch/qwen3_moe.h"

/* transformers 5 writes them as rows, and tells the two apart by the shape. */
#define FORM (TENSOR_EXPERTS | TENSOR_TRANSPOSED | TENSOR_MAY_BE_ROWS)
#define EXPERTS "model.layers.{l}.mlp.experts."
static const tensor_name tensors[] = {
    { ROLE_EXPERT_GATE, EXPERTS "gate_up_proj", FORM | TENSOR_FIRST },
    { ROLE_EXPERT_UP, EXPERTS "gate_up_proj", FORM | TENSOR_SECOND },
    { ROLE_EXPERT_DOWN, EXPERTS "down_proj", FORM },
    { 0 },
};

static const char *const left[] = { "model.visual.", "visual.", NULL };

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, 0, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    { 0 },
};

const architecture architecture_qwen3_vl_moe = {
    .model_type = "qwen3_vl_moe",
    .hf.part_type = "qwen3_vl_moe_text",
    .words = "Qwen3-VL-MoE, its text part: top-k of softmax, renormalised",
    .hf.nested = "text_config",
    .hf.prefix = "model.language_model.",
    .hf.left = left,
    .hf.keys = qwen3_moe_keys,
    .hf.tensors = tensors,
    .gguf.name = "qwen3vlmoe",
    .gguf.keys = gguf_keys,
    .gguf.renorm = true,
    .base.router = "softmax",
    .base.renorm = "softmax-renorm",
    .hf.norm_topk_prob = true,
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .base.rope_theta = 500000,
    .base.qk_norm = QK_NORM_HEAD,
    .hf.read = dense_layers_read,
    .written = &architecture_qwen3_moe,
};

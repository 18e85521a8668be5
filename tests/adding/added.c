/* added.c - a family of models like Mixtral, with words of its own in its files. */
#include "arch/architecture.h"

static const config_key keys[] = {
    KEY_INT_OF("width_of_experts", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("count_of_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("chosen_experts", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("head_dim", head_dim, 0, 0),
    KEY_MUST_BE("expert_choice", "false"),
    { 0 },
};

static const tensor_name tensors[] = {
    { ROLE_ROUTER, "model.layers.{l}.added.router.weight", 0 },
    { ROLE_EXPERT_GATE, "model.layers.{l}.added.{e}.gate.weight", 0 },
    { ROLE_EXPERT_UP, "model.layers.{l}.added.{e}.up.weight", 0 },
    { ROLE_EXPERT_DOWN, "model.layers.{l}.added.{e}.down.weight", 0 },
    { 0 },
};

const architecture architecture_added = {
    .model_type = "added",
    .words = "Added: top-k of softmax, renormalised",
    .hf = { .class_name = "AddedForCausalLM", .keys = keys, .tensors = tensors, .act = "silu" },
    .base = { .router = "softmax-renorm", .expert_form = "swiglu" },
};

/* architecture.c - THE LIST of architectures, and the names of their tensors. */
#include "model/architecture.h"

#include <string.h>

#include "base/memory.h"

extern const architecture architecture_mixtral, architecture_olmoe, architecture_qwen3_moe, architecture_deepseek,
    architecture_deepseek_v3, architecture_cadre;

static const architecture *const list[] = {
    &architecture_mixtral,     &architecture_olmoe, &architecture_qwen3_moe, &architecture_deepseek,
    &architecture_deepseek_v3, &architecture_cadre,
};

const architecture *const *architecture_list(int *count)
{
    *count = (int)(sizeof list / sizeof *list);
    return list;
}

const architecture *architecture_by_type(const char *model_type)
{
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (!strcmp(list[i]->model_type, model_type)) return list[i];
    return NULL;
}

const char *architecture_refusal(const architecture *arch, const model_config *c)
{
    if (!arch->class_name && !arch->router) return NULL; /* says everything by name */
    bool known = !strcmp(c->router->name, arch->router) || (arch->renorm && !strcmp(c->router->name, arch->renorm));
    if (!known) return "its router is another";
    if (strcmp(c->expert_form, arch->expert_form) != 0) return "its experts have another form";
    if (c->latent != arch->latent || c->qk_norm != arch->qk_norm) return "its attention is another";
    if (model_config_layers_differ(c)) return "its layers are alike";
    return arch->refuses ? arch->refuses(c) : NULL;
}

/* ---- tensor names: what the families share ---- */

static const tensor_name shared_names[] = {
    { ROLE_EMBED, "model.embed_tokens.weight" },
    { ROLE_OUT_NORM, "model.norm.weight" },
    { ROLE_HEAD, "lm_head.weight" },
    { ROLE_ATTN_NORM, "model.layers.{l}.input_layernorm.weight" },
    { ROLE_Q, "model.layers.{l}.self_attn.q_proj.weight" },
    { ROLE_K, "model.layers.{l}.self_attn.k_proj.weight" },
    { ROLE_V, "model.layers.{l}.self_attn.v_proj.weight" },
    { ROLE_O, "model.layers.{l}.self_attn.o_proj.weight" },
    { ROLE_Q_NORM, "model.layers.{l}.self_attn.q_norm.weight" },
    { ROLE_K_NORM, "model.layers.{l}.self_attn.k_norm.weight" },
    { ROLE_Q_A, "model.layers.{l}.self_attn.q_a_proj.weight" },
    { ROLE_Q_A_NORM, "model.layers.{l}.self_attn.q_a_layernorm.weight" },
    { ROLE_Q_B, "model.layers.{l}.self_attn.q_b_proj.weight" },
    { ROLE_KV_A, "model.layers.{l}.self_attn.kv_a_proj_with_mqa.weight" },
    { ROLE_KV_A_NORM, "model.layers.{l}.self_attn.kv_a_layernorm.weight" },
    { ROLE_KV_B, "model.layers.{l}.self_attn.kv_b_proj.weight" },
    { ROLE_FFN_NORM, "model.layers.{l}.post_attention_layernorm.weight" },
    { ROLE_GATE, "model.layers.{l}.mlp.gate_proj.weight" },
    { ROLE_UP, "model.layers.{l}.mlp.up_proj.weight" },
    { ROLE_DOWN, "model.layers.{l}.mlp.down_proj.weight" },
    { ROLE_ROUTER, "model.layers.{l}.mlp.gate.weight" },
    { ROLE_ROUTER_BIAS, "model.layers.{l}.mlp.gate.bias" },
    { ROLE_ROUTER_CORRECTION, "model.layers.{l}.mlp.gate.e_score_correction_bias" },
    { ROLE_ROUTER_NOISE, "model.layers.{l}.mlp.noise.weight" },
    { ROLE_EXPERT_GATE, "model.layers.{l}.mlp.experts.{e}.gate_proj.weight" },
    { ROLE_EXPERT_UP, "model.layers.{l}.mlp.experts.{e}.up_proj.weight" },
    { ROLE_EXPERT_DOWN, "model.layers.{l}.mlp.experts.{e}.down_proj.weight" },
    { ROLE_EXPERT_GATE_BIAS, "model.layers.{l}.mlp.experts.{e}.gate_proj.bias" },
    { ROLE_EXPERT_UP_BIAS, "model.layers.{l}.mlp.experts.{e}.up_proj.bias" },
    { ROLE_EXPERT_DOWN_BIAS, "model.layers.{l}.mlp.experts.{e}.down_proj.bias" },
    { ROLE_SHARED_GATE, "model.layers.{l}.mlp.shared_experts.gate_proj.weight" },
    { ROLE_SHARED_UP, "model.layers.{l}.mlp.shared_experts.up_proj.weight" },
    { ROLE_SHARED_DOWN, "model.layers.{l}.mlp.shared_experts.down_proj.weight" },
    { ROLE_SHARED_SIGMOID, "model.layers.{l}.mlp.shared_expert_gate.weight" },
    { 0 },
};

static const char *pattern_in(const tensor_name *names, param_role role)
{
    for (; names && names->pattern; names++)
        if (names->role == role) return names->pattern;
    return NULL;
}

char *architecture_tensor_name(const architecture *arch, const param *p)
{
    const char *pattern = pattern_in(arch->tensors, p->role);
    if (!pattern) pattern = pattern_in(shared_names, p->role);
    const char *layer = strstr(pattern, "{l}");
    if (!layer) return mem_strdup(pattern);
    const char *expert = strstr(layer, "{e}");
    int head = (int)(layer - pattern);
    if (!expert) return mem_printf("%.*s%d%s", head, pattern, (int)p->layer, layer + 3);
    return mem_printf("%.*s%d%.*s%d%s", head, pattern, (int)p->layer, (int)(expert - layer - 3), layer + 3, (int)p->expert, expert + 3);
}

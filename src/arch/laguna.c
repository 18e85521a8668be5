/* laguna.c - Laguna (2026): windows in most layers, whose heads and positions differ from those of
 * the others, heads gated by softplus, top-k of biased sigmoid scores and a shared expert. */
#include <string.h>

#include "arch/architecture.h"
#include "arch/dense_layers.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("shared_expert_intermediate_size", shared_width, 0, 512),
    KEY_INT_OF("num_experts|num_local_experts|n_routed_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),
    KEY_INT_OF("head_dim", head_dim, 0, 128),
    KEY_INT_OF("sliding_window", window, 0, 512),
    KEY_REAL_OF("moe_routed_scaling_factor", route_scale, 0, 1),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0.001),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),
    KEY_MUST_BE("moe_apply_router_weight_on_input", "false"),
    KEY_MUST_BE("moe_router_logit_softcapping", "0.0"),
    { 0 },
};

#define MLP "model.layers.{l}.mlp."
static const tensor_name tensors[] = {
    { ROLE_ATTN_GATE, "model.layers.{l}.self_attn.g_proj.weight", 0 },
    { ROLE_ROUTER_CORRECTION, MLP "experts.e_score_correction_bias", 0 },
    { ROLE_SHARED_GATE, MLP "shared_expert.gate_proj.weight", 0 },
    { ROLE_SHARED_UP, MLP "shared_expert.up_proj.weight", 0 },
    { ROLE_SHARED_DOWN, MLP "shared_expert.down_proj.weight", 0 },
    { 0 },
};

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_shared_feed_forward_length", shared_width, 0, 0),
    KEY_REAL_OF("expert_weights_scale", route_scale, KEY_ZERO_UNSAID, 1),
    KEY_INT_OF("leading_dense_block_count", dense_layers, 0, 0),
    KEY_INT_OF("attention.sliding_window", window, KEY_REQUIRED, 0),
    { 0 },
};

static void fix(model_config *c)
{
    c->gating = GATE_HEADS;
    c->gate_softplus = true;
    c->dense_layers = 1;
}

/* "gating" is true or "per-head", or "per-element". */
static cadre_status read_gating(const json_node *root, model_config *c)
{
    json_node node = json_member(root, "gating");
    json_kind kind = json_kind_of(&node);
    const char *word = "per-head";
    bool gated = true;
    if (kind == JSON_KIND_ABSENT || kind == JSON_KIND_NULL) return CADRE_OK;
    if (kind == JSON_KIND_BOOL) CADRE_TRY(json_as_bool(&node, &gated));
    else CADRE_TRY(json_as_string(&node, &word, NULL));
    bool elements = !strcmp(word, "per-element");
    if (!gated || (!elements && strcmp(word, "per-head") != 0)) {
        json_refuse(&node, "true, per-head or per-element");
        return CADRE_EUNSUPPORTED;
    }
    c->gating = elements ? GATE_ELEMENTS : GATE_HEADS;
    return CADRE_OK;
}

static cadre_status read_heads(const json_node *root, model_config *c)
{
    json_node list;
    CADRE_TRY(json_opt_array(root, "num_attention_heads_per_layer", &list));
    if (list.value && (int64_t)json_count(&list) != c->layers)
        return json_refuse(&list, "one item for each of the %lld layers", (long long)c->layers);
    for (int64_t l = 0; list.value && l < c->layers; l++) {
        json_node item = json_item(&list, (size_t)l);
        CADRE_TRY(json_as_int(&item, 1, 1024, &c->layer[l].mixer.heads));
    }
    return CADRE_OK;
}

static cadre_status read(const json_node *root, model_config *c)
{
    CADRE_TRY(read_gating(root, c));
    CADRE_TRY(read_heads(root, c));
    if (!c->own_window_rope)
        return cadre_fail(CADRE_EFORMAT, root->file,
            "rope_parameters: expected an object with full_attention and sliding_attention");
    return layer_kinds_read(root, c);
}

static void write(const model_config *c, json_writer *w)
{
    json_put_string(w, "gating", c->gating == GATE_ELEMENTS ? "per-element" : "per-head");
    json_put_array(w, "num_attention_heads_per_layer");
    for (int64_t l = 0; l < c->layers; l++) json_put_int(w, NULL, c->layer[l].mixer.heads);
    json_put_close(w, ']');
    layer_kinds_write(c, w);
}

/* Whether gates are of elements is told by their number. */
static cadre_status read_gguf(const gguf *file, model_config *c)
{
    gguf_tensor t;
    if (gguf_tensor_find(file, "blk.0.attn_gate.weight", &t) && t.rank == 2 &&
        t.extent[1] == c->heads * c->head_dim)
        c->gating = GATE_ELEMENTS;
    return CADRE_OK;
}

/* What transformers takes for files without "rope_parameters" */
static const char usual_ropes[] =
    "{ \"full_attention\": { \"rope_type\": \"default\", \"rope_theta\": 500000,"
    " \"partial_rotary_factor\": 0.5 },"
    " \"sliding_attention\": { \"rope_type\": \"default\", \"rope_theta\": 10000 } }";

const architecture architecture_laguna = {
    .model_type = "laguna",
    .hf.class_name = "LagunaForCausalLM",
    .words = "Laguna: top-k of biased sigmoid scores, a shared expert, gated heads, windows",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .hf.kinds_of_rope = true,
    .hf.usual_ropes = usual_ropes,
    .hf.windows_listed = true,
    .hf.act = "silu",
    .hf.read = read,
    .hf.write = write,
    .gguf.name = "laguna",
    .gguf.gating = 2,
    .gguf.keys = gguf_keys,
    .gguf.renorm = true,
    .gguf.windows = true,
    .gguf.heads_differ = true,
    .gguf.read = read_gguf,
    .base.router = "sigmoid-bias",
    .base.expert_form = "swiglu",
    .base.rope_theta = 500000,
    .base.rotary_share = 1,
    .base.window_period = 4,
    .base.full_first = true,
    .base.qk_norm = QK_NORM_HEAD,
    .base.fix = fix,
};

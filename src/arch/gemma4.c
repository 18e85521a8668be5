/* gemma4.c - Gemma 4 (2026), its text part: windows in most layers, and in the others wider heads,
 * positions in a part of them and values that are the keys; norms on both sides of each half; in
 * sparse models experts beside a dense feed-forward. The dense models are of this family too. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/architecture.h"
#include "arch/config_keys_gguf.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_NULLABLE, 0),
    KEY_INT_OF("num_experts", experts, KEY_NULLABLE, 0),
    KEY_INT_OF("top_k_experts", topk, KEY_NULLABLE, 0),
    KEY_BOOL_OF("enable_moe_block", beside, 0, 0),
    KEY_INT_OF("head_dim", head_dim, 0, 256),
    KEY_INT_OF("global_head_dim", full_head_dim, 0, 512),
    KEY_INT_OF("num_global_key_value_heads", full_kv_heads, KEY_NULLABLE, 0),
    KEY_BOOL_OF("attention_k_eq_v", full_keys_are_values, 0, 0),
    KEY_INT_OF("sliding_window", window, 0, 512),
    KEY_REAL_OF("final_logit_softcapping", logit_softcap, KEY_NULLABLE, 0),
    KEY_BOOL_OF("tie_word_embeddings", tie, KEY_UNWRITTEN, 1),
    KEY_MUST_BE("hidden_activation", "gelu_pytorch_tanh"),
    KEY_MUST_BE("attention_bias", "false"),
    KEY_MUST_BE("hidden_size_per_layer_input", "0"),
    KEY_MUST_BE("num_kv_shared_layers", "0"),
    KEY_MUST_BE("use_double_wide_mlp", "false"),
    { 0 },
};

#define LAYER "model.layers.{l}."
static const tensor_name tensors[] = {
    { ROLE_ATTN_POST_NORM, LAYER "post_attention_layernorm.weight", 0 },
    { ROLE_FFN_NORM, LAYER "pre_feedforward_layernorm.weight", 0 },
    { ROLE_FFN_POST_NORM, LAYER "post_feedforward_layernorm.weight", 0 },
    { ROLE_BESIDE_POST_NORM, LAYER "post_feedforward_layernorm_1.weight", 0 },
    { ROLE_EXPERT_PRE_NORM, LAYER "pre_feedforward_layernorm_2.weight", 0 },
    { ROLE_EXPERT_POST_NORM, LAYER "post_feedforward_layernorm_2.weight", 0 },
    { ROLE_LAYER_SCALE, LAYER "layer_scalar", 0 },
    { ROLE_ROUTER, LAYER "router.proj.weight", 0 },
    { ROLE_ROUTER_NORM, LAYER "router.scale", 0 },
    { ROLE_ROUTER_EXPERT_SCALE, LAYER "router.per_expert_scale", 0 },
    { ROLE_EXPERT_GATE, LAYER "experts.gate_up_proj", TENSOR_EXPERTS | TENSOR_FIRST },
    { ROLE_EXPERT_UP, LAYER "experts.gate_up_proj", TENSOR_EXPERTS | TENSOR_SECOND },
    { ROLE_EXPERT_DOWN, LAYER "experts.down_proj", TENSOR_EXPERTS },
    { 0 },
};

static const char *const left[] = { "model.vision", "model.embed_vision", "model.audio",
    "model.embed_audio", "vision_tower.", "audio_tower.", "multi_modal_projector.", NULL };

static void fix(model_config *c)
{
    c->post_norms = true;
    c->layer_scale = true;
    c->values = VALUES_NORMED;
    c->attention_scale = 1;
}

/* What follows from the keys: without experts, all layers are dense; key-value heads of layers
 * without a window count only where these have no values. */
static void fit(model_config *c)
{
    c->embedding_scale = sqrt((double)c->width);
    if (!c->full_keys_are_values) c->full_kv_heads = 0;
    for (int64_t l = 0; l < c->layers && !c->beside; l++) c->layer[l].sparse = false;
    if (!c->beside) c->experts = c->topk = c->expert_width = 0;
    model_config_fit_full(c);
}

/* The widths of one layer, which has no window; those before it have the same. */
static cadre_status read_layer(const json_node *layer, int64_t l, model_config *c, bool first)
{
    int64_t head = c->head_dim, kv = c->kv_heads;
    CADRE_TRY(json_as_object(layer));
    CADRE_TRY(json_opt_int(layer, "head_dim", 1, 4096, &head));
    CADRE_TRY(json_opt_int(layer, "num_key_value_heads", 1, 1024, &kv));
    if (l < 0 || l >= c->layers || c->layer[l].mixer.window > 0 ||
        (!first && (head != c->full_head_dim || kv != c->full_kv_heads)))
        return json_refuse(layer, "the same widths for layers without a window alone");
    c->full_head_dim = head;
    c->full_kv_heads = kv;
    return CADRE_OK;
}

/* "per_layer_config", which newer files have in place of keys of layers without a window: an object
 * with the widths of each of these, by its index */
static cadre_status read_widths(const json_node *root, model_config *c)
{
    json_node home;
    int64_t listed = 0, full = 0;
    CADRE_TRY(json_opt_object(root, "per_layer_config", &home));
    if (!home.value) return CADRE_OK;
    for (json_node m = { 0 }; json_next(&home, &m); listed++) {
        char *end;
        int64_t l = strtoll(m.key, &end, 10);
        CADRE_TRY(read_layer(&m, *end ? -1 : l, c, listed == 0));
    }
    for (int64_t l = 0; l < c->layers; l++) full += c->layer[l].mixer.window == 0;
    if (listed != full && listed)
        return json_refuse(
            &home, "an item for each of the %lld layers without a window", (long long)full);
    if (!listed) c->full_head_dim = c->head_dim;
    c->rope.width = c->full_head_dim;
    return CADRE_OK;
}

static cadre_status read(const json_node *root, model_config *c)
{
    const char *both = NULL;
    json_node node = json_member(root, "use_bidirectional_attention");
    if (json_kind_of(&node) != JSON_KIND_ABSENT && json_kind_of(&node) != JSON_KIND_NULL)
        CADRE_TRY(json_as_string(&node, &both, NULL));
    if (both && strcmp(both, "vision") != 0) {
        json_refuse(&node, "null or vision, the only values that are implemented");
        return CADRE_EUNSUPPORTED;
    }
    if (!c->own_window_rope)
        return cadre_fail(CADRE_EFORMAT, root->file,
            "rope_parameters: expected an object with full_attention and sliding_attention");
    c->layer[c->layers - 1].mixer.window = 0;
    CADRE_TRY(read_widths(root, c));
    fit(c);
    return CADRE_OK;
}

/* ---- GGUF ---- */

static const config_key gguf_keys[] = {
    KEY_INT_OF("feed_forward_length", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_feed_forward_length", expert_width, 0, 0),
    KEY_INT_OF("attention.sliding_window", window, KEY_REQUIRED, 0),
    KEY_REAL_OF("final_logit_softcapping", logit_softcap, 0, 0),
    KEY_MUST_BE("embedding_length_per_layer_input", "0"),
    KEY_MUST_BE("attention.shared_kv_layers", "0"),
    { 0 },
};

static const config_key window_keys[] = {
    KEY_INT_OF("attention.key_length_swa", head_dim, KEY_REQUIRED, 0),
    { 0 },
};

static const tensor_name gguf_tensors[] = {
    { ROLE_ATTN_POST_NORM, "blk.{l}.post_attention_norm.weight", 0 },
    { ROLE_FFN_POST_NORM, "blk.{l}.post_ffw_norm.weight", 0 },
    { ROLE_BESIDE_POST_NORM, "blk.{l}.post_ffw_norm_1.weight", 0 },
    { ROLE_EXPERT_PRE_NORM, "blk.{l}.pre_ffw_norm_2.weight", 0 },
    { ROLE_EXPERT_POST_NORM, "blk.{l}.post_ffw_norm_2.weight", 0 },
    { ROLE_LAYER_SCALE, "blk.{l}.layer_output_scale.weight", 0 },
    { ROLE_ROUTER_NORM, "blk.{l}.ffn_gate_inp.scale", 0 },
    { ROLE_ROUTER_EXPERT_SCALE, "blk.{l}.ffn_down_exps.scale", 0 },
    { 0 },
};

/* Layers without values, which have no window, have no tensor of them. */
static bool lacks_values(const gguf *file, const model_config *c)
{
    char name[GGUF_NAME];
    gguf_tensor t;
    bool lacks = false;
    for (int64_t l = 0; l < c->layers && !lacks; l++) {
        snprintf(name, sizeof name, "blk.%lld.attn_v.weight", (long long)l);
        lacks = !gguf_tensor_find(file, name, &t);
    }
    return lacks;
}

static cadre_status read_gguf(const gguf *file, model_config *c)
{
    c->full_head_dim = c->head_dim;
    CADRE_TRY(config_keys_read_gguf(file, window_keys, c));
    if (!c->head_dim) c->head_dim = c->full_head_dim;
    c->full_keys_are_values = lacks_values(file, c);
    c->beside = c->experts > 0;
    c->embedding_scale = sqrt((double)c->width);
    return CADRE_OK;
}

static void write_gguf(const model_config *c, gguf_writer *w)
{
    config_keys_write_gguf(window_keys, c, w);
    gguf_writer_int(w, "gemma4.attention.value_length_swa", GGUF_U32, c->head_dim);
    gguf_writer_int(w, "gemma4.embedding_length_per_layer_input", GGUF_U32, 0);
    gguf_writer_int(w, "gemma4.attention.shared_kv_layers", GGUF_U32, 0);
}

/* What transformers takes for files without "rope_parameters" */
static const char usual_ropes[] =
    "{ \"full_attention\": { \"rope_type\": \"proportional\", \"rope_theta\": 1000000,"
    " \"partial_rotary_factor\": 0.25 },"
    " \"sliding_attention\": { \"rope_type\": \"default\", \"rope_theta\": 10000 } }";

const architecture architecture_gemma4 = {
    .model_type = "gemma4",
    .hf.class_name = "Gemma4ForCausalLM",
    .words = "Gemma 4, its text part: experts beside a dense feed-forward, norms on both sides",
    .hf.nested = "text_config",
    .hf.part_type = "gemma4_text",
    .hf.prefix = "model.language_model.",
    .hf.left = left,
    .hf.keys = keys,
    .hf.tensors = tensors,
    .hf.kinds_of_rope = true,
    .hf.usual_ropes = usual_ropes,
    .hf.read = read,
    .gguf.name = "gemma4",
    .gguf.keys = gguf_keys,
    .gguf.tensors = gguf_tensors,
    .gguf.windows = true,
    .gguf.heads_differ = true,
    .gguf.divisors = true,
    .gguf.read = read_gguf,
    .gguf.write = write_gguf,
    .base.router = "softmax-renorm",
    .base.expert_form = "geglu",
    .base.rope_theta = 1000000,
    .base.window_period = 6,
    .base.qk_norm = QK_NORM_HEAD,
    .base.fix = fix,
};

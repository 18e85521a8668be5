/* granitemoehybrid.c - Granite 4 (2025): Mamba-2 in most layers, attention in the others, mostly
 * without positions, softmax over the chosen logits, an ungated shared expert, and Granite's
 * multipliers. Without experts the shared one is a dense feed-forward. */
#include <string.h>

#include "arch/architecture.h"
#include "arch/state_keys.h"

static const config_key keys[] = {
    KEY_INT_OF("intermediate_size", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("shared_intermediate_size", shared_width, 0, 1024),
    KEY_INT_OF("num_local_experts", experts, 0, 8),
    KEY_INT_OF("num_experts_per_tok", topk, 0, 2),
    KEY_INT_OF("mamba_n_heads", state_heads, 0, 128),
    KEY_INT_OF("mamba_n_groups", state_groups, 0, 1),
    KEY_INT_OF("mamba_d_state", state_dim, 0, 256),
    KEY_INT_OF("mamba_d_conv", conv, KEY_ZERO_UNSAID, 4),
    KEY_BOOL_OF("mamba_conv_bias", conv_bias, 0, 1),
    KEY_REAL_OF("embedding_multiplier", embedding_scale, 0, 1),
    KEY_REAL_OF("attention_multiplier", attention_scale, 0, 1),
    KEY_REAL_OF("residual_multiplier", residual_scale, 0, 1),
    KEY_REAL_OF("logits_scaling", logit_divisor, 0, 1),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0.001),
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0),
    KEY_MUST_BE("mamba_proj_bias", "false"),
    KEY_MUST_BE("normalization_function", "rmsnorm"),
    { 0 },
};

static const layer_type types[] = { { "mamba", "mamba2" }, { "linear_attention", "mamba2" },
    { "attention", "attention" }, { 0 } };

#define LAYER "model.layers.{l}."
#define HALVES LAYER "shared_mlp.input_linear.weight"
static const tensor_name modules[] = {
    { ROLE_EXPERT_GATE, "model.layers.{l}.block_sparse_moe.experts", 0 },
    { 0 },
};

static const tensor_name tensors[] = {
    { ROLE_CONV, LAYER "mamba.conv1d.weight", TENSOR_FILTERS },
    { ROLE_GATE, HALVES, TENSOR_FIRST },
    { ROLE_UP, HALVES, TENSOR_SECOND },
    { ROLE_DOWN, LAYER "shared_mlp.output_linear.weight", 0 },
    { ROLE_SHARED_GATE, HALVES, TENSOR_FIRST },
    { ROLE_SHARED_UP, HALVES, TENSOR_SECOND },
    { ROLE_SHARED_DOWN, LAYER "shared_mlp.output_linear.weight", 0 },
    { ROLE_ROUTER, LAYER "block_sparse_moe.router.layer.weight", 0 },
    { ROLE_EXPERT_GATE, LAYER "block_sparse_moe.input_linear.weight",
        TENSOR_EXPERTS | TENSOR_FIRST },
    { ROLE_EXPERT_UP, LAYER "block_sparse_moe.input_linear.weight",
        TENSOR_EXPERTS | TENSOR_SECOND },
    { ROLE_EXPERT_DOWN, LAYER "block_sparse_moe.output_linear.weight", TENSOR_EXPERTS },
    { 0 },
};

/* The width of a Mamba-2 head, as a number or as what is left of the widened width */
static cadre_status read_head(const json_node *root, model_config *c)
{
    json_node head = json_member(root, "mamba_d_head");
    int64_t expand = 2, inner;
    CADRE_TRY(json_opt_int(root, "mamba_expand", 1, 64, &expand));
    inner = expand * c->width;
    if (c->state_heads > 0) c->state_head_dim = inner / c->state_heads;
    if (json_kind_of(&head) == JSON_KIND_NUMBER)
        CADRE_TRY(json_as_int(&head, 1, 4096, &c->state_head_dim));
    else if (json_kind_of(&head) == JSON_KIND_STRING) {
        const char *text;
        CADRE_TRY(json_as_string(&head, &text, NULL));
        if (strcmp(text, "auto") != 0) return json_refuse(&head, "a number or auto");
    }
    if (c->state_heads * c->state_head_dim == inner) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, root->file,
        "mamba_n_heads: expected heads of %lld elements that are %lld together (mamba_expand times "
        "hidden_size), found %lld heads",
        (long long)c->state_head_dim, (long long)inner, (long long)c->state_heads);
}

static void without_experts(model_config *c)
{
    for (int64_t l = 0; l < c->layers && !c->experts; l++) c->layer[l].dense_width = c->dense_width;
}

/* Without a list of their types, all layers are recurrent. */
static cadre_status read_unlisted(const json_node *root, model_config *c)
{
    json_node list;
    CADRE_TRY(json_opt_array(root, "layer_types", &list));
    for (int64_t l = 0; !list.value && l < c->layers; l++)
        CADRE_TRY(model_config_set_mixer(c, l, "mamba2", root->file));
    return CADRE_OK;
}

/* Called once the layers' types were read: those with states get the sizes that are not keys. */
static cadre_status read(const json_node *root, model_config *c)
{
    const char *positions = "nope";
    CADRE_TRY(json_opt_string(root, "position_embedding_type", &positions));
    if (strcmp(positions, "nope") != 0 && strcmp(positions, "rope") != 0)
        return cadre_fail(CADRE_EUNSUPPORTED, root->file,
            "position_embedding_type: expected nope or rope, found \"%s\"", positions);
    c->unplaced = !strcmp(positions, "nope");
    CADRE_TRY(state_limit_read(root));
    CADRE_TRY(read_head(root, c));
    CADRE_TRY(read_unlisted(root, c));
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].mixer.row == &mixer_mamba2)
            c->layer[l].mixer.state_head_dim = c->state_head_dim;
    if (!c->experts) c->dense_width = c->expert_width = c->shared_width;
    without_experts(c);
    return CADRE_OK;
}

static void write(const model_config *c, json_writer *w)
{
    json_put_string(w, "position_embedding_type", c->unplaced ? "nope" : "rope");
    json_put_int(w, "mamba_d_head", c->state_head_dim);
    json_put_int(w, "mamba_expand", c->state_heads * c->state_head_dim / c->width);
}

static const char *refuses(const model_config *c)
{
    return c->state_heads * c->state_head_dim % c->width
               ? "its states are a multiple of the model's width"
               : NULL;
}

/* ---- GGUF ---- */

#define FAMILY "granitehybrid"

static const config_key gguf_keys[] = {
    STATE_GGUF_KEYS,
    KEY_INT_OF("feed_forward_length", expert_width, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_shared_feed_forward_length", shared_width, 0, 0),
    KEY_REAL_OF("embedding_scale", embedding_scale, KEY_ZERO_UNSAID, 1),
    KEY_REAL_OF("attention.scale", attention_scale, 0, 0),
    KEY_REAL_OF("residual_scale", residual_scale, KEY_ZERO_UNSAID, 1),
    KEY_REAL_OF("logit_scale", logit_divisor, KEY_ZERO_UNSAID, 1),
    { 0 },
};

static const tensor_name gguf_tensors[] = {
    { ROLE_Q, "blk.{l}.attn_q.weight", TENSOR_PAIRED },
    { ROLE_K, "blk.{l}.attn_k.weight", TENSOR_PAIRED },
    { ROLE_Q_BIAS, "blk.{l}.attn_q.bias", TENSOR_PAIRED },
    { ROLE_K_BIAS, "blk.{l}.attn_k.bias", TENSOR_PAIRED },
    { ROLE_CONV, "blk.{l}.ssm_conv1d.weight", TENSOR_CHANNELS },
    { 0 },
};

/* Files whose RoPE scaling is not "finetuned" have no positions; without the key they have. */
static cadre_status read_gguf(const gguf *file, model_config *c)
{
    bool placed = true;
    CADRE_TRY(gguf_opt_bool(file, FAMILY ".rope.scaling.finetuned", &placed));
    c->unplaced = !placed;
    if (!c->experts) c->dense_width = c->shared_width ? c->shared_width : c->expert_width;
    return state_inner_read_gguf(file, c);
}

static cadre_status read_gguf_layers(const gguf *file, model_config *c)
{
    (void)file;
    without_experts(c);
    return CADRE_OK;
}

static void write_gguf(const model_config *c, gguf_writer *w)
{
    gguf_writer_bool(w, FAMILY ".rope.scaling.finetuned", !c->unplaced);
    state_inner_write_gguf(c, w);
}

const architecture architecture_granitemoehybrid = {
    .model_type = "granitemoehybrid",
    .words = "Granite 4: Mamba-2, softmax over the k largest logits, a shared expert",
    .hf.class_name = "GraniteMoeHybridForCausalLM",
    .hf.keys = keys,
    .hf.tensors = tensors,
    .hf.modules = modules,
    .hf.types = types,
    .hf.act = "silu",
    .hf.read = read,
    .hf.write = write,
    .hf.refuses = refuses,
    .gguf.name = FAMILY,
    .gguf.keys = gguf_keys,
    .gguf.tensors = gguf_tensors,
    .gguf.recurrent = "mamba2",
    .gguf.read = read_gguf,
    .gguf.read_layers = read_gguf_layers,
    .gguf.write = write_gguf,
    .base.router = "topk-softmax",
    .base.expert_form = "swiglu",
};

/* switch.c - Switch Transformers (Fedus et al. 2021) in T5's form: an encoder and a decoder, one
 * expert for each token, a fixed number of slots for each expert and sequence, and positions as
 * biases of scores. The two stacks are two configurations of one family. */
#include "arch/switch.h"

#include <math.h>

#include "base/memory.h"

static const config_key keys[] = {
    KEY_INT_OF("vocab_size", vocab, KEY_REQUIRED, 0),
    KEY_INT_OF("d_model|hidden_size", width, KEY_REQUIRED, 0),
    KEY_INT_OF("d_kv|head_dim", head_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("d_ff", dense_width, KEY_REQUIRED, 0),
    KEY_INT_OF("d_ff", expert_width, KEY_REQUIRED | KEY_UNWRITTEN, 0),
    KEY_INT_OF("num_heads|num_attention_heads", heads, KEY_REQUIRED, 0),
    KEY_INT_OF("num_layers|num_hidden_layers", layers, KEY_REQUIRED | KEY_UNWRITTEN, 0),
    KEY_INT_OF("num_experts", experts, KEY_REQUIRED, 0),
    KEY_INT_OF("expert_capacity", capacity.slots, 0, 64),
    KEY_INT_OF("relative_attention_num_buckets", relative_buckets, 0, 32),
    KEY_INT_OF("relative_attention_max_distance", relative_distance, 0, 128),
    KEY_INT_OF("n_positions", context, 0, 512),
    KEY_INT_OF("decoder_start_token_id", bos, 0, 0),
    KEY_REAL_OF("layer_norm_epsilon", norm_eps, 0, 1e-6),
    KEY_BOOL_OF("tie_word_embeddings", tie, 0, 1),
    KEY_MUST_BE("router_bias", "false"),
    KEY_MUST_BE("router_dtype", "float32"),
    KEY_MUST_BE("router_ignore_padding_tokens", "false"),
    KEY_MUST_BE("router_type", "tokens_masked"),
    KEY_MUST_BE("feed_forward_proj", "relu"),
    KEY_MUST_BE("dense_act_fn", "relu"),
    KEY_MUST_BE("is_gated_act", "false"),
    KEY_MUST_BE("is_encoder_decoder", "true"),
    { 0 },
};

#define STACK(stack, ffn)                                                                          \
    { ROLE_OUT_NORM, stack ".final_layer_norm.weight", 0 },                                        \
        { ROLE_RELATIVE, stack ".block.0.layer.0.SelfAttention.relative_attention_bias.weight",    \
            0 },                                                                                   \
        { ROLE_ATTN_NORM, stack ".block.{l}.layer.0.layer_norm.weight", 0 },                       \
        { ROLE_Q, stack ".block.{l}.layer.0.SelfAttention.q.weight", 0 },                          \
        { ROLE_K, stack ".block.{l}.layer.0.SelfAttention.k.weight", 0 },                          \
        { ROLE_V, stack ".block.{l}.layer.0.SelfAttention.v.weight", 0 },                          \
        { ROLE_O, stack ".block.{l}.layer.0.SelfAttention.o.weight", 0 },                          \
        { ROLE_FFN_NORM, stack ".block.{l}.layer." ffn ".layer_norm.weight", 0 },                  \
        { ROLE_GATE, stack ".block.{l}.layer." ffn ".mlp.wi.weight", 0 },                          \
        { ROLE_DOWN, stack ".block.{l}.layer." ffn ".mlp.wo.weight", 0 },                          \
        { ROLE_ROUTER, stack ".block.{l}.layer." ffn ".mlp.router.classifier.weight", 0 },         \
        { ROLE_EXPERT_GATE, stack ".block.{l}.layer." ffn ".mlp.experts.expert_{e}.wi.weight",     \
            0 },                                                                                   \
    {                                                                                              \
        ROLE_EXPERT_DOWN, stack ".block.{l}.layer." ffn ".mlp.experts.expert_{e}.wo.weight", 0     \
    }

/* The stacks share one embedding, unless the file says that it is not the head's either. */
#define EMBED_SHARED(stack)                                                                        \
    { ROLE_EMBED, "shared.weight", 0 }, { ROLE_EMBED, stack ".embed_tokens.weight", 0 }
#define EMBED_APART(stack)                                                                         \
    { ROLE_EMBED, stack ".embed_tokens.weight", 0 }, { ROLE_EMBED, "shared.weight", 0 }

static const tensor_name encoder_tensors[] = { EMBED_SHARED("encoder"), STACK("encoder", "1"),
    { 0 } };
static const tensor_name encoder_apart[] = { EMBED_APART("encoder"), STACK("encoder", "1"), { 0 } };

#define DECODER                                                                                    \
    STACK("decoder", "2"), { ROLE_CROSS_NORM, "decoder.block.{l}.layer.1.layer_norm.weight", 0 },  \
        { ROLE_CROSS_Q, "decoder.block.{l}.layer.1.EncDecAttention.q.weight", 0 },                 \
        { ROLE_CROSS_K, "decoder.block.{l}.layer.1.EncDecAttention.k.weight", 0 },                 \
        { ROLE_CROSS_V, "decoder.block.{l}.layer.1.EncDecAttention.v.weight", 0 },                 \
        { ROLE_CROSS_O, "decoder.block.{l}.layer.1.EncDecAttention.o.weight", 0 },                 \
    {                                                                                              \
        0                                                                                          \
    }

static const tensor_name decoder_tensors[] = { EMBED_SHARED("decoder"), DECODER };
static const tensor_name decoder_apart[] = { EMBED_APART("decoder"), DECODER };
static const architecture apart;
static const architecture encoder_row = { .model_type = "switch_transformers",
    .words = "the encoder of Switch Transformers",
    .hf.tensors = encoder_tensors },
                          encoder_row_apart = { .model_type = "switch_transformers",
                              .words = "the encoder of Switch Transformers",
                              .hf.tensors = encoder_apart };

static void fix(model_config *c)
{
    c->attention_scale = 1;
    c->topk = 1;
    c->init_range = 0.02;
    c->capacity = (dispatch_options){
        .overflow = OVERFLOW_DROP, .priority = PRIORITY_TOKEN, .in_eval = true
    };
}

/* Makes `sparse` layers of the stack sparse, evenly: layer l is sparse if l % step == 1. As
 * published, 0 makes one. */
static cadre_status derive_stack(model_config *c, int64_t sparse, const char *where)
{
    CADRE_TRY(model_config_derive(c, where));
    int64_t step = sparse ? c->layers / sparse : c->layers;
    for (int64_t l = 0; l < c->layers; l++) c->layer[l].sparse = step == 1 || l % step == 1;
    return CADRE_OK;
}

cadre_status switch_stacks(model_config *c, const switch_layers *n, const char *where)
{
    if (!(c->encoder = MEM_ARRAY(model_config, 1))) return CADRE_ENOMEM;
    model_config encoder = *c;
    encoder.arch = c->tie ? &encoder_row : &encoder_row_apart;
    encoder.layer = NULL;
    encoder.encoder = NULL;
    encoder.bidirectional = encoder.tie = true;
    *c->encoder = encoder;
    CADRE_TRY(derive_stack(c->encoder, n->sparse_encoder, where));
    c->layers = n->decoder;
    c->cross = true;
    if (c->tie) c->logit_scale = 1 / sqrt((double)c->width);
    else c->arch = &apart;
    return derive_stack(c, n->sparse_decoder, where);
}

void switch_numbers(model_config *c)
{
    fix(c);
    c->arch = &architecture_switch;
    c->relative_buckets = 32;
    c->relative_distance = 128;
    c->pad = c->bos = 0;
    c->eos = 1;
}

static cadre_status read_stacks(const json_node *root, model_config *c)
{
    switch_layers n = { .decoder = c->layers, .sparse_encoder = 3, .sparse_decoder = 3 };
    CADRE_TRY(json_opt_int(root, "num_decoder_layers", 1, CONFIG_MAX_LAYERS, &n.decoder));
    CADRE_TRY(json_opt_int(root, "num_sparse_encoder_layers", 0, c->layers, &n.sparse_encoder));
    CADRE_TRY(json_opt_int(root, "num_sparse_decoder_layers", 0, n.decoder, &n.sparse_decoder));
    return switch_stacks(c, &n, root->file);
}

/* The number that gives these sparse layers */
static int64_t sparse_of(const model_config *c)
{
    int64_t first = 0, step = 1;
    while (first < c->layers && !c->layer[first].sparse) first++;
    while (first + step < c->layers && !c->layer[first + step].sparse) step++;
    if (first + step >= c->layers) return first < c->layers; /* one, or none */
    return c->layers / step;
}

static void write_stacks(const model_config *c, json_writer *w)
{
    json_put_int(w, "num_layers", c->encoder->layers);
    json_put_int(w, "num_decoder_layers", c->layers);
    json_put_int(w, "num_sparse_encoder_layers", sparse_of(c->encoder));
    json_put_int(w, "num_sparse_decoder_layers", sparse_of(c));
}

static const char *refuses(const model_config *c)
{
    return c->encoder ? NULL : "it has an encoder";
}

#define ROW                                                                                        \
    .model_type = "switch_transformers",                                                           \
    .hf.class_name = "SwitchTransformersForConditionalGeneration",                                 \
    .words = "Switch Transformers: one expert a token, with a limit; encoder and decoder",         \
    .hf.keys = keys, .hf.keys_alone = true, .base.router = "softmax", .base.expert_form = "relu",  \
    .base.fix = fix, .hf.read = read_stacks, .hf.write = write_stacks, .hf.refuses = refuses

static const architecture apart = { ROW, .hf.tensors = decoder_apart };

const architecture architecture_switch = { ROW, .hf.tensors = decoder_tensors };

/* config_json_test.c - every key of config.json: the number that it is, what its absence means,
 * and that it is written as it was read. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "arch/config_json.h"
#include "support/family.h"
#include "support/succeeds.h"

/* ---- keys ---- */

typedef enum fate { WRITTEN, REQUIRED, ALIAS } fate; /* of a key; an alias is written otherwise */

typedef struct key_case {
    const char *type, *key, *value;
    size_t field;
    char kind; /* i: int64_t, r: double, b: bool */
    double read, absent;
    fate fate;
} key_case;

#define I(field) offsetof(model_config, field), 'i'
#define REAL(field) offsetof(model_config, field), 'r'
#define B(field) offsetof(model_config, field), 'b'

static const key_case cases[] = {
    /* of all */
    { "llama", "vocab_size", "70", I(vocab), 70, 0, REQUIRED },
    { "llama", "hidden_size", "48", I(width), 48, 0, REQUIRED },
    { "llama", "num_hidden_layers", "5", I(layers), 5, 0, REQUIRED },
    { "llama", "num_attention_heads", "2", I(heads), 2, 0, REQUIRED },
    { "llama", "num_key_value_heads", "2", I(kv_heads), 2, 4, WRITTEN },
    { "llama", "rms_norm_eps", "0.25", REAL(norm_eps), 0.25, 1e-6, WRITTEN },
    { "llama", "max_position_embeddings", "99", I(context), 99, 2048, WRITTEN },
    { "llama", "tie_word_embeddings", "true", B(tie), 1, 0, WRITTEN },
    { "llama", "initializer_range", "0.5", REAL(init_range), 0.5, 0.02, WRITTEN },
    { "llama", "bos_token_id", "5", I(bos), 5, -1, WRITTEN },
    { "llama", "eos_token_id", "6", I(eos), 6, -1, WRITTEN },
    { "llama", "pad_token_id", "7", I(pad), 7, -1, WRITTEN },
    { "llama", "rope_theta", "5000", REAL(rope.theta), 5000, 10000, WRITTEN },
    { "llama", "num_nextn_predict_layers", "1", I(predicting), 1, 0, ALIAS },
    /* of families */
    { "llama", "intermediate_size", "20", I(dense_width), 20, 0, REQUIRED },
    { "llama", "head_dim", "6", I(head_dim), 6, 8, WRITTEN },
    { "llama", "attention_bias", "true", B(qkv_bias), 1, 0, WRITTEN },
    { "llama", "attention_bias", "true", B(out_bias), 1, 0, WRITTEN },
    { "llama", "mlp_bias", "true", B(ffn_bias), 1, 0, WRITTEN },
    { "qwen3", "intermediate_size", "20", I(dense_width), 20, 0, REQUIRED },
    { "qwen3", "head_dim", "6", I(head_dim), 6, 128, WRITTEN },
    { "qwen3", "attention_bias", "true", B(qkv_bias), 1, 0, WRITTEN },
    { "qwen3", "attention_bias", "true", B(out_bias), 1, 0, WRITTEN },
    { "mixtral", "intermediate_size", "20", I(expert_width), 20, 0, REQUIRED },
    { "mixtral", "num_local_experts", "6", I(experts), 6, 0, REQUIRED },
    { "mixtral", "num_experts", "6", I(experts), 6, 8, ALIAS },
    { "mixtral", "n_routed_experts", "6", I(experts), 6, 8, ALIAS },
    { "mixtral", "num_experts_per_tok", "3", I(topk), 3, 0, REQUIRED },
    { "mixtral", "head_dim", "6", I(head_dim), 6, 8, WRITTEN },
    { "mixtral", "rms_norm_eps", "0.25", REAL(norm_eps), 0.25, 1e-5, WRITTEN },
    { "mixtral", "sliding_window", "7", I(window), 7, 0, WRITTEN },
    { "mixtral", "router_aux_loss_coef", "0.5", REAL(aux_loss), 0.5, 0.001, WRITTEN },
    { "mixtral", "rope_theta", "5000", REAL(rope.theta), 5000, 1e6, WRITTEN },
    { "qwen2_moe", "intermediate_size", "20", I(dense_width), 20, 16, WRITTEN },
    { "qwen2_moe", "moe_intermediate_size", "20", I(expert_width), 20, 0, REQUIRED },
    { "qwen2_moe", "shared_expert_intermediate_size", "20", I(shared_width), 20, 0, REQUIRED },
    { "qwen2_moe", "num_experts", "6", I(experts), 6, 0, REQUIRED },
    { "qwen2_moe", "num_local_experts", "6", I(experts), 6, 8, ALIAS },
    { "qwen2_moe", "n_routed_experts", "6", I(experts), 6, 8, ALIAS },
    { "qwen2_moe", "num_experts_per_tok", "3", I(topk), 3, 0, REQUIRED },
    { "qwen2_moe", "head_dim", "6", I(head_dim), 6, 8, WRITTEN },
    { "qwen2_moe", "decoder_sparse_step", "2", I(sparse_step), 2, 1, WRITTEN },
    { "qwen2_moe", "qkv_bias", "false", B(qkv_bias), 0, 1, WRITTEN },
    { "qwen2_moe", "router_aux_loss_coef", "0.5", REAL(aux_loss), 0.5, 0.001, WRITTEN },
    { "qwen3_moe", "intermediate_size", "20", I(dense_width), 20, 16, WRITTEN },
    { "qwen3_moe", "moe_intermediate_size", "20", I(expert_width), 20, 0, REQUIRED },
    { "qwen3_moe", "num_experts", "6", I(experts), 6, 0, REQUIRED },
    { "qwen3_moe", "num_experts_per_tok", "3", I(topk), 3, 0, REQUIRED },
    { "qwen3_moe", "head_dim", "6", I(head_dim), 6, 8, WRITTEN },
    { "qwen3_moe", "decoder_sparse_step", "2", I(sparse_step), 2, 1, WRITTEN },
    { "qwen3_moe", "router_aux_loss_coef", "0.5", REAL(aux_loss), 0.5, 0.001, WRITTEN },
    { "qwen3_moe", "attention_bias", "true", B(qkv_bias), 1, 0, WRITTEN },
    { "qwen3_moe", "attention_bias", "true", B(out_bias), 1, 0, WRITTEN },
    { "olmoe", "intermediate_size", "20", I(expert_width), 20, 0, REQUIRED },
    { "olmoe", "num_experts", "6", I(experts), 6, 0, REQUIRED },
    { "olmoe", "num_experts_per_tok", "3", I(topk), 3, 0, REQUIRED },
    { "olmoe", "router_aux_loss_coef", "0.5", REAL(aux_loss), 0.5, 0.01, WRITTEN },
    { "olmoe", "clip_qkv", "4", REAL(qkv_clip), 4, 0, WRITTEN },
    { "olmoe", "rms_norm_eps", "0.25", REAL(norm_eps), 0.25, 1e-5, WRITTEN },
    { "olmoe", "attention_bias", "true", B(qkv_bias), 1, 0, WRITTEN },
    { "olmoe", "attention_bias", "true", B(out_bias), 1, 0, WRITTEN },
    { "deepseek", "intermediate_size", "20", I(dense_width), 20, 16, WRITTEN },
    { "deepseek", "moe_intermediate_size", "20", I(expert_width), 20, 0, REQUIRED },
    { "deepseek", "n_routed_experts", "6", I(experts), 6, 0, REQUIRED },
    { "deepseek", "num_experts_per_tok", "3", I(topk), 3, 0, REQUIRED },
    { "deepseek", "n_shared_experts", "2", I(shared_experts), 2, 0, WRITTEN },
    { "deepseek", "n_shared_experts", "2", I(shared_width), 24, 0, WRITTEN },
    { "deepseek", "first_k_dense_replace", "1", I(dense_layers), 1, 0, WRITTEN },
    { "deepseek", "aux_loss_alpha", "0.5", REAL(aux_loss), 0.5, 0.001, WRITTEN },
    { "deepseek_v2", "intermediate_size", "20", I(dense_width), 20, 16, WRITTEN },
    { "deepseek_v2", "moe_intermediate_size", "20", I(expert_width), 20, 0, REQUIRED },
    { "deepseek_v2", "n_routed_experts", "6", I(experts), 6, 0, REQUIRED },
    { "deepseek_v2", "num_experts_per_tok", "3", I(topk), 3, 0, REQUIRED },
    { "deepseek_v2", "n_shared_experts", "2", I(shared_experts), 2, 0, WRITTEN },
    { "deepseek_v2", "routed_scaling_factor", "16", REAL(route_scale), 16, 1, WRITTEN },
    { "deepseek_v2", "first_k_dense_replace", "1", I(dense_layers), 1, 0, WRITTEN },
    { "deepseek_v2", "q_lora_rank", "9", I(q_lora), 9, 0, WRITTEN },
    { "deepseek_v2", "kv_lora_rank", "9", I(kv_lora), 9, 0, REQUIRED },
    { "deepseek_v2", "qk_nope_head_dim", "9", I(nope_dim), 9, 0, REQUIRED },
    { "deepseek_v2", "qk_rope_head_dim", "6", I(rope_dim), 6, 0, REQUIRED },
    { "deepseek_v2", "qk_rope_head_dim", "6", I(head_dim), 12, 0, REQUIRED },
    { "deepseek_v2", "v_head_dim", "9", I(value_dim), 9, 0, REQUIRED },
    { "deepseek_v2", "aux_loss_alpha", "0.5", REAL(aux_loss), 0.5, 0.001, WRITTEN },
    { "deepseek_v2", "attention_bias", "true", B(qkv_bias), 1, 0, WRITTEN },
    { "deepseek_v2", "attention_bias", "true", B(out_bias), 1, 0, WRITTEN },
    { "deepseek_v3", "intermediate_size", "20", I(dense_width), 20, 16, WRITTEN },
    { "deepseek_v3", "moe_intermediate_size", "20", I(expert_width), 20, 0, REQUIRED },
    { "deepseek_v3", "n_routed_experts", "6", I(experts), 6, 0, REQUIRED },
    { "deepseek_v3", "num_local_experts", "6", I(experts), 6, 8, ALIAS },
    { "deepseek_v3", "num_experts_per_tok", "3", I(topk), 3, 0, REQUIRED },
    { "deepseek_v3", "n_shared_experts", "2", I(shared_experts), 2, 0, WRITTEN },
    { "deepseek_v3", "routed_scaling_factor", "16", REAL(route_scale), 16, 2.5, WRITTEN },
    { "deepseek_v3", "first_k_dense_replace", "1", I(dense_layers), 1, 0, WRITTEN },
    { "deepseek_v3", "q_lora_rank", "9", I(q_lora), 9, 0, WRITTEN },
    { "deepseek_v3", "kv_lora_rank", "9", I(kv_lora), 9, 0, REQUIRED },
    { "deepseek_v3", "qk_nope_head_dim", "9", I(nope_dim), 9, 0, REQUIRED },
    { "deepseek_v3", "qk_rope_head_dim", "6", I(rope_dim), 6, 0, REQUIRED },
    { "deepseek_v3", "v_head_dim", "9", I(value_dim), 9, 0, REQUIRED },
    { "deepseek_v3", "attention_bias", "true", B(qkv_bias), 1, 0, WRITTEN },
    { "deepseek_v3", "attention_bias", "true", B(out_bias), 1, 0, WRITTEN },
    { "deepseek_v3", "rope_interleave", "false", B(rope.pairs), 0, 1, WRITTEN },
    { "glm4_moe", "intermediate_size", "20", I(dense_width), 20, 16, WRITTEN },
    { "glm4_moe", "moe_intermediate_size", "20", I(expert_width), 20, 0, REQUIRED },
    { "glm4_moe", "n_routed_experts", "6", I(experts), 6, 0, REQUIRED },
    { "glm4_moe", "num_experts_per_tok", "3", I(topk), 3, 0, REQUIRED },
    { "glm4_moe", "n_shared_experts", "2", I(shared_experts), 2, 1, WRITTEN },
    { "glm4_moe", "routed_scaling_factor", "16", REAL(route_scale), 16, 1, WRITTEN },
    { "glm4_moe", "first_k_dense_replace", "2", I(dense_layers), 2, 1, WRITTEN },
    { "glm4_moe", "head_dim", "16", I(head_dim), 16, 8, WRITTEN },
    { "glm4_moe", "rms_norm_eps", "0.25", REAL(norm_eps), 0.25, 1e-5, WRITTEN },
    { "glm4_moe", "attention_bias", "true", B(qkv_bias), 1, 0, WRITTEN },
    { "glm4_moe", "partial_rotary_factor", "1.0", REAL(rotary_share), 1, 0.5, WRITTEN },
    { "gpt_oss", "intermediate_size", "20", I(expert_width), 20, 0, REQUIRED },
    { "gpt_oss", "num_local_experts", "6", I(experts), 6, 0, REQUIRED },
    { "gpt_oss", "num_experts_per_tok", "3", I(topk), 3, 0, REQUIRED },
    { "gpt_oss", "head_dim", "6", I(head_dim), 6, 64, WRITTEN },
    { "gpt_oss", "rms_norm_eps", "0.25", REAL(norm_eps), 0.25, 1e-5, WRITTEN },
    { "gpt_oss", "sliding_window", "7", I(window), 7, 128, WRITTEN },
    { "gpt_oss", "swiglu_limit", "5", REAL(expert_limit), 5, 7, WRITTEN },
    { "gpt_oss", "router_aux_loss_coef", "0.5", REAL(aux_loss), 0.5, 0.9, WRITTEN },
    { "gpt_oss", "attention_bias", "false", B(qkv_bias), 0, 1, WRITTEN },
    { "gpt_oss", "attention_bias", "false", B(out_bias), 0, 1, WRITTEN },
    { "granitemoe", "intermediate_size", "20", I(expert_width), 20, 0, REQUIRED },
    { "granitemoe", "num_local_experts", "6", I(experts), 6, 0, REQUIRED },
    { "granitemoe", "num_experts_per_tok", "3", I(topk), 3, 0, REQUIRED },
    { "granitemoe", "embedding_multiplier", "12", REAL(embedding_scale), 12, 1, WRITTEN },
    { "granitemoe", "attention_multiplier", "0.5", REAL(attention_scale), 0.5, 1, WRITTEN },
    { "granitemoe", "residual_multiplier", "0.5", REAL(residual_scale), 0.5, 1, WRITTEN },
    { "granitemoe", "logits_scaling", "6", REAL(logit_divisor), 6, 1, WRITTEN },
    { "granitemoe", "router_aux_loss_coef", "0.5", REAL(aux_loss), 0.5, 0.001, WRITTEN },
    { "granitemoe", "attention_bias", "true", B(qkv_bias), 1, 0, WRITTEN },
    { "granitemoe", "attention_bias", "true", B(out_bias), 1, 0, WRITTEN },
    { "grok", "intermediate_size", "20", I(expert_width), 20, 0, REQUIRED },
    { "grok", "num_local_experts", "6", I(experts), 6, 0, REQUIRED },
    { "grok", "num_experts_per_tok", "3", I(topk), 3, 0, REQUIRED },
    { "grok", "head_dim", "6", I(head_dim), 6, 8, WRITTEN },
    { "grok", "embedding_multiplier_scale", "12", REAL(embedding_scale), 12, 78.38367176906169,
        WRITTEN },
    { "grok", "output_multiplier_scale", "12", REAL(logit_scale), 12, 0.5773502691896257, WRITTEN },
    { "grok", "attn_output_multiplier", "12", REAL(attention_scale), 12, 0.08838834764831845,
        WRITTEN },
    { "grok", "attn_logit_softcapping", "12", REAL(attention_softcap), 12, 30, WRITTEN },
    /* an encoder beside the decoder */
    { "switch_transformers", "vocab_size", "70", I(vocab), 70, 0, REQUIRED },
    { "switch_transformers", "d_model", "48", I(width), 48, 32, WRITTEN },
    { "switch_transformers", "d_kv", "6", I(head_dim), 6, 0, REQUIRED },
    { "switch_transformers", "d_ff", "20", I(dense_width), 20, 0, REQUIRED },
    { "switch_transformers", "d_ff", "20", I(expert_width), 20, 0, REQUIRED },
    { "switch_transformers", "num_heads", "2", I(heads), 2, 4, WRITTEN },
    { "switch_transformers", "num_decoder_layers", "9", I(layers), 9, 4, WRITTEN },
    { "switch_transformers", "num_experts", "6", I(experts), 6, 0, REQUIRED },
    { "switch_transformers", "expert_capacity", "9", I(capacity.slots), 9, 64, WRITTEN },
    { "switch_transformers", "relative_attention_num_buckets", "8", I(relative_buckets), 8, 32,
        WRITTEN },
    { "switch_transformers", "relative_attention_max_distance", "20", I(relative_distance), 20, 128,
        WRITTEN },
    { "switch_transformers", "n_positions", "99", I(context), 99, 512, WRITTEN },
    { "switch_transformers", "decoder_start_token_id", "3", I(bos), 3, 0, WRITTEN },
    { "switch_transformers", "layer_norm_epsilon", "0.25", REAL(norm_eps), 0.25, 1e-6, WRITTEN },
    { "switch_transformers", "tie_word_embeddings", "false", B(tie), 0, 1, WRITTEN },
    /* cadre's own */
    { "cadre", "head_dim", "6", I(head_dim), 6, 0, REQUIRED },
    { "cadre", "intermediate_size", "20", I(dense_width), 20, 16, WRITTEN },
    { "cadre", "n_shared_experts", "2", I(shared_experts), 2, 0, WRITTEN },
    { "cadre", "shared_expert_intermediate_size", "20", I(shared_width), 20, 0, WRITTEN },
    { "cadre", "shared_expert_gated", "true", B(shared_gated), 1, 0, WRITTEN },
    { "cadre", "routed_scaling_factor", "16", REAL(route_scale), 16, 1, WRITTEN },
    { "cadre", "router_aux_loss_coef", "0.5", REAL(aux_loss), 0.5, 0, WRITTEN },
    { "cadre", "swiglu_limit", "5", REAL(expert_limit), 5, 0, WRITTEN },
    { "cadre", "attention_bias", "true", B(qkv_bias), 1, 0, WRITTEN },
    { "cadre", "attention_out_bias", "true", B(out_bias), 1, 0, WRITTEN },
    { "cadre", "mlp_bias", "true", B(ffn_bias), 1, 0, WRITTEN },
    { "cadre", "expert_bias", "true", B(expert_bias), 1, 0, WRITTEN },
    { "cadre", "router_bias", "true", B(router_bias), 1, 0, WRITTEN },
};

static double number_in(const model_config *c, const key_case *k)
{
    const void *field = (const char *)c + k->field;
    if (k->kind == 'i') return (double)*(const int64_t *)field;
    return k->kind == 'r' ? *(const double *)field : (double)*(const bool *)field;
}

static void holds(const model_config *c, const key_case *k, double expected, const char *when)
{
    if (number_in(c, k) != expected)
        fail_msg("%s, %s %s: expected %.17g, found %.17g", k->type, k->key, when, expected,
            number_in(c, k));
}

static model_config read_as(const key_case *k, const char *members, const char *without)
{
    model_config c;
    if (family_read(k->type, members, without, &c) != CADRE_OK)
        fail_msg("%s, %s: %s", k->type, k->key, cadre_last_error());
    return c;
}

/* A member of what is written, as text; a number in whatever form. */
static void writes(const model_config *c, const char *key, const char *value)
{
    char name[96], *end;
    const char *text = family_written(c);
    snprintf(name, sizeof name, "\"%s\": ", key);
    const char *at = strstr(text, name);
    if (!at) fail_msg("%s is not in %s", name, text);
    at += strlen(name);
    double number = strtod(value, &end);
    bool same = *end ? !strncmp(at, value, strlen(value)) && strchr(",}", at[strlen(value)])
                     : strtod(at, &end) == number && strchr(",}", *end);
    if (!same) fail_msg("%s: expected %s in %s", key, value, text);
}

static void each_key_is_its_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const key_case *k = &cases[i];
        char members[160];
        snprintf(members, sizeof members, "\"%s\": %s", k->key, k->value);
        model_config c = read_as(k, members, NULL);
        holds(&c, k, k->read, "given");
        if (k->fate != ALIAS) writes(&c, k->key, k->value);
        model_config_free(&c);
    }
}

static void each_absent_key_is_its_default(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const key_case *k = &cases[i];
        bool usual = k->absent != 0 && strstr(family_text(k->type, NULL, NULL), k->key);
        if (k->fate == REQUIRED || usual) continue;
        model_config c = read_as(k, NULL, k->key);
        holds(&c, k, k->absent, "left out");
        model_config_free(&c);
    }
}

static void a_key_that_must_be_there_is_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const key_case *k = &cases[i];
        model_config c;
        if (k->fate != REQUIRED) continue;
        refuses(family_read(k->type, NULL, k->key, &c), CADRE_EFORMAT, "config.json: ");
        if (!strstr(cadre_last_error(), k->key))
            fail_msg("%s: \"%s\" does not name %s", k->type, cadre_last_error(), k->key);
    }
}

/* ---- keys that can have one value ---- */

static void a_key_that_fixes_the_family_has_one_value(void **state)
{
    (void)state;
    static const struct {
        const char *type, *key, *good, *bad, *expected;
    } musts[] = {
        { "mixtral", "attention_bias", "false", "true", "false" },
        { "mixtral", "hidden_act", "\"silu\"", "\"gelu\"", "silu" },
        { "deepseek", "moe_layer_freq", "1", "2", "1" },
        { "deepseek", "scoring_func", "\"softmax\"", "\"sigmoid\"", "softmax" },
        { "deepseek", "attention_bias", "false", "true", "false" },
        { "deepseek_v2", "norm_topk_prob", "false", "true", "false" },
        { "deepseek_v2", "moe_layer_freq", "1", "2", "1" },
        { "deepseek_v2", "scoring_func", "\"softmax\"", "\"sigmoid\"", "softmax" },
        { "deepseek_v2", "mlp_bias", "false", "true", "false" },
        { "deepseek_v3", "moe_layer_freq", "1", "2", "1" },
        { "deepseek_v3", "scoring_func", "\"sigmoid\"", "\"softmax\"", "sigmoid" },
        { "deepseek_v3", "topk_method", "\"noaux_tc\"", "\"greedy\"", "noaux_tc" },
        { "gpt_oss", "swiglu_alpha", "1.702", "1.7", "1.702" },
        { "grok", "hidden_act", "\"gelu_pytorch_tanh\"", "\"gelu\"", "gelu_pytorch_tanh" },
        { "switch_transformers", "router_bias", "false", "true", "false" },
        { "switch_transformers", "router_dtype", "\"float32\"", "\"bfloat16\"", "float32" },
        { "switch_transformers", "router_ignore_padding_tokens", "false", "true", "false" },
        { "switch_transformers", "router_type", "\"tokens_masked\"", "\"experts_masked\"",
            "tokens_masked" },
        { "switch_transformers", "feed_forward_proj", "\"relu\"", "\"gated-gelu\"", "relu" },
        { "switch_transformers", "dense_act_fn", "\"relu\"", "\"gelu\"", "relu" },
        { "switch_transformers", "is_gated_act", "false", "true", "false" },
        { "switch_transformers", "is_encoder_decoder", "true", "false", "true" },
    };
    for (size_t i = 0; i < sizeof musts / sizeof *musts; i++) {
        char members[160], phrase[160];
        snprintf(members, sizeof members, "\"%s\": %s", musts[i].key, musts[i].good);
        model_config c = family_config(musts[i].type, members);
        writes(&c, musts[i].key, musts[i].good);
        model_config_free(&c);
        snprintf(members, sizeof members, "\"%s\": %s", musts[i].key, musts[i].bad);
        snprintf(phrase, sizeof phrase,
            "%s: expected %s, the only value that is implemented, found ", musts[i].key,
            musts[i].expected);
        refuses(family_read(musts[i].type, members, NULL, &c), CADRE_EUNSUPPORTED, phrase);
    }
}

/* ---- what is written otherwise than it was read ---- */

static void written_as(const char *type, const char *members, const char *key, const char *value)
{
    model_config c = family_config(type, members);
    if (value) writes(&c, key, value);
    else if (strstr(family_written(&c), key)) fail_msg("%s: %s is written", type, key);
    model_config_free(&c);
}

/* A window, a compressed query and a cut are null where there is none; the width of Qwen2's heads
 * stands there only where it says something. */
static void none_is_null_or_unwritten(void **state)
{
    (void)state;
    written_as("mixtral", NULL, "sliding_window", "null");
    written_as("deepseek_v2", NULL, "q_lora_rank", "null");
    written_as("deepseek_v3", NULL, "q_lora_rank", "null");
    written_as("olmoe", NULL, "clip_qkv", "null");
    written_as("cadre", NULL, "swiglu_limit", NULL);
    written_as("llama", NULL, "bos_token_id", "null");
    written_as("llama", NULL, "eos_token_id", "null");
    written_as("llama", NULL, "pad_token_id", "null");
    written_as("llama", NULL, "mlp_only_layers", NULL);
}

static void several_end_tokens_are_a_list(void **state)
{
    (void)state;
    written_as("llama", "\"eos_token_id\": [9, 4, 11]", "eos_token_id", "[9, 4, 11]");
    written_as("llama", "\"eos_token_id\": [9]", "eos_token_id", "9");
    written_as("switch_transformers", "\"eos_token_id\": [9, 4]", "eos_token_id", "[9, 4]");
}

static void a_token_beyond_31_bits_is_refused(void **state)
{
    (void)state;
    model_config c;
    refuses(family_read("llama", "\"bos_token_id\": 2147483648", NULL, &c), CADRE_EFORMAT,
        "bos_token_id: expected an id of a token, found 2147483648");
    refuses(family_read("llama", "\"pad_token_id\": 4294967294", NULL, &c), CADRE_EFORMAT,
        "pad_token_id: expected an id of a token, found 4294967294");
    c = family_config("llama", "\"bos_token_id\": 2147483647");
    assert_int_equal(c.bos, INT32_MAX);
    model_config_free(&c);
}

static void the_family_is_named(void **state)
{
    (void)state;
    static const char *const names[][3] = {
        { "llama", "LlamaForCausalLM", "silu" },
        { "mixtral", "MixtralForCausalLM", "silu" },
        { "qwen2_moe", "Qwen2MoeForCausalLM", "silu" },
        { "qwen3_moe", "Qwen3MoeForCausalLM", "silu" },
        { "qwen3", "Qwen3ForCausalLM", "silu" },
        { "olmoe", "OlmoeForCausalLM", "silu" },
        { "deepseek", "DeepseekForCausalLM", "silu" },
        { "deepseek_v2", "DeepseekV2ForCausalLM", "silu" },
        { "deepseek_v3", "DeepseekV3ForCausalLM", "silu" },
        { "gpt_oss", "GptOssForCausalLM", "silu" },
        { "granitemoe", "GraniteMoeForCausalLM", "silu" },
        { "glm4_moe", "Glm4MoeForCausalLM", "silu" },
        { "grok", "Grok1ForCausalLM", "gelu_pytorch_tanh" },
        { "switch_transformers", "SwitchTransformersForConditionalGeneration", NULL },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char quoted[96];
        snprintf(quoted, sizeof quoted, "\"%s\"", names[i][0]);
        written_as(names[i][0], NULL, "model_type", quoted);
        snprintf(quoted, sizeof quoted, "[\"%s\"]", names[i][1]);
        written_as(names[i][0], NULL, "architectures", quoted);
        snprintf(quoted, sizeof quoted, "\"%s\"", names[i][2] ? names[i][2] : "");
        written_as(names[i][0], NULL, "hidden_act", names[i][2] ? quoted : NULL);
    }
    written_as("cadre", NULL, "architectures", NULL);
}

static void the_format_is_named_as_pytorch_does(void **state)
{
    (void)state;
    static const struct {
        const number_format *format;
        const char *name;
    } formats[] = { { &number_f32, "\"float32\"" }, { &number_f16, "\"float16\"" },
        { &number_bf16, "\"bfloat16\"" }, { &number_q8_0, "\"float32\"" } };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        model_config c = family_config("llama", NULL);
        json_writer w = json_writer_new(0);
        char member[64];
        succeeds(model_config_text(&c, formats[i].format, &w));
        snprintf(member, sizeof member, "\"torch_dtype\": %s", formats[i].name);
        assert_non_null(memmem(w.text.data, w.text.size, member, strlen(member)));
        json_writer_free(&w);
        model_config_free(&c);
    }
}

/* ---- routers ---- */

static void norm_topk_prob_chooses_the_router(void **state)
{
    (void)state;
    static const struct {
        const char *type, *plain, *renormalised;
        bool usual;
    } families[] = {
        { "qwen2_moe", "softmax", "softmax-renorm", false },
        { "qwen3_moe", "softmax", "softmax-renorm", false },
        { "olmoe", "softmax", "softmax-renorm", false },
        { "deepseek", "softmax", "softmax-renorm", false },
        { "deepseek_v3", "sigmoid-bias-raw", "sigmoid-bias", true },
        { "glm4_moe", "sigmoid-bias-raw", "sigmoid-bias", true },
    };
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        for (int said = 0; said < 3; said++) {
            static const char *const members[] = { "", "\"norm_topk_prob\": false",
                "\"norm_topk_prob\": true" };
            bool renorm = said ? said == 2 : families[i].usual;
            model_config c = family_config(families[i].type, members[said]);
            assert_string_equal(
                c.router->name, renorm ? families[i].renormalised : families[i].plain);
            writes(&c, "norm_topk_prob", renorm ? "true" : "false");
            model_config_free(&c);
        }
    static const char *const fixed[][2] = { { "mixtral", "softmax-renorm" },
        { "gpt_oss", "topk-softmax" }, { "granitemoe", "topk-softmax" }, { "grok", "softmax" },
        { "switch_transformers", "softmax" }, { "deepseek_v2", "softmax" } };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        model_config c = family_config(fixed[i][0], NULL);
        assert_string_equal(c.router->name, fixed[i][1]);
        model_config_free(&c);
    }
}

/* A count and the name that says otherwise, of the same number. */
static void two_names_of_a_number_must_agree(void **state)
{
    (void)state;
    model_config c;
    refuses(family_read("mixtral", "\"num_local_experts\": 8, \"num_experts\": 4", NULL, &c),
        CADRE_EFORMAT, "num_experts: expected 8, as num_local_experts says, found 4");
    refuses(family_read("mixtral", "\"num_local_experts\": 8, \"n_routed_experts\": 4", NULL, &c),
        CADRE_EFORMAT, "n_routed_experts: expected 8, as num_local_experts says, found 4");
    c = family_config("mixtral", "\"num_local_experts\": 6, \"n_routed_experts\": 6");
    assert_int_equal(c.experts, 6);
    model_config_free(&c);
}

static void groups_of_experts_count_where_the_method_has_them(void **state)
{
    (void)state;
    model_config c = family_config("deepseek_v3", "\"n_group\": 4, \"topk_group\": 2");
    assert_true(c.groups == 4 && c.groups_used == 2);
    writes(&c, "n_group", "4");
    writes(&c, "topk_group", "2");
    model_config_free(&c);
    c = family_config("deepseek_v3", "\"n_group\": 0, \"topk_group\": 0");
    assert_true(c.groups == 1 && c.groups_used == 1);
    model_config_free(&c);
    c = family_config("deepseek_v2",
        "\"n_group\": 4, \"topk_group\": 2, \"topk_method\": \"group_limited_greedy\"");
    assert_true(c.groups == 4 && c.groups_used == 2);
    writes(&c, "topk_method", "\"group_limited_greedy\"");
    model_config_free(&c);
    c = family_config("deepseek_v2", "\"n_group\": 4, \"topk_group\": 2");
    assert_true(c.groups == 1 && c.groups_used == 1);
    writes(&c, "topk_method", "\"greedy\"");
    model_config_free(&c);
    c = family_config("cadre", "\"n_group\": 4, \"topk_group\": 2");
    assert_true(c.groups == 4 && c.groups_used == 2);
    model_config_free(&c);
}

/* ---- which layers are sparse ---- */

static void sparse(const char *type, const char *members, const char *pattern)
{
    model_config c = family_config(type, members);
    for (int64_t l = 0; l < c.layers; l++)
        if (c.layer[l].sparse != (pattern[l] == 's'))
            fail_msg("%s with %s: layer %d", type, members, (int)l);
    assert_int_equal(c.layers, strlen(pattern));
    json_writer w = json_writer_new(0);
    succeeds(model_config_text(&c, &number_f32, &w));
    model_config back;
    succeeds(model_config_parse("config.json", (char *)w.text.data, w.text.size, &back));
    for (int64_t l = 0; l < c.layers; l++)
        assert_int_equal(c.layer[l].sparse, back.layer[l].sparse);
    json_writer_free(&w);
    model_config_free(&back);
    model_config_free(&c);
}

static void layers_that_are_sparse(void **state)
{
    (void)state;
    sparse("qwen3_moe", "\"num_hidden_layers\": 6", "ssssss");
    sparse("qwen3_moe", "\"num_hidden_layers\": 6, \"decoder_sparse_step\": 2", "dsdsds");
    sparse("qwen3_moe", "\"num_hidden_layers\": 6, \"decoder_sparse_step\": 3", "ddsdds");
    sparse("qwen3_moe",
        "\"num_hidden_layers\": 6, \"decoder_sparse_step\": 2, \"mlp_only_layers\": [3, 4]",
        "dsddds");
    sparse("qwen2_moe", "\"num_hidden_layers\": 4, \"mlp_only_layers\": [0, 3]", "dssd");
    sparse("deepseek_v3", "\"num_hidden_layers\": 4, \"first_k_dense_replace\": 3", "ddds");
    sparse("glm4_moe", "\"num_hidden_layers\": 4", "dsss");
    sparse("cadre", NULL, "dss");
    sparse("switch_transformers", NULL, "dsdsds");
    sparse("switch_transformers", "\"num_sparse_decoder_layers\": 2", "dsddsd");
    sparse("switch_transformers", "\"num_sparse_decoder_layers\": 1", "dsdddd");
    sparse("switch_transformers", "\"num_sparse_decoder_layers\": 0", "dsdddd");
    sparse("switch_transformers", "\"num_sparse_decoder_layers\": 6", "ssssss");
}

/* A step of 0 says no more than a step that is not there. */
static void a_step_of_nothing_is_no_step(void **state)
{
    (void)state;
    sparse("qwen3_moe", "\"decoder_sparse_step\": 0, \"mlp_only_layers\": [1]", "sds");
    sparse("qwen2_moe", "\"decoder_sparse_step\": 0, \"mlp_only_layers\": [1]", "sds");
}

static void a_dense_layer_that_is_not_there_is_refused(void **state)
{
    (void)state;
    model_config c;
    refuses(family_read("qwen3_moe", "\"mlp_only_layers\": [3]", NULL, &c), CADRE_EFORMAT,
        "mlp_only_layers[0]: expected an integer in 0..2, found 3");
    refuses(family_read("switch_transformers", "\"num_sparse_decoder_layers\": 7", NULL, &c),
        CADRE_EFORMAT, "num_sparse_decoder_layers: expected an integer in 0..6, found 7");
    refuses(family_read("switch_transformers", "\"num_sparse_encoder_layers\": 5", NULL, &c),
        CADRE_EFORMAT, "num_sparse_encoder_layers: expected an integer in 0..4, found 5");
}

static void numbers_of_fewer_bits_have_known_schemes(void **state)
{
    (void)state;
    model_config c;
    static const char *const unknown[][2] = {
        { "\"aqlm\"",
            "quant_method: expected fp8, mxfp4, compressed-tensors, awq, gptq or modelopt" },
        { "\"gptq\", \"bits\": 3", "bits: expected an integer in 4..4, found 3" },
        { "\"gptq\", \"checkpoint_format\": \"gptq_v2\"", "checkpoint_format: expected \"gptq\"" },
        { "\"awq\", \"version\": \"gemv\"", "version: expected \"gemm\"" },
        { "\"awq\", \"w_bit\": 8", "w_bit: expected an integer in 4..4" },
        { "\"compressed-tensors\", \"format\": \"int-quantized\"",
            "format: expected pack-quantized" },
        { "\"compressed-tensors\", \"transform_config\": {\"r\": {}}",
            "transform_config: expected no" },
        { "\"compressed-tensors\", \"sparsity_config\": {\"format\": \"sparse-24\"}",
            "sparsity_config.format: expected \"dense\"" },
        { "\"modelopt\", \"quant_algo\": \"W4A8_AWQ\"", "quant_algo: expected NVFP4 or FP8" },
    };
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        char members[256];
        snprintf(members, sizeof members, "\"quantization_config\": {\"quant_method\": %s}",
            unknown[i][0]);
        refuses(family_read("llama", members, NULL, &c), CADRE_EFORMAT, unknown[i][1]);
    }
    refuses(family_read("llama",
                "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": "
                "[128, 64]}",
                NULL, &c),
        CADRE_EFORMAT, "weight_block_size[1]: expected an integer in 128..128, found 64");
    static const char *const known[] = {
        "\"quantization_config\": {\"quant_method\": \"mxfp4\", \"weight_block_size\": [1]}",
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}",
        "\"quantization_config\": {\"quant_method\": \"fp8\"}",
        "\"quantization_config\": {\"quant_method\": \"gptq\", \"bits\": 4, \"group_size\": 128}",
        "\"quantization_config\": {\"quant_method\": \"awq\", \"bits\": 4, \"version\": \"gemm\"}",
        ("\"quantization_config\": {\"quant_method\": \"compressed-tensors\", \"format\": "
         "\"pack-quantized\", \"transform_config\": {}, \"sparsity_config\": {}}"),
        "\"quantization_config\": {\"quant_method\": \"modelopt\", \"quant_algo\": \"NVFP4\"}",
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        c = family_config("llama", known[i]);
        model_config_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_is_its_number),
        cmocka_unit_test(each_absent_key_is_its_default),
        cmocka_unit_test(a_key_that_must_be_there_is_asked_for),
        cmocka_unit_test(a_key_that_fixes_the_family_has_one_value),
        cmocka_unit_test(none_is_null_or_unwritten),
        cmocka_unit_test(several_end_tokens_are_a_list),
        cmocka_unit_test(a_token_beyond_31_bits_is_refused),
        cmocka_unit_test(the_family_is_named),
        cmocka_unit_test(the_format_is_named_as_pytorch_does),
        cmocka_unit_test(norm_topk_prob_chooses_the_router),
        cmocka_unit_test(two_names_of_a_number_must_agree),
        cmocka_unit_test(groups_of_experts_count_where_the_method_has_them),
        cmocka_unit_test(layers_that_are_sparse),
        cmocka_unit_test(a_step_of_nothing_is_no_step),
        cmocka_unit_test(a_dense_layer_that_is_not_there_is_refused),
        cmocka_unit_test(numbers_of_fewer_bits_have_known_schemes),
    };
    return cmocka_run_group_tests_name("keys of config.json", tests, NULL, NULL);
}

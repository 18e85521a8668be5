/* family.c - the members, put together as text. */
#include "support/family.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/config_json.h"
#include "support/succeeds.h"

typedef struct member {
    const char *key, *value;
} member;

static const member usual[] = {
    { "vocab_size", "64" },
    { "hidden_size", "32" },
    { "num_hidden_layers", "3" },
    { "num_attention_heads", "4" },
    { "intermediate_size", "16" },
    { NULL, NULL },
};
static const member sparse[] = {
    { "num_experts_per_tok", "2" },
    { "moe_intermediate_size", "12" },
    { "shared_expert_intermediate_size", "10" },
    { NULL, NULL },
};
static const member latent[] = {
    { "kv_lora_rank", "8" },
    { "qk_nope_head_dim", "6" },
    { "qk_rope_head_dim", "4" },
    { "v_head_dim", "5" },
    { NULL, NULL },
};
static const member stacks[] = {
    { "vocab_size", "64" },
    { "d_model", "32" },
    { "d_kv", "8" },
    { "d_ff", "16" },
    { "num_heads", "4" },
    { "num_layers", "4" },
    { "num_decoder_layers", "6" },
    { "num_sparse_encoder_layers", "2" },
    { "num_sparse_decoder_layers", "3" },
    { NULL, NULL },
};
static const member halves[] = {
    { "num_key_value_heads", "2" },
    { "head_dim", "8" },
    { "hybrid_override_pattern", "\"ME*\"" },
    { "moe_shared_expert_intermediate_size", "20" },
    { "mamba_num_heads", "6" },
    { "mamba_head_dim", "4" },
    { "ssm_state_size", "5" },
    { "n_groups", "2" },
    { NULL, NULL },
};
static const member own[] = {
    { "head_dim", "8" },
    { "router", "\"softmax\"" },
    { "expert_form", "\"swiglu\"" },
    { "sparse_layers", "[null, {\"experts\": 8, \"topk\": 2, \"expert_width\": 12}, "
                       "{\"experts\": 8, \"topk\": 2, \"expert_width\": 12}]" },
    { NULL, NULL },
};

static bool names(const char *members, const char *key)
{
    char quoted[96];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    return members && strstr(members, quoted);
}

static void put(char *text, const char *members, const char *without, const member *list)
{
    for (; list->key; list++) {
        size_t used = strlen(text);
        if (names(members, list->key) || (without && !strcmp(without, list->key))) continue;
        snprintf(text + used, FAMILY_TEXT - used, ", \"%s\": %s", list->key, list->value);
    }
}

/* The number of experts has several names, of which one is enough. */
static void put_experts(char *text, const char *members, const char *without, const char *type)
{
    static const char *const keys[] = { "num_experts", "num_local_experts", "n_routed_experts" };
    static const char *const first[] = { "qwen2_moe", "qwen3_moe", "olmoe", "switch_transformers",
        "qwen3_next", "qwen3_5_moe_text" };
    static const char *const routed[] = { "deepseek", "deepseek_v2", "deepseek_v3", "glm4_moe",
        "nemotron_h" };
    int at = 1;
    for (size_t i = 0; i < sizeof routed / sizeof *routed; i++)
        if (!strcmp(type, routed[i])) at = 2;
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (!strcmp(type, first[i])) at = 0;
    for (int i = 0; i < 3; i++)
        if (names(members, keys[i])) return;
    const member one[] = { { keys[at], "8" }, { NULL, NULL } };
    put(text, members, without, one);
}

const char *family_text(const char *type, const char *members, const char *without)
{
    static char text[FAMILY_TEXT];
    bool dense = !strcmp(type, "llama") || !strcmp(type, "qwen3");
    snprintf(text, sizeof text, "{\"model_type\": \"%s\"", type ? type : "");
    put(text, members, without, strcmp(type, "switch_transformers") != 0 ? usual : stacks);
    if (!dense && strcmp(type, "cadre") != 0) {
        if (strcmp(type, "switch_transformers") != 0) put(text, members, without, sparse);
        put_experts(text, members, without, type);
    }
    if (!strcmp(type, "deepseek_v2") || !strcmp(type, "deepseek_v3"))
        put(text, members, without, latent);
    if (!strcmp(type, "cadre")) put(text, members, without, own);
    if (!strcmp(type, "nemotron_h")) put(text, members, without, halves);
    const char *more = members ? members : "";
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%s%s}", *more ? ", " : "", more);
    return text;
}

cadre_status family_read(
    const char *type, const char *members, const char *without, model_config *config)
{
    const char *text = family_text(type, members, without);
    return model_config_parse("config.json", text, strlen(text), config);
}

model_config family_config(const char *type, const char *members)
{
    model_config config;
    succeeds(family_read(type, members, NULL, &config));
    return config;
}

const char *family_written(const model_config *config)
{
    static char text[FAMILY_TEXT];
    json_writer w = json_writer_new(0);
    succeeds(model_config_text(config, &number_f32, &w));
    snprintf(text, sizeof text, "%.*s", (int)w.text.size, (const char *)w.text.data);
    json_writer_free(&w);
    return text;
}

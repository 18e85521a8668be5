/* config_gguf_test.c - the numbers of a GGUF file as other programs write them: ids that say none,
 * zeros that say nothing, factors without a type, groups of experts, and end tokens by key and by
 * name. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "arch/config_gguf.h"
#include "support/family.h"
#include "support/scratch.h"
#include "support/succeeds.h"

enum { VOCAB = 8 };

typedef struct extra { /* a key of the file besides the usual ones; ended by a NULL name */
    const char *name;
    char kind; /* u: an integer, i: a signed one, r: a number, b: a truth, s: a text */
    double number;
    const char *text;
} extra;

static void put_extra(gguf_writer *w, const char *arch, const extra *e)
{
    char key[96];
    bool whole = !strncmp(e->name, "tokenizer.", 10);
    snprintf(key, sizeof key, "%s%s%s", whole ? "" : arch, whole ? "" : ".", e->name);
    if (!strncmp(e->name, "general.", 8)) snprintf(key, sizeof key, "%s", e->name);
    if (e->kind == 'u') gguf_writer_int(w, key, GGUF_U32, (int64_t)e->number);
    if (e->kind == 'i') gguf_writer_int(w, key, GGUF_I32, (int64_t)e->number);
    if (e->kind == 'r') gguf_writer_real(w, key, e->number);
    if (e->kind == 'b') gguf_writer_bool(w, key, e->number != 0);
    if (e->kind == 's') gguf_writer_string(w, key, e->text, strlen(e->text));
}

static const extra usual[] = {
    { "block_count", 'u', 2, NULL },
    { "context_length", 'u', 64, NULL },
    { "embedding_length", 'u', 32, NULL },
    { "attention.head_count", 'u', 4, NULL },
    { "feed_forward_length", 'u', 16, NULL },
    { "attention.layer_norm_rms_epsilon", 'r', 1e-5, NULL },
    { NULL, 0, 0, NULL },
};

static bool is_in(const extra *list, const char *name)
{
    for (; list->name; list++)
        if (!strcmp(list->name, name)) return true;
    return false;
}

/* pieces: control tokens by their spelling, from id 0 on; the rest, and those of Gemma's turns, are
 * ordinary. */
static void put_vocabulary(gguf_writer *w, const char *const *pieces)
{
    static char plain[VOCAB][4];
    gguf_string strings[VOCAB];
    int64_t types[VOCAB];
    bool more = true;
    for (int i = 0; i < VOCAB; i++) {
        more = more && pieces[i];
        snprintf(plain[i], sizeof plain[i], "p%d", i);
        const char *piece = more ? pieces[i] : plain[i];
        strings[i] = (gguf_string){ piece, strlen(piece) };
        types[i] = more && !strstr(piece, "turn") ? 3 : 1;
    }
    gguf_writer_strings(w, "tokenizer.ggml.tokens", strings, VOCAB);
    gguf_writer_ints(w, "tokenizer.ggml.token_type", GGUF_I32, types, VOCAB);
}

static cadre_status read_file(
    const char *arch, const extra *more, const char *const *pieces, model_config *c)
{
    static const float zeros[VOCAB * 32];
    const char *path = scratch_file("model.gguf");
    gguf_writer *w;
    gguf *file;
    unlink(path);
    succeeds(gguf_writer_open(path, &w));
    gguf_writer_string(w, "general.architecture", arch, strlen(arch));
    for (const extra *e = usual; e->name; e++)
        if (!is_in(more, e->name)) put_extra(w, arch, e);
    for (const extra *e = more; e->name; e++) put_extra(w, arch, e);
    if (pieces) put_vocabulary(w, pieces);
    gguf_writer_declare(w, "token_embd.weight", 0, 2, (const int64_t[]){ 32, VOCAB });
    gguf_writer_put(w, zeros, sizeof zeros);
    succeeds(gguf_writer_commit(w));
    succeeds(gguf_open(path, &file));
    cadre_status status = model_config_read_gguf(file, c);
    gguf_close(file);
    return status;
}

static model_config taken(const char *arch, const extra *more, const char *const *pieces)
{
    model_config c;
    if (read_file(arch, more, pieces, &c) != CADRE_OK)
        fail_msg("%s: %s", more->name ? more->name : arch, cadre_last_error());
    return c;
}

static void refused(const char *arch, const extra *more, const char *name)
{
    model_config c;
    if (read_file(arch, more, NULL, &c) == CADRE_OK)
        fail_msg("%s was read with %s", arch, more->name);
    if (!strstr(cadre_last_error(), name))
        fail_msg("\"%s\" does not name %s", cadre_last_error(), name);
}

#define KEYS(...) ((const extra[]){ __VA_ARGS__, { NULL, 0, 0, NULL } })
#define GROUPS "\"n_group\": 4, \"topk_group\": 2"
#define YARN                                                                                       \
    "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4, \"beta_fast\": 30, "               \
    "\"beta_slow\": 2, \"original_max_position_embeddings\": 96}"
#define EXPERTS                                                                                    \
    { "expert_count", 'u', 4, NULL }, { "expert_used_count", 'u', 2, NULL }

static void ids_that_say_none(void **state)
{
    (void)state;
    static const char *const keys[] = { "tokenizer.ggml.bos_token_id",
        "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
        "tokenizer.ggml.eom_token_id" };
    static const double none[] = { 4294967295.0, -1, VOCAB, 70000 };
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        for (size_t n = 0; n < sizeof none / sizeof *none; n++) {
            model_config c =
                taken("llama", KEYS({ keys[k], none[n] < 0 ? 'i' : 'u', none[n], NULL }), NULL);
            assert_int_equal(c.bos, -1);
            assert_int_equal(c.eos, -1);
            assert_int_equal(c.other_eos_count, 0);
            model_config_free(&c);
        }
    refused("llama", KEYS({ "tokenizer.ggml.eos_token_id", 's', 0, "</s>" }), "eos_token_id");
}

/* Each beside the same file without the key. */
static void zeros_that_say_nothing(void **state)
{
    (void)state;
    model_config c = taken("llama",
        KEYS({ "expert_count", 'u', 0, NULL }, { "expert_used_count", 'u', 0, NULL }), NULL);
    assert_string_equal(c.arch->model_type, "llama");
    assert_int_equal(model_config_sparse_layers(&c), 0);
    model_config_free(&c);
    c = taken("llama",
        KEYS(EXPERTS, { "expert_weights_scale", 'r', 0, NULL },
            { "expert_group_count", 'u', 0, NULL }, { "expert_group_used_count", 'u', 0, NULL },
            { "attention.key_length", 'u', 0, NULL }, { "rope.dimension_count", 'u', 0, NULL },
            { "attention.sliding_window", 'u', 0, NULL }),
        NULL);
    assert_string_equal(c.arch->model_type, "mixtral");
    assert_true(c.groups == 1 && c.groups_used == 1 && c.route_scale == 1 && c.head_dim == 8 &&
                c.rope.width == 8);
    model_config_free(&c);
    c = taken("granitemoe",
        KEYS(EXPERTS, { "embedding_scale", 'r', 0, NULL }, { "residual_scale", 'r', 0, NULL },
            { "logit_scale", 'r', 0, NULL }, { "attention.scale", 'r', 0, NULL }),
        NULL);
    assert_true(
        c.embedding_scale == 1 && c.residual_scale == 1 && model_config_logit_scale(&c) == 1);
    assert_true(c.layer[0].mixer.scale == 1 / 2.8284271247461903);
    model_config_free(&c);
    c = taken("glm4moe",
        KEYS(EXPERTS, { "expert_feed_forward_length", 'u', 8, NULL },
            { "expert_weights_scale", 'r', 0, NULL }, { "expert_gating_func", 'u', 0, NULL },
            { "leading_dense_block_count", 'u', 0, NULL }),
        NULL);
    assert_true(
        c.route_scale == 1 && c.layer[0].sparse && !strcmp(c.router->name, "sigmoid-bias-raw"));
    model_config_free(&c);
    c = taken("qwen3moe", KEYS(EXPERTS, { "expert_feed_forward_length", 'u', 0, NULL }), NULL);
    assert_int_equal(c.expert_width, 8);
    model_config_free(&c);
}

static void factors_and_their_types(void **state)
{
    (void)state;
    model_config c = taken("llama",
        KEYS({ "rope.scaling.type", 's', 0, "linear" }, { "rope.scaling.factor", 'r', 0, NULL }),
        NULL);
    assert_int_equal(c.rope.scaling, ROPE_PLAIN);
    model_config_free(&c);
    c = taken("llama", KEYS({ "rope.scaling.factor", 'r', 4, NULL }), NULL);
    assert_true(c.rope.scaling == ROPE_LINEAR && c.rope.factor == 4);
    model_config_free(&c);
    c = taken("llama", KEYS({ "rope.scale_linear", 'r', 4, NULL }), NULL);
    assert_true(c.rope.scaling == ROPE_LINEAR && c.rope.factor == 4);
    model_config_free(&c);
    c = taken("llama",
        KEYS({ "rope.scale_linear", 'r', 4, NULL }, { "rope.scaling.factor", 'r', 2, NULL }), NULL);
    assert_true(c.rope.factor == 2);
    model_config_free(&c);
    c = taken("llama",
        KEYS({ "rope.scaling.type", 's', 0, "none" }, { "rope.scaling.factor", 'r', 4, NULL }),
        NULL);
    assert_int_equal(c.rope.scaling, ROPE_PLAIN);
    model_config_free(&c);
    c = taken("llama",
        KEYS({ "rope.scaling.type", 's', 0, "yarn" }, { "rope.scaling.factor", 'r', 4, NULL },
            { "rope.scaling.attn_factor", 'r', 1, NULL }),
        NULL);
    assert_true(c.rope.scaling == ROPE_YARN && c.rope.original_context == 64 &&
                c.rope.attention_factor == 0);
    model_config_free(&c);
    refused("llama", KEYS({ "rope.scaling.attn_factor", 'r', 1.5, NULL }),
        "llama.rope.scaling.attn_factor");
    refused("llama", KEYS({ "rope.scaling.type", 's', 0, "longrope" }), "llama.rope.scaling.type");
}

static void groups_of_experts(void **state)
{
    (void)state;
    model_config c;
    static const char *const plain[] = { "llama", "qwen2moe", "qwen3moe", "olmoe", "granitemoe",
        "grok" };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        refused(plain[i],
            KEYS(EXPERTS, { "expert_group_count", 'u', 2, NULL },
                { "expert_group_used_count", 'u', 1, NULL }),
            "expert_group_count");
        c = taken(plain[i],
            KEYS(EXPERTS, { "expert_group_count", 'u', 1, NULL },
                { "expert_group_used_count", 'u', 0, NULL }),
            NULL);
        assert_true(c.groups == 1 && c.groups_used == 1);
        model_config_free(&c);
    }
    refused("glm4moe",
        KEYS(EXPERTS, { "expert_feed_forward_length", 'u', 8, NULL },
            { "expert_group_count", 'u', 2, NULL }),
        "expert_group_used_count");
    c = taken("glm4moe",
        KEYS(EXPERTS, { "expert_feed_forward_length", 'u', 8, NULL },
            { "expert_group_count", 'u', 2, NULL }, { "expert_group_used_count", 'u', 1, NULL }),
        NULL);
    assert_true(c.groups == 2 && c.groups_used == 1);
    model_config_free(&c);
}

static void end_tokens(void **state)
{
    (void)state;
    const char *const chat[] = { "<|endoftext|>", "<|im_start|>", "<|im_end|>", NULL };
    model_config c = taken("llama", KEYS({ "tokenizer.ggml.eos_token_id", 'u', 2, NULL }), chat);
    assert_int_equal(c.eos, 2);
    assert_true(model_config_ends(&c, 0) && !model_config_ends(&c, 1) && model_config_ends(&c, 2) &&
                !model_config_ends(&c, 3));
    model_config_free(&c);
    const char *const harmony[] = { "<|end|>", "<|return|>", "<|call|>", "<|channel|>", NULL };
    c = taken("llama", KEYS({ "tokenizer.ggml.eos_token_id", 'u', 1, NULL }), harmony);
    assert_true(!model_config_ends(&c, 0) && model_config_ends(&c, 1) && model_config_ends(&c, 2) &&
                !model_config_ends(&c, 3));
    model_config_free(&c);
    const char *const phi[] = { "<|end|>", NULL };
    c = taken("llama", KEYS({ "tokenizer.ggml.eot_token_id", 'u', 5, NULL }), phi);
    assert_true(model_config_ends(&c, 0) && model_config_ends(&c, 5) && !model_config_ends(&c, -1));
    model_config_free(&c);
    const char *const gemma[] = { "<eos>", "<|turn>", "<turn|>", "</s>", "<|tool_response>", NULL };
    c = taken("llama", KEYS({ "tokenizer.ggml.eos_token_id", 'u', 0, NULL }), gemma);
    assert_true(model_config_ends(&c, 0) && !model_config_ends(&c, 1) && model_config_ends(&c, 2) &&
                !model_config_ends(&c, 3) && model_config_ends(&c, 4));
    model_config_free(&c);
    const char *const others[] = { "</s>", "[e~[", "[EOS]", "[BOS]", NULL };
    c = taken("llama", KEYS({ "tokenizer.ggml.eos_token_id", 'u', 2, NULL }), others);
    assert_true(model_config_ends(&c, 0) && model_config_ends(&c, 1) && model_config_ends(&c, 2) &&
                !model_config_ends(&c, 3));
    model_config_free(&c);
}

static void other_kinds_of_files(void **state)
{
    (void)state;
    model_config c = taken("llama", KEYS({ "general.type", 's', 0, "model" }), NULL);
    model_config_free(&c);
    refused("llama", KEYS({ "general.type", 's', 0, "adapter" }), "found an adapter (LoRA)");
    refused("llama", KEYS({ "general.type", 's', 0, "mmproj" }), "mmproj");
    refused("clip", KEYS({ "general.type", 's', 0, "model" }), "mmproj");
    refused("llama", KEYS({ "general.type", 's', 0, "imatrix" }), "general.type");
}

/* ---- what is written ---- */

/* The metadata of a configuration, in a file. */
static gguf *written_as(const char *type, const char *members, int file_type, bool quantised)
{
    const char *path = scratch_file("written.gguf");
    model_config c = family_config(type, members);
    static const float number;
    gguf_writer *w;
    gguf *file;
    unlink(path);
    succeeds(gguf_writer_open(path, &w));
    succeeds(config_gguf_write(w, &c, "a model", file_type, quantised));
    gguf_writer_declare(w, "one", 0, 1, (const int64_t[]){ 1 });
    gguf_writer_put(w, &number, sizeof number);
    succeeds(gguf_writer_commit(w));
    succeeds(gguf_open(path, &file));
    model_config_free(&c);
    return file;
}

static gguf *written(const char *type, const char *members, bool quantised)
{
    return written_as(type, members, 7, quantised);
}

typedef struct stored {
    const char *type, *members, *key;
    double value;     /* NAN: the key is not there */
    const char *text; /* of a string */
} stored;

#define NONE (double)NAN
static const stored keys_written[] = {
    { "mixtral", "", "general.architecture", 0, "llama" },
    { "mixtral", "", "general.name", 0, "a model" },
    { "mixtral", "", "general.type", 0, "model" },
    { "mixtral", "", "general.file_type", 7, NULL },
    { "mixtral", "", "llama.vocab_size", 64, NULL },
    { "mixtral", "", "llama.block_count", 3, NULL },
    { "mixtral", "", "llama.context_length", 2048, NULL },
    { "mixtral", "", "llama.embedding_length", 32, NULL },
    { "mixtral", "", "llama.attention.head_count", 4, NULL },
    { "mixtral", "\"num_key_value_heads\": 2", "llama.attention.head_count_kv", 2, NULL },
    { "mixtral", "\"rms_norm_eps\": 0.25", "llama.attention.layer_norm_rms_epsilon", 0.25, NULL },
    { "mixtral", "", "llama.expert_count", 8, NULL },
    { "mixtral", "", "llama.expert_used_count", 2, NULL },
    { "mixtral", "\"rope_theta\": 5000", "llama.rope.freq_base", 5000, NULL },
    { "mixtral", "\"head_dim\": 6", "llama.rope.dimension_count", 6, NULL },
    { "mixtral", "\"head_dim\": 6", "llama.attention.key_length", 6, NULL },
    { "mixtral", "\"head_dim\": 6", "llama.attention.value_length", 6, NULL },
    { "mixtral", "", "llama.feed_forward_length", 16, NULL },
    { "mixtral", "", "llama.expert_gating_func", NONE, NULL },
    { "mixtral", "", "llama.expert_weights_norm", NONE, NULL },
    { "mixtral", "", "llama.rope.scaling.type", NONE, NULL },
    { "mixtral", "", "llama.rope.scaling.factor", NONE, NULL },
    { "llama", "", "llama.expert_count", NONE, NULL },
    { "llama", "", "llama.feed_forward_length", 16, NULL },
    { "llama", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}", "llama.rope.scaling.type",
        0, "linear" },
    { "llama", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}",
        "llama.rope.scaling.factor", 4, NULL },
    { "llama", YARN, "llama.rope.scaling.type", 0, "yarn" },
    { "llama", YARN, "llama.rope.scaling.factor", 4, NULL },
    { "llama", YARN, "llama.rope.scaling.original_context_length", 96, NULL },
    { "llama", YARN, "llama.rope.scaling.yarn_beta_fast", 30, NULL },
    { "llama", YARN, "llama.rope.scaling.yarn_beta_slow", 2, NULL },
    { "llama", YARN, "llama.rope.scaling.attn_factor", NONE, NULL },
    { "qwen3", "", "qwen3.feed_forward_length", 16, NULL },
    { "qwen2_moe", "", "qwen2moe.feed_forward_length", 16, NULL },
    { "qwen2_moe", "", "qwen2moe.expert_feed_forward_length", 12, NULL },
    { "qwen2_moe", "", "qwen2moe.expert_shared_feed_forward_length", 10, NULL },
    { "qwen2_moe", "", "qwen2moe.expert_weights_norm", 0, NULL },
    { "qwen2_moe", "\"norm_topk_prob\": true", "qwen2moe.expert_weights_norm", 1, NULL },
    { "qwen3_moe", "", "qwen3moe.feed_forward_length", 16, NULL },
    { "qwen3_moe", "", "qwen3moe.expert_feed_forward_length", 12, NULL },
    { "olmoe", "", "olmoe.feed_forward_length", 16, NULL },
    { "deepseek", "\"n_shared_experts\": 2", "deepseek.expert_shared_count", 2, NULL },
    { "deepseek", "\"first_k_dense_replace\": 1", "deepseek.leading_dense_block_count", 1, NULL },
    { "deepseek", "", "deepseek.expert_feed_forward_length", 12, NULL },
    { "deepseek", "", "deepseek.expert_weights_scale", 1, NULL },
    { "deepseek", "", "deepseek.expert_gating_func", 1, NULL },
    { "deepseek_v2", "", "deepseek2.expert_gating_func", 1, NULL },
    { "deepseek_v2", "\"routed_scaling_factor\": 16", "deepseek2.expert_weights_scale", 16, NULL },
    { "deepseek_v3", "", "deepseek2.expert_gating_func", 2, NULL },
    { "deepseek_v3", "", "deepseek2.expert_weights_norm", 1, NULL },
    { "deepseek_v3", "", "deepseek2.attention.head_count_kv", 1, NULL },
    { "deepseek_v3", "\"q_lora_rank\": 9", "deepseek2.attention.q_lora_rank", 9, NULL },
    { "deepseek_v3", "", "deepseek2.attention.kv_lora_rank", 8, NULL },
    { "deepseek_v3", "", "deepseek2.attention.key_length", 12, NULL },
    { "deepseek_v3", "", "deepseek2.attention.value_length", 8, NULL },
    { "deepseek_v3", "", "deepseek2.attention.key_length_mla", 10, NULL },
    { "deepseek_v3", "", "deepseek2.attention.value_length_mla", 5, NULL },
    { "deepseek_v3", "", "deepseek2.rope.dimension_count", 4, NULL },
    { "deepseek_v3", "", "deepseek2.expert_group_count", NONE, NULL },
    { "deepseek_v3", GROUPS, "deepseek2.expert_group_count", 4, NULL },
    { "deepseek_v3", GROUPS, "deepseek2.expert_group_used_count", 2, NULL },
    { "deepseek_v3",
        "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4, \"mscale\": 0.5, "
        "\"mscale_all_dim\": 0.5}",
        "deepseek2.rope.scaling.yarn_log_multiplier", 0.05, NULL },
    { "deepseek_v3", "", "deepseek2.rope.scaling.yarn_log_multiplier", NONE, NULL },
    { "glm4_moe", "", "glm4moe.expert_shared_count", 1, NULL },
    { "glm4_moe", "", "glm4moe.leading_dense_block_count", 1, NULL },
    { "glm4_moe", "", "glm4moe.rope.dimension_count", 4, NULL },
    { "glm4_moe", GROUPS, "glm4moe.expert_group_used_count", 2, NULL },
    { "gpt_oss", "\"head_dim\": 8", "gpt-oss.attention.sliding_window", 128, NULL },
    { "gpt_oss", "\"head_dim\": 8", "gpt-oss.expert_feed_forward_length", 16, NULL },
    { "granitemoe", "\"logits_scaling\": 6", "granitemoe.logit_scale", 6, NULL },
    { "granitemoe", "\"residual_multiplier\": 0.5", "granitemoe.residual_scale", 0.5, NULL },
    { "granitemoe", "\"embedding_multiplier\": 12", "granitemoe.embedding_scale", 12, NULL },
    { "granitemoe", "\"attention_multiplier\": 0.5", "granitemoe.attention.scale", 0.5, NULL },
    { "grok", "\"attn_logit_softcapping\": 25", "grok.attn_logit_softcapping", 25, NULL },
    { "grok", "\"attn_output_multiplier\": 0.5", "grok.attention.output_scale", 0.5, NULL },
    { "grok", "\"output_multiplier_scale\": 0.5", "grok.logit_scale", 0.5, NULL },
    { "grok", "\"embedding_multiplier_scale\": 12", "grok.embedding_scale", 12, NULL },
};

static double number_of(const gguf *file, const char *key)
{
    double number;
    bool flag;
    if (gguf_type_of(file, key) == GGUF_BOOL) {
        succeeds(gguf_opt_bool(file, key, &flag));
        return flag;
    }
    if (gguf_get_real(file, key, -1e30, 1e30, &number) == CADRE_OK) return number;
    int64_t whole;
    succeeds(gguf_get_int(file, key, 0, INT32_MAX, &whole));
    return (double)whole;
}

static void keys_as_others_read_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof keys_written / sizeof *keys_written; i++) {
        const stored *k = &keys_written[i];
        gguf *file = written(k->type, k->members, false);
        gguf_string text = { "", 0 };
        bool there = gguf_has(file, k->key), expected = !isnan(k->value);
        if (there != expected) fail_msg("%s is%s written", k->key, there ? "" : " not");
        if (k->text) {
            succeeds(gguf_get_string(file, k->key, &text));
            if (!gguf_string_is(text, k->text)) fail_msg("%s is not %s", k->key, k->text);
        } else if (expected && number_of(file, k->key) != (double)(float)k->value)
            fail_msg("%s: expected %g, found %.9g", k->key, k->value, number_of(file, k->key));
        gguf_close(file);
    }
}

/* Counts are of the type that other programs insist on. */
static void counts_are_unsigned(void **state)
{
    (void)state;
    static const char *const keys[] = { "general.file_type", "general.quantization_version",
        "llama.vocab_size", "llama.block_count", "llama.expert_count", "llama.expert_used_count",
        "llama.rope.dimension_count", "llama.rope.scaling.original_context_length" };
    gguf *file = written("mixtral", YARN, true);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (gguf_type_of(file, keys[i]) != GGUF_U32) fail_msg("%s is no u32", keys[i]);
    assert_true(number_of(file, "general.quantization_version") == 2);
    gguf_close(file);
    file = written("mixtral", "", false);
    assert_false(gguf_has(file, "general.quantization_version"));
    gguf_close(file);
}

/* A format that llama.cpp has no number for. */
static void a_format_without_a_number_is_not_named(void **state)
{
    (void)state;
    gguf *file = written_as("llama", "", -1, true);
    assert_false(gguf_has(file, "general.file_type"));
    gguf_close(file);
    file = written_as("llama", "", 0, false); /* f32 is 0 */
    assert_true(gguf_has(file, "general.file_type") && number_of(file, "general.file_type") == 0);
    gguf_close(file);
}

/* YaRN's magnitude beside its own, where a file asks for another. */
static void a_magnitude_of_its_own(void **state)
{
    (void)state;
    gguf *file = written("llama",
        "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4, \"attention_factor\": 2}",
        false);
    double more = number_of(file, "llama.rope.scaling.attn_factor");
    assert_true(fabs(more - 2 / (0.1 * log(4) + 1)) < 1e-6);
    gguf_close(file);
}

/* The text of config.json counts alone: what it says is what was written. */
static void the_configuration_itself_comes_back(void **state)
{
    (void)state;
    static const char *const models[][2] = { { "qwen3_moe", "\"mlp_only_layers\": [1]" },
        { "qwen2_moe", "\"decoder_sparse_step\": 2" }, { "cadre", "" },
        { "deepseek_v3", GROUPS ", \"rope_interleave\": false" } };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        model_config c = family_config(models[i][0], models[i][1]), back;
        gguf *file = written(models[i][0], models[i][1], false);
        succeeds(model_config_read_gguf(file, &back));
        assert_ptr_equal(back.arch, c.arch);
        assert_null(model_config_difference(&c, &back));
        assert_int_equal(c.sparse_step, back.sparse_step);
        model_config_free(&back);
        model_config_free(&c);
        gguf_close(file);
    }
}

/* A file that was written here, with a key that another program has set since: with `key` of the
 * kind that `put` writes. Returns what reading it says; NULL: nothing is wrong. */
static const char *changed_since(const char *type, const extra *change)
{
    const char *path = scratch_file("changed.gguf");
    gguf *file = written(type, "", false), *changed;
    gguf_string arch;
    gguf_writer *w;
    model_config c;
    char prefix[32], full[96], name[96];
    unlink(path);
    succeeds(gguf_get_string(file, "general.architecture", &arch));
    snprintf(prefix, sizeof prefix, "%.*s", (int)arch.size, arch.data);
    snprintf(full, sizeof full, "%s.%s", prefix, change->name);
    succeeds(gguf_writer_open(path, &w));
    for (size_t i = 0; i < gguf_key_count(file); i++) {
        gguf_string key = gguf_key_at(file, i);
        snprintf(name, sizeof name, "%.*s", (int)key.size, key.data);
        if (strcmp(name, full) != 0) succeeds(gguf_writer_copy(w, file, name));
    }
    put_extra(w, prefix, change);
    succeeds(gguf_writer_commit(w));
    succeeds(gguf_open(path, &changed));
    cadre_status status = model_config_read_gguf(changed, &c);
    if (status == CADRE_OK) model_config_free(&c);
    gguf_close(file);
    gguf_close(changed);
    return status == CADRE_OK ? NULL : cadre_last_error();
}

/* What another program changes in the keys of such a file is never left aside in silence. */
static void keys_that_were_changed_since(void **state)
{
    (void)state;
    static const extra changes[] = {
        { "rope.freq_base", 'r', 12345, NULL },
        { "expert_used_count", 'u', 1, NULL },
        { "attention.layer_norm_rms_epsilon", 'r', 0.5, NULL },
        { "context_length", 'u', 77, NULL },
        { "rope.scaling.factor", 'r', 4, NULL },
        { "logit_scale", 'r', 2, NULL },
        { "expert_count", 's', 0, "8" },
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const char *said = changed_since("mixtral", &changes[i]);
        if (!said || !strstr(said, changes[i].name))
            fail_msg("%s was changed: %s", changes[i].name, said ? said : "not a word");
    }
    const char *said = changed_since("qwen3_moe", &(extra){ "expert_weights_norm", 'b', 1, NULL });
    assert_non_null(
        strstr(said, "expected a boolean, false, as cadre.config says, found a boolean, "
                     "true"));
    /* The same value in another width, and values that say nothing */
    assert_null(changed_since("mixtral", &(extra){ "block_count", 'i', 3, NULL }));
    assert_null(changed_since("mixtral", &(extra){ "logit_scale", 'r', 1, NULL }));
    assert_null(changed_since("mixtral", &(extra){ "rope.scaling.factor", 'r', 0, NULL }));
}

/* Keys of other families that change what is computed are refused by name, unless they say
 * nothing. */
static void keys_that_a_family_does_not_read(void **state)
{
    (void)state;
    static const extra others[] = {
        { "attention.causal", 'b', 0, NULL },
        { "attention.clamp_kqv", 'r', 8, NULL },
        { "attention.max_alibi_bias", 'r', 8, NULL },
        { "attention.scale", 'r', 0.5, NULL },
        { "attention.sliding_window", 'u', 63, NULL },
        { "attention.temperature_scale", 'r', 0.1, NULL },
        { "attn_logit_softcapping", 'r', 50, NULL },
        { "embedding_scale", 'r', 2, NULL },
        { "expert_weights_scale", 'r', 2.5, NULL },
        { "final_logit_softcapping", 'r', 30, NULL },
        { "interleave_moe_layer_step", 'u', 2, NULL },
        { "leading_dense_block_count", 'u', 1, NULL },
        { "logit_scale", 'r', 0.25, NULL },
        { "moe_every_n_layers", 'u', 2, NULL },
        { "residual_scale", 'r', 0.5, NULL },
        { "shared_kv_layers", 'u', 1, NULL },
        { "use_parallel_residual", 'b', 1, NULL },
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        refused("llama", KEYS(EXPERTS, others[i]), others[i].name);
        extra nothing = others[i];
        nothing.number = nothing.kind == 'b' ? others[i].number == 0 : 0;
        model_config c = taken("llama", KEYS(EXPERTS, nothing), NULL);
        model_config_free(&c);
    }
    /* A window of the whole context hides nothing, and families that have the key read it. */
    model_config c =
        taken("llama", KEYS(EXPERTS, { "attention.sliding_window", 'u', 64, NULL }), NULL);
    model_config_free(&c);
    c = taken("granitemoe", KEYS(EXPERTS, { "logit_scale", 'r', 4, NULL }), NULL);
    model_config_free(&c);
}

/* A family without a key for it has a step of 1 in files of others, and says so in its own. */
static void a_step_is_never_nothing(void **state)
{
    (void)state;
    model_config c =
        taken("qwen3moe", KEYS(EXPERTS, { "expert_feed_forward_length", 'u', 8, NULL }), NULL);
    assert_int_equal(c.sparse_step, 1);
    assert_non_null(strstr(family_written(&c), "\"decoder_sparse_step\": 1"));
    model_config_free(&c);
}

/* ---- more of what is read ---- */

static void numbers_of_families(void **state)
{
    (void)state;
    model_config c = taken("qwen2moe",
        KEYS(EXPERTS, { "expert_feed_forward_length", 'u', 6, NULL },
            { "expert_shared_feed_forward_length", 'u', 9, NULL }),
        NULL);
    assert_true(c.expert_width == 6 && c.shared_width == 9 && c.shared_gated &&
                !strcmp(c.router->name, "softmax"));
    model_config_free(&c);
    c = taken("qwen2moe", KEYS(EXPERTS), NULL); /* one width for all, 16 */
    assert_true(c.expert_width == 8 && c.shared_width == 16 && c.dense_width == 16);
    model_config_free(&c);
    c = taken("qwen3moe", KEYS(EXPERTS, { "expert_feed_forward_length", 'u', 6, NULL }), NULL);
    assert_true(c.expert_width == 6 && c.qk_norm == QK_NORM_HEAD &&
                !strcmp(c.router->name, "softmax-renorm"));
    model_config_free(&c);
    c = taken("gpt-oss",
        KEYS(EXPERTS, { "expert_feed_forward_length", 'u', 6, NULL },
            { "attention.sliding_window", 'u', 5, NULL }),
        NULL);
    assert_true(c.sinks && c.router_bias && c.expert_bias && c.expert_limit == 7);
    assert_true(c.layer[0].mixer.window == 5 && c.layer[1].mixer.window == 0 && !c.rope.truncate);
    assert_string_equal(c.router->name, "topk-softmax");
    model_config_free(&c);
    c = taken("granitemoe",
        KEYS(EXPERTS, { "embedding_scale", 'r', 12, NULL }, { "residual_scale", 'r', 0.5, NULL },
            { "logit_scale", 'r', 8, NULL }, { "attention.scale", 'r', 0.25, NULL }),
        NULL);
    assert_true(c.embedding_scale == 12 && c.residual_scale == 0.5 &&
                model_config_logit_scale(&c) == 0.125 && c.layer[0].mixer.scale == 0.25);
    model_config_free(&c);
    c = taken("grok", KEYS(EXPERTS), NULL);
    assert_true(c.post_norms && c.attention_softcap == 30 &&
                c.embedding_scale == 78.38367176906169 && c.logit_scale == 0.5773502691896257 &&
                c.attention_scale == 0.08838834764831845);
    model_config_free(&c);
    c = taken("grok",
        KEYS(EXPERTS, { "attn_logit_softcapping", 'r', 25, NULL },
            { "embedding_scale", 'r', 12, NULL }, { "logit_scale", 'r', 0.5, NULL },
            { "attention.output_scale", 'r', 0.25, NULL }),
        NULL);
    assert_true(c.attention_softcap == 25 && c.embedding_scale == 12 && c.logit_scale == 0.5 &&
                c.attention_scale == 0.25);
    model_config_free(&c);
}

#define LATENT                                                                                     \
    EXPERTS, { "expert_feed_forward_length", 'u', 8, NULL },                                       \
        { "attention.kv_lora_rank", 'u', 8, NULL },                                                \
    {                                                                                              \
        "rope.dimension_count", 'u', 4, NULL                                                       \
    }

/* The widths of a head stand under newer names, or under those from before the absorbed form. */
static void heads_of_latent_attention(void **state)
{
    (void)state;
    model_config c = taken("deepseek2",
        KEYS(LATENT, { "attention.key_length", 'u', 12, NULL },
            { "attention.value_length", 'u', 7, NULL }),
        NULL);
    assert_true(c.head_dim == 12 && c.nope_dim == 8 && c.rope_dim == 4 && c.value_dim == 7);
    assert_string_equal(c.arch->model_type, "deepseek_v2");
    model_config_free(&c);
    c = taken("deepseek2",
        KEYS(LATENT, { "attention.key_length", 'u', 12, NULL },
            { "attention.value_length", 'u', 8, NULL },
            { "attention.key_length_mla", 'u', 10, NULL },
            { "attention.value_length_mla", 'u', 5, NULL }, { "expert_gating_func", 'u', 2, NULL }),
        NULL);
    assert_true(c.head_dim == 10 && c.nope_dim == 6 && c.value_dim == 5);
    assert_string_equal(c.arch->model_type, "deepseek_v3");
    model_config_free(&c);
    c = taken("deepseek2",
        KEYS(LATENT, { "attention.key_length", 'u', 12, NULL },
            { "attention.value_length", 'u', 7, NULL }, { "rope.scaling.type", 's', 0, "yarn" },
            { "rope.scaling.factor", 'r', 4, NULL },
            { "rope.scaling.yarn_log_multiplier", 'r', 0.0707, NULL }),
        NULL);
    assert_true(c.rope.mscale == 0.707 && c.rope.mscale_all_dim == 0.707);
    model_config_free(&c);
    refused("deepseek2",
        KEYS(LATENT, { "attention.key_length", 'u', 4, NULL },
            { "attention.value_length", 'u', 7, NULL }),
        "deepseek2.attention.key_length_mla: expected more than the 4 that are rotated, found 4");
    refused("deepseek2", KEYS(LATENT), "deepseek2.attention.key_length");
}

static void how_experts_are_scored(void **state)
{
    (void)state;
    model_config c = taken("llama", KEYS(EXPERTS, { "expert_gating_func", 'u', 1, NULL }), NULL);
    model_config_free(&c);
    c = taken("llama", KEYS(EXPERTS, { "expert_gating_func", 'u', 3, NULL }), NULL);
    model_config_free(&c);
    refused("llama", KEYS(EXPERTS, { "expert_gating_func", 'u', 2, NULL }),
        "llama.expert_gating_func: expected 0, found 2");
    refused("llama", KEYS(EXPERTS, { "expert_gating_func", 'u', 4, NULL }),
        "llama.expert_gating_func: expected 0, found 4");
    refused("olmoe", KEYS(EXPERTS, { "expert_gating_func", 'u', 3, NULL }),
        "olmoe.expert_gating_func: expected 0, found 3"); /* not renormalised */
    c = taken("olmoe",
        KEYS(EXPERTS, { "expert_gating_func", 'u', 3, NULL },
            { "expert_weights_norm", 'b', 1, NULL }),
        NULL);
    model_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_that_say_none),
        cmocka_unit_test(zeros_that_say_nothing),
        cmocka_unit_test(factors_and_their_types),
        cmocka_unit_test(groups_of_experts),
        cmocka_unit_test(end_tokens),
        cmocka_unit_test(other_kinds_of_files),
        cmocka_unit_test(keys_as_others_read_them),
        cmocka_unit_test(counts_are_unsigned),
        cmocka_unit_test(a_format_without_a_number_is_not_named),
        cmocka_unit_test(a_magnitude_of_its_own),
        cmocka_unit_test(the_configuration_itself_comes_back),
        cmocka_unit_test(keys_that_were_changed_since),
        cmocka_unit_test(keys_that_a_family_does_not_read),
        cmocka_unit_test(a_step_is_never_nothing),
        cmocka_unit_test(numbers_of_families),
        cmocka_unit_test(heads_of_latent_attention),
        cmocka_unit_test(how_experts_are_scored),
    };
    return cmocka_run_group_tests_name("numbers of GGUF files", tests, NULL, NULL);
}

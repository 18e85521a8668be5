/* layer_kinds_test.c - layers that differ in kind (recurrent ones, ones with a window and positions
 * of their own, dense ones by a list), and language models that are a part of a larger one: as
 * config.json and GGUF say it, what is written of it, and what is refused by name. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "arch/config_gguf.h"
#include "arch/config_json.h"
#include "support/family.h"
#include "support/scratch.h"
#include "support/succeeds.h"

#define SIZES                                                                                      \
    "\"vocab_size\": 64, \"hidden_size\": 32, \"num_hidden_layers\": 4, "                          \
    "\"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"intermediate_size\": 24, "          \
    "\"moe_intermediate_size\": 12, \"num_experts\": 8, \"num_experts_per_tok\": 2"
#define LFM "\"model_type\": \"lfm2_moe\", " SIZES
#define CONV_LAYERS                                                                                \
    ", \"layer_types\": [\"conv\", \"full_attention\", \"conv\", \"conv\"], \"conv_L_cache\": 4"
#define MELLUM "\"model_type\": \"mellum\", " SIZES ", \"sliding_window\": 6"
#define WINDOWS                                                                                    \
    ", \"layer_types\": [\"full_attention\", \"sliding_attention\", \"sliding_attention\", "       \
    "\"full_attention\"]"
#define POSITIONS(sliding)                                                                         \
    ", \"rope_parameters\": {\"full_attention\": {\"rope_type\": \"yarn\", \"rope_theta\": 7000, " \
    "\"factor\": 4, \"original_max_position_embeddings\": 16}, \"sliding_attention\": {" sliding   \
    "}}"
#define ERNIE                                                                                      \
    "\"model_type\": \"ernie4_5_moe\", " SIZES ", \"moe_num_experts\": 8, \"moe_k\": 2, "          \
    "\"moe_num_shared_experts\": 2"
#define GLM                                                                                        \
    "\"model_type\": \"glm4_moe_lite\", " SIZES ", \"n_routed_experts\": 8, "                      \
    "\"kv_lora_rank\": 8, \"qk_nope_head_dim\": 4, \"qk_rope_head_dim\": 4, \"v_head_dim\": 4, "   \
    "\"n_shared_experts\": 1"

#define TRINITY                                                                                    \
    "\"model_type\": \"afmoe\", " SIZES ", \"num_shared_experts\": 1, \"head_dim\": 8, "           \
    "\"sliding_window\": 6"

static cadre_status parse(const char *members, model_config *c)
{
    char text[4096];
    int size = snprintf(text, sizeof text, "{%s}", members);
    assert_true(size > 0 && (size_t)size < sizeof text);
    return model_config_parse("config.json", text, (size_t)size, c);
}

/* What it reads as, and reads as again from what is written of it. */
static model_config taken(const char *members)
{
    model_config c, again;
    if (parse(members, &c) != CADRE_OK) fail_msg("%s: %s", members, cadre_last_error());
    const char *text = family_written(&c);
    succeeds(model_config_parse("again.json", text, strlen(text), &again));
    const char *difference = model_config_difference(&c, &again);
    if (difference) fail_msg("%s: written, it has another %s", members, difference);
    model_config_free(&again);
    return c;
}

static void refused(const char *members, const char *words)
{
    model_config c;
    if (parse(members, &c) == CADRE_OK) fail_msg("%s was read", members);
    if (!strstr(cadre_last_error(), words))
        fail_msg("\"%s\" does not say %s", cadre_last_error(), words);
}

/* ---- config.json ---- */

static void recurrent_layers(void **state)
{
    (void)state;
    model_config c = taken(LFM CONV_LAYERS);
    for (int64_t l = 0; l < c.layers; l++) {
        const mixer_config *m = &c.layer[l].mixer;
        assert_ptr_equal(m->row, l == 1 ? &mixer_grouped : &mixer_short_conv);
        assert_int_equal(m->conv, l == 1 ? 0 : 4);
        assert_int_equal(c.layer[l].sparse, l >= 2); /* the family's default */
    }
    assert_int_equal(model_config_recurrent_layers(&c), 3);
    assert_true(c.tie && c.layer[2].moe.route.norm_eps == REAL_C(1e-6));
    model_config_free(&c);
    c = taken(LFM CONV_LAYERS ", \"tie_embedding\": false, \"num_dense_layers\": 0");
    assert_true(!c.tie && c.layer[0].sparse);
    model_config_free(&c);
    refused(LFM ", \"layer_types\": [\"conv\"]", "one item for each of the 4 layers");
    refused(LFM ", \"layer_types\": [\"conv\", \"conv\", \"lstm\", \"conv\"]", "layer_types[2]");
    refused(LFM ", \"layer_types\": [\"conv\", \"conv\", 3, \"conv\"]", "layer_types[2]");
    refused(LFM CONV_LAYERS ", \"conv_bias\": true", "conv_bias");
    refused(LFM ", \"layer_types\": [\"conv\", \"conv\", \"conv\", \"conv\"], "
                "\"conv_L_cache\": 1",
        "conv_L_cache: expected 2 to 8, found 1");
}

static void windows_with_positions_of_their_own(void **state)
{
    (void)state;
    model_config c = taken(MELLUM WINDOWS POSITIONS("\"rope_theta\": 300"));
    for (int64_t l = 0; l < c.layers; l++)
        assert_int_equal(c.layer[l].mixer.window, l == 1 || l == 2 ? 6 : 0);
    assert_true(c.own_window_rope && c.window_rope.theta == 300 && c.rope.theta == 7000);
    assert_true(c.rope.scaling == ROPE_YARN && c.window_rope.scaling == ROPE_PLAIN);
    assert_int_equal(c.window_rope.width, c.rope.width);
    model_config_free(&c);
    c = taken(MELLUM WINDOWS ", \"rope_theta\": 500");
    assert_true(!c.own_window_rope && c.rope.theta == 500);
    model_config_free(&c);
    refused(MELLUM WINDOWS POSITIONS("\"rope_type\": \"linear\", \"factor\": 2"),
        "rope_parameters.sliding_attention");
    refused(MELLUM WINDOWS POSITIONS("\"rope_type\": \"spiral\""), "found \"spiral\"");
    refused(MELLUM WINDOWS ", \"rope_parameters\": {\"full_attention\": 3}", "full_attention");
    /* Another family has one kind of positions. */
    refused("\"model_type\": \"qwen3_moe\", " SIZES POSITIONS("\"rope_theta\": 300"),
        "one kind of layers is not implemented");
}

/* Trinity: layers with a window are rotated, and every n-th has neither window nor positions. */
static void positions_in_windows_alone(void **state)
{
    (void)state;
    model_config c = taken(TRINITY);
    for (int64_t l = 0; l < c.layers; l++) {
        const mixer_config *m = &c.layer[l].mixer;
        assert_int_equal(m->window, l == 3 ? 0 : 6);
        assert_int_equal(m->unplaced, l == 3);
        assert_int_equal(m->gating, GATE_ELEMENTS);
        assert_int_equal(c.layer[l].sparse, l > 0);
    }
    assert_true(c.post_norms && c.embedding_scale == 1 && !c.gate_softplus);
    assert_string_equal(c.router->name, "sigmoid-bias");
    model_config_free(&c);
    c = taken(TRINITY ", \"global_attn_every_n_layers\": 2, \"mup_enabled\": true");
    for (int64_t l = 0; l < c.layers; l++) assert_int_equal(c.layer[l].mixer.unplaced, l % 2);
    assert_true(c.embedding_scale == sqrt(32));
    model_config_free(&c);
    c = taken(TRINITY WINDOWS ", \"route_norm\": false, \"num_dense_layers\": 0");
    assert_true(c.layer[0].mixer.unplaced && !c.layer[1].mixer.unplaced && c.layer[0].sparse);
    assert_string_equal(c.router->name, "sigmoid-bias-raw");
    c.embedding_scale = 3;
    assert_string_equal((c.arch->hf.refuses)(&c),
        "its embeddings are multiplied by the root of the width, or not at all");
    c.embedding_scale = 1, c.shared_width = 13;
    assert_string_equal((c.arch->hf.refuses)(&c), "its shared experts are as wide as the others");
    model_config_free(&c);
    refused(TRINITY ", \"score_func\": \"softmax\"", "score_func: expected sigmoid");
    refused(TRINITY ", \"topk_group\": 2", "topk_group: expected 1");
    refused(TRINITY ", \"num_expert_groups\": 4", "num_expert_groups: expected 1");
    refused(TRINITY ", \"mup_enabled\": 3", "mup_enabled");
    refused(TRINITY ", \"layer_types\": [\"full_attention\"]", "one item for each of the 4 layers");
}

static void dense_and_sparse_by_a_list(void **state)
{
    (void)state;
    model_config c =
        taken(GLM ", \"mlp_layer_types\": [\"dense\", \"sparse\", \"dense\", \"sparse\"]");
    for (int64_t l = 0; l < c.layers; l++) assert_int_equal(c.layer[l].sparse, l % 2);
    assert_true(c.rope.pairs && c.latent);
    model_config_free(&c);
    c = taken(GLM ", \"first_k_dense_replace\": 3, \"rope_interleave\": false");
    assert_int_equal(model_config_sparse_layers(&c), 1);
    assert_false(c.rope.pairs);
    model_config_free(&c);
    refused(GLM ", \"mlp_layer_types\": [\"dense\"]", "mlp_layer_types");
    refused(GLM ", \"mlp_layer_types\": [\"dense\", \"sparse\", \"sparse\", \"thin\"]",
        "expected dense or sparse");
}

static void sparse_from_one_layer_to_another(void **state)
{
    (void)state;
    model_config c = taken(ERNIE ", \"moe_layer_start_index\": 1, \"moe_layer_end_index\": 2");
    for (int64_t l = 0; l < c.layers; l++) assert_int_equal(c.layer[l].sparse, l == 1 || l == 2);
    assert_true(c.tie && c.rope.pairs && c.rope.theta == 500000);
    assert_true(c.layer[1].moe.route.renormalise && c.layer[1].moe.route.topk == 2);
    assert_int_equal(c.layer[1].moe.shared, 24);
    model_config_free(&c);
    c = taken(ERNIE ", \"moe_layer_start_index\": 0, \"moe_layer_interval\": 2");
    for (int64_t l = 0; l < c.layers; l++) assert_int_equal(c.layer[l].sparse, l % 2);
    model_config_free(&c);
    refused(ERNIE ", \"use_bias\": true", "use_bias");
}

static void a_part_of_a_larger_model(void **state)
{
    (void)state;
    static const char inner[] = SIZES ", \"head_dim\": 8";
    char text[2048];
    model_config c;
    snprintf(text, sizeof text,
        "\"model_type\": \"qwen3_vl_moe\", \"text_config\": {%s}, \"tie_word_embeddings\": true, "
        "\"vision_config\": {\"depth\": 3}",
        inner);
    assert_int_equal(parse(text, &c), CADRE_OK);
    assert_true(c.tie && c.experts == 8 && c.rope.theta == 5000000);
    assert_string_equal(c.arch->model_type, "qwen3_vl_moe");
    assert_string_equal(architecture_written(c.arch)->model_type, "qwen3_moe");
    model_config_free(&c);
    snprintf(text, sizeof text, "\"model_type\": \"qwen3_vl_moe_text\", %s", inner);
    assert_int_equal(parse(text, &c), CADRE_OK);
    assert_false(c.tie);
    model_config_free(&c);
    refused("\"model_type\": \"qwen3_vl_moe\", \"text_config\": 3", "text_config");
    refused("\"model_type\": \"qwen3_vl_moe\", \"text_config\": {}", "vocab_size");
    snprintf(text, sizeof text,
        "\"model_type\": \"qwen3_vl_moe\", \"text_config\": {%s}, \"quantization_config\": "
        "{\"quant_method\": \"aqlm\"}",
        inner);
    refused(text, "quant_method: expected fp8, mxfp4, compressed-tensors, awq, gptq or modelopt, "
                  "found \"aqlm\"");
}

/* ---- GGUF ---- */

typedef struct ints {
    const char *key;
    gguf_type type;
    int64_t value[4];
    size_t count; /* 0: a single number */
} ints;

static void put_all(gguf_writer *w, const char *arch, const ints *list)
{
    char key[96];
    for (; list->key; list++) {
        snprintf(key, sizeof key, "%s.%s", arch, list->key);
        if (list->count) gguf_writer_ints(w, key, list->type, list->value, list->count);
        else gguf_writer_int(w, key, list->type, list->value[0]);
    }
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", arch);
    gguf_writer_real(w, key, 1e-5);
    snprintf(key, sizeof key, "%s.rope.freq_base_swa", arch);
    gguf_writer_real(w, key, 300);
}

static cadre_status read_gguf(const char *arch, const ints *own, model_config *c)
{
    static const float zeros[64 * 32];
    static const ints usual[] = { { "block_count", GGUF_U32, { 4 }, 0 },
        { "embedding_length", GGUF_U32, { 32 }, 0 }, { "attention.head_count", GGUF_U32, { 4 }, 0 },
        { "feed_forward_length", GGUF_U32, { 24 }, 0 },
        { "expert_feed_forward_length", GGUF_U32, { 12 }, 0 },
        { "expert_count", GGUF_U32, { 8 }, 0 }, { "expert_used_count", GGUF_U32, { 2 }, 0 },
        { "shortconv.l_cache", GGUF_U32, { 3 }, 0 },
        { "attention.sliding_window", GGUF_U32, { 6 }, 0 }, { .key = NULL } };
    const char *path = scratch_file("kinds.gguf");
    gguf_writer *w;
    gguf *file;
    unlink(path);
    succeeds(gguf_writer_open(path, &w));
    gguf_writer_string(w, "general.architecture", arch, strlen(arch));
    put_all(w, arch, usual);
    for (const ints *i = own; i->key; i++) {
        char key[96];
        snprintf(key, sizeof key, "%s.%s", arch, i->key);
        gguf_writer_ints(w, key, i->type, i->value, i->count);
    }
    gguf_writer_declare(w, "token_embd.weight", 0, 2, (const int64_t[]){ 32, 64 });
    gguf_writer_put(w, zeros, sizeof zeros);
    succeeds(gguf_writer_commit(w));
    succeeds(gguf_open(path, &file));
    cadre_status status = model_config_read_gguf(file, c);
    gguf_close(file);
    return status;
}

static void refused_gguf(const char *arch, const ints *own, const char *words)
{
    model_config c;
    if (read_gguf(arch, own, &c) == CADRE_OK) fail_msg("%s was read with %s", arch, own->key);
    if (!strstr(cadre_last_error(), words))
        fail_msg("\"%s\" does not say %s", cadre_last_error(), words);
}

#define LIST(name, kind, length, ...)                                                              \
    ((const ints[]){ { name, kind, { __VA_ARGS__ }, length }, { .key = NULL } })
#define HEADS "attention.head_count_kv"
#define PATTERN "attention.sliding_window_pattern"

static void layers_without_heads_are_recurrent(void **state)
{
    (void)state;
    model_config c;
    succeeds(read_gguf("lfm2moe", LIST(HEADS, GGUF_I32, 4, 0, 2, 0, 2), &c));
    for (int64_t l = 0; l < c.layers; l++)
        assert_ptr_equal(c.layer[l].mixer.row, l % 2 ? &mixer_grouped : &mixer_short_conv);
    assert_true(c.kv_heads == 2 && c.layer[0].mixer.conv == 3);
    model_config_free(&c);
    refused_gguf("lfm2moe", LIST(HEADS, GGUF_I32, 3, 0, 2, 0), HEADS);
    refused_gguf("lfm2moe", LIST(HEADS, GGUF_I32, 4, 0, 2, 0, 1), HEADS);
    refused_gguf("lfm2moe", LIST(HEADS, GGUF_I32, 4, 0, 2, 0, -2), HEADS);
    refused_gguf("lfm2moe", LIST(HEADS, GGUF_I32, 4, 0, 5, 0, 5), HEADS);
    refused_gguf("qwen3moe", LIST(HEADS, GGUF_I32, 4, 0, 2, 0, 2), HEADS);
}

static void a_pattern_says_which_layers_have_a_window(void **state)
{
    (void)state;
    model_config c;
    succeeds(read_gguf("mellum", LIST(PATTERN, GGUF_BOOL, 4, 1, 0, 1, 1), &c));
    for (int64_t l = 0; l < c.layers; l++)
        assert_int_equal(c.layer[l].mixer.window, l == 1 ? 0 : 6);
    assert_true(c.own_window_rope && c.window_rope.theta == 300);
    model_config_free(&c);
    refused_gguf("mellum", LIST(PATTERN, GGUF_BOOL, 3, 1, 0, 1), PATTERN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recurrent_layers),
        cmocka_unit_test(windows_with_positions_of_their_own),
        cmocka_unit_test(positions_in_windows_alone),
        cmocka_unit_test(dense_and_sparse_by_a_list),
        cmocka_unit_test(sparse_from_one_layer_to_another),
        cmocka_unit_test(a_part_of_a_larger_model),
        cmocka_unit_test(layers_without_heads_are_recurrent),
        cmocka_unit_test(a_pattern_says_which_layers_have_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

#define LAGUNA "\"model_type\": \"laguna\", " SIZES ", \"head_dim\": 8, \"sliding_window\": 6"

#define GEMMA                                                                                      \
    "\"model_type\": \"gemma4_text\", " SIZES ", \"top_k_experts\": 2, \"head_dim\": 8, "          \
    "\"global_head_dim\": 16, \"num_global_key_value_heads\": 1, \"sliding_window\": 6"
#define PROPORTIONAL                                                                               \
    ", \"rope_parameters\": {\"full_attention\": {\"rope_type\": \"proportional\", "               \
    "\"partial_rotary_factor\": 0.25, \"rope_theta\": 7000}, \"sliding_attention\": {}}"

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

#define LFM_DENSE                                                                                  \
    "\"model_type\": \"lfm2\", \"vocab_size\": 64, \"hidden_size\": 32, \"num_hidden_layers\": "   \
    "4, "                                                                                          \
    "\"num_attention_heads\": 4, \"num_key_value_heads\": 2"
static void check_width(const char *members, int64_t width)
{
    model_config c = taken(members);
    for (int64_t l = 0; l < c.layers; l++) assert_int_equal(c.layer[l].dense_width, width);
    model_config_free(&c);
}

/* LFM2 without experts names its layers by a list of those that attend, and a width from which the
 * feed-forwards' follows. */
static void dense_models_with_short_convolutions(void **state)
{
    (void)state;
    model_config c = taken(LFM_DENSE ", \"intermediate_size\": 24, \"full_attn_idxs\": [1, 3], "
                                     "\"conv_L_cache\": 4, \"tie_embedding\": false");
    for (int64_t l = 0; l < 4; l++)
        assert_ptr_equal(c.layer[l].mixer.row, l % 2 ? &mixer_grouped : &mixer_short_conv);
    assert_true(c.layer[0].mixer.conv == 4 && !c.tie && !model_config_sparse_layers(&c));
    model_config_free(&c);
    c = taken(LFM_DENSE ", \"block_ff_dim\": 24" CONV_LAYERS);
    assert_true(c.tie && c.layer[1].mixer.row == &mixer_grouped);
    assert_int_equal(model_config_recurrent_layers(&c), 3);
    model_config_free(&c);
    check_width(LFM_DENSE ", \"block_ff_dim\": 390", 512); /* 260, and up to a multiple of 256 */
    check_width(LFM_DENSE ", \"block_ff_dim\": 66, \"block_multiple_of\": 4, "
                          "\"block_ffn_dim_multiplier\": 1.3",
        60);
    check_width(LFM_DENSE ", \"block_ff_dim\": 40, \"block_ffn_dim_multiplier\": null", 26);
    check_width(LFM_DENSE ", \"intermediate_size\": 30, \"block_auto_adjust_ff_dim\": false", 30);
    refused(LFM_DENSE, "block_ff_dim");
    refused(LFM_DENSE ", \"block_ff_dim\": 24, \"intermediate_size\": 30", "as block_ff_dim says");
    refused(LFM_DENSE ", \"block_ff_dim\": 24, \"block_multiple_of\": 0", "block_multiple_of");
    refused(LFM_DENSE ", \"block_ff_dim\": 24, \"full_attn_idxs\": [4]", "full_attn_idxs[0]");
    refused(LFM_DENSE ", \"block_ff_dim\": 24, \"conv_bias\": true", "conv_bias");
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
    c = taken(MELLUM WINDOWS POSITIONS("\"rope_type\": \"linear\", \"factor\": 2"));
    assert_true(c.window_rope.scaling == ROPE_LINEAR && c.window_rope.factor == 2);
    assert_true(c.rope.scaling == ROPE_YARN && c.rope.factor != 2);
    model_config_free(&c);
    refused(MELLUM WINDOWS POSITIONS("\"rope_type\": \"dynamic\", \"factor\": 2"),
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

/* Laguna: heads, and the rotated share of a head, by the kind of layer */
static void heads_and_positions_by_layer(void **state)
{
    (void)state;
    const int64_t heads[] = { 4, 6, 8, 2 };
    model_config c = taken(LAGUNA WINDOWS POSITIONS(
        "\"rope_theta\": 300, "
        "\"partial_rotary_factor\": 0.5") ", \"num_attention_heads_per_layer\": [4, 6, 8, 2], "
                                          "\"gating\": \"per-element\"");
    for (int64_t l = 0; l < c.layers; l++) assert_int_equal(c.layer[l].mixer.heads, heads[l]);
    assert_true(c.gating == GATE_ELEMENTS && c.gate_softplus);
    assert_true(c.rope.width == 8 && c.window_rope.width == 4 && !c.layer[0].sparse);
    model_config_free(&c);
    c = taken(LAGUNA POSITIONS("\"rope_theta\": 300") ", \"gating\": true");
    for (int64_t l = 0; l < c.layers; l++) assert_int_equal(c.layer[l].mixer.window, 0);
    assert_true(c.gating == GATE_HEADS && c.window_rope.width == 8);
    model_config_free(&c);
    c = taken(LAGUNA); /* what transformers takes if the file does not say it */
    assert_true(c.rope.theta == 500000 && c.rope.width == 4);
    assert_true(c.window_rope.theta == 10000 && c.window_rope.width == 8);
    model_config_free(&c);
    refused(
        LAGUNA ", \"rope_theta\": 500", "rope_parameters: expected an object with full_attention");
    refused(LAGUNA POSITIONS("\"rope_theta\": 300") ", \"gating\": \"off\"", "gating: expected");
    refused(LAGUNA POSITIONS("\"partial_rotary_factor\": 2"), "partial_rotary_factor");
    refused(LAGUNA POSITIONS("\"rope_theta\": 300") ", \"num_attention_heads_per_layer\": [3]",
        "one item for each of the 4 layers");
}

/* Gemma 4: layers without a window have wider heads, fewer of keys, and these as values. */
static void heads_of_layers_without_a_window(void **state)
{
    (void)state;
    model_config c = taken(GEMMA WINDOWS PROPORTIONAL ", \"enable_moe_block\": true, "
                                                      "\"attention_k_eq_v\": true");
    for (int64_t l = 0; l < c.layers; l++) {
        const mixer_config *m = &c.layer[l].mixer;
        bool full = l == 0 || l == 3;
        assert_int_equal(m->head_dim, full ? 16 : 8);
        assert_int_equal(m->kv_heads, full ? 1 : 2);
        assert_int_equal(m->values, full ? VALUES_OF_KEYS : VALUES_NORMED);
        assert_true(m->scale == 1 && c.layer[l].beside && c.layer[l].dense_width == 24);
    }
    assert_true(c.rope.width == 16 && c.window_rope.width == 8 && c.tie && c.layer_scale);
    assert_true(rope_divisor(&c.rope, 1) == 1 && rope_divisor(&c.rope, 2) == ROPE_NO_FREQUENCY);
    assert_string_equal(model_config_untrainable(&c), "numbers that multiply layers");
    model_config_free(&c);
    c = taken(GEMMA WINDOWS PROPORTIONAL); /* a dense one */
    assert_int_equal(model_config_sparse_layers(&c), 0);
    assert_true(c.layer[0].mixer.kv_heads == 2 && c.layer[0].mixer.values == VALUES_NORMED);
    model_config_free(&c);
    c = taken(GEMMA PROPORTIONAL); /* the last layer never has a window */
    assert_true(c.layer[2].mixer.window == 6 && c.layer[3].mixer.window == 0);
    model_config_free(&c);
    /* As newer files have it */
#define WIDTHS(list)                                                                               \
    WINDOWS PROPORTIONAL ", \"attention_k_eq_v\": true, \"per_layer_config\": " list
    c = taken(GEMMA WIDTHS("{\"0\": {\"head_dim\": 12}, \"3\": {\"head_dim\": 12}}"));
    assert_true(c.layer[0].mixer.head_dim == 12 && c.layer[0].mixer.kv_heads == 2);
    assert_true(c.layer[1].mixer.head_dim == 8 && c.rope.width == 12);
    model_config_free(&c);
    refused(GEMMA WIDTHS("{\"0\": {\"head_dim\": 12}}"), "an item for each of the 2 layers");
    refused(
        GEMMA WIDTHS("{\"0\": {\"head_dim\": 12}, \"3\": {\"head_dim\": 16}}"), "the same widths");
    refused(GEMMA WIDTHS("{\"1\": {\"head_dim\": 12}}"), "per_layer_config.1");
    refused(GEMMA WIDTHS("{\"x\": {\"head_dim\": 12}}"), "per_layer_config.x");
    refused(GEMMA WIDTHS("{\"9\": {}}"), "per_layer_config.9");
    refused(GEMMA WIDTHS("{\"0\": 3}"), "per_layer_config.0");
    refused(GEMMA WIDTHS("{\"0\": {\"head_dim\": 0}}"), "head_dim");
    c = taken(GEMMA); /* what transformers takes if the file does not say it */
    assert_true(c.rope.scaling == ROPE_PROPORTIONAL && c.rope.theta == 1e6 && c.rope.width == 16);
    assert_true(c.window_rope.theta == 10000 && c.window_rope.width == 8);
    assert_true(rope_divisor(&c.rope, 1) == 1 && rope_divisor(&c.rope, 2) == ROPE_NO_FREQUENCY);
    model_config_free(&c);
    refused(GEMMA ", \"rope_theta\": 500", "rope_parameters: expected an object");
    refused(GEMMA PROPORTIONAL ", \"hidden_size_per_layer_input\": 4", "hidden_size_per_layer");
    refused(GEMMA PROPORTIONAL ", \"num_kv_shared_layers\": 1", "num_kv_shared_layers");
    refused(GEMMA PROPORTIONAL ", \"use_bidirectional_attention\": \"all\"", "null or vision");
    refused(GEMMA ", \"rope_parameters\": {\"full_attention\": {\"rope_type\": \"proportional\", "
                  "\"partial_rotary_factor\": 0}, \"sliding_attention\": {}}",
        "partial_rotary_factor is 0");
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
    c = taken(MELLUM ", \"mlp_layer_types\": [\"sparse\", \"dense\", \"sparse\", \"sparse\"]");
    for (int64_t l = 0; l < c.layers; l++) assert_int_equal(c.layer[l].sparse, l != 1);
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
    assert_true(c.tie && c.experts == 8 && c.rope.theta == 500000);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recurrent_layers),
        cmocka_unit_test(dense_models_with_short_convolutions),
        cmocka_unit_test(windows_with_positions_of_their_own),
        cmocka_unit_test(positions_in_windows_alone),
        cmocka_unit_test(heads_of_layers_without_a_window),
        cmocka_unit_test(heads_and_positions_by_layer),
        cmocka_unit_test(dense_and_sparse_by_a_list),
        cmocka_unit_test(sparse_from_one_layer_to_another),
        cmocka_unit_test(a_part_of_a_larger_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

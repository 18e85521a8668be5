/* config_positions_test.c - rotary positions and windows of config.json: every way to scale
 * positions, read and written with all its numbers, and which layers have a window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "arch/config_json.h"
#include "support/family.h"
#include "support/succeeds.h"

/* Written and read again. */
static model_config back_of(const model_config *c)
{
    model_config back;
    const char *text = family_written(c);
    succeeds(model_config_parse("config.json", text, strlen(text), &back));
    return back;
}

static bool same(const rope_options *a, const rope_options *b)
{
    return a->theta == b->theta && a->scaling == b->scaling && a->factor == b->factor &&
           a->original_context == b->original_context && a->low_freq_factor == b->low_freq_factor &&
           a->high_freq_factor == b->high_freq_factor && a->beta_fast == b->beta_fast &&
           a->beta_slow == b->beta_slow && a->truncate == b->truncate &&
           a->attention_factor == b->attention_factor && a->mscale == b->mscale &&
           a->mscale_all_dim == b->mscale_all_dim && a->width == b->width && a->pairs == b->pairs;
}

typedef struct scaling {
    const char *members; /* of config.json */
    rope_options o;
} scaling;

/* YaRN without its first context, and dynamic scaling, start from the whole one: 2048. */
static const scaling scalings[] = {
    { "", { .theta = 10000, .width = 8 } },
    { "\"rope_theta\": 500.0", { .theta = 500, .width = 8 } },
    { "\"rope_scaling\": {\"rope_type\": \"default\"}", { .theta = 10000, .width = 8 } },
    { "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 3}",
        { .theta = 10000, .width = 8, .scaling = ROPE_LINEAR, .factor = 3 } },
    { "\"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": 3}, "
      "\"max_position_embeddings\": 77",
        { .theta = 10000,
            .width = 8,
            .scaling = ROPE_DYNAMIC,
            .factor = 3,
            .original_context = 77 } },
    { "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1.5, "
      "\"high_freq_factor\": 5, \"original_max_position_embeddings\": 96}",
        { .theta = 10000,
            .width = 8,
            .scaling = ROPE_LLAMA3,
            .factor = 8,
            .low_freq_factor = 1.5,
            .high_freq_factor = 5,
            .original_context = 96 } },
    { "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 6}",
        { .theta = 10000,
            .width = 8,
            .scaling = ROPE_YARN,
            .factor = 6,
            .beta_fast = 32,
            .beta_slow = 1,
            .truncate = true,
            .original_context = 2048 } },
    { "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 6, \"beta_fast\": 30, "
      "\"beta_slow\": 2, \"truncate\": false, \"attention_factor\": 1.25, \"mscale\": 0.75, "
      "\"mscale_all_dim\": 0.5, \"original_max_position_embeddings\": 96}",
        { .theta = 10000,
            .width = 8,
            .scaling = ROPE_YARN,
            .factor = 6,
            .beta_fast = 30,
            .beta_slow = 2,
            .attention_factor = 1.25,
            .mscale = 0.75,
            .mscale_all_dim = 0.5,
            .original_context = 96 } },
    /* what transformers 5 writes */
    { "\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 3, \"rope_theta\": 700}",
        { .theta = 700, .width = 8, .scaling = ROPE_LINEAR, .factor = 3 } },
};

static void each_way_to_scale_is_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scalings / sizeof *scalings; i++) {
        model_config c = family_config("llama", scalings[i].members);
        if (!same(&c.rope, &scalings[i].o)) fail_msg("%s: read otherwise", scalings[i].members);
        model_config back = back_of(&c);
        if (!same(&c.rope, &back.rope)) fail_msg("%s: written otherwise", scalings[i].members);
        model_config_free(&back);
        model_config_free(&c);
    }
}

/* The context that YaRN scales to over the one that it starts from. */
static void yarn_without_a_factor_scales_to_the_context(void **state)
{
    (void)state;
    model_config c = family_config("llama",
        "\"max_position_embeddings\": 600, \"rope_scaling\": {\"rope_type\": \"yarn\", "
        "\"original_max_position_embeddings\": 200}");
    assert_true(c.rope.factor == 3 && c.rope.original_context == 200);
    model_config_free(&c);
}

static void a_scaling_without_its_numbers_is_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "\"rope_scaling\": {\"rope_type\": \"linear\"}", "rope_scaling.factor" },
        { "\"rope_scaling\": {\"rope_type\": \"dynamic\"}", "rope_scaling.factor" },
        { "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 2, \"low_freq_factor\": 1, "
          "\"high_freq_factor\": 4}",
            "rope_scaling.original_max_position_embeddings" },
        { "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 2, \"high_freq_factor\": 4, "
          "\"original_max_position_embeddings\": 8}",
            "rope_scaling.low_freq_factor" },
        { "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 2, \"low_freq_factor\": 4, "
          "\"original_max_position_embeddings\": 8}",
            "rope_scaling.high_freq_factor" },
        { "\"rope_scaling\": {\"rope_type\": \"longrope\", \"short_factor\": [1, 1, 1, 1], "
          "\"long_factor\": [1, 1, 1, 1]}",
            "rope_scaling.attention_factor" },
        { "\"rope_parameters\": {\"rope_type\": \"longrope\", \"attention_factor\": 1}",
            "rope_parameters.short_factor" },
        { "\"rope_scaling\": {\"rope_type\": \"longrope\", \"attention_factor\": 1, "
          "\"short_factor\": [1, 1, 1, 1]}",
            "rope_scaling.long_factor" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        refuses(family_read("llama", cases[i][0], NULL, &c), CADRE_EFORMAT, cases[i][1]);
    }
}

/* ---- a divisor of each frequency ---- */

#define LONGROPE(short_, long_)                                                                    \
    "\"rope_scaling\": {\"rope_type\": \"longrope\", \"attention_factor\": 1.5, "                  \
    "\"short_factor\": " short_ ", \"long_factor\": " long_ "}"

static void lists_of_divisors(void **state)
{
    (void)state;
    model_config c = family_config("llama", LONGROPE("[1, 1.5, 2, 4]", "[1, 1.5, 2, 4]"));
    static const double expected[] = { 1, 1.5, 2, 4 };
    assert_true(c.rope.scaling == ROPE_LISTED && c.rope.divisors == 4);
    assert_memory_equal(c.rope.divisor, expected, sizeof expected);
    assert_true(c.rope.attention_factor == 1.5);
    model_config back = back_of(&c);
    assert_memory_equal(back.rope.divisor, expected, sizeof expected);
    assert_true(back.rope.attention_factor == 1.5);
    model_config_free(&back);
    model_config_free(&c);
    refuses(family_read("llama", LONGROPE("[1, 1, 1, 1]", "[1, 1, 2, 1]"), NULL, &c),
        CADRE_EUNSUPPORTED, "long_factor[2]: expected 1, as in short_factor");
    refuses(family_read("llama", LONGROPE("[1, 1, 1, 1]", "[1, 1, 1]"), NULL, &c), CADRE_EFORMAT,
        "long_factor: expected the 4 of short_factor");
    refuses(family_read("llama", LONGROPE("[1, 1, 1]", "[1, 1, 1]"), NULL, &c), CADRE_EFORMAT,
        "expected 4 divisors of frequencies, found 3");
    refuses(family_read("llama", LONGROPE("[1, 0, 1, 1]", "[1, 0, 1, 1]"), NULL, &c), CADRE_EFORMAT,
        "short_factor[1]: expected a number in 1e-06..1e+09");
}

/* ---- a part of a head ---- */

static void a_part_of_a_head_is_rotated(void **state)
{
    (void)state;
    model_config c = family_config("glm4_moe", "\"head_dim\": 16");
    assert_int_equal(c.rope.width, 8);
    assert_non_null(strstr(family_written(&c), "\"partial_rotary_factor\": 0.5"));
    model_config_free(&c);
    c = family_config("glm4_moe", "\"head_dim\": 16, \"partial_rotary_factor\": 0.25");
    model_config back = back_of(&c);
    assert_true(c.rope.width == 4 && back.rope.width == 4);
    model_config_free(&back);
    model_config_free(&c);
    c = family_config(
        "glm4_moe", "\"head_dim\": 16, \"rope_parameters\": {\"partial_rotary_factor\": 0.75}");
    assert_int_equal(c.rope.width, 12);
    model_config_free(&c);
    c = family_config("llama", "\"partial_rotary_factor\": 1");
    assert_null(strstr(family_written(&c), "partial_rotary_factor"));
    model_config_free(&c);
    refuses(family_read("llama", "\"partial_rotary_factor\": 0.5", NULL, &c), CADRE_EUNSUPPORTED,
        "partial_rotary_factor: expected 1, the only value that is implemented for this family, "
        "found 0.5");
}

/* ---- windows ---- */

static void windows(const char *type, const char *members, const int64_t expected[3],
    const char *written, const char *unwritten)
{
    model_config c = family_config(type, members);
    for (int l = 0; l < 3; l++)
        if (c.layer[l].mixer.window != expected[l])
            fail_msg("%s with %s: layer %d has a window of %d", type, members, l,
                (int)c.layer[l].mixer.window);
    model_config back = back_of(&c);
    for (int l = 0; l < 3; l++) assert_int_equal(back.layer[l].mixer.window, expected[l]);
    const char *text = family_written(&c);
    if (written && !strstr(text, written)) fail_msg("%s is not in %s", written, text);
    if (unwritten && strstr(text, unwritten)) fail_msg("%s is in %s", unwritten, text);
    model_config_free(&back);
    model_config_free(&c);
}

#define W(...) ((const int64_t[]){ __VA_ARGS__ })
#define TYPES(a, b, c)                                                                             \
    "\"layer_types\": [\"" a "_attention\", \"" b "_attention\", \"" c "_attention\"]"
#define USED "\"use_sliding_window\": true, \"sliding_window\": 5"

static void layers_with_windows(void **state)
{
    (void)state;
    windows("llama", "", W(0, 0, 0), NULL, "layer_types");
    windows("mixtral", "\"sliding_window\": 5", W(5, 5, 5), "\"sliding_window\": 5", "layer_types");
    windows("gpt_oss", "", W(128, 0, 128), TYPES("sliding", "full", "sliding"), NULL);
    windows("gpt_oss", TYPES("full", "sliding", "sliding"), W(0, 128, 128),
        TYPES("full", "sliding", "sliding"), NULL);
    windows("mellum", "\"sliding_window\": 5", W(0, 0, 0), TYPES("full", "full", "full"), NULL);
    windows("mellum", "\"sliding_window\": 5, " TYPES("full", "full", "full"), W(0, 0, 0),
        TYPES("full", "full", "full"), NULL);
    windows("qwen3", "", W(0, 0, 0), "\"use_sliding_window\": false, \"sliding_window\": null",
        "layer_types");
    windows("qwen3", "\"sliding_window\": 5", W(0, 0, 0), "\"use_sliding_window\": false", NULL);
    windows(
        "qwen3", "\"use_sliding_window\": true", W(0, 0, 0), "\"use_sliding_window\": false", NULL);
    windows("qwen3", USED, W(0, 0, 0), TYPES("full", "full", "full"), NULL);
    windows("qwen3", USED ", \"max_window_layers\": 2", W(0, 0, 5),
        TYPES("full", "full", "sliding"), NULL);
    windows("qwen2_moe", USED ", \"max_window_layers\": 3", W(5, 0, 5), "\"max_window_layers\": 3",
        NULL);
    windows("qwen2_moe", USED ", \"max_window_layers\": 2", W(5, 0, 0), NULL, NULL);
    windows(
        "qwen3_moe", USED, W(5, 5, 5), "\"use_sliding_window\": true, \"sliding_window\": 5", NULL);
}

static void a_list_of_layers_fits(void **state)
{
    (void)state;
    model_config c;
    refuses(family_read("qwen3", USED ", \"layer_types\": [\"full_attention\"]", NULL, &c),
        CADRE_EFORMAT, "layer_types: expected one item for each of the 3 layers");
    refuses(family_read("llama", TYPES("full", "sliding", "full"), NULL, &c), CADRE_EUNSUPPORTED,
        "layer_types[1]: expected full_attention, for the model has no sliding_window, found "
        "\"sliding_attention\"");
    refuses(family_read("qwen3", USED ", " TYPES("full", "full", "chunked"), NULL, &c),
        CADRE_EUNSUPPORTED, "layer_types[2]: expected full_attention or sliding_attention");
    c = family_config("llama", TYPES("full", "full", "full"));
    model_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_to_scale_is_read_and_written),
        cmocka_unit_test(yarn_without_a_factor_scales_to_the_context),
        cmocka_unit_test(a_scaling_without_its_numbers_is_refused),
        cmocka_unit_test(lists_of_divisors),
        cmocka_unit_test(a_part_of_a_head_is_rotated),
        cmocka_unit_test(layers_with_windows),
        cmocka_unit_test(a_list_of_layers_fits),
    };
    return cmocka_run_group_tests_name("positions of config.json", tests, NULL, NULL);
}

/* config_test.c - what follows from a configuration's numbers, and the bounds that they must
 * keep: each with the value that is still good beside the one that is not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "base/memory.h"
#include "support/family.h"
#include "support/succeeds.h"

/* ---- what is left out follows from the rest ---- */

static model_config bare(void)
{
    return (model_config){ .vocab = 64,
        .width = 48,
        .context = 32,
        .layers = 6,
        .norm_eps = 1e-5,
        .heads = 6,
        .rope.theta = 10000,
        .dense_width = 20,
        .expert_width = 12,
        .router = router_by_name("softmax"),
        .expert_form = "swiglu",
        .groups = 1,
        .groups_used = 1,
        .route_scale = 1,
        .bos = -1,
        .eos = -1,
        .pad = -1 };
}

static void numbers_that_follow(void **state)
{
    (void)state;
    model_config c = bare();
    c.shared_experts = 3;
    succeeds(model_config_derive(&c, "here"));
    assert_true(c.kv_heads == 6 && c.head_dim == 8 && c.value_dim == 8 && c.rope.width == 8);
    assert_true(c.shared_width == 36 && c.latent_norm_eps == 1e-6 && !c.rope.pairs);
    assert_true(c.embedding_scale == 1 && c.residual_scale == 1 && c.logit_scale == 1 &&
                c.logit_divisor == 1 && c.rotary_share == 1);
    model_config_free(&c);
    c = bare();
    c.kv_heads = 2, c.head_dim = 10, c.rotary_share = 0.4, c.logit_divisor = 4, c.shared_width = 7;
    c.shared_experts = 3, c.logit_scale = 6;
    succeeds(model_config_derive(&c, "here"));
    assert_true(c.kv_heads == 2 && c.head_dim == 10 && c.rope.width == 4 && c.shared_width == 7);
    assert_true(model_config_logit_scale(&c) == 1.5);
    model_config_free(&c);
    c = bare();
    c.latent = true, c.nope_dim = 5, c.rope_dim = 4, c.value_dim = 3, c.kv_heads = 1;
    succeeds(model_config_derive(&c, "here"));
    assert_true(c.kv_heads == 6 && c.head_dim == 9 && c.value_dim == 3 && c.rope.width == 4 &&
                c.rope.pairs);
    model_config_free(&c);
    c = bare();
    c.width = 50;
    refuses(model_config_derive(&c, "here"), CADRE_EARGUMENT,
        "here: width: expected a multiple of the 6 heads, found 50");
}

/* Sparse ones begin behind the dense, and come every so many; every window_period-th layer sees
 * all. */
static void layers_follow(void **state)
{
    (void)state;
    static const struct {
        int64_t dense, step, period;
        const char *sparse, *windowed;
    } cases[] = { { 0, 1, 0, "ssssss", "wwwwww" }, { 2, 1, 2, "ddssss", "wawawa" },
        { 0, 3, 3, "ddsdds", "wwawwa" }, { 3, 2, 1, "dddsds", "aaaaaa" },
        { 6, 0, 6, "dddddd", "wwwwwa" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c = bare();
        int64_t count = 0;
        c.experts = 4, c.topk = 2, c.window = 9;
        c.dense_layers = cases[i].dense, c.sparse_step = cases[i].step;
        c.window_period = cases[i].period;
        succeeds(model_config_derive(&c, "here"));
        for (int64_t l = 0; l < 6; l++) {
            bool sparse = cases[i].sparse[l] == 's';
            assert_int_equal(c.layer[l].sparse, sparse);
            assert_int_equal(c.layer[l].mixer.window, cases[i].windowed[l] == 'w' ? 9 : 0);
            assert_int_equal(model_config_sparse_before(&c, l), count);
            assert_true(c.layer[l].moe.experts == 4 && c.layer[l].moe.route.topk == 2 &&
                        c.layer[l].moe.hidden == 12);
            count += sparse;
        }
        assert_int_equal(model_config_sparse_layers(&c), count);
        model_config_free(&c);
    }
}

/* ---- bounds ---- */

typedef struct bounded {
    const char *type, *members; /* of config.json */
    const char *phrase;         /* NULL: it is good */
} bounded;

static const bounded bounds[] = {
    { "llama", "\"vocab_size\": 1048576", NULL },
    { "llama", "\"vocab_size\": 1048577", "vocab: expected 1 to 1048576, found 1048577" },
    { "llama", "\"vocab_size\": 0", "vocab: expected 1 to 1048576, found 0" },
    { "llama", "\"hidden_size\": 65536, \"head_dim\": 8", NULL },
    { "llama", "\"hidden_size\": 65540, \"head_dim\": 8",
        "width: expected 1 to 65536, found 65540" },
    { "llama", "\"num_hidden_layers\": 512", NULL },
    { "llama", "\"num_hidden_layers\": 513", "layers: expected 1 to 512, found 513" },
    { "llama", "\"num_hidden_layers\": 0", "layers: expected 1 to 512, found 0" },
    { "llama", "\"max_position_embeddings\": 16777216", NULL },
    { "llama", "\"max_position_embeddings\": 16777217",
        "context: expected 1 to 16777216, found 16777217" },
    { "llama", "\"num_attention_heads\": 0", "heads: expected 1 to 1024, found 0" },
    { "llama", "\"num_attention_heads\": 1024, \"head_dim\": 2", NULL },
    { "llama", "\"num_attention_heads\": 1025, \"head_dim\": 2",
        "heads: expected 1 to 1024, found 1025" },
    { "llama", "\"head_dim\": 4096", NULL },
    { "llama", "\"head_dim\": 4098", "head width: expected 1 to 4096, found 4098" },
    { "llama", "\"head_dim\": 2", NULL },
    { "llama", "\"head_dim\": 1",
        "head width: expected an even number to be rotated, found 1 of 1 (width 32, 4 heads)" },
    { "llama", "\"head_dim\": 7",
        "head width: expected an even number to be rotated, found 7 of 7 (width 32, 4 heads)" },
    { "llama", "\"num_key_value_heads\": 5", "kv-heads: expected 1 to 4, found 5" },
    { "llama", "\"num_key_value_heads\": 3",
        "kv-heads: expected a divisor of the 4 heads, found 3" },
    { "llama", "\"num_key_value_heads\": 1", NULL },
    { "llama", "\"intermediate_size\": 1048576", NULL },
    { "llama", "\"intermediate_size\": 1048577",
        "dense-width: expected 1 to 1048576, found 1048577" },
    { "llama", "\"intermediate_size\": 0", "dense-width: expected 1 to 1048576, found 0" },
    { "llama", "\"rms_norm_eps\": 0",
        "the norms' epsilon: expected a number between 0 and 1, found 0" },
    { "llama", "\"rms_norm_eps\": 1",
        "the norms' epsilon: expected a number between 0 and 1, found 1" },
    { "llama", "\"rms_norm_eps\": 0.999", NULL },
    { "llama", "\"rope_theta\": 1", "rotary positions: theta is 1, expected a positive number" },
    { "llama", "\"rope_theta\": 999999999999", NULL },
    { "llama", "\"rope_theta\": 1e12", "rope_theta: expected 1 to 1e12, found 1e+12" },
    { "mixtral", "\"num_local_experts\": 4096", NULL },
    { "mixtral", "\"num_local_experts\": 4097", "experts: expected 1 to 4096, found 4097" },
    { "mixtral", "\"num_experts_per_tok\": 8", NULL },
    { "mixtral", "\"num_experts_per_tok\": 9",
        "topk: expected 1 to the 8 experts of layer 0, found 9" },
    { "mixtral", "\"num_experts_per_tok\": 0",
        "topk: expected 1 to the 8 experts of layer 0, found 0" },
    { "mixtral", "\"intermediate_size\": 1048576", NULL },
    { "mixtral", "\"intermediate_size\": 1048577",
        "expert-width: expected 0 to 1048576, found 1048577" },
    { "mixtral", "\"intermediate_size\": 0", "expert-width: expected 1 to 1048576, found 0" },
    { "deepseek", "\"n_shared_experts\": 1024", NULL },
    { "deepseek", "\"n_shared_experts\": 1025", "shared-experts: expected 0 to 1024, found 1025" },
    { "deepseek", "\"n_shared_experts\": 1024, \"moe_intermediate_size\": 1025",
        "shared experts' width: expected 0 to 1048576, found 1049600" },
    { "deepseek_v3", "\"kv_lora_rank\": 0", "kv-lora-rank: expected 1 to 65536, found 0" },
    { "deepseek_v3", "\"kv_lora_rank\": 65537", "kv-lora-rank: expected 1 to 65536, found 65537" },
    { "deepseek_v3", "\"q_lora_rank\": 65536", NULL },
    { "deepseek_v3", "\"q_lora_rank\": 65537", "q-lora-rank: expected 0 to 65536, found 65537" },
    { "deepseek_v3", "\"qk_nope_head_dim\": 0",
        "head width without positions: expected 1 to 4096, found 0" },
    { "deepseek_v3", "\"qk_rope_head_dim\": 3",
        "qk-rope-head-dim: expected an even number, found 3" },
    { "deepseek_v3", "\"qk_rope_head_dim\": 2", NULL },
    { "deepseek_v3", "\"qk_rope_head_dim\": 0", "qk-rope-head-dim: expected 2 to 4096, found 0" },
    { "deepseek_v3", "\"v_head_dim\": 0", "v-head-dim: expected 1 to 4096, found 0" },
    { "deepseek_v3", "\"v_head_dim\": 4097", "v-head-dim: expected 1 to 4096, found 4097" },
    { "deepseek_v3", "\"n_group\": 3, \"topk_group\": 2",
        "groups: expected a divisor of the 8 experts, found 3" },
    { "deepseek_v3", "\"n_group\": 4, \"topk_group\": 5", "groups-used: expected 1 to 4, found 5" },
    { "deepseek_v3", "\"n_group\": 4, \"topk_group\": 1", NULL },
    { "deepseek_v3", "\"n_group\": 4, \"topk_group\": 1, \"num_experts_per_tok\": 3",
        "topk: expected at most the 2 experts of 1 groups, found 3" },
    { "switch_transformers", "\"decoder_start_token_id\": 63", NULL },
    { "switch_transformers", "\"decoder_start_token_id\": 64",
        "decoder_start_token_id: expected a token of 0 to 63, found 64" },
    { "switch_transformers", "\"relative_attention_num_buckets\": 65537",
        "buckets of distances: expected 0 to 65536, found 65537" },
    { "switch_transformers", "\"expert_capacity\": 16777217",
        "capacity: expected 0 to 16777216, found 16777217" },
};

static void bounds_of_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        const bounded *b = &bounds[i];
        model_config c;
        cadre_status status = family_read(b->type, b->members, NULL, &c);
        if (!b->phrase && status != CADRE_OK) fail_msg("%s: %s", b->members, cadre_last_error());
        if (status == CADRE_OK) model_config_free(&c);
        if (!b->phrase) continue;
        char sentence[256];
        snprintf(sentence, sizeof sentence, "config.json: %s", b->phrase);
        if (status != CADRE_EFORMAT || strcmp(cadre_last_error(), sentence) != 0)
            fail_msg("%s: status %d, \"%s\"", b->members, (int)status, cadre_last_error());
    }
}

/* ---- end tokens ---- */

static void as_many_end_tokens_as_there_is_room_for(void **state)
{
    (void)state;
    model_config c = { .eos = -1 };
    succeeds(model_config_add_eos(&c, -1, "here"));
    assert_int_equal(c.eos, -1);
    for (int64_t t = 0; t <= CONFIG_OTHER_EOS; t++) {
        assert_false(model_config_ends(&c, t));
        succeeds(model_config_add_eos(&c, t, "here"));
        succeeds(model_config_add_eos(&c, t, "here")); /* twice is once */
        assert_true(model_config_ends(&c, t));
    }
    assert_int_equal(c.eos, 0);
    assert_int_equal(c.other_eos_count, CONFIG_OTHER_EOS);
    refuses(model_config_add_eos(&c, 99, "here"), CADRE_EUNSUPPORTED,
        "here: eos_token_id: expected at most 32 ids, found more");
    assert_false(model_config_ends(&c, 99));
    assert_false(model_config_ends(&c, -1));
}

/* ---- layers that differ ---- */

static model_config three_layers(int64_t experts, int64_t topk, int64_t width)
{
    char members[256];
    snprintf(members, sizeof members,
        "\"sparse_layers\": [null, {\"experts\": 8, \"topk\": 2, \"expert_width\": 12}, "
        "{\"experts\": %d, \"topk\": %d, \"expert_width\": %d}]",
        (int)experts, (int)topk, (int)width);
    return family_config("cadre", members);
}

static void layers_differ_by_experts_picks_or_width(void **state)
{
    (void)state;
    static const struct {
        int64_t experts, topk, width;
        bool differ;
    } cases[] = { { 8, 2, 12, false }, { 6, 2, 12, true }, { 8, 1, 12, true }, { 8, 2, 13, true } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c = three_layers(cases[i].experts, cases[i].topk, cases[i].width);
        assert_int_equal(model_config_layers_differ(&c), cases[i].differ);
        model_config_free(&c);
    }
}

static void a_summary_is_the_most_common_layer(void **state)
{
    (void)state;
    model_config c =
        family_config("cadre", "\"num_hidden_layers\": 4, \"sparse_layers\": ["
                               "{\"experts\": 4, \"topk\": 1, \"expert_width\": 5}, null, "
                               "{\"experts\": 6, \"topk\": 3, \"expert_width\": 9}, "
                               "{\"experts\": 6, \"topk\": 3, \"expert_width\": 9}]");
    assert_true(c.experts == 6 && c.topk == 3 && c.expert_width == 9);
    model_config_free(&c);
    c = three_layers(6, 1, 5); /* as many of each: the first */
    assert_true(c.experts == 8 && c.topk == 2 && c.expert_width == 12);
    model_config_free(&c);
}

/* ---- copies ---- */

static void a_copy_owns_all_of_its_own(void **state)
{
    (void)state;
    model_config from = family_config("switch_transformers", NULL), to;
    succeeds(model_config_copy(&from, &to));
    assert_ptr_not_equal(from.layer, to.layer);
    assert_ptr_not_equal(from.encoder, to.encoder);
    assert_ptr_not_equal(from.encoder->layer, to.encoder->layer);
    model_config_free(&from);
    assert_true(to.layers == 6 && to.encoder->layers == 4 && to.encoder->layer[1].sparse);
    model_config_free(&to);
    from = family_config("llama", "\"rope_scaling\": {\"rope_type\": \"longrope\", "
                                  "\"attention_factor\": 1, \"short_factor\": [1, 2, 3, 4], "
                                  "\"long_factor\": [1, 2, 3, 4]}");
    succeeds(model_config_copy(&from, &to));
    model_config_free(&from);
    assert_true(to.rope.divisor == to.rope_divisors && to.rope.divisor[3] == 4);
    model_config_free(&to);
}

static void a_copy_without_memory_is_none(void **state)
{
    (void)state;
    model_config from = family_config("switch_transformers", NULL), to = { .vocab = 7 };
    for (int n = 1; n <= 3; n++) {
        mem_fail_at(n, false);
        cadre_status status = model_config_copy(&from, &to);
        mem_fail_at(0, false);
        assert_int_equal(status, CADRE_ENOMEM);
        assert_int_equal(to.vocab, 7);
    }
    model_config_free(&from);
}

/* ---- factors ---- */

static void the_scale_of_attention(void **state)
{
    (void)state;
    model_config c = family_config("llama", "\"head_dim\": 16");
    assert_true(c.layer[0].mixer.scale == 0.25);
    model_config_free(&c);
    c = family_config("granitemoe", "\"attention_multiplier\": 0.015625");
    assert_true(c.layer[0].mixer.scale == 0.015625);
    model_config_free(&c);
    /* a head of 6 + 4; YaRN's magnitude squared */
    c = family_config("deepseek_v3",
        "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 40, \"mscale_all_dim\": 1.0}");
    double magnitude = 0.1 * log(40) + 1;
    assert_true(fabs(c.layer[0].mixer.scale - magnitude * magnitude / sqrt(10)) < 1e-12);
    model_config_free(&c);
    c = family_config("deepseek_v3", "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 40}");
    assert_true(fabs(c.layer[0].mixer.scale - 1 / sqrt(10)) < 1e-12);
    model_config_free(&c);
    c = family_config("llama",
        "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 40, \"mscale_all_dim\": 1.0}");
    assert_true(fabs(c.layer[0].mixer.scale - 1 / sqrt(8)) < 1e-12);
    model_config_free(&c);
}

static void the_scale_of_logits(void **state)
{
    (void)state;
    model_config c = family_config("switch_transformers", NULL); /* a tied head, as in T5 */
    assert_true(model_config_logit_scale(&c) == 1 / sqrt(32));
    model_config_free(&c);
    c = family_config("switch_transformers", "\"tie_word_embeddings\": false");
    assert_true(model_config_logit_scale(&c) == 1);
    model_config_free(&c);
    c = family_config("granitemoe", "\"logits_scaling\": 8");
    assert_true(model_config_logit_scale(&c) == 0.125);
    model_config_free(&c);
}

static void what_cannot_be_trained_says_why(void **state)
{
    (void)state;
    static const char *const cases[][3] = { { "switch_transformers", "", NULL },
        { "grok", "", NULL },
        { "olmoe", "\"clip_qkv\": 8", "queries, keys and values that are cut off" },
        { "olmoe", "\"clip_qkv\": null", NULL }, { "mixtral", "", NULL },
        { "deepseek_v3", "", NULL }, { "gpt_oss", "", NULL } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c = family_config(cases[i][0], cases[i][1]);
        const char *why = model_config_untrainable(&c);
        if (cases[i][2]) assert_string_equal(why, cases[i][2]);
        else assert_null(why);
        model_config_free(&c);
    }
}

static void a_form_has_one_or_two_matrices_in(void **state)
{
    (void)state;
    static const struct {
        const char *form;
        int inputs;
    } forms[] = { { "relu", 1 }, { "gelu", 1 }, { "geglu", 2 }, { "swiglu", 2 }, { "gpt-oss", 2 } };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        layer_config layers[2] = { [1] = { .sparse = false } };
        model_config c = { .layers = 2, .layer = layers };
        succeeds(model_config_set_form(&c, forms[i].form, "here"));
        assert_string_equal(c.expert_form, forms[i].form);
        succeeds(model_config_set_layer_form(&c, 1, "relu", "here"));
        assert_int_equal(model_config_inputs(&c, &layers[0]), forms[i].inputs);
        assert_int_equal(model_config_inputs(&c, &layers[1]), 1);
        assert_true((layers[1].form == NULL) == !strcmp(forms[i].form, "relu"));
    }
    model_config c = { 0 };
    refuses(model_config_set_form(&c, "tanh", "here"), CADRE_EUNSUPPORTED,
        "here: expert_form: expected the name of an activation, found \"tanh\"");
    assert_null(c.expert_form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_that_follow),
        cmocka_unit_test(layers_follow),
        cmocka_unit_test(bounds_of_numbers),
        cmocka_unit_test(as_many_end_tokens_as_there_is_room_for),
        cmocka_unit_test(layers_differ_by_experts_picks_or_width),
        cmocka_unit_test(a_summary_is_the_most_common_layer),
        cmocka_unit_test(a_copy_owns_all_of_its_own),
        cmocka_unit_test(a_copy_without_memory_is_none),
        cmocka_unit_test(the_scale_of_attention),
        cmocka_unit_test(the_scale_of_logits),
        cmocka_unit_test(what_cannot_be_trained_says_why),
        cmocka_unit_test(a_form_has_one_or_two_matrices_in),
    };
    return cmocka_run_group_tests_name("configurations", tests, NULL, NULL);
}

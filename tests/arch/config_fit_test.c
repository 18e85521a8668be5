/* config_fit_test.c - why a family's files cannot hold a configuration: one reason each, and none
 * for what they can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "arch/config_fit.h"
#include "support/family.h"
#include "support/succeeds.h"

typedef struct fit {
    const char *type, *members; /* a configuration */
    const char *family;         /* whose files are asked */
    const char *reason;         /* NULL: they can hold it */
} fit;

#define LAYERS(...) "\"sparse_layers\": [" __VA_ARGS__ "]"
#define SPARSE(k, w) "{\"experts\": 8, \"topk\": " k ", \"expert_width\": " w "}"

static const fit fits[] = {
    { "mixtral", "", "mixtral", NULL },
    { "mixtral", "", "cadre", NULL },
    { "mixtral", "", "qwen3_moe", "its attention is another" },
    { "mixtral", "", "grok", "its router is another" },
    { "olmoe", "\"norm_topk_prob\": true", "mixtral", "its attention is another" },
    { "olmoe", "", "mixtral", "its router is another" },
    { "olmoe", "", "olmoe", NULL },
    { "olmoe", "\"norm_topk_prob\": true", "olmoe", NULL },
    { "granitemoe", "", "gpt_oss", "its experts have another form" },
    { "deepseek_v3", "", "glm4_moe", "its attention is another" },
    { "deepseek_v3", "\"norm_topk_prob\": false", "deepseek_v3", NULL },
    { "deepseek_v2", "", "deepseek_v3", "its router is another" },
    { "llama", "", "llama", NULL },
    { "qwen3", "", "qwen3", NULL },
    { "deepseek", "", "llama", "it has no experts" },
    { "qwen3_moe", "\"norm_topk_prob\": false", "qwen3", "it has no experts" },
    { "deepseek", "\"norm_topk_prob\": true", "mixtral", NULL },
    { "deepseek", "\"norm_topk_prob\": true, \"n_shared_experts\": 1", "mixtral",
        "it has no shared experts" },
    { "deepseek", "\"norm_topk_prob\": true, \"first_k_dense_replace\": 1", "mixtral",
        "all its layers are sparse" },
    { "deepseek", "", "qwen2_moe", "its shared expert has a gate" },
    { "qwen2_moe", "", "qwen2_moe", NULL },
    { "qwen2_moe", "", "deepseek", NULL },
    { "cadre", "\"qk_norm\": \"head\", \"shared_expert_intermediate_size\": 8", "qwen3_moe",
        "it has no shared experts" },
    { "cadre", "\"qk_norm\": \"head\"", "qwen3_moe", NULL },
    { "cadre", "\"qk_norm\": \"full\"", "olmoe", "all its layers are sparse" },
    { "cadre", "\"qk_norm\": \"full\", \"shared_expert_intermediate_size\": 8", "olmoe",
        "it has no shared experts" },
    { "cadre", "\"qk_norm\": \"full\", \"head_dim\": 6", "olmoe", "its heads divide the width" },
    { "cadre", LAYERS("null, " SPARSE("2", "12") ", " SPARSE("1", "12")), "deepseek",
        "its layers are alike" },
    { "deepseek", "", "switch_transformers", "its experts have another form" },
    { "cadre", "\"expert_form\": \"relu\"", "switch_transformers", "it has an encoder" },
    { "switch_transformers", "", "switch_transformers", NULL },
};

static void a_family_says_why_it_cannot(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
        model_config c = family_config(fits[i].type, fits[i].members);
        const architecture *family = architecture_by_type(fits[i].family);
        assert_non_null(family);
        const char *reason = architecture_refusal(family, &c);
        bool same =
            reason && fits[i].reason ? !strcmp(reason, fits[i].reason) : !reason == !fits[i].reason;
        if (!same)
            fail_msg("%s with %s in files of %s: %s, expected %s", fits[i].type, fits[i].members,
                fits[i].family, reason ? reason : "fine", fits[i].reason ? fits[i].reason : "fine");
        model_config_free(&c);
    }
}

/* What a family's config.json has no key for is found by writing it and reading it back. */
static void what_is_lost_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *type, *members, *family, *lost;
    } cases[] = {
        { "deepseek", "\"norm_topk_prob\": true", "mixtral", NULL },
        { "deepseek_v2", "\"routed_scaling_factor\": 3", "deepseek_v2", NULL },
        { "cadre", "\"routed_scaling_factor\": 3", "qwen3_moe", "norms of queries and keys" },
        { "cadre", "\"routed_scaling_factor\": 3, \"qk_norm\": \"head\"", "qwen3_moe",
            "route-scale" },
        { "granitemoe", "\"logits_scaling\": 4, \"attention_multiplier\": 0.35", "granitemoe",
            NULL },
        { "llama", "\"mlp_bias\": true", "llama", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c = family_config(cases[i].type, cases[i].members);
        const char *lost = "nothing was said";
        succeeds(architecture_loses(architecture_by_type(cases[i].family), &c, &lost));
        if (cases[i].lost) assert_string_equal(lost, cases[i].lost);
        else if (lost) fail_msg("%s: %s is lost", cases[i].type, lost);
        model_config_free(&c);
    }
}

/* ---- THE LIST ---- */

/* Whether no name of a list "a, b, c" comes twice */
static bool has_each_once(const char *names)
{
    for (const char *a = names; a; a = strchr(a, ','), a = a ? a + 2 : NULL)
        for (const char *b = strchr(a, ','); b; b = strchr(b + 2, ',')) {
            size_t size = strcspn(a, ",");
            if (strcspn(b + 2, ",") == size && memcmp(a, b + 2, size) == 0) return false;
        }
    return true;
}

static void a_refusal_lists_every_family_once(void **state)
{
    (void)state;
    static const char *const families[] = { "mixtral, ", "qwen3_moe, ", "deepseek_v3, ",
        "lfm2_moe, ", "qwen3_5_moe, ", "qwen3_next, ", "switch_transformers, ", ", cadre" };
    static const char *const ggufs[] = { "llama, ", "qwen3moe, ", "deepseek2, ", "lfm2moe, ",
        "qwen35moe, ", "qwen3next, " };
    char text[1024];
    architecture_names(false, text, sizeof text);
    assert_true(has_each_once(text));
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        assert_non_null(strstr(text, families[i]));
    architecture_names(true, text, sizeof text);
    assert_true(has_each_once(text));
    for (size_t i = 0; i < sizeof ggufs / sizeof *ggufs; i++)
        assert_non_null(strstr(text, ggufs[i]));
    model_config c;
    refuses(family_read("mambo", "", NULL, &c), CADRE_EUNSUPPORTED,
        "config.json: model_type: expected a family that is implemented, found \"mambo\"");
    assert_non_null(strstr(cadre_last_error(), "mixtral, llama, "));
    assert_non_null(strstr(cadre_last_error(), ", cadre"));
    assert_null(architecture_by_type("mambo"));
    assert_null(architecture_by_type("Llama"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_says_why_it_cannot),
        cmocka_unit_test(what_is_lost_is_named),
        cmocka_unit_test(a_refusal_lists_every_family_once),
    };
    return cmocka_run_group_tests_name("what files can hold", tests, NULL, NULL);
}

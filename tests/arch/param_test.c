/* param_test.c - the published models' sizes, from their configurations alone. */
#include "arch/param.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/config_json.h"

typedef struct published {
    const char *name, *config;
    double total, active; /* as published, in billions */
    /* Of the embedding is in the active count; others publish it with the whole */
    bool one_row;
} published;

static const published models[] = {
    { "Mixtral-8x7B",
        "\"model_type\": \"mixtral\", \"vocab_size\": 32000, \"hidden_size\": 4096, "
        "\"num_hidden_layers\": 32, \"num_attention_heads\": 32,"
        "\"num_key_value_heads\": 8, \"intermediate_size\": 14336, \"num_local_experts\": 8, "
        "\"num_experts_per_tok\": 2",
        46.702792704, 12.9, false },
    { "OLMoE-1B-7B",
        "\"model_type\": \"olmoe\", \"vocab_size\": 50304, \"hidden_size\": 2048, "
        "\"num_hidden_layers\": 16, \"num_attention_heads\": 16,"
        "\"num_key_value_heads\": 16, \"intermediate_size\": 1024, \"num_experts\": 64, "
        "\"num_experts_per_tok\": 8",
        6.919161856, 1.3, false },
    { "Qwen3-30B-A3B",
        "\"model_type\": \"qwen3_moe\", \"vocab_size\": 151936, \"hidden_size\": 2048, "
        "\"num_hidden_layers\": 48, \"head_dim\": 128,"
        "\"num_attention_heads\": 32, \"num_key_value_heads\": 4, \"intermediate_size\": 6144, "
        "\"moe_intermediate_size\": 768,"
        "\"num_experts\": 128, \"num_experts_per_tok\": 8, \"norm_topk_prob\": true",
        30.532122624, 3.3, false },
    { "Qwen1.5-MoE-A2.7B",
        "\"model_type\": \"qwen2_moe\", \"vocab_size\": 151936, \"hidden_size\": 2048, "
        "\"num_hidden_layers\": 24, \"num_attention_heads\": 16,"
        "\"num_key_value_heads\": 16, \"intermediate_size\": 5632, \"moe_intermediate_size\": 1408,"
        "\"shared_expert_intermediate_size\": 5632, \"num_experts\": 60, \"num_experts_per_tok\": "
        "4",
        14.315784192, 2.7, false },
    { "DeepSeek-V3",
        "\"model_type\": \"deepseek_v3\", \"vocab_size\": 129280, \"hidden_size\": 7168, "
        "\"num_hidden_layers\": 61,"
        "\"num_attention_heads\": 128, \"num_key_value_heads\": 128, \"intermediate_size\": 18432, "
        "\"moe_intermediate_size\": 2048,"
        "\"n_routed_experts\": 256, \"n_shared_experts\": 1, \"num_experts_per_tok\": 8, "
        "\"n_group\": 8, \"topk_group\": 4,"
        "\"first_k_dense_replace\": 3, \"routed_scaling_factor\": 2.5, \"norm_topk_prob\": true, "
        "\"q_lora_rank\": 1536,"
        "\"kv_lora_rank\": 512, \"qk_nope_head_dim\": 128, \"qk_rope_head_dim\": 64, "
        "\"v_head_dim\": 128",
        671.026404352, 37, false },
    { "gpt-oss-20b",
        "\"model_type\": \"gpt_oss\", \"vocab_size\": 201088, \"hidden_size\": 2880, "
        "\"num_hidden_layers\": 24, \"num_attention_heads\": 64,"
        "\"num_key_value_heads\": 8, \"head_dim\": 64, \"intermediate_size\": 2880, "
        "\"num_local_experts\": 32, \"num_experts_per_tok\": 4",
        20.914757184, 3.6, true },
};

static void check(const published *m)
{
    char text[1024];
    model_config config;
    param_table table;
    snprintf(text, sizeof text, "{%s}", m->config);
    if (model_config_parse("config.json", text, strlen(text), &config) != CADRE_OK)
        fail_msg("%s: %s", m->name, cadre_last_error());
    assert_int_equal(param_table_make(&config, &table), CADRE_OK);
    double total = (double)table.total / 1e9, active = (double)table.active / 1e9;
    if (!m->one_row) active += (double)(config.vocab * config.width) / 1e9;
    if (total < m->total * 0.99999 || total > m->total * 1.00001)
        fail_msg("%s: %.9f billion, expected %.9f", m->name, total, m->total);
    if (active < m->active * 0.95 || active > m->active * 1.05)
        fail_msg("%s: %.3f billion active, expected %.3g", m->name, active, m->active);
    param_table_free(&table);
    model_config_free(&config);
}

static void test_published_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) check(&models[i]);
}

/* ---- shares of ranks ---- */

static void parse(const published *m, model_config *config)
{
    char text[1024];
    snprintf(text, sizeof text, "{%s}", m->config);
    assert_int_equal(model_config_parse("config.json", text, strlen(text), config), CADRE_OK);
}

/* Elements that are trained, of those that no earlier rank holds. */
static int64_t counted(const param_table *t, int32_t slice, int32_t group)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < t->count; i++) {
        const param *p = &t->rows[i];
        bool cut = (param_is_vector(p) ? p->cols : p->rows) < p->whole,
             copied = (!cut && slice > 0) || (p->expert < 0 && group > 0);
        if (!copied && p->kind != PARAM_STATE) sum += p->rows * p->cols;
    }
    return sum;
}

/* The same parameters in two neighbouring slices: the second begins where the first ends, or holds
 * the same. */
static void check_neighbours(const param_table *a, const param_table *b)
{
    assert_int_equal(a->count, b->count);
    for (int64_t i = 0; i < a->count; i++) {
        const param *p = &a->rows[i], *q = &b->rows[i];
        int64_t held = param_is_vector(p) ? p->cols : p->rows;
        assert_true(p->role == q->role && p->layer == q->layer && p->expert == q->expert);
        assert_int_equal(p->whole, q->whole);
        assert_int_equal(q->first, held == p->whole ? 0 : p->first + held);
        assert_true(held > 0);
    }
}

static void check_shares(const model_config *config, int32_t slices, int32_t groups)
{
    param_table whole, before = { 0 };
    int64_t sum = 0, experts = 0;
    assert_int_equal(param_table_make(config, &whole), CADRE_OK);
    for (int32_t g = 0; g < groups; g++)
        for (int32_t s = 0; s < slices; s++) {
            param_table t;
            assert_int_equal(
                param_table_make_share(config,
                    &(param_share){ .slice = s, .slices = slices, .group = g, .groups = groups },
                    &t),
                CADRE_OK);
            assert_true(t.total == whole.total && t.active == whole.active);
            sum += counted(&t, s, g);
            for (int64_t i = 0; i < t.count; i++) experts += t.rows[i].expert >= 0;
            if (s > 0) check_neighbours(&before, &t);
            if (s + 1 == slices) assert_true(t.rows[0].first + t.rows[0].rows == t.rows[0].whole);
            param_table_free(&before);
            before = t;
        }
    assert_int_equal(sum, whole.total);
    for (int64_t i = 0; i < whole.count; i++) experts -= slices * (whole.rows[i].expert >= 0);
    assert_int_equal(experts, 0);
    param_table_free(&before);
    param_table_free(&whole);
}

/* Every parameter is held, and counted once, however a model is cut. */
static void test_shares_make_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        model_config config;
        parse(&models[i], &config);
        config.layers = config.layers < 4 ? config.layers : 4;
        for (int32_t slices = 1; slices <= 4; slices++)
            for (int32_t groups = 1; groups <= 8; groups += 3 - groups % 2)
                check_shares(&config, slices, groups);
        model_config_free(&config);
    }
}

/* Heads stay whole, with the queries that read them. */
static void test_slices_are_of_whole_heads(void **state)
{
    (void)state;
    model_config config;
    param_table t;
    parse(&models[2], &config); /* 4 key-value heads of 128 for 32 heads */
    assert_int_equal(param_table_make_share(&config,
                         &(param_share){ .slice = 1, .slices = 3, .group = 0, .groups = 1 }, &t),
        CADRE_OK);
    for (int64_t i = 0; i < t.count; i++) {
        const param *p = &t.rows[i];
        if (p->role == ROLE_Q) assert_true(p->first == 8 * 128 && p->rows == 8 * 128);
        if (p->role == ROLE_K) assert_true(p->first == 128 && p->rows == 128);
        if (p->role == ROLE_O) assert_true(p->first == 682 && p->rows == 683);
        if (p->role == ROLE_ROUTER) assert_true(p->rows == p->whole);
    }
    param_table_free(&t);
    param_share many = { .slices = 5, .groups = 1 };
    assert_int_equal(param_table_make_share(&config, &many, &t), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "5 slices: there are not so many key-value heads"));
    model_config_free(&config);
}

/* What belongs together is said of each role, and does not follow from the order of the roles. */
static void test_roles_have_parts(void **state)
{
    (void)state;
    for (int i = 0; i < PARAM_ROUTERS_OWN; i++)
        assert_int_equal(param_routers_own_index(param_routers_own(i)), i);
    for (param_role role = 0; role < ROLE_COUNT; role++) {
        const param_row *row = param_row_of(role);
        param_part part = param_part_of(role);
        assert_int_equal(part == PART_EXPERT, row->scope == OF_EXPERT);
        if (param_is_routers_own(role)) assert_int_equal(part, PART_ROUTER);
        if (row->cut == BY_HEAD)
            assert_true(part == PART_ATTENTION || part == PART_CROSS_ATTENTION);
        if (param_has_row_per_expert(role)) assert_int_equal(row->scope, OF_LAYER);
    }
    assert_int_equal(param_part_of(ROLE_KV_A_BIAS), PART_ATTENTION);
    assert_int_equal(param_part_of(ROLE_CROSS_O), PART_CROSS_ATTENTION);
    assert_int_equal(param_part_of(ROLE_CROSS_NORM), PART_OTHER);
    assert_int_equal(param_part_of(ROLE_HEAD), PART_EMBEDDINGS);
    assert_int_equal(param_part_of(ROLE_LATENT_UP), PART_SHARED);
    assert_true(param_has_row_per_expert(ROLE_ROUTER_NOISE));
    assert_false(param_has_row_per_expert(ROLE_ROUTER_NORM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles_have_parts),
        cmocka_unit_test(test_published_sizes),
        cmocka_unit_test(test_shares_make_the_whole),
        cmocka_unit_test(test_slices_are_of_whole_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

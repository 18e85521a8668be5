/* nemotron_h_test.c - layers that are one half of a block: their kinds as a pattern, as a list and
 * as GGUF's arrays, what is written of them, and what does not fit, which is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "arch/config_fit.h"
#include "arch/config_gguf.h"
#include "arch/config_json.h"
#include "arch/param.h"
#include "support/family.h"
#include "support/scratch.h"
#include "support/succeeds.h"

#define FOUR "\"num_hidden_layers\": 4, \"intermediate_size\": 24"
#define PATTERN(letters) FOUR ", \"hybrid_override_pattern\": \"" letters "\""
#define LIST(...) "\"intermediate_size\": 24, \"layers_block_type\": [" __VA_ARGS__ "]"
#define WITH(members) PATTERN("M*E-") ", " members

/* A list counts the layers. */
static cadre_status parse(const char *members, model_config *c)
{
    bool lists = strstr(members, "layers_block_type\": [") || !strstr(members, FOUR);
    const char *counted = lists ? "num_hidden_layers" : NULL;
    return family_read("nemotron_h", members, counted, c);
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

static void check_kinds(const model_config *c)
{
    const mixer *rows[] = { &mixer_mamba2, &mixer_grouped, &mixer_none, &mixer_none };
    assert_int_equal(c->layers, 4);
    for (int64_t l = 0; l < 4; l++) {
        const layer_config *layer = &c->layer[l];
        assert_ptr_equal(layer->mixer.row, rows[l]);
        assert_int_equal(layer->sparse, l == 2);
        assert_int_equal(layer->dense_width, l == 3 ? 24 : 0);
        assert_true(layer_mixes(layer) != layer_feeds_forward(layer));
    }
    assert_true(c->layer[1].mixer.unplaced && !model_config_rotates(c));
    assert_int_equal(model_config_recurrent_layers(c), 1);
}

static void a_pattern_and_a_list_say_the_same(void **state)
{
    (void)state;
    model_config c = taken(PATTERN("M*E-"));
    const mixer_config *m = &c.layer[0].mixer;
    check_kinds(&c);
    assert_true(m->state_heads == 6 && m->state_head_dim == 4 && m->state_dim == 5);
    assert_true(m->state_groups == 2 && m->conv == 4 && c.conv_bias && m->norm_eps == 1e-5);
    assert_int_equal(c.layer[2].moe.shared, 20);
    assert_string_equal(c.router->name, "sigmoid-bias");
    assert_string_equal(c.expert_form, "relu2");
    model_config_free(&c);
    c = taken(LIST("\"mamba\", \"attention\", \"moe\", \"mlp\""));
    check_kinds(&c);
    model_config_free(&c);
    c = taken("\"intermediate_size\": 24, \"hybrid_override_pattern\": \"M*E-\"");
    check_kinds(&c); /* the pattern counts the layers too */
    model_config_free(&c);
    c = taken(LIST("\"linear_attention\", \"full_attention\", \"moe\", \"mlp\""));
    check_kinds(&c);
    assert_non_null(strstr(family_written(&c), "\"M*E-\""));
    model_config_free(&c);
}

/* Each layer has one norm, and what belongs to its half alone. */
static void a_layer_has_the_parameters_of_its_half(void **state)
{
    (void)state;
    static const param_role own[] = { ROLE_STATE_IN, ROLE_Q, ROLE_ROUTER, ROLE_DOWN };
    model_config c = taken(PATTERN("M*E-"));
    param_table table;
    int norms[4] = { 0 }, found[4] = { 0 };
    succeeds(param_table_make(&c, &table));
    for (int64_t i = 0; i < table.count; i++) {
        const param *p = &table.rows[i];
        if (p->layer < 0) continue;
        norms[p->layer] += p->role == ROLE_ATTN_NORM || p->role == ROLE_FFN_NORM;
        for (int k = 0; k < 4; k++)
            if (p->role == own[k]) assert_int_equal(p->layer, k), found[k]++;
        assert_true(p->role != ROLE_UP && p->role != ROLE_EXPERT_UP && p->role != ROLE_SHARED_UP);
    }
    for (int k = 0; k < 4; k++) assert_true(norms[k] == 1 && found[k] == 1);
    param_table_free(&table);
    model_config_free(&c);
}

static void experts_may_act_in_a_smaller_width(void **state)
{
    (void)state;
    model_config c = taken(WITH("\"moe_latent_size\": 10"));
    assert_int_equal(c.layer[2].moe.latent, 10);
    model_config_free(&c);
    c = taken(WITH("\"moe_latent_size\": null"));
    assert_int_equal(c.layer[2].moe.latent, 0);
    model_config_free(&c);
}

static void limits_of_steps_that_limit_nothing(void **state)
{
    (void)state;
    static const char *const limits[] = { "[0, 1e30]", "[0.0, Infinity]",
        "[0.0, {\"__float__\": \"Infinity\"}]" };
    for (int i = 0; i < 3; i++) {
        char text[2048];
        snprintf(text, sizeof text, PATTERN("M*E-") ", \"time_step_limit\": %s", limits[i]);
        model_config c = taken(text);
        model_config_free(&c);
    }
}

static void what_does_not_fit_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { PATTERN("M*E"), "hybrid_override_pattern: expected M, *, E or - for each of the 4" },
        { PATTERN("M*E-M"), "hybrid_override_pattern" },
        { PATTERN("M*EX"), "found \"M*EX\"" },
        { PATTERN("m*e-"), "hybrid_override_pattern" },
        { PATTERN(""), "hybrid_override_pattern" },
        { FOUR ", \"hybrid_override_pattern\": null", "hybrid_override_pattern" },
        { FOUR ", \"hybrid_override_pattern\": 7", "found 7" },
        { LIST(""), "layers: expected 1 to 512, found 0" },
        { LIST("\"mamba\", \"lstm\""), "layers_block_type[1]: expected mamba, attention, moe" },
        { LIST("\"mamba\", 3"), "layers_block_type[1]" },
        { LIST("\"mamba\"") ", \"num_hidden_layers\": 4", "one item for each of the 4 layers" },
        { WITH("\"layers_block_type\": 4"), "layers_block_type" },
        { WITH("\"mamba_num_heads\": 0"), "heads of a state space: expected 1 to 1024, found 0" },
        { WITH("\"mamba_num_heads\": 2048"), "heads of a state space" },
        { WITH("\"mamba_head_dim\": 5000"), "head width of a state space" },
        { WITH("\"mamba_head_dim\": 0"), "head width of a state space" },
        { WITH("\"ssm_state_size\": 0"), "state: expected 1 to 4096, found 0" },
        { WITH("\"ssm_state_size\": 100000"), "state: expected 1 to 4096" },
        { WITH("\"ssm_state_size\": -3"), "ssm_state_size" },
        { WITH("\"n_groups\": 0"), "groups of a state space" },
        { WITH("\"n_groups\": 4"), "groups of a state space: expected a divisor of its 6 heads" },
        { WITH("\"n_groups\": 7"), "groups of a state space: expected 1 to 6, found 7" },
        { WITH("\"conv_kernel\": 1"), "convolution: expected 2 to 8, found 1" },
        { WITH("\"conv_kernel\": 9"), "convolution" },
        { WITH("\"n_routed_experts\": 0"), "experts: expected 1 to 4096, found 0" },
        { WITH("\"num_experts_per_tok\": 9"), "topk" },
        { "\"num_hidden_layers\": 4, \"intermediate_size\": 0, "
          "\"hybrid_override_pattern\": \"M*E-\"",
            "dense-width: expected 1" },
        { WITH("\"moe_latent_size\": -1"), "moe_latent_size" },
        { WITH("\"moe_latent_size\": \"x\""), "moe_latent_size" },
        { WITH("\"mlp_hidden_act\": \"silu\""), "mlp_hidden_act: expected relu2" },
        { WITH("\"mamba_hidden_act\": \"gelu\""), "mamba_hidden_act: expected silu" },
        { WITH("\"use_bias\": true"), "use_bias: expected false" },
        { WITH("\"mlp_bias\": true"), "mlp_bias: expected false" },
        { WITH("\"mamba_proj_bias\": true"), "mamba_proj_bias: expected false" },
        { WITH("\"sliding_window\": 4"), "sliding_window" },
        { WITH("\"time_step_limit\": [0.001, Infinity]"), "time_step_limit" },
        { WITH("\"time_step_limit\": [0, 0.1]"), "time_step_limit: expected [0, Infinity]" },
        { WITH("\"time_step_limit\": [0, -Infinity]"), "time_step_limit" },
        { WITH("\"time_step_limit\": [0]"), "time_step_limit" },
        { WITH("\"time_step_limit\": 3"), "time_step_limit" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        if (parse(cases[i][0], &c) == CADRE_OK) fail_msg("%s was read", cases[i][0]);
        if (!strstr(cadre_last_error(), cases[i][1]))
            fail_msg("\"%s\" does not say %s", cadre_last_error(), cases[i][1]);
    }
}

static void layers_must_be_counted(void **state)
{
    (void)state;
    model_config c;
    static const char pattern[] = "\"hybrid_override_pattern\": 7";
    assert_int_not_equal(family_read("nemotron_h", pattern, "num_hidden_layers", &c), CADRE_OK);
    assert_non_null(strstr(cadre_last_error(), "hybrid_override_pattern: expected a string"));
}

static void only_halves_can_be_written(void **state)
{
    (void)state;
    model_config c = taken(PATTERN("M*E-"));
    assert_null((c.arch->hf.refuses)(&c));
    c.layer[0].dense_width = 8;
    assert_string_equal(
        (c.arch->hf.refuses)(&c), "each of its layers is a token mixer or a feed-forward");
    model_config_free(&c);
}

/* ---- GGUF ---- */

typedef struct ints {
    const char *key;
    int64_t value[4];
    size_t count; /* 0: a single number */
} ints;

#define HEADS "attention.head_count_kv"
#define WIDTHS "feed_forward_length"
static const ints usual[] = { { "block_count", { 4 }, 0 }, { "embedding_length", { 32 }, 0 },
    { "attention.head_count", { 4 }, 0 }, { "attention.key_length", { 8 }, 0 },
    { "attention.value_length", { 8 }, 0 }, { "expert_count", { 8 }, 0 },
    { "expert_used_count", { 2 }, 0 }, { "expert_feed_forward_length", { 12 }, 0 },
    { "ssm.conv_kernel", { 4 }, 0 }, { "ssm.state_size", { 5 }, 0 },
    { "ssm.group_count", { 2 }, 0 }, { "ssm.time_step_rank", { 6 }, 0 },
    { "ssm.inner_size", { 24 }, 0 }, { HEADS, { 0, 2, 0, 0 }, 4 },
    { WIDTHS, { 0, 0, 12, 24 }, 4 } };

static void put_ints(gguf_writer *w, const ints *i)
{
    char key[96];
    snprintf(key, sizeof key, "nemotron_h_moe.%s", i->key);
    if (i->count) gguf_writer_ints(w, key, GGUF_I32, i->value, i->count);
    else gguf_writer_int(w, key, GGUF_I32, i->value[0]);
}

/* Reads the usual numbers with one of them in place of another; count 9: without it. */
static cadre_status read_gguf(const ints *other, model_config *c)
{
    static const float zeros[64 * 32];
    const char *path = scratch_file("halves.gguf");
    gguf_writer *w;
    gguf *file;
    unlink(path);
    succeeds(gguf_writer_open(path, &w));
    gguf_writer_string(w, "general.architecture", "nemotron_h_moe", 14);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        bool same = other && !strcmp(other->key, usual[i].key);
        if (!same) put_ints(w, &usual[i]);
        else if (other->count < 9) put_ints(w, other);
    }
    gguf_writer_real(w, "nemotron_h_moe.attention.layer_norm_rms_epsilon", 1e-5);
    gguf_writer_int(w, "nemotron_h_moe.rope.dimension_count", GGUF_U32, 6);
    gguf_writer_declare(w, "token_embd.weight", 0, 2, (const int64_t[]){ 32, 64 });
    gguf_writer_declare(w, "blk.2.ffn_gate_inp.weight", 0, 2, (const int64_t[]){ 32, 8 });
    gguf_writer_put(w, zeros, sizeof zeros);
    gguf_writer_put(w, zeros, 8 * 32 * sizeof *zeros);
    succeeds(gguf_writer_commit(w));
    succeeds(gguf_open(path, &file));
    cadre_status status = model_config_read_gguf(file, c);
    gguf_close(file);
    return status;
}

static void arrays_say_the_kinds(void **state)
{
    (void)state;
    model_config c;
    succeeds(read_gguf(NULL, &c));
    check_kinds(&c);
    assert_true(c.layer[0].mixer.state_head_dim == 4 && !c.conv_bias && c.tie);
    /* A config.json can say it, whatever GGUF says of heads that are not rotated. */
    const char *lost;
    succeeds(architecture_loses(c.arch, &c, &lost));
    if (lost) fail_msg("a config.json would lose %s", lost);
    model_config_free(&c);
}

static void metadata_that_do_not_fit_are_refused_by_name(void **state)
{
    (void)state;
    static const ints cases[] = { { HEADS, { 0, 2, 0 }, 3 }, { HEADS, { 0, 2, 0, 1 }, 4 },
        { HEADS, { 0, 2, -2, 0 }, 4 }, { HEADS, { 0, 5, 0, 0 }, 4 }, { WIDTHS, { 0, 0, 12 }, 3 },
        { WIDTHS, { 0, 7, 12, 24 }, 4 }, { WIDTHS, { 0, 0, -12, 24 }, 4 },
        { WIDTHS, { 0, 0, 1 << 21, 24 }, 4 }, { WIDTHS, { 12 }, 0 }, { WIDTHS, { 0 }, 9 },
        { "ssm.inner_size", { 25 }, 0 }, { "ssm.inner_size", { 0 }, 0 },
        { "ssm.inner_size", { 0 }, 9 }, { "ssm.time_step_rank", { 0 }, 0 },
        { "ssm.time_step_rank", { 0 }, 9 }, { "ssm.state_size", { 0 }, 9 },
        { "ssm.group_count", { 0 }, 9 }, { "ssm.conv_kernel", { 0 }, 9 },
        { "ssm.conv_kernel", { -4 }, 0 }, { "expert_feed_forward_length", { 0 }, 9 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        if (read_gguf(&cases[i], &c) == CADRE_OK)
            fail_msg("case %zu of %s was read", i, cases[i].key);
        if (!strstr(cadre_last_error(), cases[i].key) &&
            !(strstr(cases[i].key, "rank") && strstr(cadre_last_error(), "time_step_rank")))
            fail_msg("\"%s\" does not name %s", cadre_last_error(), cases[i].key);
    }
}

static void sizes_that_do_not_fit_are_refused_by_word(void **state)
{
    (void)state;
    static const ints cases[] = { { "ssm.state_size", { 5000 }, 0 }, { "ssm.state_size", { 0 }, 0 },
        { "ssm.group_count", { 4 }, 0 }, { "ssm.group_count", { 0 }, 0 },
        { "ssm.conv_kernel", { 9 }, 0 } };
    static const char *const words[] = { "state: expected 1 to 4096, found 5000",
        "state: expected 1 to 4096, found 0", "a divisor of its 6 heads, found 4",
        "groups of a state space", "convolution: expected 2 to 8, found 9" };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        assert_int_not_equal(read_gguf(&cases[i], &c), CADRE_OK);
        if (!strstr(cadre_last_error(), words[i]))
            fail_msg("\"%s\" does not say %s", cadre_last_error(), words[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_and_a_list_say_the_same),
        cmocka_unit_test(a_layer_has_the_parameters_of_its_half),
        cmocka_unit_test(experts_may_act_in_a_smaller_width),
        cmocka_unit_test(limits_of_steps_that_limit_nothing),
        cmocka_unit_test(what_does_not_fit_is_refused_by_name),
        cmocka_unit_test(layers_must_be_counted),
        cmocka_unit_test(only_halves_can_be_written),
        cmocka_unit_test(arrays_say_the_kinds),
        cmocka_unit_test(metadata_that_do_not_fit_are_refused_by_name),
        cmocka_unit_test(sizes_that_do_not_fit_are_refused_by_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

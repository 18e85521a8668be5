/* delta_net_test.c - what GGUF's metadata say of gated delta nets, and what of it is refused, by
 * its key. */
#include "arch/delta_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/config_gguf.h"
#include "arch/config_json.h"
#include "support/scratch.h"
#include "support/succeeds.h"

/* ---- GGUF ---- */

typedef struct number {
    const char *key;
    int64_t value;
} number;

static const number usual[] = { { "block_count", 4 }, { "embedding_length", 32 },
    { "attention.head_count", 4 }, { "attention.head_count_kv", 2 }, { "attention.key_length", 8 },
    { "attention.value_length", 8 }, { "feed_forward_length", 24 },
    { "expert_feed_forward_length", 12 }, { "expert_shared_feed_forward_length", 12 },
    { "expert_count", 8 }, { "expert_used_count", 2 }, { "ssm.conv_kernel", 4 },
    { "ssm.state_size", 6 }, { "ssm.group_count", 2 }, { "ssm.time_step_rank", 4 },
    { "ssm.inner_size", 20 }, { "rope.dimension_count", 4 } };
enum { USUAL = sizeof usual / sizeof *usual, LEFT_OUT = -1 };

/* Reads a file of the usual keys, of which one has another value, LEFT_OUT: none. */
static cadre_status read_with(const char *arch, number other, model_config *c)
{
    static const float zeros[64 * 32];
    const char *path = scratch_file("delta.gguf");
    char key[96];
    bool used = false;
    gguf_writer *w;
    gguf *file;
    unlink(path);
    succeeds(gguf_writer_open(path, &w));
    gguf_writer_string(w, "general.architecture", arch, strlen(arch));
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", arch);
    gguf_writer_real(w, key, 1e-6);
    for (int i = 0; i <= USUAL; i++) {
        bool changed = i < USUAL && other.key && !strcmp(usual[i].key, other.key);
        number n = changed || i == USUAL ? other : usual[i];
        if (!n.key || n.value == LEFT_OUT || (i == USUAL && used)) continue;
        used |= changed;
        snprintf(key, sizeof key, "%s.%s", arch, n.key);
        gguf_writer_int(w, key, GGUF_U32, n.value);
    }
    gguf_writer_declare(w, "token_embd.weight", 0, 2, (const int64_t[]){ 32, 64 });
    gguf_writer_put(w, zeros, sizeof zeros);
    succeeds(gguf_writer_commit(w));
    succeeds(gguf_open(path, &file));
    cadre_status status = model_config_read_gguf(file, c);
    gguf_close(file);
    return status;
}

static void metadata_give_the_sizes(void **state)
{
    (void)state;
    static const char *const names[] = { "qwen3next", "qwen35moe", "qwen35" };
    for (int i = 0; i < 3; i++) {
        model_config c;
        number dense = { "expert_count", LEFT_OUT }, same = { 0 };
        succeeds(read_with(names[i], i == 2 ? dense : same, &c));
        const mixer_config *m = &c.layer[0].mixer;
        assert_ptr_equal(m->row, &mixer_gated_delta);
        assert_int_equal(m->heads, 4);
        assert_int_equal(m->key_heads, 2);
        assert_int_equal(m->head_dim, 6);
        assert_int_equal(m->value_dim, 5);
        assert_int_equal(m->conv, 4);
        assert_int_equal(m->kv_heads, 0);
        assert_ptr_equal(c.layer[3].mixer.row, &mixer_grouped);
        assert_int_equal(c.layer[3].mixer.gating, GATE_IN_QUERIES);
        assert_int_equal(c.rope.width, 4);
        model_config_free(&c);
    }
}

static void the_period_says_which_layers_attend(void **state)
{
    (void)state;
    model_config c;
    succeeds(read_with("qwen35moe", (number){ "full_attention_interval", 2 }, &c));
    for (int l = 0; l < 4; l++)
        assert_ptr_equal(c.layer[l].mixer.row, l % 2 ? &mixer_grouped : &mixer_gated_delta);
    model_config_free(&c);
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const struct {
        number other;
        const char *words;
    } cases[] = {
        { { "ssm.inner_size", 21 }, "inner_size: expected a multiple of the 4 heads" },
        { { "ssm.inner_size", LEFT_OUT }, "ssm.inner_size: expected" },
        { { "ssm.inner_size", 0 }, "ssm.inner_size: expected" },
        { { "ssm.time_step_rank", 0 }, "ssm.inner_size: expected a multiple of the 0 heads" },
        { { "ssm.time_step_rank", LEFT_OUT }, "ssm.time_step_rank: expected" },
        { { "ssm.group_count", 0 }, "linear_num_key_heads: expected at least 1" },
        { { "ssm.group_count", 3 }, "linear_num_key_heads: expected a divisor of the 4 heads" },
        { { "ssm.group_count", 8 }, "linear_num_key_heads: expected 1 to 4" },
        { { "ssm.group_count", LEFT_OUT }, "ssm.group_count: expected" },
        { { "ssm.state_size", 0 }, "linear_key_head_dim: expected at least 1" },
        { { "ssm.state_size", 5000 }, "linear_key_head_dim: expected 1 to 1024" },
        { { "ssm.state_size", LEFT_OUT }, "ssm.state_size: expected" },
        { { "ssm.conv_kernel", 0 }, "linear_conv_kernel_dim: expected at least 1" },
        { { "ssm.conv_kernel", 9 }, "linear_conv_kernel_dim: expected 2 to 8" },
        { { "ssm.conv_kernel", LEFT_OUT }, "ssm.conv_kernel: expected" },
        { { "full_attention_interval", 0 }, "full_attention_interval: expected at least 1" },
    };
    static const char *const names[] = { "qwen3next", "qwen35moe", "qwen35" };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int a = 0; a < 3; a++) {
            model_config c;
            if (read_with(names[a], cases[i].other, &c) == CADRE_OK)
                fail_msg("%s was read with %s %lld", names[a], cases[i].other.key,
                    (long long)cases[i].other.value);
            if (!strstr(cadre_last_error(), cases[i].words))
                fail_msg("\"%s\" does not say %s", cadre_last_error(), cases[i].words);
        }
}

/* ---- config.json ---- */

static void recipes_that_a_family_cannot_say(void **state)
{
    (void)state;
    model_config c;
    succeeds(read_with("qwen3next", (number){ 0 }, &c));
    assert_null(delta_net_refuses(&c));
    c.gating = GATE_NONE;
    assert_non_null(strstr(delta_net_refuses(&c), "gates among the queries"));
    c.gating = GATE_IN_QUERIES;
    c.shared_gated = false;
    assert_non_null(strstr(delta_net_refuses(&c), "its shared expert has a gate"));
    c.shared_gated = true;
    c.layer[1].mixer.row = &mixer_kda;
    assert_non_null(strstr(delta_net_refuses(&c), "gated delta nets"));
    model_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_give_the_sizes),
        cmocka_unit_test(the_period_says_which_layers_attend),
        cmocka_unit_test(sizes_that_do_not_fit_are_refused),
        cmocka_unit_test(recipes_that_a_family_cannot_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

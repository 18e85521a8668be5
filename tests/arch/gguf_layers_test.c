/* gguf_layers_test.c - what GGUF's metadata say of layers one by one, and what of it is refused. */
#include "arch/gguf_layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/config_gguf.h"
#include "support/scratch.h"
#include "support/succeeds.h"

/* ---- GGUF ---- */

#define ALL_HEADS "attention.head_count"

typedef struct ints {
    const char *key;
    gguf_type type;
    int64_t value[4];
    size_t count; /* 0: a single number */
} ints;

/* Keys of a family */
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

static void put_window(gguf_writer *w, const char *arch)
{
    char key[96];
    snprintf(key, sizeof key, "%s.attention.key_length_swa", arch);
    gguf_writer_int(w, key, GGUF_U32, 6);
    snprintf(key, sizeof key, "%s.attention.sliding_window", arch);
    gguf_writer_int(w, key, GGUF_U32, 6);
}

/* Unless the test has its own */
static void put_all_heads(gguf_writer *w, const char *arch)
{
    char key[96];
    snprintf(key, sizeof key, "%s." ALL_HEADS, arch);
    gguf_writer_int(w, key, GGUF_U32, 4);
}

static cadre_status read_gguf(const char *arch, const ints *own, model_config *c)
{
    static const float zeros[64 * 32];
    static const ints usual[] = { { "block_count", GGUF_U32, { 4 }, 0 },
        { "embedding_length", GGUF_U32, { 32 }, 0 }, { "feed_forward_length", GGUF_U32, { 24 }, 0 },
        { "expert_feed_forward_length", GGUF_U32, { 12 }, 0 },
        { "expert_count", GGUF_U32, { 8 }, 0 }, { "expert_used_count", GGUF_U32, { 2 }, 0 },
        { "shortconv.l_cache", GGUF_U32, { 3 }, 0 }, { .key = NULL } };
    const char *path = scratch_file("kinds.gguf");
    gguf_writer *w;
    gguf *file;
    unlink(path);
    succeeds(gguf_writer_open(path, &w));
    gguf_writer_string(w, "general.architecture", arch, strlen(arch));
    put_all(w, arch, usual);
    if (strcmp(arch, "lfm2moe") != 0) put_window(w, arch); /* it has none */
    if (strcmp(own->key, ALL_HEADS) != 0) put_all_heads(w, arch);
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

/* Of a family whose layers may have different heads; the first are the model's. */
static void heads_of_each_layer(void **state)
{
    (void)state;
    const ints own[] = { { ALL_HEADS, GGUF_I32, { 4, 8, 4, 8 }, 4 },
        { HEADS, GGUF_I32, { 2, 2, 1, 4 }, 4 }, { .key = NULL } };
    model_config c;
    succeeds(read_gguf("laguna", own, &c));
    for (int64_t l = 0; l < c.layers; l++) {
        assert_int_equal(c.layer[l].mixer.heads, own[0].value[l]);
        assert_int_equal(c.layer[l].mixer.kv_heads, own[1].value[l]);
        assert_int_equal(c.layer[l].mixer.window, l ? 6 : 0); /* the family's usual order */
    }
    assert_true(c.heads == 4 && c.kv_heads == 2);
    model_config_free(&c);
    refused_gguf("laguna", LIST(ALL_HEADS, GGUF_I32, 3, 4, 6, 6), ALL_HEADS);
    refused_gguf("laguna", LIST(ALL_HEADS, GGUF_I32, 4, 4, 6, -6, 6), ALL_HEADS);
    refused_gguf("laguna", LIST(ALL_HEADS, GGUF_I32, 4, 4, 6, 9999, 6), ALL_HEADS);
    refused_gguf("laguna", LIST(ALL_HEADS, GGUF_I32, 4, 4, 8, 0, 8), "heads: expected 1 to 1024");
    refused_gguf("laguna", LIST(HEADS, GGUF_I32, 4, 2, 3, 2, 2), "expected a divisor of the 4");
    refused_gguf("mellum", LIST(ALL_HEADS, GGUF_I32, 4, 4, 6, 4, 4), ALL_HEADS);
}

/* Where layers without a window have other heads, each kind of layer has one number of them. */
static void heads_of_two_kinds_of_layers(void **state)
{
    (void)state;
    const ints own[] = { { HEADS, GGUF_I32, { 2, 1, 2, 1 }, 4 },
        { "attention.key_length", GGUF_U32, { 10 }, 1 }, { PATTERN, GGUF_BOOL, { 1, 0, 1, 0 }, 4 },
        { .key = NULL } },
               mixed[] = { { HEADS, GGUF_I32, { 2, 1, 4, 1 }, 4 },
                   { "attention.key_length", GGUF_U32, { 10 }, 1 },
                   { PATTERN, GGUF_BOOL, { 1, 0, 1, 0 }, 4 }, { .key = NULL } };
    model_config c;
    succeeds(read_gguf("gemma4", own, &c));
    assert_true(c.kv_heads == 2 && c.full_kv_heads == 1);
    assert_true(c.head_dim == 6 && c.full_head_dim == 10 && c.beside);
    for (int64_t l = 0; l < c.layers; l++) {
        assert_int_equal(c.layer[l].mixer.head_dim, l % 2 ? 10 : 6);
        assert_int_equal(c.layer[l].mixer.kv_heads, l % 2 ? 1 : 2);
    }
    model_config_free(&c);
    if (read_gguf("gemma4", mixed, &c) == CADRE_OK) fail_msg("mixed heads were read");
    assert_non_null(strstr(cadre_last_error(), "expected one number for layers with a window"));
}

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

/* What is written of layers is read again, by the family's own keys alone. */
static void what_is_written_is_read(void **state)
{
    (void)state;
    const ints own[] = { { ALL_HEADS, GGUF_I32, { 4, 8, 4, 8 }, 4 },
        { PATTERN, GGUF_BOOL, { 1, 0, 1, 0 }, 4 }, { .key = NULL } };
    const char *path = scratch_file("written.gguf");
    model_config c;
    gguf_writer *w;
    gguf *file;
    gguf_array heads, pattern;
    int64_t kv;
    succeeds(read_gguf("laguna", own, &c));
    unlink(path);
    succeeds(gguf_writer_open(path, &w));
    gguf_layers_put_heads(w, &c);
    gguf_layers_put_windows(w, &c);
    succeeds(gguf_writer_commit(w));
    succeeds(gguf_open(path, &file));
    succeeds(gguf_get_array(file, "laguna." ALL_HEADS, &heads));
    succeeds(gguf_get_array(file, "laguna." PATTERN, &pattern));
    succeeds(gguf_get_int(file, "laguna." HEADS, 1, 8, &kv)); /* one number, as all are alike */
    for (size_t l = 0; l < 4; l++) {
        assert_int_equal(gguf_array_int(&heads, l), own[0].value[l]);
        assert_int_equal(gguf_array_int(&pattern, l), own[1].value[l]);
    }
    assert_int_equal(kv, 4);
    gguf_close(file);
    model_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_of_each_layer),
        cmocka_unit_test(heads_of_two_kinds_of_layers),
        cmocka_unit_test(layers_without_heads_are_recurrent),
        cmocka_unit_test(a_pattern_says_which_layers_have_a_window),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

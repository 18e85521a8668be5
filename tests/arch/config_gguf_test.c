/* config_gguf_test.c - the numbers of a GGUF file as other programs write them: ids that say none,
 * zeros that say nothing, factors without a type, groups of experts, and end tokens by key and by
 * name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "arch/config_gguf.h"
#include "support/scratch.h"
#include "support/succeeds.h"

enum { VOCAB = 8 };

typedef struct extra { /* a key of the file besides the usual ones; ended by a NULL name */
    const char *name;
    char kind; /* u: an integer, i: a signed one, r: a number, s: a text */
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

/* pieces: control tokens by their spelling, from id 0 on; the rest are ordinary. */
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
        types[i] = more ? 3 : 1;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_that_say_none),
        cmocka_unit_test(zeros_that_say_nothing),
        cmocka_unit_test(factors_and_their_types),
        cmocka_unit_test(groups_of_experts),
        cmocka_unit_test(end_tokens),
        cmocka_unit_test(other_kinds_of_files),
    };
    return cmocka_run_group_tests_name("numbers of GGUF files", tests, NULL, NULL);
}

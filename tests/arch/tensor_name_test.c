/* tensor_name_test.c - what the tensors of each family are called, in folders and in GGUF files,
 * and where a parameter's numbers lie in them. */
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

typedef struct called {
    const char *type;
    tensor_naming naming;
    param_role role;
    int i; /* the i-th way */
    const char *name;
} called;

#define DIR NAMES_OF_FOLDER
#define GGUF NAMES_OF_GGUF
#define MOE "model.layers.11.block_sparse_moe."
#define MLP "model.layers.11.mlp."
#define GROK "transformer.decoder_layer.11."

/* Of layer 11 and, where there is one, expert 203. */
static const called names[] = {
    { "mixtral", DIR, ROLE_ROUTER, 0, MOE "gate.weight" },
    { "mixtral", DIR, ROLE_EXPERT_GATE, 0, MOE "experts.203.w1.weight" },
    { "mixtral", DIR, ROLE_EXPERT_DOWN, 0, MOE "experts.203.w2.weight" },
    { "mixtral", DIR, ROLE_EXPERT_UP, 0, MOE "experts.203.w3.weight" },
    { "mixtral", DIR, ROLE_EXPERT_GATE, 1, MLP "experts.203.gate_proj.weight" },
    { "mixtral", DIR, ROLE_EMBED, 0, "model.embed_tokens.weight" },
    { "mixtral", DIR, ROLE_HEAD, 0, "lm_head.weight" },
    { "mixtral", DIR, ROLE_OUT_NORM, 0, "model.norm.weight" },
    { "mixtral", DIR, ROLE_Q, 0, "model.layers.11.self_attn.q_proj.weight" },
    { "mixtral", GGUF, ROLE_Q, 0, "blk.11.attn_q.weight" },
    { "mixtral", GGUF, ROLE_Q, 1, "blk.11.attn_qkv.weight" },
    { "mixtral", GGUF, ROLE_EXPERT_GATE, 0, "blk.11.ffn_gate_exps.weight" },
    { "mixtral", GGUF, ROLE_EXPERT_GATE, 1, "blk.11.ffn_gate_up_exps.weight" },
    { "mixtral", GGUF, ROLE_EXPERT_GATE, 2, "blk.11.ffn_gate.203.weight" },
    { "mixtral", GGUF, ROLE_EXPERT_GATE, 3, NULL },
    { "mixtral", GGUF, ROLE_FFN_NORM, 0, "blk.11.ffn_norm.weight" },
    { "qwen2_moe", DIR, ROLE_SHARED_GATE, 0, MLP "shared_expert.gate_proj.weight" },
    { "qwen2_moe", DIR, ROLE_SHARED_UP, 0, MLP "shared_expert.up_proj.weight" },
    { "qwen2_moe", DIR, ROLE_SHARED_DOWN, 0, MLP "shared_expert.down_proj.weight" },
    { "qwen2_moe", DIR, ROLE_EXPERT_UP, 0, MLP "experts.203.up_proj.weight" },
    { "qwen3_moe", DIR, ROLE_Q_NORM, 0, "model.layers.11.self_attn.q_norm.weight" },
    { "deepseek_v3", DIR, ROLE_ROUTER_CORRECTION, 0, MLP "gate.e_score_correction_bias" },
    { "deepseek_v3", GGUF, ROLE_ROUTER_CORRECTION, 0, "blk.11.exp_probs_b.bias" },
    { "deepseek_v3", DIR, ROLE_KV_A, 0, "model.layers.11.self_attn.kv_a_proj_with_mqa.weight" },
    { "deepseek_v3", DIR, ROLE_KV_B, 0, "model.layers.11.self_attn.kv_b_proj.weight" },
    { "deepseek_v3", GGUF, ROLE_K_B, 0, "blk.11.attn_k_b.weight" },
    { "deepseek_v3", GGUF, ROLE_V_B, 0, "blk.11.attn_v_b.weight" },
    { "glm4_moe", GGUF, ROLE_FFN_NORM, 0, "blk.11.post_attention_norm.weight" },
    { "gpt_oss", GGUF, ROLE_FFN_NORM, 0, "blk.11.post_attention_norm.weight" },
    { "gpt_oss", DIR, ROLE_ROUTER, 0, MLP "router.weight" },
    { "gpt_oss", DIR, ROLE_ROUTER_BIAS, 0, MLP "router.bias" },
    { "gpt_oss", DIR, ROLE_EXPERT_GATE, 0, MLP "experts.gate_up_proj" },
    { "gpt_oss", DIR, ROLE_EXPERT_UP, 0, MLP "experts.gate_up_proj" },
    { "gpt_oss", DIR, ROLE_EXPERT_DOWN, 0, MLP "experts.down_proj" },
    { "gpt_oss", DIR, ROLE_EXPERT_GATE_BIAS, 0, MLP "experts.gate_up_proj_bias" },
    { "gpt_oss", DIR, ROLE_EXPERT_UP_BIAS, 0, MLP "experts.gate_up_proj_bias" },
    { "gpt_oss", DIR, ROLE_EXPERT_DOWN_BIAS, 0, MLP "experts.down_proj_bias" },
    { "gpt_oss", DIR, ROLE_SINKS, 0, "model.layers.11.self_attn.sinks" },
    { "granitemoe", DIR, ROLE_ROUTER, 0, MOE "router.layer.weight" },
    { "granitemoe", DIR, ROLE_ROUTER, 1, MOE "router.weight" },
    { "granitemoe", DIR, ROLE_EXPERT_GATE, 0, MOE "input_linear.weight" },
    { "granitemoe", DIR, ROLE_EXPERT_UP, 0, MOE "input_linear.weight" },
    { "granitemoe", DIR, ROLE_EXPERT_DOWN, 0, MOE "output_linear.weight" },
    { "granitemoe", DIR, ROLE_EXPERT_GATE, 1, MOE "experts.gate_up_proj" },
    { "granitemoe", DIR, ROLE_EXPERT_UP, 1, MOE "experts.gate_up_proj" },
    { "granitemoe", DIR, ROLE_EXPERT_DOWN, 1, MOE "experts.down_proj" },
    { "grok", DIR, ROLE_EMBED, 0, "transformer.in_out_embed.weight" },
    { "grok", DIR, ROLE_OUT_NORM, 0, "transformer.rms_norm.weight" },
    { "grok", DIR, ROLE_ATTN_NORM, 0, GROK "rms_norm.weight" },
    { "grok", DIR, ROLE_ATTN_POST_NORM, 0, GROK "rms_norm_1.weight" },
    { "grok", DIR, ROLE_FFN_NORM, 0, GROK "rms_norm_2.weight" },
    { "grok", DIR, ROLE_FFN_POST_NORM, 0, GROK "rms_norm_3.weight" },
    { "grok", DIR, ROLE_Q, 0, GROK "multi_head_attention.query.weight" },
    { "grok", DIR, ROLE_K, 0, GROK "multi_head_attention.key.weight" },
    { "grok", DIR, ROLE_V, 0, GROK "multi_head_attention.value.weight" },
    { "grok", DIR, ROLE_O, 0, GROK "multi_head_attention.linear.weight" },
    { "grok", DIR, ROLE_ROUTER, 0, GROK "router.weight" },
    { "grok", DIR, ROLE_EXPERT_GATE, 0, GROK "moe.203.linear.weight" },
    { "grok", DIR, ROLE_EXPERT_UP, 0, GROK "moe.203.linear_v.weight" },
    { "grok", DIR, ROLE_EXPERT_DOWN, 0, GROK "moe.203.linear_1.weight" },
    { "grok", GGUF, ROLE_ATTN_POST_NORM, 0, "blk.11.attn_output_norm.weight" },
    { "grok", GGUF, ROLE_FFN_POST_NORM, 0, "blk.11.layer_output_norm.weight" },
    { "grok", GGUF, ROLE_FFN_POST_NORM, 1, "blk.11.post_ffw_norm.weight" },
};

#define T5 "decoder.block.11.layer."
static const called switch_names[] = {
    { NULL, DIR, ROLE_EMBED, 0, "shared.weight" },
    { NULL, DIR, ROLE_EMBED, 1, "decoder.embed_tokens.weight" },
    { NULL, DIR, ROLE_OUT_NORM, 0, "decoder.final_layer_norm.weight" },
    { NULL, DIR, ROLE_RELATIVE, 0,
        "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight" },
    { NULL, DIR, ROLE_ATTN_NORM, 0, T5 "0.layer_norm.weight" },
    { NULL, DIR, ROLE_Q, 0, T5 "0.SelfAttention.q.weight" },
    { NULL, DIR, ROLE_K, 0, T5 "0.SelfAttention.k.weight" },
    { NULL, DIR, ROLE_V, 0, T5 "0.SelfAttention.v.weight" },
    { NULL, DIR, ROLE_O, 0, T5 "0.SelfAttention.o.weight" },
    { NULL, DIR, ROLE_CROSS_NORM, 0, T5 "1.layer_norm.weight" },
    { NULL, DIR, ROLE_CROSS_Q, 0, T5 "1.EncDecAttention.q.weight" },
    { NULL, DIR, ROLE_CROSS_K, 0, T5 "1.EncDecAttention.k.weight" },
    { NULL, DIR, ROLE_CROSS_V, 0, T5 "1.EncDecAttention.v.weight" },
    { NULL, DIR, ROLE_CROSS_O, 0, T5 "1.EncDecAttention.o.weight" },
    { NULL, DIR, ROLE_FFN_NORM, 0, T5 "2.layer_norm.weight" },
    { NULL, DIR, ROLE_GATE, 0, T5 "2.mlp.wi.weight" },
    { NULL, DIR, ROLE_DOWN, 0, T5 "2.mlp.wo.weight" },
    { NULL, DIR, ROLE_ROUTER, 0, T5 "2.mlp.router.classifier.weight" },
    { NULL, DIR, ROLE_EXPERT_GATE, 0, T5 "2.mlp.experts.expert_203.wi.weight" },
    { NULL, DIR, ROLE_EXPERT_DOWN, 0, T5 "2.mlp.experts.expert_203.wo.weight" },
};

static void is_called(const architecture *arch, const called *c)
{
    const param p = { .role = c->role, .layer = 11, .expert = 203, .rows = 1, .cols = 1 };
    tensor_name name;
    char text[TENSOR_NAME];
    bool found = tensor_name_of(arch, c->naming, c->role, c->i, &name);
    if (found) tensor_name_text(&name, &p, text);
    if (!c->name && found) fail_msg("%s: %s is one way too many", arch->model_type, text);
    if (c->name && (!found || strcmp(text, c->name) != 0))
        fail_msg("%s: expected %s, found %s", arch->model_type, c->name, found ? text : "none");
}

static void tensors_are_called_as_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        is_called(architecture_by_type(names[i].type), &names[i]);
}

/* Two stacks; where the head is not the embedding, the stacks' own names come first. */
static void stacks_are_called_as_published(void **state)
{
    (void)state;
    model_config c = family_config("switch_transformers", NULL);
    for (size_t i = 0; i < sizeof switch_names / sizeof *switch_names; i++)
        is_called(c.arch, &switch_names[i]);
    const called encoder[] = { { NULL, DIR, ROLE_EMBED, 1, "encoder.embed_tokens.weight" },
        { NULL, DIR, ROLE_FFN_NORM, 0, "encoder.block.11.layer.1.layer_norm.weight" },
        { NULL, DIR, ROLE_CROSS_Q, 0, NULL } };
    for (int i = 0; i < 3; i++) is_called(c.encoder->arch, &encoder[i]);
    model_config_free(&c);
    c = family_config("switch_transformers", "\"tie_word_embeddings\": false");
    const called apart[] = { { NULL, DIR, ROLE_EMBED, 0, "decoder.embed_tokens.weight" },
        { NULL, DIR, ROLE_EMBED, 1, "shared.weight" } };
    for (int i = 0; i < 2; i++) is_called(c.arch, &apart[i]);
    const called encoder_apart = { NULL, DIR, ROLE_EMBED, 0, "encoder.embed_tokens.weight" };
    is_called(c.encoder->arch, &encoder_apart);
    model_config_free(&c);
}

static void a_tensor_of_one_parameter_is_found(void **state)
{
    (void)state;
    const param p = { .role = ROLE_EXPERT_UP, .layer = 0, .expert = 7, .rows = 1, .cols = 1 };
    char *name = tensor_name_alone(architecture_by_type("granitemoe"), &p);
    assert_string_equal(name, "model.layers.0.mlp.experts.7.up_proj.weight");
    mem_free(name);
    name = tensor_name_alone(architecture_by_type("mixtral"), &p);
    assert_string_equal(name, "model.layers.0.block_sparse_moe.experts.7.w3.weight");
    mem_free(name);
}

/* ---- where numbers lie ---- */

typedef struct laid {
    param_role role;
    unsigned form;
    int64_t rows, cols; /* of the parameter: expert 2 of 8, 4 heads of 8, 2 of keys */
    int64_t shape[4];   /* of the tensor; 0 behind the last */
    int64_t offset, row, col;
} laid;

static const laid places[] = {
    { ROLE_EXPERT_DOWN, 0, 5, 3, { 5, 3 }, 0, 3, 1 },
    { ROLE_EXPERT_DOWN, TENSOR_EXPERTS, 5, 3, { 8, 5, 3 }, 30, 3, 1 },
    { ROLE_EXPERT_DOWN, TENSOR_EXPERTS | TENSOR_TRANSPOSED, 5, 3, { 8, 3, 5 }, 30, 1, 5 },
    { ROLE_EXPERT_GATE, TENSOR_EXPERTS | TENSOR_FIRST, 5, 3, { 8, 10, 3 }, 60, 3, 1 },
    { ROLE_EXPERT_UP, TENSOR_EXPERTS | TENSOR_SECOND, 5, 3, { 8, 10, 3 }, 75, 3, 1 },
    { ROLE_EXPERT_GATE, TENSOR_EXPERTS | TENSOR_EVEN, 5, 3, { 8, 10, 3 }, 60, 6, 1 },
    { ROLE_EXPERT_UP, TENSOR_EXPERTS | TENSOR_ODD, 5, 3, { 8, 10, 3 }, 63, 6, 1 },
    { ROLE_EXPERT_GATE, TENSOR_EXPERTS | TENSOR_EVEN | TENSOR_TRANSPOSED, 5, 3, { 8, 3, 10 }, 60, 2,
        10 },
    { ROLE_EXPERT_UP, TENSOR_EXPERTS | TENSOR_ODD | TENSOR_TRANSPOSED, 5, 3, { 8, 3, 10 }, 61, 2,
        10 },
    /* queries, keys and values in one: 32 + 16 + 16 rows */
    { ROLE_Q, TENSOR_QKV, 32, 3, { 64, 3 }, 0, 3, 1 },
    { ROLE_K, TENSOR_QKV, 16, 3, { 64, 3 }, 96, 3, 1 },
    { ROLE_V, TENSOR_QKV, 16, 3, { 64, 3 }, 144, 3, 1 },
};

static void a_parameter_lies_in_its_tensor(void **state)
{
    (void)state;
    model_config c = family_config("mixtral", "\"num_key_value_heads\": 2");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const laid *l = &places[i];
        const tensor_name name = { l->role, "x", l->form };
        const param p = {
            .role = l->role, .layer = 1, .expert = 2, .rows = l->rows, .cols = l->cols
        };
        int64_t shape[4] = { 0 };
        int rank = tensor_name_shape(&name, &c, &p, shape);
        assert_int_equal(rank, l->shape[2] ? 3 : 2);
        assert_memory_equal(shape, l->shape, sizeof shape);
        tensor_place place = tensor_name_place(&name, &c, &p);
        if (place.offset != l->offset || place.row != l->row || place.col != l->col)
            fail_msg(
                "form %u: %d, %d, %d", l->form, (int)place.offset, (int)place.row, (int)place.col);
        assert_int_equal(place.paired, 0);
    }
    model_config_free(&c);
}

/* Halves of a head lie as pairs: row r of the second half beside row r of the first. */
static void rows_in_pairs(void **state)
{
    (void)state;
    model_config c = family_config("mixtral", NULL);
    const tensor_name name = { ROLE_Q, "x", TENSOR_PAIRED };
    const param p = { .role = ROLE_Q, .layer = 1, .expert = -1, .rows = 32, .cols = 32 };
    tensor_place place = tensor_name_place(&name, &c, &p);
    assert_int_equal(place.paired, 8);
    static const int64_t stored[] = { 0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15 };
    for (int64_t r = 0; r < 16; r++) assert_int_equal(tensor_place_row(&place, r), stored[r]);
    place.paired = 0;
    for (int64_t r = 0; r < 16; r++) assert_int_equal(tensor_place_row(&place, r), r);
    model_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_called_as_published),
        cmocka_unit_test(stacks_are_called_as_published),
        cmocka_unit_test(a_tensor_of_one_parameter_is_found),
        cmocka_unit_test(a_parameter_lies_in_its_tensor),
        cmocka_unit_test(rows_in_pairs),
    };
    return cmocka_run_group_tests_name("names of tensors", tests, NULL, NULL);
}

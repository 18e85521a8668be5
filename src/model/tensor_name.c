/* tensor_name.c - the names that families share, and the arithmetic of forms. */
#include "model/tensor_name.h"

#include <string.h>

#include "base/memory.h"
#include "model/architecture.h"

static const tensor_name folder_names[] = {
    { ROLE_EMBED, "model.embed_tokens.weight", 0 },
    { ROLE_OUT_NORM, "model.norm.weight", 0 },
    { ROLE_HEAD, "lm_head.weight", 0 },
    { ROLE_ATTN_NORM, "model.layers.{l}.input_layernorm.weight", 0 },
    { ROLE_Q, "model.layers.{l}.self_attn.q_proj.weight", 0 },
    { ROLE_K, "model.layers.{l}.self_attn.k_proj.weight", 0 },
    { ROLE_V, "model.layers.{l}.self_attn.v_proj.weight", 0 },
    { ROLE_O, "model.layers.{l}.self_attn.o_proj.weight", 0 },
    { ROLE_Q_BIAS, "model.layers.{l}.self_attn.q_proj.bias", 0 },
    { ROLE_K_BIAS, "model.layers.{l}.self_attn.k_proj.bias", 0 },
    { ROLE_V_BIAS, "model.layers.{l}.self_attn.v_proj.bias", 0 },
    { ROLE_O_BIAS, "model.layers.{l}.self_attn.o_proj.bias", 0 },
    { ROLE_SINKS, "model.layers.{l}.self_attn.sinks", 0 },
    { ROLE_Q_NORM, "model.layers.{l}.self_attn.q_norm.weight", 0 },
    { ROLE_K_NORM, "model.layers.{l}.self_attn.k_norm.weight", 0 },
    { ROLE_Q_A, "model.layers.{l}.self_attn.q_a_proj.weight", 0 },
    { ROLE_Q_A_NORM, "model.layers.{l}.self_attn.q_a_layernorm.weight", 0 },
    { ROLE_Q_B, "model.layers.{l}.self_attn.q_b_proj.weight", 0 },
    { ROLE_KV_A, "model.layers.{l}.self_attn.kv_a_proj_with_mqa.weight", 0 },
    { ROLE_KV_A_NORM, "model.layers.{l}.self_attn.kv_a_layernorm.weight", 0 },
    { ROLE_KV_B, "model.layers.{l}.self_attn.kv_b_proj.weight", 0 },
    { ROLE_Q_A_BIAS, "model.layers.{l}.self_attn.q_a_proj.bias", 0 },
    { ROLE_KV_A_BIAS, "model.layers.{l}.self_attn.kv_a_proj_with_mqa.bias", 0 },
    { ROLE_FFN_NORM, "model.layers.{l}.post_attention_layernorm.weight", 0 },
    { ROLE_GATE, "model.layers.{l}.mlp.gate_proj.weight", 0 },
    { ROLE_UP, "model.layers.{l}.mlp.up_proj.weight", 0 },
    { ROLE_DOWN, "model.layers.{l}.mlp.down_proj.weight", 0 },
    { ROLE_GATE_BIAS, "model.layers.{l}.mlp.gate_proj.bias", 0 },
    { ROLE_UP_BIAS, "model.layers.{l}.mlp.up_proj.bias", 0 },
    { ROLE_DOWN_BIAS, "model.layers.{l}.mlp.down_proj.bias", 0 },
    { ROLE_ROUTER, "model.layers.{l}.mlp.gate.weight", 0 },
    { ROLE_ROUTER_BIAS, "model.layers.{l}.mlp.gate.bias", 0 },
    { ROLE_ROUTER_CORRECTION, "model.layers.{l}.mlp.gate.e_score_correction_bias", 0 },
    { ROLE_ROUTER_NOISE, "model.layers.{l}.mlp.noise.weight", 0 },
    { ROLE_EXPERT_GATE, "model.layers.{l}.mlp.experts.{e}.gate_proj.weight", 0 },
    { ROLE_EXPERT_UP, "model.layers.{l}.mlp.experts.{e}.up_proj.weight", 0 },
    { ROLE_EXPERT_DOWN, "model.layers.{l}.mlp.experts.{e}.down_proj.weight", 0 },
    { ROLE_EXPERT_GATE, "model.layers.{l}.mlp.experts.gate_up_proj", TENSOR_EXPERTS | TENSOR_FIRST },
    { ROLE_EXPERT_UP, "model.layers.{l}.mlp.experts.gate_up_proj", TENSOR_EXPERTS | TENSOR_SECOND },
    { ROLE_EXPERT_DOWN, "model.layers.{l}.mlp.experts.down_proj", TENSOR_EXPERTS },
    { ROLE_EXPERT_GATE_BIAS, "model.layers.{l}.mlp.experts.{e}.gate_proj.bias", 0 },
    { ROLE_EXPERT_UP_BIAS, "model.layers.{l}.mlp.experts.{e}.up_proj.bias", 0 },
    { ROLE_EXPERT_DOWN_BIAS, "model.layers.{l}.mlp.experts.{e}.down_proj.bias", 0 },
    { ROLE_SHARED_GATE, "model.layers.{l}.mlp.shared_experts.gate_proj.weight", 0 },
    { ROLE_SHARED_UP, "model.layers.{l}.mlp.shared_experts.up_proj.weight", 0 },
    { ROLE_SHARED_DOWN, "model.layers.{l}.mlp.shared_experts.down_proj.weight", 0 },
    { ROLE_SHARED_SIGMOID, "model.layers.{l}.mlp.shared_expert_gate.weight", 0 },
    { 0 },
};

static const tensor_name gguf_names[] = {
    { ROLE_EMBED, "token_embd.weight", 0 },
    { ROLE_OUT_NORM, "output_norm.weight", 0 },
    { ROLE_HEAD, "output.weight", 0 },
    { ROLE_ATTN_NORM, "blk.{l}.attn_norm.weight", 0 },
    { ROLE_Q, "blk.{l}.attn_q.weight", 0 },
    { ROLE_K, "blk.{l}.attn_k.weight", 0 },
    { ROLE_V, "blk.{l}.attn_v.weight", 0 },
    { ROLE_Q, "blk.{l}.attn_qkv.weight", TENSOR_QKV },
    { ROLE_K, "blk.{l}.attn_qkv.weight", TENSOR_QKV },
    { ROLE_V, "blk.{l}.attn_qkv.weight", TENSOR_QKV },
    { ROLE_O, "blk.{l}.attn_output.weight", 0 },
    { ROLE_Q_BIAS, "blk.{l}.attn_q.bias", 0 },
    { ROLE_K_BIAS, "blk.{l}.attn_k.bias", 0 },
    { ROLE_V_BIAS, "blk.{l}.attn_v.bias", 0 },
    { ROLE_Q_BIAS, "blk.{l}.attn_qkv.bias", TENSOR_QKV },
    { ROLE_K_BIAS, "blk.{l}.attn_qkv.bias", TENSOR_QKV },
    { ROLE_V_BIAS, "blk.{l}.attn_qkv.bias", TENSOR_QKV },
    { ROLE_O_BIAS, "blk.{l}.attn_output.bias", 0 },
    { ROLE_SINKS, "blk.{l}.attn_sinks.weight", 0 },
    { ROLE_Q_NORM, "blk.{l}.attn_q_norm.weight", 0 },
    { ROLE_K_NORM, "blk.{l}.attn_k_norm.weight", 0 },
    { ROLE_Q_A, "blk.{l}.attn_q_a.weight", 0 },
    { ROLE_Q_A_NORM, "blk.{l}.attn_q_a_norm.weight", 0 },
    { ROLE_Q_B, "blk.{l}.attn_q_b.weight", 0 },
    { ROLE_KV_A, "blk.{l}.attn_kv_a_mqa.weight", 0 },
    { ROLE_KV_A_NORM, "blk.{l}.attn_kv_a_norm.weight", 0 },
    { ROLE_KV_B, "blk.{l}.attn_kv_b.weight", 0 },
    { ROLE_K_B, "blk.{l}.attn_k_b.weight", TENSOR_HEADS },
    { ROLE_V_B, "blk.{l}.attn_v_b.weight", TENSOR_HEADS },
    { ROLE_Q_A_BIAS, "blk.{l}.attn_q_a.bias", 0 },
    { ROLE_KV_A_BIAS, "blk.{l}.attn_kv_a_mqa.bias", 0 },
    { ROLE_FFN_NORM, "blk.{l}.ffn_norm.weight", 0 },
    { ROLE_GATE, "blk.{l}.ffn_gate.weight", 0 },
    { ROLE_UP, "blk.{l}.ffn_up.weight", 0 },
    { ROLE_DOWN, "blk.{l}.ffn_down.weight", 0 },
    { ROLE_GATE_BIAS, "blk.{l}.ffn_gate.bias", 0 },
    { ROLE_UP_BIAS, "blk.{l}.ffn_up.bias", 0 },
    { ROLE_DOWN_BIAS, "blk.{l}.ffn_down.bias", 0 },
    { ROLE_ROUTER, "blk.{l}.ffn_gate_inp.weight", 0 },
    { ROLE_ROUTER_BIAS, "blk.{l}.ffn_gate_inp.bias", 0 },
    { ROLE_ROUTER_CORRECTION, "blk.{l}.exp_probs_b.bias", 0 },
    { ROLE_ROUTER_NOISE, "blk.{l}.ffn_noise_inp.weight", 0 },
    { ROLE_EXPERT_GATE, "blk.{l}.ffn_gate_exps.weight", TENSOR_EXPERTS },
    { ROLE_EXPERT_UP, "blk.{l}.ffn_up_exps.weight", TENSOR_EXPERTS },
    { ROLE_EXPERT_DOWN, "blk.{l}.ffn_down_exps.weight", TENSOR_EXPERTS },
    { ROLE_EXPERT_GATE, "blk.{l}.ffn_gate_up_exps.weight", TENSOR_EXPERTS | TENSOR_FIRST },
    { ROLE_EXPERT_UP, "blk.{l}.ffn_gate_up_exps.weight", TENSOR_EXPERTS | TENSOR_SECOND },
    { ROLE_EXPERT_GATE, "blk.{l}.ffn_gate.{e}.weight", 0 },
    { ROLE_EXPERT_UP, "blk.{l}.ffn_up.{e}.weight", 0 },
    { ROLE_EXPERT_DOWN, "blk.{l}.ffn_down.{e}.weight", 0 },
    { ROLE_EXPERT_GATE_BIAS, "blk.{l}.ffn_gate_exps.bias", TENSOR_EXPERTS },
    { ROLE_EXPERT_UP_BIAS, "blk.{l}.ffn_up_exps.bias", TENSOR_EXPERTS },
    { ROLE_EXPERT_DOWN_BIAS, "blk.{l}.ffn_down_exps.bias", TENSOR_EXPERTS },
    { ROLE_EXPERT_GATE_BIAS, "blk.{l}.ffn_gate_up_exps.bias", TENSOR_EXPERTS | TENSOR_FIRST },
    { ROLE_EXPERT_UP_BIAS, "blk.{l}.ffn_gate_up_exps.bias", TENSOR_EXPERTS | TENSOR_SECOND },
    { ROLE_SHARED_GATE, "blk.{l}.ffn_gate_shexp.weight", 0 },
    { ROLE_SHARED_UP, "blk.{l}.ffn_up_shexp.weight", 0 },
    { ROLE_SHARED_DOWN, "blk.{l}.ffn_down_shexp.weight", 0 },
    { ROLE_SHARED_SIGMOID, "blk.{l}.ffn_gate_inp_shexp.weight", 0 },
    { 0 },
};

const tensor_name tensor_names_paired[] = {
    { ROLE_Q, "blk.{l}.attn_q.weight", TENSOR_PAIRED },
    { ROLE_K, "blk.{l}.attn_k.weight", TENSOR_PAIRED },
    { ROLE_Q_BIAS, "blk.{l}.attn_q.bias", TENSOR_PAIRED },
    { ROLE_K_BIAS, "blk.{l}.attn_k.bias", TENSOR_PAIRED },
    { ROLE_Q, "blk.{l}.attn_qkv.weight", TENSOR_PAIRED | TENSOR_QKV },
    { ROLE_K, "blk.{l}.attn_qkv.weight", TENSOR_PAIRED | TENSOR_QKV },
    { ROLE_Q_BIAS, "blk.{l}.attn_qkv.bias", TENSOR_PAIRED | TENSOR_QKV },
    { ROLE_K_BIAS, "blk.{l}.attn_qkv.bias", TENSOR_PAIRED | TENSOR_QKV },
    { 0 },
};

/* The i-th row for a role; what is left of i after this list. */
static const tensor_name *row_in(const tensor_name *names, param_role role, int *i)
{
    for (; names && names->pattern; names++)
        if (names->role == role && (*i)-- == 0) return names;
    return NULL;
}

const tensor_name *tensor_name_of(const architecture *arch, tensor_naming naming, param_role role, int i)
{
    bool of_gguf = naming == NAMES_OF_GGUF;
    const tensor_name *own = row_in(of_gguf ? arch->gguf_tensors : arch->tensors, role, &i);
    return own ? own : row_in(of_gguf ? gguf_names : folder_names, role, &i);
}

static char *put_number(char *at, int64_t number)
{
    char digits[24];
    int count = 0;
    do digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0) *at++ = digits[--count];
    return at;
}

void tensor_name_text(const tensor_name *name, const param *p, char text[TENSOR_NAME])
{
    char *at = text;
    for (const char *from = name->pattern; *from; from++) {
        bool layer = !strncmp(from, "{l}", 3), expert = !strncmp(from, "{e}", 3);
        if (layer || expert) {
            at = put_number(at, layer ? p->layer : p->expert);
            from += 2;
        } else {
            *at++ = *from;
        }
    }
    *at = '\0';
}

char *tensor_name_alone(const architecture *arch, const param *p)
{
    const tensor_name *name;
    for (int i = 0; (name = tensor_name_of(arch, NAMES_OF_FOLDER, p->role, i)) && name->form; i++) continue;
    char text[TENSOR_NAME];
    tensor_name_text(name, p, text);
    return mem_strdup(text);
}

/* ---- forms ---- */

/* Rows (of a vector: numbers) of the tensor that the parameter is a part of. */
static int64_t rows_together(unsigned form, const model_config *c, int64_t rows)
{
    if (form & TENSOR_QKV) return (c->heads + 2 * c->kv_heads) * c->head_dim;
    if (form & TENSOR_HEADS) return rows / c->heads;
    return form & TENSOR_HALF ? 2 * rows : rows;
}

int tensor_name_shape(const tensor_name *name, const model_config *c, const param *p, int64_t shape[3])
{
    int rank = 0;
    if (name->form & TENSOR_EXPERTS) shape[rank++] = c->layer[p->layer].experts;
    if (param_is_vector(p)) {
        shape[rank++] = rows_together(name->form, c, p->cols);
        return rank;
    }
    if (name->form & TENSOR_HEADS) shape[rank++] = c->heads;
    int64_t rows = rows_together(name->form, c, p->rows);
    bool transposed = name->form & TENSOR_TRANSPOSED;
    shape[rank++] = transposed ? p->cols : rows;
    shape[rank++] = transposed ? rows : p->cols;
    return rank;
}

static tensor_place place_of_half(unsigned form, int64_t out, int64_t step)
{
    if (form & TENSOR_SECOND) return (tensor_place){ .offset = out * step, .row = step };
    if (form & TENSOR_EVEN) return (tensor_place){ .row = 2 * step };
    if (form & TENSOR_ODD) return (tensor_place){ .offset = step, .row = 2 * step };
    return (tensor_place){ .row = step };
}

/* Where queries, keys or values begin in a tensor of all three. */
static int64_t first_row(const model_config *c, param_role role)
{
    if (role == ROLE_Q || role == ROLE_Q_BIAS) return 0;
    return (role == ROLE_K || role == ROLE_K_BIAS ? c->heads : c->heads + c->kv_heads) * c->head_dim;
}

tensor_place tensor_name_place(const tensor_name *name, const model_config *c, const param *p)
{
    int64_t twice = name->form & TENSOR_HALF ? 2 : 1;
    tensor_place place;
    if (param_is_vector(p)) {
        place = place_of_half(name->form, p->cols, 1);
        place.col = place.row;
    } else if (name->form & TENSOR_TRANSPOSED) {
        place = place_of_half(name->form, p->rows, 1);
        place.col = twice * p->rows;
    } else {
        place = place_of_half(name->form, p->rows, p->cols);
        place.col = 1;
    }
    if (name->form & TENSOR_EXPERTS) place.offset += p->expert * twice * p->rows * p->cols;
    if (name->form & TENSOR_QKV) place.offset = first_row(c, p->role) * place.row;
    if (name->form & TENSOR_PAIRED) place.paired = c->head_dim;
    return place;
}

int64_t tensor_place_row(const tensor_place *place, int64_t row)
{
    int64_t d = place->paired, in_head = d ? row % d : 0;
    return d ? row - in_head + 2 * (in_head % (d / 2)) + in_head / (d / 2) : row;
}

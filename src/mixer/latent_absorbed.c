/* latent_absorbed.c - latent attention in inference (DeepSeek-V2, 2024): keys and values stay
 * compressed, and what would expand them is applied to the queries and to the result instead:
 *
 *     q_h . k_h = q_nope_h . (Kb_h c) + q_rope_h . k_rope = (q_nope_h Kb_h) . c + q_rope_h . k_rope
 *         c: the normed latent
 *     out_h     = Vb_h (sum of p c)
 *
 * So one key of [latent | rope] serves all heads, and its first part is the value. Kb_h and Vb_h
 * are read where they lie: in kv_b, head after head [nope | value], or in two matrices, with Kb_h
 * transposed, as in GGUF. */
#include <string.h>

#include "mixer/latent_parts.h"
#include "mixer/mixer_ops.h"
#include "op/parallel.h"

typedef struct copy_task {
    const mixer_config *c;
    const real *from; /* [T, heads * (nope + rope)] */
    real *to;         /* [T, heads * (latent + rope)] */
} copy_task;

static void copy_rope_parts(void *arg, int64_t begin, int64_t end)
{
    const copy_task *k = arg;
    const mixer_config *c = k->c;
    for (int64_t i = begin * c->heads; i < end * c->heads; i++)
        memcpy(k->to + i * (c->kv_lora + c->rope_dim) + c->kv_lora,
            k->from + i * c->head_dim + c->nope_dim, (size_t)c->rope_dim * sizeof(real));
}

/* q [T, heads * (latent + rope)] = [q_nope Kb | q_rope] of each head */
static void absorb_queries(const mixer_call *call, const latent_mixer *m)
{
    const mixer_config *c = call->config;
    const weight *kb = &call->weights->part[c->split_kv_b ? MIXER_K_B : MIXER_KV_B];
    int64_t tokens = call->batch->tokens, row = c->kv_lora + c->rope_dim,
            step = c->split_kv_b ? c->kv_lora : c->nope_dim + c->value_dim;
    for (int64_t h = 0; h < c->heads; h++)
        m->groups[h] = (gemm_group){ .m = tokens,
            .n = c->kv_lora,
            .k = c->nope_dim,
            .a = m->q_expanded + h * c->head_dim,
            .a_stride = c->heads * c->head_dim,
            .b = matrix_from_row(weight_matrix(kb, 0), h * step),
            .c = m->a.q + h * row,
            .c_stride = c->heads * row };
    gemm_grouped(call->compute, c->split_kv_b ? GEMM_NT : GEMM_NN, m->groups, c->heads, false);
    copy_task k = { c, m->q_expanded, m->a.q };
    parallel_over(call->compute, tokens, 1, tokens * c->heads * c->rope_dim, copy_rope_parts, &k);
}

/* q_low and [latent | rotary key], which all heads read. Ranks that have some of the heads compute
 * some of the columns. */
static void project_low(const mixer_call *call, const latent_mixer *m, const real *x)
{
    const mixer_config *c = call->config;
    int64_t tokens = call->batch->tokens, row = c->kv_lora + c->rope_dim;
    linear a = mixer_linear(call->weights, NULL, MIXER_KV_A, MIXER_KV_A_BIAS);
    latent_queries_low(call, m, x);
    linear_forward(call->compute, &a, tokens, rows_from(x, c->width),
        rows_to(m->a.k + gather_first(call->tensor, row, row), row));
    const gathered low[] = { { row, row, m->a.k }, { c->q_lora, c->q_lora, m->q_low } };
    gather_together(call->tensor, tokens, low, c->q_lora ? 2 : 1);
}

/* keys [T, latent + rope] = [norm(latent) | rotary key, rotated] */
static void make_keys(const mixer_call *call, const latent_mixer *m)
{
    const mixer_config *c = call->config;
    const token_batch *b = call->batch;
    int64_t row = c->kv_lora + c->rope_dim;
    real *keys = m->a.k;
    norm n = mixer_norm(call->weights, NULL, MIXER_KV_A_NORM, 1, c->latent_norm_eps);
    norm_forward(
        call->compute, &n, b->tokens, rows_from(keys, row), rows_to(keys, row), m->kv_low_inverse);
    rope_forward(call->compute, call->positions.rope, b->tokens, 1, b->positions,
        rows_to(keys + c->kv_lora, row), c->rope_dim);
}

/* out_heads [T, heads * value] = Vb of each head's sum of latents */
static void expand_values(const mixer_call *call, const latent_mixer *m)
{
    const mixer_config *c = call->config;
    const weight *vb = &call->weights->part[c->split_kv_b ? MIXER_V_B : MIXER_KV_B];
    int64_t step = c->split_kv_b ? c->value_dim : c->nope_dim + c->value_dim,
            skip = c->split_kv_b ? 0 : c->nope_dim, row = mixer_all_heads(c) * c->value_dim,
            first = gather_first(call->tensor, row, mixer_all_kv_heads(c));
    for (int64_t h = 0; h < c->heads; h++)
        m->groups[h] = (gemm_group){ .m = call->batch->tokens,
            .n = c->value_dim,
            .k = c->kv_lora,
            .a = m->a.out + h * c->kv_lora,
            .a_stride = c->heads * c->kv_lora,
            .b = matrix_from_row(weight_matrix(vb, 0), h * step + skip),
            .c = m->out_heads + first + h * c->value_dim,
            .c_stride = row };
    gemm_grouped(call->compute, GEMM_NT, m->groups, c->heads, false);
}

/* The gate multiplies the heads' values where they lie. */
static void gate_values(const mixer_call *call, const latent_mixer *m)
{
    const mixer_config *c = call->config;
    int64_t row = mixer_all_heads(c) * c->value_dim;
    attending values = m->a;
    output_gate gate = m->gate;
    values.out = gate.gated = m->out_heads;
    values.out_first = gather_first(call->tensor, row, mixer_all_kv_heads(c));
    output_gate_forward(call, &gate, &values);
}

void latent_absorbed_forward(const mixer_call *call, const latent_mixer *m, const real *x, real *y)
{
    project_low(call, m, x);
    latent_queries_forward(call, m, x, m->q_expanded);
    absorb_queries(call, m);
    make_keys(call, m);
    output_gate_project(call, &m->gate, x);
    attending_forward(&m->a, call);
    expand_values(call, m);
    gate_values(call, m);
    attending_project(call, m->out_heads, y);
}

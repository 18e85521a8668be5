/* attention_absorbed.c - latent attention as inference has it (DeepSeek-V2, 2024): keys and values
 * stay compressed, and what would expand them is applied to the queries and to the result instead:
 *
 *     q_h . k_h = q_nope_h . (Kb_h c) + q_rope_h . k_rope = (q_nope_h Kb_h) . c + q_rope_h . k_rope
 *         c: the normed latent
 *     out_h     = Vb_h (sum of p c)
 *
 * So one key of [latent | rope] serves all heads, and its first part is the value. Kb_h and Vb_h
 * are read where they lie: in kv_b, head after head [nope | value], or in two matrices, Kb_h
 * transposed, as GGUF has them. */
#include "model/attention_layer.h"

#include <string.h>

#include "op/parallel.h"

typedef struct copy_task {
    const model_config *c;
    const real *from; /* [T, heads * (nope + rope)] */
    real *to;         /* [T, heads * (latent + rope)] */
} copy_task;

static void copy_rope_parts(void *arg, int64_t begin, int64_t end)
{
    const copy_task *k = arg;
    const model_config *c = k->c;
    for (int64_t i = begin * c->heads; i < end * c->heads; i++)
        memcpy(k->to + i * (c->kv_lora + c->rope_dim) + c->kv_lora,
            k->from + i * c->head_dim + c->nope_dim, (size_t)c->rope_dim * sizeof(real));
}

/* q [T, heads * (latent + rope)] = [q_nope Kb | q_rope] of each head */
static void absorb_queries(
    const attention_env *e, const layer_weights *w, int64_t tokens, const real *expanded, real *q)
{
    const model_config *c = e->config;
    const weight *kb = &w->role[c->split_kv_b ? ROLE_K_B : ROLE_KV_B];
    int64_t row = c->kv_lora + c->rope_dim,
            step = c->split_kv_b ? c->kv_lora : c->nope_dim + c->value_dim;
    for (int64_t h = 0; h < c->heads; h++)
        e->groups[h] = (gemm_group){ .m = tokens,
            .n = c->kv_lora,
            .k = c->nope_dim,
            .a = expanded + h * c->head_dim,
            .a_stride = c->heads * c->head_dim,
            .b = matrix_from_row(weight_matrix(kb, 0), h * step),
            .c = q + h * row,
            .c_stride = c->heads * row };
    gemm_grouped(e->compute, c->split_kv_b ? GEMM_NT : GEMM_NN, e->groups, c->heads, false);
    copy_task k = { c, expanded, q };
    parallel_over(e->compute, tokens, 1, tokens * c->heads * c->rope_dim, copy_rope_parts, &k);
}

static void project(const attention_env *e, const layer_weights *w, const token_batch *b,
    const real *x, attention_state *s)
{
    const model_config *c = e->config;
    int64_t row = c->kv_lora + c->rope_dim;
    linear a = linear_with_bias(w, NULL, ROLE_KV_A, ROLE_KV_A_BIAS);
    norm n = norm_of(w, NULL, ROLE_KV_A_NORM, 1, c->latent_norm_eps);
    attention_latent_queries(e, w, b, x, s, s->q_raw);
    absorb_queries(e, w, b->tokens, s->q_raw, s->q);
    linear_forward(e->compute, &a, b->tokens, rows_from(x, c->width), rows_to(s->k, row));
    norm_forward(
        e->compute, &n, b->tokens, rows_from(s->k, row), rows_to(s->k, row), s->kv_low_inverse);
    rope_forward(e->compute, e->rope, b->tokens, 1, b->positions, rows_to(s->k + c->kv_lora, row),
        c->rope_dim);
}

/* out_heads [T, heads * value] = Vb of each head's sum of latents */
static void finish(
    const attention_env *e, const layer_weights *w, const token_batch *b, attention_state *s)
{
    const model_config *c = e->config;
    const weight *vb = &w->role[c->split_kv_b ? ROLE_V_B : ROLE_KV_B];
    int64_t step = c->split_kv_b ? c->value_dim : c->nope_dim + c->value_dim,
            skip = c->split_kv_b ? 0 : c->nope_dim;
    for (int64_t h = 0; h < c->heads; h++)
        e->groups[h] = (gemm_group){ .m = b->tokens,
            .n = c->value_dim,
            .k = c->kv_lora,
            .a = s->out + h * c->kv_lora,
            .a_stride = c->heads * c->kv_lora,
            .b = matrix_from_row(weight_matrix(vb, 0), h * step + skip),
            .c = s->out_heads + h * c->value_dim,
            .c_stride = c->heads * c->value_dim };
    gemm_grouped(e->compute, GEMM_NT, e->groups, c->heads, false);
}

const attention_parts attention_absorbed = { .project = project, .finish = finish };

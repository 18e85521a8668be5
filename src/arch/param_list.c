/* param_list.c - THE LIST of parameters: what each role is, when a model has it, which shape it
 * has, and what files call it. */
#include "arch/param_list.h"

/* ---- shapes; rows 0: the model, or the layer, has no such parameter ---- */

static param_shape matrix_of(int64_t rows, int64_t cols) { return (param_shape){ rows, cols }; }
static param_shape matrix_if(bool there, int64_t rows, int64_t cols)
{
    return matrix_of(there ? rows : 0, cols);
}
static param_shape vector_of(int64_t n) { return matrix_of(1, n); }
static param_shape vector_if(bool there, int64_t n) { return matrix_of(there, n); }

#define SHAPE(name) static param_shape shape_##name(const model_config *c, const layer_config *l)
#define ALWAYS(name, ...)                                                                          \
    SHAPE(name)                                                                                    \
    {                                                                                              \
        (void)l;                                                                                   \
        return __VA_ARGS__;                                                                        \
    }

#define LAYERS_OWN(name, ...)                                                                      \
    SHAPE(name)                                                                                    \
    {                                                                                              \
        (void)c;                                                                                   \
        return __VA_ARGS__;                                                                        \
    }

ALWAYS(embed, matrix_of(c->vocab, c->width))
ALWAYS(head, matrix_if(!c->tie, c->vocab, c->width))
ALWAYS(relative, matrix_if(c->relative_buckets > 0, c->relative_buckets, c->heads))
ALWAYS(image_codes,
    vector_if(c->images.side > 0, (int64_t)3 * c->images.codes * c->images.patch * c->images.patch))
ALWAYS(width, vector_of(c->width))
LAYERS_OWN(mixer_norm, vector_if(layer_mixes(l), l->mixer.width))
LAYERS_OWN(ffn_norm, vector_if(layer_feeds_forward(l), l->mixer.width))
ALWAYS(post_norm, vector_if(c->post_norms, c->width))
ALWAYS(layer_scale, vector_if(c->layer_scale, 1))
LAYERS_OWN(beside_norm, vector_if(l->beside, l->mixer.width))
LAYERS_OWN(expert_scale, vector_if(l->beside, l->moe.experts))

/* Token mixers. Latent attention has queries directly from the input (Q) or by way of q_lora (Q_A,
 * Q_B). */
static bool grouped(const layer_config *l) { return l->mixer.row == &mixer_grouped; }
static bool latent(const layer_config *l) { return l->mixer.row == &mixer_latent; }
static bool attends(const layer_config *l) { return grouped(l) || latent(l); }
static bool low_rank_queries(const layer_config *l) { return latent(l) && l->mixer.q_lora; }
static bool normed(const layer_config *l) { return grouped(l) && l->mixer.qk_norm != QK_NORM_NONE; }
static int64_t query_row(const layer_config *l) { return l->mixer.heads * l->mixer.head_dim; }
static int64_t kv_row(const layer_config *l) { return l->mixer.kv_heads * l->mixer.head_dim; }
static int64_t out_row(const layer_config *l) { return l->mixer.heads * l->mixer.value_dim; }
static int64_t low_row(const layer_config *l) { return l->mixer.kv_lora + l->mixer.rope_dim; }
static int64_t normed_row(const layer_config *l, int64_t row)
{
    return l->mixer.qk_norm == QK_NORM_HEAD ? l->mixer.head_dim : row;
}

/* Where queries and gates of the output are one matrix, its rows are twice as many. */
static int64_t q_rows(const layer_config *l)
{
    return l->mixer.gating == GATE_IN_QUERIES ? 2 * query_row(l) : query_row(l);
}
static int64_t gate_rows(const layer_config *l)
{
    output_gating gating = l->mixer.gating;
    return gating == GATE_ELEMENTS ? out_row(l) : gating == GATE_HEADS ? l->mixer.heads : 0;
}

/* Kimi delta attention has queries, keys and values as attention does. */
static bool by_kda(const layer_config *l) { return l->mixer.row == &mixer_kda; }
static bool by_delta(const layer_config *l) { return l->mixer.key_heads > 0; }
static int64_t delta_keys(const layer_config *l) { return l->mixer.key_heads * l->mixer.head_dim; }
static int64_t delta_low(const layer_config *l) { return by_delta(l) ? l->mixer.low_rank : 0; }
static int64_t delta_decays(const layer_config *l)
{
    return l->mixer.heads * (by_kda(l) ? l->mixer.head_dim : 1);
}
/* What a projection that may go by way of a small width reads */
static int64_t delta_side(const layer_config *l)
{
    return delta_low(l) ? delta_low(l) : l->mixer.width;
}

SHAPE(q)
{
    if (by_kda(l)) return matrix_of(delta_keys(l), c->width);
    return matrix_if(attends(l) && !low_rank_queries(l), q_rows(l), c->width);
}
SHAPE(attn_gate) { return matrix_if(attends(l), gate_rows(l), c->width); }
SHAPE(k)
{
    if (by_kda(l)) return matrix_of(delta_keys(l), c->width);
    return matrix_if(grouped(l), kv_row(l), c->width);
}
SHAPE(v)
{
    if (by_kda(l)) return matrix_of(out_row(l), c->width);
    return matrix_if(grouped(l) && l->mixer.values != VALUES_OF_KEYS, kv_row(l), c->width);
}
SHAPE(o) { return matrix_if(attends(l), c->width, out_row(l)); }
SHAPE(q_bias) { return vector_if(grouped(l) && c->qkv_bias, q_rows(l)); }
SHAPE(kv_bias) { return vector_if(grouped(l) && c->qkv_bias, kv_row(l)); }
SHAPE(o_bias) { return vector_if(attends(l) && c->out_bias, c->width); }
SHAPE(sinks) { return vector_if(grouped(l) && c->sinks, l->mixer.heads); }
LAYERS_OWN(q_norm, vector_if(normed(l), normed_row(l, query_row(l))))
LAYERS_OWN(k_norm, vector_if(normed(l), normed_row(l, kv_row(l))))
SHAPE(q_a) { return matrix_if(low_rank_queries(l), l->mixer.q_lora, c->width); }
LAYERS_OWN(q_a_norm, vector_if(low_rank_queries(l), l->mixer.q_lora))
SHAPE(q_a_bias) { return vector_if(low_rank_queries(l) && c->qkv_bias, l->mixer.q_lora); }
LAYERS_OWN(q_b, matrix_if(low_rank_queries(l), query_row(l), l->mixer.q_lora))
SHAPE(kv_a) { return matrix_if(latent(l), low_row(l), c->width); }
LAYERS_OWN(kv_a_norm, vector_if(latent(l), l->mixer.kv_lora))
SHAPE(kv_a_bias) { return vector_if(latent(l) && c->qkv_bias, low_row(l)); }
SHAPE(kv_b)
{
    const mixer_config *m = &l->mixer;
    return matrix_if(
        latent(l) && !c->split_kv_b, (m->nope_dim + m->value_dim) * m->heads, m->kv_lora);
}
SHAPE(k_b)
{
    const mixer_config *m = &l->mixer;
    return matrix_if(latent(l) && c->split_kv_b, m->heads * m->kv_lora, m->nope_dim);
}
SHAPE(v_b)
{
    const mixer_config *m = &l->mixer;
    return matrix_if(latent(l) && c->split_kv_b, m->heads * m->value_dim, m->kv_lora);
}
static int64_t lstm_row(const layer_config *l)
{
    return l->mixer.row == &mixer_lstm ? 4 * l->mixer.width : 0;
}
LAYERS_OWN(lstm, matrix_of(lstm_row(l), l->mixer.width))
LAYERS_OWN(lstm_bias, vector_if(lstm_row(l) > 0, lstm_row(l)))
static bool convolves(const layer_config *l) { return l->mixer.row == &mixer_short_conv; }
LAYERS_OWN(conv_in, matrix_if(convolves(l), 3 * l->mixer.width, l->mixer.width))
static bool has_state(const layer_config *l) { return l->mixer.row == &mixer_mamba2; }
static int64_t state_inner(const layer_config *l)
{
    return l->mixer.state_heads * l->mixer.state_head_dim;
}
/* The channels of a convolution over time; 0: there is none */
static int64_t conv_channels(const layer_config *l)
{
    if (has_state(l)) return state_inner(l) + 2 * l->mixer.state_groups * l->mixer.state_dim;
    if (l->mixer.row == &mixer_gated_delta) return 2 * delta_keys(l) + out_row(l);
    return convolves(l) ? l->mixer.width : 0;
}
LAYERS_OWN(conv, vector_if(conv_channels(l) > 0, conv_channels(l) * l->mixer.conv))
SHAPE(conv_bias) { return vector_if(has_state(l) && c->conv_bias, conv_channels(l)); }
LAYERS_OWN(state_in, matrix_if(has_state(l),
                         state_inner(l) + conv_channels(l) + l->mixer.state_heads, l->mixer.width))
LAYERS_OWN(state_head, vector_if(has_state(l), l->mixer.state_heads))
LAYERS_OWN(a_log, by_delta(l) ? vector_of(l->mixer.heads) : shape_state_head(c, l))
LAYERS_OWN(dt_bias, by_delta(l) ? vector_of(delta_decays(l)) : shape_state_head(c, l))
LAYERS_OWN(state_norm,
    by_delta(l) ? vector_of(l->mixer.value_dim) : vector_if(has_state(l), state_inner(l)))
LAYERS_OWN(state_out, matrix_if(by_delta(l) || has_state(l), l->mixer.width,
                          by_delta(l) ? out_row(l) : state_inner(l)))
LAYERS_OWN(
    delta_in, matrix_if(by_delta(l) && !by_kda(l), 2 * delta_keys(l) + out_row(l), l->mixer.width))
LAYERS_OWN(delta_low, matrix_if(delta_low(l) > 0, delta_low(l), l->mixer.width))
LAYERS_OWN(delta_gate, matrix_if(by_delta(l), out_row(l), delta_side(l)))
LAYERS_OWN(delta_beta, matrix_if(by_delta(l), l->mixer.heads, l->mixer.width))
LAYERS_OWN(delta_decay, matrix_if(by_delta(l), delta_decays(l), delta_side(l)))
LAYERS_OWN(conv_key, vector_if(by_kda(l), delta_keys(l) * l->mixer.conv))
LAYERS_OWN(conv_value, vector_if(by_kda(l), out_row(l) * l->mixer.conv))
LAYERS_OWN(conv_out, matrix_if(convolves(l), l->mixer.width, l->mixer.width))
SHAPE(cross_norm) { return vector_if(l->cross.row != NULL, c->width); }
SHAPE(cross_in)
{
    return matrix_if(l->cross.row != NULL, l->cross.heads * l->cross.head_dim, c->width);
}
SHAPE(cross_out)
{
    return matrix_if(l->cross.row != NULL, c->width, l->cross.heads * l->cross.value_dim);
}

/* A feed-forward of hidden width h: gate (or the only input matrix), up if the form has two inputs,
 * and down. */
static bool has_up(const model_config *c, const layer_config *l)
{
    return model_config_inputs(c, l) == 2;
}

static bool dense(const layer_config *l) { return (!l->sparse || l->beside) && l->dense_width > 0; }

SHAPE(gate) { return matrix_if(dense(l), l->dense_width, c->width); }
SHAPE(up) { return matrix_if(dense(l) && has_up(c, l), l->dense_width, c->width); }
SHAPE(down) { return matrix_if(dense(l), c->width, l->dense_width); }
SHAPE(gate_bias) { return vector_if(dense(l) && c->ffn_bias, l->dense_width); }
SHAPE(up_bias) { return vector_if(dense(l) && c->ffn_bias && has_up(c, l), l->dense_width); }
SHAPE(down_bias) { return vector_if(dense(l) && c->ffn_bias, c->width); }

/* Sparse layers */
static bool routed_with(const model_config *c, const layer_config *l, uint32_t trait)
{
    (void)c;
    return l->sparse && (l->moe.router->traits & trait);
}
static bool shared(const model_config *c, const layer_config *l)
{
    (void)c;
    return l->sparse && l->moe.shared > 0;
}
static bool residual(const layer_config *l) { return l->sparse && l->moe.residual > 0; }
static bool in_latent(const layer_config *l) { return l->sparse && l->moe.latent > 0; }

static int64_t router_rows(const layer_config *l)
{
    return l->sparse ? router_matrix_rows(l->moe.router, &l->moe.route, l->moe.experts) : 0;
}
SHAPE(router) { return matrix_if(router_rows(l) > 0, router_rows(l), c->width); }
SHAPE(router_bias) { return vector_if(c->router_bias && router_rows(l) > 0, router_rows(l)); }
static param_shape shape_own(const layer_config *l, int i)
{
    router_parameter own[ROUTER_OWN_PARAMETERS];
    const moe_config *m = &l->moe;
    int count = l->sparse ? router_parameters(m->router, &m->route, m->width, m->experts, own) : 0;
    return i < count ? vector_if(true, router_parameter_count(&own[i])) : (param_shape){ 0 };
}
LAYERS_OWN(router_own_0, shape_own(l, 0))
LAYERS_OWN(router_own_1, shape_own(l, 1))
LAYERS_OWN(router_own_2, shape_own(l, 2))
SHAPE(router_omega) { return vector_if(l->sparse && l->moe.route.omega, c->width); }
SHAPE(router_correction) { return vector_if(routed_with(c, l, ROUTER_CORRECTION), l->moe.experts); }
SHAPE(router_noise)
{
    bool by_row = routed_with(c, l, ROUTER_NOISE) && !routed_with(c, l, ROUTER_HIERARCHY);
    return matrix_if(by_row, l->moe.experts, c->width);
}
LAYERS_OWN(latent_down, matrix_if(in_latent(l), l->moe.latent, l->moe.width))
LAYERS_OWN(latent_up, matrix_if(in_latent(l), l->moe.width, l->moe.latent))
LAYERS_OWN(constant_weight,
    vector_if(l->sparse && l->moe.constants > 0, 2 * l->moe.constants * l->moe.width))
LAYERS_OWN(
    constant_value, vector_if(l->sparse && l->moe.constants > 0, l->moe.constants * l->moe.width))
/* The width on which experts act: the latent width if there is one, otherwise the model's. */
static int64_t expert_side(const model_config *c, const layer_config *l)
{
    return in_latent(l) ? l->moe.latent : c->width;
}
SHAPE(expert_gate) { return matrix_if(l->sparse, l->moe.hidden, expert_side(c, l)); }
SHAPE(expert_up) { return matrix_if(l->sparse && has_up(c, l), l->moe.hidden, expert_side(c, l)); }
SHAPE(expert_down) { return matrix_if(l->sparse, expert_side(c, l), l->moe.hidden); }
SHAPE(expert_gate_bias) { return vector_if(l->sparse && c->expert_bias, l->moe.hidden); }
SHAPE(expert_up_bias)
{
    return vector_if(l->sparse && c->expert_bias && has_up(c, l), l->moe.hidden);
}
SHAPE(expert_down_bias) { return vector_if(l->sparse && c->expert_bias, expert_side(c, l)); }
SHAPE(residual_gate) { return matrix_if(residual(l), l->moe.residual, c->width); }
SHAPE(residual_up) { return matrix_if(residual(l) && has_up(c, l), l->moe.residual, c->width); }
SHAPE(residual_down) { return matrix_if(residual(l), c->width, l->moe.residual); }
LAYERS_OWN(coefficient, matrix_if(residual(l), 2, l->moe.width))
LAYERS_OWN(coefficient_bias, vector_if(residual(l), 2))
SHAPE(shared_gate) { return matrix_if(shared(c, l), l->moe.shared, c->width); }
SHAPE(shared_up) { return matrix_if(shared(c, l) && has_up(c, l), l->moe.shared, c->width); }
SHAPE(shared_down) { return matrix_if(shared(c, l), c->width, l->moe.shared); }
SHAPE(shared_expert_gate) { return matrix_if(shared(c, l) && c->shared_gated, 1, c->width); }

/* ---- the list, in the order of model files ---- */

static const param_row list[ROLE_COUNT] = {
    [ROLE_EMBED] = { PARAM_EMBEDDING, OF_MODEL, AS_IT_IS, BY_ROW, .shape = shape_embed,
        .folder = { { "model.embed_tokens.weight", 0 } }, .gguf = { { "token_embd.weight", 0 } } },
    [ROLE_OUT_NORM] = { PARAM_NORM, OF_MODEL, AS_IT_IS, WHOLE, .shape = shape_width,
        .folder = { { "model.norm.weight", 0 } }, .gguf = { { "output_norm.weight", 0 } } },
    [ROLE_HEAD] = { PARAM_EMBEDDING, OF_MODEL, REPACKED, BY_ROW, .shape = shape_head,
        .folder = { { "lm_head.weight", 0 } }, .gguf = { { "output.weight", 0 } } },
    [ROLE_RELATIVE] = { PARAM_MATRIX, OF_MODEL, AS_IT_IS, WHOLE, .shape = shape_relative },
    [ROLE_IMAGE_CODES] = { PARAM_STATE, OF_MODEL, AS_IT_IS, WHOLE, .shape = shape_image_codes,
        .folder = { { "model.picture_codes", 0 } }, .gguf = { { "picture_codes.weight", 0 } } },
    [ROLE_ATTN_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_mixer_norm,
        .folder = { { "model.layers.{l}.input_layernorm.weight", 0 } },
        .gguf = { { "blk.{l}.attn_norm.weight", 0 } } },
    [ROLE_Q] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_HEAD, .shape = shape_q,
        .folder = { { "model.layers.{l}.self_attn.q_proj.weight", 0 } },
        .gguf = { { "blk.{l}.attn_q.weight", 0 }, { "blk.{l}.attn_qkv.weight", TENSOR_QKV } } },
    [ROLE_K] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_HEAD, .shape = shape_k,
        .folder = { { "model.layers.{l}.self_attn.k_proj.weight", 0 } },
        .gguf = { { "blk.{l}.attn_k.weight", 0 }, { "blk.{l}.attn_qkv.weight", TENSOR_QKV } } },
    [ROLE_V] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_HEAD, .shape = shape_v,
        .folder = { { "model.layers.{l}.self_attn.v_proj.weight", 0 } },
        .gguf = { { "blk.{l}.attn_v.weight", 0 }, { "blk.{l}.attn_qkv.weight", TENSOR_QKV } } },
    [ROLE_O] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_ROW, .shape = shape_o,
        .folder = { { "model.layers.{l}.self_attn.o_proj.weight", 0 } },
        .gguf = { { "blk.{l}.attn_output.weight", 0 } } },
    [ROLE_Q_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_q_norm,
        .folder = { { "model.layers.{l}.self_attn.q_norm.weight", 0 } },
        .gguf = { { "blk.{l}.attn_q_norm.weight", 0 } } },
    [ROLE_K_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_k_norm,
        .folder = { { "model.layers.{l}.self_attn.k_norm.weight", 0 } },
        .gguf = { { "blk.{l}.attn_k_norm.weight", 0 } } },
    [ROLE_Q_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, BY_HEAD, .shape = shape_q_bias,
        .folder = { { "model.layers.{l}.self_attn.q_proj.bias", 0 } },
        .gguf = { { "blk.{l}.attn_q.bias", 0 }, { "blk.{l}.attn_qkv.bias", TENSOR_QKV } } },
    [ROLE_K_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, BY_HEAD, .shape = shape_kv_bias,
        .folder = { { "model.layers.{l}.self_attn.k_proj.bias", 0 } },
        .gguf = { { "blk.{l}.attn_k.bias", 0 }, { "blk.{l}.attn_qkv.bias", TENSOR_QKV } } },
    [ROLE_V_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, BY_HEAD, .shape = shape_kv_bias,
        .folder = { { "model.layers.{l}.self_attn.v_proj.bias", 0 } },
        .gguf = { { "blk.{l}.attn_v.bias", 0 }, { "blk.{l}.attn_qkv.bias", TENSOR_QKV } } },
    [ROLE_O_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, BY_ROW, .shape = shape_o_bias,
        .folder = { { "model.layers.{l}.self_attn.o_proj.bias", 0 } },
        .gguf = { { "blk.{l}.attn_output.bias", 0 } } },
    [ROLE_SINKS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, BY_HEAD, .shape = shape_sinks,
        .folder = { { "model.layers.{l}.self_attn.sinks", 0 } },
        .gguf = { { "blk.{l}.attn_sinks.weight", 0 } } },
    [ROLE_ATTN_GATE] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_HEAD, .shape = shape_attn_gate,
        .folder = { { "model.layers.{l}.self_attn.gate_proj.weight", 0 } },
        .gguf = { { "blk.{l}.attn_gate.weight", 0 } } },
    [ROLE_Q_A] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_ROW, .shape = shape_q_a,
        .folder = { { "model.layers.{l}.self_attn.q_a_proj.weight", 0 } },
        .gguf = { { "blk.{l}.attn_q_a.weight", 0 } } },
    [ROLE_Q_A_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_q_a_norm,
        .folder = { { "model.layers.{l}.self_attn.q_a_layernorm.weight", 0 } },
        .gguf = { { "blk.{l}.attn_q_a_norm.weight", 0 } } },
    [ROLE_Q_B] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_HEAD, .shape = shape_q_b,
        .folder = { { "model.layers.{l}.self_attn.q_b_proj.weight", 0 } },
        .gguf = { { "blk.{l}.attn_q_b.weight", 0 } } },
    [ROLE_KV_A] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_ROW, .shape = shape_kv_a,
        .folder = { { "model.layers.{l}.self_attn.kv_a_proj_with_mqa.weight", 0 } },
        .gguf = { { "blk.{l}.attn_kv_a_mqa.weight", 0 } } },
    [ROLE_KV_A_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_kv_a_norm,
        .folder = { { "model.layers.{l}.self_attn.kv_a_layernorm.weight", 0 } },
        .gguf = { { "blk.{l}.attn_kv_a_norm.weight", 0 } } },
    [ROLE_KV_B] = { PARAM_MATRIX, OF_LAYER, AS_IT_IS, BY_HEAD, .shape = shape_kv_b,
        .folder = { { "model.layers.{l}.self_attn.kv_b_proj.weight", 0 } },
        .gguf = { { "blk.{l}.attn_kv_b.weight", 0 } } },
    [ROLE_K_B] = { PARAM_MATRIX, OF_LAYER, AS_IT_IS, BY_HEAD, .shape = shape_k_b,
        .gguf = { { "blk.{l}.attn_k_b.weight", TENSOR_HEADS } } },
    [ROLE_V_B] = { PARAM_MATRIX, OF_LAYER, AS_IT_IS, BY_HEAD, .shape = shape_v_b,
        .gguf = { { "blk.{l}.attn_v_b.weight", TENSOR_HEADS } } },
    [ROLE_Q_A_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, BY_ROW, .shape = shape_q_a_bias,
        .folder = { { "model.layers.{l}.self_attn.q_a_proj.bias", 0 } },
        .gguf = { { "blk.{l}.attn_q_a.bias", 0 } } },
    [ROLE_KV_A_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, BY_ROW, .shape = shape_kv_a_bias,
        .folder = { { "model.layers.{l}.self_attn.kv_a_proj_with_mqa.bias", 0 } },
        .gguf = { { "blk.{l}.attn_kv_a_mqa.bias", 0 } } },
    [ROLE_LSTM_INPUT] = { PARAM_MATRIX, OF_LAYER, REPACKED, WHOLE, .shape = shape_lstm,
        .folder = { { "model.layers.{l}.lstm.weight_ih", 0 } },
        .gguf = { { "blk.{l}.lstm_ih.weight", 0 } } },
    [ROLE_LSTM_HIDDEN] = { PARAM_MATRIX, OF_LAYER, REPACKED, WHOLE, .shape = shape_lstm,
        .folder = { { "model.layers.{l}.lstm.weight_hh", 0 } },
        .gguf = { { "blk.{l}.lstm_hh.weight", 0 } } },
    [ROLE_LSTM_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_lstm_bias,
        .folder = { { "model.layers.{l}.lstm.bias", 0 } }, .gguf = { { "blk.{l}.lstm.bias", 0 } } },
    [ROLE_CONV_IN] = { PARAM_MATRIX, OF_LAYER, REPACKED, WHOLE, .shape = shape_conv_in,
        .folder = { { "model.layers.{l}.conv.in_proj.weight", 0 } },
        .gguf = { { "blk.{l}.shortconv.in_proj.weight", 0 } } },
    [ROLE_CONV] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_conv,
        .folder = { { "model.layers.{l}.conv.conv.weight", TENSOR_FILTERS } },
        .gguf = { { "blk.{l}.shortconv.conv.weight", TENSOR_CHANNELS } } },
    [ROLE_CONV_OUT] = { PARAM_MATRIX, OF_LAYER, REPACKED, WHOLE, .shape = shape_conv_out,
        .folder = { { "model.layers.{l}.conv.out_proj.weight", 0 } },
        .gguf = { { "blk.{l}.shortconv.out_proj.weight", 0 } } },
    [ROLE_DELTA_IN] = { PARAM_MATRIX, OF_LAYER, REPACKED, WHOLE, .shape = shape_delta_in,
        .folder = { { "model.layers.{l}.linear_attn.in_proj_qkv.weight", 0 } },
        .gguf = { { "blk.{l}.attn_qkv.weight", 0 } } },
    [ROLE_DELTA_GATE_LOW] = { PARAM_MATRIX, OF_LAYER, REPACKED, WHOLE, .shape = shape_delta_low,
        .folder = { { "model.layers.{l}.self_attn.g_a_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ssm_g_a.weight", 0 } } },
    [ROLE_DELTA_GATE] = { PARAM_MATRIX, OF_LAYER, REPACKED, WHOLE, .shape = shape_delta_gate,
        .folder = { { "model.layers.{l}.linear_attn.in_proj_z.weight", 0 } },
        .gguf = { { "blk.{l}.attn_gate.weight", 0 } } },
    [ROLE_DELTA_BETA] = { PARAM_MATRIX, OF_LAYER, REPACKED, WHOLE, .shape = shape_delta_beta,
        .folder = { { "model.layers.{l}.linear_attn.in_proj_b.weight", 0 } },
        .gguf = { { "blk.{l}.ssm_beta.weight", 0 } } },
    [ROLE_DELTA_DECAY_LOW] = { PARAM_MATRIX, OF_LAYER, REPACKED, WHOLE, .shape = shape_delta_low,
        .folder = { { "model.layers.{l}.self_attn.f_a_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ssm_f_a.weight", 0 } } },
    [ROLE_DELTA_DECAY] = { PARAM_MATRIX, OF_LAYER, REPACKED, WHOLE, .shape = shape_delta_decay,
        .folder = { { "model.layers.{l}.linear_attn.in_proj_a.weight", 0 } },
        .gguf = { { "blk.{l}.ssm_alpha.weight", 0 } } },
    [ROLE_CONV_Q] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_conv_key,
        .folder = { { "model.layers.{l}.self_attn.q_conv1d.weight", TENSOR_FILTERS } },
        .gguf = { { "blk.{l}.ssm_conv1d_q.weight", TENSOR_CHANNELS } } },
    [ROLE_CONV_K] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_conv_key,
        .folder = { { "model.layers.{l}.self_attn.k_conv1d.weight", TENSOR_FILTERS } },
        .gguf = { { "blk.{l}.ssm_conv1d_k.weight", TENSOR_CHANNELS } } },
    [ROLE_CONV_V] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_conv_value,
        .folder = { { "model.layers.{l}.self_attn.v_conv1d.weight", TENSOR_FILTERS } },
        .gguf = { { "blk.{l}.ssm_conv1d_v.weight", TENSOR_CHANNELS } } },
    [ROLE_STATE_IN] = { PARAM_MATRIX, OF_LAYER, REPACKED, WHOLE, .shape = shape_state_in,
        .folder = { { "model.layers.{l}.mamba.in_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ssm_in.weight", 0 } } },
    [ROLE_CONV_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_conv_bias,
        .folder = { { "model.layers.{l}.mamba.conv1d.bias", 0 } },
        .gguf = { { "blk.{l}.ssm_conv1d.bias", 0 } } },
    [ROLE_A_LOG] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_a_log,
        .folder = { { "model.layers.{l}.mamba.A_log", 0 } },
        .gguf = { { "blk.{l}.ssm_a", TENSOR_ONE_COLUMN | TENSOR_EXP | TENSOR_NEGATED } } },
    [ROLE_DT_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_dt_bias,
        .folder = { { "model.layers.{l}.mamba.dt_bias", 0 } },
        .gguf = { { "blk.{l}.ssm_dt.bias", 0 } } },
    [ROLE_STATE_D] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_state_head,
        .folder = { { "model.layers.{l}.mamba.D", 0 } },
        .gguf = { { "blk.{l}.ssm_d", TENSOR_ONE_COLUMN } } },
    [ROLE_STATE_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_state_norm,
        .folder = { { "model.layers.{l}.mamba.norm.weight", 0 } },
        .gguf = { { "blk.{l}.ssm_norm.weight", TENSOR_GROUPS } } },
    [ROLE_STATE_OUT] = { PARAM_MATRIX, OF_LAYER, REPACKED, WHOLE, .shape = shape_state_out,
        .folder = { { "model.layers.{l}.mamba.out_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ssm_out.weight", 0 } } },
    [ROLE_ATTN_POST_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_post_norm },
    [ROLE_FFN_POST_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_post_norm },
    [ROLE_BESIDE_POST_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_beside_norm },
    [ROLE_EXPERT_PRE_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_beside_norm },
    [ROLE_EXPERT_POST_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_beside_norm },
    [ROLE_LAYER_SCALE] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_layer_scale },
    [ROLE_CROSS_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_cross_norm },
    [ROLE_CROSS_Q] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_HEAD, .shape = shape_cross_in },
    [ROLE_CROSS_K] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_HEAD, .shape = shape_cross_in },
    [ROLE_CROSS_V] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_HEAD, .shape = shape_cross_in },
    [ROLE_CROSS_O] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_ROW, .shape = shape_cross_out },
    [ROLE_FFN_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_ffn_norm,
        .folder = { { "model.layers.{l}.post_attention_layernorm.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_norm.weight", 0 } } },
    [ROLE_GATE] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_ROW, .shape = shape_gate,
        .folder = { { "model.layers.{l}.mlp.gate_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_gate.weight", 0 } } },
    [ROLE_UP] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_ROW, .shape = shape_up,
        .folder = { { "model.layers.{l}.mlp.up_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_up.weight", 0 } } },
    [ROLE_DOWN] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_ROW, .shape = shape_down,
        .folder = { { "model.layers.{l}.mlp.down_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_down.weight", 0 } } },
    [ROLE_GATE_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, BY_ROW, .shape = shape_gate_bias,
        .folder = { { "model.layers.{l}.mlp.gate_proj.bias", 0 } },
        .gguf = { { "blk.{l}.ffn_gate.bias", 0 } } },
    [ROLE_UP_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, BY_ROW, .shape = shape_up_bias,
        .folder = { { "model.layers.{l}.mlp.up_proj.bias", 0 } },
        .gguf = { { "blk.{l}.ffn_up.bias", 0 } } },
    [ROLE_DOWN_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, BY_ROW, .shape = shape_down_bias,
        .folder = { { "model.layers.{l}.mlp.down_proj.bias", 0 } },
        .gguf = { { "blk.{l}.ffn_down.bias", 0 } } },
    [ROLE_ROUTER] = { PARAM_ROUTER, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_router,
        .folder = { { "model.layers.{l}.mlp.gate.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_gate_inp.weight", 0 } } },
    [ROLE_ROUTER_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_router_bias,
        .folder = { { "model.layers.{l}.mlp.gate.bias", 0 } },
        .gguf = { { "blk.{l}.ffn_gate_inp.bias", 0 } } },
    [ROLE_ROUTER_NORM] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_beside_norm },
    [ROLE_ROUTER_EXPERT_SCALE] = { PARAM_NORM, OF_LAYER, AS_IT_IS, WHOLE,
        .shape = shape_expert_scale },
    [ROLE_ROUTER_CORRECTION] = { PARAM_STATE, OF_LAYER, AS_IT_IS, WHOLE,
        .shape = shape_router_correction,
        .folder = { { "model.layers.{l}.mlp.gate.e_score_correction_bias", 0 } },
        .gguf = { { "blk.{l}.exp_probs_b.bias", 0 } } },
    [ROLE_ROUTER_NOISE] = { PARAM_ROUTER, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_router_noise,
        .folder = { { "model.layers.{l}.mlp.noise.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_noise_inp.weight", 0 } } },
    [ROLE_ROUTER_OWN_0] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_router_own_0,
        .folder = { { "model.layers.{l}.mlp.router_own.0", 0 } },
        .gguf = { { "blk.{l}.ffn_router_own_0.weight", 0 } } },
    [ROLE_ROUTER_OWN_1] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_router_own_1,
        .folder = { { "model.layers.{l}.mlp.router_own.1", 0 } },
        .gguf = { { "blk.{l}.ffn_router_own_1.weight", 0 } } },
    [ROLE_ROUTER_OWN_2] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_router_own_2,
        .folder = { { "model.layers.{l}.mlp.router_own.2", 0 } },
        .gguf = { { "blk.{l}.ffn_router_own_2.weight", 0 } } },
    [ROLE_ROUTER_OMEGA] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_router_omega,
        .folder = { { "model.layers.{l}.mlp.router_omega", 0 } },
        .gguf = { { "blk.{l}.ffn_router_omega.weight", 0 } } },
    [ROLE_LATENT_DOWN] = { PARAM_MATRIX, OF_LAYER, REPACKED, WHOLE, .shape = shape_latent_down,
        .folder = { { "model.layers.{l}.mlp.latent_down_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_latent_down.weight", 0 } } },
    /* Its product is added to what is there. */
    [ROLE_LATENT_UP] = { PARAM_MATRIX, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_latent_up,
        .folder = { { "model.layers.{l}.mlp.latent_up_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_latent_up.weight", 0 } } },
    [ROLE_CONSTANT_WEIGHT] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE,
        .shape = shape_constant_weight,
        .folder = { { "model.layers.{l}.mlp.constant_experts.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_constant.weight", 0 } } },
    [ROLE_CONSTANT_VALUE] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE, .shape = shape_constant_value,
        .folder = { { "model.layers.{l}.mlp.constant_experts.value", 0 } },
        .gguf = { { "blk.{l}.ffn_constant_value.weight", 0 } } },
    [ROLE_EXPERT_GATE] = { PARAM_MATRIX, OF_EXPERT, REPACKED, BY_ROW, .shape = shape_expert_gate,
        .folder = { { "model.layers.{l}.mlp.experts.{e}.gate_proj.weight", 0 },
            { "model.layers.{l}.mlp.experts.gate_up_proj", TENSOR_EXPERTS | TENSOR_FIRST } },
        .gguf = { { "blk.{l}.ffn_gate_exps.weight", TENSOR_EXPERTS },
            { "blk.{l}.ffn_gate_up_exps.weight", TENSOR_EXPERTS | TENSOR_FIRST },
            { "blk.{l}.ffn_gate.{e}.weight", 0 } } },
    [ROLE_EXPERT_UP] = { PARAM_MATRIX, OF_EXPERT, REPACKED, BY_ROW, .shape = shape_expert_up,
        .folder = { { "model.layers.{l}.mlp.experts.{e}.up_proj.weight", 0 },
            { "model.layers.{l}.mlp.experts.gate_up_proj", TENSOR_EXPERTS | TENSOR_SECOND } },
        .gguf = { { "blk.{l}.ffn_up_exps.weight", TENSOR_EXPERTS },
            { "blk.{l}.ffn_gate_up_exps.weight", TENSOR_EXPERTS | TENSOR_SECOND },
            { "blk.{l}.ffn_up.{e}.weight", 0 } } },
    [ROLE_EXPERT_DOWN] = { PARAM_MATRIX, OF_EXPERT, REPACKED, BY_ROW, .shape = shape_expert_down,
        .folder = { { "model.layers.{l}.mlp.experts.{e}.down_proj.weight", 0 },
            { "model.layers.{l}.mlp.experts.down_proj", TENSOR_EXPERTS } },
        .gguf = { { "blk.{l}.ffn_down_exps.weight", TENSOR_EXPERTS },
            { "blk.{l}.ffn_down.{e}.weight", 0 } } },
    [ROLE_EXPERT_GATE_BIAS] = { PARAM_BIAS, OF_EXPERT, AS_IT_IS, BY_ROW,
        .shape = shape_expert_gate_bias,
        .folder = { { "model.layers.{l}.mlp.experts.{e}.gate_proj.bias", 0 } },
        .gguf = { { "blk.{l}.ffn_gate_exps.bias", TENSOR_EXPERTS },
            { "blk.{l}.ffn_gate_up_exps.bias", TENSOR_EXPERTS | TENSOR_FIRST } } },
    [ROLE_EXPERT_UP_BIAS] = { PARAM_BIAS, OF_EXPERT, AS_IT_IS, BY_ROW,
        .shape = shape_expert_up_bias,
        .folder = { { "model.layers.{l}.mlp.experts.{e}.up_proj.bias", 0 } },
        .gguf = { { "blk.{l}.ffn_up_exps.bias", TENSOR_EXPERTS },
            { "blk.{l}.ffn_gate_up_exps.bias", TENSOR_EXPERTS | TENSOR_SECOND } } },
    [ROLE_EXPERT_DOWN_BIAS] = { PARAM_BIAS, OF_EXPERT, AS_IT_IS, BY_ROW,
        .shape = shape_expert_down_bias,
        .folder = { { "model.layers.{l}.mlp.experts.{e}.down_proj.bias", 0 } },
        .gguf = { { "blk.{l}.ffn_down_exps.bias", TENSOR_EXPERTS } } },
    [ROLE_SHARED_GATE] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_ROW, .shape = shape_shared_gate,
        .folder = { { "model.layers.{l}.mlp.shared_experts.gate_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_gate_shexp.weight", 0 } } },
    [ROLE_SHARED_UP] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_ROW, .shape = shape_shared_up,
        .folder = { { "model.layers.{l}.mlp.shared_experts.up_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_up_shexp.weight", 0 } } },
    [ROLE_SHARED_DOWN] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_ROW, .shape = shape_shared_down,
        .folder = { { "model.layers.{l}.mlp.shared_experts.down_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_down_shexp.weight", 0 } } },
    [ROLE_SHARED_EXPERT_GATE] = { PARAM_ROUTER, OF_LAYER, AS_IT_IS, WHOLE,
        .shape = shape_shared_expert_gate,
        .folder = { { "model.layers.{l}.mlp.shared_expert_gate.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_gate_inp_shexp.weight", 0 } } },
    [ROLE_RESIDUAL_GATE] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_ROW, .shape = shape_residual_gate,
        .folder = { { "model.layers.{l}.mlp.residual_expert.gate_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_gate_residual.weight", 0 } } },
    [ROLE_RESIDUAL_UP] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_ROW, .shape = shape_residual_up,
        .folder = { { "model.layers.{l}.mlp.residual_expert.up_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_up_residual.weight", 0 } } },
    [ROLE_RESIDUAL_DOWN] = { PARAM_MATRIX, OF_LAYER, REPACKED, BY_ROW, .shape = shape_residual_down,
        .folder = { { "model.layers.{l}.mlp.residual_expert.down_proj.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_down_residual.weight", 0 } } },
    [ROLE_RESIDUAL_COEFFICIENT] = { PARAM_ROUTER, OF_LAYER, AS_IT_IS, WHOLE,
        .shape = shape_coefficient, .folder = { { "model.layers.{l}.mlp.coefficient.weight", 0 } },
        .gguf = { { "blk.{l}.ffn_coefficient.weight", 0 } } },
    [ROLE_RESIDUAL_COEFFICIENT_BIAS] = { PARAM_BIAS, OF_LAYER, AS_IT_IS, WHOLE,
        .shape = shape_coefficient_bias,
        .folder = { { "model.layers.{l}.mlp.coefficient.bias", 0 } },
        .gguf = { { "blk.{l}.ffn_coefficient.bias", 0 } } },
};

const param_row *param_row_of(param_role role) { return &list[role]; }

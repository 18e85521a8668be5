/* param.c - which parameters a configuration has, and their shapes. */
#include "model/param.h"

#include "base/checked.h"
#include "base/memory.h"

enum { OFFSET_UNIT = 16 }; /* elements: a cache line of floats */

bool param_is_expert(param_role role) { return role >= ROLE_EXPERT_GATE && role <= ROLE_EXPERT_DOWN_BIAS; }

static param_kind kind_of(param_role role)
{
    switch (role) {
    case ROLE_EMBED:
    case ROLE_HEAD: return PARAM_EMBEDDING;
    case ROLE_OUT_NORM:
    case ROLE_ATTN_NORM:
    case ROLE_Q_NORM:
    case ROLE_K_NORM:
    case ROLE_Q_A_NORM:
    case ROLE_KV_A_NORM:
    case ROLE_ATTN_POST_NORM:
    case ROLE_FFN_POST_NORM:
    case ROLE_CROSS_NORM:
    case ROLE_FFN_NORM: return PARAM_NORM;
    case ROLE_ROUTER:
    case ROLE_ROUTER_NOISE:
    case ROLE_SHARED_SIGMOID: return PARAM_ROUTER;
    case ROLE_Q_BIAS:
    case ROLE_K_BIAS:
    case ROLE_V_BIAS:
    case ROLE_O_BIAS:
    case ROLE_Q_A_BIAS:
    case ROLE_KV_A_BIAS:
    case ROLE_GATE_BIAS:
    case ROLE_UP_BIAS:
    case ROLE_DOWN_BIAS:
    case ROLE_SINKS:
    case ROLE_ROUTER_BIAS:
    case ROLE_EXPERT_GATE_BIAS:
    case ROLE_EXPERT_UP_BIAS:
    case ROLE_EXPERT_DOWN_BIAS: return PARAM_BIAS;
    case ROLE_ROUTER_CORRECTION: return PARAM_STATE;
    default: return PARAM_MATRIX;
    }
}

typedef struct shape {
    int64_t rows, cols; /* rows 0: not there */
} shape;

static shape vector_shape(int64_t n) { return (shape){ 1, n }; }
static shape matrix_shape(int64_t rows, int64_t cols) { return (shape){ rows, cols }; }
static shape no_shape(void) { return (shape){ 0, 0 }; }
static shape vector_if(bool there, int64_t n) { return there ? vector_shape(n) : no_shape(); }

static shape model_shape(const model_config *c, param_role role)
{
    if (role == ROLE_EMBED) return matrix_shape(c->vocab, c->width);
    if (role == ROLE_OUT_NORM) return vector_shape(c->width);
    if (role == ROLE_RELATIVE) return c->relative_buckets ? matrix_shape(c->relative_buckets, c->heads) : no_shape();
    return c->tie ? no_shape() : matrix_shape(c->vocab, c->width); /* ROLE_HEAD */
}

static shape grouped_attention_shape(const model_config *c, param_role role)
{
    int64_t q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    bool head = c->qk_norm == QK_NORM_HEAD, full = c->qk_norm == QK_NORM_FULL;
    switch (role) {
    case ROLE_Q: return matrix_shape(q, c->width);
    case ROLE_K:
    case ROLE_V: return matrix_shape(kv, c->width);
    case ROLE_O: return matrix_shape(c->width, q);
    case ROLE_Q_NORM: return head ? vector_shape(c->head_dim) : full ? vector_shape(q) : no_shape();
    case ROLE_K_NORM: return head ? vector_shape(c->head_dim) : full ? vector_shape(kv) : no_shape();
    case ROLE_Q_BIAS: return vector_if(c->qkv_bias, q);
    case ROLE_K_BIAS:
    case ROLE_V_BIAS: return vector_if(c->qkv_bias, kv);
    case ROLE_O_BIAS: return vector_if(c->out_bias, c->width);
    case ROLE_SINKS: return vector_if(c->sinks, c->heads);
    default: return no_shape();
    }
}

static shape cross_attention_shape(const model_config *c, param_role role)
{
    int64_t heads = c->heads * c->head_dim;
    if (!c->cross) return no_shape();
    if (role == ROLE_CROSS_NORM) return vector_shape(c->width);
    return role == ROLE_CROSS_O ? matrix_shape(c->width, heads) : matrix_shape(heads, c->width);
}

static shape latent_attention_shape(const model_config *c, param_role role)
{
    int64_t q = c->heads * (c->nope_dim + c->rope_dim);
    switch (role) {
    case ROLE_Q: return c->q_lora ? no_shape() : matrix_shape(q, c->width);
    case ROLE_Q_A: return c->q_lora ? matrix_shape(c->q_lora, c->width) : no_shape();
    case ROLE_Q_A_NORM: return c->q_lora ? vector_shape(c->q_lora) : no_shape();
    case ROLE_Q_B: return c->q_lora ? matrix_shape(q, c->q_lora) : no_shape();
    case ROLE_KV_A: return matrix_shape(c->kv_lora + c->rope_dim, c->width);
    case ROLE_KV_A_NORM: return vector_shape(c->kv_lora);
    case ROLE_KV_B: return c->split_kv_b ? no_shape() : matrix_shape(c->heads * (c->nope_dim + c->value_dim), c->kv_lora);
    case ROLE_K_B: return c->split_kv_b ? matrix_shape(c->heads * c->kv_lora, c->nope_dim) : no_shape();
    case ROLE_V_B: return c->split_kv_b ? matrix_shape(c->heads * c->value_dim, c->kv_lora) : no_shape();
    case ROLE_O: return matrix_shape(c->width, c->heads * c->value_dim);
    case ROLE_Q_A_BIAS: return vector_if(c->qkv_bias && c->q_lora, c->q_lora);
    case ROLE_KV_A_BIAS: return vector_if(c->qkv_bias, c->kv_lora + c->rope_dim);
    case ROLE_O_BIAS: return vector_if(c->out_bias, c->width);
    default: return no_shape();
    }
}

/* A feed-forward of hidden width h: gate (or the one input matrix), up where the form has two inputs, down. */
static shape ffn_shape(const model_config *c, int which, int64_t h)
{
    if (which == 1 && model_config_inputs(c) < 2) return no_shape();
    return which == 2 ? matrix_shape(c->width, h) : matrix_shape(h, c->width);
}

/* What is added to each of the three. */
static shape ffn_bias_shape(const model_config *c, int which, int64_t h)
{
    bool there = c->ffn_bias && ffn_shape(c, which, h).rows;
    return vector_if(there, which == 2 ? c->width : h);
}

static shape sparse_shape(const model_config *c, const layer_config *l, param_role role)
{
    bool shared = c->shared_width > 0;
    switch (role) {
    case ROLE_ROUTER: return matrix_shape(l->experts, c->width);
    case ROLE_ROUTER_BIAS: return vector_if(c->router_bias, l->experts);
    case ROLE_ROUTER_CORRECTION: return vector_if(c->router->traits & ROUTER_CORRECTION, l->experts);
    case ROLE_ROUTER_NOISE: return c->router->traits & ROUTER_NOISE ? matrix_shape(l->experts, c->width) : no_shape();
    case ROLE_EXPERT_GATE: return ffn_shape(c, 0, l->expert_width);
    case ROLE_EXPERT_UP: return ffn_shape(c, 1, l->expert_width);
    case ROLE_EXPERT_DOWN: return ffn_shape(c, 2, l->expert_width);
    case ROLE_EXPERT_GATE_BIAS: return vector_if(c->expert_bias, l->expert_width);
    case ROLE_EXPERT_UP_BIAS: return vector_if(c->expert_bias && model_config_inputs(c) == 2, l->expert_width);
    case ROLE_EXPERT_DOWN_BIAS: return vector_if(c->expert_bias, c->width);
    case ROLE_SHARED_GATE: return shared ? ffn_shape(c, 0, c->shared_width) : no_shape();
    case ROLE_SHARED_UP: return shared ? ffn_shape(c, 1, c->shared_width) : no_shape();
    case ROLE_SHARED_DOWN: return shared ? ffn_shape(c, 2, c->shared_width) : no_shape();
    case ROLE_SHARED_SIGMOID: return shared && c->shared_gated ? vector_shape(c->width) : no_shape();
    default: return no_shape();
    }
}

static shape layer_shape(const model_config *c, const layer_config *l, param_role role)
{
    if (role == ROLE_ATTN_NORM || role == ROLE_FFN_NORM) return vector_shape(c->width);
    if (role == ROLE_ATTN_POST_NORM || role == ROLE_FFN_POST_NORM) return vector_if(c->post_norms, c->width);
    if (role >= ROLE_CROSS_NORM && role <= ROLE_CROSS_O) return cross_attention_shape(c, role);
    if (role < ROLE_CROSS_NORM) return c->latent ? latent_attention_shape(c, role) : grouped_attention_shape(c, role);
    if (role <= ROLE_DOWN) return l->sparse ? no_shape() : ffn_shape(c, (int)(role - ROLE_GATE), c->dense_width);
    if (role <= ROLE_DOWN_BIAS) return l->sparse ? no_shape() : ffn_bias_shape(c, (int)(role - ROLE_GATE_BIAS), c->dense_width);
    return l->sparse ? sparse_shape(c, l, role) : no_shape();
}

typedef struct builder {
    const model_config *config;
    param_table *table;
    bool overflow;
} builder;

static void add_one(builder *b, param_role role, int64_t layer, int64_t expert, shape s)
{
    param_table *t = b->table;
    int64_t size, padded;
    if (__builtin_mul_overflow(s.rows, s.cols, &size) || __builtin_add_overflow(size, OFFSET_UNIT - 1, &padded)) {
        b->overflow = true;
        return;
    }
    padded -= padded % OFFSET_UNIT;
    if (t->rows)
        t->rows[t->count] = (param){ role, kind_of(role), (int32_t)layer, (int32_t)expert, s.rows, s.cols, t->elements };
    t->count++;
    b->overflow |= __builtin_add_overflow(t->elements, padded, &t->elements);
    if (kind_of(role) == PARAM_STATE) return;
    t->total += size;
    bool lookup = role == ROLE_EMBED && !b->config->tie;
    bool idle = expert >= 0 && expert >= b->config->layer[layer].topk;
    t->active += lookup ? s.cols : idle ? 0 : size;
}

/* Experts one after another, each with its matrices: one expert's weights are neighbours. */
static void add_layer(builder *b, int64_t l)
{
    const layer_config *layer = &b->config->layer[l];
    for (param_role role = ROLE_ATTN_NORM; role < ROLE_COUNT; role++) {
        shape s = layer_shape(b->config, layer, role);
        if (s.rows && !param_is_expert(role)) add_one(b, role, l, -1, s);
    }
    for (int64_t e = 0; layer->sparse && e < layer->experts; e++)
        for (param_role role = ROLE_EXPERT_GATE; role <= ROLE_EXPERT_DOWN_BIAS; role++) {
            shape s = layer_shape(b->config, layer, role);
            if (s.rows) add_one(b, role, l, e, s);
        }
}

static void walk(builder *b)
{
    param *rows = b->table->rows;
    *b->table = (param_table){ .rows = rows };
    for (param_role role = ROLE_EMBED; role <= ROLE_RELATIVE; role++) {
        shape s = model_shape(b->config, role);
        if (s.rows) add_one(b, role, -1, -1, s);
    }
    for (int64_t l = 0; l < b->config->layers; l++) add_layer(b, l);
}

cadre_status param_table_make(const model_config *config, param_table *table)
{
    param_table made = { 0 };
    builder b = { config, &made, false };
    walk(&b); /* count */
    if (b.overflow)
        return cadre_fail(CADRE_EARGUMENT, NULL, "these sizes make more parameters than 64 bits can count");
    made.rows = MEM_ARRAY(param, made.count);
    if (!made.rows) return CADRE_ENOMEM;
    walk(&b); /* fill */
    *table = made;
    return CADRE_OK;
}

void param_table_free(param_table *table)
{
    mem_free(table->rows);
    *table = (param_table){ 0 };
}

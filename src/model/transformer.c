/* transformer.c - the decoder's memory, and its blocks forward and backward. */
#include "model/transformer.h"

#include <assert.h>
#include <string.h>

#include "base/interrupt.h"
#include "mixer/sequence_state.h"
#include "model/relative_bias.h"
#include "model/stage_memory.h"
#include "op/dropout.h"
#include "op/embedding.h"
#include "op/ffn.h"
#include "op/loss.h"
#include "op/norm.h"
#include "op/parallel.h"

/* What a block's forward leaves for its backward. */
typedef struct block_state {
    real *x, *x_normed, *x_inverse; /* [T, D], [T, D], [T]: the residual at entry, and its norm */
    real *y, *y_normed, *y_inverse; /* the same between the two halves */
    real *z, *z_normed, *z_inverse; /* before attention to an encoder; NULL: there is none */
    real *squashed;                 /* [T, D] sigmoid of the sparse layer's output; NULL: none */
    void *mixer, *cross;            /* as the layer's mixers lay it out */
    size_t mixer_bytes, cross_bytes;
    ffn_state dense;
    moe_state sparse;
} block_state;

/* A batch between its forward and its backward. */
typedef struct pass {
    block_state *blocks; /* [layers of the stage] */
    real *end;           /* [T, D] the residual after the stage's last block; after the model's, */
    real *hidden, *end_inverse; /* [T, D], [T] its norm */
    int32_t *places;            /* [T] in their sequences */
    real
        *logits; /* [T, E] of the last sparse layer's router, forward only; NULL: none reads them */
    token_batch batch;
    balance *balance; /* what it counts in */
} pass;

struct transformer {
    compute *c;
    const model_config *config;
    transformer_stage stage;
    batch_limits most;
    rope *rope;
    arena memory;
    mixer_positions positions;
    real *bias;      /* [heads, 2 * keys] of the positions; NULL: none */
    real *dbias;     /* [layers of the stage, heads, 2 * keys]; NULL: forward only */
    void *workspace; /* of mixers */
    size_t workspace_bytes;
    pass *passes;       /* [stage.passes] */
    pass *now;          /* that calls are of */
    real *dx, *dnormed; /* [T, D] gradients; NULL: forward only */
    /* [T, D] of what a half of a block adds to the residual: scaled, or dx itself */
    real *dhalf;
    real *dencoder; /* [M, D] the gradient by the encoder's output; NULL: there is none */
    real *dlogits; /* [T, E] the gradient by a sparse layer's logits from the one behind; or NULL */
    void *moe_scratch;
    size_t moe_scratch_bytes;
    loss_scratch loss;
};

static block_state *block_of(const transformer *t, int64_t l)
{
    return &t->now->blocks[l - t->stage.first];
}

static bool is_last(const transformer *t) { return t->stage.end == t->config->layers; }

/* ---- memory ---- */

static void layout_block(const transformer *t, block_state *s, arena *a, int64_t l)
{
    int64_t tokens = t->most.tokens, width = t->config->width;
    s->x = ARENA_ARRAY(a, real, tokens * width);
    s->x_normed = ARENA_ARRAY(a, real, tokens * width);
    s->x_inverse = ARENA_ARRAY(a, real, tokens);
    s->y = ARENA_ARRAY(a, real, tokens * width);
    s->y_normed = ARENA_ARRAY(a, real, tokens * width);
    s->y_inverse = ARENA_ARRAY(a, real, tokens);
    s->mixer_bytes = t->most.training ? stage_mixer_bytes(&t->config->layer[l], &t->most)
                                      : stage_mixer_most(t->config, &t->stage, &t->most);
    s->mixer = arena_take(a, s->mixer_bytes, 1);
    if (!t->config->cross) return;
    s->z = ARENA_ARRAY(a, real, tokens * width);
    s->z_normed = ARENA_ARRAY(a, real, tokens * width);
    s->z_inverse = ARENA_ARRAY(a, real, tokens);
    s->cross_bytes = stage_cross_bytes(&t->config->layer[l], &t->most);
    s->cross = arena_take(a, s->cross_bytes, 1);
}

static bool squashes(const transformer *t, int64_t l)
{
    return t->config->expert_sigmoid && t->config->layer[l].sparse;
}

/* The feed-forward of layer l, laid out behind the rest of the block. */
static void layout_ffn(const transformer *t, block_state *s, arena *a, int64_t l)
{
    const layer_config *layer = &t->config->layer[l];
    int inputs = model_config_inputs(t->config);
    if (layer->sparse) moe_state_layout(&s->sparse, a, &layer->moe, &t->most);
    if (squashes(t, l) && t->most.training)
        s->squashed = ARENA_ARRAY(a, real, t->most.tokens * t->config->width);
    else if (layer->dense_width)
        ffn_state_layout(&s->dense, a, inputs, layer->dense_width, t->most.tokens);
}

/* Without a backward pass the layers share one state, and their feed-forwards the room of the
 * largest. */
static void layout_blocks(const transformer *t, pass *p, arena *a)
{
    int64_t count = t->stage.end - t->stage.first;
    block_state scrap = { 0 }; /* where the pointers go when measuring */
    size_t start = 0, end = 0;
    p->blocks = ARENA_ARRAY(a, block_state, count);
    for (int64_t i = 0; i < count; i++) {
        block_state *s = p->blocks ? &p->blocks[i] : &scrap;
        if (t->most.training || i == 0) layout_block(t, s, a, t->stage.first + i);
        else if (p->blocks) *s = p->blocks[0];
        if (i == 0) start = a->used;
        if (!t->most.training && a->used != SIZE_MAX) a->used = start;
        a->overlaid = !t->most.training;
        layout_ffn(t, s, a, t->stage.first + i);
        if (a->used > end) end = a->used;
    }
    a->used = end;
    a->overlaid = false;
}

/* Numbers of logits of one token that a sparse layer reads of the one before; 0: none does. */
static int64_t residual_logits(const transformer *t)
{
    for (int64_t l = 0; l < t->config->layers; l++) {
        const layer_config *layer = &t->config->layer[l];
        if (layer->sparse && layer->moe.route.residual) return layer->moe.experts;
    }
    return 0;
}

static void layout_pass(const transformer *t, pass *p, arena *a)
{
    int64_t tokens = t->most.tokens, width = t->config->width;
    layout_blocks(t, p, a);
    p->end = ARENA_ARRAY(a, real, tokens * width);
    p->places = ARENA_ARRAY(a, int32_t, tokens);
    if (residual_logits(t) && !t->most.training)
        p->logits = ARENA_ARRAY(a, real, tokens * residual_logits(t));
    if (!is_last(t)) return;
    p->hidden = ARENA_ARRAY(a, real, tokens * width);
    p->end_inverse = ARENA_ARRAY(a, real, tokens);
}

static void layout(transformer *t, arena *a)
{
    const model_config *c = t->config;
    int64_t tokens = t->most.tokens;
    pass scrap = { 0 };
    t->passes = ARENA_ARRAY(a, pass, t->stage.passes);
    t->now = t->passes;
    for (int i = 0; i < t->stage.passes; i++) layout_pass(t, t->passes ? &t->passes[i] : &scrap, a);
    t->workspace_bytes = stage_workspace_most(c, &t->stage, &t->most, t->c->workers);
    t->workspace = arena_take(a, t->workspace_bytes, 1);
    if (c->relative_buckets) t->bias = ARENA_ARRAY(a, real, 2 * c->heads * t->most.keys);
    if (is_last(t)) t->loss = loss_scratch_take(a, tokens, c->vocab);
    t->moe_scratch_bytes = stage_moe_most(c, &t->stage, &t->most);
    t->moe_scratch = arena_take(a, t->moe_scratch_bytes, 1);
    if (!t->most.training) return;
    t->dx = ARENA_ARRAY(a, real, tokens * c->width);
    t->dnormed = ARENA_ARRAY(a, real, tokens * c->width);
    bool apart = c->residual_scale != 1 || c->dropout > 0 || c->expert_sigmoid;
    t->dhalf = apart ? ARENA_ARRAY(a, real, tokens * c->width) : t->dx;
    if (residual_logits(t)) t->dlogits = ARENA_ARRAY(a, real, tokens * residual_logits(t));
    if (c->cross) t->dencoder = ARENA_ARRAY(a, real, t->most.encoder_tokens * c->width);
    if (c->relative_buckets)
        t->dbias =
            ARENA_ARRAY(a, real, (t->stage.end - t->stage.first) * 2 * c->heads * t->most.keys);
}

static size_t arena_bytes(const compute *c, const model_config *config, const batch_limits *most,
    const transformer_stage *stage)
{
    compute measured = *c;
    transformer t = { .c = &measured, .config = config, .stage = *stage, .most = *most };
    arena a = { 0 };
    layout(&t, &a);
    return a.used;
}

size_t transformer_stage_bytes(const compute *c, const model_config *config,
    const batch_limits *most, const transformer_stage *stage)
{
    size_t laid_out = arena_bytes(c, config, most, stage);
    size_t positions = model_config_rotates(config) ? rope_bytes(&config->rope, most->keys) : 0;
    return laid_out > SIZE_MAX - positions ? SIZE_MAX : laid_out + positions;
}

/* All layers, one batch at a time. */
static transformer_stage whole_of(const model_config *config)
{
    return (transformer_stage){ .first = 0, .end = config->layers, .passes = 1 };
}

size_t transformer_bytes(const compute *c, const model_config *config, const batch_limits *most)
{
    transformer_stage whole = whole_of(config);
    return transformer_stage_bytes(c, config, most, &whole);
}

static cadre_status make_rope(transformer *t)
{
    return model_config_rotates(t->config) ? rope_new(&t->config->rope, t->most.keys, &t->rope)
                                           : CADRE_OK;
}

cadre_status transformer_new_stage(compute *c, const model_config *config, const batch_limits *most,
    const transformer_stage *stage, transformer **out)
{
    transformer *t = MEM_ARRAY(transformer, 1);
    if (!t) return CADRE_ENOMEM;
    *t = (transformer){ .c = c, .config = config, .stage = *stage, .most = *most };
    cadre_status status = make_rope(t);
    if (status == CADRE_OK && !arena_open(&t->memory, arena_bytes(c, config, most, stage)))
        status = CADRE_ENOMEM;
    if (status != CADRE_OK) {
        transformer_free(t);
        return status;
    }
    layout(t, &t->memory);
    t->positions = (mixer_positions){
        .rope = t->rope, .bias = t->bias, .span = 2 * most->keys, .zero = most->keys
    };
    *out = t;
    return CADRE_OK;
}

cadre_status transformer_new(
    compute *c, const model_config *config, const batch_limits *most, transformer **out)
{
    transformer_stage whole = whole_of(config);
    return transformer_new_stage(c, config, most, &whole, out);
}

void transformer_end_router_step(transformer *t, int64_t l, real *const *own)
{
    moe_layer_end_step(&t->config->layer[l].moe, &t->now->blocks[l - t->stage.first].sparse, own);
}

void transformer_free(transformer *t)
{
    if (!t) return;
    rope_free(t->rope);
    arena_close(&t->memory);
    mem_free(t);
}

/* ---- rows ---- */

static linear linear_of(
    const layer_weights *w, const layer_gradients *g, param_role role, param_role bias)
{
    return (linear){ .w = w->role[role],
        .bias = w->role[bias].data,
        .dw = g ? g->role[role] : NULL,
        .dbias = g ? g->role[bias] : NULL,
        .accumulate = g && g->accumulate };
}

static norm norm_of(
    const transformer *t, const layer_weights *w, const layer_gradients *g, param_role role)
{
    return (norm){ .heads = 1,
        .width = t->config->width,
        .gain = w->role[role].data,
        .dgain = g ? g->role[role] : NULL,
        .eps = (real)t->config->norm_eps,
        .accumulate = g && g->accumulate };
}

/* Numbers of a half's output that are left out, in training. half: 0 mixes, 1 feeds forward; behind
 * the last layer's are the embedding's. */
static void drop(const transformer *t, int64_t l, int half, real *x)
{
    const token_batch *b = &t->now->batch;
    if (!b->random.train || t->config->dropout <= 0) return;
    dropout d = dropout_of(&b->random, t->config->dropout, "dropout", 2 * l + half);
    dropout_apply(t->c, &d, b->tokens, t->config->width, x);
}

/* out = sigmoid(out), which backward needs */
static void squash(const transformer *t, int64_t l, const block_state *s, real *out)
{
    int64_t numbers = t->now->batch.tokens * t->config->width;
    if (!squashes(t, l)) return;
    t->c->variant->rows->sigmoid(numbers, out, out);
    if (s->squashed) memcpy(s->squashed, out, (size_t)numbers * sizeof *out);
}

/* Given d by s = sigmoid(z), which becomes d by z: d s (1 - s) */
static void squash_backward(const transformer *t, int64_t l, const block_state *s, real *d)
{
    int64_t numbers = t->now->batch.tokens * t->config->width;
    for (int64_t i = 0; squashes(t, l) && i < numbers; i++)
        d[i] *= s->squashed[i] * (1 - s->squashed[i]);
}

typedef struct add_task {
    const row_kernels *rows;
    int64_t width;
    real scale;
    const real *from;
    real *to;
} add_task;

static void add_range(void *arg, int64_t begin, int64_t end)
{
    const add_task *a = arg;
    int64_t n = (end - begin) * a->width, at = begin * a->width;
    if (a->scale != 1) a->rows->scale(n, a->scale, a->to + at, a->to + at);
    a->rows->add(n, a->from + at, a->to + at);
}

/* y [T, D] = x + scale * norm(y): the end of both halves of a block. Most models have no norm here,
 * and a scale of 1. */
static void join_residual(
    const transformer *t, const layer_weights *w, param_role role, const real *x, real *y)
{
    const model_config *c = t->config;
    norm post = norm_of(t, w, NULL, role);
    if (c->post_norms)
        norm_forward(
            t->c, &post, t->now->batch.tokens, rows_from(y, c->width), rows_to(y, c->width), NULL);
    add_task a = { t->c->variant->rows, c->width, (real)c->residual_scale, x, y };
    parallel_over(t->c, t->now->batch.tokens, 16, t->now->batch.tokens * c->width, add_range, &a);
}

static void scale_range(void *arg, int64_t begin, int64_t end)
{
    const add_task *a = arg;
    a->rows->scale(
        (end - begin) * a->width, a->scale, a->from + begin * a->width, a->to + begin * a->width);
}

/* y = x + scale * half:  dhalf = scale * dy, and dx = dy */
static void part_residual(const transformer *t)
{
    add_task a = { t->c->variant->rows, t->config->width, (real)t->config->residual_scale, t->dx,
        t->dhalf };
    if (t->dhalf != t->dx)
        parallel_over(t->c, t->now->batch.tokens, 16, t->now->batch.tokens * t->config->width,
            scale_range, &a);
}

/* ---- the half of the token mixer ---- */

static mixer_call mixer_call_of(
    const transformer *t, const mixer_config *c, const mixer_weights *w, int64_t l)
{
    const block_state *s = block_of(t, l);
    mixer_positions positions = t->positions;
    int64_t i = l - t->stage.first;
    if (t->dbias) positions.dbias = t->dbias + i * t->config->heads * positions.span;
    return (mixer_call){ .compute = t->c,
        .config = c,
        .weights = w,
        .batch = &t->now->batch,
        .most = &t->most,
        .positions = positions,
        .layer = l,
        .dencoder = t->dencoder,
        .kept = s->mixer,
        .kept_bytes = s->mixer_bytes,
        .workspace = t->workspace,
        .workspace_bytes = t->workspace_bytes };
}

/* y [T, D] = mixer(x) */
static void mix(transformer *t, const layer_weights *w, int64_t l, const real *x, real *y)
{
    const mixer_config *c = &t->config->layer[l].mixer;
    mixer_call call = mixer_call_of(t, c, &w->mixer, l);
    c->row->forward(&call, x, y);
}

/* t->dhalf -> t->dnormed */
static void mix_backward(
    transformer *t, const layer_weights *w, layer_gradients *g, int64_t l, const real *x)
{
    const mixer_config *c = &t->config->layer[l].mixer;
    mixer_call call = mixer_call_of(t, c, &w->mixer, l);
    c->row->backward(&call, &g->mixer, x, t->dhalf, t->dnormed);
}

/* ---- the feed-forward half ---- */

/* The sparse layer before (by -1) or behind (by 1) layer l; -1: there is none. */
static int64_t sparse_beside(const transformer *t, int64_t l, int64_t by)
{
    do l += by;
    while (l >= 0 && l < t->config->layers && !t->config->layer[l].sparse);
    return l < t->config->layers ? l : -1;
}

/* Without the noise that training may add. */
static const real *logits_of(const block_state *s)
{
    const router_state *r = &s->sparse.router;
    return r->clean ? r->clean : r->logits;
}

/* Of the sparse layer before l, which l reads. In training its state has them. */
static const real *logits_before(const transformer *t, int64_t l)
{
    if (!t->config->layer[l].moe.route.residual) return NULL;
    if (!t->most.training) return t->now->logits;
    return logits_of(block_of(t, sparse_beside(t, l, -1)));
}

static void keep_logits(const transformer *t, int64_t l, const block_state *s)
{
    size_t count = (size_t)(t->now->batch.tokens * t->config->layer[l].moe.experts);
    if (t->now->logits) memcpy(t->now->logits, logits_of(s), count * sizeof(real));
}

/* Whether the sparse layer behind l read its logits. */
static bool is_read_behind(const transformer *t, int64_t l)
{
    int64_t behind = sparse_beside(t, l, 1);
    return behind >= 0 && t->config->layer[behind].moe.route.residual;
}

static moe_call moe_call_of(const transformer *t, int64_t l, expert_source *source)
{
    const real *before = logits_before(t, l);
    return (moe_call){ .compute = t->c,
        .logits_before = before,
        .dlogits_before = before ? t->dlogits : NULL,
        .dlogits_after = t->dlogits && is_read_behind(t, l) ? t->dlogits : NULL,
        .batch = &t->now->batch,
        .scratch = t->moe_scratch,
        .scratch_bytes = t->moe_scratch_bytes,
        .balance = t->now->balance,
        .balance_layer = (int)model_config_sparse_before(t->config, l),
        .layer = (int32_t)l,
        .source = source };
}

static ffn ffn_of(const transformer *t, const layer_weights *w, const layer_gradients *g)
{
    double limit = t->config->expert_limit;
    return (ffn){ .activation = row_activation_by_name(t->c->variant->rows, t->config->expert_form),
        .limit = limit > 0 ? (real)limit : REAL_INF,
        .gate = linear_of(w, g, ROLE_GATE, ROLE_GATE_BIAS),
        .up = linear_of(w, g, ROLE_UP, ROLE_UP_BIAS),
        .down = linear_of(w, g, ROLE_DOWN, ROLE_DOWN_BIAS) };
}

static cadre_status feed_forward(
    transformer *t, const model_weights *w, int64_t l, block_state *s, real *out)
{
    int64_t width = t->config->width;
    if (t->config->layer[l].sparse) {
        moe_call call = moe_call_of(t, l, w->source);
        CADRE_TRY(moe_layer_forward(
            &call, &t->config->layer[l].moe, &w->layer[l].moe, s->y_normed, &s->sparse, out));
        keep_logits(t, l, s);
        return CADRE_OK;
    }
    ffn f = ffn_of(t, &w->layer[l], NULL);
    ffn_forward(t->c, &f, t->now->batch.tokens, rows_from(s->y_normed, width), &s->dense,
        rows_to(out, width));
    return CADRE_OK;
}

/* t->dhalf -> t->dnormed */
static void feed_forward_backward(
    transformer *t, const layer_weights *w, layer_gradients *g, int64_t l, block_state *s)
{
    int64_t width = t->config->width;
    const real *dy = t->dhalf;
    real *dx = t->dnormed;
    if (t->config->layer[l].sparse) {
        moe_call call = moe_call_of(t, l, NULL);
        moe_layer_backward(&call, &t->config->layer[l].moe, &w->moe, &s->sparse, dy, dx, &g->moe);
    } else {
        ffn f = ffn_of(t, w, g);
        ffn_backward(t->c, &f, t->now->batch.tokens, rows_from(s->y_normed, width), &s->dense,
            rows_from(dy, width), rows_to(dx, width));
    }
}

/* ---- a block ---- */

static mixer_call cross_call_of(const transformer *t, const layer_weights *w, int64_t l)
{
    const block_state *s = block_of(t, l);
    mixer_call call = mixer_call_of(t, &t->config->layer[l].cross, &w->cross, l);
    call.kept = s->cross;
    call.kept_bytes = s->cross_bytes;
    return call;
}

/* y = z + cross attention(norm(z)) */
static void attend_to_encoder(
    const transformer *t, const layer_weights *w, int64_t l, const block_state *s)
{
    mixer_call call = cross_call_of(t, w, l);
    int64_t tokens = t->now->batch.tokens, width = t->config->width;
    norm n = norm_of(t, w, NULL, ROLE_CROSS_NORM);
    norm_forward(
        t->c, &n, tokens, rows_from(s->z, width), rows_to(s->z_normed, width), s->z_inverse);
    call.config->row->forward(&call, s->z_normed, s->y);
    add_task a = { t->c->variant->rows, width, 1, s->z, s->y };
    parallel_over(t->c, tokens, 16, tokens * width, add_range, &a);
}

static void attend_to_encoder_backward(const transformer *t, const layer_weights *w,
    layer_gradients *g, int64_t l, const block_state *s)
{
    mixer_call call = cross_call_of(t, w, l);
    int64_t width = t->config->width;
    norm n = norm_of(t, w, g, ROLE_CROSS_NORM);
    call.config->row->backward(&call, &g->cross, s->z_normed, t->dx, t->dnormed);
    norm_backward(t->c, &n, t->now->batch.tokens, rows_from(s->z, width), s->z_inverse,
        rows_from(t->dnormed, width), rows_added(t->dx, width));
}

/* y = x + mixer(norm(x));  out = y + ffn(norm(y)); for what some models do to the sums, see
 * join_residual */
static cadre_status block_forward(
    transformer *t, const model_weights *all, int64_t l, block_state *s, real *out)
{
    const model_config *c = t->config;
    const layer_weights *w = &all->layer[l];
    const token_batch *b = &t->now->batch;
    norm first = norm_of(t, w, NULL, ROLE_ATTN_NORM), second = norm_of(t, w, NULL, ROLE_FFN_NORM);
    norm_forward(t->c, &first, b->tokens, rows_from(s->x, c->width), rows_to(s->x_normed, c->width),
        s->x_inverse);
    real *mixed = s->z ? s->z : s->y;
    mix(t, w, l, s->x_normed, mixed);
    drop(t, l, 0, mixed);
    join_residual(t, w, ROLE_ATTN_POST_NORM, s->x, mixed);
    if (s->z) attend_to_encoder(t, w, l, s);
    if (!layer_feeds_forward(&c->layer[l])) {
        memcpy(out, s->y, (size_t)(b->tokens * c->width) * sizeof *out);
        return CADRE_OK;
    }
    norm_forward(t->c, &second, b->tokens, rows_from(s->y, c->width),
        rows_to(s->y_normed, c->width), s->y_inverse);
    CADRE_TRY(feed_forward(t, all, l, s, out));
    squash(t, l, s, out);
    drop(t, l, 1, out);
    join_residual(t, w, ROLE_FFN_POST_NORM, s->y, out);
    return CADRE_OK;
}

/* t->dx: the gradient by the block's output becomes the gradient by its input */
static void block_backward(
    transformer *t, const layer_weights *w, layer_gradients *g, int64_t l, block_state *s)
{
    const model_config *c = t->config;
    const token_batch *b = &t->now->batch;
    norm first = norm_of(t, w, g, ROLE_ATTN_NORM), second = norm_of(t, w, g, ROLE_FFN_NORM);
    strided_in dnormed = rows_from(t->dnormed, c->width);
    strided_out dx = rows_added(t->dx, c->width);
    if (layer_feeds_forward(&c->layer[l])) {
        part_residual(t);
        drop(t, l, 1, t->dhalf);
        squash_backward(t, l, s, t->dhalf);
        feed_forward_backward(t, w, g, l, s);
        norm_backward(
            t->c, &second, b->tokens, rows_from(s->y, c->width), s->y_inverse, dnormed, dx);
    }
    if (s->z) attend_to_encoder_backward(t, w, g, l, s);
    part_residual(t);
    drop(t, l, 0, t->dhalf);
    mix_backward(t, w, g, l, s->x_normed);
    norm_backward(t->c, &first, b->tokens, rows_from(s->x, c->width), s->x_inverse, dnormed, dx);
}

/* ---- the decoder ---- */

static void take_batch(transformer *t, const token_batch *b)
{
    t->now->batch = *b;
    t->now->batch.positions = t->now->places;
    for (int64_t i = 0; i < b->sequences; i++) {
        int64_t first = b->states ? b->states[i]->length : 0;
        for (int64_t p = b->start[i]; p < b->start[i + 1]; p++)
            t->now->places[p] = (int32_t)(first + p - b->start[i]);
    }
}

static norm out_norm_of(const transformer *t, const model_weights *w, const model_gradients *g)
{
    return (norm){ .heads = 1,
        .width = t->config->width,
        .gain = w->out_norm.data,
        .dgain = g ? g->out_norm : NULL,
        .eps = (real)t->config->norm_eps,
        .accumulate = g && g->accumulate };
}

/* Where a state's pool is full none has moved. */
static cadre_status reserve_states(const token_batch *b)
{
    for (int64_t i = 0; b->states && i < b->sequences; i++)
        CADRE_TRY(sequence_state_reserve(b->states[i], b->start[i + 1] - b->start[i]));
    return CADRE_OK;
}

static void embed_inputs(const transformer *t, const model_weights *w)
{
    const token_batch *b = &t->now->batch;
    embedding e = { .table = &w->embed, .scale = (real)t->config->embedding_scale };
    embedding_forward(
        t->c, &e, b->tokens, b->inputs, rows_to(t->now->blocks[0].x, t->config->width));
    drop(t, t->config->layers, 0, t->now->blocks[0].x);
}

static void norm_end(const transformer *t, const model_weights *w)
{
    const pass *p = t->now;
    int64_t width = t->config->width;
    norm n = out_norm_of(t, w, NULL);
    norm_forward(t->c, &n, p->batch.tokens, rows_from(p->end, width), rows_to(p->hidden, width),
        p->end_inverse);
}

static cadre_status stop_if_asked(const token_batch *b)
{
    return b->may_stop ? interrupt_check(NULL) : CADRE_OK;
}

cadre_status transformer_forward(transformer *t, const model_weights *w, const token_batch *b,
    balance *balancing, transformer_watch watch, void *arg)
{
    const model_config *c = t->config;
    CADRE_TRY(reserve_states(b));
    take_batch(t, b);
    t->now->balance = balancing;
    if (t->bias) relative_bias_fill(c, &w->relative, t->most.keys, t->bias);
    if (t->stage.first == 0) embed_inputs(t, w);
    for (int64_t l = t->stage.first; l < t->stage.end; l++) {
        CADRE_TRY(stop_if_asked(b));
        block_state *s = block_of(t, l);
        /* Without backward: s->x, which is free by then */
        real *out = l + 1 == t->stage.end ? t->now->end : block_of(t, l + 1)->x;
        CADRE_TRY(block_forward(t, w, l, s, out));
        if (watch && c->layer[l].sparse) watch(arg, l, &s->sparse.plan);
    }
    if (is_last(t)) norm_end(t, w);
    for (int64_t i = 0; b->states && i < b->sequences; i++)
        sequence_state_advance(b->states[i], b->start[i + 1] - b->start[i]);
    return CADRE_OK;
}

static real logit_scale(const transformer *t) { return (real)model_config_logit_scale(t->config); }

const real *transformer_hidden(const transformer *t) { return t->now->hidden; }

/* logits [rows, V] of hidden states [rows, D] */
static void multiply_head(
    transformer *t, const model_weights *w, int64_t rows, const real *hidden, real *logits)
{
    linear head = { .w = w->head };
    linear_forward(
        t->c, &head, rows, rows_from(hidden, t->config->width), rows_to(logits, t->config->vocab));
    real scale = logit_scale(t);
    if (scale != 1) t->c->variant->rows->scale(rows * t->config->vocab, scale, logits, logits);
}

void transformer_logits(
    transformer *t, const model_weights *w, int64_t first, int64_t rows, real *logits)
{
    multiply_head(t, w, rows, t->now->hidden + first * t->config->width, logits);
}

/* The rows are gathered where the last block left its sum, which the last norm has read. */
void transformer_logits_of(
    transformer *t, const model_weights *w, const int64_t *rows, int64_t count, real *logits)
{
    int64_t width = t->config->width;
    for (int64_t i = 0; i < count; i++)
        memcpy(t->now->end + i * width, t->now->hidden + rows[i] * width,
            (size_t)width * sizeof *t->now->end);
    multiply_head(t, w, count, t->now->end, logits);
}

void transformer_losses(
    transformer *t, const model_weights *w, const int32_t *targets, real *losses)
{
    loss_head head = { { .w = w->head }, logit_scale(t) };
    loss_pass head_pass = { .tokens = t->now->batch.tokens,
        .x = rows_from(t->now->hidden, t->config->width),
        .targets = targets,
        .losses = losses };
    loss_forward(t->c, &head, &t->loss, &head_pass);
}

/* The losses, and t->dnormed: the gradient by the normed hidden states */
static void losses_backward(transformer *t, const model_weights *w, model_gradients *g,
    const int32_t *targets, real scale, real *losses)
{
    loss_head head = { { .w = w->head, .dw = g->head, .accumulate = g->accumulate },
        logit_scale(t) };
    loss_pass head_pass = { .tokens = t->now->batch.tokens,
        .x = rows_from(t->now->hidden, t->config->width),
        .targets = targets,
        .losses = losses,
        .scale = scale,
        .dx = rows_to(t->dnormed, t->config->width) };
    loss_forward_backward(t->c, &head, &t->loss, &head_pass);
}

/* t->dx: the gradient by the residual after the last block */
static void end_backward(
    transformer *t, const model_weights *w, model_gradients *g, const real *dhidden)
{
    const pass *p = t->now;
    int64_t width = t->config->width;
    norm n = out_norm_of(t, w, g);
    norm_backward(t->c, &n, p->batch.tokens, rows_from(p->end, width), p->end_inverse,
        rows_from(dhidden, width), rows_to(t->dx, width));
}

static void embedding_gradient(const transformer *t, const model_weights *w, model_gradients *g)
{
    const token_batch *b = &t->now->batch;
    embedding e = { .table = &w->embed,
        .scale = (real)t->config->embedding_scale,
        .dtable = g->embed,
        .accumulate = g->accumulate || g->head == g->embed };
    drop(t, t->config->layers, 0, t->dx);
    embedding_backward(t->c, &e, b->tokens, b->inputs, rows_from(t->dx, t->config->width));
}

static void clear_encoder_gradient(const transformer *t)
{
    const token_batch *b = &t->now->batch;
    if (!t->dencoder) return;
    size_t count = (size_t)(b->encoder_start[b->sequences] * t->config->width);
    memset(t->dencoder, 0, count * sizeof *t->dencoder);
}

/* From t->dx, by what follows the stage, to the parameters and t->dx, by what is before it. */
static cadre_status blocks_backward(transformer *t, const model_weights *w, model_gradients *g)
{
    clear_encoder_gradient(t);
    for (int64_t l = t->stage.end - 1; l >= t->stage.first; l--) {
        CADRE_TRY(stop_if_asked(&t->now->batch));
        block_backward(t, &w->layer[l], &g->layer[l], l, block_of(t, l));
    }
    if (t->dbias && g->relative)
        relative_bias_gradient(
            t->config, t->dbias, t->stage.end - t->stage.first, t->most.keys, g->relative);
    if (t->stage.first == 0) embedding_gradient(t, w, g);
    return CADRE_OK;
}

cadre_status transformer_backward(transformer *t, const model_weights *w, model_gradients *g,
    const int32_t *targets, real scale, real *losses)
{
    if (is_last(t)) {
        losses_backward(t, w, g, targets, scale, losses);
        end_backward(t, w, g, t->dnormed);
    }
    return blocks_backward(t, w, g);
}

cadre_status transformer_backward_from(
    transformer *t, const model_weights *w, model_gradients *g, const real *dhidden)
{
    end_backward(t, w, g, dhidden);
    return blocks_backward(t, w, g);
}

const real *transformer_encoder_gradient(const transformer *t) { return t->dencoder; }

/* ---- stages ---- */

void transformer_turn_to(transformer *t, int i)
{
    assert(i >= 0 && i < t->stage.passes);
    t->now = &t->passes[i];
}

real *transformer_entry(transformer *t) { return t->now->blocks[0].x; }
const real *transformer_exit(const transformer *t) { return t->now->end; }
real *transformer_gradient(transformer *t) { return t->dx; }

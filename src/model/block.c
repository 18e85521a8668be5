/* block.c - a block forward and backward: its norms, its token mixer, its attention to an encoder,
 * its feed-forward, and the sums that join them. */
#include "model/block.h"

#include <math.h>
#include <string.h>

#include "model/lookahead.h"
#include "op/dropout.h"
#include "op/norm.h"
#include "op/parallel.h"

/* ---- rows ---- */

static linear linear_of(
    const layer_weights *w, const layer_gradients *g, param_role role, param_role bias)
{
    return (linear){ .w = w->role[role],
        .bias = w->role[bias].data,
        .dw = g ? g->role[role] : NULL,
        .dbias = g ? g->role[bias] : NULL,
        .accumulate = g && g->accumulate,
        .leaves = g ? g->leaves : NULL };
}

static norm norm_of(
    const transformer *t, const layer_weights *w, const layer_gradients *g, param_role role)
{
    return (norm){ .heads = 1,
        .width = t->config->width,
        .gain = w->role[role].data,
        .dgain = g ? g->role[role] : NULL,
        .eps = (real)t->config->norm_eps,
        .accumulate = g && g->accumulate,
        .leaves = g ? g->leaves : NULL };
}

void block_drop(const transformer *t, int64_t l, int half, real *x)
{
    const token_batch *b = &t->now->batch;
    if (!b->random.train || t->config->dropout <= 0) return;
    dropout d = dropout_of(&b->random, t->config->dropout, "dropout", 2 * l + half);
    dropout_apply(t->c, &d, b->tokens, t->config->width, x);
}

/* out = sigmoid(out), which backward needs */
static void squash(const transformer *t, int64_t l, const block_state *s, real *out)
{
    int64_t elements = t->now->batch.tokens * t->config->width;
    if (!transformer_squashes(t, l)) return;
    t->c->variant->rows->sigmoid(elements, out, out);
    if (s->squashed) memcpy(s->squashed, out, (size_t)elements * sizeof *out);
}

/* Given d by s = sigmoid(z), which becomes d by z: d s (1 - s) */
static void squash_backward(const transformer *t, int64_t l, const block_state *s, real *d)
{
    int64_t elements = t->now->batch.tokens * t->config->width;
    for (int64_t i = 0; transformer_squashes(t, l) && i < elements; i++)
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

/* The norm behind a half of a block, and what is kept of its input */
typedef struct post_norm {
    param_role role;
    real *x, *inverse; /* NULL: forward only */
} post_norm;

static post_norm behind_mixer(const block_state *s)
{
    return (post_norm){ ROLE_ATTN_POST_NORM, s->mixed, s->mixed_inverse };
}
static post_norm behind_ffn(const block_state *s)
{
    return (post_norm){ ROLE_FFN_POST_NORM, s->fed, s->fed_inverse };
}

static void norm_half(const transformer *t, const layer_weights *w, const post_norm *p, real *y)
{
    int64_t tokens = t->now->batch.tokens, width = t->config->width;
    norm n = norm_of(t, w, NULL, p->role);
    if (p->x) memcpy(p->x, y, (size_t)(tokens * width) * sizeof *y);
    norm_forward(t->c, &n, tokens, rows_from(y, width), rows_to(y, width), p->inverse);
}

/* t->dhalf, the gradient by the norm's output, becomes that by its input. */
static void norm_half_backward(
    const transformer *t, const layer_weights *w, const layer_gradients *g, const post_norm *p)
{
    int64_t tokens = t->now->batch.tokens, width = t->config->width;
    norm n = norm_of(t, w, g, p->role);
    if (t->config->post_norms)
        norm_backward(t->c, &n, tokens, rows_from(p->x, width), p->inverse,
            rows_from(t->dhalf, width), rows_to(t->dhalf, width));
}

/* y [T, D] = x + scale * norm(y): the end of both halves of a block. Most models have no norm here
 * and a scale of 1. */
static void join_residual(
    const transformer *t, const layer_weights *w, post_norm post, const real *x, real *y)
{
    const model_config *c = t->config;
    if (c->post_norms) norm_half(t, w, &post, y);
    add_task a = { t->c->variant->rows, c->width, (real)c->residual_scale, x, y };
    parallel_over(t->c, t->now->batch.tokens, 16, t->now->batch.tokens * c->width, add_range, &a);
}

static void scale_range(void *arg, int64_t begin, int64_t end)
{
    const add_task *a = arg;
    a->rows->scale(
        (end - begin) * a->width, a->scale, a->from + begin * a->width, a->to + begin * a->width);
}

/* y = x + scale * norm(half):  dhalf = norm's gradient of scale * dy, and dx = dy */
static void part_residual(
    const transformer *t, const layer_weights *w, const layer_gradients *g, post_norm post)
{
    add_task a = { t->c->variant->rows, t->config->width, (real)t->config->residual_scale, t->dx,
        t->dhalf };
    if (t->dhalf != t->dx)
        parallel_over(t->c, t->now->batch.tokens, 16, t->now->batch.tokens * t->config->width,
            scale_range, &a);
    norm_half_backward(t, w, g, &post);
}

/* ---- the half of the token mixer ---- */

static mixer_call mixer_call_of(
    const transformer *t, const mixer_config *c, const mixer_weights *w, int64_t l)
{
    const block_state *s = transformer_block(t, l);
    mixer_positions positions = t->positions;
    if (t->window_rope && c->window) positions.rope = t->window_rope;
    if (c->unplaced) positions.rope = NULL;
    int64_t i = l - t->stage.first;
    if (t->dbias) positions.dbias = t->dbias + i * t->config->heads * positions.span;
    /* The bias is of all ranks' heads */
    if (positions.bias && c->whole_kv_heads)
        positions.bias += positions.span *
                          gather_first(transformer_tensor(t), t->config->heads, c->whole_kv_heads);
    return (mixer_call){ .compute = t->c,
        .config = c,
        .tensor = transformer_tensor(t),
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

/* The sparse layer before layer l (by -1) or after it (by 1); -1: there is none. */
static int64_t sparse_beside(const transformer *t, int64_t l, int64_t by)
{
    do l += by;
    while (l >= 0 && l < t->config->layers && !t->config->layer[l].sparse);
    return l < t->config->layers ? l : -1;
}

/* The router's logits without the noise that training may add */
static const real *logits_of(const block_state *s)
{
    const router_state *r = &s->sparse.router;
    return r->clean ? r->clean : r->logits;
}

/* The logits of the sparse layer before l, which l reads. In training that layer's state has
 * them. */
static const real *logits_before(const transformer *t, int64_t l)
{
    if (!t->config->layer[l].moe.route.residual) return NULL;
    if (!t->most.training) return t->now->logits;
    return logits_of(transformer_block(t, sparse_beside(t, l, -1)));
}

/* Whether the next sparse layer reads the logits of layer l */
static bool is_read_behind(const transformer *t, int64_t l)
{
    int64_t behind = sparse_beside(t, l, 1);
    return behind >= 0 && t->config->layer[behind].moe.route.residual;
}

static void keep_logits(const transformer *t, int64_t l, const block_state *s)
{
    size_t count = (size_t)(t->now->batch.tokens * t->config->layer[l].moe.experts);
    if (!t->now->logits || !is_read_behind(t, l)) return;
    memcpy(t->now->logits, logits_of(s), count * sizeof(real));
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
        .balance = t->recomputes ? NULL : t->now->balance,
        .balance_layer = (int)model_config_sparse_before(t->config, l),
        .layer = (int32_t)l,
        .source = source,
        .tensor = transformer_tensor(t),
        .owners = t->owners,
        .placed = t->placed ? &t->placed[l] : NULL };
}

static ffn ffn_of(const transformer *t, int64_t l, const layer_weights *w, const layer_gradients *g)
{
    double limit = t->config->expert_limit;
    const char *form = layer_form_name(t->config, &t->config->layer[l]);
    return (ffn){ .activation = row_activation_by_name(t->c->variant->rows, form),
        .limit = limit > 0 ? (real)limit : REAL_INF,
        .tensor = transformer_tensor(t),
        .gate = linear_of(w, g, ROLE_GATE, ROLE_GATE_BIAS),
        .up = linear_of(w, g, ROLE_UP, ROLE_UP_BIAS),
        .down = linear_of(w, g, ROLE_DOWN, ROLE_DOWN_BIAS) };
}

static void feed_dense(
    const transformer *t, const model_weights *w, int64_t l, block_state *s, real *out)
{
    int64_t width = t->config->width;
    ffn f = ffn_of(t, l, &w->layer[l], NULL);
    ffn_forward(t->c, &f, t->now->batch.tokens, rows_from(s->y_normed, width), &s->dense,
        rows_to(out, width));
}

static void norm_rows(
    const transformer *t, const layer_weights *w, param_role role, const real *x, real *y)
{
    int64_t width = t->config->width;
    norm n = norm_of(t, w, NULL, role);
    norm_forward(t->c, &n, t->now->batch.tokens, rows_from(x, width), rows_to(y, width), NULL);
}

/* out [T, D] = norm(out) + norm(dense(norm(y))), where out is the sum of the routed experts */
static void add_beside(
    const transformer *t, const model_weights *w, int64_t l, block_state *s, real *out)
{
    int64_t tokens = t->now->batch.tokens, width = t->config->width;
    const layer_weights *own = &w->layer[l];
    feed_dense(t, w, l, s, s->beside);
    norm_rows(t, own, ROLE_BESIDE_POST_NORM, s->beside, s->beside);
    norm_rows(t, own, ROLE_EXPERT_POST_NORM, out, out);
    add_task a = { t->c->variant->rows, width, 1, s->beside, out };
    parallel_over(t->c, tokens, 16, tokens * width, add_range, &a);
}

/* What the experts of such a layer read, and what their router reads: the residual with a norm and
 * divided by the root of the width */
static void norm_for_experts(
    const transformer *t, const layer_weights *w, const block_state *s, moe_call *call)
{
    int64_t tokens = t->now->batch.tokens, width = t->config->width;
    norm_rows(t, w, ROLE_EXPERT_PRE_NORM, s->y, s->expert_in);
    norm_rows(t, w, ROLE_ROUTER_NORM, s->y, s->routed);
    add_task a = { t->c->variant->rows, width, (real)(1 / sqrt((double)width)), s->routed,
        s->routed };
    parallel_over(t->c, tokens, 16, tokens * width, scale_range, &a);
    call->router_input = s->routed;
}

static cadre_status feed_forward(
    transformer *t, const model_weights *w, int64_t l, block_state *s, real *out)
{
    const layer_config *layer = &t->config->layer[l];
    if (!layer->sparse) {
        feed_dense(t, w, l, s, out);
        return CADRE_OK;
    }
    moe_call call = moe_call_of(t, l, w->source);
    lookahead(t, w, sparse_beside(t, l, 1), s->y);
    if (layer->beside) norm_for_experts(t, &w->layer[l], s, &call);
    CADRE_TRY(moe_layer_forward(&call, &layer->moe, &w->layer[l].moe,
        layer->beside ? s->expert_in : s->y_normed, &s->sparse, out));
    keep_logits(t, l, s);
    if (layer->beside) add_beside(t, w, l, s, out);
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
        ffn f = ffn_of(t, l, w, g);
        ffn_backward(t->c, &f, t->now->batch.tokens, rows_from(s->y_normed, width), &s->dense,
            rows_from(dy, width), rows_to(dx, width));
    }
}

/* ---- a block ---- */

static mixer_call cross_call_of(const transformer *t, const layer_weights *w, int64_t l)
{
    const block_state *s = transformer_block(t, l);
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

/* out *= the layer's number */
static void scale_layer(const transformer *t, const layer_weights *w, real *out)
{
    int64_t tokens = t->now->batch.tokens, width = t->config->width;
    const real *scale = w->role[ROLE_LAYER_SCALE].data;
    add_task a = { t->c->variant->rows, width, *scale, out, out };
    parallel_over(t->c, tokens, 16, tokens * width, scale_range, &a);
}

/* y = x + mixer(norm(x));  out = y + ffn(norm(y)); for what some models do to the sums, see
 * join_residual */
cadre_status block_forward(
    transformer *t, const model_weights *all, int64_t l, block_state *s, real *out)
{
    const model_config *c = t->config;
    const layer_weights *w = &all->layer[l];
    const token_batch *b = &t->now->batch;
    norm first = norm_of(t, w, NULL, ROLE_ATTN_NORM), second = norm_of(t, w, NULL, ROLE_FFN_NORM);
    real *mixed = s->z ? s->z : s->y;
    if (layer_mixes(&c->layer[l])) {
        norm_forward(t->c, &first, b->tokens, rows_from(s->x, c->width),
            rows_to(s->x_normed, c->width), s->x_inverse);
        mix(t, w, l, s->x_normed, mixed);
        block_drop(t, l, 0, mixed);
        join_residual(t, w, behind_mixer(s), s->x, mixed);
    } else {
        memcpy(mixed, s->x, (size_t)(b->tokens * c->width) * sizeof *mixed);
    }
    if (s->z) attend_to_encoder(t, w, l, s);
    if (!layer_feeds_forward(&c->layer[l])) {
        memcpy(out, s->y, (size_t)(b->tokens * c->width) * sizeof *out);
        return CADRE_OK;
    }
    norm_forward(t->c, &second, b->tokens, rows_from(s->y, c->width),
        rows_to(s->y_normed, c->width), s->y_inverse);
    CADRE_TRY(feed_forward(t, all, l, s, out));
    squash(t, l, s, out);
    block_drop(t, l, 1, out);
    join_residual(t, w, behind_ffn(s), s->y, out);
    if (c->layer_scale) scale_layer(t, w, out);
    return CADRE_OK;
}

/* t->dx: the gradient by the block's output becomes the gradient by its input */
void block_backward(
    transformer *t, const layer_weights *w, layer_gradients *g, int64_t l, block_state *s)
{
    const model_config *c = t->config;
    const token_batch *b = &t->now->batch;
    norm first = norm_of(t, w, g, ROLE_ATTN_NORM), second = norm_of(t, w, g, ROLE_FFN_NORM);
    strided_in dnormed = rows_from(t->dnormed, c->width);
    strided_out dx = rows_added(t->dx, c->width);
    if (layer_feeds_forward(&c->layer[l])) {
        part_residual(t, w, g, behind_ffn(s));
        block_drop(t, l, 1, t->dhalf);
        squash_backward(t, l, s, t->dhalf);
        feed_forward_backward(t, w, g, l, s);
        norm_backward(
            t->c, &second, b->tokens, rows_from(s->y, c->width), s->y_inverse, dnormed, dx);
    }
    if (s->z) attend_to_encoder_backward(t, w, g, l, s);
    if (!layer_mixes(&c->layer[l])) return;
    part_residual(t, w, g, behind_mixer(s));
    block_drop(t, l, 0, t->dhalf);
    mix_backward(t, w, g, l, s->x_normed);
    norm_backward(t->c, &first, b->tokens, rows_from(s->x, c->width), s->x_inverse, dnormed, dx);
}

/* transformer_memory.c - a transformer's memory, which the same code measures and lays out. */
#include "model/transformer_state.h"

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* The bytes that a layer's mixer leaves for backward */
static size_t mixer_bytes(const layer_config *l, const batch_limits *most)
{
    return l->mixer.row->kept_bytes(&l->mixer, most);
}

/* The same for its attention to an encoder */
static size_t cross_bytes(const layer_config *l, const batch_limits *most)
{
    return l->cross.row ? l->cross.row->kept_bytes(&l->cross, most) : 0;
}

/* The most bytes of the layers' mixers that share a block's memory */
static size_t mixer_most(const transformer *t)
{
    size_t bytes = 0;
    for (int64_t l = t->stage.first; l < t->stage.end; l++)
        bytes = larger(bytes, mixer_bytes(&t->config->layer[l], &t->most));
    return bytes;
}

static size_t workspace_of(const mixer_config *c, const batch_limits *most, int workers)
{
    return c->row ? c->row->workspace_bytes(c, most, workers) : 0;
}

/* The most workspace that a call of a mixer needs */
static size_t workspace_most(const transformer *t)
{
    size_t bytes = 0;
    for (int64_t l = t->stage.first; l < t->stage.end; l++) {
        bytes = larger(bytes, workspace_of(&t->config->layer[l].mixer, &t->most, t->c->workers));
        bytes = larger(bytes, workspace_of(&t->config->layer[l].cross, &t->most, t->c->workers));
    }
    return bytes;
}

/* The most scratch that a sparse layer needs */
static size_t moe_scratch_most(const transformer *t)
{
    size_t bytes = 0;
    for (int64_t l = t->stage.first; l < t->stage.end; l++)
        if (t->config->layer[l].sparse)
            bytes = larger(bytes, moe_scratch_bytes(&t->config->layer[l].moe, &t->most));
    return bytes;
}

/* What stays of a block's forward until its backward, however that gets the rest: its input, and
 * where its tokens went */
static void layout_entry(const transformer *t, block_state *s, arena *a, int64_t l)
{
    const layer_config *layer = &t->config->layer[l];
    s->x = ARENA_ARRAY(a, real, t->most.tokens * t->config->width);
    if (layer->sparse && t->most.training)
        moe_state_layout_routing(&s->sparse, a, &layer->moe, &t->most);
}

/* The rest of it, but for its feed-forward */
static void layout_block(const transformer *t, block_state *s, arena *a, int64_t l)
{
    int64_t tokens = t->most.tokens, width = t->config->width;
    s->x_normed = ARENA_ARRAY(a, real, tokens * width);
    s->x_inverse = ARENA_ARRAY(a, real, tokens);
    s->y = ARENA_ARRAY(a, real, tokens * width);
    s->y_normed = ARENA_ARRAY(a, real, tokens * width);
    s->y_inverse = ARENA_ARRAY(a, real, tokens);
    bool own = t->most.training && !t->most.recompute; /* mixers lay out what they share anew */
    s->mixer_bytes = own ? mixer_bytes(&t->config->layer[l], &t->most) : mixer_most(t);
    s->mixer = arena_take(a, s->mixer_bytes, 1);
    if (t->config->post_norms && t->most.training) {
        s->mixed = ARENA_ARRAY(a, real, tokens * width);
        s->mixed_inverse = ARENA_ARRAY(a, real, tokens);
        s->fed = ARENA_ARRAY(a, real, tokens * width);
        s->fed_inverse = ARENA_ARRAY(a, real, tokens);
    }
    if (!t->config->cross) return;
    s->z = ARENA_ARRAY(a, real, tokens * width);
    s->z_normed = ARENA_ARRAY(a, real, tokens * width);
    s->z_inverse = ARENA_ARRAY(a, real, tokens);
    s->cross_bytes = cross_bytes(&t->config->layer[l], &t->most);
    s->cross = arena_take(a, s->cross_bytes, 1);
}

/* Lays out the feed-forward of layer l after the rest of the block. */
static void layout_ffn(const transformer *t, block_state *s, arena *a, int64_t l)
{
    const layer_config *layer = &t->config->layer[l];
    int inputs = model_config_inputs(t->config, layer);
    if (layer->sparse && !t->most.training)
        moe_state_layout_routing(&s->sparse, a, &layer->moe, &t->most);
    if (layer->sparse) moe_state_layout_rows(&s->sparse, a, &layer->moe, &t->most);
    if (layer->beside) {
        s->routed = ARENA_ARRAY(a, real, t->most.tokens * t->config->width);
        s->expert_in = ARENA_ARRAY(a, real, t->most.tokens * t->config->width);
        s->beside = ARENA_ARRAY(a, real, t->most.tokens * t->config->width);
    }
    if ((!layer->sparse || layer->beside) && layer->dense_width)
        ffn_state_layout(&s->dense, a, inputs, layer->dense_width, t->most.tokens);
    if (transformer_squashes(t, l) && t->most.training)
        s->squashed = ARENA_ARRAY(a, real, t->most.tokens * t->config->width);
}

static void raise(int64_t *most, int64_t elements)
{
    if (elements > *most) *most = elements;
}

static int64_t mixer_columns(const mixer_config *m)
{
    if (!m->row || !m->kv_heads) return 0;
    int64_t all = m->whole_kv_heads ? m->whole_kv_heads : m->kv_heads,
            raw = (m->heads / m->kv_heads + 1) * all * m->head_dim,
            values = m->heads / m->kv_heads * all * m->value_dim,
            low = m->q_lora + m->kv_lora + m->rope_dim;
    raise(&raw, values);
    raise(&raw, low);
    if (m->kv_lora) raise(&raw, all * (m->nope_dim + m->value_dim)); /* of a backward pass */
    return raw;
}

/* The largest matrix of layer l that ranks gather */
static void measure_gathers(transformer *t, const moe_state *s, int64_t l)
{
    const layer_config *layer = &t->config->layer[l];
    int64_t *most = &t->tensor.most, tokens = t->most.tokens,
            rows = t->most.training ? 0 : s->most_rows;
    raise(most, tokens * mixer_columns(&layer->mixer));
    raise(most, tokens * mixer_columns(&layer->cross));
    raise(most, tokens * t->config->width);
    raise(most, tokens * layer->dense_width);
    if (!layer->sparse) return;
    raise(most, rows * layer->moe.width);
    raise(most, rows * layer->moe.latent);
    if (t->most.training) { /* the inputs of the two, kept for backward */
        raise(most, 2 * tokens * layer->moe.shared);
        raise(most, 2 * tokens * layer->moe.residual);
    }
    raise(most, rows * layer->moe.hidden);
    for (int32_t i = 0; i < layer->moe.route.banks; i++)
        raise(most, rows * moe_config_bank_hidden(&layer->moe, i));
    raise(most, tokens * layer->moe.shared);
    raise(most, tokens * layer->moe.residual);
}

/* Without a backward pass, the layers share one state, and their feed-forwards the room of the
 * largest. */
static void layout_shared_state(transformer *t, pass *p, arena *a)
{
    int64_t count = t->stage.end - t->stage.first;
    block_state scrap = { 0 }; /* takes the pointers when measuring */
    layout_entry(t, p->blocks ? p->blocks : &scrap, a, t->stage.first);
    layout_block(t, p->blocks ? p->blocks : &scrap, a, t->stage.first);
    size_t start = a->used, end = start;
    a->overlaid = true;
    for (int64_t i = 0; i < count; i++) {
        block_state *s = p->blocks ? &p->blocks[i] : &scrap;
        if (p->blocks) *s = p->blocks[0];
        if (a->used != SIZE_MAX) a->used = start;
        layout_ffn(t, s, a, t->stage.first + i);
        if (t->tensor.ranks) measure_gathers(t, &s->sparse, t->stage.first + i);
        if (a->used > end) end = a->used;
    }
    a->used = end;
    a->overlaid = false;
}

/* In training every layer of every pass has a state of its own; what is computed again lies in the
 * room of the largest, which layout_again gives to all. */
static void layout_states(transformer *t, pass *p, arena *a)
{
    int64_t count = t->stage.end - t->stage.first;
    block_state scrap = { 0 };
    for (int64_t i = 0; i < count; i++) {
        block_state *s = p->blocks ? &p->blocks[i] : &scrap;
        layout_entry(t, s, a, t->stage.first + i);
        if (t->tensor.ranks) measure_gathers(t, &s->sparse, t->stage.first + i);
        if (t->most.recompute) continue;
        layout_block(t, s, a, t->stage.first + i);
        layout_ffn(t, s, a, t->stage.first + i);
    }
}

static void layout_again(transformer *t, arena *a)
{
    int64_t count = t->stage.end - t->stage.first;
    block_state scrap = { 0 };
    size_t start = a->used, end = start;
    a->overlaid = true;
    for (int64_t i = 0; i < t->stage.passes * count; i++) {
        block_state *s = t->passes ? &t->passes[i / count].blocks[i % count] : &scrap;
        if (a->used != SIZE_MAX) a->used = start;
        layout_block(t, s, a, t->stage.first + i % count);
        layout_ffn(t, s, a, t->stage.first + i % count);
        if (a->used > end) end = a->used;
    }
    a->used = end;
    a->overlaid = false;
}

/* The most logits of one token that a sparse layer reads of the previous one; 0: none reads any. */
static int64_t residual_logits(const transformer *t)
{
    int64_t most = 0;
    for (int64_t l = 0; l < t->config->layers; l++) {
        const layer_config *layer = &t->config->layer[l];
        bool reads = layer->sparse && layer->moe.route.residual;
        if (reads && layer->moe.experts > most) most = layer->moe.experts;
    }
    return most;
}

static void layout_pass(transformer *t, pass *p, arena *a)
{
    int64_t tokens = t->most.tokens, width = t->config->width;
    p->blocks = ARENA_ARRAY(a, block_state, t->stage.end - t->stage.first);
    if (t->most.training) layout_states(t, p, a);
    else layout_shared_state(t, p, a);
    p->end = ARENA_ARRAY(a, real, tokens * width);
    p->places = ARENA_ARRAY(a, int32_t, tokens);
    if (t->config->types.count) p->types = ARENA_ARRAY(a, int32_t, tokens);
    if (residual_logits(t) && !t->most.training)
        p->logits = ARENA_ARRAY(a, real, tokens * residual_logits(t));
    if (!transformer_is_last(t)) return;
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
    if (t->most.training && t->most.recompute) layout_again(t, a);
    t->workspace_bytes = workspace_most(t);
    t->workspace = arena_take(a, t->workspace_bytes, 1);
    if (c->relative_buckets) t->bias = ARENA_ARRAY(a, real, 2 * c->heads * t->most.keys);
    if (transformer_is_last(t)) {
        int32_t leaves = t->most.training && !c->bidirectional ? t->most.leaves : 0;
        int64_t own =
            t->most.training ? gather_own(transformer_tensor(t), c->vocab, c->vocab) : c->vocab;
        t->loss = loss_scratch_take(a, tokens, c->vocab, own, c->width, leaves);
        if (t->most.training) raise(&t->tensor.most, t->loss.rows * c->vocab);
    }
    t->moe_scratch_bytes = moe_scratch_most(t);
    t->moe_scratch = arena_take(a, t->moe_scratch_bytes, 1);
    if (t->tensor.ranks) t->tensor.scratch = ARENA_ARRAY(a, real, t->tensor.most);
    if (!t->most.training) return;
    t->dx = ARENA_ARRAY(a, real, tokens * c->width);
    if (t->most.ranks > 0 && t->stage.first == 0) {
        t->all_inputs = ARENA_ARRAY(a, int32_t, t->most.all_tokens);
        t->all_dx = ARENA_ARRAY(a, real, t->most.all_tokens * c->width);
    }
    t->dnormed = ARENA_ARRAY(a, real, tokens * c->width);
    bool apart = c->residual_scale != 1 || c->dropout > 0 || c->expert_sigmoid || c->post_norms;
    t->dhalf = apart ? ARENA_ARRAY(a, real, tokens * c->width) : t->dx;
    if (residual_logits(t)) t->dlogits = ARENA_ARRAY(a, real, tokens * residual_logits(t));
    if (c->cross) t->dencoder = ARENA_ARRAY(a, real, t->most.encoder_tokens * c->width);
    if (c->relative_buckets)
        t->dbias =
            ARENA_ARRAY(a, real, (t->stage.end - t->stage.first) * 2 * c->heads * t->most.keys);
}

static size_t arena_bytes(const compute *c, const model_config *config, const batch_limits *most,
    const transformer_stage *stage, const transformer_ranks *ranks)
{
    compute measured = *c;
    transformer t = { .c = &measured,
        .config = config,
        .stage = *stage,
        .most = *most,
        .tensor.ranks = ranks->tensor };
    arena a = { 0 };
    layout(&t, &a);
    return a.used;
}

size_t transformer_stage_bytes(const compute *c, const model_config *config,
    const batch_limits *most, const transformer_stage *stage, const transformer_ranks *ranks)
{
    size_t laid_out = arena_bytes(c, config, most, stage, ranks);
    size_t positions = model_config_rotates(config) ? rope_bytes(&config->rope, most->keys) : 0;
    if (positions && config->own_window_rope)
        positions += rope_bytes(&config->window_rope, most->keys);
    return laid_out > SIZE_MAX - positions ? SIZE_MAX : laid_out + positions;
}

/* All layers, one batch at a time */
static transformer_stage whole_of(const model_config *config)
{
    return (transformer_stage){ .first = 0, .end = config->layers, .passes = 1 };
}

size_t transformer_bytes(const compute *c, const model_config *config, const batch_limits *most)
{
    transformer_stage whole = whole_of(config);
    return transformer_stage_bytes(c, config, most, &whole, &(transformer_ranks){ 0 });
}

static cadre_status make_rope(transformer *t)
{
    if (!model_config_rotates(t->config)) return CADRE_OK;
    CADRE_TRY(rope_new(&t->config->rope, t->most.keys, &t->rope));
    return t->config->own_window_rope
               ? rope_new(&t->config->window_rope, t->most.keys, &t->window_rope)
               : CADRE_OK;
}

cadre_status transformer_new_share(compute *c, const model_config *config, const batch_limits *most,
    const transformer_stage *stage, const transformer_ranks *ranks, transformer **out)
{
    transformer *t = MEM_ARRAY(transformer, 1);
    if (!t) return CADRE_ENOMEM;
    *t = (transformer){ .c = c,
        .config = config,
        .stage = *stage,
        .most = *most,
        .tensor.ranks = ranks->tensor,
        .owners = ranks->owners,
        .placed = ranks->placed };
    cadre_status status = make_rope(t);
    if (status == CADRE_OK && !arena_open(&t->arena, arena_bytes(c, config, most, stage, ranks)))
        status = CADRE_ENOMEM;
    if (status != CADRE_OK) {
        transformer_free(t);
        return status;
    }
    layout(t, &t->arena);
    t->positions = (mixer_positions){
        .rope = t->rope, .bias = t->bias, .span = 2 * most->keys, .zero = most->keys
    };
    *out = t;
    return CADRE_OK;
}

cadre_status transformer_new_stage(compute *c, const model_config *config, const batch_limits *most,
    const transformer_stage *stage, transformer **out)
{
    return transformer_new_share(c, config, most, stage, &(transformer_ranks){ 0 }, out);
}

cadre_status transformer_new(
    compute *c, const model_config *config, const batch_limits *most, transformer **out)
{
    transformer_stage whole = whole_of(config);
    return transformer_new_stage(c, config, most, &whole, out);
}

void transformer_free(transformer *t)
{
    if (!t) return;
    rope_free(t->rope);
    rope_free(t->window_rope);
    arena_close(&t->arena);
    mem_free(t);
}

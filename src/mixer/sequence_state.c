/* sequence_state.c - a table of spans, and fixed parts. */
#include "mixer/sequence_state.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

size_t layer_state_bytes(const mixer_config *c, int64_t tokens)
{
    mixer_state_size size = c->row->state(c);
    int64_t blocks =
        size.window ? state_window_blocks(size.window, tokens, STATE_PASS) : state_blocks(tokens);
    return (size_t)(blocks * state_block_bytes(&size)) + 2 * (size_t)size.fixed * sizeof(real);
}

size_t sequence_state_table_bytes(int64_t layers, int64_t tokens)
{
    size_t span = STATE_SPAN_KINDS * sizeof(state_block) + sizeof(state_span);
    return (size_t)state_blocks(tokens) * (span + 2 * (size_t)layers * sizeof(void *));
}

/* ---- memory ---- */

static void point_to_fixed(sequence_state *s)
{
    int64_t at = 0;
    for (int64_t l = 0; l < s->layers; at += s->layer[l++].size.fixed) {
        s->layer[l].fixed = s->fixed + at;
        s->layer[l].next = s->next + at;
    }
}

static void place(sequence_state *s)
{
    int64_t blocks = s->capacity / STATE_BLOCK;
    for (int64_t l = 0; l < s->layers; l++)
        s->layer[l] = (layer_state){ .size = s->pool->size[l],
            .keys = s->lists + 2 * l * blocks,
            .values = s->lists + (2 * l + 1) * blocks };
    point_to_fixed(s);
}

cadre_status sequence_state_open_in(sequence_state *out, state_pool *p, int64_t capacity)
{
    int64_t blocks = state_blocks(capacity);
    sequence_state s = { .pool = p, .layers = p->layers, .capacity = blocks * STATE_BLOCK };
    s.layer = MEM_ARRAY(layer_state, s.layers);
    s.span = MEM_ARRAY(state_span, blocks);
    s.lists = MEM_ARRAY(const void *, (2 * s.layers * blocks));
    s.fixed = mem_reserve((size_t)p->fixed, sizeof *s.fixed);
    s.next = mem_reserve((size_t)p->fixed, sizeof *s.next);
    if (!s.layer || !s.span || !s.lists || !s.fixed || !s.next) {
        sequence_state_close(&s);
        return CADRE_ENOMEM;
    }
    place(&s);
    *out = s;
    return CADRE_OK;
}

/* As many of either kind, since a pass may read any number of tokens. What is behind a window is
 * used again and again, so the rest of these blocks take no memory. */
static state_counts counts_for(int64_t capacity)
{
    int64_t blocks = state_blocks(capacity);
    return (state_counts){ { [STATE_WHOLE] = blocks, [STATE_WINDOW] = blocks } };
}

/* What has been joined is left again where the rest fails. */
static cadre_status open_promised(sequence_state *s, state_pool *p, int64_t capacity)
{
    state_counts blocks = counts_for(capacity);
    cadre_status status = sequence_state_open_in(s, p, capacity);
    if (status == CADRE_OK) s->promised = blocks;
    else state_pool_leave(p, blocks);
    return status;
}

cadre_status sequence_state_open(
    sequence_state *s, const mixer_config *const *mixers, int64_t layers, int64_t capacity)
{
    state_pool *p;
    CADRE_TRY(state_pool_open(mixers, layers, counts_for(capacity), &p));
    return open_promised(s, p, capacity);
}

cadre_status sequence_state_open_beside(
    sequence_state *s, const sequence_state *other, int64_t capacity)
{
    CADRE_TRY(state_pool_join(other->pool, counts_for(capacity)));
    return open_promised(s, other->pool, capacity);
}

/* ---- blocks ---- */

static void set_block(sequence_state *s, int64_t i, state_kind kind, state_block *b)
{
    s->span[i].block[kind] = b;
    for (int64_t l = 0; l < s->layers; l++) {
        if (state_kind_of(&s->layer[l].size) != kind) continue;
        s->layer[l].keys[i] = b ? state_block_keys(b, l) : NULL;
        s->layer[l].values[i] = b ? state_block_values(b, l) : NULL;
    }
}

static void release(state_block *b)
{
    if (b) state_block_release(b);
}

static void let_go(sequence_state *s, int64_t held)
{
    while (s->held > held) {
        state_span *last = &s->span[--s->held];
        for (int k = 0; k < STATE_SPAN_KINDS; k++) release(last->block[k]);
        *last = (state_span){ 0 };
    }
    if (s->dropped > s->held) s->dropped = s->held;
}

void sequence_state_close(sequence_state *s)
{
    if (!s->pool) return;
    if (s->number)
        state_log_put(
            s->pool->log, &(state_event){ STATE_SEQUENCE_ENDED, s->pool->number, s->number, 0 });
    if (s->span) let_go(s, 0);
    mem_free(s->layer);
    mem_free(s->span);
    mem_free(s->lists);
    mem_return(s->fixed, (size_t)s->pool->fixed, sizeof *s->fixed);
    mem_return(s->next, (size_t)s->pool->fixed, sizeof *s->next);
    if (s->promised.of[STATE_WHOLE]) state_pool_leave(s->pool, s->promised);
    *s = (sequence_state){ 0 };
}

void sequence_state_replace(sequence_state *s, int64_t i, state_block *b)
{
    state_kind kind = state_block_kind(b);
    state_block_share(b);
    state_block_release(s->span[i].block[kind]);
    set_block(s, i, kind, b);
}

void sequence_state_trim(sequence_state *s)
{
    int64_t keep = state_first_seen(s->pool->window, s->length) - 1;
    for (; s->dropped < keep && s->dropped < s->held; s->dropped++) {
        release(s->span[s->dropped].block[STATE_WINDOW]);
        set_block(s, s->dropped, STATE_WINDOW, NULL);
    }
}

/* Where no layer has a window, there are no blocks for it. */
static bool has_kind(const sequence_state *s, int kind)
{
    return kind == STATE_WHOLE || s->pool->window;
}

/* Whether the next token's row lies in a block that others hold too. */
static bool would_write_shared(const sequence_state *s, int kind)
{
    return s->length % STATE_BLOCK && has_kind(s, kind) &&
           state_block_is_shared(s->span[s->length / STATE_BLOCK].block[kind]);
}

state_counts sequence_state_needs(const sequence_state *s, int64_t tokens)
{
    int64_t more = state_blocks(s->length + tokens) - s->held;
    state_counts needs = { 0 };
    for (int k = 0; k < STATE_SPAN_KINDS; k++)
        if (has_kind(s, k))
            needs.of[k] = (more > 0 ? more : 0) + (tokens > 0 && would_write_shared(s, k));
    return needs;
}

static cadre_status take(const sequence_state *s, int kind, state_block **b)
{
    if ((*b = state_pool_take(s->pool, (state_kind)kind))) return CADRE_OK;
    return cadre_fail(CADRE_EFULL, NULL,
        "expected a free block of the cache, found all %lld in use",
        (long long)s->pool->supply[kind].count);
}

/* What was taken of a span before a fault is let go of with the span. */
static cadre_status take_span(sequence_state *s)
{
    int64_t i = s->held++;
    for (int k = 0; k < STATE_SPAN_KINDS; k++) {
        state_block *b = NULL;
        if (has_kind(s, k)) CADRE_TRY(take(s, k, &b));
        set_block(s, i, (state_kind)k, b);
    }
    return CADRE_OK;
}

static cadre_status own_last(sequence_state *s, int kind)
{
    int64_t i = s->length / STATE_BLOCK;
    state_block *shared = s->span[i].block[kind], *own;
    CADRE_TRY(take(s, kind, &own));
    state_block_copy(own, shared);
    set_block(s, i, (state_kind)kind, own);
    state_block_release(shared);
    return CADRE_OK;
}

cadre_status sequence_state_reserve(sequence_state *s, int64_t tokens)
{
    int64_t before = s->held, end = state_blocks(s->length + tokens);
    cadre_status status = CADRE_OK;
    assert(s->length + tokens <= s->capacity);
    sequence_state_trim(s);
    while (status == CADRE_OK && s->held < end) status = take_span(s);
    for (int k = 0; k < STATE_SPAN_KINDS && status == CADRE_OK; k++)
        if (tokens > 0 && would_write_shared(s, k)) status = own_last(s, k);
    if (status != CADRE_OK) let_go(s, before);
    return status;
}

/* ---- rows ---- */

void sequence_state_put(
    sequence_state *s, int64_t layer, int64_t tokens, const real *keys, const real *values)
{
    const mixer_state_size *size = &s->layer[layer].size;
    state_kind kind = state_kind_of(size);
    state_rows k = state_keys_of(size), v = state_values_of(size);
    for (int64_t t = 0; t < tokens; t++) {
        int64_t row = (s->length + t) % STATE_BLOCK;
        const state_block *b = s->span[(s->length + t) / STATE_BLOCK].block[kind];
        state_rows_put(&k, state_block_keys(b, layer), row, keys + t * size->key_row);
        if (size->value_row)
            state_rows_put(&v, state_block_values(b, layer), row, values + t * size->value_row);
    }
}

kv_view sequence_state_view(const sequence_state *s, int64_t layer)
{
    const layer_state *own = &s->layer[layer];
    state_rows k = state_keys_of(&own->size), v = state_values_of(&own->size);
    return (kv_view){ .keys = own->keys,
        .values = own->values,
        .block = STATE_BLOCK,
        .key_stride = k.stride,
        .key_head = k.head,
        .value_stride = v.stride,
        .value_head = v.head,
        .key_columns = k.columns,
        .format = k.format };
}

/* Fixed parts are written beside those that are read, and here they take their place. */
void sequence_state_advance(sequence_state *s, int64_t tokens)
{
    real *next = s->next;
    s->length += tokens;
    if (!s->pool->fixed) return;
    s->next = s->fixed;
    s->fixed = next;
    point_to_fixed(s);
}

/* ---- beginning and going back ---- */

bool sequence_state_can_rewind(const sequence_state *s, int64_t length)
{
    if (length == 0 || length == s->length) return true;
    return s->pool->rewinds && s->dropped <= state_first_seen(s->pool->window, length);
}

int64_t sequence_state_number(sequence_state *s)
{
    state_log *log = s->pool->log;
    if (!s->number) s->number = state_log_number(log, &log->sequences);
    return s->number;
}

/* A sequence without a number has zeros on the other ranks too. */
static void log_fixed(sequence_state *s, state_happening what, int64_t from)
{
    if (!s->pool->log || !s->pool->recurrent || (!s->number && !from)) return;
    state_log_put(
        s->pool->log, &(state_event){ what, s->pool->number, sequence_state_number(s), from });
}

void sequence_state_set_fixed(sequence_state *s, const real *fixed)
{
    log_fixed(s, STATE_SEQUENCE_CLEARED, 0);
    size_t bytes = (size_t)s->pool->fixed * sizeof *s->fixed;
    if (bytes && fixed) memcpy(s->fixed, fixed, bytes);
    else if (bytes) memset(s->fixed, 0, bytes);
}

void sequence_state_save_fixed(const sequence_state *s, real *fixed)
{
    memcpy(fixed, s->fixed, (size_t)s->pool->fixed * sizeof *fixed);
}

bool sequence_state_rewind(sequence_state *s, int64_t length)
{
    if (!sequence_state_can_rewind(s, length)) return false;
    if (length == 0) sequence_state_set_fixed(s, NULL);
    let_go(s, state_blocks(length));
    s->length = length;
    return true;
}

/* The old blocks go last, because some of them may be among the new ones. */
void sequence_state_begin(
    sequence_state *s, const state_span *spans, int64_t length, const real *fixed)
{
    int64_t count = state_blocks(length), seen = state_first_seen(s->pool->window, length);
    for (int64_t i = 0; i < count; i++)
        for (int k = 0; k < STATE_SPAN_KINDS; k++) {
            bool wanted = k == STATE_WHOLE || (has_kind(s, k) && i >= seen);
            state_block *b = wanted ? state_block_share(spans[i].block[k]) : NULL;
            if (i < s->held) release(s->span[i].block[k]);
            set_block(s, i, (state_kind)k, b);
        }
    let_go(s, count);
    s->held = count;
    s->dropped = seen < count ? seen : count;
    s->length = length;
    sequence_state_set_fixed(s, fixed);
}

bool sequence_state_share(sequence_state *to, const sequence_state *from, int64_t length)
{
    assert(to->pool == from->pool);
    if (!sequence_state_can_rewind(from, length)) return false;
    sequence_state_begin(to, from->span, length, length ? from->fixed : NULL);
    if (length && from->number) log_fixed(to, STATE_SEQUENCE_TAKEN, from->number);
    return true;
}

static cadre_status refuse_blocks(int64_t number)
{
    return cadre_fail(CADRE_EFORMAT, NULL,
        "a sequence's blocks: expected blocks of the pool, found number %lld", (long long)number);
}

cadre_status sequence_state_follow(
    sequence_state *s, const int64_t *numbers, const state_past *past)
{
    s->held = 0; /* nobody counts the holders of these blocks */
    if (past->held > s->capacity / STATE_BLOCK) return refuse_blocks(past->held);
    for (int64_t i = 0; i < past->held * STATE_SPAN_KINDS; i++) {
        state_block *b = numbers[i] < 0 ? NULL : state_pool_numbered(s->pool, numbers[i]);
        if (!b && numbers[i] >= 0) return refuse_blocks(numbers[i]);
        if (s->span[i / STATE_SPAN_KINDS].block[i % STATE_SPAN_KINDS] != b)
            set_block(s, i / STATE_SPAN_KINDS, (state_kind)(i % STATE_SPAN_KINDS), b);
    }
    s->held = past->held;
    s->dropped = past->dropped;
    s->length = past->length;
    return CADRE_OK;
}

/* state_pool.c - slabs of blocks, and a list of the free ones.
 *
 * A slab has blocks of one kind. In it the rows of a layer lie together, block after block, so that
 * a sequence that takes blocks in order finds its keys side by side. */
#include "mixer/state_pool.h"

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"

struct state_slab {
    state_pool *pool;
    state_slab *next;
    state_kind kind;
    int64_t first; /* the place of its first block among those of its kind */
    int64_t count, bytes;
    state_block *block; /* [count] */
    char *memory;       /* [bytes] */
    char **rows;        /* [layers] where a layer's rows begin in the slab */
};

/* ---- kinds ---- */

state_kind state_kind_of(const mixer_state_size *size)
{
    return size->window ? STATE_WINDOW : STATE_WHOLE;
}

state_kind state_block_kind(const state_block *b) { return b->slab->kind; }

static bool has_rows(const state_pool *p, state_kind kind, int64_t layer)
{
    return state_kind_of(&p->size[layer]) == kind;
}

/* Where no layer has a window, nobody needs blocks for it; nor where none has a fixed part. */
static int64_t count_of(const state_pool *p, state_counts blocks, state_kind kind)
{
    bool needed = kind == STATE_WHOLE || (kind == STATE_WINDOW ? p->window > 0 : p->fixed > 0);
    return needed ? blocks.of[kind] : 0;
}

static size_t fixed_bytes(const state_pool *p) { return (size_t)p->fixed * sizeof(real); }

int64_t state_first_seen(int64_t window, int64_t position)
{
    int64_t first = window ? position - window + 1 : 0;
    return first > 0 ? first / STATE_BLOCK : 0;
}

/* What the first token of a pass sees and the pass's tokens may begin and end inside of blocks; and
 * one block more is kept (sequence_state.c). */
int64_t state_window_blocks(int64_t window, int64_t tokens, int64_t pass)
{
    if (!window) return 0;
    int64_t all = state_blocks(tokens);
    if (window > tokens || pass > tokens) return all;
    int64_t most = state_blocks(window + pass) + 2;
    return most < all ? most : all;
}

/* ---- slabs ---- */

static void free_slab(state_slab *s)
{
    if (!s) return;
    mem_return(s->memory, (size_t)s->bytes, 1);
    mem_free(s->block);
    mem_free(s->rows);
    mem_free(s);
}

/* Counts the bytes. Returns false if they do not fit the address space. */
static bool count_bytes(const state_pool *p, state_kind kind, int64_t blocks, int64_t *bytes)
{
    const int64_t snapshots[] = { blocks, kind == STATE_FIXED ? p->fixed : 0, sizeof(real) };
    int64_t sum, rows;
    if (!checked_product(snapshots, 3, &sum)) return false;
    for (int64_t l = 0; l < p->layers; l++) {
        const int64_t factors[] = { blocks, state_block_bytes(&p->size[l]) };
        if (!has_rows(p, kind, l)) continue;
        if (!checked_product(factors, 2, &rows) || rows > INT64_MAX - sum) return false;
        sum += rows;
    }
    *bytes = sum;
    return true;
}

static void place(state_slab *s)
{
    char *at = s->memory;
    for (int64_t l = 0; l < s->pool->layers; l++) {
        if (!has_rows(s->pool, s->kind, l)) continue;
        s->rows[l] = at;
        at += s->count * state_block_bytes(&s->pool->size[l]);
    }
}

/* Free blocks are taken in the order in which they lie. */
static void add_free(state_pool *p, state_slab *s)
{
    state_supply *own = &p->supply[s->kind];
    for (int64_t i = s->count; i-- > 0;) {
        s->block[i] = (state_block){ .slab = s, .next_free = own->free };
        own->free = &s->block[i];
    }
    own->count += s->count;
    own->free_count += s->count;
    s->next = p->slabs;
    p->slabs = s;
}

static cadre_status grow(state_pool *p, state_kind kind, int64_t blocks)
{
    state_slab *s = MEM_ARRAY(state_slab, 1);
    if (!s) return CADRE_ENOMEM;
    *s = (state_slab){ .pool = p, .kind = kind, .first = p->supply[kind].count, .count = blocks };
    if (!count_bytes(p, kind, blocks, &s->bytes)) {
        free_slab(s);
        return cadre_fail(CADRE_ENOMEM, NULL,
            "a cache of %lld tokens does not fit the address space",
            (long long)(blocks > INT64_MAX / STATE_BLOCK ? INT64_MAX : blocks * STATE_BLOCK));
    }
    s->block = MEM_ARRAY(state_block, blocks);
    s->rows = MEM_ARRAY(char *, p->layers);
    s->memory = s->block && s->rows ? mem_reserve((size_t)s->bytes, 1) : NULL;
    if (!s->memory) {
        free_slab(s);
        return CADRE_ENOMEM;
    }
    place(s);
    add_free(p, s);
    return CADRE_OK;
}

/* ---- members ---- */

static void free_pool(state_pool *p)
{
    state_log_put(p->log, &(state_event){ .what = STATE_POOL_ENDED, .pool = p->number });
    for (state_slab *s = p->slabs, *next; s; s = next) {
        next = s->next;
        free_slab(s);
    }
    lock_close(&p->lock);
    mem_free(p->size);
    mem_free(p);
}

static void read_sizes(state_pool *p, const mixer_config *const *mixers)
{
    p->rewinds = true;
    for (int64_t l = 0; l < p->layers; l++) {
        p->size[l] = mixers[l]->row->state(mixers[l]);
        p->recurrent |= p->size[l].fixed > 0;
        if (mixers[l]->elsewhere) p->size[l] = (mixer_state_size){ .window = p->size[l].window };
        p->fixed += p->size[l].fixed;
        if (p->size[l].window > p->window) p->window = p->size[l].window;
        p->rewinds &= mixers[l]->row->rewinds;
    }
}

/* What of a slab was added stays, should another kind's fail. */
static cadre_status join(state_pool *p, state_counts blocks)
{
    for (int k = 0; k < STATE_KINDS; k++) {
        const state_supply *s = &p->supply[k];
        int64_t more = count_of(p, blocks, (state_kind)k) - (s->count - s->promised);
        if (more > 0) CADRE_TRY(grow(p, (state_kind)k, more));
    }
    for (int k = 0; k < STATE_KINDS; k++)
        p->supply[k].promised += count_of(p, blocks, (state_kind)k);
    return CADRE_OK;
}

cadre_status state_pool_open(
    const mixer_config *const *mixers, int64_t layers, state_counts blocks, state_pool **out)
{
    state_pool *p = MEM_ARRAY(state_pool, 1);
    if (!p) return CADRE_ENOMEM;
    p->layers = layers;
    lock_open(&p->lock);
    p->size = MEM_ARRAY(mixer_state_size, layers);
    if (p->size) read_sizes(p, mixers);
    cadre_status status = p->size ? join(p, blocks) : CADRE_ENOMEM;
    if (status == CADRE_OK) *out = p;
    else free_pool(p);
    return status;
}

cadre_status state_pool_join(state_pool *p, state_counts blocks)
{
    lock_take(&p->lock);
    cadre_status status = join(p, blocks);
    lock_give(&p->lock);
    return status;
}

/* Gives free memory back to the machine, because there may be more than the others will ever
 * need. */
static void forget_free(const state_pool *p, state_kind kind)
{
    for (state_block *b = p->supply[kind].free; b; b = b->next_free) {
        if (kind == STATE_FIXED) mem_forget(state_block_fixed(b), fixed_bytes(p));
        for (int64_t l = 0; l < p->layers; l++)
            if (has_rows(p, kind, l))
                mem_forget(state_block_keys(b, l), (size_t)state_block_bytes(&p->size[l]));
    }
}

void state_pool_leave(state_pool *p, state_counts blocks)
{
    lock_take(&p->lock);
    for (int k = 0; k < STATE_KINDS; k++)
        p->supply[k].promised -= count_of(p, blocks, (state_kind)k);
    bool last = p->supply[STATE_WHOLE].promised == 0;
    for (int k = 0; k < STATE_KINDS && !last; k++) forget_free(p, (state_kind)k);
    lock_give(&p->lock);
    if (last) free_pool(p);
}

void state_pool_log(state_pool *p, state_log *log)
{
    p->log = log;
    p->number = state_log_number(log, &log->pools);
}

/* ---- blocks ---- */

int64_t state_block_number(const state_block *b)
{
    return (b->slab->first + (b - b->slab->block)) * STATE_KINDS + (int64_t)b->slab->kind;
}

state_block *state_pool_numbered(const state_pool *p, int64_t number)
{
    int64_t kind = number % STATE_KINDS, at = number / STATE_KINDS;
    for (const state_slab *s = p->slabs; s; s = s->next)
        if ((int64_t)s->kind == kind && at >= s->first && at < s->first + s->count)
            return &s->block[at - s->first];
    return NULL;
}

int64_t state_pool_room(state_pool *p, state_kind kind)
{
    lock_take(&p->lock);
    int64_t room = p->supply[kind].free_count;
    lock_give(&p->lock);
    return room;
}

state_block *state_pool_take(state_pool *p, state_kind kind)
{
    state_supply *s = &p->supply[kind];
    lock_take(&p->lock);
    state_block *b = s->free;
    if (b) {
        s->free = b->next_free;
        s->free_count--;
        b->holders = 1;
    }
    lock_give(&p->lock);
    return b;
}

state_block *state_block_share(state_block *b)
{
    lock *l = &b->slab->pool->lock;
    lock_take(l);
    b->holders++;
    lock_give(l);
    return b;
}

void state_block_release(state_block *b)
{
    state_pool *p = b->slab->pool;
    state_supply *s = &p->supply[b->slab->kind];
    lock_take(&p->lock);
    if (--b->holders == 0) {
        b->next_free = s->free;
        s->free = b;
        s->free_count++;
    }
    lock_give(&p->lock);
}

bool state_block_is_shared(state_block *b)
{
    lock *l = &b->slab->pool->lock;
    lock_take(l);
    bool shared = b->holders > 1;
    lock_give(l);
    return shared;
}

void *state_block_keys(const state_block *b, int64_t layer)
{
    const state_slab *s = b->slab;
    return s->rows[layer] + (b - s->block) * state_block_bytes(&s->pool->size[layer]);
}

void *state_block_values(const state_block *b, int64_t layer)
{
    const mixer_state_size *size = &b->slab->pool->size[layer];
    state_rows keys = state_keys_of(size);
    int64_t skip = size->value_row ? state_rows_bytes(&keys, size->key_row) * STATE_BLOCK : 0;
    return (char *)state_block_keys(b, layer) + skip;
}

real *state_block_fixed(const state_block *b)
{
    const state_slab *s = b->slab;
    return (real *)(void *)s->memory + (b - s->block) * s->pool->fixed;
}

void state_block_copy(const state_block *to, const state_block *from)
{
    const state_pool *p = to->slab->pool;
    state_log_put(p->log, &(state_event){ .what = STATE_BLOCK_COPIED,
                              .pool = p->number,
                              .to = state_block_number(to),
                              .from = state_block_number(from) });
    for (int64_t l = 0; l < p->layers; l++) {
        size_t bytes = has_rows(p, to->slab->kind, l) ? (size_t)state_block_bytes(&p->size[l]) : 0;
        if (bytes) memcpy(state_block_keys(to, l), state_block_keys(from, l), bytes);
    }
}

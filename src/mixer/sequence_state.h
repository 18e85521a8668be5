/* sequence_state.h - what a model keeps of one sequence's past: each layer's mixer state. Rows of
 * tokens lie in blocks of a pool (state_pool.h), which sequences that begin alike share; a fixed
 * part is the sequence's own.
 *
 *     block[]    0   1   2        130 tokens: two full blocks, and 2 rows of a third
 *     another    0   1   5        the same two, shared; its third one was written since: a copy
 *
 * It holds what mixers read, in `real`: keys after norms and rotary positions, say. Who decides
 * what is kept is above (infer/). */
#ifndef CADRE_MIXER_SEQUENCE_STATE_H
#define CADRE_MIXER_SEQUENCE_STATE_H

#include "mixer/state_pool.h"
#include "op/attention.h"

typedef struct layer_state {
    mixer_state_size size;
    const real **keys, **values; /* [capacity / STATE_BLOCK] where the rows of each block are */
    /* [size.fixed] each: what mixers read, and where they leave what it is after the pass */
    real *fixed, *next;
} layer_state;

typedef struct sequence_state {
    state_pool *pool;
    int64_t promised; /* blocks that it has joined the pool with; 0: the pool is borrowed */
    int64_t layers;
    int64_t capacity; /* tokens, a multiple of STATE_BLOCK */
    int64_t length;   /* tokens held */
    layer_state *layer;
    state_block **block; /* [held] of room for capacity / STATE_BLOCK */
    int64_t held;
    real *fixed, *next; /* the layers' fixed parts, one after another */
    const real **lists; /* the layers' lists */
} sequence_state;

/* Of a pool of its own. mixers: [layers], of one model */
cadre_status sequence_state_open(
    sequence_state *s, const mixer_config *const *mixers, int64_t layers, int64_t capacity);
/* Of a pool that others take blocks of: nothing is promised to it. */
cadre_status sequence_state_open_in(sequence_state *s, state_pool *p, int64_t capacity);
/* Of the pool of another sequence, which it joins with as many blocks as it may need. */
cadre_status sequence_state_open_beside(
    sequence_state *s, const sequence_state *other, int64_t capacity);
void sequence_state_close(sequence_state *s);

/* What `tokens` tokens of a layer take. */
size_t layer_state_bytes(const mixer_config *c, int64_t tokens);
/* What the tables of so many tokens take beside that, of a sequence of these mixers. */
size_t sequence_state_table_bytes(int64_t layers, int64_t tokens);

/* The first `length` tokens of another sequence of the same pool, which holds that many; false: it
 * holds more, and its mixers cannot forget the rest. */
bool sequence_state_share(sequence_state *to, const sequence_state *from, int64_t length);
/* The first `length` tokens are those of these blocks [state_blocks(length)]; fixed: the fixed
 * parts after them, or NULL where there are none. */
void sequence_state_begin(
    sequence_state *s, state_block *const *blocks, int64_t length, const real *fixed);

/* Forgets all but the first `length` tokens, at most as many as are held; false: mixers cannot. */
bool sequence_state_rewind(sequence_state *s, int64_t length);

/* Blocks that `tokens` more tokens would take of the pool. */
int64_t sequence_state_needs(const sequence_state *s, int64_t tokens);
/* Takes them: a block that others hold too, and that these tokens would write, becomes a copy.
 * CADRE_EFULL where the pool has no block left: the sequence is as it was. */
cadre_status sequence_state_reserve(sequence_state *s, int64_t tokens);

/* Block i is another one of the same tokens, which the sequence now holds in its place. */
void sequence_state_replace(sequence_state *s, int64_t i, state_block *b);

/* Where attention of this layer reads. */
kv_view sequence_state_view(const sequence_state *s, int64_t layer);

/* Writes `tokens` rows at positions length .. length + tokens - 1 of one layer, which were
 * reserved; they are held after sequence_state_advance. */
void sequence_state_put(
    sequence_state *s, int64_t layer, int64_t tokens, const real *keys, const real *values);

/* After the last layer: that many more tokens are held, and fixed parts are what mixers left as the
 * next. A pass that ends early leaves the state as it was. */
void sequence_state_advance(sequence_state *s, int64_t tokens);

#endif

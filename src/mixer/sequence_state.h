/* sequence_state.h - what a model keeps of one sequence's past: the state of each layer's mixer.
 * Rows of tokens lie in blocks of a pool (state_pool.h), which sequences that begin alike share. A
 * fixed part is the sequence's own.
 *
 *     block[]    0   1   2        130 tokens: two full blocks, and 2 rows of a third
 *     another    0   1   5        the same two, shared; its third block was written: a copy
 *
 * Layers with a window have blocks of their own in each span (state_pool.h), which go back to the
 * pool once no token to come sees them: the blocks of the first `dropped` spans. One block more
 * than is seen is kept, so that a sequence can forget its last 64 tokens.
 *
 * It holds what mixers read, such as keys after norms and rotary positions, in `real` or in the
 * number format of the mixer's config. infer/ decides what is kept. */
#ifndef CADRE_MIXER_SEQUENCE_STATE_H
#define CADRE_MIXER_SEQUENCE_STATE_H

#include "mixer/state_pool.h"
#include "op/attention.h"

typedef struct layer_state {
    mixer_state_size size;
    const void **keys, **values; /* [capacity / STATE_BLOCK] where each block's rows are */
    /* [size.fixed] each: the part that mixers read, and the part that they leave after the pass */
    real *fixed, *next;
} layer_state;

typedef struct sequence_state {
    state_pool *pool;
    state_counts promised; /* blocks with which it has joined the pool; 0: the pool is borrowed */
    int64_t layers;
    int64_t capacity; /* in tokens, a multiple of STATE_BLOCK */
    int64_t length;   /* tokens held */
    layer_state *layer;
    state_span *span; /* [held], with room for capacity / STATE_BLOCK */
    int64_t held;
    int64_t dropped;    /* the spans that have no block of STATE_WINDOW any more */
    real *fixed, *next; /* the layers' fixed parts, one after another */
    const void **lists; /* the layers' lists */
    int64_t number;     /* in the pool's log; 0: none yet */
} sequence_state;

/* Opens a state with a pool of its own. mixers: [layers], of one model. */
cadre_status sequence_state_open(
    sequence_state *s, const mixer_config *const *mixers, int64_t layers, int64_t capacity);
/* Opens a state in a pool from which others take blocks too; nothing is promised to it. */
cadre_status sequence_state_open_in(sequence_state *s, state_pool *p, int64_t capacity);
/* Opens a state in the pool of another sequence, which it joins with as many blocks as it may
 * need. */
cadre_status sequence_state_open_beside(
    sequence_state *s, const sequence_state *other, int64_t capacity);
void sequence_state_close(sequence_state *s);

/* The most bytes of a sequence of `tokens` tokens in a layer, read in passes of STATE_PASS */
size_t layer_state_bytes(const mixer_config *c, int64_t tokens);
/* The bytes that the tables for so many tokens take in addition, in a sequence of these mixers */
size_t sequence_state_table_bytes(int64_t layers, int64_t tokens);

/* Takes the first `length` tokens of another sequence in the same pool. Returns false if that
 * sequence holds more and cannot forget the rest. */
bool sequence_state_share(sequence_state *to, const sequence_state *from, int64_t length);
/* Makes the first `length` tokens those of these spans [state_blocks(length)]; blocks of
 * STATE_WINDOW are needed from state_first_seen(length) on. fixed: the fixed parts after them;
 * NULL: there are none. */
void sequence_state_begin(
    sequence_state *s, const state_span *spans, int64_t length, const real *fixed);

/* Whether all but the first `length` tokens can be forgotten: no token less if the mixers cannot,
 * and not so many that the new last one would see what was dropped. All of them always can. */
bool sequence_state_can_rewind(const sequence_state *s, int64_t length);
/* Forgets them, at most as many as are held. Returns false if they cannot be forgotten. */
bool sequence_state_rewind(sequence_state *s, int64_t length);

/* Gives the blocks back that no token to come sees. */
void sequence_state_trim(sequence_state *s);
/* The number of blocks that `tokens` more tokens would take from the pool */
state_counts sequence_state_needs(const sequence_state *s, int64_t tokens);
/* Trims, and takes these blocks. A block that others hold too and that these tokens would write
 * becomes a copy. CADRE_EFULL: the pool has no block left, and the sequence is as it was. */
cadre_status sequence_state_reserve(sequence_state *s, int64_t tokens);

/* Replaces the block of its kind in span i by another block of the same tokens. */
void sequence_state_replace(sequence_state *s, int64_t i, state_block *b);

/* Its number in the pool's log, by which other ranks know it */
int64_t sequence_state_number(sequence_state *s);
/* Its fixed parts become these; NULL: zeros. */
void sequence_state_set_fixed(sequence_state *s, const real *fixed);
/* Writes them down, so that another sequence can begin with them. */
void sequence_state_save_fixed(const sequence_state *s, real *fixed);
/* Lets it have the blocks of these numbers [held, STATE_SPAN_KINDS], -1 where there is none, held
 * by somebody else, as its past of `length` tokens and those of the next pass. Used by a rank that
 * keeps what another one says. CADRE_EFORMAT: the pool has no such block. */
typedef struct state_past {
    int64_t held, dropped, length;
} state_past;
cadre_status sequence_state_follow(
    sequence_state *s, const int64_t *numbers, const state_past *past);

/* What attention of this layer reads */
kv_view sequence_state_view(const sequence_state *s, int64_t layer);

/* Writes `tokens` rows of one layer at the positions length .. length + tokens - 1, which must be
 * reserved. They are held after sequence_state_advance. */
void sequence_state_put(
    sequence_state *s, int64_t layer, int64_t tokens, const real *keys, const real *values);

/* Called after the last layer: that many more tokens are held, and the fixed parts that mixers left
 * become current. A pass that ends early leaves the state as it was. */
void sequence_state_advance(sequence_state *s, int64_t tokens);

#endif

/* state_pool.h - memory for the pasts of sequences, in blocks of STATE_BLOCK tokens: the rows that
 * every layer keeps of them (state_rows.h). Each block counts its holders, so that sequences that
 * begin alike share what they have in common. A sequence that alone holds a block may write it.
 *
 * Layers whose tokens see only a window of the past have blocks of their own, which a sequence
 * gives back when it no longer needs them. So there are two kinds of these, and 64 tokens of a
 * sequence are a span: a block of each.
 *
 * A mixer that leaves a fixed part of a past has no rows that others could share. A third kind of
 * block is a snapshot: the fixed parts of all layers as they were after some token, with which a
 * sequence can go on that begins with the same tokens. Sequences hold none of these
 * (infer/prefix_cache.h does).
 *
 * The number of blocks is fixed when the pool is opened, and grows by what a sequence brings that
 * joins it. A pool without a free block says so. The machine provides the memory when blocks are
 * first written.
 *
 * It knows nothing of tokens (infer/prefix_cache.h does), nor of which blocks make a sequence
 * (sequence_state.h). */
#ifndef CADRE_MIXER_STATE_POOL_H
#define CADRE_MIXER_STATE_POOL_H

#include "base/guard.h"
#include "base/real.h"
#include "base/status.h"
#include "mixer/state_log.h"
#include "mixer/state_rows.h"

typedef struct state_slab state_slab;

typedef struct state_block {
    state_slab *slab; /* to which its memory belongs */
    struct state_block *next_free;
    int32_t holders; /* 0: free */
} state_block;

/* What a block has: the rows of the layers that keep a whole past; those of the layers with a
 * window; or the fixed parts of all layers */
typedef enum state_kind {
    STATE_WHOLE,
    STATE_WINDOW,
    STATE_SPAN_KINDS,
    STATE_FIXED = STATE_SPAN_KINDS,
    STATE_KINDS
} state_kind;

/* Numbers of blocks. Of STATE_WINDOW they count only where a layer has a window, and of STATE_FIXED
 * where one has a fixed part. */
typedef struct state_counts {
    int64_t of[STATE_KINDS];
} state_counts;

/* The blocks of the same 64 tokens; NULL: there is none */
typedef struct state_span {
    state_block *block[STATE_SPAN_KINDS];
} state_span;

typedef struct state_supply {
    int64_t promised; /* blocks of those who have joined */
    int64_t count, free_count;
    state_block *free;
} state_supply;

typedef struct state_pool {
    int64_t layers;
    mixer_state_size *size; /* [layers] */
    int64_t fixed;          /* elements of all layers' fixed parts */
    int64_t window;         /* the largest of all layers' windows; 0: none has one */
    bool rewinds;           /* every layer's mixer can rewind */
    bool recurrent;         /* some layer has a fixed part, be it on another rank */
    state_log *log;         /* borrowed; NULL: no other rank keeps anything of its sequences */
    int64_t number;         /* in the log */
    lock lock;              /* of the fields below: any thread may release sequences of a pool */
    state_supply supply[STATE_KINDS];
    state_slab *slabs;
} state_pool;

/* mixers: [layers], of one model. The caller is a member with so many blocks, at least one of
 * STATE_WHOLE. */
cadre_status state_pool_open(
    const mixer_config *const *mixers, int64_t layers, state_counts blocks, state_pool **p);
/* Adds a member that may hold that many blocks, whatever the others hold. */
cadre_status state_pool_join(state_pool *p, state_counts blocks);
/* Removes a member with its blocks. The pool is freed with the last one. */
void state_pool_leave(state_pool *p, state_counts blocks);

/* Logs what happens in the pool from now on. */
void state_pool_log(state_pool *p, state_log *log);

int64_t state_pool_room(state_pool *p, state_kind kind); /* free blocks */
/* Whether a sequence may begin with the full blocks of another, and with a snapshot where there are
 * fixed parts. Other ranks keep no snapshots of theirs. */
static inline bool state_pool_shares(const state_pool *p) { return !p->recurrent || !p->log; }

/* A block with one holder; NULL: none is free */
state_block *state_pool_take(state_pool *p, state_kind kind);
state_block *state_block_share(state_block *b); /* adds a holder; returns b */
void state_block_release(state_block *b);
bool state_block_is_shared(state_block *b);

state_kind state_kind_of(const mixer_state_size *size);
state_kind state_block_kind(const state_block *b);
/* The rows of a layer in a block of its kind */
void *state_block_keys(const state_block *b, int64_t layer);
void *state_block_values(
    const state_block *b, int64_t layer); /* the keys, where it has no others */
/* The fixed parts [fixed of the pool] of a block of STATE_FIXED */
real *state_block_fixed(const state_block *b);
/* A block by its number, by which the ranks know it: its place among those of its kind, times
 * STATE_KINDS, and its kind */
int64_t state_block_number(const state_block *b);
state_block *state_pool_numbered(const state_pool *p, int64_t number); /* NULL: there is none */
/* Copies the rows of every layer; both blocks are of one kind. */
void state_block_copy(const state_block *to, const state_block *from);

static inline int64_t state_blocks(int64_t tokens)
{
    return (tokens + STATE_BLOCK - 1) / STATE_BLOCK;
}

/* The most tokens that a pass reads for a sequence, where nobody says otherwise */
enum { STATE_PASS = 512 };

/* The first span of which the token at this position sees something */
int64_t state_first_seen(int64_t window, int64_t position);
/* The most blocks of STATE_WINDOW that a sequence of so many tokens holds at a time, if passes read
 * up to `pass` tokens of it */
int64_t state_window_blocks(int64_t window, int64_t tokens, int64_t pass);

#endif

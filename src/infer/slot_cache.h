/* slot_cache.h - the sessions of a batcher's slots, in one pool of blocks that is bounded when it
 * is opened.
 *
 * Before a request takes a slot, it is promised the blocks that it may come to need. It waits until
 * so many blocks are free, or are unused and may be evicted. What was read is kept while there is
 * room: full blocks in a tree by their tokens (prefix_cache.h), with which any number of sequences
 * may begin; and in a free slot everything that its last request had.
 *
 * Layers with a window have blocks of their own, of which a request is promised what it holds at a
 * time. The tree keeps others while there is room, and longest those before places at which texts
 * often go on: at the end of a prompt, at the end of a text, and where two texts part.
 *
 * A recurrent layer's past is a fixed part, which can be taken up where a snapshot of it was kept
 * and nowhere else. Snapshots are kept at the end of a prompt's last full block, where two texts
 * part, and at the last full block of what was written; passes are cut there. Ranks keep none, and
 * read every prompt from its beginning or from where a free slot is (state_pool_shares).
 *
 * What a request writes does not depend on what was kept. */
#ifndef CADRE_INFER_SLOT_CACHE_H
#define CADRE_INFER_SLOT_CACHE_H

#include "infer/prefix_cache.h"
#include "infer/session.h"

typedef struct slot_past {
    session session;
    prefix_node *prefix; /* of its first full blocks; held while the slot is taken */
    int64_t most;        /* tokens that it may come to hold */
    int64_t left;        /* when it was left; 0: the slot is taken */
    int64_t mark[2];     /* depths at which windows and a snapshot will be kept; 0: none */
    prefix_node *newest; /* with the snapshot of what was written last; NULL: none */
} slot_past;

typedef struct slot_cache_limits {
    int64_t slots;
    int64_t capacity; /* tokens of a session */
    int64_t blocks;   /* which hold at least one session */
    int64_t pass;     /* tokens of a session that a pass reads at most */
} slot_cache_limits;

typedef struct slot_cache {
    state_pool *pool;
    int64_t blocks;        /* of STATE_WHOLE */
    state_counts promised; /* of the pool, which belongs to this cache */
    int64_t slots, times, pass;
    slot_past *past; /* [slots] */
    prefix_cache prefixes;
    state_span *path; /* [spans of a session] */
} slot_cache;

cadre_status slot_cache_open(
    const cadre_model *model, const slot_cache_limits *limits, slot_cache *c);
void slot_cache_close(slot_cache *c);

/* How many tokens of a prompt need not be read again in this free slot; always fewer than all. */
int64_t slot_cache_shared(const slot_cache *c, int64_t slot, const int32_t *prompt, int64_t count);
/* Whether a request that will hold up to `most` tokens can be promised its blocks. */
bool slot_cache_admits(const slot_cache *c, const int32_t *prompt, int64_t count, int64_t most);
/* Gives the slot to a request that was admitted. The session then holds what is shared. */
void slot_cache_begin(
    slot_cache *c, int64_t slot, const int32_t *prompt, int64_t count, int64_t most);
/* Frees the slot. */
void slot_cache_leave(slot_cache *c, int64_t slot);

/* How many of the next tokens a pass may take, so that it ends where a snapshot is to be kept */
int64_t slot_cache_chunk(const slot_cache *c, int64_t slot, int64_t tokens);
/* Called before a pass: the session takes the blocks of its next tokens. */
cadre_status slot_cache_reserve(slot_cache *c, int64_t slot, int64_t tokens);
/* Called after a pass: blocks that are now full can be shared. */
void slot_cache_keep(slot_cache *c, int64_t slot);

/* The most snapshots that a cache of so many slots and blocks keeps of this model */
int64_t slot_cache_snapshots(const cadre_model *model, int64_t slots, int64_t blocks);

/* Blocks that nobody uses now and that are kept until they are needed */
int64_t slot_cache_idle_blocks(const slot_cache *c);

#endif

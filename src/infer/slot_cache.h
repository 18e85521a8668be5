/* slot_cache.h - the sessions of a batcher's slots, in one pool of blocks that is bounded when it
 * is opened.
 *
 * A request is promised the blocks that it may come to need before it takes a slot: it waits until
 * there are as many that are free, or that nobody uses and that may go. What was read is kept
 * while there is room: full blocks in a tree by their tokens (prefix_cache.h), with which any
 * number of sequences may begin; and in a slot that is free what its last request had, to the
 * token.
 *
 * Where a mixer has more of a past than rows of tokens (state_pool_shares), nothing stands in the
 * tree. What a request writes does not depend on what was kept. */
#ifndef CADRE_INFER_SLOT_CACHE_H
#define CADRE_INFER_SLOT_CACHE_H

#include "infer/prefix_cache.h"
#include "infer/session.h"

typedef struct slot_past {
    session session;
    prefix_node *prefix; /* of its first full blocks: held while the slot is taken */
    int64_t most;        /* tokens that it may come to hold */
    int64_t left;        /* when it was left; 0: the slot is taken */
} slot_past;

typedef struct slot_cache {
    state_pool *pool;
    int64_t blocks; /* of the pool, which is this cache's alone */
    int64_t slots, times;
    slot_past *past; /* [slots] */
    prefix_cache prefixes;
    state_block **path; /* [blocks of a session] */
} slot_cache;

/* Sessions of `capacity` tokens, of which `blocks` blocks hold one at least. */
cadre_status slot_cache_open(
    const cadre_model *model, int64_t slots, int64_t capacity, int64_t blocks, slot_cache *c);
void slot_cache_close(slot_cache *c);

/* Of a prompt, how many tokens would not be read again in this slot, which is free: fewer than
 * all. */
int64_t slot_cache_shared(const slot_cache *c, int64_t slot, const int32_t *prompt, int64_t count);
/* Whether such a request, which comes to hold up to `most` tokens, can be promised its blocks. */
bool slot_cache_admits(const slot_cache *c, const int32_t *prompt, int64_t count, int64_t most);
/* It was admitted, and takes the slot: the session holds what is shared. */
void slot_cache_begin(
    slot_cache *c, int64_t slot, const int32_t *prompt, int64_t count, int64_t most);
/* The slot is free. */
void slot_cache_leave(slot_cache *c, int64_t slot);

/* Before a pass: the session takes the blocks of its next tokens. */
cadre_status slot_cache_reserve(slot_cache *c, int64_t slot, int64_t tokens);
/* After it: blocks that are now full can be shared. */
void slot_cache_keep(slot_cache *c, int64_t slot);

/* Blocks that nobody uses now, and that are kept until they are needed. */
int64_t slot_cache_idle_blocks(const slot_cache *c);

#endif

/* sequence_state.h - what a model keeps of one sequence's past: each layer's mixer state. Rows of
 * tokens lie in blocks; memory that no token has reached takes none.
 *
 * It holds what mixers read, in `real`: keys after norms and rotary positions, say. Who decides
 * what is kept is above (infer/). */
#ifndef CADRE_MIXER_SEQUENCE_STATE_H
#define CADRE_MIXER_SEQUENCE_STATE_H

#include "base/real.h"
#include "base/status.h"
#include "mixer/mixer.h"
#include "op/attention.h"

enum { STATE_BLOCK = 64 }; /* tokens */

typedef struct layer_state {
    mixer_state_size size;
    const real **keys, **values; /* [capacity / STATE_BLOCK] blocks of rows */
    real *fixed;                 /* [size.fixed] */
} layer_state;

typedef struct sequence_state {
    int64_t layers;
    int64_t capacity; /* tokens, a multiple of STATE_BLOCK */
    int64_t length;   /* tokens held */
    bool rewinds;     /* every layer's mixer does */
    layer_state *layer;
    int64_t elements; /* of memory */
    real *memory;
    const real **blocks; /* the layers' lists of blocks */
} sequence_state;

/* mixers: [layers], of one model */
cadre_status sequence_state_open(
    sequence_state *s, const mixer_config *const *mixers, int64_t layers, int64_t capacity);
void sequence_state_close(sequence_state *s);

/* What `tokens` tokens of a layer take, and what its lists of blocks do. */
size_t layer_state_bytes(const mixer_config *c, int64_t tokens);
size_t layer_state_list_bytes(const mixer_config *c, int64_t tokens);

/* The first `length` tokens of another sequence of the same model, which holds that many; false: it
 * holds more, and its mixers cannot forget the rest. */
bool sequence_state_copy(sequence_state *to, const sequence_state *from, int64_t length);

/* Forgets all but the first `length` tokens, at most as many as are held; false: mixers cannot. */
bool sequence_state_rewind(sequence_state *s, int64_t length);

/* Where attention of this layer reads. */
kv_view sequence_state_view(const sequence_state *s, int64_t layer);

/* Writes `tokens` rows at positions length .. length + tokens - 1 of one layer; the caller moves
 * `length` after the last layer. */
void sequence_state_put(
    sequence_state *s, int64_t layer, int64_t tokens, const real *keys, const real *values);

#endif

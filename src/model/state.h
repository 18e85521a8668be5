/* state.h - the state of one sequence in a model, which has a part for each layer's mixer. */
#ifndef CADRE_MODEL_STATE_H
#define CADRE_MODEL_STATE_H

#include "arch/config.h"
#include "mixer/sequence_state.h"

/* Chooses the number format in which states are kept from now on, one of THE LIST in state.c; NULL:
 * `real`. Refused if a layer's heads are not whole blocks of it, and for a model with an encoder,
 * which keeps nothing. path: the model's, for the refusal. */
cadre_status model_state_choose(model_config *config, const char *format, const char *path);

/* Opens a state for up to `capacity` tokens, with a pool of its own. */
cadre_status model_state_open(const model_config *config, int64_t capacity, sequence_state *s);
/* The largest window of its layers; 0: none has one. A state holds no more than that of these. */
int64_t model_state_window(const model_config *config);

/* The bytes of a snapshot of a sequence's fixed parts, and those of the rows that 64 tokens leave
 * in layers that keep a whole past */
int64_t model_state_fixed_bytes(const model_config *config);
int64_t model_state_block_bytes(const model_config *config);

/* Opens a pool for many sequences, which the caller joins with these blocks. */
cadre_status model_pool_open(const model_config *config, state_counts blocks, state_pool **p);

/* The most bytes of a sequence of `tokens` tokens (layer_state_bytes), and those of its tables */
size_t model_state_bytes(const model_config *config, int64_t tokens);
size_t model_state_table_bytes(const model_config *config, int64_t tokens);

#endif

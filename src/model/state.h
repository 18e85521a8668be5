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
/* Opens a pool for `tokens` tokens of many sequences, which the caller joins with
 * state_blocks(tokens). */
cadre_status model_pool_open(const model_config *config, int64_t tokens, state_pool **p);

/* The bytes for `tokens` tokens, including the tables of their blocks */
size_t model_state_bytes(const model_config *config, int64_t tokens);
size_t model_state_table_bytes(const model_config *config, int64_t tokens);

#endif

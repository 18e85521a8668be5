/* state.h - the state of one sequence of a model: each layer's, as its mixer has it. */
#ifndef CADRE_MODEL_STATE_H
#define CADRE_MODEL_STATE_H

#include "arch/config.h"
#include "mixer/sequence_state.h"

/* For up to `capacity` tokens, of a pool of its own. */
cadre_status model_state_open(const model_config *config, int64_t capacity, sequence_state *s);
/* A pool that holds `tokens` tokens of many sequences. The caller has joined it with
 * state_blocks(tokens). */
cadre_status model_pool_open(const model_config *config, int64_t tokens, state_pool **p);

/* What `tokens` tokens take, and what the tables of their blocks do. */
size_t model_state_bytes(const model_config *config, int64_t tokens);
size_t model_state_table_bytes(const model_config *config, int64_t tokens);

#endif

/* state.c - opens the states of all layers' mixers, one after another. */
#include "model/state.h"

#include "base/memory.h"

static const mixer_config **mixers_of(const model_config *c)
{
    const mixer_config **mixers = MEM_ARRAY(const mixer_config *, c->layers);
    for (int64_t l = 0; mixers && l < c->layers; l++) mixers[l] = &c->layer[l].mixer;
    return mixers;
}

cadre_status model_state_open(const model_config *c, int64_t capacity, sequence_state *s)
{
    const mixer_config **mixers = mixers_of(c);
    if (!mixers) return CADRE_ENOMEM;
    cadre_status status = sequence_state_open(s, mixers, c->layers, capacity);
    mem_free(mixers);
    return status;
}

cadre_status model_pool_open(const model_config *c, int64_t tokens, state_pool **p)
{
    const mixer_config **mixers = mixers_of(c);
    if (!mixers) return CADRE_ENOMEM;
    cadre_status status = state_pool_open(mixers, c->layers, state_blocks(tokens), p);
    mem_free(mixers);
    return status;
}

size_t model_state_bytes(const model_config *c, int64_t tokens)
{
    size_t bytes = 0;
    for (int64_t l = 0; l < c->layers; l++) bytes += layer_state_bytes(&c->layer[l].mixer, tokens);
    return bytes;
}

size_t model_state_table_bytes(const model_config *c, int64_t tokens)
{
    return sequence_state_table_bytes(c->layers, tokens);
}

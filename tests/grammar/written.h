/* written.h - a piece of a network alone, and which texts are all of it. */
#pragma once

#include <string.h>

#include "grammar/pushdown.h"
#include "support/succeeds.h"

/* Whether `size` bytes are a whole text of what has been opened. */
static inline bool written_bytes(pushdown *p, const char *text, size_t size)
{
    state_id state = p->start;
    for (size_t i = 0; i < size && state; i++) state = pushdown_step(p, state, (uint8_t)text[i]);
    return state && p->states[state].ends;
}

static inline bool written(pushdown *p, const char *text)
{
    return written_bytes(p, text, strlen(text));
}

/* `root` leads to NETWORK_END; nothing is added to the network after this. */
static inline void written_open(network *n, node_id root, pushdown *p)
{
    succeeds(n->status);
    succeeds(network_measure(n));
    succeeds(pushdown_open(p, n, root));
}

static inline void written_close(network *n, pushdown *p)
{
    succeeds(p->status);
    pushdown_close(p);
    network_free(n);
}

/* rank_groups.h - the ranks that train a model, and the groups of them that a rank works with, by
 * their layout (base/layout.h):
 *
 *     tokens     differ in `expert` and `data`: they divide the sequences of a batch, and the
 *                experts of what they have of each layer
 *     tensor     have the same sequences and slices of the same layers
 *     pipeline   have the same sequences and different layers */
#ifndef CADRE_TRAIN_RANK_GROUPS_H
#define CADRE_TRAIN_RANK_GROUPS_H

#include "arch/param.h"
#include "base/comm.h"
#include "base/layout.h"

enum { RANK_GROUPS = 3 };

typedef struct rank_groups {
    rank_layout size, at;
    comm self, *world;
    comm *tokens;            /* never NULL */
    comm *tensor, *pipeline; /* NULL: one part */
    /* Before the groups are opened the three are these, which know rank and size alone: enough to
     * measure memory */
    comm shape[RANK_GROUPS];
    bool opened[RANK_GROUPS];
} rank_groups;

/* world NULL: one rank; layout NULL: all divide the batch. g stays where it is. */
void rank_groups_shape(rank_groups *g, comm *world, const rank_layout *layout);
cadre_status rank_groups_open(rank_groups *g);
void rank_groups_close(rank_groups *g);

static inline bool rank_groups_several(const rank_groups *g) { return g->world->size > 1; }

/* The place of a rank among those that divide the batch */
static inline int32_t rank_groups_token(const rank_groups *g, const rank_layout *at)
{
    return at->data * g->size.expert + at->expert;
}

param_share rank_groups_share(const rank_groups *g, int rank); /* what it holds */

#endif

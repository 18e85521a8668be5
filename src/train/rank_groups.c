/* rank_groups.c - splits the world. */
#include "train/rank_groups.h"

void rank_groups_shape(rank_groups *g, comm *world, const rank_layout *layout)
{
    *g = (rank_groups){ .size = layout_single(), .self = comm_self() };
    g->world = world ? world : &g->self;
    if (layout) g->size = *layout;
    else g->size.data = g->world->size;
    g->at = layout_place(&g->size, g->world->rank);
    g->shape[0].size = g->size.expert * g->size.data;
    g->shape[0].rank = rank_groups_token(g, &g->at);
    g->shape[1].size = g->size.tensor, g->shape[1].rank = g->at.tensor;
    g->shape[2].size = g->size.pipeline, g->shape[2].rank = g->at.pipeline;
    g->tokens = &g->shape[0];
    if (g->size.tensor > 1) g->tensor = &g->shape[1];
    if (g->size.pipeline > 1) g->pipeline = &g->shape[2];
}

/* Ranks of one group have the same place in the ways that it does not differ in. */
static cadre_status split(rank_groups *g, int i, rank_layout rest, comm **group)
{
    CADRE_TRY(comm_split(g->world, layout_rank(&g->size, &rest), g->shape[i].rank, group));
    g->opened[i] = true;
    return CADRE_OK;
}

cadre_status rank_groups_open(rank_groups *g)
{
    rank_layout rest = g->at;
    if (g->shape[0].size == g->world->size) { /* the order of ranks is theirs */
        g->tokens = g->world;
        return CADRE_OK;
    }
    rest.expert = rest.data = 0;
    CADRE_TRY(split(g, 0, rest, &g->tokens));
    rest = g->at, rest.tensor = 0;
    if (g->tensor) CADRE_TRY(split(g, 1, rest, &g->tensor));
    rest = g->at, rest.pipeline = 0;
    return g->pipeline ? split(g, 2, rest, &g->pipeline) : CADRE_OK;
}

void rank_groups_close(rank_groups *g)
{
    comm *groups[] = { g->tokens, g->tensor, g->pipeline };
    for (int i = 0; i < RANK_GROUPS; i++)
        if (g->opened[i]) comm_free(groups[i]);
    for (int i = 0; i < RANK_GROUPS; i++) g->opened[i] = false;
}

param_share rank_groups_share(const rank_groups *g, int rank)
{
    rank_layout at = layout_place(&g->size, rank);
    int32_t tokens = g->size.expert * g->size.data;
    return (param_share){ .slice = at.tensor,
        .slices = g->size.tensor,
        .group = at.tensor * tokens + rank_groups_token(g, &at),
        .groups = g->size.tensor * tokens,
        .whole_experts = true,
        .stage = at.pipeline,
        .stages = g->size.pipeline,
        .chunks = layout_chunks(&g->size) };
}

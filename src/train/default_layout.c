/* default_layout.c - tries layouts in the order of their cost, with the trainer's own checks and
 * sizes. */
#include "train/default_layout.h"

#include "base/memory.h"

enum { LAYOUTS_TRIED = 64 };

typedef struct layout_trial {
    const cadre_context *context;
    const model_config *config;
    const train_settings *settings;
} layout_trial;

static cadre_status bytes_of(const layout_trial *t, const rank_layout *l, int rank, size_t *bytes)
{
    comm world = { .rank = rank, .size = t->context->world->size };
    const train_ranks ranks = { &world, l };
    return trainer_bytes(t->context->compute, t->config, t->settings, &ranks, bytes);
}

/* The most bytes of a rank: the first and the last stage of a pipeline need more than the
 * others. */
static cadre_status most_bytes(const layout_trial *t, const rank_layout *l, size_t *bytes)
{
    size_t last;
    CADRE_TRY(bytes_of(t, l, 0, bytes));
    CADRE_TRY(bytes_of(t, l, layout_ranks(l) - 1, &last));
    if (last > *bytes) *bytes = last;
    return CADRE_OK;
}

/* .expert 0: the trainer supports none of them. */
static rank_layout choose(const layout_trial *t)
{
    const cadre_context *context = t->context;
    const layout_work work = { .batch = t->settings->batch,
        .length = t->settings->context,
        .accumulate = t->settings->accumulate };
    rank_layout list[LAYOUTS_TRIED], first = { 0 };
    size_t bytes;
    int count = context->order
                    ? context->order(context->world, t->config, &work, list, LAYOUTS_TRIED - 1)
                    : 0;
    list[count++] = (rank_layout){ 1, context->world->size, 1, 1, 1 };
    for (int i = 0; i < count; i++) {
        if (most_bytes(t, &list[i], &bytes) != CADRE_OK) continue;
        if (bytes <= mem_of_machine()) return list[i];
        if (!first.expert) first = list[i];
    }
    return first;
}

cadre_status default_layout(const cadre_context *context, const model_config *config,
    const train_settings *settings, rank_layout *layout)
{
    const layout_trial t = { context, config, settings };
    comm *world = context->world;
    size_t bytes;
    *layout = context->layout_given ? context->layout : layout_single();
    if (context->layout_given || world->size == 1) return CADRE_OK;
    if (world->rank == 0) *layout = choose(&t);
    comm_broadcast(world, layout, sizeof *layout, 0);
    CADRE_TRY(comm_status(world));
    if (layout->expert) return CADRE_OK;
    *layout = (rank_layout){ 1, world->size, 1, 1, 1 };
    return most_bytes(&t, layout, &bytes);
}

/* optimizer_blocks.c - updates block by block, for optimisers that update each element by
 * itself. */
#include "train/optimizer_method.h"

void optimizer_update_block(
    const optimizer *o, const optimizer_step_args *s, const block *b, optimizer_update update)
{
    if (!b->owned) return;
    if (b->frozen > 0) update(o, s, b, 0, b->frozen);
    if (b->frozen_end < b->count) update(o, s, b, b->frozen_end, b->count);
}

typedef struct update_task {
    const optimizer *o;
    const optimizer_step_args *s;
    optimizer_update update;
} update_task;

static void update_share(void *arg, int worker, int workers)
{
    const update_task *t = arg;
    pool_range share = pool_share(t->o->count, 1, worker, workers);
    for (int64_t i = share.begin; i < share.end; i++)
        optimizer_update_block(t->o, t->s, &t->o->blocks[i], t->update);
}

void optimizer_update_all(const optimizer *o, const optimizer_step_args *s, optimizer_update update)
{
    update_task task = { o, s, update };
    pool_run(o->c->pool, update_share, &task);
}

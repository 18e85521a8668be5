/* optimizer_blocks.c - updates block by block, for optimisers that step each element by itself. */
#include "train/optimizer_method.h"

void optimizer_update_block(
    const optimizer *o, const optimizer_step_of *s, const block *b, optimizer_update update)
{
    if (!b->owned) return;
    if (b->held > 0) update(o, s, b, 0, b->held);
    if (b->end < b->count) update(o, s, b, b->end, b->count);
}

typedef struct update_task {
    const optimizer *o;
    const optimizer_step_of *s;
    optimizer_update update;
} update_task;

static void update_share(void *arg, int worker, int workers)
{
    const update_task *t = arg;
    pool_range share = pool_share(t->o->count, 1, worker, workers);
    for (int64_t i = share.begin; i < share.end; i++)
        optimizer_update_block(t->o, t->s, &t->o->blocks[i], t->update);
}

void optimizer_update_all(const optimizer *o, const optimizer_step_of *s, optimizer_update update)
{
    update_task task = { o, s, update };
    pool_run(o->c->pool, update_share, &task);
}

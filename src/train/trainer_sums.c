/* trainer_sums.c - the slots that hold partial sums of gradients (leaf_plan.h), and the additions
 * of one slot to another. */
#include "op/parallel.h"
#include "train/trainer_state.h"

int64_t trainer_place_of_slot(const trainer *t, int64_t slot)
{
    return slot ? t->waiting - t->gradient + (slot - 1) * t->slot_size - t->slot_first : 0;
}

/* Says how the stacks sum the gradients of this micro-batch. */
void trainer_begin_leaves(trainer *t)
{
    const leaf_micro_batch *p = &t->current;
    for (int i = 0; i < t->count; i++) {
        stack *k = &t->stacks[i];
        for (int32_t j = 0; j < p->runs; j++) {
            k->run[j] = p->run[j];
            k->run[j].to = trainer_place_of_slot(t, p->run[j].to);
        }
        for (int32_t j = 0; j <= p->leaves; j++) k->leaf_start[j] = p->start[j] * k->length;
        k->leaves.runs = p->runs;
        k->leaves.run = k->run;
        k->leaves.start = k->leaf_start;
    }
}

/* Whether a parameter belongs to the current chunk. Of those that belong to no layer, the output's
 * are with the last chunk and the others with the first. */
static bool is_of_chunk(const trainer *t, const param *p)
{
    int32_t stages = t->groups.size.pipeline;
    if (t->chunks == 1) return true;
    if (p->layer >= 0)
        return share_owner(t->config.layers, p->layer, stages * t->chunks) / stages == t->chunk;
    bool output = p->role == ROLE_OUT_NORM || p->role == ROLE_HEAD;
    return t->chunk == (output ? t->chunks - 1 : 0);
}

void trainer_join_leaves(trainer *t)
{
    for (int32_t i = 0; i < t->current.joins; i++) {
        const real *from = t->gradient + trainer_place_of_slot(t, t->current.join[i].from);
        real *to = t->gradient + trainer_place_of_slot(t, t->current.join[i].to);
        for (int64_t j = 0; j < t->table.count; j++) {
            const param *p = &t->table.rows[j];
            if (trainer_sums_leaves(p) && is_of_chunk(t, p))
                parallel_add(t->c, p->rows * p->cols, from + p->offset, to + p->offset);
        }
        if (t->head_gradient && trainer_is_last(t))
            parallel_add(t->c, t->head_size, from - t->head_size, to - t->head_size);
    }
}

leaf_sums trainer_sums_of(const trainer *t, int rank)
{
    leaf_sums sums = { 0 };
    leaf_micro_batch own;
    leaf_plan all = t->plan;
    all.rank = rank;
    for (int64_t i = 0; i < all.micro_batches; i++) leaf_plan_micro_batch(&all, i, &sums, &own);
    return sums;
}

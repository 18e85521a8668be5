/* trainer_collect.c - brings what ranks have of a model together on rank 0. */
#include <string.h>

#include "train/trainer_state.h"

static real *array_of(trainer *t, int which)
{
    return which == TRAINER_VALUES ? t->values : optimizer_state_at(t->optimizer, which).values;
}

/* What a rank brings: the dense elements that it updates, and its experts, behind each other */
typedef struct bringing {
    int64_t begin, end;     /* dense */
    int64_t dense, experts; /* where its experts begin, and how many elements they have */
} bringing;

static bringing own_bringing(const trainer *t)
{
    return (bringing){ t->first[t->plan.rank], t->first[t->plan.rank + 1], t->dense,
        t->table.elements - t->dense };
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

/* Copies the elements begin .. end - 1 of a rank's flat layout, which are at `from`, to their
 * places in the whole model. */
static void place(const trainer *t, const param_table *table, int64_t begin, int64_t end,
    const real *from, real *whole)
{
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        int64_t first = later(p->offset, begin), last = earlier(p->offset + p->rows * p->cols, end);
        if (first < last)
            memcpy(whole + t->whole.rows[p->index].offset + param_elements_before(p) + first -
                       p->offset,
                from + first - begin, (size_t)(last - first) * sizeof *whole);
    }
}

static cadre_status table_of(const trainer *t, int rank, param_table *table)
{
    int64_t dense;
    param_share share = rank_groups_share(&t->groups, rank, t->config.layers);
    CADRE_TRY(param_table_make_share(&t->config, &share, table));
    trainer_place_experts_last(table, &dense);
    return CADRE_OK;
}

/* Rank 0 receives what rank r brings, as one piece. */
static cadre_status receive(
    trainer *t, int r, const bringing *b, const param_table *table, real *whole)
{
    int64_t dense = b->end - b->begin;
    size_t count = (size_t)(dense + b->experts);
    real *arrived = count ? mem_reserve(count, sizeof *arrived) : NULL;
    if (count && !arrived) return CADRE_ENOMEM;
    if (dense) comm_receive(t->world, r, arrived, (size_t)dense * sizeof *arrived);
    if (b->experts)
        comm_receive(t->world, r, arrived + dense, (size_t)b->experts * sizeof *arrived);
    place(t, table, b->begin, b->end, arrived, whole);
    place(t, table, b->dense, b->dense + b->experts, arrived + dense, whole);
    mem_return(arrived, count, sizeof *arrived);
    return CADRE_OK;
}

static cadre_status receive_all(trainer *t, const bringing *all, const real *array, real *whole)
{
    place(t, &t->table, all->begin, all->end, array + all->begin, whole);
    place(t, &t->table, all->dense, t->table.elements, array + all->dense, whole);
    for (int r = 1; r < t->world->size; r++) {
        param_table table;
        CADRE_TRY(table_of(t, r, &table));
        cadre_status status = receive(t, r, &all[r], &table, whole);
        param_table_free(&table);
        CADRE_TRY(status);
    }
    return CADRE_OK;
}

static void send(trainer *t, const bringing *b, const real *array)
{
    int64_t dense = b->end - b->begin;
    if (dense) comm_send(t->world, 0, array + b->begin, (size_t)dense * sizeof *array);
    if (b->experts) comm_send(t->world, 0, array + b->dense, (size_t)b->experts * sizeof *array);
}

cadre_status trainer_collect(trainer *t, int which, real *whole)
{
    real *array = array_of(t, which);
    bringing all[BATCH_RANKS], own = own_bringing(t);
    comm_all_gather(t->world, &own, sizeof own, all);
    CADRE_TRY(comm_status(t->world));
    if (t->world->rank) send(t, &own, array);
    else {
        cadre_status status = receive_all(t, all, array, whole);
        if (status != CADRE_OK) comm_fail(t->world, status);
    }
    return comm_status(t->world);
}

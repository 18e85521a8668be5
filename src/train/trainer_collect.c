/* trainer_collect.c - brings what ranks have of a model together on rank 0. */
#include <string.h>

#include "train/trainer_state.h"

static real *array_of(trainer *t, trainer_array which)
{
    if (which == TRAINER_VALUES) return t->values;
    return which == TRAINER_FIRST_MOMENT ? optimizer_first_moment(t->optimizer)
                                         : optimizer_second_moment(t->optimizer);
}

/* The slices of dense parameters that others own come where this rank's array has them. */
static void collect_dense(trainer *t, real *array)
{
    comm *c = t->world;
    int64_t begin = t->first[c->rank], end = t->first[c->rank + 1];
    if (c->rank) {
        if (end > begin) comm_send(c, 0, array + begin, (size_t)(end - begin) * sizeof *array);
        return;
    }
    for (int r = 1; r < c->size; r++)
        if (t->first[r + 1] > t->first[r])
            comm_receive(
                c, r, array + t->first[r], (size_t)(t->first[r + 1] - t->first[r]) * sizeof *array);
}

/* Copies parameters to their places in the whole model. from: dense ones as this rank has them, or
 * the experts of a rank that has sent them. */
static void place(const trainer *t, const param_table *table, bool experts, int64_t begin,
    const real *from, real *whole)
{
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        if (param_is_expert(p->role) == experts)
            memcpy(whole + t->whole.rows[p->index].offset, from + p->offset - begin,
                (size_t)(p->rows * p->cols) * sizeof *whole);
    }
}

static cadre_status table_of(const trainer *t, int rank, param_table *table, int64_t *dense)
{
    param_share share = { .slices = 1, .group = rank, .groups = t->plan.ranks };
    CADRE_TRY(param_table_make_share(&t->config, &share, table));
    trainer_place_experts_last(table, dense);
    return CADRE_OK;
}

/* Rank 0 takes the experts of one rank after another. */
static cadre_status collect_experts(trainer *t, const real *array, real *whole)
{
    for (int r = 0; r < t->world->size; r++) {
        param_table table;
        int64_t dense;
        CADRE_TRY(table_of(t, r, &table, &dense));
        int64_t count = table.elements - dense;
        real *arrived = r && count ? mem_reserve((size_t)count, sizeof *arrived) : NULL;
        cadre_status status = r && count && !arrived ? CADRE_ENOMEM : CADRE_OK;
        if (arrived) comm_receive(t->world, r, arrived, (size_t)count * sizeof *arrived);
        if (status == CADRE_OK) place(t, &table, true, dense, r ? arrived : array + dense, whole);
        mem_return(arrived, (size_t)count, sizeof *arrived);
        param_table_free(&table);
        CADRE_TRY(status);
    }
    return CADRE_OK;
}

cadre_status trainer_collect(trainer *t, trainer_array which, real *whole)
{
    real *array = array_of(t, which);
    int64_t count = t->table.elements - t->dense;
    if (which != TRAINER_VALUES) collect_dense(t, array);
    if (t->world->rank == 0) {
        place(t, &t->table, false, 0, array, whole);
        cadre_status status = collect_experts(t, array, whole);
        if (status != CADRE_OK) comm_fail(t->world, status);
    } else if (count) comm_send(t->world, 0, array + t->dense, (size_t)count * sizeof *array);
    return comm_status(t->world);
}

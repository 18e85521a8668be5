/* run_ranks.c - a run of several ranks: all take the same steps, and the first one decides what
 * depends on time, and writes the files. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "train/run.h"

cadre_status train_ranks_meet(const train_run *r)
{
    comm_barrier(train_world(r));
    return comm_status(train_world(r));
}

cadre_status train_ranks_share(const train_run *r, void *data, size_t bytes)
{
    comm_broadcast(train_world(r), data, bytes, 0);
    return comm_status(train_world(r));
}

bool train_ranks_stop(const train_run *r)
{
    int64_t asked = cadre_interrupted();
    comm_all_reduce_counts(train_world(r), &asked, 1);
    return asked > 0;
}

/* whole: the values and the optimiser's states one after another on the first rank; elsewhere
 * NULL */
static cadre_status collect(const train_run *r, real *whole, int64_t elements)
{
    int arrays = 1 + optimizer_states(trainer_optimizer(r->trainer));
    for (int i = 0; i < arrays; i++)
        CADRE_TRY(trainer_collect(r->trainer, i - 1, whole ? whole + i * elements : NULL));
    return CADRE_OK;
}

/* What the first rank saves of all of them */
static checkpoint_arrays arrays_of(const train_run *r, const param_table *table, real *whole)
{
    optimizer *o = trainer_optimizer(r->trainer);
    checkpoint_arrays a = { .config = &r->config,
        .table = table,
        .values = whole,
        .format = r->saved_as,
        .states = optimizer_states(o) };
    for (int i = 0; i < a.states; i++)
        a.state[i] = (optimizer_state){ optimizer_state_at(o, i).prefix, table,
            whole + (i + 1) * table->elements };
    return a;
}

static cadre_status save_whole(const train_run *r)
{
    const param_table *table = trainer_whole_table(r->trainer);
    int arrays_here = 1 + optimizer_states(trainer_optimizer(r->trainer));
    size_t count = (size_t)table->elements * (size_t)arrays_here;
    real *whole = train_leads(r) ? mem_reserve(count, sizeof *whole) : NULL;
    if (train_leads(r) && !whole) return CADRE_ENOMEM;
    cadre_status status = collect(r, whole, table->elements);
    if (status == CADRE_OK && whole) {
        const checkpoint_arrays arrays = arrays_of(r, table, whole);
        status = checkpoint_save(r->out, &arrays, &r->state);
    }
    if (train_leads(r)) mem_return(whole, count, sizeof *whole);
    return status;
}

cadre_status train_ranks_save(const train_run *r)
{
    if (train_world(r)->size == 1) {
        checkpoint_arrays arrays = train_arrays(r);
        return checkpoint_save(r->out, &arrays, &r->state);
    }
    cadre_status status = save_whole(r);
    if (status != CADRE_OK) comm_fail(train_world(r), status);
    CADRE_TRY(status);
    return train_ranks_meet(r);
}

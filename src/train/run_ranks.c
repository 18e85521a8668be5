/* run_ranks.c - a run of several ranks: all take the same steps; rank 0 decides what depends on
 * time, and writes the files. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "train/run.h"

cadre_status train_ranks_barrier(const train_run *r)
{
    comm_barrier(train_world(r));
    return comm_status(train_world(r));
}

cadre_status train_ranks_broadcast(const train_run *r, void *data, size_t bytes)
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

/* The values and the optimiser's states of the whole model, gathered on rank 0 */
typedef struct whole_arrays {
    int count;                               /* arrays: the values, then the states */
    param_table table[1 + OPTIMIZER_STATES]; /* the layout of each */
    int64_t elements;
    real *at; /* [elements] one array after another; NULL on other ranks */
} whole_arrays;

static void free_arrays(whole_arrays *w)
{
    mem_return(w->at, (size_t)w->elements, sizeof *w->at);
    for (int i = 0; i < w->count; i++) param_table_free(&w->table[i]);
}

static cadre_status make_arrays(const train_run *r, whole_arrays *w)
{
    int count = 1 + optimizer_states(trainer_optimizer(r->trainer));
    for (; w->count < count; w->count++) {
        CADRE_TRY(trainer_array_table(r->trainer, w->count - 1, &w->table[w->count]));
        w->elements += w->table[w->count].elements;
    }
    if (train_leads(r)) w->at = mem_reserve((size_t)w->elements, sizeof *w->at);
    return train_leads(r) && !w->at ? CADRE_ENOMEM : CADRE_OK;
}

static cadre_status collect(const train_run *r, const whole_arrays *w)
{
    real *at = w->at;
    for (int i = 0; i < w->count; i++) {
        CADRE_TRY(trainer_collect(r->trainer, i - 1, at));
        if (at) at += w->table[i].elements;
    }
    return CADRE_OK;
}

/* The arrays of a checkpoint, gathered on rank 0 */
static checkpoint_arrays arrays_of(const train_run *r, const whole_arrays *w)
{
    optimizer *o = trainer_optimizer(r->trainer);
    checkpoint_arrays a = { .config = &r->config,
        .adapter = r->settings.adapted ? &r->adapter : NULL,
        .table = &w->table[0],
        .values = w->at,
        .format = r->saved_as,
        .states = optimizer_states(o) };
    real *at = w->at;
    for (int i = 0; i < a.states; i++) {
        at += w->table[i].elements;
        a.state[i] = (optimizer_state){ optimizer_state_at(o, i).prefix, &w->table[i + 1], at };
    }
    return a;
}

static cadre_status save_whole(const train_run *r)
{
    whole_arrays w = { 0 };
    cadre_status status = make_arrays(r, &w);
    if (status == CADRE_OK) status = collect(r, &w);
    if (status == CADRE_OK && w.at) {
        const checkpoint_arrays arrays = arrays_of(r, &w);
        status = checkpoint_save(r->out, &arrays, &r->state);
    }
    free_arrays(&w);
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
    return train_ranks_barrier(r);
}

/* run_ranks.c - a run of several ranks: all take the same steps; rank 0 decides what depends on
 * time, and writes the files. */
#include "base/clock.h"
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

/* The tables of the whole model's arrays: the values, and the optimiser's states */
typedef struct whole_tables {
    int count;
    param_table table[1 + OPTIMIZER_STATES];
} whole_tables;

static void free_tables(whole_tables *w)
{
    for (int i = 0; i < w->count; i++) param_table_free(&w->table[i]);
}

static cadre_status make_tables(const train_run *r, whole_tables *w)
{
    int count = 1 + optimizer_states(trainer_optimizer(r->trainer));
    for (; w->count < count; w->count++)
        CADRE_TRY(trainer_array_table(r->trainer, w->count - 1, &w->table[w->count]));
    return CADRE_OK;
}

static checkpoint_arrays arrays_of(
    const train_run *r, const whole_tables *w, checkpoint_ranks *ranks)
{
    optimizer *o = trainer_optimizer(r->trainer);
    checkpoint_arrays a = { .config = &r->config,
        .adapter = r->settings.adapted ? &r->adapter : NULL,
        .ranks = ranks,
        .table = &w->table[0],
        .format = r->saved_as,
        .states = optimizer_states(o) };
    for (int i = 0; i < a.states; i++)
        a.state[i] = (optimizer_state){ .prefix = optimizer_state_at(o, i).prefix,
            .table = &w->table[i + 1] };
    return a;
}

static cadre_status save_among(const train_run *r, checkpoint_ranks *ranks)
{
    whole_tables w = { 0 };
    cadre_status status = make_tables(r, &w);
    if (status == CADRE_OK) {
        const checkpoint_arrays arrays = arrays_of(r, &w, ranks);
        status = checkpoint_save(r->out, &arrays, &r->state);
    }
    free_tables(&w);
    if (status != CADRE_OK) comm_fail(train_world(r), status);
    return status;
}

/* Gathers how many bytes each rank has written; waits for all. */
static cadre_status gather_bytes(train_run *r, const checkpoint_ranks *ranks)
{
    comm *world = train_world(r);
    if (!r->saved_bytes) r->saved_bytes = MEM_ARRAY(int64_t, world->size);
    if (!r->saved_bytes) {
        comm_fail(world, CADRE_ENOMEM);
        return CADRE_ENOMEM;
    }
    comm_all_gather(world, &ranks->bytes, sizeof ranks->bytes, r->saved_bytes);
    return comm_status(world);
}

static cadre_status save_alone(train_run *r)
{
    checkpoint_arrays arrays = train_arrays(r);
    return checkpoint_save(r->out, &arrays, &r->state);
}

static cadre_status save_together(train_run *r)
{
    const bool first = !r->saved_bytes;
    checkpoint_ranks ranks = { .world = train_world(r), .trainer = r->trainer };
    CADRE_TRY(save_among(r, &ranks));
    CADRE_TRY(gather_bytes(r, &ranks));
    if (first && ranks.blind >= 0)
        train_note(r,
            "rank %d cannot write the files of rank 0 in %s, so rank 0 reads what the others have "
            "and writes checkpoints alone",
            ranks.blind, r->out);
    return CADRE_OK;
}

cadre_status train_ranks_save(train_run *r)
{
    double begin = clock_seconds();
    CADRE_TRY(train_world(r)->size == 1 ? save_alone(r) : save_together(r));
    r->save_seconds = clock_seconds() - begin;
    return CADRE_OK;
}

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

static cadre_status read_whole(void *arg, int array, int64_t first, int64_t count, real *to)
{
    return trainer_reader_read(arg, array - 1, first, count, to);
}

/* The arrays of a checkpoint, which rank 0 reads from all ranks */
static checkpoint_arrays arrays_of(
    const train_run *r, const whole_tables *w, trainer_reader *reader)
{
    optimizer *o = trainer_optimizer(r->trainer);
    checkpoint_arrays a = { .config = &r->config,
        .adapter = r->settings.adapted ? &r->adapter : NULL,
        .table = &w->table[0],
        .format = r->saved_as,
        .states = optimizer_states(o),
        .source = { read_whole, reader } };
    for (int i = 0; i < a.states; i++)
        a.state[i] = (optimizer_state){ .prefix = optimizer_state_at(o, i).prefix,
            .table = &w->table[i + 1] };
    return a;
}

static cadre_status save_whole(const train_run *r)
{
    whole_tables w = { 0 };
    trainer_reader *reader = NULL;
    cadre_status status = make_tables(r, &w);
    if (status == CADRE_OK) status = trainer_reader_open(r->trainer, 0, &reader);
    if (status == CADRE_OK) {
        const checkpoint_arrays arrays = arrays_of(r, &w, reader);
        status = checkpoint_save(r->out, &arrays, &r->state);
        trainer_reader_close(reader);
    }
    free_tables(&w);
    return status;
}

cadre_status train_ranks_save(const train_run *r)
{
    if (train_world(r)->size == 1) {
        checkpoint_arrays arrays = train_arrays(r);
        return checkpoint_save(r->out, &arrays, &r->state);
    }
    cadre_status status = train_leads(r) ? save_whole(r) : trainer_answer(r->trainer);
    if (status != CADRE_OK) comm_fail(train_world(r), status);
    CADRE_TRY(status);
    return train_ranks_barrier(r);
}

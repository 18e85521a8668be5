/* trainer.h - the optimiser step: forward, balance, backward, clip, AdamW, bias update; and the
 * memory for it.
 *
 * It knows nothing of text, files or time. A step depends only on the values, the step's number,
 * the seed and the tokens. It does not depend on threads or, where balance is per sequence or by
 * bias, on how the batch is cut into micro-batches. */
#ifndef CADRE_TRAIN_TRAINER_H
#define CADRE_TRAIN_TRAINER_H

#include "base/layout.h"
#include "model/transformer.h"
#include "train/batch_rows.h"
#include "train/settings.h"

typedef struct trainer trainer;

/* The ranks that train together, and how they divide the work. */
typedef struct train_ranks {
    comm *world;
    const rank_layout *layout; /* NULL: all divide the batch */
} train_ranks;

/* Borrows c, config and the world (ranks NULL: there is one rank). */
cadre_status trainer_new(compute *c, const model_config *config, const train_settings *settings,
    const train_ranks *ranks, trainer **t);
void trainer_free(trainer *t);
cadre_status trainer_bytes(const compute *c, const model_config *config,
    const train_settings *settings, const train_ranks *ranks,
    size_t *bytes); /* what trainer_new will allocate */

/* Parameters of this rank, of which it may have some rows (arch/param.h), and of the model */
const param_table *trainer_table(const trainer *t);
const param_table *trainer_whole_table(const trainer *t);

/* Brings an array of all ranks together, for a checkpoint: whole [trainer_array_table's elements]
 * on rank 0, elsewhere NULL. Every rank calls it. which: a state of the optimiser, or the values */
enum { TRAINER_VALUES = -1 };
cadre_status trainer_collect(trainer *t, int which, real *whole);
/* Of the whole model; freed by param_table_free */
cadre_status trainer_array_table(const trainer *t, int which, param_table *table);
real *trainer_values(trainer *t); /* [table->elements], the flat layout */
optimizer *trainer_optimizer(trainer *t);

typedef struct trainer_report {
    /* Mean cross-entropy of the step's counted targets alone, 0 where none is; balancing and z
     * terms as added */
    double loss, aux, z;
    double gradient_norm; /* before clipping */
    double lr;
    int64_t tokens;
    int64_t skipped; /* batches, of one: trainer_guard found it bad, and nothing was changed */
    double margin;   /* of preferences, as in preference.h; else 0 */
} trainer_report;

/* Gives rows first .. first + count - 1 of the step's batch: the same ones whenever it is asked in
 * this step. rows->begins is all false before. */
typedef void (*trainer_feed)(void *arg, int64_t first, int64_t count, const batch_rows *rows);

/* Takes step number `step`, from 0, at learning rate lr. On failure (CADRE_EINTERRUPTED, or an
 * error of another rank) the step is given up, and parameters and moments are those before it. */
cadre_status trainer_step(
    trainer *t, int64_t step, double lr, trainer_feed feed, void *arg, trainer_report *report);

/* From now on a step whose loss is above the limit, or whose loss or gradient is no finite number,
 * changes nothing, on all ranks alike. */
void trainer_guard(trainer *t, double loss_limit);

/* The losses of a batch's rows that are not learnt from, added up, and how many targets counted.
 * The model reads and writes no text of its own (no encoder). Every rank calls it, and learns the
 * same. */
cadre_status trainer_evaluate(
    trainer *t, trainer_feed feed, void *arg, double *sum, int64_t *counted);

/* Of rows: the sums of their losses [batch], and how many tokens each expert of every sparse layer
 * got [batch, experts of all of them] */
typedef struct trainer_rows {
    double *losses;
    int32_t *loads;
} trainer_rows;

/* Measures the rows that feed gives as those of a step, one sequence each, with nothing changed. */
cadre_status trainer_measure(trainer *t, trainer_feed feed, void *arg, const trainer_rows *rows);

/* Counts and sums of the i-th sparse layer over the last step */
int trainer_sparse_layers(const trainer *t);
balance_totals trainer_totals(const trainer *t, int i);
/* [E] its selection bias; NULL: its router has none */
const real *trainer_correction(const trainer *t, int i);
bool trainer_any_correction(const trainer *t); /* any layer has one */
/* The norm of the gradient of its router's matrix in that step */
double trainer_router_norm(const trainer *t, int i);

#endif

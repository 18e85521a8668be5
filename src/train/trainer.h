/* trainer.h - a training step, and the memory for it: forward pass, balancing losses, backward
 * pass, gradient clipping, the optimiser's update, and the update of correction biases.
 *
 * It knows nothing of text, files or time. A step depends only on the values, the step's number,
 * the seed and the tokens. It does not depend on the number of threads or, where balance is per
 * sequence, per step or by bias, on how the batch is cut into micro-batches. */
#ifndef CADRE_TRAIN_TRAINER_H
#define CADRE_TRAIN_TRAINER_H

#include "base/layout.h"
#include "model/transformer.h"
#include "train/batch_rows.h"
#include "train/settings.h"
#include "weights/files.h"

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

/* The parameters, or slices of parameters, that this rank has (arch/param.h), and those of the
 * whole model */
const param_table *trainer_table(const trainer *t);
const param_table *trainer_whole_table(const trainer *t);

/* Saving arrays of the whole model. which: a state of the optimiser, or the values */
enum { TRAINER_VALUES = -1 };

/* What this rank saves of the parameter at `index` of the whole table. Each element is saved by one
 * rank: those that several ranks have are divided among them. */
held_values trainer_held(const trainer *t, int which, int64_t index);

/* Reading all of it on rank 0, for a file that the others do not see: rank 0 opens, reads and
 * closes, and the other ranks answer until it closes. None holds more of what others have than some
 * megabytes. first, count: elements of trainer_array_table's layout */
typedef struct trainer_reader trainer_reader;
/* window: elements that are asked for at a time; 0: as many as serve well */
cadre_status trainer_reader_open(trainer *t, int64_t window, trainer_reader **reader);
cadre_status trainer_reader_read(
    trainer_reader *reader, int which, int64_t first, int64_t count, real *to);
void trainer_reader_close(trainer_reader *reader); /* NULL is fine, and tells nobody */
cadre_status trainer_answer(trainer *t);

/* The layout of that array for the whole model; freed by param_table_free */
cadre_status trainer_array_table(const trainer *t, int which, param_table *table);
real *trainer_values(trainer *t); /* [table->elements], the flat layout */
optimizer *trainer_optimizer(trainer *t);

typedef struct trainer_report {
    /* The mean cross-entropy of the targets that count (0 if none does), the sum of the balancing
     * losses and the z-loss, each multiplied by its coefficient */
    double loss, aux, z;
    double gradient_norm; /* before clipping */
    double lr;
    int64_t tokens;
    int64_t skipped; /* 1: trainer_guard refused the batch, and nothing was changed; else 0 */
    double margin;   /* the mean margin of preference pairs (preference.h); else 0 */
} trainer_report;

/* Writes rows first .. first + count - 1 of the step's batch, the same ones whenever it is called
 * in this step. The caller has set all of rows->begins to false. */
typedef void (*trainer_feed)(void *arg, int64_t first, int64_t count, const batch_rows *rows);

/* Takes step number `step`, counted from 0, with learning rate lr. If it fails (CADRE_EINTERRUPTED,
 * or an error of another rank), parameters and optimiser states are those before the step. */
cadre_status trainer_step(
    trainer *t, int64_t step, double lr, trainer_feed feed, void *arg, trainer_report *report);

/* From now on a step whose loss is above the limit, or whose loss or gradient is not finite,
 * changes nothing on any rank. */
void trainer_guard(trainer *t, double loss_limit);

/* Adds the losses of a batch of held-out rows to *sum, and the number of targets that count to
 * *counted. The model has no encoder. Every rank calls it and gets the same result. */
cadre_status trainer_evaluate(
    trainer *t, trainer_feed feed, void *arg, double *sum, int64_t *counted);

/* For each row of a batch: the sum of its tokens' losses [batch], and how many of its tokens each
 * expert of every sparse layer got [batch, experts of all sparse layers] */
typedef struct trainer_rows {
    double *losses;
    int32_t *loads;
} trainer_rows;

/* Runs the rows that feed gives forward, as those of a step, one sequence each; changes nothing. */
cadre_status trainer_measure(trainer *t, trainer_feed feed, void *arg, const trainer_rows *rows);

/* Routing counts and sums of the i-th sparse layer over the last step */
int trainer_sparse_layers(const trainer *t);
balance_totals trainer_totals(const trainer *t, int i);
/* [E] the correction bias of the i-th sparse layer; NULL: its router has none */
const real *trainer_correction(const trainer *t, int i);
bool trainer_any_correction(const trainer *t); /* whether any layer has one */
/* The norm of the gradient of the i-th sparse layer's router matrix in the last step */
double trainer_router_norm(const trainer *t, int i);

#endif

/* checkpoint.h - the checkpoints in a run's folder. At every moment either the old or the new
 * checkpoint can be loaded.
 *
 * Two files cannot be renamed at once. Therefore the new model is written and synced under a
 * temporary name, which gives its hash. The training state of step S, which holds that hash, is
 * written and synced under its own name, training-state-S.safetensors. Then renaming
 * model.safetensors commits both, and the states of other models are removed. Loading takes the
 * state that holds the hash of the model file, and verifies both. If an adapter is trained,
 * adapter_model.safetensors takes the place of model.safetensors. */
#ifndef CADRE_TRAIN_CHECKPOINT_H
#define CADRE_TRAIN_CHECKPOINT_H

#include "arch/param.h"
#include "format/hash.h"
#include "train/spike.h"
#include "train/optimizer.h"
#include "train/trainer.h"
#include "weights/adapter.h"

/* The state of a run after a step, in addition to the flat arrays */
typedef struct checkpoint_state {
    int64_t step;      /* steps done */
    int64_t tokens;    /* trained on so far */
    double seconds;    /* spent */
    const char *run;   /* the options and data, as JSON text (same_run.c) */
    spike_guard guard; /* without its ratio, which is an option */
    double best;       /* the lowest validation loss, after best_step; step 0: there is none */
    int64_t best_step;
} checkpoint_state;

/* Several ranks that save a checkpoint together. If all of them see the files that rank 0 makes,
 * each writes the elements that it has. Otherwise, and for an adapter, which is small, rank 0 reads
 * those of the others and writes all. The files are the same. */
typedef struct checkpoint_ranks {
    comm *world;
    trainer *trainer;
    /* Set by checkpoint_save: the bytes that this rank has written; the lowest rank that does not
     * see the files, -1 if there is none */
    int64_t bytes;
    int blind;
} checkpoint_ranks;

typedef struct checkpoint_arrays {
    const model_config *config;
    const adapter *adapter;   /* what is saved is this adapter; NULL: it is a model */
    checkpoint_ranks *ranks;  /* NULL: this process has the arrays below, and saves all */
    const param_table *table; /* of the whole model, as those of the states */
    real *values;             /* in the flat layout of `table` */
    /* The format of the model's file; NULL: f32. If it is another, the training state holds the
     * float32 weights. */
    const number_format *format;
    optimizer_state state[OPTIMIZER_STATES];
    int states;
} checkpoint_arrays;

/* Whether there is a model, and a training state */
bool checkpoint_exists(const char *folder);
/* Whether there are a model's weights, but no training state */
bool checkpoint_model_alone(const char *folder);
/* Whether there is any file that a run would replace */
bool checkpoint_folder_used(const char *folder);

/* With ranks, all of them call it; the checkpoint is complete when rank 0 returns. */
cadre_status checkpoint_save(
    const char *folder, const checkpoint_arrays *arrays, const checkpoint_state *state);

/* Loads the model and the training state that belongs to it. *run: the JSON text that was saved,
 * freed by mem_free */
cadre_status checkpoint_load(
    const char *folder, const checkpoint_arrays *arrays, checkpoint_state *state, char **run);

/* Reads the training state's description alone, before memory is allocated for its arrays. */
cadre_status checkpoint_peek(const char *folder, checkpoint_state *state, char **run);

/* Removes the temporary files of a save that was interrupted. */
cadre_status checkpoint_sweep(const char *folder);

#endif

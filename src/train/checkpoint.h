/* checkpoint.h - a run's folder on the disk, kept such that at every instant either the old or the
 * new checkpoint can be loaded.
 *
 * Two files cannot be renamed at once. Therefore the new model is written and synced under a
 * temporary name, which gives its hash. The training state of step S, which holds that hash, is
 * written and synced under its own name, training-state-S.safetensors. Then renaming
 * model.safetensors commits both, and the states of other models are removed. Loading takes the
 * state that holds the hash of the model file, and verifies both. Where an adapter is trained,
 * adapter_model.safetensors takes the place of model.safetensors. */
#ifndef CADRE_TRAIN_CHECKPOINT_H
#define CADRE_TRAIN_CHECKPOINT_H

#include "arch/param.h"
#include "format/hash.h"
#include "train/spike.h"
#include "train/optimizer.h"
#include "weights/adapter.h"

/* The state of a run after a step, in addition to the flat arrays */
typedef struct checkpoint_state {
    int64_t step;      /* steps done */
    int64_t tokens;    /* trained on so far */
    double seconds;    /* spent */
    const char *run;   /* what must be the same to resume: JSON text, one key for each option */
    spike_guard guard; /* but for its ratio, which is an option */
    double best;       /* the least validation loss, after best_step; 0 steps: there is none */
    int64_t best_step;
} checkpoint_state;

typedef struct checkpoint_arrays {
    const model_config *config;
    const adapter *adapter; /* whose table it is, saved in place of a model; NULL: the model's */
    const param_table *table;
    real *values; /* the flat layout */
    /* Of the model's file; NULL: f32. The state holds what another one would round. */
    const number_format *format;
    optimizer_state state[OPTIMIZER_STATES];
    int states;
} checkpoint_arrays;

bool checkpoint_exists(const char *folder); /* there is a committed model, and some state */
/* Whether there are weights, but no state of this program. */
bool checkpoint_model_alone(const char *folder);
bool checkpoint_folder_used(const char *folder); /* there is a file that a run would replace */

cadre_status checkpoint_save(
    const char *folder, const checkpoint_arrays *arrays, const checkpoint_state *state);

/* Loads the state of the committed model and fills its arrays. `run` becomes the JSON text that was
 * saved, freed by mem_free. */
cadre_status checkpoint_load(
    const char *folder, const checkpoint_arrays *arrays, checkpoint_state *state, char **run);

/* Reads only what the state says about itself, before anything is allocated for its arrays. */
cadre_status checkpoint_peek(const char *folder, checkpoint_state *state, char **run);

/* Removes what an interrupted save left. */
cadre_status checkpoint_sweep(const char *folder);

#endif

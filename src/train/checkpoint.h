/* checkpoint.h - a run's folder on the disk, such that at every instant either the old or the new
 * checkpoint loads.
 *
 * Two files cannot be renamed at once. So: the new model is written and synced under a temporary
 * name, which gives its hash; the training state of step S, which holds that hash, is written and
 * synced under its own name, training-state-S.safetensors; then renaming model.safetensors commits;
 * then states of other models are removed. Loading takes the state that holds the hash of the model
 * file that is there, and verifies both. */
#ifndef CADRE_TRAIN_CHECKPOINT_H
#define CADRE_TRAIN_CHECKPOINT_H

#include "arch/param.h"
#include "format/hash.h"

/* What a run is at the end of a step, besides the flat arrays. */
typedef struct checkpoint_state {
    int64_t step;    /* steps done */
    int64_t tokens;  /* trained on so far */
    double seconds;  /* spent */
    const char *run; /* what must be the same for the run to go on: JSON text, one key an option */
} checkpoint_state;

typedef struct checkpoint_arrays {
    const model_config *config;
    const param_table *table;
    real *values, *first, *second; /* the flat layout: parameters, AdamW's two moments */
} checkpoint_arrays;

bool checkpoint_exists(const char *folder); /* a committed model and some state */
/* Weights that no state of this program belongs to */
bool checkpoint_model_alone(const char *folder);
bool checkpoint_folder_used(const char *folder); /* any file that a run would replace */

cadre_status checkpoint_save(
    const char *folder, const checkpoint_arrays *arrays, const checkpoint_state *state);

/* The state of the committed model; its arrays are filled. run: the JSON text that was saved;
 * mem_free. */
cadre_status checkpoint_load(
    const char *folder, const checkpoint_arrays *arrays, checkpoint_state *state, char **run);

/* Only what the state says of itself, before anything is allocated for its arrays. */
cadre_status checkpoint_peek(const char *folder, checkpoint_state *state, char **run);

/* Removes what an interrupted save left behind. */
cadre_status checkpoint_sweep(const char *folder);

#endif

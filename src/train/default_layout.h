/* default_layout.h - how ranks divide a training run if --parallel does not say it. */
#ifndef CADRE_TRAIN_DEFAULT_LAYOUT_H
#define CADRE_TRAIN_DEFAULT_LAYOUT_H

#include "kernel/context.h"
#include "train/trainer.h"

/* Chooses the layout of the context's world, on which all its ranks agree: the one that was given,
 * or else, of those that the trainer supports, the first in the context's order of which no rank
 * alone needs more memory than a machine has. All ranks call it together. CADRE_EARGUMENT: the
 * trainer supports none, and the sentence says why all of them cannot divide the batch. */
cadre_status default_layout(const cadre_context *context, const model_config *config,
    const train_settings *settings, rank_layout *layout);

#endif

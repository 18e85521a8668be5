/* settings.h - the settings of a training run, read from its options once and checked. */
#ifndef CADRE_TRAIN_SETTINGS_H
#define CADRE_TRAIN_SETTINGS_H

#include "arch/recipe.h"
#include "train/length.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "text/span_corruption.h"
#include "weights/adapter.h"

typedef struct train_settings {
    const recipe *recipe;         /* NULL: the run starts from a model */
    const cadre_options *options; /* borrowed */
    uint64_t seed;
    int64_t batch, accumulate, context;
    int64_t documents; /* the most documents that a row of the batch has */
    run_length length;
    /* If time decides, its number of steps is an estimate, which improves as the run goes on. */
    schedule schedule;
    double router_lr; /* as a multiple of the learning rate */
    bool bf16;        /* all products but the routers' are of operands rounded to bfloat16 */
    bool recompute;   /* the backward pass computes layers' activations again (op/batch.h) */
    optimizer_options optimizer;
    balance_options balance;
    int64_t save_every;                      /* 0: only at the end */
    int64_t keep;                            /* how many snapshots are kept; 0: none */
    int64_t validate_every, validate_tokens; /* steps, 0: never; held-out tokens, at most */
    int64_t patience;      /* validations in a row without a better one; 0: any number */
    double skip_bad;       /* the ratio of train/spike.h */
    span_corruption spans; /* for a model with an encoder */
    double preference;     /* beta of DPO, whose rows are pairs of answers; 0: rows are texts */
    const adapted_model *adapted; /* borrowed; NULL: the model itself is trained */
} train_settings;

/* Called after recipe_apply. */
cadre_status train_settings_read(const cadre_options *options, const recipe *r, train_settings *s);

/* Gives a configuration's sparse layers the options of training: capacity, jitter, dropout. */
cadre_status train_settings_apply(const train_settings *s, model_config *config);

#endif

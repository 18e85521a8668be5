/* train_options.c - THE TABLE of options that describe a training run; those of its model are in model/model_options.c.
 *
 * A row without a default takes the recipe's value, or what its help says. */
#include "base/options.h"

static const cadre_option rows[] = {
    { .name = "from", .kind = CADRE_OPTION_PATH, .value = "MODEL", .subject = "Data and output",
      .help = "start from this model's weights instead of a recipe's random ones" },
    { .name = "data", .kind = CADRE_OPTION_PATHS, .subject = "Data and output",
      .help = "files or folders of text; each is a domain with its own name" },
    { .name = "tokens", .kind = CADRE_OPTION_PATH, .value = "FILE", .subject = "Data and output",
      .help = "train on these batches instead of text: safetensors, 'tokens' [steps, batch, context + 1] i32" },
    { .name = "out", .kind = CADRE_OPTION_PATH, .value = "DIR", .subject = "Data and output",
      .help = "the folder that the model is saved in" },
    { .name = "resume", .kind = CADRE_OPTION_FLAG, .subject = "Data and output",
      .help = "go on from the checkpoint in --out, or start afresh where there is none" },
    { .name = "metrics", .kind = CADRE_OPTION_PATH, .value = "FILE", .subject = "Data and output",
      .help = "write one JSON object a step" },
    { .name = "save-every", .kind = CADRE_OPTION_INT, .min = 0, .max = 1e12, .value = "STEPS", .fallback = "0",
      .subject = "Data and output", .help = "steps between checkpoints; 0: only at the end and when interrupted" },

    { .name = "dry-run", .kind = CADRE_OPTION_FLAG, .subject = "Length",
      .help = "only say what the run would be and how much memory it would need" },
    { .name = "steps", .kind = CADRE_OPTION_INT, .min = 0, .max = 1e12, .subject = "Length", .help = "optimiser steps" },
    { .name = "minutes", .kind = CADRE_OPTION_REAL, .min = 0, .max = 1e6, .value = "M", .subject = "Length",
      .help = "instead of --steps: as many as this time allows" },
    { .name = "min-tokens", .kind = CADRE_OPTION_INT, .min = 0, .max = 1e15, .value = "N", .subject = "Length",
      .help = "where --minutes are too few for so many tokens, go on until they are seen" },
    { .name = "max-minutes", .kind = CADRE_OPTION_REAL, .min = 0, .max = 1e6, .value = "M", .subject = "Length",
      .help = "but not longer than this (default: however long --min-tokens takes)" },
    { .name = "batch", .kind = CADRE_OPTION_INT, .min = 1, .max = 1 << 20, .subject = "Length",
      .help = "sequences in one optimiser step, all of them" },
    { .name = "accumulate", .kind = CADRE_OPTION_INT, .min = 1, .max = 1 << 20, .fallback = "1", .subject = "Length",
      .help = "parts that a batch is computed in, one after the other, to need less memory" },

    { .name = "lr", .kind = CADRE_OPTION_REAL, .min = 0, .max = 100, .subject = "Optimiser", .help = "highest learning rate" },
    { .name = "min-lr-ratio", .kind = CADRE_OPTION_REAL, .min = 0, .max = 1, .subject = "Optimiser",
      .help = "learning rate at the end, as a share of --lr" },
    { .name = "warmup", .kind = CADRE_OPTION_INT, .min = 0, .max = 1e12, .value = "STEPS", .subject = "Optimiser",
      .help = "steps in which the learning rate rises to --lr" },
    { .name = "schedule", .kind = CADRE_OPTION_CHOICE, .choices = OPTION_CHOICES("constant", "cosine", "wsd"),
      .subject = "Optimiser", .help = "after warm-up: hold, fall along a cosine, or hold and fall at the end" },
    { .name = "beta1", .kind = CADRE_OPTION_REAL, .min = 0, .max = 0.999999, .subject = "Optimiser",
      .help = "AdamW: decay of the mean gradient" },
    { .name = "beta2", .kind = CADRE_OPTION_REAL, .min = 0, .max = 0.999999, .subject = "Optimiser",
      .help = "AdamW: decay of the mean squared gradient" },
    { .name = "eps", .kind = CADRE_OPTION_REAL, .min = 1e-20, .max = 1, .subject = "Optimiser",
      .help = "AdamW: added to the root of the mean squared gradient" },
    { .name = "weight-decay", .kind = CADRE_OPTION_REAL, .min = 0, .max = 10, .subject = "Optimiser",
      .help = "AdamW: share of the learning rate by which weights shrink each step" },
    { .name = "no-decay", .kind = CADRE_OPTION_CHOICES, .value = "LIST", .subject = "Optimiser",
      .choices = OPTION_CHOICES("norms", "biases", "router", "embeddings"), .help = "kinds of parameters that do not shrink" },
    { .name = "clip", .kind = CADRE_OPTION_REAL, .min = 0, .max = 1e9, .subject = "Optimiser",
      .help = "largest norm of the whole gradient; 0: no limit" },
    { .name = "router-lr", .kind = CADRE_OPTION_REAL, .min = 0, .max = 100, .subject = "Optimiser",
      .help = "learning rate of the routers (default: --lr)" },
};

cadre_option_table cadre_train_options(void) { return OPTION_TABLE(rows); }

/* train.h - training a model.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_TRAIN_PUBLIC_H
#define CADRE_TRAIN_PUBLIC_H

#include "cadre/context.h"
#include "cadre/options.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The state of a run after a step */
typedef struct cadre_train_progress {
    size_t size;         /* filled in */
    int64_t step, steps; /* done, and in all (an estimate where --minutes decides) */
    double loss, tokens_per_second, seconds, seconds_left;
    double max_vio; /* mean over sparse layers of max load / mean load - 1, this step */
    int64_t dead;   /* experts without a token this step, over all sparse layers */
} cadre_train_progress;

typedef struct cadre_train_listener {
    size_t size; /* sizeof(cadre_train_listener) */
    /* Called after every step; NULL: not wanted */
    void (*progress)(void *arg, const cadre_train_progress *p);
    /* Called with a sentence that the user should know; NULL: not wanted */
    void (*note)(void *arg, const char *sentence);
    void *arg;
    /* With --dry-run: called with what the run would be. Names are those of options where there are
     * some, and numbers are decimal text. NULL: not wanted, and then nothing is measured. */
    void (*fact)(void *arg, const char *name, const char *value);
} cadre_train_listener;

typedef struct cadre_train_summary {
    size_t size;            /* sizeof(cadre_train_summary) */
    const char *model_type; /* static */
    int64_t steps, tokens, parameters, active_parameters;
    int64_t memory_bytes; /* that the run needs at its peak */
    double seconds, loss; /* loss: mean of the last steps, up to 20; NaN: no step was taken */
    bool validation;      /* texts were kept apart, which cadre_analyse can use */
} cadre_train_summary;

/* Trains as the options say, which are the tables of run, model, routing and train in one object.
 * Leaves in the folder --out a model that generates, the state to resume from, metrics.jsonl and
 * run.json. Options that were not given are completed from the recipe. With --dry-run nothing is
 * written; only the sizes of the summary are set, and the listener is told what the run would be.
 * CADRE_EINTERRUPTED: the run stopped on request, after a checkpoint, and the summary is set. */
CADRE_API cadre_status cadre_train(cadre_context *context, cadre_options *options,
    const cadre_train_listener *listener, cadre_train_summary *summary);

#ifdef __cplusplus
}
#endif
#endif

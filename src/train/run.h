/* run.h - one training run: what its parts share. cadre_train (run.c) walks through them in this
 * order. */
#ifndef CADRE_TRAIN_RUN_H
#define CADRE_TRAIN_RUN_H

#include <stdio.h>

#include "base/buffer.h"
#include "format/safetensors.h"
#include "kernel/context.h"
#include "text/corpus.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

typedef struct train_run {
    cadre_context *context; /* borrowed */
    cadre_options *options; /* borrowed, filled in */
    const cadre_train_listener *listener;
    const recipe *recipe;   /* NULL: from a model */
    const char *from, *out; /* NULL: not given */
    bool resume, dry;
    bool resumed; /* there is a checkpoint that it goes on from */

    /* data (run_data.c) */
    corpus *corpus;             /* NULL: from a token file */
    tokenizer *tokenizer;       /* likewise */
    byte_buffer tokenizer_json; /* as it will be saved; empty: none */
    safetensors *token_file;
    token_run *runs; /* [domains] of the corpus */
    batches batches;

    model_config config;
    train_settings settings;
    trainer *trainer;
    char *text;    /* what the run is, for a checkpoint: same_run.c */
    char *command; /* the command line that says what was given */
    checkpoint_state state;
    /* In the run's folder, and where --metrics says; NULL: not written */
    FILE *metrics[2];
} train_run;

/* ---- run_note.c ---- */

void train_note(const train_run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- run_data.c: what is trained on ---- */

/* Fills in --batch, --context and --steps from a token file's shape; refuses values that differ. */
cadre_status train_data_open_tokens(train_run *r);
/* Reads the texts, then learns (or loads, where the run goes on or starts from a model) the
 * tokenizer, and makes the ids. */
cadre_status train_data_open_texts(train_run *r);
/* Before that: refuses a size of vocabulary that cannot be learnt. */
cadre_status train_data_foresee(const train_run *r);
/* After the settings are known: the order of batches. Every id must be in the vocabulary. */
cadre_status train_data_arrange(train_run *r);
/* What ends a text in a vocabulary that is learnt. */
string_view train_data_end(const train_run *r);
void train_data_close(train_run *r);
int64_t train_data_bytes(const train_run *r,
    /* An estimate of the memory it will take, before it is opened */
    int64_t *text_bytes);

/* ---- run_model.c: what is trained ---- */

/* Of --from: reads the model's numbers, refuses options that would make it another, and supplies
 * what it says of its training. */
cadre_status train_model_open(train_run *r);
/* After recipe_apply, before texts are read: refuses what would be no model with any vocabulary;
 * with --from r->config is decided, else `least` is what the smallest vocabulary gives. */
cadre_status train_model_foresee(train_run *r, model_config *least);
/* After the texts are read: r->config, which the layout that will be written can hold. */
cadre_status train_model_decide(train_run *r);
void train_model_warn(const train_run *r); /* of what can be known before training */

/* ---- describe.c, rate.c: --dry-run ---- */

typedef struct rate_estimate {
    double tokens_per_second;
    const char *how; /* static */
} rate_estimate;

cadre_status train_describe(const train_run *r, const cadre_train_summary *summary);
cadre_status train_rate(
    const train_run *r, int64_t active_parameters, int64_t memory_bytes, rate_estimate *rate);

/* ---- idle.c ---- */

cadre_status train_idle_options(const train_run *r); /* notes those that were given in vain */

/* ---- same_run.c: whether a run that goes on is the run that was saved ---- */

/* Options, and the data by size and hash, as JSON text: two runs with the same text take the same
 * steps. mem_free. */
cadre_status same_run_text(const train_run *r, char **text);
/* Refuses, naming the first that differs, what would make it another run; notes what may change
 * from here on. */
cadre_status same_run_compare(const train_run *r, const char *saved);

/* ---- run_files.c: what the folder says of the run besides the model ---- */

/* config, tokenizer, held-out texts */
cadre_status train_files_begin(const train_run *r);
cadre_status train_files_describe(const train_run *r, double loss); /* run.json */

/* ---- run_command.c ---- */

/* The command line that gives these options, as a shell takes it; called before a recipe or a file
 * fills any in. mem_free. */
cadre_status train_command_text(const cadre_options *options, char **text);

/* ---- metrics_log.c: a line a step ---- */

cadre_status metrics_may_be_written(const train_run *r); /* where --metrics says */
/* A run that goes on keeps the lines of the steps that it has done */
cadre_status metrics_open(train_run *r);
cadre_status metrics_put(
    const train_run *r, int64_t step, const trainer_report *report, double tokens_per_second);
cadre_status metrics_close(train_run *r);

#endif

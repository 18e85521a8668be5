/* run.h - one training run: what its parts share. cadre_train (run.c) calls them in this order. */
#ifndef CADRE_TRAIN_RUN_H
#define CADRE_TRAIN_RUN_H

#include <stdio.h>

#include "cadre/train.h"
#include "base/buffer.h"
#include "format/safetensors.h"
#include "kernel/context.h"
#include "text/corpus.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/preference.h"
#include "train/event_log.h"
#include "train/trainer.h"
#include "weights/adapter_file.h"
#include "weights/placement.h"

typedef struct train_run {
    cadre_context *context; /* borrowed */
    cadre_options *options; /* borrowed, and completed */
    const cadre_train_listener *listener;
    const recipe *recipe;   /* NULL: the run starts from a model */
    const char *from, *out; /* NULL: not given */
    bool resume, dry;
    bool resumed; /* it resumes from a checkpoint */

    /* data (run_data.c) */
    int64_t data_images, data_bytes; /* files of images, and bytes of all files, in --data */
    corpus *corpus;                  /* NULL: from a token file */
    tokenizer *tokenizer;            /* the same */
    byte_buffer tokenizer_json;      /* as it will be saved; empty: there is none */
    safetensors *token_file;
    token_run *runs;            /* [domains] of the corpus */
    struct run_cache *cache;    /* run_cache.c */
    image_tokens images;        /* side 0: there are none */
    real *image_codes;          /* their code book; NULL: none is learnt or loaded here */
    preference_set preferences; /* .pairs 0: there are none */
    batches batches;

    /* An adapter that is trained (run_adapter.c): its model as it lies in the file */
    bool adapts;
    adapter_spec adapter_wanted;
    adapter adapter;
    adapted_model adapted;
    weight_file base_file;
    param_table base;
    placement placement;

    model_config config;
    const struct architecture *read_as; /* the family of --from, which may be written as another */
    train_settings settings;
    trainer *trainer;
    char *text;    /* what the run is, for a checkpoint: see same_run.c */
    char *command; /* the command line that was given */
    checkpoint_state state;
    const number_format *saved_as; /* NULL: f32 */
    /* In the run's folder, and where --metrics says; NULL: not written */
    FILE *metrics[2];
    event_log *events; /* --tensorboard; NULL: not asked for */
    FILE *ranks;       /* of several, in the run's folder; NULL: not written */
} train_run;

/* Ranks that train one model: the first one alone writes files and tells the listener. */
static inline comm *train_world(const train_run *r) { return r->context->world; }
static inline train_ranks train_ranks_of(const train_run *r)
{
    const cadre_context *c = r->context;
    return (train_ranks){ c->world, c->layout_given ? &c->layout : NULL };
}
static inline bool train_leads(const train_run *r) { return train_world(r)->rank == 0; }

/* What a rank has of a checkpoint. */
static inline checkpoint_arrays train_arrays(const train_run *r)
{
    optimizer *o = trainer_optimizer(r->trainer);
    checkpoint_arrays a = { .config = &r->config,
        .adapter = r->settings.adapted ? &r->adapter : NULL,
        .table = trainer_table(r->trainer),
        .values = trainer_values(r->trainer),
        .format = r->saved_as,
        .states = optimizer_states(o) };
    for (int i = 0; i < a.states; i++) a.state[i] = optimizer_state_at(o, i);
    return a;
}

/* ---- run_note.c ---- */

void train_note(const train_run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- run_data.c: the data ---- */

/* Completes --batch, --context and --steps from a token file's shape. Refuses values that differ
 * from it. */
cadre_status train_data_open_tokens(train_run *r);
/* Reads the texts, learns the tokenizer (or loads it, if the run resumes or starts from a model),
 * and makes the ids. */
cadre_status train_data_open_texts(train_run *r);
/* Called before that. Refuses a size of vocabulary that cannot be learnt. */
cadre_status train_data_foresee(const train_run *r);
/* Called when the settings are known: decides the order of batches. Every id must be in the
 * vocabulary. */
cadre_status train_data_arrange(train_run *r);
/* The piece that ends a text in a learnt vocabulary */
string_view train_data_end(const train_run *r);
void train_data_close(train_run *r);

/* ---- run_cache.c: tokens of large texts, kept beside them ---- */

/* After the domains were listed */
cadre_status train_cache_open(train_run *r);
void train_cache_close(train_run *r);
/* The tokens of domain i, and the learnt vocabulary, if an earlier run has left them. end: the
 * piece that ends a text */
cadre_status train_cache_take(train_run *r, int i, const corpus_ids *how, bool *found);
cadre_status train_cache_vocabulary(train_run *r, string_view end, bool *found);
/* Makes the tokens of domain i, whose text is there, and keeps them if it is large. */
cadre_status train_cache_make(train_run *r, int i, const corpus_ids *how);
cadre_status train_cache_keep_vocabulary(train_run *r, string_view end);

/* ---- run_weights.c ---- */

/* Called when r->runs are known: gives them the weights of --weights. */
cadre_status train_weights_take(train_run *r);

/* ---- run_images.c ---- */

/* Before texts are read: what --data holds, r->images, and the ids of their type among the
 * options. */
cadre_status train_images_foresee(train_run *r);
image_reading train_images_reading(const train_run *r); /* after that */
/* After they were read: learns or loads the code book, and writes its codes into the texts. */
cadre_status train_images_read(train_run *r);
/* The code book among a fresh run's parameters. */
void train_images_fill(const train_run *r, const param_table *table, real *values);
/* Ids of images: begin, end, codes; 0: there are none */
static inline int32_t train_image_ids(const train_run *r)
{
    return r->images.side ? r->images.codes + 2 : 0;
}
/* An estimate of the memory that --data will take */
int64_t train_data_memory(const train_run *r);

/* ---- run_model.c: the model ---- */

/* For --from: reads the model's configuration, refuses options that would make it another model,
 * and supplies what it says about training. */
cadre_status train_model_open(train_run *r);
/* The format that the model is saved in: --dtype, else that of most of --from's numbers. */
cadre_status train_model_choose_dtype(train_run *r);
/* Called after recipe_apply and before texts are read. Refuses what would be no model with any
 * vocabulary. With --from, r->config is complete now; otherwise `least` is the configuration with
 * the smallest vocabulary. */
cadre_status train_model_foresee(train_run *r, model_config *least);
/* Called after the texts are read: sets r->config, which the files that will be written can
 * describe. */
cadre_status train_model_decide(train_run *r);
void train_model_warn(const train_run *r); /* of what can be known before training */

/* The chat template that --template names, or the one that the model's own files have */
cadre_status train_data_template(const train_run *r, const chat_template **chat);

/* ---- run_preference.c: answers that are compared ---- */

/* Reads the file of --preference, and completes --context and --batch. */
cadre_status train_preference_open(train_run *r);
/* The log-probabilities of all answers in the model as it is now, the run's start. */
cadre_status train_preference_measure(train_run *r);
/* What experts got of the pairs of the step that was taken last, in the model of the run's start:
 * [experts of all sparse layers], until the next call */
const int64_t *train_preference_loads(const train_run *r);
/* As trainer_feed of the step that comes next */
void train_preference_take(
    const train_run *r, int64_t first, int64_t count, const batch_rows *rows);

/* ---- run_adapter.c: an adapter beside the model of --from ---- */

/* With --adapter: reads its options, which those of --adapter-from complete. Called when the
 * model's configuration was read. */
cadre_status train_adapter_read(train_run *r);
/* Called when the configuration and the settings are complete. */
cadre_status train_adapter_make(train_run *r);
int64_t train_adapter_base_bytes(const train_run *r); /* of the model that stays as it is */
/* Finds the model's weights in its file, where they stay. */
cadre_status train_adapter_open(train_run *r);
cadre_status train_adapter_start(const train_run *r, real *values);
void train_adapter_close(train_run *r);

/* ---- describe.c, rate.c: --dry-run ---- */

typedef struct rate_estimate {
    double tokens_per_second;
    const char *how; /* static */
} rate_estimate;

cadre_status train_describe(const train_run *r, const cadre_train_summary *summary);
cadre_status train_rate(
    const train_run *r, int64_t active_parameters, int64_t memory_bytes, rate_estimate *rate);

/* ---- idle.c ---- */

cadre_status train_idle_options(const train_run *r); /* notes options that have no effect */

/* ---- same_run.c: whether a resumed run is the run that was saved ---- */

/* The options, and the data by size and hash, as JSON text, freed by mem_free. Two runs with the
 * same text take the same steps. */
cadre_status same_run_text(const train_run *r, char **text);
/* Refuses a difference that would make it another run, and names the first one. Notes differences
 * that are allowed from here on. */
cadre_status same_run_compare(const train_run *r, const char *saved);

/* ---- run_files.c: the run's files besides the model ---- */

/* config, tokenizer, held-out texts */
cadre_status train_files_begin(const train_run *r);
cadre_status train_files_describe(const train_run *r, double loss); /* run.json */

/* ---- run_ranks.c: what ranks agree on ---- */

/* All ranks get this far, or fail with the sentence of the one that did not. */
cadre_status train_ranks_meet(const train_run *r);
/* Of the first rank */
cadre_status train_ranks_share(const train_run *r, void *data, size_t bytes);
/* Whether any of them was asked to stop */
bool train_ranks_stop(const train_run *r);
/* Saves the model and the state of all ranks as one has them. */
cadre_status train_ranks_save(const train_run *r);

/* ---- run_validation.c ---- */

cadre_status train_validation_check(const train_run *r); /* refuses what cannot be validated */
bool train_validation_due(const train_run *r, int64_t step);
cadre_status train_validate(const train_run *r, double *loss);

/* ---- run_loop.c ---- */

/* Takes its steps until it is over, and saves it. loss: the mean of the last steps. */
cadre_status train_loop(train_run *r, double *loss);

/* ---- run_command.c ---- */

/* Writes the command line that gives these options, quoted for a shell; freed by mem_free. Called
 * before a recipe or a file completes the options. */
cadre_status train_command_text(const cadre_options *options, char **text);

/* ---- metrics_log.c: one line for each step ---- */

cadre_status metrics_may_be_written(const train_run *r); /* where --metrics says */
/* Opens the log. A resumed run keeps the lines of the steps that it has done. */
cadre_status metrics_open(train_run *r);
/* The step just taken; valid_loss: NAN where nothing was validated */
cadre_status metrics_put(
    const train_run *r, const trainer_report *report, double tokens_per_second, double valid_loss);
cadre_status metrics_close(train_run *r);

/* ---- ranks_log.c: what several ranks did in each step ---- */

cadre_status ranks_log_open(train_run *r);
/* Every rank calls it, with its seconds in the step and the tally before it. */
cadre_status ranks_log_put(const train_run *r, double seconds, const comm_tally *before);
cadre_status ranks_log_close(train_run *r);

#endif

/* run.h - one training run: its data, and the functions of its files, about in the order in which
 * cadre_train (run.c) calls them. */
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
    cadre_options *options; /* borrowed; the run sets those that were not given */
    const cadre_train_listener *listener;
    const recipe *recipe;   /* NULL: the run starts from a model */
    const char *from, *out; /* NULL: not given */
    bool resume, dry;
    bool resumed; /* it resumes from a checkpoint */

    /* data (run_data.c) */
    int64_t data_images, data_bytes; /* files of images, and bytes of all files, in --data */
    corpus *corpus;                  /* the texts; NULL: there are none */
    tokenizer *tokenizer;            /* NULL: there is none */
    byte_buffer tokenizer_json;      /* the tokenizer as it will be saved; empty: there is none */
    safetensors *token_file;
    token_run *runs;            /* [domains] of the corpus */
    struct run_cache *cache;    /* of run_cache.c; NULL: nothing is cached */
    image_tokens images;        /* side 0: there are no images */
    real *image_codes;          /* their code book; NULL: none is learnt or loaded here */
    preference_set preferences; /* .pairs 0: there are none */
    batches batches;

    /* an adapter (run_adapter.c), and the model that it is for, which stays in its file */
    bool adapts;
    adapter_spec adapter_wanted;
    adapter adapter;
    adapted_model adapted;
    weight_file base_file;
    param_table base;
    placement placement;

    model_config config;
    const struct architecture *read_as; /* of --from's file; config.arch is that of the new file */
    train_settings settings;
    rank_layout layout; /* of the ranks: given, or chosen by default_layout */
    trainer *trainer;
    char *text;    /* the options and data of the run, for its checkpoints: see same_run.c */
    char *command; /* the command line that was given */
    checkpoint_state state;
    const number_format *saved_as; /* the format of the saved model; NULL: f32 */
    /* metrics.jsonl in the run's folder, and the file of --metrics; NULL: not written */
    FILE *metrics[2];
    event_log *events; /* of --tensorboard; NULL: not written */
    FILE *ranks;       /* ranks.jsonl in the run's folder; NULL: not written */
    /* [ranks] the bytes of the last checkpoint that each has written; NULL: it was written by one
     * process, or there is none */
    int64_t *saved_bytes;
    double save_seconds; /* that the last checkpoint took */
} train_run;

static inline bool train_has_encoder(const train_run *r)
{
    return r->recipe ? r->recipe->encoder : r->config.encoder != NULL;
}

/* The ranks that train one model. Rank 0 alone writes files and calls the listener. */
static inline comm *train_world(const train_run *r) { return r->context->world; }
static inline train_ranks train_ranks_of(const train_run *r)
{
    return (train_ranks){ r->context->world, &r->layout };
}
static inline bool train_leads(const train_run *r) { return train_world(r)->rank == 0; }

/* The arrays of a checkpoint that this rank has */
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

/* ---- run_destinations.c ---- */

/* Refuses an --out, --metrics, --watch or --tensorboard that cannot be written. */
cadre_status train_destinations_check(const train_run *r);

/* ---- run_data.c: the data ---- */

/* Completes --batch, --context and --steps from a token file's shape. Refuses values that differ
 * from it. */
cadre_status train_data_open_tokens(train_run *r);
/* Reads the texts, learns the tokenizer (or loads it, if the run resumes or starts from a model),
 * and tokenises them. */
cadre_status train_data_open_texts(train_run *r);
/* Called before that. Refuses a vocabulary size that cannot be learnt, and documents that are
 * packed for a model with an encoder. */
cadre_status train_data_check_early(const train_run *r);
/* Called when the settings are known: decides the order of batches. Every id must be in the
 * vocabulary. */
cadre_status train_data_arrange(train_run *r);
/* The token that ends a text in a learnt vocabulary */
string_view train_data_end(const train_run *r);
void train_data_close(train_run *r);

/* ---- run_cache.c: cached tokens of large texts ---- */

/* Called when the domains are listed. */
cadre_status train_cache_open(train_run *r);
void train_cache_close(train_run *r);
/* Take the tokens of domain i, or the learnt vocabulary, from the cache if they are there. end: the
 * token that ends a text */
cadre_status train_cache_take(train_run *r, int i, const corpus_ids *how, bool *found);
cadre_status train_cache_vocabulary(train_run *r, string_view end, bool *found);
/* Tokenises domain i, whose text has been read, and caches the tokens if the text is large. */
cadre_status train_cache_make(train_run *r, int i, const corpus_ids *how);
/* Caches the learnt vocabulary. */
cadre_status train_cache_keep_vocabulary(train_run *r, string_view end);

/* ---- run_weights.c ---- */

/* Called when the domains are known: sets the weights of r->runs from --weights. */
cadre_status train_weights_take(train_run *r);

/* ---- run_images.c ---- */

/* Called before texts are read: counts the images and bytes in --data, sets r->images, and sets the
 * option --type-ids for them. */
cadre_status train_images_check_early(train_run *r);
image_reading train_images_reading(const train_run *r); /* how images are read; after that */
/* Called after images were read: learns or loads the code book, and writes the codes of images into
 * the texts. */
cadre_status train_images_read(train_run *r);
/* Copies the code book to its place among a new run's parameters. */
void train_images_fill(const train_run *r, const param_table *table, real *values);
/* How many ids are of images: one that begins an image, one that ends it, and the codes */
static inline int32_t train_image_ids(const train_run *r)
{
    return r->images.side ? r->images.codes + 2 : 0;
}
/* An estimate of the memory that --data will take */
int64_t train_data_memory(const train_run *r);

/* ---- run_model.c: the model ---- */

/* For --from: reads the model's configuration, refuses options that would make it another model,
 * and sets the options of training that depend on it. */
cadre_status train_model_open(train_run *r);
/* Sets the format that the model is saved in: --dtype, otherwise that of most of --from's
 * weights. */
cadre_status train_model_choose_dtype(train_run *r);
/* Called after recipe_apply and before texts are read. Refuses options that give no valid model,
 * whatever the vocabulary is. With --from, r->config is complete now; otherwise `least` is the
 * configuration with the smallest vocabulary. */
cadre_status train_model_check_early(train_run *r, model_config *least);
/* Called after the texts are read: completes r->config, and checks that the files that will be
 * written can describe it. */
cadre_status train_model_decide(train_run *r);
void train_model_warn(const train_run *r); /* notes on what can be known before training */

/* The chat template that --template names, or that of the model */
cadre_status train_data_template(const train_run *r, const chat_template **chat);

/* ---- run_preference.c: preference pairs ---- */

/* Reads the file of --preference, and sets --context if it was not given. */
cadre_status train_preference_open(train_run *r);
/* Computes the log-probabilities of all answers in the reference model, which is the model now, at
 * the start of the run. */
cadre_status train_preference_measure(train_run *r);
/* How many tokens of the last step's pairs each expert got in the reference model: [experts of all
 * sparse layers], valid until the next call */
const int64_t *train_preference_loads(const train_run *r);
/* Writes rows of the next step's batch, as a trainer_feed does. */
void train_preference_take(
    const train_run *r, int64_t first, int64_t count, const batch_rows *rows);

/* ---- run_adapter.c: an adapter beside the model of --from ---- */

/* Called when the model's configuration is read. With --adapter: reads the adapter's options; those
 * that were not given are taken from --adapter-from. */
cadre_status train_adapter_read(train_run *r);
/* Called when the configuration and the settings are complete: makes the adapter's table. */
cadre_status train_adapter_make(train_run *r);
int64_t train_adapter_base_bytes(const train_run *r); /* bytes of the model, which stays as it is */
/* Opens the model's file, and finds its weights there, where they stay. */
cadre_status train_adapter_open(train_run *r);
/* Sets the adapter's first values: those of --adapter-from, or random ones. */
cadre_status train_adapter_start(const train_run *r, real *values);
void train_adapter_close(train_run *r);

/* ---- describe.c, rate.c: --dry-run ---- */

typedef struct rate_estimate {
    double tokens_per_second;
    const char *how; /* how it was estimated; static */
} rate_estimate;

cadre_status train_describe(const train_run *r, const cadre_train_summary *summary);
cadre_status train_rate(
    const train_run *r, int64_t active_parameters, int64_t memory_bytes, rate_estimate *rate);

/* ---- idle.c ---- */

cadre_status train_idle_options(const train_run *r); /* notes options that have no effect */

/* ---- same_run.c: whether a resumed run is the run that was saved ---- */

/* Writes the options, and the data by size and hash, as JSON text, freed by mem_free. Two runs with
 * the same text take the same steps. */
cadre_status same_run_text(const train_run *r, char **text);
/* Compares this run with a saved text. Refuses, and names, the first difference that makes it
 * another run; notes differences that a resumed run may have. */
cadre_status same_run_compare(const train_run *r, const char *saved);

/* ---- run_files.c: the run's files besides the model ---- */

/* Writes config.json, the tokenizer and the held-out texts. */
cadre_status train_files_begin(const train_run *r);
cadre_status train_files_describe(const train_run *r, double loss); /* writes run.json */

/* ---- run_ranks.c: several ranks ---- */

/* Waits for all ranks. If one has failed, all fail with its error. */
cadre_status train_ranks_barrier(const train_run *r);
/* Sends data from rank 0 to all ranks. */
cadre_status train_ranks_broadcast(const train_run *r, void *data, size_t bytes);
/* Whether any rank was asked to stop */
bool train_ranks_stop(const train_run *r);
/* Saves a checkpoint, the same as one rank would save. */
cadre_status train_ranks_save(train_run *r);

/* ---- run_validation.c ---- */

/* Called before texts are read. Refuses --validate-every if nothing will be held out, or the model
 * cannot be validated. */
cadre_status train_validation_check_early(const train_run *r);
/* Reads the held-out texts of validations. Refuses --validate-every if none is long enough. */
cadre_status train_validation_prepare(const train_run *r);
bool train_validation_due(const train_run *r, int64_t step);
/* The mean loss of the held-out texts */
cadre_status train_validate(const train_run *r, double *loss);

/* ---- run_loop.c ---- */

/* Takes the steps of the run until it ends, and saves it. *loss: the mean over the last steps */
cadre_status train_loop(train_run *r, double *loss);

/* ---- run_command.c ---- */

/* Writes the command line that gives these options, quoted for a shell; freed by mem_free. Called
 * before a recipe or a file sets options that were not given. */
cadre_status train_command_text(const cadre_options *options, char **text);

/* ---- metrics_log.c: one line for each step ---- */

/* Opens the logs. A resumed run keeps the lines of the steps that it has done. */
cadre_status metrics_open(train_run *r);
/* Writes the line of the last step; valid_loss: NAN if it was not validated */
cadre_status metrics_put(
    const train_run *r, const trainer_report *report, double tokens_per_second, double valid_loss);
cadre_status metrics_close(train_run *r);

/* ---- ranks_log.c: what several ranks did in each step ---- */

cadre_status ranks_log_open(train_run *r);
/* Writes the line of the last step. Every rank calls it, with its seconds in the step and its
 * communicator's tally before the step. */
cadre_status ranks_log_put(const train_run *r, double seconds, const comm_tally *before);
cadre_status ranks_log_close(train_run *r);

#endif

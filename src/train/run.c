/* run.c - a training run, from its options to a saved model:
 *
 *     decide    reads the options, checks what can be checked, reads the data, configures the model
 *     begin     makes the trainer, and sets its values: random, of a model, or of a checkpoint
 *     train_loop (run_loop.c) takes the steps and saves checkpoints */
#include "train/run.h"

#include <string.h>

#include "arch/architecture.h"
#include "base/destination.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/sized.h"
#include "kernel/context.h"
#include "kernel/gemm.h"
#include "train/default_layout.h"
#include "train/hash_table.h"
#include "train/snapshot.h"
#include "weights/files.h"
#include "weights/initialise.h"

/* ---- memory and disk ---- */

enum { PROGRAM_BYTES = 12 << 20 }; /* the program itself, libraries, buffers of files */

static cadre_status count_memory(
    const train_run *r, const model_config *config, cadre_train_summary *summary)
{
    size_t bytes;
    param_table table;
    compute *c = r->context->compute;
    train_ranks ranks = train_ranks_of(r);
    CADRE_TRY(trainer_bytes(c, config, &r->settings, &ranks, &bytes));
    CADRE_TRY(param_table_make_whole(config, &table));
    *summary = (cadre_train_summary){ .model_type = config->arch->model_type,
        .parameters = table.total,
        .active_parameters = table.active,
        .memory_bytes = (int64_t)bytes + train_data_memory(r) + PROGRAM_BYTES +
                        (int64_t)gemm_scratch_bytes() * c->workers + train_adapter_base_bytes(r) };
    param_table_free(&table);
    return CADRE_OK;
}

/* Chooses how the ranks divide the run. The vocabulary may not be known yet. */
static cadre_status choose_layout(train_run *r, const model_config *config)
{
    char text[LAYOUT_TEXT];
    CADRE_TRY(default_layout(r->context, config, &r->settings, &r->layout));
    layout_text(&r->layout, text);
    if (train_leads(r) && train_world(r)->size > 1 && !r->context->layout_given)
        train_note(r,
            "%d processes divide the run by --parallel %s, which is expected to be fastest",
            train_world(r)->size, text);
    return CADRE_OK;
}

/* Refuses a run that needs more memory than the machine has, before it starts. */
static cadre_status check_memory(const cadre_train_summary *summary)
{
    size_t there = mem_of_machine();
    if ((size_t)summary->memory_bytes <= there) return CADRE_OK;
    cadre_status status =
        cadre_fail(CADRE_ENOMEM, NULL, "this run needs %.1f GB of memory, the machine has %.1f GB",
            (double)summary->memory_bytes / 1e9, (double)there / 1e9);
    cadre_fail_advice(
        "a larger --accumulate computes the batch in smaller micro-batches; fewer --experts "
        "or a smaller --width make a smaller model");
    return status;
}

/* Refuses a run whose checkpoints do not fit on the disk. A checkpoint holds every parameter and
 * two moments of it in float32, and the old one is removed only when the new one is complete. */
static cadre_status check_disk_space(const train_run *r, int64_t parameters)
{
    enum { BYTES = 3 * 4, ROUNDED = 2 };
    bool rounds = r->saved_as && r->saved_as != &number_f32;
    return destination_room(r->out, (BYTES + (rounds ? ROUNDED : 0)) * parameters, "a checkpoint");
}

/* Sets --batch, if it was not given, to the default, rounded up to a multiple of --accumulate. */
static cadre_status supply_batch(cadre_options *o)
{
    enum { DEFAULT = 8 };
    int64_t micro_batches = cadre_options_int(o, "accumulate", 0);
    char text[24];
    snprintf(text, sizeof text, "%lld",
        (long long)((DEFAULT + micro_batches - 1) / micro_batches * micro_batches));
    return options_supply(o, "batch", text);
}

/* ---- before anything is computed ---- */

static cadre_status read_main_options(train_run *r)
{
    cadre_options *o = r->options;
    const char *name = cadre_options_text(o, "recipe", 0);
    r->from = cadre_options_text(o, "from", 0);
    r->out = cadre_options_text(o, "out", 0);
    r->resume = cadre_options_flag(o, "resume");
    r->dry = cadre_options_flag(o, "dry-run");
    if (!name == !r->from)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--recipe or --from: expected one of them, found %s", name ? "both" : "neither");
    int kinds = 0;
    static const char *const kind[] = { "data", "tokens", "preference" };
    for (int i = 0; i < 3; i++) kinds += cadre_options_count(o, kind[i]) > 0;
    if (kinds != 1 && !(r->dry && !kinds))
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--data, --tokens or --preference: expected one of them, found %s",
            kinds ? "several" : "none");
    if (!r->out && !r->dry)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--out: expected the folder to save the model in, found nothing");
    r->recipe = name ? recipe_by_name(name) : NULL;
    if (name && !r->recipe)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "--recipe: expected the name of a recipe, found \"%s\"", name);
    if (r->from) CADRE_TRY(train_model_open(r));
    return train_adapter_read(r);
}

/* Checks the folder of --out, and whether there is a run to resume in it. */
static cadre_status check_folder(train_run *r)
{
    cadre_status status = CADRE_OK;
    if (r->dry) return CADRE_OK;
    if (file_exists(r->out) && !file_is_folder(r->out))
        return cadre_fail(CADRE_EEXISTS, r->out, "expected an empty or new folder, found a file");
    r->resumed = r->resume && checkpoint_exists(r->out);
    if (checkpoint_model_alone(r->out)) {
        const char *expected = r->resume
                                   ? "a training state to go on from"
                                   : "an empty or new folder, or a run with its training state";
        status =
            cadre_fail(CADRE_EEXISTS, r->out, "expected %s, found a model without one", expected);
        cadre_fail_advice(
            "'cadre train --from %s' with another --out starts from that model", r->out);
    } else if (!r->resume && checkpoint_folder_used(r->out)) {
        status =
            cadre_fail(CADRE_EEXISTS, r->out, "expected an empty or new folder, found a run in it");
        cadre_fail_advice("--resume goes on with it");
    }
    if (status == CADRE_OK) status = train_destinations_check(r);
    if (status == CADRE_OK && r->resume && !r->resumed)
        train_note(r, "there is no checkpoint in %s%s: the run begins at step 1", r->out,
            checkpoint_folder_used(r->out) ? ", for what is there has no model" : "");
    return status;
}

/* The model whose parts --freeze names; an adapter's pairs are parts too. */
static cadre_status check_freeze(const train_run *r, const model_config *config)
{
    param_table table;
    const freeze_list *list = &r->settings.optimizer.freeze;
    if (r->adapts) return freeze_check(list, &r->adapter.table);
    CADRE_TRY(param_table_make_whole(config, &table));
    cadre_status status = freeze_check(list, &table);
    param_table_free(&table);
    return status;
}

/* Checks what can be checked without the texts, before they are read and a vocabulary is learnt. */
static cadre_status check_early(train_run *r)
{
    model_config least = { 0 };
    cadre_train_summary summary;
    CADRE_TRY(train_settings_read(r->options, r->recipe, &r->settings));
    if (r->settings.length.steps <= 0 && r->settings.length.seconds <= 0 && !r->dry)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "--steps or --minutes: expected one of them, found neither");
    CADRE_TRY(train_data_check_early(r));
    CADRE_TRY(train_validation_check_early(r));
    CADRE_TRY(train_images_check_early(r));
    cadre_status status = train_model_check_early(r, &least);
    if (status == CADRE_OK && r->adapts) status = train_adapter_make(r);
    if (status == CADRE_OK) status = check_freeze(r, r->from ? &r->config : &least);
    if (status == CADRE_OK) status = choose_layout(r, r->from ? &r->config : &least);
    if (status == CADRE_OK && !r->dry)
        status = count_memory(r, r->from ? &r->config : &least, &summary);
    if (status == CADRE_OK && !r->dry) status = check_memory(&summary);
    if (status == CADRE_OK && !r->dry && train_leads(r))
        status = check_disk_space(r, summary.parameters);
    model_config_free(&least);
    return status;
}

static cadre_status open_data(train_run *r)
{
    if (cadre_options_count(r->options, "tokens")) CADRE_TRY(train_data_open_tokens(r));
    else CADRE_TRY(supply_batch(r->options));
    if (cadre_options_count(r->options, "preference")) CADRE_TRY(train_preference_open(r));
    CADRE_TRY(recipe_apply(r->recipe, r->options));
    if (!r->dry) CADRE_TRY(train_model_choose_dtype(r));
    CADRE_TRY(check_early(r));
    return cadre_options_count(r->options, "data") && !r->dry ? train_data_open_texts(r) : CADRE_OK;
}

static cadre_status decide(train_run *r)
{
    CADRE_TRY(read_main_options(r));
    if (train_leads(r)) CADRE_TRY(check_folder(r));
    CADRE_TRY(train_ranks_broadcast(r, &r->resumed, sizeof r->resumed));
    CADRE_TRY(open_data(r));
    CADRE_TRY(train_model_decide(r));
    CADRE_TRY(train_idle_options(r));
    if (!r->dry) CADRE_TRY(train_validation_prepare(r));
    train_model_warn(r);
    return r->dry && !r->token_file ? CADRE_OK : train_data_arrange(r);
}

/* ---- the beginning of a new or resumed run ---- */

/* Takes the snapshots of a checkpoint again, as the earlier run may have ended before it took
 * them. */
static cadre_status take_snapshots(const train_run *r)
{
    const checkpoint_state *s = &r->state;
    if (!train_leads(r) || !s->step) return CADRE_OK;
    if (r->settings.keep) CADRE_TRY(snapshot_keep(r->out, s->step, r->settings.keep));
    return s->best_step == s->step ? snapshot_take(r->out, "best") : CADRE_OK;
}

static cadre_status resume(train_run *r)
{
    char *saved;
    checkpoint_arrays arrays = train_arrays(r);
    /* Other options may make other shapes, so they are compared before the tensors are read. */
    CADRE_TRY(checkpoint_peek(r->out, &r->state, &saved));
    cadre_status status = same_run_compare(r, saved);
    mem_free(saved);
    CADRE_TRY(status);
    CADRE_TRY(checkpoint_load(r->out, &arrays, &r->state, &saved));
    mem_free(saved);
    const run_spent spent = { r->state.step, r->state.tokens, r->state.seconds };
    if (length_over(&r->settings.length, &spent))
        train_note(r, "the run there has taken %lld steps: nothing is left to do",
            (long long)r->state.step);
    else train_note(r, "going on from step %lld", (long long)r->state.step);
    return take_snapshots(r);
}

/* Fills the tables of hash routers; the tokens of a token file count as one run. */
static cadre_status fill_hash_tables(const train_run *r, const param_table *table, real *values)
{
    const batches *b = &r->batches;
    const token_run file = { .words = b->table, .count = b->steps * b->batch * (b->context + 1) };
    const char *kind[CONFIG_MAX_LAYERS] = { "modulo" };
    int kinds = cadre_options_count(r->options, "hash-table");
    for (int i = 0; i < kinds; i++) kind[i] = cadre_options_text(r->options, "hash-table", i);
    const hash_table_source source = { .kind = kind,
        .kinds = kinds ? kinds : 1,
        .run = b->table ? &file : b->run,
        .runs = b->table ? 1 : b->runs,
        .seed = r->settings.seed };
    return hash_tables_fill(&source, table, values);
}

static cadre_status start_fresh(train_run *r)
{
    real *values = trainer_values(r->trainer);
    const param_table *table = trainer_table(r->trainer);
    if (r->adapts) return train_adapter_start(r, values);
    if (r->from) {
        model_config stored = r->config;
        stored.arch = r->read_as;
        return model_read_values(r->from, &stored, table, values);
    }
    init_options init = init_options_of(r->recipe, &r->config, r->options, r->settings.seed);
    model_initialise(r->context->compute, table, &init, values);
    CADRE_TRY(fill_hash_tables(r, table, values));
    train_images_fill(r, table, values);
    return interrupt_check(r->out);
}

static cadre_status begin(train_run *r)
{
    CADRE_TRY(same_run_text(r, &r->text));
    train_ranks ranks = train_ranks_of(r);
    if (r->adapts) CADRE_TRY(train_adapter_open(r));
    CADRE_TRY(trainer_new(r->context->compute, &r->config, &r->settings, &ranks, &r->trainer));
    if (train_leads(r)) CADRE_TRY(file_make_folder(r->out));
    if (train_leads(r)) CADRE_TRY(checkpoint_sweep(r->out));
    if (train_leads(r)) CADRE_TRY(snapshot_sweep(r->out));
    if (!r->resumed || r->preferences.pairs) CADRE_TRY(start_fresh(r));
    if (r->preferences.pairs) CADRE_TRY(train_preference_measure(r));
    if (r->resumed) CADRE_TRY(resume(r));
    r->state.run = r->text;
    CADRE_TRY(train_ranks_barrier(r)); /* all ranks have read the files before they change */
    if (!train_leads(r)) return CADRE_OK;
    CADRE_TRY(train_files_begin(r));
    CADRE_TRY(ranks_log_open(r));
    return metrics_open(r);
}

static cadre_status run_all(train_run *r, cadre_train_summary *summary)
{
    CADRE_TRY(decide(r));
    CADRE_TRY(count_memory(r, &r->config, summary));
    if (r->dry) return train_describe(r, summary);
    CADRE_TRY(check_memory(summary));
    if (train_leads(r)) CADRE_TRY(check_disk_space(r, summary->parameters));
    CADRE_TRY(begin(r));
    cadre_status status = train_loop(r, &summary->loss), closed = metrics_close(r);
    if (closed == CADRE_OK) closed = ranks_log_close(r);
    summary->steps = r->state.step;
    summary->tokens = r->state.tokens;
    summary->seconds = r->state.seconds;
    summary->validation = r->corpus != NULL && !r->config.encoder;
    return status == CADRE_OK ? closed : status;
}

static cadre_status train(cadre_context *context, cadre_options *options,
    const cadre_train_listener *listener, cadre_train_summary *summary)
{
    cadre_train_listener own;
    cadre_train_summary made = { 0 };
    CADRE_TRY(
        sized_check("cadre_train_summary", summary, SIZE_UP_TO(cadre_train_summary, validation)));
    CADRE_TRY(sized_read_or_zero(
        "cadre_train_listener", listener, SIZE_UP_TO(cadre_train_listener, arg), &own, sizeof own));
    train_run r = { .context = context, .options = options, .listener = &own };
    cadre_status status = train_command_text(options, &r.command);
    if (status == CADRE_OK) status = run_all(&r, &made);
    metrics_close(&r);
    ranks_log_close(&r);
    trainer_free(r.trainer);
    train_adapter_close(&r);
    model_config_free(&r.config);
    train_data_close(&r);
    mem_free(r.saved_bytes);
    mem_free(r.text);
    mem_free(r.command);
    if (status == CADRE_OK || status == CADRE_EINTERRUPTED)
        sized_write(&made, sizeof made, summary);
    return status;
}

cadre_status cadre_train(cadre_context *context, cadre_options *options,
    const cadre_train_listener *listener, cadre_train_summary *summary)
{
    CADRE_TRY(context_enter(context));
    return context_leave(context, train(context, options, listener, summary));
}

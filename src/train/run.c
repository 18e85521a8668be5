/* run.c - a training run, from its options to a saved model. */
#include "train/run.h"

#include <math.h>
#include <string.h>

#include "arch/architecture.h"
#include "base/clock.h"
#include "base/destination.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/sized.h"
#include "kernel/context.h"
#include "kernel/gemm.h"
#include "moe/metrics.h"
#include "train/hash_table.h"
#include "train/health.h"
#include "weights/files.h"
#include "weights/initialise.h"

enum { RECENT = 20 }; /* the summary's loss is the mean of so many steps */

/* ---- memory and disk ---- */

enum { PROGRAM_BYTES = 12 << 20 }; /* the program itself, libraries, buffers of files */

static cadre_status count_memory(
    const train_run *r, const model_config *config, cadre_train_summary *summary)
{
    size_t bytes;
    int64_t text;
    param_table table;
    compute *c = r->context->compute;
    CADRE_TRY(trainer_bytes(c, config, &r->settings, &bytes));
    CADRE_TRY(param_table_make_whole(config, &table));
    *summary = (cadre_train_summary){ .model_type = config->arch->model_type,
        .parameters = table.total,
        .active_parameters = table.active,
        .memory_bytes = (int64_t)bytes + train_data_bytes(r, &text) + PROGRAM_BYTES +
                        (int64_t)gemm_scratch_bytes() * c->workers };
    param_table_free(&table);
    return CADRE_OK;
}

/* It is better to refuse a run now than to be ended by the system in the middle. */
static cadre_status check_memory(const cadre_train_summary *summary)
{
    size_t there = mem_of_machine();
    if ((size_t)summary->memory_bytes <= there) return CADRE_OK;
    cadre_status status =
        cadre_fail(CADRE_ENOMEM, NULL, "this run needs %.1f GB of memory, the machine has %.1f GB",
            (double)summary->memory_bytes / 1e9, (double)there / 1e9);
    cadre_fail_advice("a larger --accumulate computes the batch in smaller parts; fewer --experts "
                      "or a smaller --width make a smaller model");
    return status;
}

/* A checkpoint holds every parameter and two moments of it in float32. The old one is removed only
 * when the new one is complete. */
static cadre_status check_room(const train_run *r, int64_t parameters)
{
    enum { BYTES = 3 * 4 };
    return destination_room(r->out, BYTES * parameters, "a checkpoint");
}

/* A batch that was not given is the usual one, rounded up to a multiple of --accumulate. */
static cadre_status supply_batch(cadre_options *o)
{
    enum { USUAL = 8 };
    int64_t parts = cadre_options_int(o, "accumulate", 0);
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)((USUAL + parts - 1) / parts * parts));
    return options_supply(o, "batch", text);
}

/* ---- before anything is computed ---- */

static cadre_status read_intent(train_run *r)
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
    bool data = cadre_options_count(o, "data"), tokens = cadre_options_count(o, "tokens");
    if (data == tokens && !(r->dry && !data))
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--data or --tokens: expected one of them, found %s", data ? "both" : "neither");
    if (!r->out && !r->dry)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--out: expected the folder to save the model in, found nothing");
    r->recipe = name ? recipe_by_name(name) : NULL;
    if (name && !r->recipe)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "--recipe: expected the name of a recipe, found \"%s\"", name);
    return r->from ? train_model_open(r) : CADRE_OK;
}

/* Checks the folder: a run in it is resumed, or left alone. */
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
    if (status == CADRE_OK) status = destination_folder(r->out);
    if (status == CADRE_OK) status = metrics_may_be_written(r);
    if (status == CADRE_OK && r->resume && !r->resumed)
        train_note(r, "there is no checkpoint in %s: the run begins at step 1", r->out);
    return status;
}

/* Checks what can be checked without texts, before texts are read and a vocabulary is learnt. */
static cadre_status foresee(train_run *r)
{
    model_config least = { 0 };
    cadre_train_summary summary;
    CADRE_TRY(train_settings_read(r->options, r->recipe, &r->settings));
    if (r->settings.length.steps <= 0 && r->settings.length.seconds <= 0 && !r->dry)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "--steps or --minutes: expected one of them, found neither");
    CADRE_TRY(train_data_foresee(r));
    CADRE_TRY(train_pictures_foresee(r));
    cadre_status status = train_model_foresee(r, &least);
    if (status == CADRE_OK && !r->dry)
        status = count_memory(r, r->from ? &r->config : &least, &summary);
    if (status == CADRE_OK && !r->dry) status = check_memory(&summary);
    if (status == CADRE_OK && !r->dry) status = check_room(r, summary.parameters);
    model_config_free(&least);
    return status;
}

static cadre_status open_data(train_run *r)
{
    if (cadre_options_count(r->options, "tokens")) CADRE_TRY(train_data_open_tokens(r));
    else CADRE_TRY(supply_batch(r->options));
    CADRE_TRY(recipe_apply(r->recipe, r->options));
    CADRE_TRY(foresee(r));
    return cadre_options_count(r->options, "data") && !r->dry ? train_data_open_texts(r) : CADRE_OK;
}

static cadre_status decide(train_run *r)
{
    CADRE_TRY(read_intent(r));
    CADRE_TRY(check_folder(r));
    CADRE_TRY(open_data(r));
    CADRE_TRY(train_model_decide(r));
    CADRE_TRY(train_idle_options(r));
    train_model_warn(r);
    return r->dry && !r->token_file ? CADRE_OK : train_data_arrange(r);
}

/* ---- beginning: afresh, or resumed ---- */

static checkpoint_arrays arrays_of(const train_run *r)
{
    optimizer *o = trainer_optimizer(r->trainer);
    return (checkpoint_arrays){ &r->config, trainer_table(r->trainer), trainer_values(r->trainer),
        optimizer_first_moment(o), optimizer_second_moment(o) };
}

static cadre_status resume(train_run *r)
{
    char *saved;
    checkpoint_arrays arrays = arrays_of(r);
    CADRE_TRY(checkpoint_peek(r->out, &r->state,
        /* Other options make other shapes: said before the tensors are looked
                               * for */
        &saved));
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
    return CADRE_OK;
}

/* Token files are one run of tokens. */
static cadre_status fill_hash_tables(const train_run *r, const param_table *table, real *values)
{
    const batches *b = &r->batches;
    const token_run file = { b->table, b->steps * b->batch * (b->context + 1) };
    const hash_table_source source = { .kind = options_text_or(r->options, "hash-table", "modulo"),
        .run = b->table ? &file : b->run,
        .runs = b->table ? 1 : b->runs,
        .seed = r->settings.seed };
    return hash_tables_fill(&source, table, values);
}

static cadre_status start_fresh(train_run *r)
{
    real *values = trainer_values(r->trainer);
    const param_table *table = trainer_table(r->trainer);
    if (r->from) return model_read_values(r->from, &r->config, table, values);
    init_options init = init_options_of(r->recipe, &r->config, r->options, r->settings.seed);
    model_initialise(r->context->compute, table, &init, values);
    CADRE_TRY(fill_hash_tables(r, table, values));
    train_pictures_fill(r, table, values);
    return interrupt_check(r->out);
}

static cadre_status begin(train_run *r)
{
    CADRE_TRY(same_run_text(r, &r->text));
    CADRE_TRY(trainer_new(r->context->compute, &r->config, &r->settings, NULL, &r->trainer));
    CADRE_TRY(file_make_folder(r->out));
    CADRE_TRY(checkpoint_sweep(r->out));
    if (r->resumed) CADRE_TRY(resume(r));
    else CADRE_TRY(start_fresh(r));
    r->state.run = r->text;
    CADRE_TRY(train_files_begin(r));
    return metrics_open(r);
}

/* ---- the loop ---- */

typedef struct loop {
    train_run *run;
    double started;        /* clock_seconds() at step 0, as if the run had never been interrupted */
    double recent[RECENT]; /* losses of the last steps */
    int64_t first;         /* the step at which this process began */
    /* clock_seconds() and this process's processor time at that step */
    double began, worked;
    run_pace pace;  /* of the last steps */
    health health;  /* of experts and drops */
    bool prolonged; /* a note said that --minutes were too few for --min-tokens */
    int64_t saved;  /* the step of the last checkpoint; -1: there is none */
} loop;

static void feed(void *arg, int64_t first, int64_t count, int32_t *inputs, int32_t *targets)
{
    const train_run *r = arg;
    batches_take(&r->batches, r->state.step, first, count, inputs, targets);
}

static run_spent spent_by(const loop *l)
{
    const train_run *r = l->run;
    return (run_spent){
        .steps = r->state.step, .tokens = r->state.tokens, .seconds = clock_seconds() - l->started
    };
}

/* With --minutes, the number of steps is an estimate that follows the pace of the machine. */
static void plan_steps(loop *l)
{
    const run_length *length = &l->run->settings.length;
    schedule *s = &l->run->settings.schedule;
    run_spent spent = spent_by(l);
    s->steps = length_plan(length, &spent, &l->pace);
    if (s->warmup < 0) s->warmup = length_warmup(length, s->steps);
}

/* Says why: other programs use the processors, or the machine is slow. */
static void tell_prolonged(loop *l, const run_spent *s)
{
    const train_run *r = l->run;
    const run_length *length = &r->settings.length;
    int threads = r->context->compute->workers;
    double share =
        (clock_processor_seconds() - l->worked) / ((clock_seconds() - l->began) * threads);
    train_note(r,
        "%.3g minutes gave %lld of at least %lld tokens (%.0f a second): training goes on until "
        "they are seen",
        length->seconds / 60, (long long)s->tokens, (long long)length->min_tokens,
        (double)s->tokens / s->seconds);
    if (share < 0.8)
        train_note(r,
            "it takes longer because other programs use the processors: this one had %.0f %% of "
            "the time of its "
            "%d thread%s",
            100 * share, threads, threads == 1 ? "" : "s");
    else
        train_note(r,
            "it takes longer because the processors are slow: this program had %.0f %% of their "
            "time",
            100 * share);
}

static void tell_length(loop *l)
{
    const train_run *r = l->run;
    const run_length *length = &r->settings.length;
    run_spent s = spent_by(l);
    if (!length_lacks_tokens(length, &s)) return;
    if (length_over(length, &s))
        train_note(r, "%.3g minutes were too few as well: %lld of at least %lld tokens were seen",
            length->max_seconds / 60, (long long)s.tokens, (long long)length->min_tokens);
    else if (!l->prolonged) tell_prolonged(l, &s);
    l->prolonged = true;
}

static double mean_of_recent(const loop *l)
{
    int64_t steps = l->run->state.step - l->first, n = steps < RECENT ? steps : RECENT;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += l->recent[(l->run->state.step - 1 - i) % RECENT];
    return n ? sum / (double)n : NAN;
}

static void tell(const loop *l, const trainer_report *report, double tokens_per_second)
{
    const train_run *r = l->run;
    if (!r->listener || !r->listener->progress) return;
    cadre_train_progress p = { .size = sizeof p,
        .step = r->state.step,
        .steps = r->settings.schedule.steps,
        .loss = report->loss,
        .tokens_per_second = tokens_per_second,
        .seconds = r->state.seconds };
    int layers = trainer_sparse_layers(r->trainer);
    for (int i = 0; i < layers; i++) {
        balance_totals t = trainer_totals(r->trainer, i);
        p.max_vio += metrics_max_vio(t.count, t.experts) / layers;
        p.dead += metrics_dead(t.count, t.experts);
    }
    p.seconds_left = (double)(p.steps - p.step) * run_pace_of_step(&l->pace);
    r->listener->progress(r->listener->arg, &p);
}

static const char *number_in_words(double x)
{
    return isnan(x) ? "no number" : isinf(x) ? "infinity" : "a finite number";
}

/* Advises only what can be done. A step right after a checkpoint shows the weights of that
 * checkpoint, on which the current learning rate has not acted. */
static void advise(const loop *l)
{
    long long saved = l->saved;
    if (saved < 0)
        cadre_fail_advice("no checkpoint was saved: --resume begins again at step 1, with a lower "
                          "--lr, a longer --warmup or a "
                          "smaller --clip");
    else if (saved < l->run->state.step)
        cadre_fail_advice(
            "the checkpoint of step %lld is kept: --resume goes on from it, with a lower "
            "--lr, a longer --warmup or a smaller --clip",
            saved);
    else
        cadre_fail_advice("the checkpoint of step %lld has the weights that gave this: the run had "
                          "left its way before; begin again in another --out, with a smaller --lr, "
                          "a longer --warmup or a smaller --clip",
            saved);
}

static cadre_status diverged(const loop *l, const trainer_report *report)
{
    const train_run *r = l->run;
    cadre_status status = cadre_fail(CADRE_EFORMAT, r->out,
        "step %lld: expected a finite loss and gradient, found as loss %s, as gradient's norm %s",
        (long long)r->state.step + 1, number_in_words(report->loss),
        number_in_words(report->gradient_norm));
    advise(l);
    return status;
}

/* Reports what may go wrong in a sparse model while its loss falls, each kind once. */
static void tell_health(loop *l)
{
    const train_run *r = l->run;
    health *h = &l->health;
    for (int i = 0; i < trainer_sparse_layers(r->trainer); i++) {
        balance_totals totals = trainer_totals(r->trainer, i);
        health_count(h, &totals);
    }
    unsigned found = health_look(h);
    if (found & HEALTH_DEAD)
        train_note(r,
            "step %lld: %lld of %lld experts have had no token for many steps: a larger "
            "--aux-loss%s spreads the load",
            (long long)r->state.step, (long long)h->dead, (long long)h->experts,
            trainer_correction(r->trainer, 0) ? " or --bias-update-rate" : "");
    if (found & HEALTH_DROPS)
        train_note(r,
            "step %lld: %.0f %% of the picks of the last steps found their expert full and were "
            "dropped: a larger --capacity-factor, --overflow reroute or a larger --aux-loss keeps "
            "them",
            (long long)r->state.step, 100 * h->drop_share);
}

static int64_t experts_of(const model_config *c)
{
    int64_t experts = 0;
    for (int64_t l = 0; l < c->layers; l++)
        experts += c->layer[l].sparse ? c->layer[l].moe.experts : 0;
    return experts;
}

static cadre_status one_step(loop *l)
{
    train_run *r = l->run;
    trainer_report report;
    plan_steps(l);
    double before = clock_seconds(), lr = schedule_lr(&r->settings.schedule, r->state.step);
    CADRE_TRY(trainer_step(r->trainer, r->state.step, lr, feed, r, &report));
    double took = clock_seconds() - before, rate = (double)report.tokens / (took > 0 ? took : 1e-9);
    if (!isfinite(report.loss) || !isfinite(report.gradient_norm)) return diverged(l, &report);
    l->recent[r->state.step % RECENT] = report.loss;
    r->state.step++;
    r->state.tokens += report.tokens;
    r->state.seconds = clock_seconds() - l->started;
    run_pace_step(&l->pace, took);
    CADRE_TRY(metrics_put(r, r->state.step, &report, rate));
    tell(l, &report, rate);
    tell_health(l);
    return CADRE_OK;
}

static cadre_status save(loop *l)
{
    train_run *r = l->run;
    checkpoint_arrays arrays = arrays_of(r);
    CADRE_TRY(checkpoint_save(r->out, &arrays, &r->state));
    l->saved = r->state.step;
    return train_files_describe(r, mean_of_recent(l));
}

/* Answers a request to stop, before a checkpoint is written that takes long. */
static cadre_status stop(loop *l)
{
    enum { LONG = 25000000 }; /* for which a disk takes a second or more */
    train_run *r = l->run;
    long long step = r->state.step, parameters = trainer_table(r->trainer)->total;
    if (!step && l->saved < 0)
        return cadre_fail(CADRE_EINTERRUPTED, r->out,
            "stopped before the first step, so there was nothing to save");
    if (l->saved != step && parameters >= LONG)
        train_note(r,
            "stopping: a checkpoint of step %lld is written; a second request ends the run at once "
            "and "
            "leaves the checkpoint before, if there is one",
            step);
    if (l->saved != step) CADRE_TRY(save(l));
    return cadre_fail(CADRE_EINTERRUPTED, r->out,
        "stopped at step %lld, after a checkpoint; --resume goes on", step);
}

static bool finished(const loop *l)
{
    const train_run *r = l->run;
    run_spent spent = spent_by(l);
    return length_over(&r->settings.length, &spent) ||
           (r->token_file && r->state.step >= r->batches.steps);
}

static cadre_status run_loop(loop *l)
{
    train_run *r = l->run;
    l->began = clock_seconds();
    l->worked = clock_processor_seconds();
    l->started = l->began - r->state.seconds;
    l->pace = run_pace_begin(&(run_spent){ r->state.step, r->state.tokens, r->state.seconds });
    while (!finished(l)) {
        if (cadre_interrupted()) return stop(l);
        cadre_status status = one_step(l);
        /* The step was given up in its middle and counts as not begun. */
        if (status == CADRE_EINTERRUPTED) continue;
        CADRE_TRY(status);
        tell_length(l);
        if (r->settings.save_every && r->state.step % r->settings.save_every == 0)
            CADRE_TRY(save(l));
    }
    if (r->token_file && r->state.step >= r->batches.steps && r->settings.length.seconds > 0)
        train_note(r, "the file's %lld batches are all used: the run ends before its time",
            (long long)r->batches.steps);
    return l->saved == r->state.step ? CADRE_OK : save(l);
}

static cadre_status run_all(train_run *r, cadre_train_summary *summary)
{
    CADRE_TRY(decide(r));
    CADRE_TRY(count_memory(r, &r->config, summary));
    if (r->dry) return train_describe(r, summary);
    CADRE_TRY(check_memory(summary));
    CADRE_TRY(check_room(r, summary->parameters));
    CADRE_TRY(begin(r));
    loop l = { .run = r, .first = r->state.step, .saved = r->resumed ? r->state.step : -1 };
    CADRE_TRY(health_open(&l.health, experts_of(&r->config)));
    cadre_status status = run_loop(&l), closed = metrics_close(r);
    health_close(&l.health);
    summary->steps = r->state.step;
    summary->tokens = r->state.tokens;
    summary->seconds = r->state.seconds;
    summary->loss = mean_of_recent(&l);
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
    trainer_free(r.trainer);
    model_config_free(&r.config);
    train_data_close(&r);
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

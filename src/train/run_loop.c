/* run_loop.c - the loop over the steps of a run. Before a step it plans the run's length; after a
 * step it validates, writes logs and notes, and saves a checkpoint when one is due. It ends the run
 * when its length is reached, when it diverges, or when it is asked to stop. */
#include <math.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "moe/metrics.h"
#include "train/health.h"
#include "train/run.h"
#include "train/snapshot.h"

enum { RECENT = 20 }; /* the summary's loss is the mean of so many steps */

typedef struct loop {
    train_run *run;
    double started;        /* clock_seconds() at step 0, as if the run had never been interrupted */
    double recent[RECENT]; /* losses of the last steps */
    int64_t first;         /* the step at which this process began */
    /* clock_seconds() and this process's processor time at that step */
    double began, worked;
    run_pace pace;  /* of the last steps */
    health health;  /* dead experts and dropped picks */
    bool prolonged; /* a note has said that --minutes were too few for --min-tokens */
    int64_t saved;  /* the step of the last checkpoint; -1: there is none */
    double valid;   /* the validation loss after the last step; NAN: it was not validated */
    bool better;    /* the validation loss is the lowest so far */
} loop;

static void feed(void *arg, int64_t first, int64_t count, const batch_rows *rows)
{
    const train_run *r = arg;
    if (r->preferences.pairs) {
        train_preference_take(r, first, count, rows);
        return;
    }
    cadre_status status = batches_take(&r->batches, r->state.step, first, count, rows);
    if (status != CADRE_OK) comm_fail(train_world(r), status); /* trainer_step will fail with it */
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

/* Notes that the run takes longer than --minutes, and why: because other programs use the
 * processors, or because they are slow. */
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

/* Advises what can be done. If the step is the first one after a checkpoint, that checkpoint's
 * weights have diverged, and resuming from it does not help. */
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
                          "diverged before it; begin again in another --out, with a smaller --lr, "
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

/* Notes dead experts and many dropped picks, which the loss does not show; each once. */
static void tell_health(loop *l)
{
    const train_run *r = l->run;
    health *h = &l->health;
    for (int i = 0; i < trainer_sparse_layers(r->trainer); i++) {
        balance_totals totals = trainer_totals(r->trainer, i);
        health_count(h, &totals);
    }
    unsigned found = health_check(h);
    if (found & HEALTH_DEAD)
        train_note(r,
            "step %lld: %lld of %lld experts have had no token for many steps: a larger "
            "--aux-loss%s spreads the load",
            (long long)r->state.step, (long long)h->dead, (long long)h->experts,
            trainer_any_correction(r->trainer) ? " or --bias-update-rate" : "");
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

static void tell_skipped(const loop *l, const trainer_report *report)
{
    const train_run *r = l->run;
    if (isfinite(report->loss) && isfinite(report->gradient_norm))
        train_note(r, "step %lld: its batch is skipped, for its loss is %.4g where %.4g is usual",
            (long long)r->state.step + 1, report->loss, r->state.guard.mean);
    else
        train_note(r, "step %lld: its batch is skipped, for its loss is %s, its gradient's norm %s",
            (long long)r->state.step + 1, number_in_words(report->loss),
            number_in_words(report->gradient_norm));
}

/* Validates on the held-out texts, where it is time to. */
static cadre_status validate(loop *l)
{
    train_run *r = l->run;
    checkpoint_state *s = &r->state;
    l->valid = NAN;
    l->better = false;
    if (!train_validation_due(r, s->step)) return CADRE_OK;
    CADRE_TRY(train_validate(r, &l->valid));
    l->better = !s->best_step || l->valid < s->best;
    train_note(r, "step %lld: %.4f on the held-out texts%s", (long long)s->step, l->valid,
        l->better ? ", the best so far" : "");
    if (l->better) s->best = l->valid, s->best_step = s->step;
    return CADRE_OK;
}

static cadre_status one_step(loop *l)
{
    train_run *r = l->run;
    trainer_report report;
    plan_steps(l);
    CADRE_TRY(train_ranks_broadcast(r, &r->settings.schedule, sizeof r->settings.schedule));
    comm_tally tally = comm_tally_of(train_world(r));
    spike_guard *g = &r->state.guard;
    double before = clock_seconds(), lr = schedule_lr(&r->settings.schedule, r->state.step);
    if (g->ratio > 0) trainer_guard(r->trainer, spike_limit(g));
    CADRE_TRY(trainer_step(r->trainer, r->state.step, lr, feed, r, &report));
    double took = clock_seconds() - before, rate = (double)report.tokens / (took > 0 ? took : 1e-9);
    spike_count(g, report.loss, report.skipped);
    bool finite = isfinite(report.loss) && isfinite(report.gradient_norm);
    if (report.skipped ? g->bad == SPIKE_IN_A_ROW : !finite) return diverged(l, &report);
    if (report.skipped) tell_skipped(l, &report);
    l->recent[r->state.step % RECENT] = report.loss;
    r->state.step++;
    r->state.tokens += report.tokens;
    r->state.seconds = clock_seconds() - l->started;
    run_pace_step(&l->pace, took);
    CADRE_TRY(ranks_log_put(r, took, &tally));
    CADRE_TRY(validate(l));
    CADRE_TRY(metrics_put(r, &report, rate, l->valid));
    tell(l, &report, rate);
    tell_health(l);
    return CADRE_OK;
}

static cadre_status save(loop *l)
{
    train_run *r = l->run;
    CADRE_TRY(train_ranks_save(r));
    l->saved = r->state.step;
    if (!train_leads(r)) return CADRE_OK;
    CADRE_TRY(train_files_describe(r, mean_of_recent(l)));
    int64_t keep = r->settings.keep;
    return keep ? snapshot_keep(r->out, r->state.step, keep) : CADRE_OK;
}

/* Called after a step: saves a checkpoint if --save-every asks for one, or the best model so
 * far. */
static cadre_status save_where_due(loop *l)
{
    const train_run *r = l->run;
    int64_t every = r->settings.save_every;
    if (l->better || (every && r->state.step % every == 0)) CADRE_TRY(save(l));
    return l->better && train_leads(r) ? snapshot_take(r->out, "best") : CADRE_OK;
}

/* Whether --patience has run out; a note says so. */
static bool is_stuck(const loop *l)
{
    const train_run *r = l->run;
    const train_settings *s = &r->settings;
    if (!s->patience || !r->state.best_step) return false;
    int64_t since = r->state.step / s->validate_every - r->state.best_step / s->validate_every;
    if (since < s->patience) return false;
    train_note(r,
        "%lld validations found nothing better than %.4f of step %lld, which is in best: the run "
        "ends",
        (long long)since, r->state.best, (long long)r->state.best_step);
    return true;
}

/* Saves a checkpoint and ends the run, as was requested. If saving takes long, a note comes
 * first. */
static cadre_status stop(loop *l)
{
    enum { LONG = 25000000 }; /* parameters, whose checkpoint takes a disk a second or more */
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
    r->state.guard.ratio = r->settings.skip_bad;
    if (train_leads(r) && cadre_options_count(r->options, "watch")) /* a report needs its file */
        CADRE_TRY(train_files_describe(r, mean_of_recent(l)));
    l->began = clock_seconds();
    l->worked = clock_processor_seconds();
    l->started = l->began - r->state.seconds;
    l->pace = run_pace_begin(&(run_spent){ r->state.step, r->state.tokens, r->state.seconds });
    for (;;) {
        bool over = finished(l) || is_stuck(l);
        CADRE_TRY(train_ranks_broadcast(r, &over, sizeof over));
        if (over) break;
        if (train_ranks_stop(r)) return stop(l);
        cadre_status status = one_step(l);
        /* The step was interrupted and has changed nothing; the next round stops. */
        if (status == CADRE_EINTERRUPTED) continue;
        CADRE_TRY(status);
        tell_length(l);
        CADRE_TRY(save_where_due(l));
    }
    if (r->token_file && r->state.step >= r->batches.steps && r->settings.length.seconds > 0)
        train_note(r, "the file's %lld batches are all used: the run ends before its time",
            (long long)r->batches.steps);
    return l->saved == r->state.step ? CADRE_OK : save(l);
}

cadre_status train_loop(train_run *r, double *loss)
{
    loop l = { .run = r, .first = r->state.step, .saved = r->resumed ? r->state.step : -1 };
    CADRE_TRY(health_open(&l.health, experts_of(&r->config)));
    cadre_status status = run_loop(&l);
    health_close(&l.health);
    *loss = mean_of_recent(&l);
    return status;
}

/* train.c - measures the whole training step on random tokens, with routing, losses and AdamW. */
#include <math.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "bench/limits.h"
#include "bench/result.h"
#include "kernel/compute_times.h"
#include "kernel/context.h"
#include "train/default_layout.h"
#include "train/trainer.h"
#include "weights/initialise.h"

enum { WARM_STEPS = 2, TIMED_STEPS = 7 };

typedef struct listener {
    cadre_line_listener line;
    void *arg;
    bool profile; /* it wants to know what the time goes to */
} listener;

typedef struct tokens {
    random_key key;
    int64_t vocab, context, step, batch;
} tokens;

static void feed(void *arg, int64_t first, int64_t count, const batch_rows *rows)
{
    const tokens *t = arg;
    for (int64_t i = 0; i < count * t->context; i++) {
        uint64_t at = (uint64_t)(((t->step * t->batch) + first) * (t->context + 1) + i);
        rows->inputs[i] = (int32_t)(random_bits(t->key, at) % (uint64_t)t->vocab);
        rows->targets[i] = (int32_t)(random_bits(t->key, at + 1) % (uint64_t)t->vocab);
    }
}

/* Takes the fastest of a few steps, in seconds, and what it spent them on. */
static cadre_status time_steps(
    compute *c, trainer *t, tokens *source, double lr, double *best, compute_times *times)
{
    *best = INFINITY;
    for (int64_t step = 0; step < WARM_STEPS + TIMED_STEPS; step++) {
        trainer_report report;
        source->step = step;
        double before = clock_seconds();
        compute_times of_step = { .since = before };
        c->times = &of_step;
        cadre_status status = trainer_step(t, step, lr, feed, source, &report);
        c->times = NULL;
        CADRE_TRY(status);
        double took = clock_seconds() - before;
        of_step.seconds[TIME_OTHER] += clock_seconds() - of_step.since;
        if (step >= WARM_STEPS && took < *best) *best = took, *times = of_step;
    }
    return CADRE_OK;
}

/* The shares of the fastest step */
static void put_profile(json_writer *w, const compute_times *times)
{
    static const char *const names[TIME_SUBJECTS] = { "other", "products", "attention", "routing",
        "optimizer" };
    double sum = 0;
    for (int i = 0; i < TIME_SUBJECTS; i++) sum += times->seconds[i];
    json_put_object(w, "shares");
    for (int i = 1; i <= TIME_SUBJECTS; i++) {
        int subject = i % TIME_SUBJECTS; /* what is left comes last */
        json_put_real(w, names[subject], times->seconds[subject] / sum);
    }
    json_put_close(w, '}');
}

static cadre_status put_line(const train_settings *s, const param_table *table, double seconds,
    double peak, const compute_times *times, const listener *to)
{
    double rate = (double)(s->batch * s->context) / seconds,
           gflops = 6e-9 * (double)table->active * rate;
    json_writer w = result_new();
    json_put_real(&w, "tokens_per_second", rate);
    json_put_int(&w, "active_parameters", table->active);
    json_put_int(&w, "parameters", table->total);
    json_put_real(&w, "gflops", gflops);
    json_put_real(&w, "peak_fraction", gflops / peak);
    if (to->profile) put_profile(&w, times);
    return result_put(&w, to->line, to->arg);
}

static cadre_status measure(cadre_context *context, const model_config *config,
    const train_settings *s, const recipe *r, const listener *to)
{
    trainer *t;
    double best;
    compute_times times = { 0 };
    rank_layout layout;
    CADRE_TRY(default_layout(context, config, s, &layout));
    train_ranks ranks = { context->world, &layout };
    CADRE_TRY(trainer_new(context->compute, config, s, &ranks, &t));
    tokens source = { random_key_of(s->seed, "bench", 0, 0), config->vocab, s->context, 0,
        s->batch };
    init_options init = init_options_of(r, config, s->options, s->seed);
    model_initialise(context->compute, trainer_table(t), &init, trainer_values(t));
    cadre_status status = time_steps(context->compute, t, &source, s->schedule.lr, &best, &times);
    if (status == CADRE_OK)
        status = put_line(
            s, trainer_whole_table(t), best, bench_fma_peak(context->compute) / 1e9, &times, to);
    trainer_free(t);
    return status;
}

static cadre_status bench_train(cadre_context *context, cadre_options *options, const listener *to)
{
    const recipe *r = recipe_by_name(options_text_or(options, "recipe", "olmoe"));
    model_config config;
    train_settings s;
    char *notes;
    CADRE_TRY(recipe_apply(r, options));
    CADRE_TRY(recipe_config(r, options, cadre_options_int(options, "vocab", 0), &config, &notes));
    mem_free(notes);
    cadre_status status = train_settings_read(options, r, &s);
    if (status == CADRE_OK) status = measure(context, &config, &s, r, to);
    model_config_free(&config);
    return status;
}

cadre_status cadre_bench_train(
    cadre_context *context, cadre_options *options, cadre_line_listener line, void *arg)
{
    const listener to = { line, arg, false };
    CADRE_TRY(context_enter(context));
    return context_leave(context, bench_train(context, options, &to));
}

cadre_status cadre_bench_train_profile(
    cadre_context *context, cadre_options *options, cadre_line_listener line, void *arg)
{
    const listener to = { line, arg, true };
    CADRE_TRY(context_enter(context));
    return context_leave(context, bench_train(context, options, &to));
}

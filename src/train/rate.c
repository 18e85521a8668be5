/* rate.c - estimates how fast a run would be on this machine: from a few real steps if these take
 * seconds, otherwise from the speed of one matrix product. */
#include <math.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "kernel/gemm.h"
#include "train/run.h"
#include "weights/initialise.h"

#define QUICK 1e11 /* floating-point operations that take a second or a few */

/* ---- real steps, on random tokens ---- */

static void feed(void *arg, int64_t first, int64_t count, const batch_rows *rows)
{
    const train_run *r = *(const train_run *const *)arg;
    random_key key = random_key_of(r->settings.seed, "rate", 0, 0);
    int64_t context = r->settings.context;
    for (int64_t i = 0; i < count * context; i++) {
        uint64_t at = (uint64_t)(first * context + i);
        rows->inputs[i] = (int32_t)(random_bits(key, at) % (uint64_t)r->config.vocab);
        rows->targets[i] = (int32_t)(random_bits(key, at + 1) % (uint64_t)r->config.vocab);
    }
}

/* Times steps of `batch` sequences in `micro_batches` micro-batches and takes the fastest: one
 * step, or more where they are short. A first step, which touches the memory, does not count. */
static cadre_status time_steps(
    const train_run *r, int64_t batch, int64_t micro_batches, double *seconds)
{
    enum { MOST = 12 };
    const double enough = 0.3;
    double spent = 0;
    trainer *t;
    trainer_report report;
    train_settings s = r->settings;
    s.batch = batch, s.accumulate = micro_batches;
    *seconds = INFINITY;
    train_ranks ranks = train_ranks_of(r);
    CADRE_TRY(trainer_new(r->context->compute, &r->config, &s, &ranks, &t));
    init_options init = init_options_of(r->recipe, &r->config, r->options, s.seed);
    model_initialise(r->context->compute, trainer_table(t), &init, trainer_values(t));
    cadre_status status = CADRE_OK;
    for (int64_t i = 0; i < MOST && spent < enough && status == CADRE_OK; i++) {
        double before = clock_seconds();
        status = cadre_interrupted() ? cadre_fail(CADRE_EINTERRUPTED, NULL, "stopped on request")
                                     : trainer_step(t, i, 0, feed, &r, &report);
        double took = clock_seconds() - before;
        if (i) spent += took, *seconds = fmin(*seconds, took);
        if (status == CADRE_OK) status = train_ranks_broadcast(r, &spent, sizeof spent);
    }
    trainer_free(t);
    return status;
}

static cadre_status measure_steps(const train_run *r, rate_estimate *rate)
{
    const train_settings *s = &r->settings;
    double seconds;
    CADRE_TRY(time_steps(r, s->batch, s->accumulate, &seconds));
    *rate = (rate_estimate){ (double)(s->batch * s->context) / seconds,
        "measured with the first steps" };
    return CADRE_OK;
}

/* Times a step with one sequence and a step with two. Their difference is the time of a sequence,
 * and the rest is the fixed time of a step, which give the time of a step with any batch. */
static cadre_status measure_few_sequences(const train_run *r, rate_estimate *rate)
{
    const train_settings *s = &r->settings;
    double one, two;
    CADRE_TRY(time_steps(r, 1, 1, &one));
    CADRE_TRY(time_steps(r, 2, 1, &two));
    double each = two > one ? two - one : two / 2, fixed = fmax(one - each, 0);
    double seconds = fixed + each * (double)s->batch;
    *rate = (rate_estimate){ (double)(s->batch * s->context) / seconds,
        "measured with one sequence and with two" };
    return CADRE_OK;
}

/* ---- an estimate without steps ---- */

/* Assumes that a run reaches half of the speed of one matrix product of this width, because
 * routing, norms, attention and memory take time too. */
static cadre_status estimate_from_product(
    const train_run *r, double work_of_token, rate_estimate *rate)
{
    enum { ROWS = 256, MOST = 1024, TIMES = 3 };
    int64_t width = r->config.width < MOST ? r->config.width : MOST;
    real *elements = MEM_ARRAY(real, 2 * ROWS * width + width * width);
    double best = INFINITY;
    if (!elements) return CADRE_ENOMEM;
    real *a = elements, *b = a + ROWS * width, *c = b + width * width;
    for (int i = 0; i < TIMES; i++) {
        double before = clock_seconds();
        gemm(r->context->compute, GEMM_NT, ROWS, width, width, a, width, b, width, c, width, false);
        best = fmin(best, clock_seconds() - before);
    }
    mem_free(elements);
    double speed = 2.0 * ROWS * (double)(width * width) / best / 2;
    *rate = (rate_estimate){ speed / work_of_token, "modelled by the speed of a matrix product" };
    return CADRE_OK;
}

cadre_status train_rate(
    const train_run *r, int64_t active, int64_t memory_bytes, rate_estimate *rate)
{
    const train_settings *s = &r->settings;
    double of_token = 6 * (double)active, of_sequence = of_token * (double)s->context;
    bool fits = (size_t)memory_bytes <= mem_of_machine() / 2;
    if (fits && of_sequence * (double)s->batch <= QUICK) return measure_steps(r, rate);
    if (fits && of_sequence <= QUICK && s->batch > 1) return measure_few_sequences(r, rate);
    return estimate_from_product(r, of_token, rate);
}

/* fit.c - cadre_mixture_fit: reads a table, options and first parameters, iterates, and writes
 * files. */
#include "mixture/fit.h"

#include <math.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "mixture/data.h"
#include "mixture/descent.h"
#include "mixture/em.h"
#include "mixture/folder.h"
#include "mixture/irls.h"
#include "mixture/least_squares.h"
#include "mixture/start.h"
#include "mixture/trace.h"

/* The least variance of an expert, as a share of the targets' own. Without it, an expert that fits
 * its rows exactly would have an unbounded density. */
static const double least_share = 1e-10;

typedef struct fitting {
    const char *path;
    mixture_plan plan;
    mixture_data data;
    fit fit;
    trace trace;
    cadre_mixture *made;
    cadre_mixture_listener listener;
    void *arg;
} fitting;

/* ---- memory ---- */

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t solver_room(const mixture_shape *s, int64_t rows)
{
    int64_t d = mixture_width(s),
            k = s->groups ? larger(s->groups, s->experts / s->groups) : s->experts;
    int64_t gates = irls_room(d, k);
    int64_t experts =
        s->classify ? irls_room(d, s->outputs) : least_squares_room(rows, d, s->outputs);
    return larger(gates, experts);
}

/* Larger widths make Hessians that no machine has memory for. */
static cadre_status check_width(const mixture_shape *s)
{
    int64_t k = larger(s->experts, s->classify ? s->outputs : 1), width;
    if (!__builtin_mul_overflow(k, mixture_width(s), &width) && width < INT64_C(1) << 28)
        return CADRE_OK;
    return cadre_fail(CADRE_ENOMEM, NULL, "a mixture of these sizes is too large for --method em");
}

static cadre_status take_memory(fit *f)
{
    const mixture_shape *s = f->shape;
    size_t rows = (size_t)f->rows;
    if (f->method != METHOD_EM) {
        f->gradient = MEM_ARRAY(double, f->layout->count);
        return f->gradient ? CADRE_OK : CADRE_ENOMEM;
    }
    CADRE_TRY(check_width(s));
    size_t widest = (size_t)larger(s->experts, s->classify ? s->outputs : 1);
    f->posterior = mem_alloc(rows, (size_t)s->experts * sizeof *f->posterior);
    f->share = mem_alloc(rows, widest * sizeof *f->share);
    f->room = MEM_ARRAY(double, solver_room(s, f->rows));
    return f->posterior && f->share && f->room ? CADRE_OK : CADRE_ENOMEM;
}

static double variance_of(const mixture_data *d)
{
    double sum = 0, count = (double)d->numbers.rows;
    for (int64_t j = 0; j < d->targets; j++) {
        double mean = 0;
        for (int64_t n = 0; n < d->numbers.rows; n++) mean += d->target[n * d->targets + j] / count;
        for (int64_t n = 0; n < d->numbers.rows; n++)
            sum += pow(d->target[n * d->targets + j] - mean, 2) / count;
    }
    return sum / (double)d->targets;
}

static cadre_status open_fit(fitting *f)
{
    cadre_mixture *m = f->made;
    const mixture_data *d = &f->data;
    f->fit = (fit){ .method = m->method,
        .shape = &m->shape,
        .layout = &m->layout,
        .rows = d->numbers.rows,
        .input = d->input,
        .target = d->target,
        .rate = f->plan.rate,
        .parameters = m->parameters,
        .least_variance = fmax(least_share * variance_of(d), 1e-290) };
    CADRE_TRY(mixture_row_open(&m->shape, &f->fit.row));
    CADRE_TRY(take_memory(&f->fit));
    return f->plan.init ? start_from_file(f->plan.init, &f->fit)
                        : start_from_seed(f->plan.seed, &f->fit);
}

static void close_fit(fit *f)
{
    mixture_row_close(&f->row);
    mem_free(f->gradient);
    mem_free(f->posterior);
    mem_free(f->share);
    mem_free(f->room);
}

/* ---- the mixture that results ---- */

/* Takes rows evenly spread over the table. */
static void take_sample(fitting *f)
{
    cadre_mixture *m = f->made;
    int64_t columns = mixture_columns(m), rows = f->data.numbers.rows;
    for (int64_t i = 0; i < m->sample_rows; i++) {
        int64_t n = (int64_t)((double)i * (double)rows / (double)m->sample_rows);
        memcpy(m->sample + i * columns, f->data.numbers.value + n * columns,
            (size_t)columns * sizeof *m->sample);
    }
}

static cadre_status make_mixture(fitting *f)
{
    const mixture_plan *p = &f->plan;
    int64_t rows = f->data.numbers.rows, sample = p->sample < rows ? p->sample : rows;
    CADRE_TRY(mixture_new(p->method, &p->shape, p->iterations + 1, sample, &f->made));
    f->made->rows = rows;
    for (int64_t j = 0; j < mixture_columns(f->made); j++) {
        mixture_column *c = &f->made->column[j];
        *c = f->data.column[j];
        if (!(c->name = mem_strdup(f->data.column[j].name))) return CADRE_ENOMEM;
    }
    take_sample(f);
    return CADRE_OK;
}

/* Computes the shares of the experts and, if it is wanted, every row's prediction [N, O] in the
 * table's units. */
static void look_back(fitting *f, double *prediction)
{
    cadre_mixture *m = f->made;
    mixture_row *row = &f->fit.row;
    int64_t o = m->shape.outputs, columns = mixture_columns(m), gates = mixture_gates(&m->shape);
    for (int64_t n = 0; n < f->fit.rows; n++) {
        mixture_answer_row(m, f->data.numbers.value + n * columns, row);
        for (int64_t i = 0; i < gates * m->shape.experts; i++)
            m->share[i % m->shape.experts] += exp(row->gate[i]) / (double)(f->fit.rows * gates);
        if (prediction) memcpy(prediction + n * o, row->prediction, (size_t)o * sizeof *prediction);
    }
}

/* ---- iterations ---- */

static cadre_status record(fitting *f, int64_t iteration)
{
    cadre_mixture *m = f->made;
    const fit *now = &f->fit;
    m->likelihood[iteration] = now->log_likelihood;
    if (m->loss) m->loss[iteration] = now->loss;
    trace_take(&f->trace, &m->layout, m->parameters);
    if (!isfinite(now->log_likelihood) || (m->loss && !isfinite(now->loss))) {
        cadre_fail(CADRE_EFORMAT, f->path,
            "the likelihood is no finite number after iteration %lld", (long long)iteration);
        if (m->loss) cadre_fail_advice("a lower --lr, or --standardise, may help");
        return CADRE_EFORMAT;
    }
    const cadre_mixture_progress p = { .size = sizeof p,
        .iteration = iteration,
        .iterations = f->plan.iterations,
        .log_likelihood = now->log_likelihood,
        .loss = now->loss };
    if (f->listener) f->listener(f->arg, &p);
    return CADRE_OK;
}

static cadre_status iterate(fitting *f)
{
    bool em = f->plan.method == METHOD_EM;
    for (int64_t i = 0;; i++) {
        CADRE_TRY(interrupt_check(f->path));
        if (em) em_expect(&f->fit);
        else descent_expect(&f->fit);
        CADRE_TRY(record(f, i));
        if (i == f->plan.iterations) return CADRE_OK;
        if (em) CADRE_TRY(em_maximise(&f->fit));
        else descent_step(&f->fit);
    }
}

/* ---- files ---- */

static cadre_status write_trace(fitting *f)
{
    double *prediction =
        mem_alloc((size_t)f->fit.rows, (size_t)f->made->shape.outputs * sizeof *prediction);
    if (!prediction) return CADRE_ENOMEM;
    look_back(f, prediction);
    cadre_status status = trace_write(&f->trace, f->plan.trace, f->made, prediction, f->fit.rows);
    mem_free(prediction);
    return status;
}

static cadre_status finish(fitting *f)
{
    if (f->plan.trace) CADRE_TRY(write_trace(f));
    else look_back(f, NULL);
    return f->plan.out ? mixture_folder_write(f->plan.out, f->made) : CADRE_OK;
}

static cadre_status fit_table(fitting *f)
{
    if (f->plan.out) CADRE_TRY(mixture_folder_check(f->plan.out));
    CADRE_TRY(mixture_data_open(f->path, &f->plan, &f->data));
    CADRE_TRY(make_mixture(f));
    if (f->plan.trace)
        CADRE_TRY(trace_open(f->plan.trace, f->plan.iterations + 1, &f->made->layout, &f->trace));
    CADRE_TRY(open_fit(f));
    CADRE_TRY(iterate(f));
    return finish(f);
}

cadre_status cadre_mixture_fit(const char *data, const cadre_options *options,
    cadre_mixture_listener listener, void *arg, cadre_mixture **mixture)
{
    fitting f = { .path = data, .listener = listener, .arg = arg };
    CADRE_TRY(mixture_plan_of(options, &f.plan));
    cadre_status status = fit_table(&f);
    close_fit(&f.fit);
    trace_close(&f.trace);
    mixture_data_close(&f.data);
    if (status == CADRE_OK) *mixture = f.made;
    else cadre_mixture_free(f.made);
    return status;
}

/* em.c - the two steps of expectation-maximisation.
 *
 * E step: h_ni = p_i P_i(d_n) / sum. The M step uses these h alone. Each expert fits the rows,
 * weighted by its h; its variance is the weighted mean square of the residuals; the gate fits h. In
 * a hierarchy the top gate fits h_g = sum_k h_gk, and the gate of group g fits h_gk, which is
 * h_(k|g) with rows weighted by h_g. */
#include "mixture/em.h"

#include <math.h>
#include <string.h>

#include "mixture/irls.h"
#include "mixture/least_squares.h"

void em_expect(fit *f)
{
    int64_t e = f->shape->experts, targets = mixture_targets(f->shape);
    f->log_likelihood = 0;
    f->loss = NAN;
    for (int64_t n = 0; n < f->rows; n++) {
        fit_forward(f, n);
        f->log_likelihood += mixture_row_likelihood(
            f->shape, f->layout, f->parameters, f->target + n * targets, &f->row);
        memcpy(f->posterior + n * e, f->row.posterior, (size_t)e * sizeof(double));
    }
}

/* ---- gates ---- */

/* Fits w [K, D] to f->share [N, K]. */
static cadre_status fit_softmax(fit *f, int64_t classes, double *w)
{
    irls problem = { .rows = f->rows,
        .width = mixture_width(f->shape),
        .classes = classes,
        .input = f->input,
        .share = f->share };
    return irls_fit(&problem, f->room, w);
}

static double sum_of(const double *values, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += values[i];
    return sum;
}

static cadre_status fit_groups(fit *f)
{
    int64_t e = f->shape->experts, g = f->shape->groups, k = e / g, d = mixture_width(f->shape);
    for (int64_t n = 0; n < f->rows; n++)
        for (int64_t i = 0; i < g; i++)
            f->share[n * g + i] = sum_of(f->posterior + n * e + i * k, k);
    CADRE_TRY(fit_softmax(f, g, fit_part(f, PART_GATE)));
    for (int64_t i = 0; i < g; i++) {
        for (int64_t n = 0; n < f->rows; n++)
            memcpy(f->share + n * k, f->posterior + n * e + i * k, (size_t)k * sizeof(double));
        CADRE_TRY(fit_softmax(f, k, fit_part(f, PART_INNER) + i * k * d));
    }
    return CADRE_OK;
}

static cadre_status fit_gates(fit *f)
{
    if (f->shape->groups) return fit_groups(f);
    memcpy(f->share, f->posterior, (size_t)(f->rows * f->shape->experts) * sizeof(double));
    return fit_softmax(f, f->shape->experts, fit_part(f, PART_GATE));
}

/* ---- experts ---- */

/* The class of each row gets the expert's posterior, and the other classes get nothing. */
static cadre_status fit_classes(fit *f, int64_t expert)
{
    int64_t e = f->shape->experts, o = f->shape->outputs;
    memset(f->share, 0, (size_t)(f->rows * o) * sizeof(double));
    for (int64_t n = 0; n < f->rows; n++)
        f->share[n * o + (int64_t)f->target[n]] = f->posterior[n * e + expert];
    return fit_softmax(f, o, fit_part(f, PART_EXPERTS) + expert * o * mixture_width(f->shape));
}

/* sum over rows of h ||d - map x||^2 */
static double residual(const fit *f, int64_t expert, const double *map)
{
    int64_t e = f->shape->experts, o = f->shape->outputs, d = mixture_width(f->shape);
    double sum = 0;
    for (int64_t n = 0; n < f->rows; n++)
        for (int64_t j = 0; j < o; j++) {
            double off = f->target[n * o + j];
            for (int64_t a = 0; a < d; a++) off -= map[j * d + a] * f->input[n * d + a];
            sum += f->posterior[n * e + expert] * off * off;
        }
    return sum;
}

/* An expert for which no row is left stays as it is. */
static void fit_line(fit *f, int64_t expert)
{
    int64_t e = f->shape->experts, o = f->shape->outputs;
    double *map = fit_part(f, PART_EXPERTS) + expert * o * mixture_width(f->shape), weight = 0;
    for (int64_t n = 0; n < f->rows; n++) weight += f->posterior[n * e + expert];
    if (!(weight > 0)) return;
    weighted_rows rows = { .rows = f->rows,
        .width = mixture_width(f->shape),
        .targets = o,
        .input = f->input,
        .target = f->target,
        .weight = f->posterior + expert,
        .stride = e };
    least_squares(&rows, f->room, map);
    fit_part(f, PART_VARIANCE)[expert] =
        fmax(residual(f, expert, map) / ((double)o * weight), f->least_variance);
}

cadre_status em_fit_experts(fit *f)
{
    for (int64_t i = 0; i < f->shape->experts; i++) {
        if (f->shape->classify) CADRE_TRY(fit_classes(f, i));
        else fit_line(f, i);
    }
    return CADRE_OK;
}

cadre_status em_maximise(fit *f)
{
    CADRE_TRY(em_fit_experts(f));
    return fit_gates(f);
}

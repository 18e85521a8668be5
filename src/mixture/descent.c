/* descent.c - the losses and their gradients, one row at a time.
 *
 * Each loss gives two things for a row: its derivative by the experts' outputs, and a_i, its
 * derivative by log p_i with the p_i taken as independent. The gate's logits then get a_i - p_i
 * sum(a). In a hierarchy the group's logits get A_g - p_g sum(A), with A_g = sum_k a_gk, and those
 * within the group a_gk - p_(k|g) A_g. */
#include "mixture/descent.h"

#include <math.h>
#include <string.h>

static const double half_log_two_pi = 0.91893853320467274178;

/* Adds weight times a row of inputs to a row of the gradient. */
static void add_scaled(double *to, double weight, const double *from, int64_t count)
{
    for (int64_t i = 0; i < count; i++) to[i] += weight * from[i];
}

/* ---- gates ---- */

/* From a [K], the derivative by log p, to the logits of a softmax whose log p is given minus
 * `base`. */
static void add_softmax(
    const fit *f, const double *log_p, double base, const double *a, int64_t k, double *gradient)
{
    int64_t d = mixture_width(f->shape);
    double whole = 0;
    for (int64_t i = 0; i < k; i++) whole += a[i];
    for (int64_t i = 0; i < k; i++)
        add_scaled(gradient + i * d, a[i] - exp(log_p[i] - base) * whole, f->row.input, d);
}

/* From a [E] to the gradient of gate and inner gates; `task` says whose gate. */
static void add_gates(fit *f, const double *a, int64_t task)
{
    int64_t e = f->shape->experts, d = mixture_width(f->shape), groups = f->shape->groups;
    double *gate = f->gradient + f->layout->part[PART_GATE].offset;
    double *inner = f->gradient + f->layout->part[PART_INNER].offset, whole = 0;
    if (!groups) {
        add_softmax(f, f->row.gate + task * e, 0, a, e, gate + task * e * d);
        return;
    }
    int64_t k = e / groups;
    for (int64_t i = 0; i < e; i++) whole += a[i];
    for (int64_t g = 0; g < groups; g++) {
        double of_group = 0;
        for (int64_t i = g * k; i < (g + 1) * k; i++) of_group += a[i];
        add_scaled(gate + g * d, of_group - exp(f->row.group[g]) * whole, f->row.input, d);
        add_softmax(f, f->row.gate + g * k, f->row.group[g], a + g * k, k, inner + g * k * d);
    }
}

/* ---- experts ---- */

/* Goes back through tanh: from the derivative by the last layer's features to the gradient of the
 * hidden layer. */
static void add_hidden(fit *f, int64_t expert, int64_t output, double weight)
{
    int64_t h = f->shape->hidden, d = mixture_width(f->shape), o = f->shape->outputs;
    const double *map = fit_part(f, PART_EXPERTS) + (expert * o + output) * (h + 1);
    const double *unit = f->row.hidden + expert * (h + 1);
    double *hidden = f->gradient + f->layout->part[PART_HIDDEN].offset + expert * h * d;
    for (int64_t j = 0; j < h; j++)
        add_scaled(hidden + j * d, weight * map[j] * (1 - unit[j] * unit[j]), f->row.input, d);
}

/* Adds the derivative by output o_i[j]; for classes, by its logit. */
static void add_output(fit *f, int64_t expert, int64_t output, double weight)
{
    int64_t h = f->shape->hidden, width = mixture_features(f->shape);
    double *map = f->gradient + f->layout->part[PART_EXPERTS].offset +
                  (expert * f->shape->outputs + output) * width;
    add_scaled(map, weight, h ? f->row.hidden + expert * (h + 1) : f->row.input, width);
    if (h) add_hidden(f, expert, output, weight);
}

/* Adds weight_i times the derivative of -log P_i(d) by the expert's outputs: o - d, or P -
 * [class]. */
static void add_expert(fit *f, int64_t expert, const double *target, double weight)
{
    const double *out = f->row.output + expert * f->shape->outputs;
    for (int64_t j = 0; j < f->shape->outputs; j++) {
        double off =
            f->shape->classify ? exp(out[j]) - (j == (int64_t)target[0]) : out[j] - target[j];
        add_output(f, expert, j, weight * off);
    }
}

/* ---- losses of a row ---- */

/* The terms of a normal density other than the square */
static double constant(const fit *f)
{
    return f->shape->classify ? 0 : (double)f->shape->outputs * half_log_two_pi;
}

static double add_likelihood_loss(fit *f, const double *target, double likelihood)
{
    double *a = f->row.density; /* no longer needed */
    for (int64_t i = 0; i < f->shape->experts; i++) {
        a[i] = -f->row.posterior[i];
        add_expert(f, i, target, f->row.posterior[i]);
    }
    add_gates(f, a, 0);
    return -likelihood - constant(f);
}

static double add_competitive_loss(fit *f, const double *target)
{
    double *a = f->row.density, loss = 0;
    for (int64_t i = 0; i < f->shape->experts; i++) {
        double p = exp(f->row.gate[i]);
        a[i] = p * (-f->row.density[i] - constant(f));
        loss += a[i];
        add_expert(f, i, target, p);
    }
    add_gates(f, a, 0);
    return loss;
}

/* Mixes the targets [first, last) with gate `task`. */
static double add_cooperative_part(
    fit *f, const double *target, int64_t task, int64_t first, int64_t last)
{
    int64_t e = f->shape->experts, o = f->shape->outputs;
    double *a = f->row.density, loss = 0;
    memset(a, 0, (size_t)e * sizeof *a);
    for (int64_t j = first; j < last; j++) {
        double off = f->row.prediction[j] - target[j];
        loss += 0.5 * off * off;
        for (int64_t i = 0; i < e; i++) {
            double p = exp(f->row.gate[task * e + i]);
            a[i] += p * off * f->row.output[i * o + j];
            add_output(f, i, j, p * off);
        }
    }
    add_gates(f, a, task);
    return loss;
}

static double add_cooperative_loss(fit *f, const double *target)
{
    int64_t o = f->shape->outputs;
    double loss = 0;
    if (!f->shape->task_gates) return add_cooperative_part(f, target, 0, 0, o);
    for (int64_t j = 0; j < o; j++) loss += add_cooperative_part(f, target, j, j, j + 1);
    return loss;
}

static double add_loss(fit *f, const double *target, double likelihood)
{
    switch (f->method) {
    case METHOD_COMPETITIVE: return add_competitive_loss(f, target);
    case METHOD_COOPERATIVE: return add_cooperative_loss(f, target);
    case METHOD_GRADIENT:
    case METHOD_EM: break;
    }
    return add_likelihood_loss(f, target, likelihood);
}

void descent_expect(fit *f)
{
    int64_t targets = mixture_targets(f->shape);
    f->log_likelihood = f->loss = 0;
    memset(f->gradient, 0, (size_t)f->layout->count * sizeof *f->gradient);
    for (int64_t n = 0; n < f->rows; n++) {
        const double *target = f->target + n * targets;
        fit_forward(f, n);
        double likelihood =
            mixture_row_likelihood(f->shape, f->layout, f->parameters, target, &f->row);
        f->log_likelihood += likelihood;
        f->loss += add_loss(f, target, likelihood);
    }
    f->loss /= (double)f->rows;
    for (int64_t i = 0; i < f->layout->count; i++) f->gradient[i] /= (double)f->rows;
}

void descent_step(fit *f)
{
    for (int64_t i = 0; i < f->layout->count; i++) f->parameters[i] -= f->rate * f->gradient[i];
}

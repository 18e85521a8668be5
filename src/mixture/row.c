/* row.c - the forward pass of a mixture, one row at a time. */
#include "mixture/row.h"

#include <math.h>

#include "base/memory.h"

static const double log_two_pi = 1.8378770664093454836;

/* Lays out the row. With block NULL, only measures. */
static int64_t lay_out(const mixture_shape *s, double *block, mixture_row *r)
{
    int64_t used = 0;
#define TAKE(field, count)                                                                         \
    do {                                                                                           \
        r->field = block ? block + used : NULL;                                                    \
        used += (count);                                                                           \
    } while (0)
    TAKE(input, mixture_width(s));
    TAKE(group, s->groups);
    TAKE(gate, mixture_gates(s) * s->experts);
    TAKE(hidden, s->hidden ? s->experts * (s->hidden + 1) : 0);
    TAKE(output, s->experts * s->outputs);
    TAKE(density, s->experts);
    TAKE(posterior, s->experts);
    TAKE(prediction, s->outputs);
#undef TAKE
    r->block = block;
    return used;
}

cadre_status mixture_row_open(const mixture_shape *s, mixture_row *r)
{
    *r = (mixture_row){ 0 };
    double *block = MEM_ARRAY(double, lay_out(s, NULL, r));
    if (!block) return CADRE_ENOMEM;
    lay_out(s, block, r);
    r->input[s->inputs] = 1;
    return CADRE_OK;
}

void mixture_row_close(mixture_row *r)
{
    mem_free(r->block);
    *r = (mixture_row){ 0 };
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

double log_sum_exp(const double *values, int64_t count)
{
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < count; i++) most = fmax(most, values[i]);
    if (!isfinite(most)) return most;
    for (int64_t i = 0; i < count; i++) sum += exp(values[i] - most);
    return most + log(sum);
}

void log_softmax_of(const double *w, const double *x, int64_t k, int64_t d, double *out)
{
    for (int64_t i = 0; i < k; i++) out[i] = dot(w + i * d, x, d);
    double whole = log_sum_exp(out, k);
    for (int64_t i = 0; i < k; i++) out[i] -= whole;
}

/* ---- gates ---- */

static void forward_gates(
    const mixture_shape *s, const mixture_layout *l, const double *parameters, mixture_row *r)
{
    const double *gate = parameters + l->part[PART_GATE].offset;
    const double *inner = parameters + l->part[PART_INNER].offset;
    int64_t d = mixture_width(s), e = s->experts;
    if (!s->groups) {
        for (int64_t t = 0; t < mixture_gates(s); t++)
            log_softmax_of(gate + t * e * d, r->input, e, d, r->gate + t * e);
        return;
    }
    int64_t k = e / s->groups;
    log_softmax_of(gate, r->input, s->groups, d, r->group);
    for (int64_t g = 0; g < s->groups; g++) {
        log_softmax_of(inner + g * k * d, r->input, k, d, r->gate + g * k);
        for (int64_t i = g * k; i < (g + 1) * k; i++) r->gate[i] += r->group[g];
    }
}

/* ---- experts ---- */

/* The values [F] that the expert's last layer reads */
static const double *features_of(
    const mixture_shape *s, const double *hidden, int64_t expert, mixture_row *r)
{
    if (!s->hidden) return r->input;
    int64_t d = mixture_width(s), h = s->hidden;
    double *out = r->hidden + expert * (h + 1);
    for (int64_t j = 0; j < h; j++) out[j] = tanh(dot(hidden + (expert * h + j) * d, r->input, d));
    out[h] = 1;
    return out;
}

static void forward_experts(
    const mixture_shape *s, const mixture_layout *l, const double *parameters, mixture_row *r)
{
    const double *experts = parameters + l->part[PART_EXPERTS].offset;
    const double *hidden = parameters + l->part[PART_HIDDEN].offset;
    int64_t f = mixture_features(s), o = s->outputs;
    for (int64_t i = 0; i < s->experts; i++) {
        const double *features = features_of(s, hidden, i, r);
        const double *w = experts + i * o * f;
        double *out = r->output + i * o;
        if (s->classify) log_softmax_of(w, features, o, f, out);
        else
            for (int64_t j = 0; j < o; j++) out[j] = dot(w + j * f, features, f);
    }
}

static void predict(const mixture_shape *s, mixture_row *r)
{
    for (int64_t j = 0; j < s->outputs; j++) {
        const double *gate = r->gate + (s->task_gates ? j * s->experts : 0);
        double sum = 0;
        for (int64_t i = 0; i < s->experts; i++) {
            double out = r->output[i * s->outputs + j];
            sum += exp(gate[i]) * (s->classify ? exp(out) : out);
        }
        r->prediction[j] = sum;
    }
}

void mixture_row_forward(
    const mixture_shape *s, const mixture_layout *l, const double *parameters, mixture_row *r)
{
    forward_gates(s, l, parameters, r);
    forward_experts(s, l, parameters, r);
    predict(s, r);
}

/* ---- densities ---- */

/* log N(d; mean, variance I) */
static double log_normal(const double *target, const double *mean, int64_t count, double variance)
{
    double sum = 0;
    for (int64_t j = 0; j < count; j++) sum += (target[j] - mean[j]) * (target[j] - mean[j]);
    return -0.5 * (sum / variance + (double)count * (log_two_pi + log(variance)));
}

void mixture_row_density(const mixture_shape *s, const mixture_layout *l, const double *parameters,
    const double *target, mixture_row *r)
{
    const double *variance = parameters + l->part[PART_VARIANCE].offset;
    for (int64_t i = 0; i < s->experts; i++) {
        const double *out = r->output + i * s->outputs;
        r->density[i] = s->classify
                            ? out[(int64_t)target[0]]
                            : log_normal(target, out, s->outputs, s->variance ? variance[i] : 1);
    }
}

double mixture_row_posterior(const mixture_shape *s, mixture_row *r)
{
    for (int64_t i = 0; i < s->experts; i++) r->posterior[i] = r->gate[i] + r->density[i];
    double whole = log_sum_exp(r->posterior, s->experts);
    for (int64_t i = 0; i < s->experts; i++) r->posterior[i] = exp(r->posterior[i] - whole);
    return whole;
}

double mixture_row_likelihood(const mixture_shape *s, const mixture_layout *l,
    const double *parameters, const double *target, mixture_row *r)
{
    if (s->task_gates) return log_normal(target, r->prediction, s->outputs, 1);
    mixture_row_density(s, l, parameters, target, r);
    return mixture_row_posterior(s, r);
}

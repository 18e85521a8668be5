/* start.c - the parameters that a fit begins with.
 *
 * If all experts are equal, nothing ever makes them differ, and with a flat gate they take long to
 * differ. So the gate begins by choosing, softly, the nearest of E rows: with inputs scaled to
 * deviation 1, log p_i = c_i x - ||c_i||^2 / 2 + ..., as equal spheres around the rows c_i would
 * give. */
#include "mixture/start.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "format/safetensors.h"
#include "mixture/em.h"

/* ---- from a file ---- */

static cadre_status load_part(const safetensors *file, const mixture_part *part, fit *f)
{
    const safetensors_tensor *t;
    double *to = f->parameters + part->offset;
    CADRE_TRY(safetensors_get_as(file, part->name, "F64", part->rank, part->shape, &t));
    memcpy(to, t->data, (size_t)part->count * sizeof *to);
    for (int64_t i = 0; i < part->count; i++)
        if (!isfinite(to[i]) || (part == &f->layout->part[PART_VARIANCE] && !(to[i] > 0)))
            return cadre_fail(CADRE_EFORMAT, safetensors_path(file),
                "%s: expected %s numbers, found %g", part->name,
                isfinite(to[i]) ? "positive" : "finite", to[i]);
    return CADRE_OK;
}

cadre_status start_from_file(const char *path, fit *f)
{
    safetensors *file;
    CADRE_TRY(safetensors_open(path, &file));
    cadre_status status = CADRE_OK;
    for (int i = 0; status == CADRE_OK && i < MIXTURE_PARTS; i++)
        if (f->layout->part[i].rank) status = load_part(file, &f->layout->part[i], f);
    safetensors_close(file);
    return status;
}

/* ---- from a seed ---- */

static void measure(const fit *f, double *mean, double *variance)
{
    int64_t d = mixture_width(f->shape);
    for (int64_t j = 0; j < d - 1; j++) {
        mean[j] = variance[j] = 0;
        for (int64_t n = 0; n < f->rows; n++) mean[j] += f->input[n * d + j] / (double)f->rows;
        for (int64_t n = 0; n < f->rows; n++) {
            double off = f->input[n * d + j] - mean[j];
            variance[j] += off * off / (double)f->rows;
        }
    }
}

/* Sets w [K, D] to a softmax around K rows that are drawn. about [2, D]: mean and variance of
 * inputs. */
static void centre_gate(const fit *f, const double *about, random_key key, int64_t k, double *w)
{
    int64_t d = mixture_width(f->shape);
    const double *mean = about, *variance = about + d;
    for (int64_t i = 0; i < k; i++) {
        uint64_t row = random_permute(key, (uint64_t)f->rows, (uint64_t)i % (uint64_t)f->rows);
        double square = 0;
        for (int64_t j = 0; j < d - 1; j++) {
            double off = f->input[(int64_t)row * d + j] - mean[j];
            w[i * d + j] = off / variance[j];
            square += (off + 2 * mean[j]) * off / variance[j];
        }
        w[i * d + d - 1] = -0.5 * square;
    }
}

static void fill_normal(fit *f, enum mixture_part_name part, random_key key, double deviation)
{
    double *values = fit_part(f, part);
    for (int64_t i = 0; i < f->layout->part[part].count; i++)
        values[i] = deviation * random_normal(key, (uint64_t)i);
}

static void start_gates(uint64_t seed, const double *about, fit *f)
{
    int64_t d = mixture_width(f->shape), e = f->shape->experts, groups = f->shape->groups;
    int64_t k = groups ? groups : e;
    for (int64_t t = 0; t < mixture_gates(f->shape); t++)
        centre_gate(f, about, random_key_of(seed, "mixture gate", (uint64_t)t, 0), k,
            fit_part(f, PART_GATE) + t * k * d);
    for (int64_t g = 0; g < groups; g++)
        centre_gate(f, about, random_key_of(seed, "mixture inner gate", (uint64_t)g, 0), e / groups,
            fit_part(f, PART_INNER) + g * (e / groups) * d);
}

/* Fits the experts to the rows that the gate gives them. */
static cadre_status fit_experts(fit *f)
{
    int64_t e = f->shape->experts;
    for (int64_t n = 0; n < f->rows; n++) {
        fit_forward(f, n);
        for (int64_t i = 0; i < e; i++) f->posterior[n * e + i] = exp(f->row.gate[i]);
    }
    return em_fit_experts(f);
}

cadre_status start_from_seed(uint64_t seed, fit *f)
{
    double *about = MEM_ARRAY(double, 2 * mixture_width(f->shape));
    if (!about) return CADRE_ENOMEM;
    measure(f, about, about + mixture_width(f->shape));
    start_gates(seed, about, f);
    mem_free(about);
    bool em = f->method == METHOD_EM;
    fill_normal(f, PART_EXPERTS, random_key_of(seed, "mixture experts", 0, 0), em ? 0.01 : 0.1);
    fill_normal(f, PART_HIDDEN, random_key_of(seed, "mixture hidden", 0, 0), 1);
    for (int64_t i = 0; i < f->layout->part[PART_VARIANCE].count; i++)
        fit_part(f, PART_VARIANCE)[i] = 1;
    return em ? fit_experts(f) : CADRE_OK;
}

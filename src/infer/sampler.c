/* sampler.c - choosing a token. */
#include "infer/sampler.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/sized.h"
#include "base/status.h"

enum { BIAS_MOST = 100, PIECE = 1024 };

size_t sampler_bytes(size_t vocab)
{
    return vocab * (sizeof(float) + 2 * sizeof(descending_item) + sizeof(bool));
}

static cadre_status check_number(const char *name, double found, double most)
{
    if (found >= 0 && found <= most) return CADRE_OK;
    if (most > 1)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "cadre_sampling.%s: expected a number of at least 0, found %g", name, found);
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "cadre_sampling.%s: expected a number of 0 to %g, found %g", name, most, found);
}

static cadre_status check_between(const char *name, double found, double most)
{
    if (found >= -most && found <= most) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "cadre_sampling.%s: expected a number of %g to %g, found %g", name, -most, most, found);
}

static cadre_status check_biases(const cadre_sampling *o, int64_t vocab)
{
    if (o->bias_count < 0)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "cadre_sampling.bias_count: expected 0 or more, found %lld", (long long)o->bias_count);
    for (int64_t i = 0; i < o->bias_count; i++) {
        CADRE_TRY(check_between("biases", (double)o->biases[i].bias, BIAS_MOST));
        if (o->biases[i].token < 0 || o->biases[i].token >= vocab)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "cadre_sampling.biases: expected tokens of 0 to %lld, found %d",
                (long long)vocab - 1, o->biases[i].token);
    }
    return CADRE_OK;
}

static cadre_status check_options(const cadre_sampling *o, int64_t vocab)
{
    CADRE_TRY(check_number("temperature", o->temperature, DBL_MAX));
    CADRE_TRY(check_number("top_p", o->top_p, 1));
    CADRE_TRY(check_number("min_p", o->min_p, 1));
    CADRE_TRY(check_number("repetition_penalty", o->repetition_penalty, DBL_MAX));
    CADRE_TRY(check_between("presence_penalty", o->presence_penalty, 2));
    CADRE_TRY(check_between("frequency_penalty", o->frequency_penalty, 2));
    CADRE_TRY(check_biases(o, vocab));
    if (o->top_k >= 0) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL, "cadre_sampling.top_k: expected 0 or more, found %lld",
        (long long)o->top_k);
}

cadre_status sampler_read(const cadre_sampling *given, int64_t vocab, cadre_sampling *o)
{
    const cadre_sampling none_given = cadre_sampling_default();
    CADRE_TRY(sized_read("cadre_sampling", given ? given : &none_given,
        SIZE_UP_TO(cadre_sampling, seed), o, sizeof *o));
    CADRE_TRY(check_options(o, vocab));
    if (o->top_p == 0) o->top_p = 1;
    if (o->repetition_penalty == 0) o->repetition_penalty = 1;
    return CADRE_OK;
}

static bool counts(const cadre_sampling *o)
{
    return o->presence_penalty != 0 || o->frequency_penalty != 0;
}

cadre_status sampler_open(
    sampler *s, const row_kernels *rows, const cadre_sampling *options, int64_t vocab)
{
    cadre_sampling own;
    *s = (sampler){ 0 };
    CADRE_TRY(sampler_read(options, vocab, &own));
    *s = (sampler){ .rows = rows,
        .options = own,
        .vocab = vocab,
        .p = MEM_ARRAY(float, vocab),
        .order = MEM_ARRAY(descending_item, vocab),
        .spare = MEM_ARRAY(descending_item, vocab),
        .seen = MEM_ARRAY(bool, vocab) };
    if (counts(&own)) s->wrote = MEM_ARRAY(int32_t, vocab);
    if (s->p && s->order && s->spare && s->seen && (s->wrote || !counts(&own))) return CADRE_OK;
    sampler_close(s);
    return CADRE_ENOMEM;
}

void sampler_close(sampler *s)
{
    mem_free(s->p);
    mem_free(s->order);
    mem_free(s->spare);
    mem_free(s->seen);
    mem_free(s->wrote);
    *s = (sampler){ 0 };
}

void sampler_saw(sampler *s, int32_t token) { s->seen[token] = true; }

void sampler_wrote(sampler *s, int32_t token)
{
    s->seen[token] = true;
    if (s->wrote) s->wrote[token]++;
}

static bool may_be(const sampler *s, int64_t token)
{
    return !s->mask || s->mask[token >> 6] >> (token & 63) & 1;
}

/* Puts the logits into p, with the repetition penalty. */
static void take_logits(sampler *s, const real *logits)
{
    float penalty = (float)s->options.repetition_penalty;
    for (int64_t i = 0; i < s->vocab; i++) {
        float z = (float)logits[i];
        s->p[i] = z == z ? z : -INFINITY;
    }
    for (int64_t i = 0; penalty != 1 && i < s->vocab; i++) {
        float z = s->p[i];
        if (s->seen[i]) s->p[i] = z > 0 ? z / penalty : z * penalty;
    }
}

static void take_mask(sampler *s)
{
    for (int64_t i = 0; s->mask && i < s->vocab; i++)
        if (!may_be(s, i)) s->p[i] = -INFINITY;
}

/* Subtracts the penalties of tokens that were written before, and adds the caller's biases. */
static void change_logits(sampler *s)
{
    const cadre_sampling *o = &s->options;
    for (int64_t i = 0; s->wrote && i < s->vocab; i++)
        if (s->wrote[i])
            s->p[i] -= (float)(o->presence_penalty + o->frequency_penalty * s->wrote[i]);
    for (int64_t i = 0; i < o->bias_count; i++) {
        float *z = &s->p[o->biases[i].token], bias = o->biases[i].bias;
        *z = bias <= -BIAS_MOST ? -INFINITY : *z + bias;
    }
}

/* Returns the maximum, and ignores NaNs. Several maxima run side by side, because a comparison
 * waits for the one before it. */
static float most_of(const float *p, int64_t count)
{
    enum { LANES = 16 };
    float lane[LANES], most = -INFINITY;
    int64_t i = 0;
    for (int j = 0; j < LANES; j++) lane[j] = -INFINITY;
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] = p[i + j] > lane[j] ? p[i + j] : lane[j];
    for (int j = 0; j < LANES; j++) most = lane[j] > most ? lane[j] : most;
    for (; i < count; i++) most = p[i] > most ? p[i] : most;
    return most;
}

/* The first of the largest that may be; where all are minus infinity, the first that may be. */
static int32_t largest(const sampler *s)
{
    float most = most_of(s->p, s->vocab);
    int32_t best = 0;
    while (best + 1 < s->vocab && (!(s->p[best] >= most) || !may_be(s, best))) best++;
    return best;
}

/* Whether nothing changes the logits or forbids tokens, so that the largest logit is the answer. */
static bool is_plain(const sampler *s)
{
    const cadre_sampling *o = &s->options;
    return o->temperature <= 0 && o->repetition_penalty == 1 && !o->bias_count && !s->wrote &&
           !s->mask;
}

/* Returns the first of the largest logits without a copy. It reads one piece at a time, so that
 * the second look at a piece finds it in the L1 cache. */
static int32_t largest_logit(const sampler *s, const real *logits)
{
    real most = -INFINITY;
    int64_t piece = 0, best;
    for (int64_t i = 0, n; i < s->vocab; i += n) {
        n = s->vocab - i < PIECE ? s->vocab - i : PIECE;
        real found = s->rows->max(n, logits + i);
        if (found > most) most = found, piece = i;
    }
    for (best = piece; best + 1 < s->vocab && !(logits[best] >= most);) best++;
    return (int32_t)best;
}

/* Makes probabilities of the logits in p, scaled by the temperature. */
static void soften(sampler *s, int32_t best)
{
    real piece[PIECE];
    double sum = 0, top = s->p[best];
    for (int64_t i = 0, n; i < s->vocab; i += n) {
        n = s->vocab - i < PIECE ? s->vocab - i : PIECE;
        for (int64_t k = 0; k < n; k++)
            piece[k] = (real)(((double)s->p[i + k] - top) / s->options.temperature);
        s->rows->exp(n, piece, piece);
        sum += (double)s->rows->sum(n, piece);
        for (int64_t k = 0; k < n; k++) s->p[i + k] = (float)piece[k];
    }
    float share = (float)(1 / sum);
    for (int64_t i = 0; i < s->vocab; i++) s->p[i] *= share;
}

/* Truncates the distribution: of the top_k most probable tokens it keeps as many as make top_p of
 * their sum, and of these the ones that min_p allows. Returns how many, and their mass. */
static int64_t keep(const sampler *s, descending *d, double *mass)
{
    const cadre_sampling *o = &s->options;
    int64_t kept = 0, most = o->top_k && o->top_k < s->vocab ? o->top_k : s->vocab;
    double least = o->min_p * descending_at(d, 0).p, whole = most < s->vocab ? 0 : 1;
    if (most < s->vocab)
        for (int64_t i = 0; i < most; i++) whole += descending_at(d, i).p;
    for (*mass = 0; kept < most; kept++) {
        double p = descending_at(d, kept).p;
        if (kept && (p < least || p <= 0 || *mass >= o->top_p * whole)) break;
        *mass += p;
    }
    return kept;
}

/* Whether no option leaves out improbable tokens. */
static bool keeps_all(const sampler *s)
{
    const cadre_sampling *o = &s->options;
    return o->top_p >= 1 && o->min_p <= 0 && (!o->top_k || o->top_k >= s->vocab);
}

int32_t sampler_next(sampler *s, const real *logits, int64_t position)
{
    if (is_plain(s)) return largest_logit(s, logits);
    take_logits(s, logits);
    change_logits(s);
    take_mask(s);
    int32_t best = largest(s);
    if (s->options.temperature <= 0 || !isfinite(s->p[best])) return best;
    soften(s, best);
    double mass = 1;
    descending d;
    descending_begin(&d, s->p, s->vocab, s->order, s->spare);
    int64_t kept = keeps_all(s) ? s->vocab : keep(s, &d, &mass);
    double draw =
        random_uniform(random_key_of(s->options.seed, "sample", 0, 0), (uint64_t)position) * mass;
    return descending_find(&d, kept, draw);
}

/* rope.c - the frequencies are computed in double, once; then each pair is rotated by a table.
 *
 * RoPE scaling for longer contexts: Llama 3 leaves short wavelengths as they are and divides the
 * frequencies of long ones; YaRN (Peng et al. 2023) interpolates between the two by how often a
 * pair rotates within the original context, and sharpens attention by a factor on cosines and
 * sines. */
#include "op/rope.h"

#include <assert.h>

#include "base/checked.h"
#include "base/memory.h"
#include "op/parallel.h"

static const double pi = 3.14159265358979323846;

struct rope {
    int64_t half, positions;
    bool pairs;
    real *cosine, *sine; /* [positions, half] */
};

double rope_magnitude(double factor, double s)
{
    return factor > 1 ? 0.1 * s * log(factor) + 1 : 1;
}

static double llama3_frequency(const rope_options *o, double plain)
{
    double wavelength = 2 * pi / plain;
    if (wavelength > o->original_context / o->low_freq_factor) return plain / o->factor;
    if (wavelength < o->original_context / o->high_freq_factor) return plain;
    double smooth = (o->original_context / wavelength - o->low_freq_factor) /
                    (o->high_freq_factor - o->low_freq_factor);
    return (1 - smooth) * plain / o->factor + smooth * plain;
}

/* The index of the pair that rotates `turns` times within the original context, as a real
 * number. */
static double yarn_bound(const rope_options *o, double turns)
{
    return (double)o->width * log(o->original_context / (2 * pi * turns)) / (2 * log(o->theta));
}

static double yarn_frequency(const rope_options *o, int64_t i, double plain)
{
    double low = yarn_bound(o, o->beta_fast), high = yarn_bound(o, o->beta_slow);
    if (o->truncate) {
        low = floor(low);
        high = ceil(high);
    }
    low = fmax(low, 0);
    high = fmin(high, (double)(o->width - 1));
    if (low == high) high += 0.001; /* as the published code does, against a division by 0 */
    double ramp = fmin(fmax(((double)i - low) / (high - low), 0), 1);
    return plain * (1 - ramp) + plain / o->factor * ramp;
}

/* The share may be a quotient of this number. */
static int64_t rope_rotated_pairs(const rope_options *o)
{
    return (int64_t)(o->rotated * (double)o->width / 2 + 1e-9);
}

static double frequency(const rope_options *o, int64_t i)
{
    double plain = pow(o->theta, -2 * (double)i / (double)o->width);
    switch (o->scaling) {
    case ROPE_PLAIN:
    case ROPE_DYNAMIC: return plain;
    case ROPE_LINEAR: return plain / o->factor;
    case ROPE_LLAMA3: return llama3_frequency(o, plain);
    case ROPE_YARN: return yarn_frequency(o, i, plain);
    case ROPE_LISTED: return plain / o->divisor[i];
    case ROPE_PROPORTIONAL: return i < rope_rotated_pairs(o) ? plain : 0;
    }
    return plain;
}

double rope_divisor(const rope_options *o, int64_t i)
{
    rope_options plain = { .width = o->width, .theta = o->theta };
    double scaled = frequency(o, i);
    return scaled > 0 ? frequency(&plain, i) / scaled : ROPE_NO_FREQUENCY;
}

double rope_attention_factor(const rope_options *o)
{
    if (o->scaling != ROPE_YARN && o->scaling != ROPE_LISTED) return 1;
    if (o->attention_factor > 0) return o->attention_factor;
    if (o->scaling == ROPE_LISTED) return 1;
    if (o->mscale > 0 && o->mscale_all_dim > 0)
        return rope_magnitude(o->factor, o->mscale) / rope_magnitude(o->factor, o->mscale_all_dim);
    return rope_magnitude(o->factor, 1);
}

static bool positive(double x) { return x > 0 && x < (double)INFINITY; }

static cadre_status refuse(const char *where, const char *key, double value)
{
    return cadre_fail(CADRE_EARGUMENT, where,
        "rotary positions: %s is %g, expected a positive number", key, value);
}

static cadre_status check_list(const rope_options *o, const char *where)
{
    if (o->divisors != o->width / 2)
        return cadre_fail(CADRE_EARGUMENT, where,
            "rotary positions: expected %lld divisors of frequencies, found %lld",
            (long long)o->width / 2, (long long)o->divisors);
    for (int64_t i = 0; i < o->divisors; i++)
        if (!positive(o->divisor[i]))
            return refuse(where, "a divisor of a frequency", o->divisor[i]);
    return CADRE_OK;
}

cadre_status rope_check(const rope_options *o, const char *where)
{
    if (!positive(o->theta) || o->theta == 1) return refuse(where, "theta", o->theta);
    if (o->scaling == ROPE_PLAIN) return CADRE_OK;
    if (o->scaling == ROPE_LISTED) return check_list(o, where);
    if (o->scaling == ROPE_PROPORTIONAL)
        return o->rotated > 0 && o->rotated <= 1
                   ? CADRE_OK
                   : refuse(where, "partial_rotary_factor", o->rotated);
    if (!positive(o->factor)) return refuse(where, "factor", o->factor);
    if (o->scaling == ROPE_LINEAR) return CADRE_OK;
    if (!positive(o->original_context))
        return refuse(where, "original_max_position_embeddings", o->original_context);
    if (o->scaling == ROPE_DYNAMIC) return CADRE_OK;
    if (o->scaling == ROPE_LLAMA3) {
        double between = o->high_freq_factor - o->low_freq_factor;
        if (!positive(o->low_freq_factor))
            return refuse(where, "low_freq_factor", o->low_freq_factor);
        return positive(between) ? CADRE_OK
                                 : refuse(where, "high_freq_factor - low_freq_factor", between);
    }
    if (!positive(o->beta_fast)) return refuse(where, "beta_fast", o->beta_fast);
    return positive(o->beta_slow) ? CADRE_OK : refuse(where, "beta_slow", o->beta_slow);
}

static void fill_table(rope *r, const rope_options *o)
{
    double size = rope_attention_factor(o);
    for (int64_t i = 0; i < r->half; i++) {
        double inverse = frequency(o, i);
        for (int64_t p = 0; p < r->positions; p++) {
            r->cosine[p * r->half + i] = (real)(cos((double)p * inverse) * size);
            r->sine[p * r->half + i] = (real)(sin((double)p * inverse) * size);
        }
    }
}

size_t rope_bytes(const rope_options *o, int64_t positions)
{
    return (size_t)positions * (size_t)(o->width / 2) * 2 * sizeof(real);
}

cadre_status rope_new(const rope_options *o, int64_t positions, rope **result)
{
    if (o->width <= 0 || o->width % 2 != 0)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "rotary positions: width is %lld, expected an even number", (long long)o->width);
    CADRE_TRY(rope_check(o, NULL));
    if (o->scaling == ROPE_DYNAMIC && (double)positions > o->original_context)
        return cadre_fail(CADRE_EUNSUPPORTED, NULL,
            "rotary positions of type dynamic: expected a text of at most %g tokens, found %lld: "
            "beyond, "
            "frequencies change with its length, which is not implemented",
            o->original_context, (long long)positions);
    int64_t count;
    if (!checked_product((int64_t[]){ positions, o->width / 2 }, 2, &count))
        return cadre_fail(CADRE_EARGUMENT, NULL, "rotary positions: there cannot be %lld positions",
            (long long)positions);
    rope *r = MEM_ARRAY(rope, 1);
    if (!r) return CADRE_ENOMEM;
    *r =
        (rope){ o->width / 2, positions, o->pairs, MEM_ARRAY(real, count), MEM_ARRAY(real, count) };
    if (!r->cosine || !r->sine) {
        rope_free(r);
        return CADRE_ENOMEM;
    }
    fill_table(r, o);
    *result = r;
    return CADRE_OK;
}

void rope_free(rope *r)
{
    if (!r) return;
    mem_free(r->cosine);
    mem_free(r->sine);
    mem_free(r);
}

typedef struct rotation_task {
    const rope *r;
    void (*rotate)(int64_t half, const real *cosine, const real *sine, real sign, real *x);
    int64_t heads, head_stride;
    const int32_t *positions;
    real sign;
    strided_out x;
} rotation_task;

static void rotate_rows(void *arg, int64_t begin, int64_t end)
{
    const rotation_task *k = arg;
    const rope *r = k->r;
    for (int64_t t = begin; t < end; t++) {
        assert(k->positions[t] >= 0 && k->positions[t] < r->positions);
        int64_t at = k->positions[t] * r->half;
        for (int64_t h = 0; h < k->heads; h++)
            k->rotate(r->half, r->cosine + at, r->sine + at, k->sign,
                k->x.at + t * k->x.stride + h * k->head_stride);
    }
}

static void rotate(const compute *c, int64_t tokens, rotation_task *k)
{
    const row_kernels *rows = c->variant->rows;
    if (!k->r) return; /* a layer without positions */
    k->rotate = k->r->pairs ? rows->rotate_pairs : rows->rotate_halves;
    parallel_over(c, tokens, 1, tokens * k->heads * 2 * k->r->half, rotate_rows, k);
}

void rope_forward(const compute *c, const rope *r, int64_t tokens, int64_t heads,
    const int32_t *positions, strided_out x, int64_t head_stride)
{
    rotation_task k = { .r = r,
        .heads = heads,
        .head_stride = head_stride,
        .positions = positions,
        .sign = 1,
        .x = x };
    rotate(c, tokens, &k);
}

/* y = R x with R a rotation (times a magnitude):  dx = R^T dy, the rotation by the opposite
 * angle */
void rope_backward(const compute *c, const rope *r, int64_t tokens, int64_t heads,
    const int32_t *positions, strided_out dx, int64_t head_stride)
{
    rotation_task k = { .r = r,
        .heads = heads,
        .head_stride = head_stride,
        .positions = positions,
        .sign = -1,
        .x = dx };
    rotate(c, tokens, &k);
}

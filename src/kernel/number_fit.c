/* number_fit.c - the searches for scales, and for scales with minima. */
#include "kernel/number_fit.h"

#include <math.h>

enum { LANES = 8, PART = FIT_BLOCK / FIT_PARTS, MOST = 63 };

/* Blocks of smaller values are zeros: no half-precision scale could hold them, and their inverse
 * stays finite. */
static const float least_value = 0x1p-40f;

static float tree(const float *lane)
{
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

float number_largest(const float *values, int count)
{
    float largest = 0;
    for (int i = 0; i < count; i++)
        if (fabsf(values[i]) > fabsf(largest)) largest = values[i];
    return largest;
}

static inline float inverse_of(float scale) { return fabsf(scale) > 0x1p-100f ? 1 / scale : 0; }

/* ---- one scale ---- */

void number_codes(const float *values, int count, float scale, int low, int high, int8_t *codes)
{
    const float inverse = inverse_of(scale);
    for (int i = 0; i < count; i++)
        codes[i] = (int8_t)number_nearest(values[i] * inverse, (float)low, (float)high);
}

float number_scale_error(const float *values, int count, float scale, int low, int high)
{
    const float inverse = inverse_of(scale), least = (float)low, most = (float)high;
    float error[LANES] = { 0 };
    for (int i = 0; i < count; i += LANES)
        for (int l = 0; l < LANES; l++) {
            float off =
                scale * number_nearest(values[i + l] * inverse, least, most) - values[i + l];
            error[l] += off * off;
        }
    return tree(error);
}

/* The best scale for the codes that `inverse` makes, and how much of the squared sum it
 * explains. */
static float solve_scale(
    const float *values, int count, float inverse, int low, int high, float *explained)
{
    const float least = (float)low, most = (float)high;
    float xq[LANES] = { 0 }, qq[LANES] = { 0 };
    for (int i = 0; i < count; i += LANES)
        for (int l = 0; l < LANES; l++) {
            float code = number_nearest(values[i + l] * inverse, least, most);
            xq[l] += code * values[i + l];
            qq[l] += code * code;
        }
    float product = tree(xq), square = tree(qq);
    float scale = square > 0 ? product / square : 0;
    *explained = scale * product;
    return scale;
}

float number_fit_scale(const float *values, int count, int low, int high)
{
    enum { STEPS = 5, REFINEMENTS = 2 };
    const float largest = number_largest(values, count);
    if (fabsf(largest) < least_value) return 0;
    float best = 0, most = -1, explained;
    /* the largest value falls on either end of the codes, or a step beyond: then it is cut, and the
     * others have finer steps */
    for (int side = -1; side <= 1; side += 2)
        for (int k = 0; k < STEPS; k++) {
            float inverse = (float)side * ((float)high + 0.5f * (float)k) / largest;
            float scale = solve_scale(values, count, inverse, low, high, &explained);
            if (explained > most) most = explained, best = scale;
        }
    for (int k = 0; k < REFINEMENTS; k++) {
        float scale = solve_scale(values, count, inverse_of(best), low, high, &explained);
        if (explained > most) most = explained, best = scale;
    }
    return best;
}

/* ---- a scale and a minimum ---- */

typedef struct line {
    float scale, minimum; /* value = scale * code - minimum, minimum >= 0 */
} line;

/* The best line for the codes that `from`, of any step width, makes. */
static line solve_line(const float *values, line from, int high, float sum, float *explained)
{
    const float inverse = inverse_of(from.scale), most = (float)high;
    float lane_q[LANES] = { 0 }, lane_qq[LANES] = { 0 }, lane_xq[LANES] = { 0 };
    for (int i = 0; i < PART; i += LANES)
        for (int l = 0; l < LANES; l++) {
            float code = number_nearest((values[i + l] + from.minimum) * inverse, 0, most);
            lane_q[l] += code;
            lane_qq[l] += code * code;
            lane_xq[l] += code * values[i + l];
        }
    const float q = tree(lane_q), qq = tree(lane_qq), xq = tree(lane_xq),
                determinant = PART * qq - q * q;
    line solved = { 0, 0 };
    if (determinant > 0)
        solved = (line){ (PART * xq - q * sum) / determinant, (q * xq - qq * sum) / determinant };
    if (determinant <= 0 || solved.minimum < 0) solved = (line){ qq > 0 ? xq / qq : 0, 0 };
    *explained = solved.scale * xq - solved.minimum * sum;
    return solved;
}

static line fit_line(const float *values, int high)
{
    enum { STEPS = 8, REFINEMENTS = 2 };
    float low = 0, top = values[0], lane[LANES] = { 0 };
    for (int i = 0; i < PART; i++) {
        low = values[i] < low ? values[i] : low;
        top = values[i] > top ? values[i] : top;
        lane[i % LANES] += values[i];
    }
    const float sum = tree(lane);
    if (top - low < least_value) return (line){ 0, -low };
    line best = { 0, 0 };
    float most = -1, explained;
    for (int k = 0; k < STEPS; k++) {
        line from = { (top - low) / ((float)high - 1 + 0.3f * (float)k), -low };
        line solved = solve_line(values, from, high, sum, &explained);
        if (explained > most) most = explained, best = solved;
    }
    for (int k = 0; k < REFINEMENTS; k++) {
        line solved = solve_line(values, best, high, sum, &explained);
        if (explained > most) most = explained, best = solved;
    }
    return best;
}

/* ---- eight of them under a common scale and minimum ---- */

static float line_error(const float *values, line own, int high)
{
    const float inverse = inverse_of(own.scale), most = (float)high;
    float error[LANES] = { 0 };
    for (int i = 0; i < PART; i += LANES)
        for (int l = 0; l < LANES; l++) {
            float code = number_nearest((values[i + l] + own.minimum) * inverse, 0, most);
            float off = own.scale * code - own.minimum - values[i + l];
            error[l] += off * off;
        }
    return tree(error);
}

static line line_of(const number_parts *b, int p)
{
    return (line){ b->scale * (float)b->scales[p], b->minimum * (float)b->minima[p] };
}

/* Moves the part's scale and minimum to the best of their neighbours; returns the error. */
static float settle_part(const float *values, int high, number_parts *b, int p)
{
    const int scale = b->scales[p], minimum = b->minima[p];
    float least = line_error(values, line_of(b, p), high);
    for (int s = scale - 1; s <= scale + 1; s++)
        for (int m = minimum - 1; m <= minimum + 1; m++) {
            if (s < 0 || s > MOST || m < 0 || m > MOST || (s == scale && m == minimum)) continue;
            float error =
                line_error(values, (line){ b->scale * (float)s, b->minimum * (float)m }, high);
            if (error < least) least = error, b->scales[p] = (uint8_t)s, b->minima[p] = (uint8_t)m;
        }
    return least;
}

static float settle(const float *values, int high, number_parts *b)
{
    float error = 0;
    for (int p = 0; p < FIT_PARTS; p++) error += settle_part(values + p * PART, high, b, p);
    return error;
}

static void take_codes(const float *values, int high, number_parts *b)
{
    for (int p = 0; p < FIT_PARTS; p++) {
        const line own = line_of(b, p);
        const float inverse = inverse_of(own.scale);
        for (int i = p * PART; i < (p + 1) * PART; i++)
            b->codes[i] =
                (uint8_t)number_nearest((values[i] + own.minimum) * inverse, 0, (float)high);
    }
}

/* Scale and minimum of least error for these codes: x = scale * u - minimum * v, u = scales[p] *
 * code, v = minima[p]. */
static void solve_common(const float *values, number_parts *b)
{
    double uu = 0, uv = 0, vv = 0, xu = 0, xv = 0;
    for (int p = 0; p < FIT_PARTS; p++) {
        double q = 0, qq = 0, x = 0, xq = 0, s = b->scales[p], m = b->minima[p];
        for (int i = p * PART; i < (p + 1) * PART; i++) {
            q += b->codes[i];
            qq += b->codes[i] * b->codes[i];
            x += (double)values[i];
            xq += (double)values[i] * b->codes[i];
        }
        uu += s * s * qq, uv += s * m * q, vv += m * m * PART;
        xu += s * xq, xv += m * x;
    }
    double determinant = uu * vv - uv * uv;
    if (determinant > 1e-9 * uu * vv) {
        b->scale = number_finite_half((float)((vv * xu - uv * xv) / determinant));
        b->minimum = number_finite_half((float)((uv * xu - uu * xv) / determinant));
    } else if (uu > 0) {
        b->scale = number_finite_half((float)(xu / uu));
    }
}

void number_fit_parts(const float *values, int high, number_parts *parts)
{
    line own[FIT_PARTS];
    float widest = 0, deepest = 0;
    for (int p = 0; p < FIT_PARTS; p++) {
        own[p] = fit_line(values + p * PART, high);
        widest = own[p].scale > widest ? own[p].scale : widest;
        deepest = own[p].minimum > deepest ? own[p].minimum : deepest;
    }
    number_parts best = { .scale = number_finite_half(widest / MOST),
        .minimum = number_finite_half(deepest / MOST) };
    for (int p = 0; p < FIT_PARTS; p++) {
        best.scales[p] = (uint8_t)number_nearest(own[p].scale * inverse_of(best.scale), 0, MOST);
        best.minima[p] =
            (uint8_t)number_nearest(own[p].minimum * inverse_of(best.minimum), 0, MOST);
    }
    float least = settle(values, high, &best);
    take_codes(values, high, &best);
    number_parts next = best;
    solve_common(values, &next);
    if (settle(values, high, &next) < least) {
        take_codes(values, high, &next);
        best = next;
    }
    *parts = best;
}

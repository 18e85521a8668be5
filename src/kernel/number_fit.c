/* number_fit.c - the searches for scales, and for scales with minima. */
#include "kernel/number_fit.h"

#include <math.h>

enum { LANES = 8, SUB_BLOCK = FIT_BLOCK / FIT_SUB_BLOCKS, MAX_SCALE = 63 };

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

void number_quantise(const float *values, int count, float scale, int low, int high, int8_t *quants)
{
    const float inverse = inverse_of(scale);
    for (int i = 0; i < count; i++)
        quants[i] = (int8_t)number_nearest(values[i] * inverse, (float)low, (float)high);
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

/* The best scale for the values as `inverse` quantises them, and how much of the sum of squares it
 * explains. */
static float solve_scale(
    const float *values, int count, float inverse, int low, int high, float *explained)
{
    const float least = (float)low, most = (float)high;
    float xq[LANES] = { 0 }, qq[LANES] = { 0 };
    for (int i = 0; i < count; i += LANES)
        for (int l = 0; l < LANES; l++) {
            float quant = number_nearest(values[i + l] * inverse, least, most);
            xq[l] += quant * values[i + l];
            qq[l] += quant * quant;
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
    /* The largest value is quantised to either end of the range, or is up to two steps beyond it:
     * then it is clipped, and the others have finer steps */
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
    float scale, minimum; /* value = scale * q - minimum, minimum >= 0 */
} line;

/* The best line for the values as `from` quantises them. */
static line solve_line(const float *values, line from, int high, float sum, float *explained)
{
    const float inverse = inverse_of(from.scale), most = (float)high;
    float lane_q[LANES] = { 0 }, lane_qq[LANES] = { 0 }, lane_xq[LANES] = { 0 };
    for (int i = 0; i < SUB_BLOCK; i += LANES)
        for (int l = 0; l < LANES; l++) {
            float quant = number_nearest((values[i + l] + from.minimum) * inverse, 0, most);
            lane_q[l] += quant;
            lane_qq[l] += quant * quant;
            lane_xq[l] += quant * values[i + l];
        }
    const float q = tree(lane_q), qq = tree(lane_qq), xq = tree(lane_xq),
                determinant = SUB_BLOCK * qq - q * q;
    line solved = { 0, 0 };
    if (determinant > 0)
        solved =
            (line){ (SUB_BLOCK * xq - q * sum) / determinant, (q * xq - qq * sum) / determinant };
    if (determinant <= 0 || solved.minimum < 0) solved = (line){ qq > 0 ? xq / qq : 0, 0 };
    *explained = solved.scale * xq - solved.minimum * sum;
    return solved;
}

static line fit_line(const float *values, int high)
{
    enum { STEPS = 8, REFINEMENTS = 2 };
    float low = 0, top = values[0], lane[LANES] = { 0 };
    for (int i = 0; i < SUB_BLOCK; i++) {
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

static void quantise_line(const float *values, line own, int high, uint8_t *quants)
{
    const float inverse = inverse_of(own.scale);
    for (int i = 0; i < SUB_BLOCK; i++)
        quants[i] = (uint8_t)number_nearest((values[i] + own.minimum) * inverse, 0, (float)high);
}

void number_fit_line(const float *values, int high, float *scale, float *minimum, uint8_t *quants)
{
    line own = fit_line(values, high);
    own.scale = number_finite_half(own.scale);
    own.minimum = number_finite_half(own.minimum);
    quantise_line(values, own, high, quants);
    *scale = own.scale, *minimum = -own.minimum;
}

/* ---- eight sub-blocks under a common scale and minimum ---- */

static float line_error(const float *values, line own, int high)
{
    const float inverse = inverse_of(own.scale), most = (float)high;
    float error[LANES] = { 0 };
    for (int i = 0; i < SUB_BLOCK; i += LANES)
        for (int l = 0; l < LANES; l++) {
            float quant = number_nearest((values[i + l] + own.minimum) * inverse, 0, most);
            float off = own.scale * quant - own.minimum - values[i + l];
            error[l] += off * off;
        }
    return tree(error);
}

static line line_of(const number_sub_blocks *b, int p)
{
    return (line){ b->scale * (float)b->scales[p], b->minimum * (float)b->minima[p] };
}

/* Moves the sub-block's scale and minimum to the best of their neighbours; returns the error. */
static float settle_sub_block(const float *values, int high, number_sub_blocks *b, int p)
{
    const int scale = b->scales[p], minimum = b->minima[p];
    float least = line_error(values, line_of(b, p), high);
    for (int s = scale - 1; s <= scale + 1; s++)
        for (int m = minimum - 1; m <= minimum + 1; m++) {
            if (s < 0 || s > MAX_SCALE || m < 0 || m > MAX_SCALE || (s == scale && m == minimum))
                continue;
            float error =
                line_error(values, (line){ b->scale * (float)s, b->minimum * (float)m }, high);
            if (error < least) least = error, b->scales[p] = (uint8_t)s, b->minima[p] = (uint8_t)m;
        }
    return least;
}

static float settle(const float *values, int high, number_sub_blocks *b)
{
    float error = 0;
    for (int p = 0; p < FIT_SUB_BLOCKS; p++)
        error += settle_sub_block(values + p * SUB_BLOCK, high, b, p);
    return error;
}

static void quantise_sub_blocks(const float *values, int high, number_sub_blocks *b)
{
    for (int p = 0; p < FIT_SUB_BLOCKS; p++)
        quantise_line(values + p * SUB_BLOCK, line_of(b, p), high, b->quants + p * SUB_BLOCK);
}

/* Solves for the common scale and minimum of least error, while quantised values, sub-blocks'
 * scales and minima stay: x ~ scale * u - minimum * v, with u = scales[p] * q and v = minima[p]. */
static void solve_common(const float *values, number_sub_blocks *b)
{
    double uu = 0, uv = 0, vv = 0, xu = 0, xv = 0;
    for (int p = 0; p < FIT_SUB_BLOCKS; p++) {
        double q = 0, qq = 0, x = 0, xq = 0, s = b->scales[p], m = b->minima[p];
        for (int i = p * SUB_BLOCK; i < (p + 1) * SUB_BLOCK; i++) {
            q += b->quants[i];
            qq += b->quants[i] * b->quants[i];
            x += (double)values[i];
            xq += (double)values[i] * b->quants[i];
        }
        uu += s * s * qq, uv += s * m * q, vv += m * m * SUB_BLOCK;
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

void number_fit_sub_blocks(const float *values, int high, number_sub_blocks *fit)
{
    line own[FIT_SUB_BLOCKS];
    float widest = 0, deepest = 0;
    for (int p = 0; p < FIT_SUB_BLOCKS; p++) {
        own[p] = fit_line(values + p * SUB_BLOCK, high);
        widest = own[p].scale > widest ? own[p].scale : widest;
        deepest = own[p].minimum > deepest ? own[p].minimum : deepest;
    }
    number_sub_blocks best = { .scale = number_finite_half(widest / MAX_SCALE),
        .minimum = number_finite_half(deepest / MAX_SCALE) };
    for (int p = 0; p < FIT_SUB_BLOCKS; p++) {
        best.scales[p] =
            (uint8_t)number_nearest(own[p].scale * inverse_of(best.scale), 0, MAX_SCALE);
        best.minima[p] =
            (uint8_t)number_nearest(own[p].minimum * inverse_of(best.minimum), 0, MAX_SCALE);
    }
    float least = settle(values, high, &best);
    quantise_sub_blocks(values, high, &best);
    number_sub_blocks next = best;
    solve_common(values, &next);
    if (settle(values, high, &next) < least) {
        quantise_sub_blocks(values, high, &next);
        best = next;
    }
    *fit = best;
}

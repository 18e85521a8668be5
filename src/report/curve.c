/* curve.c - gathers and smooths curves. */
#include "report/curve.h"

#include <math.h>

void curve_of(const run_history *h, const metric_point *series, curve *c)
{
    *c = (curve){ .least = INFINITY, .greatest = -INFINITY };
    for (int i = 0; i < h->points; i++) {
        if (!series[i].count) continue;
        c->x[c->count] = history_step(h, i);
        c->mean[c->count] = metric_mean(&series[i]);
        c->low[c->count] = series[i].low;
        c->high[c->count] = series[i].high;
        c->least = fmin(c->least, series[i].low);
        c->greatest = fmax(c->greatest, series[i].high);
        c->count++;
    }
}

void curve_smooth(const curve *c, double *out)
{
    int half = c->count / 80 + 1;
    for (int i = 0; i < c->count; i++) {
        int begin = i < half ? 0 : i - half, end = i + half < c->count ? i + half : c->count - 1;
        double sum = 0;
        for (int j = begin; j <= end; j++) sum += c->mean[j];
        out[i] = sum / (end - begin + 1);
    }
}

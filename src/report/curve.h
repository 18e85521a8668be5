/* curve.h - one logged number over the steps of a run, in the form that a line chart needs. */
#ifndef CADRE_REPORT_CURVE_H
#define CADRE_REPORT_CURVE_H

#include "report/history.h"

typedef struct curve {
    int count;
    double x[HISTORY_POINTS], mean[HISTORY_POINTS], low[HISTORY_POINTS], high[HISTORY_POINTS];
    double least, greatest;
} curve;

/* Spans of time in which nothing was logged are left out, so that the line has no gaps where the
 * log is sparse. */
void curve_of(const run_history *h, const metric_point *series, curve *c);

/* out[count]: the mean over a window around each point; at the ends, over the part of it that
 * exists */
void curve_smooth(const curve *c, double *out);

#endif

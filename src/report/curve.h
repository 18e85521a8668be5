/* curve.h - one logged number over the steps of a run, as a line chart wants it. */
#ifndef CADRE_REPORT_CURVE_H
#define CADRE_REPORT_CURVE_H

#include "report/history.h"

typedef struct curve {
    int count;
    double x[HISTORY_POINTS], mean[HISTORY_POINTS], low[HISTORY_POINTS], high[HISTORY_POINTS];
    double least, greatest;
} curve;

/* Spans of time in which nothing was logged are left out; where the log is sparse that keeps the
 * line whole. */
void curve_of(const run_history *h, const metric_point *series, curve *c);

/* out[count]: the mean over a window around each point, as much of it as there is. */
void curve_smooth(const curve *c, double *out);

#endif

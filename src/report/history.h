/* history.h - what a run logged at each step, gathered into a few points of time.
 *
 * A run may have any number of steps. They are divided into equal spans, and a span keeps the mean,
 * minimum and maximum of every value. Where the log goes back, as in a run that was resumed from a
 * checkpoint, later lines replace earlier ones. */
#ifndef CADRE_REPORT_HISTORY_H
#define CADRE_REPORT_HISTORY_H

#include "report/shape.h"

enum { HISTORY_POINTS = 480, HISTORY_COLUMNS = 96 };

enum metric {
    METRIC_LOSS,
    METRIC_VALID,
    METRIC_AUX,
    METRIC_Z,
    METRIC_GRADIENT,
    METRIC_RATE,
    METRIC_SPEED,
    METRIC_COUNT
};
enum layer_metric {
    LAYER_MAX_VIO,
    LAYER_DEAD,
    LAYER_DROPPED, /* a share of the picks */
    LAYER_ENTROPY, /* of a token's scores, in nats */
    LAYER_METRIC_COUNT
};

typedef struct metric_point {
    int64_t count; /* 0: nothing was logged here */
    double sum, low, high;
} metric_point;

static inline double metric_mean(const metric_point *p) { return p->sum / (double)p->count; }

typedef struct run_history {
    int64_t first, last;  /* steps */
    int points, columns;  /* spans of time: for the numbers, and for the loads */
    int layers, experts;  /* of all layers */
    metric_point *scalar; /* [METRIC_COUNT, points] */
    metric_point *layer;  /* [LAYER_METRIC_COUNT, layers, points] */
    double *loads;        /* [columns, experts] picks */
    int64_t not_finite;   /* steps without a finite loss */
} run_history;

/* A missing or empty file gives a history without points. */
cadre_status history_read(const char *path, const model_shape *shape, run_history *history);
void history_free(run_history *history);

/* [points] */
const metric_point *history_scalar(const run_history *m, enum metric which);
/* [points] */
const metric_point *history_layer(const run_history *m, enum layer_metric which, int layer);
double history_step(const run_history *m, int point);         /* the middle of its span */
double history_column_step(const run_history *m, int column); /* the same for the loads */

#define HISTORY_END 0.025 /* the last part of a run, whose mean is the value at its end */

/* The mean of the last `share` of the run, at least of its last logged span; NAN: nothing was
 * logged. */
double history_late(const run_history *m, const metric_point *series, double share);
/* -INFINITY: nothing was logged */
double history_greatest(const run_history *m, const metric_point *series);
bool history_any(const run_history *m, const metric_point *series);

/* Writes loads[experts] of the last twentieth of the run; returns its first step. */
int64_t history_final_loads(const run_history *m, double *loads);

#endif

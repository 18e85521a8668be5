/* chart.h - line charts: an SVG that stretches with the page, with labels in HTML that do not.
 *
 * The drawing has its own square of CHART_UNITS each way. The two ranges stand in data attributes,
 * so that the page's script can read values back from the paths: the drawing is the data. */
#ifndef CADRE_REPORT_CHART_H
#define CADRE_REPORT_CHART_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

enum { CHART_UNITS = 10000, CHART_TICKS = 12 };

typedef struct chart_scale {
    double low, high; /* low < high */
    int ticks;
    double tick[CHART_TICKS];
} chart_scale;

/* A range that holds low..high, with about `wanted` ticks at round numbers. `grow` moves the ends
 * out to ticks. */
chart_scale chart_scale_of(double low, double high, int wanted, bool grow);

typedef struct chart {
    byte_buffer *page;
    chart_scale x, y;
} chart;

typedef struct chart_form {
    const char *style;           /* CSS class: its size */
    const char *label;           /* what it shows, for those who cannot see it */
    const char *x_name, *y_name; /* in the tooltip; y_name: the unit */
    bool bare;                   /* no labels on the axes */
    bool fractions;              /* x is no count: its numbers are not rounded */
} chart_form;

void chart_begin(chart *c, const chart_form *form);
/* Each `name` is shown by the tooltip; NULL: not shown. NAN in y: a gap. */
void chart_line(
    chart *c, const double *x, const double *y, int count, const char *style, const char *name);
void chart_band(
    chart *c, const double *x, const double *low, const double *high, int count, const char *style);
void chart_dots(
    chart *c, const double *x, const double *y, int count, const char *style, const char *name);
/* A map over the whole plot: the cells of which [rows, columns], the top row first, that are
 * `value`. */
void chart_cells(
    chart *c, const int32_t *which, int rows, int columns, int32_t value, const char *style);
void chart_rule(chart *c, double y, const char *style); /* a horizontal line */
void chart_drawn(chart *c);                             /* no more lines: labels from here on */
/* Text of our own */
void chart_note(chart *c, double x, double y, const char *style, const char *text);
void chart_end(chart *c, const chart_form *form);

#endif

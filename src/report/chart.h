/* chart.h - line charts: an SVG that stretches with the page, and labels in HTML that do not.
 *
 * The drawing is a square of CHART_UNITS in both directions. Data attributes hold the two ranges,
 * so that the page's script can read values back from the paths. */
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

/* A range that contains low..high, with about `wanted` ticks at round numbers. With `grow`, its
 * ends are ticks. */
chart_scale chart_scale_of(double low, double high, int wanted, bool grow);

typedef struct chart {
    byte_buffer *page;
    chart_scale x, y;
} chart;

typedef struct chart_form {
    const char *style;           /* CSS class: its size */
    const char *label;           /* what it shows, for people who cannot see it */
    const char *x_name, *y_name; /* in the tooltip; y_name is the unit */
    bool bare;                   /* without labels on the axes */
    bool fractions;              /* x is no count, so its numbers are not rounded */
} chart_form;

void chart_begin(chart *c, const chart_form *form);
/* The tooltip shows `name`; NULL: it shows nothing. NAN in y leaves a gap. */
void chart_line(
    chart *c, const double *x, const double *y, int count, const char *style, const char *name);
void chart_band(
    chart *c, const double *x, const double *low, const double *high, int count, const char *style);
void chart_dots(
    chart *c, const double *x, const double *y, int count, const char *style, const char *name);
/* Draws a map over the whole plot: those cells of which [rows, columns], top row first, that equal
 * `value`. */
void chart_cells(
    chart *c, const int32_t *which, int rows, int columns, int32_t value, const char *style);
void chart_rule(chart *c, double y, const char *style); /* a horizontal line */
void chart_drawn(chart *c);                             /* ends the lines; labels follow */
/* Adds the program's own text. */
void chart_note(chart *c, double x, double y, const char *style, const char *text);
void chart_end(chart *c, const chart_form *form);

#endif

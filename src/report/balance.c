/* balance.c - balance over time, one row for each layer: how far the busiest expert is above its
 * share, experts that got nothing, picks that were dropped, and how many experts a token
 * considered. Each column has one scale, so that rows can be compared. */
#include <math.h>

#include "report/chart.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/sections.h"

typedef struct balance_column {
    enum layer_metric which;
    /* `none` replaces a line that is 0 throughout; NULL: the line is drawn. */
    const char *title, *unit, *none;
    double (*shown)(double); /* what is drawn, from what was logged */
    bool worst;              /* the greatest value of any step is the worst, and is shown */
} balance_column;

static double as_it_is(double value) { return value; }
static double as_percent(double share) { return 100 * share; }
static double as_count(double entropy) { return exp(fmin(entropy, 30)); }

static const balance_column column[] = {
    { LAYER_MAX_VIO, "MaxVio", "MaxVio", NULL, as_it_is, true },
    { LAYER_DEAD, "Dead experts", "dead experts", "none", as_it_is, true },
    { LAYER_DROPPED, "Dropped, % of picks", "% dropped", "none", as_percent, true },
    { LAYER_ENTROPY, "Considered by a token", "experts", NULL, as_count, false },
};
enum { COLUMNS = sizeof column / sizeof *column };

/* The greatest value of all layers; -INFINITY: nothing was logged. */
static double greatest(const run_history *h, const balance_column *col)
{
    double most = -INFINITY;
    for (int s = 0; s < h->layers; s++)
        most = fmax(most, history_greatest(h, history_layer(h, col->which, s)));
    return isfinite(most) ? col->shown(most) : most;
}

static void draw_cell(
    byte_buffer *page, const run_history *h, const balance_column *col, int s, double most)
{
    const metric_point *series = history_layer(h, col->which, s);
    double x[HISTORY_POINTS], y[HISTORY_POINTS], high = col->shown(history_greatest(h, series));
    int count = 0;
    for (int i = 0; i < h->points; i++) {
        if (!series[i].count) continue;
        x[count] = history_step(h, i);
        y[count++] = col->shown(metric_mean(&series[i]));
    }
    if (!count || (col->none && high == 0)) {
        byte_buffer_format(
            page, "<td colspan=\"2\" class=\"none\">%s</td>", count ? col->none : "");
        return;
    }
    chart c = { page, chart_scale_of((double)h->first, (double)h->last, 2, false),
        chart_scale_of(0, most, 2, true) };
    chart_form form = {
        .style = "spark", .label = col->title, .x_name = "step", .y_name = col->unit, .bare = true
    };
    byte_buffer_text(page, "<td class=\"line\">");
    chart_begin(&c, &form);
    chart_line(&c, x, y, count, "thin", col->unit);
    chart_drawn(&c);
    chart_end(&c, &form);
    double last = col->shown(history_late(h, series, HISTORY_END));
    byte_buffer_format(page, "</td><td>%s<small>%s</small></td>", figure_value(last).text,
        col->worst ? figure_value(high).text : "");
}

/* A row for each step and a column for each number of a layer. Where steps are many, some are left
 * out. */
static void numbers(byte_buffer *page, const training_run *r, const double *most)
{
    const run_history *h = &r->history;
    int columns = 0, stride;
    for (int i = 0; i < COLUMNS; i++) columns += isfinite(most[i]) ? h->layers : 0;
    stride = (int)((int64_t)columns * h->points / HTML_CELLS) + 1;
    html_table(page, NULL, "In numbers");
    byte_buffer_text(page, "<thead><tr><th scope=\"col\">step</th>");
    for (int c = 0; c < columns; c++)
        for (int i = 0, at = 0; i < COLUMNS; i++) {
            if (!isfinite(most[i])) continue;
            if (at++ == c / h->layers)
                byte_buffer_format(page, "<th scope=\"col\">%s, layer %lld</th>", column[i].title,
                    (long long)r->shape.layer[c % h->layers].number);
        }
    byte_buffer_text(page, "</tr></thead><tbody>\n");
    for (int p = 0; p < h->points; p += stride) {
        byte_buffer_format(
            page, "<tr><th scope=\"row\">%s</th>", figure_whole(floor(history_step(h, p))).text);
        for (int i = 0; i < COLUMNS; i++)
            for (int s = 0; s < h->layers && isfinite(most[i]); s++) {
                const metric_point *at = history_layer(h, column[i].which, s) + p;
                byte_buffer_format(page, "<td>%s</td>",
                    at->count ? figure_value(column[i].shown(metric_mean(at))).text : "");
            }
        byte_buffer_text(page, "</tr>\n");
    }
    byte_buffer_text(page, "</tbody>");
    html_table_end(page);
}

void section_balance(byte_buffer *page, const training_run *r)
{
    const run_history *h = &r->history;
    double most[COLUMNS];
    bool any = false;
    for (int i = 0; i < COLUMNS && h->points; i++)
        any |= isfinite(most[i] = greatest(h, &column[i]));
    if (!any) return;
    html_section(page, "balance", "Balance over time");
    byte_buffer_text(page,
        "<p>MaxVio is how far the busiest expert of a step is above its fair share "
        "(0: even, 1: twice as much).");
    if (isfinite(most[COLUMNS - 1]))
        byte_buffer_text(page,
            " Considered is e to the entropy of a token’s scores: 1 where the router is sure.");
    byte_buffer_text(page, " Beside each line its last value, below it the worst of any step. A "
                           "column has one scale.</p>\n");
    html_picture(page, "", "balance-over-time", -1);
    byte_buffer_text(page, "<div class=\"wide\"><table class=\"balance\"><thead><tr><td></td>");
    for (int i = 0; i < COLUMNS; i++)
        if (isfinite(most[i]))
            byte_buffer_format(page, "<th scope=\"col\" colspan=\"2\">%s</th>", column[i].title);
    byte_buffer_text(page, "</tr></thead><tbody>\n");
    for (int s = 0; s < h->layers; s++) {
        byte_buffer_format(
            page, "<tr><th scope=\"row\">layer %lld</th>", (long long)r->shape.layer[s].number);
        for (int i = 0; i < COLUMNS; i++)
            if (isfinite(most[i])) draw_cell(page, h, &column[i], s, most[i]);
        byte_buffer_text(page, "</tr>\n");
    }
    byte_buffer_text(page, "</tbody></table></div>\n");
    numbers(page, r, most);
    html_picture_end(page);
    html_section_end(page);
}

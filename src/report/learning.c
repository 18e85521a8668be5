/* learning.c - how the run learnt: a large picture of the loss, and small ones of its auxiliary
 * terms and of what drives it, each with its own axis. */
#include <math.h>

#include "report/chart.h"
#include "report/curve.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/sections.h"

/* ---- in numbers: a row for each span of steps in which something was logged ---- */

static void number_cell(byte_buffer *page, const metric_point *p, double value)
{
    byte_buffer_format(page, "<td>%s</td>", p->count ? figure_value(value).text : "");
}

/* The mean, minimum and maximum of one number, and the mean of a second, if that is not NULL. */
static void numbers(byte_buffer *page, const run_history *h, const metric_point *series,
    const char *name, const metric_point *other, const char *other_name)
{
    html_table(page, NULL, "In numbers");
    byte_buffer_format(page,
        "<thead><tr><th scope=\"col\">step</th><th scope=\"col\">%s</th>"
        "<th scope=\"col\">least</th><th scope=\"col\">most</th>",
        name);
    if (other) byte_buffer_format(page, "<th scope=\"col\">%s</th>", other_name);
    byte_buffer_text(page, "</tr></thead><tbody>\n");
    for (int i = 0; i < h->points; i++) {
        if (!series[i].count && !(other && other[i].count)) continue;
        byte_buffer_format(
            page, "<tr><th scope=\"row\">%s</th>", figure_whole(floor(history_step(h, i))).text);
        number_cell(page, &series[i], metric_mean(&series[i]));
        number_cell(page, &series[i], series[i].low);
        number_cell(page, &series[i], series[i].high);
        if (other) number_cell(page, &other[i], metric_mean(&other[i]));
        byte_buffer_text(page, "</tr>\n");
    }
    byte_buffer_text(page, "</tbody>");
    html_table_end(page);
}

/* ---- the loss ---- */

static void draw_loss(
    byte_buffer *page, const training_run *r, const curve *loss, const curve *valid)
{
    double smoothed[HISTORY_POINTS], guess = r->vocabulary > 1 ? log((double)r->vocabulary) : NAN;
    double low = fmin(loss->least, valid->least), high = fmax(loss->greatest, valid->greatest);
    bool guessed = guess <= high * 1.1 && guess > low;
    chart c = { page, chart_scale_of((double)r->history.first, (double)r->history.last, 8, false),
        chart_scale_of(low, guessed ? fmax(high, guess) : high, 6, true) };
    chart_form form = {
        .style = "tall", .label = "Training loss by step", .x_name = "step", .y_name = "nats"
    };
    chart_begin(&c, &form);
    curve_smooth(loss, smoothed);
    if (guessed) chart_rule(&c, guess, "guess");
    chart_band(&c, loss->x, loss->low, loss->high, loss->count, "band");
    chart_line(&c, loss->x, loss->mean, loss->count, "raw", "raw");
    chart_line(&c, loss->x, smoothed, loss->count, "smooth", "smoothed");
    if (valid->count) chart_dots(&c, valid->x, valid->mean, valid->count, "dots", "validation");
    /* Draws the hollow middles of the dots. */
    if (valid->count) chart_dots(&c, valid->x, valid->mean, valid->count, "dots", NULL);
    chart_drawn(&c);
    if (guessed) chart_note(&c, c.x.high, guess, "above", "even guess, ln&#8239;V");
    double end = history_late(&r->history, history_scalar(&r->history, METRIC_LOSS), HISTORY_END);
    chart_note(&c, loss->x[loss->count - 1], end, "end", figure_digits(end, 3).text);
    chart_end(&c, &form);
}

static void loss_key(byte_buffer *page, const run_history *h, bool valid)
{
    bool merged = h->last - h->first + 1 > h->points;
    byte_buffer_text(page,
        "<div class=\"legend\"><span class=\"key\"><i class=\"stroke smooth\"></i>smoothed</span>"
        "<span class=\"key\"><i class=\"stroke raw\"></i>");
    byte_buffer_text(page, merged ? "raw, mean and range of each span of " : "each step");
    if (merged)
        byte_buffer_format(page, "%s steps",
            figure_whole(ceil((double)(h->last - h->first + 1) / h->points)).text);
    byte_buffer_text(page, "</span>");
    if (valid) byte_buffer_text(page, "<span class=\"key\"><i class=\"dot\"></i>validation</span>");
    byte_buffer_text(
        page, "<span class=\"axis\">cross-entropy of the next token, nats, by step</span></div>\n");
}

/* ---- what stands beside it ---- */

static void small_chart(byte_buffer *page, const run_history *h, enum metric which,
    const char *name, const char *title, const char *unit)
{
    curve small;
    curve_of(h, history_scalar(h, which), &small);
    if (!small.count) return;
    chart c = { page, { (double)h->first, (double)h->last, 1, { (double)h->last } },
        chart_scale_of(fmin(0, small.least), small.greatest, 3, true) };
    chart_form form = { .style = "small", .label = title, .x_name = "step", .y_name = unit };
    html_picture(page, "panel", name, -1);
    byte_buffer_format(page, "<figcaption>%s<b>%s</b></figcaption>", title,
        figure_value(small.mean[small.count - 1]).text);
    chart_begin(&c, &form);
    chart_band(&c, small.x, small.low, small.high, small.count, "band");
    chart_line(&c, small.x, small.mean, small.count, "thin", title);
    chart_drawn(&c);
    chart_end(&c, &form);
    numbers(page, h, history_scalar(h, which), unit, NULL, NULL);
    html_picture_end(page);
}

void section_learning(byte_buffer *page, const training_run *r)
{
    const run_history *h = &r->history;
    if (!h->points || !history_any(h, history_scalar(h, METRIC_LOSS))) return;
    curve loss, valid;
    curve_of(h, history_scalar(h, METRIC_LOSS), &loss);
    curve_of(h, history_scalar(h, METRIC_VALID), &valid);
    html_section(page, "learning", "Learning");
    html_picture(page, "", "loss", -1);
    loss_key(page, h, valid.count > 0);
    draw_loss(page, r, &loss, &valid);
    numbers(page, h, history_scalar(h, METRIC_LOSS), "loss",
        valid.count ? history_scalar(h, METRIC_VALID) : NULL, "validation");
    html_picture_end(page);
    if (h->not_finite)
        byte_buffer_format(page, "<p class=\"warning\">%s steps logged no finite loss.</p>\n",
            figure_whole((double)h->not_finite).text);
    byte_buffer_text(page, "<div class=\"panels small\">\n");
    small_chart(page, h, METRIC_AUX, "auxiliary-loss", "Auxiliary loss", "nats");
    small_chart(page, h, METRIC_Z, "z-loss", "z-loss", "nats");
    small_chart(page, h, METRIC_GRADIENT, "gradient-norm", "Gradient norm", "norm");
    small_chart(page, h, METRIC_RATE, "learning-rate", "Learning rate", "rate");
    small_chart(page, h, METRIC_SPEED, "speed", "Tokens per second", "tokens/s");
    byte_buffer_text(page, "</div>\n");
    html_section_end(page);
}

/* learning.c - how the run learnt: the loss, large; its auxiliary terms and what drives it, small, each on its own axis. */
#include <math.h>

#include "report/chart.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/sections.h"

typedef struct curve {
    int count;
    double x[HISTORY_POINTS], mean[HISTORY_POINTS], low[HISTORY_POINTS], high[HISTORY_POINTS]; /* NAN: a gap */
    double least, greatest;
} curve;

/* Spans of time in which nothing was logged are left out; where the log is sparse that keeps the line whole. */
static void curve_of(const run_history *h, const metric_point *series, curve *c)
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

/* Mean over a window around each point, as much of it as there is. */
static void smooth(const double *raw, int count, double *out)
{
    int half = count / 80 + 1;
    for (int i = 0; i < count; i++) {
        int begin = i < half ? 0 : i - half, end = i + half < count ? i + half : count - 1;
        double sum = 0;
        for (int j = begin; j <= end; j++) sum += raw[j];
        out[i] = sum / (end - begin + 1);
    }
}

/* ---- the loss ---- */

static void draw_loss(byte_buffer *page, const training_run *r, const curve *loss, const curve *valid)
{
    double smoothed[HISTORY_POINTS], guess = r->vocabulary > 1 ? log((double)r->vocabulary) : NAN;
    double low = fmin(loss->least, valid->least), high = fmax(loss->greatest, valid->greatest);
    bool guessed = guess <= high * 1.1 && guess > low;
    chart c = { page, chart_scale_of((double)r->history.first, (double)r->history.last, 8, false),
                chart_scale_of(low, guessed ? fmax(high, guess) : high, 6, true) };
    chart_form form = { .style = "tall", .label = "Training loss by step", .x_name = "step", .y_name = "nats" };
    chart_begin(&c, &form);
    smooth(loss->mean, loss->count, smoothed);
    if (guessed) chart_rule(&c, guess, "guess");
    chart_band(&c, loss->x, loss->low, loss->high, loss->count, "band");
    chart_line(&c, loss->x, loss->mean, loss->count, "raw", "raw");
    chart_line(&c, loss->x, smoothed, loss->count, "smooth", "smoothed");
    if (valid->count) chart_dots(&c, valid->x, valid->mean, valid->count, "dots", "validation");
    if (valid->count) chart_dots(&c, valid->x, valid->mean, valid->count, "dots", NULL); /* their hollow middles */
    chart_drawn(&c);
    if (guessed) chart_note(&c, c.x.high, guess, "above", "even guess, ln&#8239;V");
    double end = history_late(&r->history, history_scalar(&r->history, METRIC_LOSS), HISTORY_END);
    chart_note(&c, loss->x[loss->count - 1], end, "end", figure_digits(end, 3).text);
    chart_end(&c, &form);
}

static void loss_key(byte_buffer *page, const run_history *h, bool valid)
{
    bool merged = h->last - h->first + 1 > h->points;
    byte_buffer_text(page, "<div class=\"legend\"><span class=\"key\"><i class=\"stroke smooth\"></i>smoothed</span>"
                           "<span class=\"key\"><i class=\"stroke raw\"></i>");
    byte_buffer_text(page, merged ? "raw, mean and range of each span of " : "each step");
    if (merged) byte_buffer_format(page, "%s steps", figure_whole(ceil((double)(h->last - h->first + 1) / h->points)).text);
    byte_buffer_text(page, "</span>");
    if (valid) byte_buffer_text(page, "<span class=\"key\"><i class=\"dot\"></i>validation</span>");
    byte_buffer_text(page, "<span class=\"axis\">cross-entropy of the next token, nats, by step</span></div>\n");
}

/* ---- what stands beside it ---- */

static void small_chart(byte_buffer *page, const run_history *h, enum metric which, const char *title, const char *unit)
{
    curve small;
    curve_of(h, history_scalar(h, which), &small);
    if (!small.count) return;
    chart c = { page, { (double)h->first, (double)h->last, 1, { (double)h->last } },
                chart_scale_of(fmin(0, small.least), small.greatest, 3, true) };
    chart_form form = { .style = "small", .label = title, .x_name = "step", .y_name = unit };
    byte_buffer_format(page, "<figure class=\"panel\"><figcaption>%s<b>%s</b></figcaption>", title,
                       figure_value(small.mean[small.count - 1]).text);
    chart_begin(&c, &form);
    chart_band(&c, small.x, small.low, small.high, small.count, "band");
    chart_line(&c, small.x, small.mean, small.count, "thin", title);
    chart_drawn(&c);
    chart_end(&c, &form);
    byte_buffer_text(page, "</figure>\n");
}

/* ---- in numbers ---- */

static void number_cell(byte_buffer *page, const metric_point *p)
{
    byte_buffer_format(page, "<td>%s</td>", p->count ? figure_value(metric_mean(p)).text : "");
}

static void numbers(byte_buffer *page, const run_history *h)
{
    static const char *const name[METRIC_COUNT] = {
        [METRIC_LOSS] = "loss", [METRIC_VALID] = "validation", [METRIC_AUX] = "auxiliary", [METRIC_Z] = "z",
        [METRIC_GRADIENT] = "gradient norm", [METRIC_RATE] = "learning rate", [METRIC_SPEED] = "tokens/s",
    };
    enum { ROWS = 24 };
    html_table(page, NULL, "In numbers");
    byte_buffer_text(page, "<thead><tr><th scope=\"col\">step</th>");
    for (int i = 0; i < METRIC_COUNT; i++)
        if (history_any(h, history_scalar(h, i))) byte_buffer_format(page, "<th scope=\"col\">%s</th>", name[i]);
    byte_buffer_text(page, "</tr></thead><tbody>\n");
    int rows = h->points < ROWS ? h->points : ROWS;
    for (int row = 0; row < rows; row++) {
        int point = rows > 1 ? (int)((int64_t)row * (h->points - 1) / (rows - 1)) : 0;
        byte_buffer_format(page, "<tr><th scope=\"row\">%s</th>", figure_whole(history_step(h, point)).text);
        for (int i = 0; i < METRIC_COUNT; i++)
            if (history_any(h, history_scalar(h, i))) number_cell(page, history_scalar(h, i) + point);
        byte_buffer_text(page, "</tr>\n");
    }
    byte_buffer_text(page, "</tbody>");
    html_table_end(page);
}

void section_learning(byte_buffer *page, const training_run *r)
{
    const run_history *h = &r->history;
    if (!h->points || !history_any(h, history_scalar(h, METRIC_LOSS))) return;
    curve loss, valid;
    curve_of(h, history_scalar(h, METRIC_LOSS), &loss);
    curve_of(h, history_scalar(h, METRIC_VALID), &valid);
    html_section(page, "learning", "Learning");
    loss_key(page, h, valid.count > 0);
    draw_loss(page, r, &loss, &valid);
    if (h->not_finite)
        byte_buffer_format(page, "<p class=\"warning\">%s steps logged no finite loss.</p>\n",
                           figure_whole((double)h->not_finite).text);
    byte_buffer_text(page, "<div class=\"panels small\">\n");
    small_chart(page, h, METRIC_AUX, "Auxiliary loss", "nats");
    small_chart(page, h, METRIC_Z, "z-loss", "nats");
    small_chart(page, h, METRIC_GRADIENT, "Gradient norm", "norm");
    small_chart(page, h, METRIC_RATE, "Learning rate", "rate");
    small_chart(page, h, METRIC_SPEED, "Tokens per second", "tokens/s");
    byte_buffer_text(page, "</div>\n");
    numbers(page, h);
    html_section_end(page);
}

/* load.c - how much load each expert has: at the end of the run as bars against the fair share, and
 * over time as shades. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/figure.h"
#include "report/heat.h"
#include "report/html.h"
#include "report/load.h"
#include "report/sections.h"

enum { BAR_UNITS = 1000 };
#define BAR_TOP_LEAST 1.5 /* fair shares of a full bar */
#define BAR_TOP_MOST 4.0

/* ---- a row of bars ---- */

static void draw_bars(
    byte_buffer *page, const double *load, int experts, double fair, double top, int level)
{
    size_t opened = page->size;
    for (int e = 0; e < experts; e++) {
        double times = fair > 0 ? load[e] / fair : 0;
        if (heat_level(times) != level) continue;
        int height = (int)(fmin(times / top, 1) * BAR_UNITS + 0.5);
        if (page->size == opened) byte_buffer_format(page, "<path class=\"h%d\" d=\"", level);
        byte_buffer_format(page, "M%d %dh8v%dh-8z", e * 10 + 1, BAR_UNITS - height, height);
    }
    if (page->size > opened) byte_buffer_text(page, "\"/>");
}

static void draw_zeros(byte_buffer *page, const double *load, int experts)
{
    byte_buffer_text(page, "<path class=\"zero\" d=\"");
    for (int e = 0; e < experts; e++)
        if (!(load[e] > 0)) byte_buffer_format(page, "M%d 850l3 150m-3 0l3-150", e * 10 + 4);
    byte_buffer_text(page, "\"/>");
}

load_balance load_balance_of(const double *load, int experts)
{
    load_balance b = { .least = INFINITY };
    double sum = 0;
    for (int e = 0; e < experts; e++) sum += load[e];
    b.fair = sum / experts;
    for (int e = 0; e < experts; e++) {
        double times = b.fair > 0 ? load[e] / b.fair : 0;
        b.least = fmin(b.least, times);
        b.most = fmax(b.most, times);
        b.idle += !(load[e] > 0);
    }
    return b;
}

/* Writes up to the picture's other attributes. `run` is the name of the run; NULL: there is only
 * one. */
static void begin_row(
    byte_buffer *page, long long number, int width, const char *label, const char *run)
{
    byte_buffer_format(page, "<div class=\"load-row\"><span class=\"name\">layer %lld", number);
    if (run) byte_buffer_text(page, "<br><small>");
    if (run) html_cut(page, run, 16);
    byte_buffer_text(page, run ? "</small></span>" : "</span>");
    byte_buffer_format(page, "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\"",
        width, BAR_UNITS);
    byte_buffer_format(page, " aria-label=\"Layer %lld: %s\"", number, label);
}

/* A bar of `top` fair shares or more fills its box. */
static void draw_row(byte_buffer *page, const shape_layer *layer, const double *load, double top,
    int row, bool recorded)
{
    load_balance b = load_balance_of(load, layer->experts);
    long long number = layer->number;
    int width = layer->experts * 10;
    begin_row(page, number, width, "load of each expert against the fair share", NULL);
    byte_buffer_format(
        page, " data-table=\"loads\" data-row=\"%d\" data-experts=\"%d\"", row, layer->experts);
    byte_buffer_format(page, " data-layer=\"%d\" data-kind=\"bars\" tabindex=\"0\">", row);
    for (int level = 0; level < HEAT_LEVELS; level++)
        draw_bars(page, load, layer->experts, b.fair, top, level);
    if (!recorded) draw_zeros(page, load, layer->experts);
    byte_buffer_format(page, "<path class=\"fair\" d=\"M0 %dh%d\"/></svg>",
        BAR_UNITS - (int)(BAR_UNITS / top), width);
    byte_buffer_format(page, "<span class=\"value\">least <b>%s</b>, most <b>%s</b>",
        figure_digits(b.least, 2).text, figure_digits(b.most, 2).text);
    if (b.idle)
        byte_buffer_format(page, "<br>%d %s", b.idle, recorded ? "idle here" : "without a token");
    byte_buffer_text(page, "</span></div>\n");
}

static int busier(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

void load_draw_sorted(
    byte_buffer *page, const shape_layer *layer, const double *load, double top, const char *run)
{
    double *sorted = MEM_ARRAY(double, layer->experts);
    if (!sorted) {
        page->status = CADRE_ENOMEM;
        return;
    }
    memcpy(sorted, load, (size_t)layer->experts * sizeof *sorted);
    qsort(sorted, (size_t)layer->experts, sizeof *sorted, busier);
    load_balance b = load_balance_of(sorted, layer->experts);
    begin_row(page, (long long)layer->number, layer->experts * 10,
        "load of each expert, the busiest first", run);
    byte_buffer_text(page, ">");
    for (int level = 0; level < HEAT_LEVELS; level++)
        draw_bars(page, sorted, layer->experts, b.fair, top, level);
    byte_buffer_format(page, "<path class=\"fair\" d=\"M0 %dh%d\"/></svg>",
        BAR_UNITS - (int)(BAR_UNITS / top), layer->experts * 10);
    byte_buffer_format(page, "<span class=\"value\">least <b>%s</b>, most <b>%s</b></span></div>\n",
        figure_digits(b.least, 2).text, figure_digits(b.most, 2).text);
    mem_free(sorted);
}

/* ---- the same in numbers ---- */

static int widest(const model_shape *shape)
{
    int experts = 0;
    for (int s = 0; s < shape->layers; s++)
        if (shape->layer[s].experts > experts) experts = shape->layer[s].experts;
    return experts;
}

void load_table(byte_buffer *page, const model_shape *shape, const double *loads, const char *id,
    const char *name)
{
    html_table(page, id, "In numbers");
    byte_buffer_text(page, "<caption>");
    if (name) html_cut(page, name, 40);
    byte_buffer_format(page,
        "%sload of each expert, times the fair share</caption><thead><tr><td></td>",
        name ? ": " : "");
    for (int e = 0, most = widest(shape); e < most; e++)
        byte_buffer_format(page, "<th scope=\"col\">%d</th>", e);
    byte_buffer_text(page, "</tr></thead><tbody>\n");
    for (int s = 0; s < shape->layers; s++) {
        const shape_layer *layer = &shape->layer[s];
        double fair = load_balance_of(loads + layer->first_expert, layer->experts).fair;
        byte_buffer_format(page, "<tr><th scope=\"row\">layer %lld</th>", (long long)layer->number);
        for (int e = 0; e < layer->experts; e++)
            byte_buffer_format(page, "<td>%s</td>",
                figure_digits(fair > 0 ? loads[layer->first_expert + e] / fair : 0, 2).text);
        byte_buffer_text(page, "</tr>\n");
    }
    byte_buffer_text(page, "</tbody>");
    html_table_end(page);
}

/* Draws rows of bars, one for each layer, and the table behind them. In a recording, which may be
 * short, an expert without a pick is idle; at the end of a run it is marked. */
static void load_draw(
    byte_buffer *page, const model_shape *shape, const double *loads, bool recorded)
{
    double top = BAR_TOP_LEAST;
    for (int s = 0; s < shape->layers; s++)
        top = fmax(top,
            load_balance_of(loads + shape->layer[s].first_expert, shape->layer[s].experts).most);
    html_picture(page, "", "load", -1);
    byte_buffer_text(page, "<div class=\"load-rows\">\n");
    for (int s = 0; s < shape->layers; s++)
        draw_row(page, &shape->layer[s], loads + shape->layer[s].first_expert,
            fmin(top, BAR_TOP_MOST), s, recorded);
    byte_buffer_text(page, "</div>\n");
    load_table(page, shape, loads, "loads", NULL);
    html_picture_end(page);
}

/* ---- over time ---- */

/* levels[experts, columns] of one layer */
static void time_levels(const run_history *h, const shape_layer *layer, int8_t *levels)
{
    for (int c = 0; c < h->columns; c++) {
        const double *load = h->loads + (int64_t)c * h->experts + layer->first_expert;
        double fair = load_balance_of(load, layer->experts).fair;
        for (int e = 0; e < layer->experts; e++)
            levels[e * h->columns + c] = (int8_t)(fair > 0 ? heat_level(load[e] / fair) : -1);
    }
}

/* A table of loads in fair shares: a row for each expert, a column for every `stride`-th span of
 * steps. */
static void time_table(
    byte_buffer *page, const run_history *h, const shape_layer *layer, int stride)
{
    html_table(page, NULL, "In numbers");
    byte_buffer_format(page,
        "<caption>layer %lld: load of each expert, times the fair share, by step</caption>"
        "<thead><tr><td>expert</td>",
        (long long)layer->number);
    for (int c = 0; c < h->columns; c += stride)
        byte_buffer_format(
            page, "<th scope=\"col\">%s</th>", figure_whole(floor(history_column_step(h, c))).text);
    byte_buffer_text(page, "</tr></thead><tbody>\n");
    for (int e = 0; e < layer->experts; e++) {
        byte_buffer_format(page, "<tr><th scope=\"row\">%d</th>", e);
        for (int c = 0; c < h->columns; c += stride) {
            const double *load = h->loads + (int64_t)c * h->experts + layer->first_expert;
            double fair = load_balance_of(load, layer->experts).fair;
            byte_buffer_format(
                page, "<td>%s</td>", fair > 0 ? figure_digits(load[e] / fair, 2).text : "");
        }
        byte_buffer_text(page, "</tr>\n");
    }
    byte_buffer_text(page, "</tbody>");
    html_table_end(page);
}

/* The distance of the spans that a table shows, chosen so that the tables of all layers stay
 * small. */
static int table_stride(const run_history *h)
{
    return (int)((int64_t)h->experts * h->columns / HTML_CELLS) + 1;
}

static void draw_time(
    byte_buffer *page, const run_history *h, const shape_layer *layer, int s, int8_t *levels)
{
    char label[96];
    snprintf(
        label, sizeof label, "Layer %lld: load of each expert over time", (long long)layer->number);
    time_levels(h, layer, levels);
    int height = layer->experts * 6;
    height = height < 48 ? 48 : height > 192 ? 192 : height;
    html_picture(page, "panel", "load-over-time", layer->number);
    byte_buffer_format(
        page, "<figcaption>layer %lld</figcaption><div class=\"timed\">", (long long)layer->number);
    byte_buffer_format(
        page, "<span class=\"top\">0</span><span class=\"bottom\">%d</span>", layer->experts - 1);
    byte_buffer_format(page, "<div class=\"box\" style=\"height:%dpx\">", height);
    heat_draw(page, levels, layer->experts, h->columns, label, s, HEAT_ROWS);
    byte_buffer_format(page,
        "</div><span class=\"from\">%s</span><span class=\"to\">step %s</span></div>\n",
        figure_whole((double)h->first).text, figure_whole((double)h->last).text);
    if (table_stride(h) < h->columns) time_table(page, h, layer, table_stride(h));
    html_picture_end(page);
}

void section_load(byte_buffer *page, const training_run *r)
{
    const run_history *h = &r->history;
    if (!h->points) return;
    double *loads = MEM_ARRAY(double, h->experts);
    int8_t *levels = mem_alloc((size_t)widest(&r->shape) * (size_t)h->columns, 1);
    if (!loads || !levels) page->status = CADRE_ENOMEM;
    int64_t from = loads ? history_final_loads(h, loads) : 0;
    if (page->status == CADRE_OK) {
        html_section(page, "load", "Load");
        byte_buffer_format(page,
            "<p>Each bar is an expert; the dashed line is its fair share. Steps %s to %s.</p>\n",
            figure_whole((double)from).text, figure_whole((double)h->last).text);
        heat_legend(page, "times the fair share");
        load_draw(page, &r->shape, loads, false);
        byte_buffer_text(page, "<h3>Over time</h3><p>A row is an expert, from the first at the "
                               "top; steps run from left to "
                               "right.</p>\n<div class=\"panels\">\n");
        for (int s = 0; s < r->shape.layers; s++) draw_time(page, h, &r->shape.layer[s], s, levels);
        byte_buffer_text(page, "</div>\n");
        if (table_stride(h) >= h->columns) html_too_many(page);
        html_section_end(page);
    }
    mem_free(loads);
    mem_free(levels);
}

/* ---- of a recording ---- */

void section_recorded_load(byte_buffer *page, const recording *r)
{
    if (!r->tokens) return;
    html_section(page, "load", "Load");
    byte_buffer_text(page, "<p>Each bar is an expert; the dashed line is its fair share. An expert "
                           "without a bar is idle in "
                           "this recording, which says nothing about other texts.</p>\n");
    heat_legend(page, "times the fair share");
    load_draw(page, &r->shape, r->pairs.load, true);
    html_section_end(page);
}

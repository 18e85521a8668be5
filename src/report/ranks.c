/* ranks.c - several ranks that trained a model: what each did with its time, and how the load of
 * the experts lies on them. */
#include <math.h>

#include "base/memory.h"
#include "base/share.h"
#include "report/figure.h"
#include "report/heat.h"
#include "report/html.h"
#include "report/load.h"
#include "report/sections.h"

/* ---- time ---- */

enum { KINDS = 3, UNITS = 1000 };
static const char *const kind_name[KINDS] = { "computing", "waiting for slower ranks",
    "exchanging messages" };

static double share_of(const rank_log *log, int rank, int kind)
{
    rank_shares s = rank_shares_of(log, rank);
    return kind == 0 ? s.computing : kind == 1 ? s.waiting : s.exchanging;
}

/* A bar for each rank, one kind of time after the other */
static void draw_times(byte_buffer *page, const rank_log *log)
{
    byte_buffer_format(page,
        "<div style=\"height:%dpx\"><svg class=\"heat\" viewBox=\"0 0 %d %d\" "
        "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"What each rank did with its "
        "time\">",
        log->ranks < 24 ? 16 * log->ranks : 384, UNITS, 10 * log->ranks);
    for (int k = 0; k < KINDS; k++) {
        byte_buffer_format(page, "<path class=\"c%d\" d=\"", k);
        for (int r = 0; r < log->ranks; r++) {
            double before = 0;
            for (int j = 0; j < k; j++) before += share_of(log, r, j);
            int from = (int)(UNITS * before + 0.5),
                to = (int)(UNITS * (before + share_of(log, r, k)) + 0.5);
            if (to > from)
                byte_buffer_format(page, "M%d %dh%dv9h-%dz", from, 10 * r, to - from, to - from);
        }
        byte_buffer_text(page, "\"/>");
    }
    byte_buffer_text(page, "</svg></div>\n<div class=\"legend\">");
    for (int k = 0; k < KINDS; k++)
        byte_buffer_format(
            page, "<span class=\"key\"><i class=\"c%d\"></i>%s</span>", k, kind_name[k]);
    byte_buffer_text(page, "</div>\n");
}

static void put_cell(byte_buffer *page, const char *text)
{
    byte_buffer_format(page, "<td>%s</td>", text);
}

static void time_table(byte_buffer *page, const rank_log *log)
{
    double steps = fmax(1, (double)log->steps);
    html_table(page, NULL, "In numbers");
    byte_buffer_text(page,
        "<caption>each rank: its time in shares; rows of tokens and bytes, mean of a step"
        "</caption><thead><tr><td>rank</td><th scope=\"col\">computing</th><th "
        "scope=\"col\">waiting</th><th scope=\"col\">exchanging</th><th scope=\"col\">rows "
        "sent</th><th scope=\"col\">rows received</th><th scope=\"col\">bytes sent</th><th "
        "scope=\"col\">bytes received</th></tr></thead><tbody>\n");
    for (int r = 0; r < log->ranks; r++) {
        const rank_work *w = &log->work[r];
        byte_buffer_format(page, "<tr><th scope=\"row\">%d</th>", r);
        for (int k = 0; k < KINDS; k++) put_cell(page, figure_share(share_of(log, r, k)).text);
        put_cell(page, figure_short(w->rows_sent / steps).text);
        put_cell(page, figure_short(w->rows_received / steps).text);
        put_cell(page, figure_short(w->bytes_sent / steps).text);
        put_cell(page, figure_short(w->bytes_received / steps).text);
        byte_buffer_text(page, "</tr>\n");
    }
    byte_buffer_text(page, "</tbody>");
    html_table_end(page);
}

/* ---- rank by expert ---- */

static int most_of(const shape_layer *layer, int ranks)
{
    return (layer->experts + ranks - 1) / ranks;
}

/* levels [ranks, most_of]: each rank's experts in its row, against the fair share of all */
static void fill_levels(const shape_layer *layer, const double *load, int ranks, int8_t *levels)
{
    double fair = load_balance_of(load, layer->experts).fair;
    int columns = most_of(layer, ranks);
    for (int i = 0; i < ranks * columns; i++) levels[i] = -1;
    for (int e = 0; e < layer->experts; e++) {
        int rank = share_owner(layer->experts, e, ranks),
            place = e - (int)share_begin(layer->experts, rank, ranks);
        levels[rank * columns + place] = (int8_t)heat_level(fair > 0 ? load[e] / fair : 0);
    }
}

/* What the experts of a rank have together, times the ranks' fair share */
static double load_of_rank(const shape_layer *layer, const double *load, int rank, int ranks)
{
    double sum = 0, all = 0;
    for (int e = 0; e < layer->experts; e++) {
        all += load[e];
        if (share_owner(layer->experts, e, ranks) == rank) sum += load[e];
    }
    return all > 0 ? sum / all * ranks : 0;
}

static void draw_map(byte_buffer *page, const int8_t *levels, int rows, int columns)
{
    int height = rows * 12 < 36 ? 36 : rows * 12 > 240 ? 240 : rows * 12;
    byte_buffer_format(page,
        "<div style=\"height:%dpx\"><svg class=\"heat\" viewBox=\"0 0 %d %d\" "
        "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Load of each rank's experts\">",
        height, columns, rows);
    for (int level = 0; level < HEAT_LEVELS; level++) {
        byte_buffer_format(page, "<path class=\"h%d\" d=\"", level);
        for (int i = 0; i < rows * columns; i++)
            if (levels[i] == level)
                byte_buffer_format(page, "M%d %dh1v1h-1z", i % columns, i / columns);
        byte_buffer_text(page, "\"/>");
    }
    byte_buffer_text(page, "</svg></div>\n");
}

static void map_table(byte_buffer *page, const shape_layer *layer, const double *load, int ranks)
{
    html_table(page, NULL, "In numbers");
    byte_buffer_format(page,
        "<caption>layer %lld: experts of each rank, and their load together, times the fair "
        "share</caption><thead><tr><td>rank</td><th scope=\"col\">experts</th><th "
        "scope=\"col\">load</th></tr></thead><tbody>\n",
        (long long)layer->number);
    for (int r = 0; r < ranks; r++)
        byte_buffer_format(page,
            "<tr><th scope=\"row\">%d</th><td>%lld to %lld</td><td>%s</td></tr>\n", r,
            (long long)share_begin(layer->experts, r, ranks),
            (long long)share_begin(layer->experts, r + 1, ranks) - 1,
            figure_digits(load_of_rank(layer, load, r, ranks), 2).text);
    byte_buffer_text(page, "</tbody>");
    html_table_end(page);
}

static void draw_layer(byte_buffer *page, const shape_layer *layer, const double *load, int ranks)
{
    int columns = most_of(layer, ranks);
    int8_t *levels = mem_alloc((size_t)ranks * (size_t)columns, 1);
    if (!levels) {
        page->status = CADRE_ENOMEM;
        return;
    }
    fill_levels(layer, load, ranks, levels);
    double most = 0;
    for (int r = 0; r < ranks; r++) most = fmax(most, load_of_rank(layer, load, r, ranks));
    html_picture(page, "panel", "rank-load", layer->number);
    byte_buffer_format(page,
        "<figcaption>layer %lld: busiest rank %s times the fair share</figcaption>",
        (long long)layer->number, figure_digits(most, 2).text);
    draw_map(page, levels, ranks, columns);
    map_table(page, layer, load, ranks);
    html_picture_end(page);
    mem_free(levels);
}

static void draw_experts(byte_buffer *page, const training_run *r)
{
    int ranks = r->ranks.expert_ranks;
    double *loads = MEM_ARRAY(double, r->history.experts);
    if (!loads) {
        page->status = CADRE_ENOMEM;
        return;
    }
    history_final_loads(&r->history, loads);
    byte_buffer_text(page, "<h3>Experts on ranks</h3><p>A row is a rank, a cell one of its "
                           "experts, at the end of the run.</p>\n");
    heat_legend(page, "times the fair share");
    byte_buffer_text(page, "<div class=\"panels\">\n");
    for (int s = 0; s < r->shape.layers; s++)
        if (r->shape.layer[s].experts >= ranks)
            draw_layer(page, &r->shape.layer[s], loads + r->shape.layer[s].first_expert, ranks);
    byte_buffer_text(page, "</div>\n");
    mem_free(loads);
}

static double mean_share(const rank_log *log, int kind)
{
    double sum = 0;
    for (int r = 0; r < log->ranks; r++) sum += share_of(log, r, kind);
    return sum / log->ranks;
}

void section_ranks(byte_buffer *page, const training_run *r)
{
    const rank_log *log = &r->ranks;
    if (log->ranks < 2) return;
    html_section(page, "ranks", "Ranks");
    byte_buffer_format(page, "<p>%d ranks (", log->ranks);
    html_cut(page, log->layout, LAYOUT_TEXT);
    byte_buffer_format(page, ") took %s steps: %s of their time computing, ",
        figure_whole((double)log->steps).text, figure_share(mean_share(log, 0)).text);
    byte_buffer_format(page, "%s waiting for slower ranks, %s exchanging messages.</p>\n",
        figure_share(mean_share(log, 1)).text, figure_share(mean_share(log, 2)).text);
    html_picture(page, "", "ranks", -1);
    draw_times(page, log);
    time_table(page, log);
    html_picture_end(page);
    if (r->history.points && r->shape.layers && log->expert_ranks > 1) draw_experts(page, r);
    html_section_end(page);
}

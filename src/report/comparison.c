/* comparison.c - the head of a page about two runs, their loads, and the settings in which they
 * differ. */
#include "report/comparison.h"

#include <math.h>
#include <string.h>

#include "report/figure.h"
#include "report/html.h"
#include "report/load.h"
#include "report/origin.h"
#include "report/settings.h"

/* ---- the head ---- */

static void head_row(byte_buffer *page, const char *label)
{
    byte_buffer_format(page, "<tr><th scope=\"row\">%s</th>", label);
}

static void text_row(byte_buffer *page, const char *label, const char *a, const char *b, bool code)
{
    if (!*a && !*b) return;
    head_row(page, label);
    for (int i = 0; i < 2; i++) {
        byte_buffer_format(page, "<td>%s", code ? "<code>" : "");
        html_cut(page, i ? b : a, 2000);
        byte_buffer_format(page, "%s</td>", code ? "</code>" : "");
    }
    byte_buffer_text(page, "<td></td></tr>\n");
}

static void data_row(byte_buffer *page, const training_run *a, const training_run *b)
{
    if (!origin_has_data(a) && !origin_has_data(b)) return;
    head_row(page, "Data");
    for (int i = 0; i < 2; i++) {
        byte_buffer_text(page, "<td>");
        origin_put_data(page, i ? b : a);
        byte_buffer_text(page, "</td>");
    }
    byte_buffer_text(page, "<td></td></tr>\n");
}

/* Two numbers, and the difference of the second; NAN: not said. */
static void number_row(
    byte_buffer *page, const char *label, double a, double b, figure (*shown)(double))
{
    if (isnan(a) && isnan(b)) return;
    head_row(page, label);
    byte_buffer_format(page, "<td>%s</td><td>%s</td>", isnan(a) ? "" : shown(a).text,
        isnan(b) ? "" : shown(b).text);
    if (isnan(a) || isnan(b) || a == b) byte_buffer_text(page, "<td></td></tr>\n");
    else if (a != 0)
        byte_buffer_format(page, "<td>%s%s %%</td></tr>\n", b > a ? "+" : "",
            figure_digits(100 * (b - a) / fabs(a), 1).text);
    else byte_buffer_format(page, "<td>%s%s</td></tr>\n", b > a ? "+" : "", shown(b - a).text);
}

static figure three_digits(double value) { return figure_digits(value, 3); }
static double said(int64_t value) { return value < 0 ? NAN : (double)value; }

static double loss_of(const training_run *r)
{
    return r->history.points
               ? history_late(&r->history, history_scalar(&r->history, METRIC_LOSS), HISTORY_END)
               : NAN;
}

static double share_of(const run_side *s)
{
    if (!(s->affinity.most > 0)) return NAN;
    return s->affinity.bits[affinity_clearest_layer(&s->affinity, &s->run.shape)];
}

/* The load of the busiest expert of any layer, in fair shares */
static double busiest(const run_side *s)
{
    double most = NAN;
    for (int l = 0; s->loads && l < s->run.shape.layers; l++) {
        const shape_layer *layer = &s->run.shape.layer[l];
        most = fmax(most, load_balance_of(s->loads + layer->first_expert, layer->experts).most);
    }
    return most;
}

static double without_tokens(const run_side *s)
{
    double idle = s->loads ? 0 : NAN;
    for (int l = 0; s->loads && l < s->run.shape.layers; l++) {
        const shape_layer *layer = &s->run.shape.layer[l];
        idle += load_balance_of(s->loads + layer->first_expert, layer->experts).idle;
    }
    return idle;
}

static void results(byte_buffer *page, const run_side side[2])
{
    const training_run *a = &side[0].run, *b = &side[1].run;
    number_row(page, "Loss, nats", loss_of(a), loss_of(b), three_digits);
    number_row(page, "Validation, bits per byte", analysis_bits_per_byte(&a->analysis),
        analysis_bits_per_byte(&b->analysis), three_digits);
    number_row(page, "Domain and expert share, bits", share_of(&side[0]), share_of(&side[1]),
        three_digits);
    number_row(
        page, "Busiest expert, fair shares", busiest(&side[0]), busiest(&side[1]), three_digits);
    number_row(page, "Experts without a token", without_tokens(&side[0]), without_tokens(&side[1]),
        figure_whole);
    number_row(page, "Parameters", said(a->parameters), said(b->parameters), figure_short);
    number_row(page, "Active per token", said(a->active_parameters), said(b->active_parameters),
        figure_short);
    number_row(page, "Sparse layers", a->shape.layers, b->shape.layers, figure_whole);
    number_row(page, "Experts in all", a->shape.experts, b->shape.experts, figure_whole);
    number_row(page, "Steps", said(a->steps), said(b->steps), figure_whole);
    number_row(page, "Tokens seen", said(a->tokens), said(b->tokens), figure_short);
    number_row(page, "Time", a->seconds, b->seconds, figure_time);
}

static void name_cell(byte_buffer *page, const run_side side[2], int i)
{
    byte_buffer_format(
        page, "<th scope=\"col\"><i class=\"stroke %s\"></i> ", i ? "second" : "smooth");
    html_cut(page, side[i].name, 60);
    byte_buffer_text(page, "</th>");
}

static void table_begin(
    byte_buffer *page, const run_side side[2], const char *first, const char *last)
{
    byte_buffer_format(page,
        "<div class=\"wide\"><table class=\"two\"><thead><tr><th scope=\"col\">%s</th>", first);
    for (int i = 0; i < 2; i++) name_cell(page, side, i);
    if (last) byte_buffer_format(page, "<th scope=\"col\">%s</th>", last);
    byte_buffer_text(page, "</tr></thead><tbody>\n");
}

static void table_end(byte_buffer *page) { byte_buffer_text(page, "</tbody></table></div>\n"); }

void comparison_header(byte_buffer *page, const run_side side[2])
{
    const training_run *a = &side[0].run, *b = &side[1].run;
    byte_buffer_text(page, "<header><p class=\"kicker\">Two training runs side by side</p>\n<h1>");
    html_cut(page, side[0].name, 40);
    byte_buffer_text(page, " <small>and</small> ");
    html_cut(page, side[1].name, 40);
    byte_buffer_text(page, "</h1>\n");
    html_picture(page, "", "results", -1);
    table_begin(page, side, "", "difference");
    results(page, side);
    text_row(page, "Recipe", a->recipe, b->recipe, false);
    data_row(page, a, b);
    text_row(page, "Date", a->date, b->date, false);
    text_row(page, "Command", a->command, b->command, true);
    table_end(page);
    html_picture_end(page);
    byte_buffer_text(page, "</header>\n");
}

/* ---- loads ---- */

static void draw_side(byte_buffer *page, const run_side *s, int l, double top)
{
    byte_buffer_text(page, "<div>");
    if (s->loads && l < s->run.shape.layers)
        load_draw_sorted(page, &s->run.shape.layer[l],
            s->loads + s->run.shape.layer[l].first_expert, top, s->name);
    byte_buffer_text(page, "</div>");
}

void comparison_loads(byte_buffer *page, const run_side side[2])
{
    int layers = side[0].run.shape.layers > side[1].run.shape.layers ? side[0].run.shape.layers
                                                                     : side[1].run.shape.layers;
    if (!layers || (!side[0].loads && !side[1].loads)) return;
    html_section(page, "load", "Load");
    byte_buffer_text(page, "<p>Each bar is an expert, the busiest first, at the end of the run; "
                           "the dashed line is its fair "
                           "share. On the left the first run, on the right the second.</p>\n");
    html_picture(page, "", "load", -1);
    byte_buffer_text(page, "<div class=\"pairwise\">\n");
    for (int l = 0; l < layers; l++)
        for (int i = 0; i < 2; i++)
            draw_side(page, &side[i], l, fmax(2, fmax(busiest(&side[0]), busiest(&side[1]))));
    byte_buffer_text(page, "</div>\n");
    for (int i = 0; i < 2; i++)
        if (side[i].loads) load_table(page, &side[i].run.shape, side[i].loads, NULL, side[i].name);
    html_picture_end(page);
    html_section_end(page);
}

/* ---- settings ---- */

/* Adds a row if the two values read differently; returns whether they do. */
static bool setting_row(byte_buffer *page, const char *key, const json_node *a, const json_node *b)
{
    byte_buffer text[2] = { 0 };
    setting_value(&text[0], a);
    setting_value(&text[1], b);
    const char *shown[2] = { text[0].data ? text[0].data : "", text[1].data ? text[1].data : "" };
    bool differs = strcmp(shown[0], shown[1]) != 0;
    if (differs) {
        byte_buffer_text(page, "<tr><th scope=\"row\">");
        html_cut(page, key, 60);
        byte_buffer_format(page, "</th><td><code>%s</code></td>", shown[0]);
        byte_buffer_format(page, "<td><code>%s</code></td></tr>\n", shown[1]);
    }
    for (int i = 0; i < 2; i++) {
        if (text[i].status != CADRE_OK) page->status = text[i].status;
        byte_buffer_free(&text[i]);
    }
    return differs;
}

void comparison_settings(byte_buffer *page, const run_side side[2])
{
    const json_node *a = &side[0].run.options, *b = &side[1].run.options;
    int differ = 0, same = 0;
    if (!json_count(a) && !json_count(b)) return;
    html_section(page, "options", "Settings that differ");
    html_picture(page, "", "settings", -1);
    table_begin(page, side, "option", NULL);
    for (json_node m = { 0 }; json_next(a, &m);) {
        json_node other = b->value ? json_member(b, m.key) : (json_node){ 0 };
        if (setting_row(page, m.key, &m, &other)) differ++;
        else same++;
    }
    for (json_node m = { 0 }; b->value && json_next(b, &m);) {
        json_node other = a->value ? json_member(a, m.key) : (json_node){ 0 };
        if (!other.value) differ += setting_row(page, m.key, &other, &m);
    }
    table_end(page);
    html_picture_end(page);
    byte_buffer_format(
        page, "<p class=\"small\">%d settings differ, %d are the same.</p>\n", differ, same);
    html_section_end(page);
}

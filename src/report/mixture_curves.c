/* mixture_curves.c - draws what a mixture does along one input: its gates, and its answers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "report/chart.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/mixture_view.h"
#include "report/paint.h"

static const double hardly = 0.02; /* below this gate, an expert's line is left out */

/* ---- what the mixture says along an input ---- */

static void walk_input(mixture_view *v, int64_t input)
{
    const mixture_column *c = &v->m->column[input];
    int64_t gates = mixture_gates(v->s) * v->s->experts, outputs = v->s->experts * v->s->outputs;
    memcpy(v->at, v->middle, (size_t)v->s->inputs * sizeof *v->at);
    for (int i = 0; i < POINTS; i++) {
        v->at[input] = v->x[i] = c->low + (c->high - c->low) * i / (POINTS - 1);
        mixture_answer_row(v->m, v->at, &v->row);
        for (int64_t e = 0; e < gates; e++) v->gate[i * gates + e] = exp(v->row.gate[e]);
        memcpy(v->output + i * outputs, v->row.output, (size_t)outputs * sizeof *v->output);
        memcpy(v->answer + i * v->s->outputs, v->row.prediction,
            (size_t)v->s->outputs * sizeof *v->answer);
    }
}

static void draw_expert_line(mixture_view *v, chart *c, int64_t expert)
{
    char style[24], name[48];
    byte_buffer text = { 0 };
    mixture_put_expert(&text, v->s, expert);
    snprintf(style, sizeof style, "expert c%d", paint_hue((int)expert));
    snprintf(name, sizeof name, "expert %s", or_empty(text.data));
    chart_line(c, v->x, v->y, POINTS, style, name);
    byte_buffer_free(&text);
}

/* ---- gates ---- */

static void table_head(const mixture_view *v, const char *first)
{
    byte_buffer_text(v->page, "<thead><tr><th scope=\"col\">");
    html_cut(v->page, first, 40);
    byte_buffer_text(v->page, "</th>");
    for (int64_t e = 0; e < v->s->experts; e++) {
        byte_buffer_text(v->page, "<th scope=\"col\">expert ");
        mixture_put_expert(v->page, v->s, e);
        byte_buffer_text(v->page, "</th>");
    }
    byte_buffer_text(v->page, "</tr></thead><tbody>\n");
}

/* Every eighth point of a picture along an input. stride: from one point of `values` to the
 * next. */
static void table_along(
    const mixture_view *v, const char *first, const double *values, int64_t stride, int64_t step)
{
    if (v->s->experts * POINTS / 8 > HTML_CELLS) {
        html_too_many(v->page);
        return;
    }
    html_table(v->page, NULL, "In numbers");
    table_head(v, first);
    for (int i = 0; i < POINTS; i += 8) {
        byte_buffer_format(v->page, "<tr><th scope=\"row\">%s</th>", figure_value(v->x[i]).text);
        for (int64_t e = 0; e < v->s->experts; e++)
            byte_buffer_format(
                v->page, "<td>%s</td>", figure_value(values[i * stride + e * step]).text);
        byte_buffer_text(v->page, "</tr>\n");
    }
    byte_buffer_text(v->page, "</tbody>");
    html_table_end(v->page);
}

static void draw_gate(mixture_view *v, int64_t input, int64_t gate)
{
    const mixture_column *c = &v->m->column[input];
    int64_t stride = mixture_gates(v->s) * v->s->experts;
    const double *values = v->gate + gate * v->s->experts;
    char *name = mixture_escaped(v->page, c->name);
    chart drawn = { v->page, chart_scale_of(c->low, c->high, 6, false),
        { 0, 1, 3, { 0, 0.5, 1 } } };
    const chart_form form = { .style = "gates",
        .label = "Share of each expert",
        .x_name = or_empty(name),
        .y_name = "share",
        .fractions = true };
    html_picture(v->page, "panel", "gate", gate * v->s->inputs + input);
    byte_buffer_format(v->page, "<figcaption>over %s", or_empty(name));
    if (v->s->task_gates) {
        byte_buffer_text(v->page, "<b>for ");
        html_cut(v->page, mixture_target_name(v, gate), 40);
        byte_buffer_text(v->page, "</b>");
    }
    byte_buffer_text(v->page, "</figcaption>");
    chart_begin(&drawn, &form);
    for (int64_t e = 0; e < mixture_drawn_experts(v); e++) {
        for (int i = 0; i < POINTS; i++) v->y[i] = values[i * stride + e];
        draw_expert_line(v, &drawn, e);
    }
    chart_drawn(&drawn);
    chart_end(&drawn, &form);
    table_along(v, c->name, values, stride, 1);
    html_picture_end(v->page);
    mem_free(name);
}

void mixture_section_gates(mixture_view *v)
{
    int64_t inputs = v->s->inputs < MOST_CHARTS ? v->s->inputs : MOST_CHARTS;
    html_section(v->page, "gates", "Who answers where");
    byte_buffer_text(v->page, "<p>How much of the answer each expert gives");
    if (v->s->inputs > 1)
        byte_buffer_text(v->page, ", as one input moves and the others stay at their mean");
    byte_buffer_text(v->page, ".</p>\n");
    mixture_legend(v, "share of the answer");
    byte_buffer_text(v->page, "<div class=\"panels\">\n");
    for (int64_t j = 0; j < inputs; j++) {
        walk_input(v, j);
        for (int64_t t = 0; t < mixture_gates(v->s) && t < MOST_CHARTS; t++) draw_gate(v, j, t);
    }
    byte_buffer_text(v->page, "</div>\n");
    if (inputs < v->s->inputs)
        byte_buffer_format(v->page, "<p class=\"small\">The first %lld of %lld inputs.</p>\n",
            (long long)inputs, (long long)v->s->inputs);
    html_section_end(v->page);
}

/* ---- what they say, over one input ---- */

static void span_of(const mixture_view *v, int64_t target, double *low, double *high)
{
    const mixture_column *c = &v->m->column[v->s->inputs + target];
    *low = c->low;
    *high = c->high;
    for (int i = 0; i < POINTS; i++) {
        *low = fmin(*low, v->answer[i * v->s->outputs + target]);
        *high = fmax(*high, v->answer[i * v->s->outputs + target]);
    }
}

static void draw_target_rows(const mixture_view *v, chart *c, int64_t target)
{
    int64_t columns = mixture_columns(v->m);
    for (int64_t i = 0; i < v->m->sample_rows; i++) {
        const double *row = v->m->sample + i * columns;
        chart_dots(c, row, row + v->s->inputs + target, 1, "row", NULL);
    }
}

static void draw_answers(mixture_view *v, int64_t target)
{
    double low, high;
    int64_t e = v->s->experts, o = v->s->outputs;
    const mixture_column *input = &v->m->column[0];
    char *x = mixture_escaped(v->page, input->name),
         *y = mixture_escaped(v->page, mixture_target_name(v, target));
    span_of(v, target, &low, &high);
    chart c = { v->page, chart_scale_of(input->low, input->high, 8, false),
        chart_scale_of(low, high, 6, true) };
    const chart_form form = { .style = "tall",
        .label = "What the experts and the mixture predict",
        .x_name = or_empty(x),
        .y_name = or_empty(y),
        .fractions = true };
    html_picture(v->page, "", "answers", target);
    byte_buffer_format(v->page, "<figcaption>%s over %s</figcaption>", or_empty(y), or_empty(x));
    chart_begin(&c, &form);
    draw_target_rows(v, &c, target);
    for (int64_t i = 0; i < mixture_drawn_experts(v); i++) {
        for (int n = 0; n < POINTS; n++) {
            const double *gate =
                v->gate + n * mixture_gates(v->s) * e + (v->s->task_gates ? target * e : 0);
            v->y[n] = gate[i] < hardly ? NAN : v->output[(n * e + i) * o + target];
        }
        draw_expert_line(v, &c, i);
    }
    for (int n = 0; n < POINTS; n++) v->y[n] = v->answer[n * o + target];
    chart_line(&c, v->x, v->y, POINTS, "mixed", "mixture");
    chart_drawn(&c);
    chart_end(&c, &form);
    table_along(v, input->name, v->output + target, e * o, o);
    html_picture_end(v->page);
    mem_free(x);
    mem_free(y);
}

void mixture_section_answers(mixture_view *v)
{
    if (v->s->inputs > 1 || v->s->classify) return;
    walk_input(v, 0);
    html_section(v->page, "answers", "What they say");
    byte_buffer_text(v->page, "<p>Each expert’s own answer, where it has any share, and what the "
                              "mixture makes of them; dots are rows of the table.</p>\n");
    mixture_legend(v, "answer; dashed: of the mixture");
    for (int64_t j = 0; j < v->s->outputs && j < MOST_CHARTS; j++) draw_answers(v, j);
    html_section_end(v->page);
}

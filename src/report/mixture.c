/* mixture.c - draws a mixture of local experts: its gates over each input, the map of two inputs,
 * what the experts predict over one, and how the fit went.
 *
 * A picture over one or two inputs holds the others at their mean. Gates are those of the model on
 * a grid; dots are rows of the table, as many as the model's folder has. */
#include "report/mixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "mixture/model.h"
#include "report/chart.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/paint.h"

enum {
    POINTS = 161,       /* of a curve */
    MAP = 80,           /* cells of a map in each direction */
    MOST_CHARTS = 6,    /* of each kind */
    MOST_EXPERTS = 24,  /* drawn; the table has all of them */
    MOST_ROWS = 400,    /* of a table under a picture */
    CURVE_RECORDS = 500 /* of the likelihood */
};
static const double hardly = 0.02; /* below this gate, an expert's line is left out */

typedef struct view {
    byte_buffer *page;
    const cadre_mixture *m;
    const mixture_shape *s;
    mixture_row row;
    double *at;     /* [inputs] the others' values */
    double *middle; /* [inputs] */
    double *gate;   /* [POINTS, gates * E] along an input */
    double *output; /* [POINTS, E * O] */
    double *answer; /* [POINTS, O] */
    double x[POINTS], y[POINTS];
} view;

/* ---- names ---- */

static void put_expert(byte_buffer *page, const mixture_shape *s, int64_t expert)
{
    int64_t k = s->groups ? s->experts / s->groups : 0;
    if (k) byte_buffer_format(page, "%lld.%lld", (long long)(expert / k), (long long)(expert % k));
    else byte_buffer_format(page, "%lld", (long long)expert);
}

static const char *input_name(const view *v, int64_t j) { return v->m->column[j].name; }

static const char *target_name(const view *v, int64_t j)
{
    return v->m->column[v->s->inputs + j].name;
}

/* An attribute's text, escaped; the caller frees it. Running out of memory stays in the page's
 * status. */
static char *escaped(byte_buffer *page, const char *text)
{
    byte_buffer out = { 0 };
    html_cut(&out, text, 60);
    if (out.status != CADRE_OK || !out.data) page->status = CADRE_ENOMEM;
    return out.data;
}

static const char *or_empty(const char *text) { return text ? text : ""; }

static int64_t drawn_experts(const view *v)
{
    return v->s->experts < MOST_EXPERTS ? v->s->experts : MOST_EXPERTS;
}

static void put_legend(const view *v, const char *what)
{
    byte_buffer_format(v->page, "<div class=\"legend\"><span>%s</span>", what);
    for (int64_t i = 0; i < drawn_experts(v); i++) {
        byte_buffer_format(
            v->page, "<span class=\"key\"><i class=\"c%d\"></i>expert ", paint_hue((int)i));
        put_expert(v->page, v->s, i);
        byte_buffer_text(v->page, "</span>");
    }
    byte_buffer_text(v->page, "</div>\n");
}

/* ---- what the mixture says along an input ---- */

static void find_middle(view *v)
{
    int64_t columns = mixture_columns(v->m), rows = v->m->sample_rows;
    for (int64_t j = 0; j < v->s->inputs; j++) {
        double sum = 0;
        for (int64_t i = 0; i < rows; i++) sum += v->m->sample[i * columns + j];
        v->middle[j] =
            rows ? sum / (double)rows : 0.5 * (v->m->column[j].low + v->m->column[j].high);
    }
}

static void walk_input(view *v, int64_t input)
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

static void draw_expert_line(view *v, chart *c, int64_t expert)
{
    char style[24], name[48];
    byte_buffer text = { 0 };
    put_expert(&text, v->s, expert);
    snprintf(style, sizeof style, "expert c%d", paint_hue((int)expert));
    snprintf(name, sizeof name, "expert %s", or_empty(text.data));
    chart_line(c, v->x, v->y, POINTS, style, name);
    byte_buffer_free(&text);
}

/* ---- gates ---- */

static void table_head(const view *v, const char *first)
{
    byte_buffer_text(v->page, "<thead><tr><th scope=\"col\">");
    html_cut(v->page, first, 40);
    byte_buffer_text(v->page, "</th>");
    for (int64_t e = 0; e < v->s->experts; e++) {
        byte_buffer_text(v->page, "<th scope=\"col\">expert ");
        put_expert(v->page, v->s, e);
        byte_buffer_text(v->page, "</th>");
    }
    byte_buffer_text(v->page, "</tr></thead><tbody>\n");
}

/* Every eighth point of a picture along an input. stride: from one point of `values` to the
 * next. */
static void table_along(
    const view *v, const char *first, const double *values, int64_t stride, int64_t step)
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

static void draw_gate(view *v, int64_t input, int64_t gate)
{
    const mixture_column *c = &v->m->column[input];
    int64_t stride = mixture_gates(v->s) * v->s->experts;
    const double *values = v->gate + gate * v->s->experts;
    char *name = escaped(v->page, c->name);
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
        html_cut(v->page, target_name(v, gate), 40);
        byte_buffer_text(v->page, "</b>");
    }
    byte_buffer_text(v->page, "</figcaption>");
    chart_begin(&drawn, &form);
    for (int64_t e = 0; e < drawn_experts(v); e++) {
        for (int i = 0; i < POINTS; i++) v->y[i] = values[i * stride + e];
        draw_expert_line(v, &drawn, e);
    }
    chart_drawn(&drawn);
    chart_end(&drawn, &form);
    table_along(v, c->name, values, stride, 1);
    html_picture_end(v->page);
    mem_free(name);
}

static void section_gates(view *v)
{
    int64_t inputs = v->s->inputs < MOST_CHARTS ? v->s->inputs : MOST_CHARTS;
    html_section(v->page, "gates", "Who answers where");
    byte_buffer_text(v->page, "<p>How much of the answer each expert gives");
    if (v->s->inputs > 1)
        byte_buffer_text(v->page, ", as one input moves and the others stay at their mean");
    byte_buffer_text(v->page, ".</p>\n");
    put_legend(v, "share of the answer");
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

/* ---- the map of two inputs ---- */

static int32_t strongest(const view *v)
{
    int32_t best = 0;
    for (int32_t e = 1; e < v->s->experts; e++)
        if (v->row.gate[e] > v->row.gate[best]) best = e;
    return best;
}

/* which [MAP, MAP], with the top row first */
static void fill_map(view *v, int32_t *which)
{
    const mixture_column *a = &v->m->column[0], *b = &v->m->column[1];
    memcpy(v->at, v->middle, (size_t)v->s->inputs * sizeof *v->at);
    for (int r = 0; r < MAP; r++)
        for (int c = 0; c < MAP; c++) {
            v->at[0] = a->low + (a->high - a->low) * (c + 0.5) / MAP;
            v->at[1] = b->high - (b->high - b->low) * (r + 0.5) / MAP;
            mixture_answer_row(v->m, v->at, &v->row);
            which[r * MAP + c] = strongest(v);
        }
}

static void draw_rows(view *v, chart *c)
{
    int64_t columns = mixture_columns(v->m);
    for (int64_t i = 0; i < v->m->sample_rows; i++) {
        const double *row = v->m->sample + i * columns;
        char style[24];
        mixture_answer_row(v->m, row, &v->row);
        snprintf(style, sizeof style, "row c%d", paint_hue(strongest(v)));
        chart_dots(c, row, row + 1, 1, style, NULL);
    }
}

static void map_table(view *v)
{
    int64_t rows = v->m->sample_rows < MOST_ROWS ? v->m->sample_rows : MOST_ROWS;
    html_table(v->page, NULL, "Rows of the table");
    byte_buffer_text(v->page, "<thead><tr><th scope=\"col\">");
    html_cut(v->page, input_name(v, 0), 40);
    byte_buffer_text(v->page, "</th><th scope=\"col\">");
    html_cut(v->page, input_name(v, 1), 40);
    byte_buffer_text(v->page,
        "</th><th scope=\"col\">expert</th><th scope=\"col\">its share</th></tr></thead><tbody>\n");
    for (int64_t i = 0; i < rows; i++) {
        const double *row = v->m->sample + i * mixture_columns(v->m);
        mixture_answer_row(v->m, row, &v->row);
        int32_t best = strongest(v);
        byte_buffer_format(v->page, "<tr><th scope=\"row\">%s</th><td>%s</td><td>",
            figure_value(row[0]).text, figure_value(row[1]).text);
        put_expert(v->page, v->s, best);
        byte_buffer_format(
            v->page, "</td><td>%s</td></tr>\n", figure_share(exp(v->row.gate[best])).text);
    }
    byte_buffer_text(v->page, "</tbody>");
    html_table_end(v->page);
}

static void draw_map(view *v, const int32_t *which)
{
    const mixture_column *a = &v->m->column[0], *b = &v->m->column[1];
    char *x = escaped(v->page, a->name), *y = escaped(v->page, b->name);
    chart c = { v->page, chart_scale_of(a->low, a->high, 6, false),
        chart_scale_of(b->low, b->high, 6, false) };
    const chart_form form = { .style = "tall",
        .label = "The expert with the largest share, over two inputs",
        .x_name = or_empty(x),
        .y_name = or_empty(y),
        .fractions = true };
    html_picture(v->page, "", "map", -1);
    byte_buffer_format(v->page,
        "<figcaption>the expert with the largest share: %s across, %s upwards; dots are rows of "
        "the table</figcaption>",
        or_empty(x), or_empty(y));
    chart_begin(&c, &form);
    for (int32_t e = 0; e < v->s->experts; e++) {
        char style[24];
        snprintf(style, sizeof style, "area c%d", paint_hue(e));
        chart_cells(&c, which, MAP, MAP, e, style);
    }
    draw_rows(v, &c);
    chart_drawn(&c);
    chart_end(&c, &form);
    if (v->m->sample_rows) map_table(v);
    html_picture_end(v->page);
    mem_free(x);
    mem_free(y);
}

static void section_map(view *v)
{
    if (v->s->inputs < 2 || v->s->task_gates) return;
    int32_t *which = MEM_ARRAY(int32_t, MAP * MAP);
    if (!which) {
        v->page->status = CADRE_ENOMEM;
        return;
    }
    fill_map(v, which);
    html_section(v->page, "map", "A map of two inputs");
    if (v->s->inputs > 2)
        byte_buffer_text(v->page, "<p>The other inputs stay at their mean.</p>\n");
    put_legend(v, "largest share");
    draw_map(v, which);
    html_section_end(v->page);
    mem_free(which);
}

/* ---- what they say, over one input ---- */

static void span_of(const view *v, int64_t target, double *low, double *high)
{
    const mixture_column *c = &v->m->column[v->s->inputs + target];
    *low = c->low;
    *high = c->high;
    for (int i = 0; i < POINTS; i++) {
        *low = fmin(*low, v->answer[i * v->s->outputs + target]);
        *high = fmax(*high, v->answer[i * v->s->outputs + target]);
    }
}

static void draw_target_rows(const view *v, chart *c, int64_t target)
{
    int64_t columns = mixture_columns(v->m);
    for (int64_t i = 0; i < v->m->sample_rows; i++) {
        const double *row = v->m->sample + i * columns;
        chart_dots(c, row, row + v->s->inputs + target, 1, "row", NULL);
    }
}

static void draw_answers(view *v, int64_t target)
{
    double low, high;
    int64_t e = v->s->experts, o = v->s->outputs;
    const mixture_column *input = &v->m->column[0];
    char *x = escaped(v->page, input->name), *y = escaped(v->page, target_name(v, target));
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
    for (int64_t i = 0; i < drawn_experts(v); i++) {
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

static void section_answers(view *v)
{
    if (v->s->inputs > 1 || v->s->classify) return;
    walk_input(v, 0);
    html_section(v->page, "answers", "What they say");
    byte_buffer_text(v->page, "<p>Each expert’s own answer, where it has any share, and what the "
                              "mixture makes of them; dots are rows of the table.</p>\n");
    put_legend(v, "answer; dashed: of the mixture");
    for (int64_t j = 0; j < v->s->outputs && j < MOST_CHARTS; j++) draw_answers(v, j);
    html_section_end(v->page);
}

/* ---- the fit ---- */

static void likelihood_table(byte_buffer *page, const cadre_mixture *m, int64_t step)
{
    html_table(page, NULL, "In numbers");
    byte_buffer_text(page, "<thead><tr><th scope=\"col\">iteration</th>"
                           "<th scope=\"col\">log-likelihood</th>");
    if (m->loss) byte_buffer_text(page, "<th scope=\"col\">loss</th>");
    byte_buffer_text(page, "</tr></thead><tbody>\n");
    for (int64_t i = 0; i < m->records; i += step) {
        byte_buffer_format(page, "<tr><th scope=\"row\">%s</th><td>%s</td>",
            figure_whole((double)i).text, figure_digits(m->likelihood[i], 4).text);
        if (m->loss) byte_buffer_format(page, "<td>%s</td>", figure_value(m->loss[i]).text);
        byte_buffer_text(page, "</tr>\n");
    }
    byte_buffer_text(page, "</tbody>");
    html_table_end(page);
}

/* Draws every `step`-th record as a line [count]. */
static void draw_likelihood(byte_buffer *page, const cadre_mixture *m, int64_t step)
{
    double x[CURVE_RECORDS + 1], y[CURVE_RECORDS + 1], low = INFINITY, high = -INFINITY;
    int count = 0;
    for (int64_t i = 0; i < m->records && count <= CURVE_RECORDS; i += step, count++) {
        x[count] = (double)i;
        y[count] = m->likelihood[i];
        low = fmin(low, y[count]);
        high = fmax(high, y[count]);
    }
    chart c = { page, chart_scale_of(0, (double)m->records - 1, 8, false),
        chart_scale_of(low, high, 6, true) };
    const chart_form form = { .style = "tall",
        .label = "Log-likelihood by iteration",
        .x_name = "iteration",
        .y_name = "log-likelihood" };
    chart_begin(&c, &form);
    chart_line(&c, x, y, count, "smooth", "log-likelihood");
    chart_drawn(&c);
    chart_end(&c, &form);
}

static void section_fit(byte_buffer *page, const cadre_mixture *m)
{
    if (m->records < 2) return;
    int64_t step = 1 + (m->records - 1) / CURVE_RECORDS;
    html_section(page, "fit", "How the fit went");
    html_picture(page, "", "log-likelihood", -1);
    byte_buffer_text(page, "<figcaption>log-likelihood of all rows, by iteration</figcaption>");
    draw_likelihood(page, m, step);
    likelihood_table(page, m, step);
    html_picture_end(page);
    html_section_end(page);
}

/* ---- the head ---- */

static void key_figure(byte_buffer *page, const char *name, figure value)
{
    byte_buffer_format(page, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, value.text);
}

static void put_names(const view *v, int64_t first, int64_t count)
{
    for (int64_t j = 0; j < count && j < MOST_CHARTS; j++) {
        if (j) byte_buffer_text(v->page, ", ");
        html_cut(v->page, v->m->column[first + j].name, 40);
    }
    if (count > MOST_CHARTS) byte_buffer_text(v->page, " and others");
}

static void lead(const view *v)
{
    const mixture_shape *s = v->s;
    byte_buffer_format(v->page, "<p class=\"lead\">%lld %s experts", (long long)s->experts,
        s->hidden ? "small-network" : "linear");
    if (s->groups) byte_buffer_format(v->page, " in %lld groups", (long long)s->groups);
    if (s->task_gates) byte_buffer_text(v->page, " with a gate for each target");
    byte_buffer_format(v->page, ", fitted by %s: ",
        v->m->method == METHOD_EM ? "expectation-maximisation" : "gradient descent");
    put_names(v, s->inputs, mixture_targets(s));
    byte_buffer_text(v->page, " from ");
    put_names(v, 0, s->inputs);
    byte_buffer_text(v->page, ".</p>\n");
}

static void header(const view *v, const char *name)
{
    const cadre_mixture *m = v->m;
    byte_buffer_text(v->page, "<header><p class=\"kicker\">Mixture of local experts</p>\n<h1>");
    html_cut(v->page, name, 80);
    byte_buffer_text(v->page, "</h1>\n");
    lead(v);
    byte_buffer_text(v->page, "<dl class=\"figures\">\n");
    key_figure(v->page, "Rows", figure_whole((double)m->rows));
    key_figure(v->page, "Parameters", figure_whole((double)m->layout.count));
    key_figure(v->page, "Iterations", figure_whole((double)(m->records - 1)));
    key_figure(v->page, "Log-likelihood", figure_value(m->likelihood[m->records - 1]));
    byte_buffer_text(v->page, "</dl>\n</header>\n");
}

static void section_shares(const view *v)
{
    const double *variance = v->m->parameters + v->m->layout.part[PART_VARIANCE].offset;
    html_section(v->page, "experts", "Experts");
    byte_buffer_text(v->page, "<div class=\"wide\"><table class=\"numbers\"><thead><tr>"
                              "<th scope=\"col\">expert</th><th scope=\"col\">share of the "
                              "answers</th>");
    if (v->s->variance) byte_buffer_text(v->page, "<th scope=\"col\">variance</th>");
    byte_buffer_text(v->page, "</tr></thead><tbody>\n");
    for (int64_t e = 0; e < v->s->experts; e++) {
        byte_buffer_text(v->page, "<tr><th scope=\"row\">");
        put_expert(v->page, v->s, e);
        byte_buffer_format(v->page, "</th><td>%s</td>", figure_share(v->m->share[e]).text);
        if (v->s->variance)
            byte_buffer_format(v->page, "<td>%s</td>", figure_value(variance[e]).text);
        byte_buffer_text(v->page, "</tr>\n");
    }
    byte_buffer_text(v->page, "</tbody></table></div>\n");
    html_section_end(v->page);
}

static bool open_view(view *v)
{
    size_t gates = (size_t)(mixture_gates(v->s) * v->s->experts),
           outputs = (size_t)(v->s->experts * v->s->outputs);
    v->at = MEM_ARRAY(double, v->s->inputs);
    v->middle = MEM_ARRAY(double, v->s->inputs);
    v->gate = mem_alloc(gates, POINTS * sizeof(double));
    v->output = mem_alloc(outputs, POINTS * sizeof(double));
    v->answer = mem_alloc((size_t)v->s->outputs, POINTS * sizeof(double));
    return v->at && v->middle && v->gate && v->output && v->answer &&
           mixture_row_open(v->s, &v->row) == CADRE_OK;
}

static void close_view(view *v)
{
    mixture_row_close(&v->row);
    mem_free(v->at);
    mem_free(v->middle);
    mem_free(v->gate);
    mem_free(v->output);
    mem_free(v->answer);
}

void mixture_sections(byte_buffer *page, const char *name, const cadre_mixture *m)
{
    view v = { .page = page, .m = m, .s = &m->shape };
    if (open_view(&v)) {
        find_middle(&v);
        header(&v, name);
        section_gates(&v);
        section_map(&v);
        section_answers(&v);
        section_shares(&v);
        section_fit(page, m);
    } else page->status = CADRE_ENOMEM;
    close_view(&v);
}

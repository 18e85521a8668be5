/* mixture_map.c - draws the map of two inputs: which expert has the largest share where. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "report/chart.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/mixture_view.h"
#include "report/paint.h"

enum {
    MAP = 80,       /* cells in each direction */
    MOST_ROWS = 400 /* of the table under it */
};

static int32_t strongest(const mixture_view *v)
{
    int32_t best = 0;
    for (int32_t e = 1; e < v->s->experts; e++)
        if (v->row.gate[e] > v->row.gate[best]) best = e;
    return best;
}

/* which [MAP, MAP], with the top row first */
static void fill_map(mixture_view *v, int32_t *which)
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

static void draw_rows(mixture_view *v, chart *c)
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

static void map_table(mixture_view *v)
{
    int64_t rows = v->m->sample_rows < MOST_ROWS ? v->m->sample_rows : MOST_ROWS;
    html_table(v->page, NULL, "Rows of the table");
    byte_buffer_text(v->page, "<thead><tr><th scope=\"col\">");
    html_cut(v->page, mixture_input_name(v, 0), 40);
    byte_buffer_text(v->page, "</th><th scope=\"col\">");
    html_cut(v->page, mixture_input_name(v, 1), 40);
    byte_buffer_text(v->page,
        "</th><th scope=\"col\">expert</th><th scope=\"col\">its share</th></tr></thead><tbody>\n");
    for (int64_t i = 0; i < rows; i++) {
        const double *row = v->m->sample + i * mixture_columns(v->m);
        mixture_answer_row(v->m, row, &v->row);
        int32_t best = strongest(v);
        byte_buffer_format(v->page, "<tr><th scope=\"row\">%s</th><td>%s</td><td>",
            figure_value(row[0]).text, figure_value(row[1]).text);
        mixture_put_expert(v->page, v->s, best);
        byte_buffer_format(
            v->page, "</td><td>%s</td></tr>\n", figure_share(exp(v->row.gate[best])).text);
    }
    byte_buffer_text(v->page, "</tbody>");
    html_table_end(v->page);
}

static void draw_map(mixture_view *v, const int32_t *which)
{
    const mixture_column *a = &v->m->column[0], *b = &v->m->column[1];
    char *x = mixture_escaped(v->page, a->name), *y = mixture_escaped(v->page, b->name);
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

void mixture_section_map(mixture_view *v)
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
    mixture_legend(v, "largest share");
    draw_map(v, which);
    html_section_end(v->page);
    mem_free(which);
}

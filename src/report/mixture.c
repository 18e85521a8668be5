/* mixture.c - draws a mixture of local experts: the head of the page, each expert's share of the
 * answers, and how the fit went; its pictures are mixture_curves.c and mixture_map.c.
 *
 * A picture over one or two inputs holds the others at their mean. Gates are those of the model on
 * a grid; dots are rows of the table, as many as the model's folder has. */
#include "report/mixture.h"

#include <math.h>

#include "report/chart.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/mixture_view.h"

enum { CURVE_RECORDS = 500 }; /* of the likelihood */

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

static void put_names(const mixture_view *v, int64_t first, int64_t count)
{
    for (int64_t j = 0; j < count && j < MOST_CHARTS; j++) {
        if (j) byte_buffer_text(v->page, ", ");
        html_cut(v->page, v->m->column[first + j].name, 40);
    }
    if (count > MOST_CHARTS) byte_buffer_text(v->page, " and others");
}

static void lead(const mixture_view *v)
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

static void header(const mixture_view *v, const char *name)
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

static void section_shares(const mixture_view *v)
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
        mixture_put_expert(v->page, v->s, e);
        byte_buffer_format(v->page, "</th><td>%s</td>", figure_share(v->m->share[e]).text);
        if (v->s->variance)
            byte_buffer_format(v->page, "<td>%s</td>", figure_value(variance[e]).text);
        byte_buffer_text(v->page, "</tr>\n");
    }
    byte_buffer_text(v->page, "</tbody></table></div>\n");
    html_section_end(v->page);
}

void mixture_sections(byte_buffer *page, const char *name, const cadre_mixture *m)
{
    mixture_view v = { .page = page, .m = m, .s = &m->shape };
    if (mixture_view_open(&v)) {
        header(&v, name);
        mixture_section_gates(&v);
        mixture_section_map(&v);
        mixture_section_answers(&v);
        section_shares(&v);
        section_fit(page, m);
    } else page->status = CADRE_ENOMEM;
    mixture_view_close(&v);
}

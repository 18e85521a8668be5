/* domains.c - which experts each domain's tokens went to: a matrix of squares for each layer, and
 * the bits that the choice of expert gives. */
#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/matrix.h"
#include "report/sections.h"

static bool tabled(const affinity *a, const model_shape *shape)
{
    return (int64_t)shape->experts * a->domains <= HTML_CELLS;
}

/* The bits that the choice gives, as a bar within the bits that it could give */
static void caption(byte_buffer *page, const affinity *a, const shuffled_bits *chance,
    const shape_layer *layer, int s)
{
    if (!(a->most > 0)) { /* one domain */
        byte_buffer_format(page, "<figcaption>layer %lld</figcaption>", (long long)layer->number);
        return;
    }
    double part = fmin(a->bits[s] / a->most, 1);
    byte_buffer_format(page, "<figcaption>layer %lld<span><b>%s of %s bits</b>",
        (long long)layer->number, figure_digits(a->bits[s], 2).text,
        figure_digits(a->most, 2).text);
    if (chance)
        byte_buffer_format(page, " · by chance %s ± %s", figure_digits(chance[s].mean, 4).text,
            figure_digits(chance[s].deviation, 4).text);
    byte_buffer_text(page, "</span>");
    byte_buffer_text(page, "<i class=\"meter\"><i style=\"width:");
    html_percent(page, part);
    byte_buffer_text(page, "\"></i></i></figcaption>");
}

static void layer_table(byte_buffer *page, const run_analysis *analysis, const affinity *a,
    const shape_layer *layer, int s)
{
    char id[24];
    snprintf(id, sizeof id, "shares-%d", s);
    html_table(page, id, "In numbers");
    byte_buffer_format(
        page, "<caption>layer %lld, %% of the domain’s picks</caption>", (long long)layer->number);
    byte_buffer_text(page, "<thead><tr><td></td>");
    for (int e = 0; e < layer->experts; e++)
        byte_buffer_format(page, "<th scope=\"col\">%d</th>", e);
    byte_buffer_text(page, "</tr></thead><tbody>\n");
    const double *share = a->share + (int64_t)layer->first_expert * a->domains;
    for (int d = 0; d < a->domains; d++) {
        byte_buffer_text(page, "<tr><th scope=\"row\">");
        html_cut(page, analysis->domain[d].name, 40);
        byte_buffer_text(page, "</th>");
        for (int e = 0; e < layer->experts; e++)
            byte_buffer_format(
                page, "<td>%s</td>", figure_digits(100 * share[d * layer->experts + e], 1).text);
        byte_buffer_text(page, "</tr>\n");
    }
    byte_buffer_text(page, "</tbody>");
    html_table_end(page);
}

static void draw_layer(byte_buffer *page, const affinity *a, const training_run *r, int s,
    const char *const *names, bool *gap)
{
    const model_shape *shape = &r->shape;
    const shape_layer *layer = &shape->layer[s];
    const int *order = a->order + layer->first_expert, *leading = a->leading + layer->first_expert;
    char label[96], table[24];
    for (int c = 0; c < layer->experts; c++)
        gap[c] = c && leading[order[c]] != leading[order[c - 1]];
    snprintf(label, sizeof label, "Layer %lld: share of each domain's picks by expert, as areas",
        (long long)layer->number);
    snprintf(table, sizeof table, "shares-%d", s);
    matrix m = { .rows = a->domains,
        .columns = layer->experts,
        .share = a->share + (int64_t)layer->first_expert * a->domains,
        .full = a->greatest,
        .row_name = names,
        .column = order,
        .gap = gap,
        .layer = s,
        .table = tabled(a, shape) ? table : NULL,
        .label = label };
    html_picture(page, "panel fit", "who-took-what", layer->number);
    caption(page, a, r->analysis.shuffled, layer, s);
    matrix_draw(page, &m);
    if (m.table) layer_table(page, &r->analysis, a, layer, s);
    html_picture_end(page);
}

void section_domains(byte_buffer *page, const training_run *r, const affinity *a)
{
    if (!a->domains || !(a->greatest > 0)) return;
    const char **names = MEM_ARRAY(const char *, a->domains);
    bool *gap = MEM_ARRAY(bool, SHAPE_EXPERTS);
    if (!names || !gap) page->status = CADRE_ENOMEM;
    for (int d = 0; names && d < a->domains; d++) names[d] = r->analysis.domain[d].name;
    html_section(page, "domains", "Who took what");
    byte_buffer_text(page, "<p>A row is a domain, a column an expert; the area of a square is the "
                           "expert’s share of the "
                           "domain’s picks on validation text. Experts stand beside those that "
                           "lead in the same domain.");
    if (a->most > 0)
        byte_buffer_text(page, " Above each layer: how many bits about the domain one pick tells, "
                               "of those that there are to "
                               "tell.");
    if (r->analysis.shuffled)
        byte_buffer_text(page, " By chance: what it would seem to tell, and the spread of that, if "
                               "the domains were shuffled "
                               "over segments of the text.");
    byte_buffer_text(page, "</p>\n");
    matrix_legend(page, a->greatest);
    byte_buffer_text(page, "<div class=\"panels fit\">\n");
    for (int s = 0; names && gap && s < r->shape.layers; s++) draw_layer(page, a, r, s, names, gap);
    byte_buffer_text(page, "</div>\n");
    if (!tabled(a, &r->shape)) html_too_many(page);
    html_section_end(page);
    mem_free(names);
    mem_free(gap);
}

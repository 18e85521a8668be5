/* together.c - experts that a token picks together: for each layer, how often every pair occurred,
 * compared with what their loads alone would give, and the closest pairs by name. */
#include <stdio.h>

#include "base/memory.h"
#include "report/figure.h"
#include "report/heat.h"
#include "report/html.h"
#include "report/sections.h"

/* Pairs that are expected fewer times than this say nothing. */
enum { DRAWN_EXPERTS = 256, PAIRS = 4, EXPECTED_LEAST = 3 };

typedef struct close_pair {
    int a, b;
    double lift;
} close_pair;

typedef struct layer_pairs {
    int number, experts;
    const double *load;
    const int32_t *count; /* [E, E] */
    double scale;         /* a pair's expected count is scale * load * load */
} layer_pairs;

/* Makes the expected counts: as many pairs as occurred, in proportion to the product of their
 * loads. */
static layer_pairs pairs_of(const model_shape *shape, const expert_pairs *p, int s)
{
    const shape_layer *layer = &shape->layer[s];
    layer_pairs l = { (int)layer->number, layer->experts, p->load + layer->first_expert,
        p->count[s], 0 };
    double met = 0, products = 0;
    for (int a = 0; a < l.experts; a++)
        for (int b = 0; b < a; b++) {
            met += l.count[a * l.experts + b];
            products += l.load[a] * l.load[b];
        }
    l.scale = products > 0 ? met / products : 0;
    return l;
}

/* How often a and b occurred together, divided by what their loads would give; negative: too rarely
 * to tell. */
static double lift_of(const layer_pairs *l, int a, int b)
{
    double expected = l->scale * l->load[a] * l->load[b];
    return expected < EXPECTED_LEAST ? -1 : l->count[a * l->experts + b] / expected;
}

/* Finds the pairs of one layer with the greatest lift above 1; returns how many there are. */
static int closest_pairs(const layer_pairs *l, close_pair *pairs)
{
    int count = 0;
    for (int a = 0; a < l->experts; a++)
        for (int b = a + 1; b < l->experts; b++) {
            double lift = lift_of(l, a, b);
            if (lift <= (count < PAIRS ? 1 : pairs[count - 1].lift)) continue;
            int at = count < PAIRS ? count++ : count - 1;
            for (; at > 0 && pairs[at - 1].lift < lift; at--) pairs[at] = pairs[at - 1];
            pairs[at] = (close_pair){ a, b, lift };
        }
    return count;
}

static void pairs_table(byte_buffer *page, const layer_pairs *l)
{
    html_table(page, NULL, "In numbers");
    byte_buffer_format(page,
        "<caption>layer %d: times that both were picked, over what their loads would give</caption>"
        "<thead><tr><td>expert</td>",
        l->number);
    for (int e = 0; e < l->experts - 1; e++)
        byte_buffer_format(page, "<th scope=\"col\">%d</th>", e);
    byte_buffer_text(page, "</tr></thead><tbody>\n");
    for (int a = 1; a < l->experts; a++) {
        byte_buffer_format(page, "<tr><th scope=\"row\">%d</th>", a);
        for (int b = 0; b < a; b++) {
            double lift = lift_of(l, a, b);
            byte_buffer_format(page, "<td>%s</td>", lift < 0 ? "" : figure_digits(lift, 2).text);
        }
        byte_buffer_text(page, "</tr>\n");
    }
    byte_buffer_text(page, "</tbody>");
    html_table_end(page);
}

static void draw_layer(byte_buffer *page, const layer_pairs *l, int s, int8_t *levels, bool tabled)
{
    char label[96];
    int experts = l->experts;
    snprintf(label, sizeof label, "Layer %d: pairs of experts picked together", l->number);
    for (int a = 0; a < experts; a++)
        for (int b = 0; b < experts; b++) {
            double lift = b < a ? lift_of(l, a, b) : -1;
            levels[a * experts + b] = (int8_t)(lift < 0 ? -1 : heat_level(lift));
        }
    html_picture(page, "panel", "picked-together", l->number);
    byte_buffer_format(page, "<figcaption>layer %d</figcaption><div class=\"pairs\">", l->number);
    heat_draw(page, levels, experts, experts, label, s, HEAT_PAIRS);
    close_pair pairs[PAIRS];
    int count = closest_pairs(l, pairs);
    byte_buffer_text(page, "<ol>");
    for (int i = 0; i < count; i++)
        byte_buffer_format(page, "<li>%d + %d: %s×</li>", pairs[i].a, pairs[i].b,
            figure_digits(pairs[i].lift, 1).text);
    byte_buffer_text(page, "</ol></div>\n");
    if (tabled) pairs_table(page, l);
    html_picture_end(page);
}

/* Whether any pair of the layer was expected often enough. */
static bool tells(const layer_pairs *l)
{
    for (int a = 0; a < l->experts; a++)
        for (int b = 0; b < a; b++)
            if (lift_of(l, a, b) >= 0) return true;
    return false;
}

static bool drawn(const shape_layer *layer)
{
    return layer->picks > 1 && layer->experts > 1 && layer->experts <= DRAWN_EXPERTS;
}

static void draw_layers(
    byte_buffer *page, const model_shape *shape, const expert_pairs *p, int8_t *levels, bool tabled)
{
    int silent = 0;
    byte_buffer_text(page, "<div class=\"panels\">\n");
    for (int s = 0; s < shape->layers; s++) {
        if (!drawn(&shape->layer[s])) continue;
        layer_pairs l = pairs_of(shape, p, s);
        if (tells(&l)) draw_layer(page, &l, s, levels, tabled);
        else silent++;
    }
    byte_buffer_text(page, "</div>\n");
    if (silent)
        byte_buffer_format(page,
            "<p class=\"small\">In %d layer%s every pair is too rare to tell.</p>\n", silent,
            silent == 1 ? "" : "s");
}

void section_together(byte_buffer *page, const model_shape *shape, const expert_pairs *p)
{
    bool any = false;
    int64_t cells = 0;
    for (int s = 0; s < shape->layers; s++) {
        any |= drawn(&shape->layer[s]);
        cells += (int64_t)shape->layer[s].experts * shape->layer[s].experts / 2;
    }
    if (!any || !p->count) return;
    int8_t *levels = mem_alloc((size_t)DRAWN_EXPERTS * DRAWN_EXPERTS, 1);
    if (!levels) {
        page->status = CADRE_ENOMEM;
        return;
    }
    html_section(page, "together", "Picked together");
    byte_buffer_text(page, "<p>A row and a column are two experts; the shade tells how often "
                           "tokens picked both, compared with how often their loads alone would "
                           "make them. The closest pairs stand in the corner. Pairs that are "
                           "too rare to tell are left blank.</p>\n");
    heat_legend(page, "times what their loads would give");
    draw_layers(page, shape, p, levels, cells <= HTML_CELLS);
    if (cells > HTML_CELLS) html_too_many(page);
    html_section_end(page);
    mem_free(levels);
}

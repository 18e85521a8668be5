/* together.c - experts that a token picks together: for each layer how often every pair was met, against how often their
 * loads alone would have it, and the closest pairs by name. */
#include <stdio.h>

#include "base/memory.h"
#include "report/figure.h"
#include "report/heat.h"
#include "report/html.h"
#include "report/sections.h"

enum { DRAWN_EXPERTS = 256, PAIRS = 4, EXPECTED_LEAST = 3 }; /* pairs expected fewer times than that say nothing */

typedef struct expert_pair {
    int a, b;
    double lift;
} expert_pair;

/* Times that a and b were met, over what independent picks would give; negative where that is too little to tell. */
static double lift_of(const recording *r, int s, int a, int b)
{
    const shape_layer *layer = &r->shape.layer[s];
    double expected = r->loads[layer->first_expert + a] * r->loads[layer->first_expert + b] / (double)r->tokens;
    return expected < EXPECTED_LEAST ? -1 : r->together[s][a * layer->experts + b] / expected;
}

/* The pairs of one layer with the greatest lift above 1; returns how many. */
static int closest_pairs(const recording *r, int s, expert_pair *pairs)
{
    int count = 0;
    for (int a = 0; a < r->shape.layer[s].experts; a++)
        for (int b = a + 1; b < r->shape.layer[s].experts; b++) {
            double lift = lift_of(r, s, a, b);
            if (lift <= (count < PAIRS ? 1 : pairs[count - 1].lift)) continue;
            int at = count < PAIRS ? count++ : count - 1;
            for (; at > 0 && pairs[at - 1].lift < lift; at--) pairs[at] = pairs[at - 1];
            pairs[at] = (expert_pair){ a, b, lift };
        }
    return count;
}

static void draw_layer(byte_buffer *page, const recording *r, int s, int8_t *levels)
{
    const shape_layer *layer = &r->shape.layer[s];
    char label[96];
    snprintf(label, sizeof label, "Layer %lld: pairs of experts picked together", (long long)layer->number);
    for (int a = 0; a < layer->experts; a++)
        for (int b = 0; b < layer->experts; b++) {
            double lift = b < a ? lift_of(r, s, a, b) : -1;
            levels[a * layer->experts + b] = (int8_t)(lift < 0 ? -1 : heat_level(lift));
        }
    byte_buffer_format(page, "<figure class=\"panel\"><figcaption>layer %lld</figcaption><div class=\"pairs\">",
                       (long long)layer->number);
    heat_draw(page, levels, layer->experts, layer->experts, label);
    expert_pair pairs[PAIRS];
    int count = closest_pairs(r, s, pairs);
    byte_buffer_text(page, "<ol>");
    for (int i = 0; i < count; i++)
        byte_buffer_format(page, "<li>%d + %d: %s×</li>", pairs[i].a, pairs[i].b, figure_digits(pairs[i].lift, 1).text);
    byte_buffer_text(page, "</ol></div></figure>\n");
}

static bool drawn(const shape_layer *layer) { return layer->picks > 1 && layer->experts > 1 && layer->experts <= DRAWN_EXPERTS; }

void section_together(byte_buffer *page, const recording *r)
{
    bool any = false;
    for (int s = 0; s < r->shape.layers; s++) any |= drawn(&r->shape.layer[s]);
    if (!any || !r->together || !r->tokens) return;
    int8_t *levels = mem_alloc((size_t)DRAWN_EXPERTS * DRAWN_EXPERTS, 1);
    if (!levels) {
        page->status = CADRE_ENOMEM;
        return;
    }
    html_section(page, "together", "Picked together");
    byte_buffer_text(page, "<p>A row and a column are two experts; the shade tells how often tokens picked both, against how "
                           "often their loads alone would have it. In the corner the closest pairs. Pairs too rare to tell are "
                           "left blank.</p>\n");
    heat_legend(page, "times what their loads would give");
    byte_buffer_text(page, "<div class=\"panels\">\n");
    for (int s = 0; s < r->shape.layers; s++)
        if (drawn(&r->shape.layer[s])) draw_layer(page, r, s, levels);
    byte_buffer_text(page, "</div>\n");
    html_section_end(page);
    mem_free(levels);
}

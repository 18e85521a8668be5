/* types.c - which expert took which type of token, the banks beside, and what the model makes of
 * images and of words. */
#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/matrix.h"
#include "report/sections.h"

enum { TEXT_BYTES = 300 };

/* What matrices of a layer are drawn from. */
typedef struct layer_shares {
    double *share; /* [types, experts] of the expert's picks */
    int *column;   /* [experts] */
    bool *gap;     /* [experts] a bank begins */
    const char *name[MODALITY_TYPES];
} layer_shares;

static cadre_status open_shares(const training_run *r, layer_shares *s)
{
    const modality *m = &r->analysis.modality;
    int64_t most = 1;
    for (int l = 0; l < r->shape.layers; l++)
        if (r->shape.layer[l].experts > most) most = r->shape.layer[l].experts;
    *s = (layer_shares){ .share = MEM_ARRAY(double, m->types *most),
        .column = MEM_ARRAY(int, most),
        .gap = MEM_ARRAY(bool, most) };
    if (!s->share || !s->column || !s->gap) return CADRE_ENOMEM;
    for (int e = 0; e < most; e++) s->column[e] = e;
    for (int64_t k = 0, first = 0; k < m->types; first += m->type[k++].experts) {
        s->name[k] = m->type[k].name;
        if (first && first < most) s->gap[first] = true;
    }
    return CADRE_OK;
}

static void close_shares(layer_shares *s)
{
    mem_free(s->share);
    mem_free(s->column);
    mem_free(s->gap);
}

static int64_t picks_of(const modality *m, const shape_layer *layer, int e)
{
    int64_t sum = 0;
    for (int k = 0; k < m->types; k++) sum += modality_routed(m, layer)[k * layer->experts + e];
    return sum;
}

static int64_t picks_of_type(const modality *m, const shape_layer *layer, int k)
{
    int64_t sum = 0;
    for (int e = 0; e < layer->experts; e++)
        sum += modality_routed(m, layer)[k * layer->experts + e];
    return sum;
}

/* Computes the type's share of an expert's picks, or, where banks leave no choice of type, the
 * expert's share of the type's picks. Returns the largest. */
static double fill_shares(const modality *m, const shape_layer *layer, layer_shares *s)
{
    double most = 0;
    for (int k = 0; k < m->types; k++)
        for (int e = 0; e < layer->experts; e++) {
            int64_t own = modality_routed(m, layer)[k * layer->experts + e];
            int64_t all = m->type[0].experts ? picks_of_type(m, layer, k) : picks_of(m, layer, e);
            double share = all ? (double)own / (double)all : 0;
            s->share[k * layer->experts + e] = share;
            if (share > most) most = share;
        }
    return most;
}

static double plogp(double p) { return p > 0 ? p * log2(p) : 0; }

/* The mutual information of a pick's expert and its token's type, and the entropy of the type. */
static double bits_told(const modality *m, const shape_layer *layer, double *most)
{
    double all = 0, type = 0, expert = 0, joint = 0;
    for (int e = 0; e < layer->experts; e++) all += (double)picks_of(m, layer, e);
    if (!(all > 0)) return *most = 0;
    for (int k = 0; k < m->types; k++) {
        double sum = 0;
        for (int e = 0; e < layer->experts; e++) {
            double own = (double)modality_routed(m, layer)[k * layer->experts + e];
            sum += own;
            joint -= plogp(own / all);
        }
        type -= plogp(sum / all);
    }
    for (int e = 0; e < layer->experts; e++) expert -= plogp((double)picks_of(m, layer, e) / all);
    *most = type;
    return type + expert - joint;
}

static void caption(byte_buffer *page, const modality *m, const shape_layer *layer)
{
    double most, told = bits_told(m, layer, &most);
    byte_buffer_format(page, "<figcaption>layer %lld<span>", (long long)layer->number);
    if (m->type[0].experts) {
        for (int64_t k = 0, first = 0; k < m->types; first += m->type[k++].experts) {
            byte_buffer_text(page, k ? " · " : "");
            html_cut(page, m->type[k].name, 24);
            byte_buffer_format(
                page, ": %lld–%lld", (long long)first, (long long)(first + m->type[k].experts - 1));
        }
    } else
        byte_buffer_format(
            page, "<b>%s of %s bits</b>", figure_digits(told, 2).text, figure_digits(most, 2).text);
    byte_buffer_text(page, "</span></figcaption>");
}

static void layer_table(
    byte_buffer *page, const modality *m, const shape_layer *layer, const char *id)
{
    html_table(page, id, "In numbers");
    byte_buffer_format(page, "<caption>layer %lld, picks by tokens of the type</caption>",
        (long long)layer->number);
    byte_buffer_text(page, "<thead><tr><td></td>");
    for (int e = 0; e < layer->experts; e++)
        byte_buffer_format(page, "<th scope=\"col\">%d</th>", e);
    byte_buffer_text(page, "</tr></thead><tbody>\n");
    for (int k = 0; k < m->types; k++) {
        byte_buffer_text(page, "<tr><th scope=\"row\">");
        html_cut(page, m->type[k].name, 40);
        byte_buffer_text(page, "</th>");
        for (int e = 0; e < layer->experts; e++)
            byte_buffer_format(page, "<td>%s</td>",
                figure_whole((double)modality_routed(m, layer)[k * layer->experts + e]).text);
        byte_buffer_text(page, "</tr>\n");
    }
    byte_buffer_text(page, "</tbody>");
    html_table_end(page);
}

static void draw_layer(
    byte_buffer *page, const training_run *r, int s, layer_shares *shares, double full)
{
    const modality *m = &r->analysis.modality;
    const shape_layer *layer = &r->shape.layer[s];
    char label[96], id[24];
    bool tabled = (int64_t)r->shape.experts * m->types <= HTML_CELLS;
    snprintf(label, sizeof label, "Layer %lld: types of tokens by expert, as areas",
        (long long)layer->number);
    snprintf(id, sizeof id, "types-%d", s);
    fill_shares(m, layer, shares);
    matrix picture = { .rows = m->types,
        .columns = layer->experts,
        .share = shares->share,
        .full = full,
        .row_name = shares->name,
        .column = shares->column,
        .gap = shares->gap,
        .layer = s,
        .table = tabled ? id : NULL,
        .label = label };
    html_picture(page, "panel fit", "who-takes-which-type", layer->number);
    caption(page, m, layer);
    matrix_draw(page, &picture);
    if (tabled) layer_table(page, m, layer, id);
    html_picture_end(page);
}

/* ---- how well each type is predicted ---- */

static void type_list(byte_buffer *page, const modality *m)
{
    byte_buffer_text(page, "<div class=\"wide\"><table class=\"numbers\"><thead><tr><th "
                           "scope=\"col\">type</th><th scope=\"col\">tokens</th><th "
                           "scope=\"col\">bits a token</th><th scope=\"col\">experts of its "
                           "own</th></tr></thead><tbody>\n");
    for (int k = 0; k < m->types; k++) {
        const modality_type *t = &m->type[k];
        byte_buffer_text(page, "<tr><th scope=\"row\">");
        html_cut(page, t->name, 40);
        byte_buffer_format(page, "</th><td>%s</td><td>%s</td><td>%lld</td></tr>\n",
            isnan(t->tokens) ? "" : figure_whole(t->tokens).text,
            isnan(t->bits_per_token) ? "" : figure_digits(t->bits_per_token, 3).text,
            (long long)t->experts);
    }
    byte_buffer_text(page, "</tbody></table></div>\n");
}

/* ---- samples ---- */

static void put_png(byte_buffer *page, const char *png, const char *words)
{
    byte_buffer_format(page,
        "<img alt=\"%s\" title=\"%s\" width=\"96\" height=\"96\" "
        "style=\"image-rendering:pixelated;margin-right:.5em\" "
        "src=\"data:image/png;base64,",
        words, words);
    byte_buffer_text(page, png);
    byte_buffer_text(page, "\">");
}

/* What was made is an image, or a text after the words. */
static void put_sample(byte_buffer *page, const modality_sample *s, bool drawn)
{
    byte_buffer_text(page, "<article><h3>");
    html_cut(page, s->domain, 40);
    byte_buffer_text(page, "</h3><p>");
    put_png(page, s->image, "held out");
    if (drawn) put_png(page, s->made, "drawn");
    byte_buffer_text(
        page, drawn ? "</p><p dir=\"auto\">" : "</p><p dir=\"auto\"><span class=\"prompt\">");
    html_cut(page, s->words, TEXT_BYTES);
    if (!drawn) {
        byte_buffer_text(page, "</span><br>");
        html_cut(page, s->made, TEXT_BYTES);
    }
    byte_buffer_text(page, "</p></article>\n");
}

static void put_samples(
    byte_buffer *page, const modality_samples *samples, bool drawn, const char *heading)
{
    if (!samples->count) return;
    byte_buffer_text(page, heading);
    byte_buffer_text(page, "<div class=\"samples\">\n");
    for (int i = 0; i < samples->count; i++) put_sample(page, &samples->sample[i], drawn);
    byte_buffer_text(page, "</div>\n");
}

/* ---- the section ---- */

static void draw_layers(byte_buffer *page, const training_run *r)
{
    layer_shares shares;
    cadre_status status = open_shares(r, &shares);
    double full = 0, most;
    if (status != CADRE_OK) page->status = status;
    for (int s = 0; status == CADRE_OK && s < r->shape.layers; s++)
        if ((most = fill_shares(&r->analysis.modality, &r->shape.layer[s], &shares)) > full)
            full = most;
    if (full > 0) matrix_legend(page, full);
    byte_buffer_text(page, "<div class=\"panels fit\">\n");
    for (int s = 0; full > 0 && s < r->shape.layers; s++) draw_layer(page, r, s, &shares, full);
    byte_buffer_text(page, "</div>\n");
    close_shares(&shares);
}

void section_types(byte_buffer *page, const training_run *r)
{
    const modality *m = &r->analysis.modality;
    if (!m->types) return;
    html_section(page, "types", "Who takes which modality");
    byte_buffer_text(page, "<p>A row is a type of token, a column an expert; the area of a square "
                           "is ");
    byte_buffer_text(page, m->type[0].experts
                               ? "the expert’s share of the type’s picks on validation text. Each "
                                 "type has a bank of experts of its own, which the caption names; "
                                 "shared experts, which stand in no column, serve all.</p>\n"
                               : "the type’s share of the expert’s picks on validation text. All "
                                 "experts are open to all types. Above each layer: how many bits "
                                 "about the type one pick tells, of those that there are to "
                                 "tell.</p>\n");
    type_list(page, m);
    if (m->routed) draw_layers(page, r);
    put_samples(page, &m->drawn, true,
        "<h3>Words to images</h3><p>The held-out image, and beside it what the model draws of the "
        "words in front.</p>");
    put_samples(page, &m->written, false,
        "<h3>Images to words</h3><p>A held-out image, its words set in grey, and what the model "
        "writes of it.</p>");
    html_section_end(page);
}

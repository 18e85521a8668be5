/* reading.c - passages of text. Each token is underlined in the colour of its heaviest expert,
 * whose number stands where another begins.
 *
 * The page holds every layer's picks as letters. One layer is drawn here; the page's script
 * exchanges it for others. */
#include <math.h>
#include <string.h>

#include "report/figure.h"
#include "report/html.h"
#include "report/paint.h"
#include "report/sections.h"

/* The picks of a passage that the page holds, and the tokens that are kept on one line */
enum { PICKS_MOST = 120000, GROUP_MOST = 8 };

static const char letter[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int tokens_shown(const passage *p, const model_shape *shape)
{
    int most = PICKS_MOST / shape->picks;
    return p->tokens < most ? p->tokens : most;
}

/* ---- picks as letters: two of base 64 for the expert (4095: none), two for the weight as a share
 * of the greatest ---- */

static void put_pair(byte_buffer *page, int value)
{
    char pair[2] = { letter[value >> 6 & 63], letter[value & 63] };
    byte_buffer_put(page, pair, 2);
}

static double greatest_weight(const passage *p, const model_shape *shape, int tokens)
{
    double most = 0;
    for (int64_t i = 0; i < (int64_t)tokens * shape->picks; i++) most = fmax(most, p->weight[i]);
    return most;
}

static void put_picks(byte_buffer *page, const passage *p, const model_shape *shape, int tokens)
{
    double scale = greatest_weight(p, shape, tokens);
    byte_buffer_format(page, " data-scale=\"%.0f\" data-picks=\"", scale * 1e6);
    for (int s = 0; s < shape->layers; s++) {
        const shape_layer *layer = &shape->layer[s];
        for (int t = 0; t < tokens; t++)
            for (int k = 0; k < layer->picks; k++) {
                int64_t at = (int64_t)t * shape->picks + layer->first_pick + k;
                put_pair(page, p->expert[at] < 0 ? 4095 : p->expert[at]);
                put_pair(page, scale > 0 ? (int)(fmax(p->weight[at], 0) / scale * 4095 + 0.5) : 0);
            }
    }
    byte_buffer_text(page, "\"");
}

static void put_paints(byte_buffer *page, const model_shape *shape, const affinity *a)
{
    byte_buffer_text(page, " data-paints=\"");
    for (int s = 0; s < shape->layers; s++) {
        if (s) byte_buffer_text(page, " ");
        for (int e = 0; e < shape->layer[s].experts; e++)
            byte_buffer_put(page, &letter[affinity_paint(a, &shape->layer[s], e)], 1);
    }
    byte_buffer_text(page, "\" data-layers=\"");
    for (int s = 0; s < shape->layers; s++)
        byte_buffer_format(page, s ? " %lld:%d" : "%lld:%d", (long long)shape->layer[s].number,
            shape->layer[s].picks);
    byte_buffer_text(page, "\"");
}

/* ---- the text ---- */

/* A line's end is shown and also breaks the line. A token without text (part of a character) is a
 * dot. */
static void put_token_text(byte_buffer *page, const char *text)
{
    size_t size = strcspn(text, "\n");
    html_bytes(page, text, size);
    if (text[size] == '\n') byte_buffer_text(page, "↵");
    if (!*text) byte_buffer_text(page, "·");
}

static bool breaks_before(const char *text)
{
    return !*text || strchr(" \n\t", *text) || (unsigned char)*text >= 0xE2;
}

static int digits_of(int number)
{
    return number < 10 ? 1 : number < 100 ? 2 : number < 1000 ? 3 : 4;
}

static void put_token(
    byte_buffer *page, const passage *p, int t, const char *text, int expert, int before, int paint)
{
    bool numbered = expert >= 0 && expert != before;
    if (expert < 0) byte_buffer_text(page, "<span class=\"t\"");
    else
        byte_buffer_format(
            page, "<span class=\"t c%d s%d", paint / PAINT_TINTS, paint % PAINT_TINTS);
    if (numbered) byte_buffer_format(page, " n%d\" data-n=\"%d", digits_of(expert), expert);
    if (expert >= 0) byte_buffer_text(page, "\"");
    if (p->prompt[t]) byte_buffer_text(page, " data-given");
    byte_buffer_text(page, ">");
    put_token_text(page, text);
    byte_buffer_text(page, "</span>");
}

static void put_text(byte_buffer *page, const passage *p, const model_shape *shape,
    const affinity *a, int layer, int tokens)
{
    int before = -1, grouped = 0;
    for (int t = 0; t < tokens; t++) {
        const char *text = p->text.data + p->begin[t];
        int expert = passage_first(p, shape, t, layer);
        if (grouped && (breaks_before(text) || grouped == GROUP_MOST)) {
            byte_buffer_text(page, "</span>");
            grouped = 0;
        }
        if (!grouped++) byte_buffer_text(page, "<span class=\"w\">");
        put_token(page, p, t, text, expert, before,
            expert < 0 ? 0 : affinity_paint(a, &shape->layer[layer], expert));
        before = expert;
        if (!strchr(text, '\n')) continue;
        byte_buffer_text(page, "</span><br>");
        grouped = 0;
        before = -1;
    }
    if (grouped) byte_buffer_text(page, "</span>");
}

/* The picks of a token in a layer, the heaviest first, with their weights if they are given. */
static void put_pick_cell(
    byte_buffer *page, const passage *p, const model_shape *shape, int t, int s)
{
    const shape_layer *layer = &shape->layer[s];
    int64_t at = (int64_t)t * shape->picks + layer->first_pick;
    byte_buffer_text(page, "<td>");
    for (int k = 0; k < layer->picks && p->expert[at + k] >= 0; k++) {
        byte_buffer_format(page, k ? ", %d" : "%d", p->expert[at + k]);
        if (p->weight[at + k] > 0)
            byte_buffer_format(page, " (%s)", figure_digits(p->weight[at + k], 2).text);
    }
    byte_buffer_text(page, "</td>");
}

static void put_numbers(byte_buffer *page, const passage *p, const model_shape *shape, int tokens)
{
    html_table(page, NULL, "In numbers");
    byte_buffer_text(page, "<thead><tr><th scope=\"col\">token</th>");
    for (int s = 0; s < shape->layers; s++)
        byte_buffer_format(
            page, "<th scope=\"col\">layer %lld</th>", (long long)shape->layer[s].number);
    byte_buffer_text(page, "</tr></thead><tbody>\n");
    for (int t = 0; t < tokens; t++) {
        byte_buffer_text(page, "<tr><th scope=\"row\">");
        put_token_text(page, p->text.data + p->begin[t]);
        byte_buffer_text(page, "</th>");
        for (int s = 0; s < shape->layers; s++) put_pick_cell(page, p, shape, t, s);
        byte_buffer_text(page, "</tr>\n");
    }
    byte_buffer_text(page, "</tbody>");
    html_table_end(page);
}

static void put_passage(byte_buffer *page, const passage *p, const model_shape *shape,
    const affinity *a, int layer, bool tabled)
{
    int tokens = tokens_shown(p, shape);
    byte_buffer_text(page, "<article class=\"passage\"");
    put_picks(page, p, shape, tokens);
    byte_buffer_text(page, "><h3>");
    html_cut(page, p->domain ? p->domain : "text", 40);
    byte_buffer_text(page, "</h3>");
    html_picture(page, "", "token-by-token", -1);
    byte_buffer_text(page, "<p class=\"tokens\" tabindex=\"0\" dir=\"auto\"");
    if (p->domain) html_language(page, p->domain);
    byte_buffer_text(page, ">");
    put_text(page, p, shape, a, layer, tokens);
    byte_buffer_text(page, "</p>");
    if (tokens < p->whole)
        byte_buffer_format(page, "<p class=\"small\">The first %s of %s tokens.</p>",
            figure_whole(tokens).text, figure_whole((double)p->whole).text);
    if (tabled) put_numbers(page, p, shape, tokens);
    html_picture_end(page);
    byte_buffer_text(page, "</article>\n");
}

void section_passages(byte_buffer *page, const passage *passages, int count,
    const model_shape *shape, const affinity *a)
{
    int some = 0, layer = affinity_clearest_layer(a, shape);
    int64_t picks = 0;
    for (int i = 0; i < count; i++) {
        some += passages[i].tokens > 0;
        picks += (int64_t)tokens_shown(&passages[i], shape) * shape->picks;
    }
    if (!some) return;
    html_section(page, "passages", "Token by token");
    byte_buffer_text(page, "<p>Each token is underlined in the paint of the expert that has the "
                           "most weight; the number "
                           "below names the expert where it changes.");
    if (a->domains)
        byte_buffer_text(page, " Hues are those of the domain in which an expert leads.");
    byte_buffer_format(page,
        "<span class=\"static\"> Shown is layer <b>%lld</b>.</span></p>\n<div class=\"reader\" "
        "data-layer=\"%d\"",
        (long long)shape->layer[layer].number, layer);
    put_paints(page, shape, a);
    byte_buffer_text(page, ">\n<div class=\"controls\"></div>\n");
    for (int i = 0; i < count; i++)
        if (passages[i].tokens)
            put_passage(page, &passages[i], shape, a, layer, picks <= HTML_CELLS);
    byte_buffer_text(page, "<div class=\"counts\"></div></div>\n");
    if (picks > HTML_CELLS) html_too_many(page);
    html_section_end(page);
}

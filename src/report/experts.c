/* experts.c - the tokens that each expert takes more often than chance, with places where they
 * occurred: one row for each expert, which the reader can open. */
#include <string.h>

#include "report/figure.h"
#include "report/html.h"
#include "report/paint.h"
#include "report/sections.h"

enum { ALL_TOKENS = 3000, TOKEN_BYTES = 40 }; /* on the page; bytes of a token */

/* Writes text with signs for its line ends and, with `spaces`, for its spaces, whose number is
 * written. */
static void put_text(byte_buffer *page, const char *text, bool spaces)
{
    while (*text) {
        size_t plain = strcspn(text, spaces ? "\n " : "\n"), run = strspn(text + plain, " ");
        html_bytes(page, text, plain);
        text += plain;
        if (*text == '\n') byte_buffer_text(page, "↵");
        else if (run > 1) byte_buffer_format(page, "␣×%zu", run);
        else if (run) byte_buffer_text(page, "␣");
        text += *text == '\n' ? 1 : run;
    }
}

static void put_token(byte_buffer *page, const char *text)
{
    byte_buffer_text(page, "<q>");
    if (strlen(text) <= TOKEN_BYTES) put_text(page, text, true);
    else html_cut(page, text, TOKEN_BYTES);
    byte_buffer_text(page, "</q>");
}

static void put_contexts(byte_buffer *page, const top_token *t)
{
    for (int i = 0; i < t->contexts; i++) {
        byte_buffer_text(page, i ? "<br>" : "");
        put_text(page, t->context[i][0], false);
        byte_buffer_text(page, "<b>");
        put_text(page, t->context[i][1], false);
        byte_buffer_text(page, "</b>");
        put_text(page, t->context[i][2], false);
    }
}

static void put_rows(byte_buffer *page, const top_token *token, int count, int expert)
{
    byte_buffer_format(page,
        "<div class=\"wide\"><table class=\"numbers\"><caption>expert %d</caption><thead><tr>"
        "<th scope=\"col\">token</th><th scope=\"col\">taken</th><th scope=\"col\">of</th>"
        "<th scope=\"col\">where it stood</th></tr></thead><tbody>\n",
        expert);
    for (int i = 0; i < count; i++) {
        byte_buffer_text(page, "<tr><td>");
        put_token(page, token[i].text);
        byte_buffer_format(page, "</td><td>%s</td>", figure_whole((double)token[i].count).text);
        byte_buffer_format(
            page, "<td>%s</td><td class=\"context\">", figure_whole((double)token[i].of).text);
        put_contexts(page, &token[i]);
        byte_buffer_text(page, "</td></tr>\n");
    }
    byte_buffer_text(page, "</tbody></table></div>");
}

static void put_expert(
    byte_buffer *page, const training_run *r, const affinity *a, int s, int e, int most)
{
    const shape_layer *layer = &r->shape.layer[s];
    const top_tokens *t = &r->analysis.top;
    int at = layer->first_expert + e, paint = affinity_paint(a, layer, e);
    int count = t->first[at + 1] - t->first[at];
    if (count > most) count = most;
    byte_buffer_format(
        page, "<details class=\"expert\" data-layer=\"%d\" data-expert=\"%d\"><summary>", s, e);
    byte_buffer_format(
        page, "<span class=\"t c%d s%d\">%d</span>", paint / PAINT_TINTS, paint % PAINT_TINTS, e);
    if (a->domains && a->leading[at] >= 0) {
        byte_buffer_text(page, "<small>");
        html_cut(page, r->analysis.domain[a->leading[at]].name, 12);
        byte_buffer_text(page, "</small>");
    }
    byte_buffer_text(page, "<span class=\"chips\">");
    for (int i = 0; i < count; i++) put_token(page, t->token[t->first[at] + i].text);
    if (!count) byte_buffer_text(page, "<small>no token more often than chance</small>");
    byte_buffer_text(page, "</span></summary>");
    if (count) put_rows(page, t->token + t->first[at], count, e);
    byte_buffer_text(page, "</details>\n");
}

static int tokens_of_each(const model_shape *shape)
{
    int each = ALL_TOKENS / shape->experts;
    return each > TOP_TOKENS ? TOP_TOKENS : each < 1 ? 1 : each;
}

void section_experts(byte_buffer *page, const training_run *r, const affinity *a)
{
    if (!r->analysis.top.token) return;
    int each = tokens_of_each(&r->shape), shown = 0;
    html_section(page, "experts", "What each expert takes");
    byte_buffer_text(page,
        "<p>The tokens of validation text that an expert takes more often than "
        "its load would explain; the most telling ones come first. Open a row to "
        "see how often it took each token, how often the token occurred, and "
        "where it stood.</p>\n");
    for (int s = 0; s < r->shape.layers && shown < ALL_TOKENS; s++) {
        const shape_layer *layer = &r->shape.layer[s];
        html_picture(page, "expert-list", "top-tokens", layer->number);
        byte_buffer_format(page, "<figcaption>layer %lld</figcaption><div class=\"experts\">\n",
            (long long)layer->number);
        for (int i = 0; i < layer->experts; i++, shown++)
            put_expert(page, r, a, s, a->order[layer->first_expert + i], each);
        byte_buffer_text(page, "</div>");
        html_picture_end(page);
    }
    if (shown < r->shape.experts)
        byte_buffer_text(
            page, "<p class=\"small\">Those of further layers stand in analysis.json.</p>\n");
    html_section_end(page);
}

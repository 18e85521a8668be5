/* compression.c - bits per byte of each domain's validation text, and what compressors make of the
 * same bytes. */
#include <math.h>

#include "report/figure.h"
#include "report/html.h"
#include "report/sections.h"

enum { SHAPES = 4 }; /* of marks, after which they repeat */

static double greatest(const run_analysis *c)
{
    double most = 0;
    for (int d = 0; d < c->domains; d++) {
        most = fmax(most, c->domain[d].bits_per_byte);
        for (int i = 0; i < c->methods; i++) most = fmax(most, c->method[i].bits_per_byte[d]);
    }
    return most;
}

static void mark(byte_buffer *page, const char *style, int shape, double share)
{
    byte_buffer_format(page, "<i class=\"mark %s m%d\" style=\"left:", style, shape % SHAPES);
    html_percent(page, share);
    byte_buffer_text(page, "\"></i>");
}

/* Joins the least and the greatest mark of a domain with a thin line. */
static void draw_span(byte_buffer *page, const run_analysis *c, int d, double most)
{
    double low = c->domain[d].bits_per_byte, high = low;
    for (int i = 0; i < c->methods; i++) {
        low = fmin(low, c->method[i].bits_per_byte[d]);
        high = fmax(high, c->method[i].bits_per_byte[d]);
    }
    byte_buffer_text(page, "<i class=\"join\" style=\"left:");
    html_percent(page, low / most);
    byte_buffer_text(page, ";width:");
    html_percent(page, (high - low) / most);
    byte_buffer_text(page, "\"></i>");
}

static void put_bits(byte_buffer *page, double bits)
{
    byte_buffer_format(page, "<td>%s</td>", isnan(bits) ? "" : figure_digits(bits, 3).text);
}

static void draw_domain(byte_buffer *page, const run_analysis *c, int d, double most)
{
    const analysis_domain *domain = &c->domain[d];
    byte_buffer_text(page, "<tr><th scope=\"row\">");
    html_cut(page, domain->name, 40);
    byte_buffer_text(page, "</th><td class=\"dots\" aria-hidden=\"true\"><div>");
    if (!isnan(domain->bits_per_byte)) draw_span(page, c, d, most);
    for (int i = 0; i < c->methods; i++)
        if (!isnan(c->method[i].bits_per_byte[d]))
            mark(page, "other", i, c->method[i].bits_per_byte[d] / most);
    if (!isnan(domain->bits_per_byte)) mark(page, "ours", 0, domain->bits_per_byte / most);
    byte_buffer_text(page, "</div></td>");
    put_bits(page, domain->bits_per_byte);
    for (int i = 0; i < c->methods; i++) put_bits(page, c->method[i].bits_per_byte[d]);
    byte_buffer_format(
        page, "<td>%s</td></tr>\n", isnan(domain->bytes) ? "" : figure_short(domain->bytes).text);
}

static void notes(byte_buffer *page, const run_analysis *c)
{
    for (int i = 0; i < c->methods; i++) {
        if (!c->method[i].note || !*c->method[i].note) continue;
        byte_buffer_text(page, "<p class=\"small\"><b>");
        html_cut(page, c->method[i].name, 60);
        byte_buffer_text(page, "</b>: ");
        html_cut(page, c->method[i].note, 400);
        byte_buffer_text(page, "</p>\n");
    }
}

void section_compression(byte_buffer *page, const training_run *r)
{
    const run_analysis *c = &r->analysis;
    double most = greatest(c);
    if (!(most > 0)) return;
    html_section(page, "compression", "Bits per byte");
    byte_buffer_text(page, "<p>Of each domain’s validation text; fewer is better.</p>\n");
    html_picture(page, "", "bits-per-byte", -1);
    byte_buffer_text(page,
        "<div class=\"wide\"><table class=\"compression\"><thead><tr><td></td>"
        "<td class=\"dots axis\" aria-hidden=\"true\"><div><span>0</span><span>");
    byte_buffer_format(page, "%s</span></div></td>", figure_digits(most, 1).text);
    byte_buffer_text(page, "<th scope=\"col\"><i class=\"mark ours m0\"></i>model</th>");
    for (int i = 0; i < c->methods; i++) {
        byte_buffer_format(page, "<th scope=\"col\"><i class=\"mark other m%d\"></i>", i % SHAPES);
        html_cut(page, c->method[i].name, 40);
        byte_buffer_text(page, "</th>");
    }
    byte_buffer_text(page, "<th scope=\"col\">bytes</th></tr></thead><tbody>\n");
    for (int d = 0; d < c->domains; d++) draw_domain(page, c, d, most);
    byte_buffer_text(page, "</tbody></table></div>\n");
    html_picture_end(page);
    notes(page, c);
    html_section_end(page);
}

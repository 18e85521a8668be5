/* comparison_results.c - what came of two runs: their losses and balance over the steps, bits per
 * byte and sharing by domain and layer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/chart.h"
#include "report/comparison.h"
#include "report/curve.h"
#include "report/figure.h"
#include "report/html.h"

/* ---- curves ---- */

static const char *const line_style[] = { "smooth", "second" };

static void key(byte_buffer *page, const run_side side[2], const char *axis)
{
    byte_buffer_text(page, "<div class=\"legend\">");
    for (int i = 0; i < 2; i++) {
        byte_buffer_format(page, "<span class=\"key\"><i class=\"stroke %s\"></i>", line_style[i]);
        html_cut(page, side[i].name, 40);
        byte_buffer_text(page, "</span>");
    }
    byte_buffer_format(page, "<span class=\"axis\">%s</span></div>\n", axis);
}

static void put_numbers(byte_buffer *page, const run_side side[2], const curve *c, const char *name)
{
    html_table(page, NULL, "In numbers");
    byte_buffer_format(page,
        "<thead><tr><th scope=\"col\">run</th><th scope=\"col\">step</th>"
        "<th scope=\"col\">%s</th></tr></thead><tbody>\n",
        name);
    for (int i = 0; i < 2; i++)
        for (int p = 0; p < c[i].count; p++) {
            byte_buffer_text(page, "<tr><th scope=\"row\">");
            html_cut(page, side[i].name, 40);
            byte_buffer_format(page, "</th><td>%s</td>", figure_whole(floor(c[i].x[p])).text);
            byte_buffer_format(page, "<td>%s</td></tr>\n", figure_value(c[i].mean[p]).text);
        }
    byte_buffer_text(page, "</tbody>");
    html_table_end(page);
}

static void draw_curves(byte_buffer *page, const curve *c, const chart_form *form, bool from_zero)
{
    double smoothed[HISTORY_POINTS], low = INFINITY, high = -INFINITY, first = INFINITY,
                                     last = -INFINITY;
    for (int i = 0; i < 2; i++)
        for (int p = 0; p < c[i].count; p++) {
            low = fmin(low, c[i].mean[p]);
            high = fmax(high, c[i].mean[p]);
            first = fmin(first, c[i].x[p]);
            last = fmax(last, c[i].x[p]);
        }
    chart drawn = { page, chart_scale_of(first, last, 8, false),
        chart_scale_of(from_zero ? 0 : low, high, 6, true) };
    static const char *const name[] = { "first run", "second run" };
    chart_begin(&drawn, form);
    chart_line(&drawn, c[0].x, c[0].mean, c[0].count, "faint", NULL);
    chart_line(&drawn, c[1].x, c[1].mean, c[1].count, "second faint", NULL);
    for (int i = 0; i < 2; i++) {
        curve_smooth(&c[i], smoothed);
        chart_line(&drawn, c[i].x, smoothed, c[i].count, line_style[i], name[i]);
    }
    chart_drawn(&drawn);
    chart_end(&drawn, form);
}

/* Mean over the layers of what each logged. */
static void curve_of_layers(const run_history *h, enum layer_metric which, curve *c)
{
    *c = (curve){ 0 };
    for (int p = 0; p < h->points; p++) {
        double sum = 0;
        int layers = 0;
        for (int s = 0; s < h->layers; s++) {
            const metric_point *at = history_layer(h, which, s) + p;
            sum += at->count ? metric_mean(at) : 0;
            layers += at->count > 0;
        }
        if (!layers) continue;
        c->x[c->count] = history_step(h, p);
        c->mean[c->count++] = sum / layers;
    }
}

void comparison_curves(byte_buffer *page, const run_side side[2])
{
    curve loss[2] = { 0 }, vio[2] = { 0 };
    for (int i = 0; i < 2; i++) {
        const run_history *h = &side[i].run.history;
        if (!h->points) continue;
        curve_of(h, history_scalar(h, METRIC_LOSS), &loss[i]);
        curve_of_layers(h, LAYER_MAX_VIO, &vio[i]);
    }
    if (!loss[0].count && !loss[1].count) return;
    html_section(page, "learning", "Learning");
    html_picture(page, "", "loss", -1);
    key(page, side, "cross-entropy of the next token, nats, by step, smoothed");
    draw_curves(page, loss,
        &(chart_form){ .style = "tall",
            .label = "Training loss of both runs by step",
            .x_name = "step",
            .y_name = "nats" },
        false);
    put_numbers(page, side, loss, "loss");
    html_picture_end(page);
    if (vio[0].count || vio[1].count) {
        byte_buffer_text(page, "<h3>Balance</h3><p>MaxVio, mean of the layers: how far the busiest "
                               "expert of a step is "
                               "above its fair share.</p>\n");
        html_picture(page, "", "maxvio", -1);
        key(page, side, "MaxVio by step, smoothed");
        draw_curves(page, vio,
            &(chart_form){ .style = "tall",
                .label = "MaxVio of both runs by step",
                .x_name = "step",
                .y_name = "MaxVio" },
            true);
        put_numbers(page, side, vio, "MaxVio");
        html_picture_end(page);
    }
    html_section_end(page);
}

/* ---- bits per byte ---- */

static double bits_of(const run_analysis *c, const char *name)
{
    for (int d = 0; d < c->domains; d++)
        if (!strcmp(c->domain[d].name, name)) return c->domain[d].bits_per_byte;
    return NAN;
}

static double greatest_bits(const run_analysis *c)
{
    double most = 0;
    for (int d = 0; d < c->domains; d++) most = fmax(most, c->domain[d].bits_per_byte);
    return most;
}

static void mark(byte_buffer *page, const char *style, double share)
{
    if (isnan(share)) return;
    byte_buffer_format(page, "<i class=\"mark %s\" style=\"left:", style);
    html_percent(page, share);
    byte_buffer_text(page, "\"></i>");
}

static void domain_row(byte_buffer *page, const char *name, double a, double b, double most)
{
    byte_buffer_text(page, "<tr><th scope=\"row\">");
    html_cut(page, name, 40);
    byte_buffer_text(page, "</th><td class=\"dots\" aria-hidden=\"true\"><div>");
    mark(page, "ours m0", a / most);
    mark(page, "second m1", b / most);
    byte_buffer_format(page, "</div></td><td>%s</td>", isnan(a) ? "" : figure_digits(a, 3).text);
    byte_buffer_format(page, "<td>%s</td>", isnan(b) ? "" : figure_digits(b, 3).text);
    double more = b - a;
    byte_buffer_format(page, "<td>%s%s</td></tr>\n", more > 0 ? "+" : "",
        isnan(more) ? "" : figure_digits(more, 3).text);
}

static void bits_table(byte_buffer *page, const run_side side[2], double most)
{
    const run_analysis *a = &side[0].run.analysis, *b = &side[1].run.analysis;
    byte_buffer_text(page,
        "<div class=\"wide\"><table class=\"compression\"><thead><tr><td></td>"
        "<td class=\"dots axis\" aria-hidden=\"true\"><div><span>0</span><span>");
    byte_buffer_format(page, "%s</span></div></td>", figure_digits(most, 1).text);
    for (int i = 0; i < 2; i++) {
        byte_buffer_format(
            page, "<th scope=\"col\"><i class=\"mark %s\"></i>", i ? "second m1" : "ours m0");
        html_cut(page, side[i].name, 40);
        byte_buffer_text(page, "</th>");
    }
    byte_buffer_text(page, "<th scope=\"col\">difference</th></tr></thead><tbody>\n");
    for (int d = 0; d < a->domains; d++)
        domain_row(page, a->domain[d].name, a->domain[d].bits_per_byte,
            bits_of(b, a->domain[d].name), most);
    for (int d = 0; d < b->domains; d++)
        if (isnan(bits_of(a, b->domain[d].name)))
            domain_row(page, b->domain[d].name, NAN, b->domain[d].bits_per_byte, most);
    byte_buffer_text(page, "</tbody></table></div>\n");
}

/* ---- sharing ---- */

static void sharing_cell(byte_buffer *page, const run_side *s, int layer)
{
    const affinity *a = &s->affinity;
    const shuffled_bits *chance = s->run.analysis.shuffled;
    if (!(a->most > 0) || layer >= s->run.shape.layers) {
        byte_buffer_text(page, "<td></td>");
        return;
    }
    byte_buffer_format(page, "<td>%s of ", figure_digits(a->bits[layer], 3).text);
    byte_buffer_format(page, "%s bits", figure_digits(a->most, 2).text);
    if (chance)
        byte_buffer_format(page, ", by chance %s ± %s", figure_digits(chance[layer].mean, 4).text,
            figure_digits(chance[layer].deviation, 4).text);
    byte_buffer_text(page, "<i class=\"meter\"><i style=\"width:");
    html_percent(page, fmin(a->bits[layer] / a->most, 1));
    byte_buffer_text(page, "\"></i></i></td>");
}

static void sharing(byte_buffer *page, const run_side side[2])
{
    int layers = side[0].run.shape.layers > side[1].run.shape.layers ? side[0].run.shape.layers
                                                                     : side[1].run.shape.layers;
    byte_buffer_text(page, "<h3>What domain and expert share</h3><p>Bits about the domain that one "
                           "pick tells, sparse layer "
                           "by sparse layer.</p>\n");
    html_picture(page, "", "sharing", -1);
    byte_buffer_text(page,
        "<div class=\"wide\"><table class=\"two\"><thead><tr><th scope=\"col\">sparse layer</th>");
    for (int i = 0; i < 2; i++) {
        byte_buffer_text(page, "<th scope=\"col\">");
        html_cut(page, side[i].name, 40);
        byte_buffer_text(page, "</th>");
    }
    byte_buffer_text(page, "</tr></thead><tbody>\n");
    for (int l = 0; l < layers; l++) {
        byte_buffer_format(page, "<tr><th scope=\"row\">%d</th>", l + 1);
        for (int i = 0; i < 2; i++) sharing_cell(page, &side[i], l);
        byte_buffer_text(page, "</tr>\n");
    }
    byte_buffer_text(page, "</tbody></table></div>\n");
    html_picture_end(page);
}

void comparison_domains(byte_buffer *page, const run_side side[2])
{
    double most = fmax(greatest_bits(&side[0].run.analysis), greatest_bits(&side[1].run.analysis));
    bool shared = side[0].affinity.most > 0 || side[1].affinity.most > 0;
    if (!(most > 0) && !shared) return;
    html_section(page, "domains", "Bits per byte");
    if (most > 0) {
        byte_buffer_text(page, "<p>Of each domain’s validation text; fewer is better.</p>\n");
        html_picture(page, "", "bits-per-byte", -1);
        bits_table(page, side, most);
        html_picture_end(page);
    }
    if (shared) sharing(page, side);
    html_section_end(page);
}

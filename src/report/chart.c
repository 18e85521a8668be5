/* chart.c - draws line charts. */
#include "report/chart.h"

#include <math.h>

#include "report/figure.h"
#include "report/html.h"

/* ---- scales ---- */

static double round_step(double rough)
{
    double power = pow(10, floor(log10(rough))), lead = rough / power;
    return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

chart_scale chart_scale_of(double low, double high, int wanted, bool grow)
{
    chart_scale s = { .low = low, .high = high };
    if (!(high - low > 1e-9 * fmax(fabs(high), fabs(low))))
        s.high = low + (low != 0 ? fabs(low) * 0.1 : 1);
    double step = round_step((s.high - s.low) / wanted);
    double first = grow ? floor(s.low / step + 1e-9) : ceil(s.low / step - 1e-9);
    double last = grow ? ceil(s.high / step - 1e-9) : floor(s.high / step + 1e-9);
    if (grow) s.low = first * step;
    if (grow) s.high = last * step;
    for (double i = first; i <= last && s.ticks < CHART_TICKS; i++) s.tick[s.ticks++] = i * step;
    return s;
}

static double share_of(const chart_scale *s, double value)
{
    double share = (value - s->low) / (s->high - s->low);
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

static int across(const chart *c, double x)
{
    return (int)(CHART_UNITS * share_of(&c->x, x) + 0.5);
}
static int down(const chart *c, double y)
{
    return CHART_UNITS - (int)(CHART_UNITS * share_of(&c->y, y) + 0.5);
}

/* ---- the frame ---- */

static void grid_path(chart *c)
{
    byte_buffer_text(c->page, "<path class=\"grid\" d=\"");
    for (int i = 0; i < c->y.ticks; i++)
        byte_buffer_format(c->page, "M0 %dh%d", down(c, c->y.tick[i]), CHART_UNITS);
    byte_buffer_text(c->page, "\"/>");
}

/* Writes integers with a power of ten, which every locale writes alike. */
static void range_attribute(byte_buffer *page, const char *name, double low, double high)
{
    int power = (int)ceil(log10(fmax(fabs(low), fabs(high)))) - 9;
    double unit = pow(10, power);
    byte_buffer_format(
        page, " data-%s=\"%.0fe%d %.0fe%d\"", name, low / unit, power, high / unit, power);
}

void chart_begin(chart *c, const chart_form *form)
{
    byte_buffer *page = c->page;
    byte_buffer_format(page, "<div class=\"chart %s\">", form->style);
    if (!form->bare) byte_buffer_text(page, "<div class=\"ys\" aria-hidden=\"true\">");
    for (int i = 0; i < c->y.ticks && !form->bare; i++) {
        byte_buffer_text(page, "<span style=\"top:");
        html_percent(page, 1 - share_of(&c->y, c->y.tick[i]));
        byte_buffer_format(
            page, "\">%s</span>", figure_tick(c->y.tick[i], c->y.tick[1] - c->y.tick[0]).text);
    }
    if (!form->bare) byte_buffer_text(page, "</div>");
    byte_buffer_format(page,
        "<div class=\"plot\"><svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\"", CHART_UNITS,
        CHART_UNITS);
    byte_buffer_format(page, " role=\"img\" aria-label=\"%s\"", form->label);
    range_attribute(page, "x", c->x.low, c->x.high);
    range_attribute(page, "y", c->y.low, c->y.high);
    if (form->fractions) byte_buffer_text(page, " data-fractions=\"\"");
    byte_buffer_format(page, " data-names=\"%s|%s\" tabindex=\"0\">", form->x_name, form->y_name);
    if (!form->bare) grid_path(c);
}

void chart_drawn(chart *c) { byte_buffer_text(c->page, "</svg>"); }

void chart_end(chart *c, const chart_form *form)
{
    byte_buffer_text(c->page, "</div>");
    if (!form->bare) byte_buffer_text(c->page, "<div class=\"xs\" aria-hidden=\"true\">");
    double step = form->fractions && c->x.ticks > 1 ? c->x.tick[1] - c->x.tick[0] : 1;
    for (int i = 0; i < c->x.ticks && !form->bare; i++) {
        byte_buffer_text(c->page, "<span style=\"left:");
        html_percent(c->page, share_of(&c->x, c->x.tick[i]));
        byte_buffer_format(c->page, "\">%s</span>", figure_tick(c->x.tick[i], step).text);
    }
    if (!form->bare) byte_buffer_text(c->page, "</div>");
    byte_buffer_text(c->page, "</div>\n");
}

/* ---- lines: a path begins with absolute coordinates and goes on with relative ones ---- */

static void open_path(chart *c, const char *style, const char *name)
{
    byte_buffer_format(c->page, "<path class=\"%s\"", style);
    if (name) byte_buffer_format(c->page, " data-name=\"%s\"", name);
    byte_buffer_text(c->page, " d=\"");
}

void chart_line(
    chart *c, const double *x, const double *y, int count, const char *style, const char *name)
{
    open_path(c, style, name);
    int px = 0, py = 0;
    bool down_on_paper = false;
    for (int i = 0; i < count; i++) {
        bool draw = isfinite(y[i]);
        if (draw) {
            int ax = across(c, x[i]), ay = down(c, y[i]);
            if (down_on_paper) byte_buffer_format(c->page, "l%d %d", ax - px, ay - py);
            else byte_buffer_format(c->page, "M%d %dh0", ax, ay);
            px = ax;
            py = ay;
        }
        down_on_paper = draw;
    }
    byte_buffer_text(c->page, "\"/>");
}

void chart_band(
    chart *c, const double *x, const double *low, const double *high, int count, const char *style)
{
    open_path(c, style, NULL);
    for (int begin = 0; begin < count; begin++) {
        int end = begin;
        while (end < count && isfinite(low[end])) end++;
        for (int i = begin; i < end; i++)
            byte_buffer_format(
                c->page, "%c%d %d", i == begin ? 'M' : 'L', across(c, x[i]), down(c, high[i]));
        for (int i = end - 1; i >= begin; i--)
            byte_buffer_format(c->page, "L%d %d", across(c, x[i]), down(c, low[i]));
        if (end > begin) byte_buffer_text(c->page, "z");
        begin = end;
    }
    byte_buffer_text(c->page, "\"/>");
}

/* A line of no length with round ends is a dot, whose size does not change when the drawing is
 * stretched. */
void chart_dots(
    chart *c, const double *x, const double *y, int count, const char *style, const char *name)
{
    open_path(c, style, name);
    for (int i = 0; i < count; i++)
        if (isfinite(y[i])) byte_buffer_format(c->page, "M%d %dh0", across(c, x[i]), down(c, y[i]));
    byte_buffer_text(c->page, "\"/>");
}

/* Neighbours in a row are drawn as one stroke. */
void chart_cells(
    chart *c, const int32_t *which, int rows, int columns, int32_t value, const char *style)
{
    open_path(c, style, NULL);
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < columns; i++) {
            int begin = i;
            while (i < columns && which[r * columns + i] == value) i++;
            if (i == begin) continue;
            int left = CHART_UNITS * begin / columns, right = CHART_UNITS * i / columns;
            int top = CHART_UNITS * r / rows, bottom = CHART_UNITS * (r + 1) / rows;
            byte_buffer_format(c->page, "M%d %dH%dV%dH%dz", left, top, right, bottom, left);
        }
    byte_buffer_text(c->page, "\"/>");
}

void chart_rule(chart *c, double y, const char *style)
{
    byte_buffer_format(
        c->page, "<path class=\"%s\" d=\"M0 %dh%d\"/>", style, down(c, y), CHART_UNITS);
}

void chart_note(chart *c, double x, double y, const char *style, const char *text)
{
    byte_buffer_format(c->page, "<span class=\"note %s\" style=\"left:", style);
    html_percent(c->page, share_of(&c->x, x));
    byte_buffer_text(c->page, ";top:");
    html_percent(c->page, 1 - share_of(&c->y, y));
    byte_buffer_format(c->page, "\">%s</span>", text);
}

/* matrix.c - draws a table of shares as squares, with one path for each row. */
#define _GNU_SOURCE
#include "report/matrix.h"

#include <math.h>
#include <string.h>

#include "report/figure.h"
#include "report/html.h"
#include "report/paint.h"

/* Lengths are in tenths of a pixel. */
enum {
    UNIT = 10,
    CELL_MOST = 17 * UNIT,
    CELL_LEAST = 4 * UNIT,
    WIDE = 930 * UNIT,
    TOP = 15 * UNIT
};
enum { HALF = 485 * UNIT, CELL_HALF = 12 * UNIT };
enum {
    DIGIT = 5 * UNIT,
    TOP_TURNED = 24 * UNIT
}; /* of the numbers above; where they stand upright because of their width */
/* Cells of at least LABELLED have labels. */
enum { LABEL_LETTER = 62, LABEL_BYTES = 10, LABELLED = 11 * UNIT, SEEN_LEAST = 5 };

static int margin(const matrix *m)
{
    size_t longest = 2;
    for (int r = 0; r < m->rows; r++) {
        size_t size = strnlen(m->row_name[r], LABEL_BYTES);
        if (size > longest) longest = size;
    }
    return (int)longest * LABEL_LETTER + 8 * UNIT;
}

/* Numbers that would touch their neighbours are rotated. */
static bool upwards(const matrix *m, int cell)
{
    int digits = m->columns > 100 ? 3 : m->columns > 10 ? 2 : 1;
    return digits * DIGIT + 2 * UNIT > cell;
}

static void draw_number(byte_buffer *page, int x, int top, int number, bool rotated)
{
    int y = top - 5 * UNIT;
    byte_buffer_format(
        page, "<text x=\"%d\" y=\"%d\" class=\"%s\"", x, y, rotated ? "col rotated" : "col");
    if (rotated) byte_buffer_format(page, " transform=\"rotate(-90 %d %d)\"", x, y);
    byte_buffer_format(page, ">%d</text>", number);
}

/* Cells that are large enough for numbers let two pictures stand side by side. Where they would be
 * smaller, one picture takes the width of the page. */
static int cell_size(const matrix *m, int left)
{
    int half = (HALF - left) / m->columns, size = half >= CELL_HALF ? half : WIDE / m->columns;
    return size > CELL_MOST ? CELL_MOST : size < CELL_LEAST ? CELL_LEAST : size / UNIT * UNIT;
}

static void draw_labels(byte_buffer *page, const matrix *m, int left, int top, int cell)
{
    bool rotated = upwards(m, cell);
    for (int r = 0; r < m->rows && cell >= LABELLED; r++) {
        byte_buffer_format(page, "<text x=\"%d\" y=\"%d\" class=\"row\">", left - 6 * UNIT,
            top + r * cell + cell / 2);
        html_cut(page, m->row_name[r], LABEL_BYTES);
        byte_buffer_text(page, "</text>");
    }
    for (int c = 0; c < m->columns && cell >= LABELLED; c++)
        draw_number(page, left + c * cell + cell / 2, top, m->column[c], rotated);
}

static void draw_rules(byte_buffer *page, const matrix *m, int left, int top, int cell)
{
    int right = m->columns * cell, bottom = m->rows * cell;
    byte_buffer_text(page, "<path class=\"lattice\" d=\"");
    for (int r = 0; r <= m->rows && m->rows <= 64; r++)
        byte_buffer_format(page, "M%d %dh%d", left, top + r * cell, right);
    byte_buffer_format(
        page, "M%d %dv%dM%d %dv%d\"/>", left, top, bottom, left + right, top, bottom);
    byte_buffer_text(page, "<path class=\"gap\" d=\"");
    for (int c = 1; c < m->columns; c++)
        if (m->gap[c]) byte_buffer_format(page, "M%d %dv%d", left + c * cell, top, bottom);
    byte_buffer_text(page, "\"/>");
}

static void draw_row(byte_buffer *page, const matrix *m, int r, int left, int top, int cell)
{
    byte_buffer_format(page, "<path class=\"c%d\" d=\"", paint_hue(r));
    for (int c = 0; c < m->columns; c++) {
        double share = m->share[(size_t)r * (size_t)m->columns + (size_t)m->column[c]];
        double side = sqrt(fmin(share / m->full, 1)) * (cell - UNIT);
        int s = (int)(side + 0.5);
        if (s < SEEN_LEAST) continue;
        byte_buffer_format(page, "M%d %dh%dv%dh-%dz", left + c * cell + (cell - s) / 2,
            top + r * cell + (cell - s) / 2, s, s, s);
    }
    byte_buffer_text(page, "\"/>");
}

void matrix_draw(byte_buffer *page, const matrix *m)
{
    int left = margin(m), cell = cell_size(m, left);
    int top = upwards(m, cell) ? TOP_TURNED : TOP;
    int width = left + m->columns * cell + UNIT, height = top + m->rows * cell + UNIT;
    byte_buffer_format(
        page, "<div class=\"wide\"><svg class=\"matrix\" role=\"img\" aria-label=\"%s\"", m->label);
    byte_buffer_format(page, " width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\"", width / UNIT,
        height / UNIT, width, height);
    if (m->table) byte_buffer_format(page, " data-table=\"%s\"", m->table);
    byte_buffer_format(page,
        " tabindex=\"0\" data-layer=\"%d\" data-kind=\"columns\" data-rows=\"%d\"", m->layer,
        m->rows);
    byte_buffer_format(page, " data-cell=\"%d %d %d\" data-order=\"", left, top, cell);
    for (int c = 0; c < m->columns; c++) byte_buffer_format(page, c ? " %d" : "%d", m->column[c]);
    byte_buffer_text(page, "\">");
    draw_rules(page, m, left, top, cell);
    draw_labels(page, m, left, top, cell);
    for (int r = 0; r < m->rows; r++) draw_row(page, m, r, left, top, cell);
    byte_buffer_text(page, "</svg></div>\n");
}

void matrix_legend(byte_buffer *page, double full)
{
    byte_buffer_text(page, "<div class=\"legend\">");
    for (int i = 0; i < 4; i++) {
        double share = full / (1 << (2 * (3 - i)));
        int side = 2 << i;
        byte_buffer_format(page,
            "<span class=\"key\"><i class=\"square\" "
            "style=\"width:%dpx;height:%dpx\"></i>%s</span>",
            side, side, figure_share(share).text);
    }
    byte_buffer_text(page, "</div>\n");
}

/* heat.c - draws maps of shades, with one path for each shade. Neighbours in a row with the same
 * shade are one stroke. */
#include "report/heat.h"

static const double bound[HEAT_LEVELS - 1] = { 0, 0.25, 0.5, 0.8, 1.25, 1.6, 2.0, 3.0 };
static const char *const level_name[HEAT_LEVELS] = { "none", "≤ ¼", "≤ ½", "≤ 0.8", "≤ 1.25",
    "≤ 1.6", "≤ 2", "≤ 3", "more" };

int heat_level(double times_fair)
{
    int level = 0;
    while (level < HEAT_LEVELS - 1 && times_fair > bound[level]) level++;
    return level;
}

static void draw_level(byte_buffer *page, const int8_t *levels, int rows, int columns, int level)
{
    size_t opened = page->size;
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            int begin = c;
            while (c < columns && levels[(int64_t)r * columns + c] == level) c++;
            if (c == begin) continue;
            if (page->size == opened) byte_buffer_format(page, "<path class=\"h%d\" d=\"", level);
            byte_buffer_format(page, "M%d %dh%dv1h-%dz", begin, r, c - begin, c - begin);
        }
    if (page->size > opened) byte_buffer_text(page, "\"/>");
}

void heat_draw(byte_buffer *page, const int8_t *levels, int rows, int columns, const char *label,
    int layer, enum heat_kind kind)
{
    byte_buffer_format(page,
        "<svg class=\"heat\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\"", columns, rows);
    byte_buffer_format(page, " data-layer=\"%d\" data-kind=\"%s\" tabindex=\"0\"", layer,
        kind == HEAT_ROWS ? "rows" : "pairs");
    byte_buffer_format(page, " role=\"img\" aria-label=\"%s\">", label);
    for (int level = 0; level < HEAT_LEVELS; level++)
        draw_level(page, levels, rows, columns, level);
    byte_buffer_text(page, "</svg>");
}

void heat_legend(byte_buffer *page, const char *of)
{
    byte_buffer_format(page, "<div class=\"legend\"><span>%s</span>", of);
    for (int level = 0; level < HEAT_LEVELS; level++)
        byte_buffer_format(
            page, "<span class=\"key\"><i class=\"h%d\"></i>%s</span>", level, level_name[level]);
    byte_buffer_text(page, "</div>\n");
}

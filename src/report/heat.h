/* heat.h - loads as shades: how far an expert is from its fair share, in few steps that a legend
 * can name and that differ in lightness, so that they hold without colour. */
#ifndef CADRE_REPORT_HEAT_H
#define CADRE_REPORT_HEAT_H

#include <stdint.h>

#include "base/buffer.h"

enum { HEAT_LEVELS = 9 };

int heat_level(double times_fair); /* 0: nothing at all ... HEAT_LEVELS - 1 */

/* What an expert of the sparse layer is in the map: a row, or a row and a column. */
enum heat_kind { HEAT_ROWS, HEAT_PAIRS };

/* levels[rows, columns]; -1: nothing is known, nothing is drawn. Stretches to the box it stands
 * in. */
void heat_draw(byte_buffer *page, const int8_t *levels, int rows, int columns, const char *label,
    int layer, enum heat_kind kind);
void heat_legend(byte_buffer *page, const char *of); /* of: what the numbers count */

#endif

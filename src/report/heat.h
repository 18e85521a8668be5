/* heat.h - loads as shades: how far an expert is from its fair share, in a few steps that a legend
 * can name. The steps differ in lightness, so that they can be told apart without colour. */
#ifndef CADRE_REPORT_HEAT_H
#define CADRE_REPORT_HEAT_H

#include <stdint.h>

#include "base/buffer.h"

enum { HEAT_LEVELS = 9 };

int heat_level(double times_fair); /* 0: no load at all ... HEAT_LEVELS - 1 */

/* How the map shows an expert of the sparse layer: as a row, or as a row and a column. */
enum heat_kind { HEAT_ROWS, HEAT_PAIRS };

/* levels[rows, columns]; -1: unknown, and nothing is drawn. The map stretches to its box. */
void heat_draw(byte_buffer *page, const int8_t *levels, int rows, int columns, const char *label,
    int layer, enum heat_kind kind);
void heat_legend(byte_buffer *page, const char *of); /* of: what the numbers count */

#endif

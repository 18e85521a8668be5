/* paint.h - the colours of the page. Colours repeat; where they do not tell things apart, numbers
 * and labels do. */
#ifndef CADRE_REPORT_PAINT_H
#define CADRE_REPORT_PAINT_H

enum { PAINT_HUES = 10, PAINT_TINTS = 3 };

static inline int paint_hue(int domain) { return domain % PAINT_HUES; }

#endif

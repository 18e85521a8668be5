/* paint.h - which of the page's colours stands for what. Colours repeat; numbers and labels tell
 * apart what they do not. */
#ifndef CADRE_REPORT_PAINT_H
#define CADRE_REPORT_PAINT_H

enum { PAINT_HUES = 10, PAINT_TINTS = 3 };

static inline int paint_hue(int domain) { return domain % PAINT_HUES; }

#endif

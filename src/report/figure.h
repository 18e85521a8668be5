/* figure.h - numbers as people read them: few digits, thin spaces, units. The decimal point is a
 * point in any locale. */
#ifndef CADRE_REPORT_FIGURE_H
#define CADRE_REPORT_FIGURE_H

enum { FIGURE_ROOM = 48 };

typedef struct figure {
    char text[FIGURE_ROOM];
} figure;

figure figure_whole(double n);                  /* 12 345 */
figure figure_short(double n);                  /* 12.3 k, 4.56 M */
figure figure_digits(double value, int digits); /* `digits` digits after the point */
figure figure_value(double value); /* four significant digits: 2.943, 0.01234, 1.2e-05 */
figure figure_tick(double value, double step); /* for an axis whose ticks are `step` apart */
figure figure_share(double share);             /* 12.3 % */
figure figure_time(double seconds);            /* 3 min 12 s */

#endif

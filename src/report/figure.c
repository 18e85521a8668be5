/* figure.c - writes numbers for people. */
#include "report/figure.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define THIN "\xE2\x80\xAF" /* narrow no-break space */
#define MINUS "\xE2\x88\x92"

/* Puts a printed number into our form: a point where the locale wrote a comma, and a minus sign in
 * place of a hyphen. */
static figure settle(const char *printed, const char *unit)
{
    figure f;
    bool negative = printed[0] == '-';
    snprintf(f.text, sizeof f.text, "%s%.32s%s", negative ? MINUS : "", printed + negative, unit);
    char *comma = strchr(f.text, ',');
    if (comma) *comma = '.';
    return f;
}

figure figure_digits(double value, int digits)
{
    char printed[FIGURE_ROOM];
    if (!isfinite(value) || fabs(value) >= 1e15) snprintf(printed, sizeof printed, "%.3g", value);
    else snprintf(printed, sizeof printed, "%.*f", digits, value);
    return settle(printed, "");
}

figure figure_whole(double n)
{
    char digits[FIGURE_ROOM];
    figure f = { { 0 } };
    if (!(fabs(n) < 1e18)) return figure_value(n);
    int size = snprintf(digits, sizeof digits, "%.0f", n);
    size_t used = 0;
    for (int i = 0; i < size; i++) {
        bool gap = i > 0 && (size - i) % 3 == 0 && size > 4 && digits[i - 1] != '-';
        used += (size_t)snprintf(
            f.text + used, sizeof f.text - used, "%s%c", gap ? THIN : "", digits[i]);
    }
    return f;
}

figure figure_short(double n)
{
    static const char *const unit[] = { "", THIN "k", THIN "M", THIN "G", THIN "T", THIN "P",
        THIN "E" };
    int u = 0;
    if (fabs(n) < 10000 && n == floor(n)) return figure_whole(n);
    if (!(fabs(n) < 1e21)) return figure_value(n);
    for (; fabs(n) >= 999.5 && u < 6; u++) n /= 1000;
    char printed[FIGURE_ROOM];
    snprintf(printed, sizeof printed, "%.*f",
        n == floor(n) || fabs(n) >= 99.95 ? 0
        : fabs(n) >= 9.995                ? 1
                                          : 2,
        n);
    return settle(printed, unit[u]);
}

figure figure_value(double value)
{
    double size = fabs(value);
    if (value == floor(value) && size < 1e6) return figure_whole(value);
    if (isfinite(value) && size >= 1000 && size < 1e6) return figure_whole(value);
    if (isfinite(value) && size >= 1e-3 && size < 1000)
        return figure_digits(value, size >= 100 ? 1 : size >= 10 ? 2 : size >= 0.1 ? 3 : 5);
    char printed[FIGURE_ROOM];
    snprintf(printed, sizeof printed, "%.2e", value);
    return settle(printed, "");
}

figure figure_tick(double value, double step)
{
    if (value == 0) return figure_digits(0, 0);
    if (step >= 1)
        return step >= 1000 || value >= 10000 ? figure_short(value) : figure_whole(value);
    if (step < 1e-4) {
        char printed[FIGURE_ROOM];
        snprintf(printed, sizeof printed, "%.0e", value);
        return settle(printed, "");
    }
    return figure_digits(value, (int)ceil(-log10(step) - 1e-9));
}

figure figure_share(double share)
{
    char printed[FIGURE_ROOM];
    snprintf(printed, sizeof printed, "%.*f", share >= 0.0995 || share == 0 ? 0 : 1, 100 * share);
    return settle(printed, THIN "%");
}

figure figure_time(double seconds)
{
    figure f;
    int64_t whole = seconds < 9e15 ? (int64_t)(seconds + 0.5) : 0;
    long long h = whole / 3600, m = whole / 60 % 60, s = whole % 60;
    if (seconds < 10) return settle(figure_digits(seconds, 1).text, THIN "s");
    if (h) snprintf(f.text, sizeof f.text, "%lld" THIN "h %02lld" THIN "min", h, m);
    else if (m) snprintf(f.text, sizeof f.text, "%lld" THIN "min %02lld" THIN "s", m, s);
    else snprintf(f.text, sizeof f.text, "%lld" THIN "s", s);
    return f;
}

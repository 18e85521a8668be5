/* print.c - tables, JSON and numbers. */
#define _GNU_SOURCE
#include "cli/print.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complain.h"

int print_json(json_t *value)
{
    if (!value) return complain_world("out of memory");
    int failed = json_dumpf(value, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(value);
    putchar('\n');
    return failed ? complain_world("stdout: could not be written") : EXIT_DONE;
}

json_t *print_json_real(double x) { return isfinite(x) ? json_real(x) : json_null(); }

/* ---- tables ---- */

struct print_table {
    const char *columns; /* static */
    int count;           /* cells */
    char **cells;        /* [count], row by row */
    bool failed;
};

print_table *print_table_begin(const char *columns)
{
    print_table *t = calloc(1, sizeof *t);
    if (t) t->columns = columns;
    return t;
}

void print_cell(print_table *t, const char *format, ...)
{
    if (!t || t->failed) return;
    char **cells = realloc(t->cells, ((size_t)t->count + 1) * sizeof *cells);
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (cells) t->cells = cells;
    t->failed = !cells || vasprintf(&text, format, args) < 0;
    va_end(args);
    if (!t->failed) t->cells[t->count++] = text;
}

/* Characters on the screen: the bytes that do not continue one. */
static int width_of(const char *text)
{
    int n = 0;
    for (; *text; text++) n += (*text & 0xC0) != 0x80;
    return n;
}

static int column_width(const print_table *t, int columns, int column)
{
    int widest = 0;
    for (int i = column; i < t->count; i += columns)
        if (width_of(t->cells[i]) > widest) widest = width_of(t->cells[i]);
    return widest;
}

static void put_cell(const print_table *t, int cell, int columns)
{
    int column = cell % columns, gap = column_width(t, columns, column) - width_of(t->cells[cell]);
    bool right = t->columns[column] == 'r', last = column == columns - 1;
    printf("%s%*s%s%*s%s", column ? "  " : "", right ? gap : 0, "", t->cells[cell], right || last ? 0 : gap, "", last ? "\n" : "");
}

int print_table_end(print_table *t)
{
    bool failed = !t || t->failed;
    for (int i = 0; t && i < t->count; i++) {
        if (!failed) put_cell(t, i, (int)strlen(t->columns));
        free(t->cells[i]);
    }
    if (t) free(t->cells);
    free(t);
    return failed ? complain_world("out of memory") : EXIT_DONE;
}

/* ---- numbers ---- */

const char *print_count(int64_t n, char text[PRINT_NUMBER])
{
    char digits[PRINT_NUMBER];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)n), used = 0;
    for (int i = 0; i < length; i++) {
        text[used++] = digits[i];
        int left = length - 1 - i;
        if (left && left % 3 == 0 && digits[i] != '-') text[used++] = ',';
    }
    text[used] = 0;
    return text;
}

static const char *scaled(double x, const char *const *units, char text[PRINT_NUMBER])
{
    int u = 0;
    for (; x >= 999.5 && units[u + 1]; u++) x /= 1000;
    snprintf(text, PRINT_NUMBER, u == 0 ? "%.0f%s%s" : x < 10 ? "%.2f%s%s" : x < 100 ? "%.1f%s%s" : "%.0f%s%s", x,
             *units[u] ? " " : "", units[u]);
    return text;
}

const char *print_short_count(double n, char text[PRINT_NUMBER])
{
    return scaled(n, (const char *const[]){ "", "thousand", "M", "B", "T", NULL }, text);
}

const char *print_bytes(double bytes, char text[PRINT_NUMBER])
{
    return scaled(bytes, (const char *const[]){ "bytes", "kB", "MB", "GB", "TB", "PB", NULL }, text);
}

/* print.c - prints tables, JSON and numbers. */
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
    int failed = json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    json_decref(value);
    putchar('\n');
    return failed ? complain_world("stdout: could not be written") : EXIT_DONE;
}

json_t *print_json_real(double x) { return isfinite(x) ? json_real(x) : json_null(); }

/* Bytes of the character at text[0 .. size), where 0 < size. *valid is false for malformed bytes,
 * which must be replaced. */
static size_t character(const unsigned char *text, size_t size, bool *valid)
{
    unsigned char first = text[0], low = 0x80, high = 0xBF;
    size_t length = first < 0x80   ? 1
                    : first < 0xC2 ? 0
                    : first < 0xE0 ? 2
                    : first < 0xF0 ? 3
                    : first < 0xF5 ? 4
                                   : 0;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
    size_t good = 1;
    for (; good < length && good < size && text[good] >= low && text[good] <= high; good++)
        low = 0x80, high = 0xBF;
    *valid = good == length;
    return good;
}

json_t *print_json_text(const char *text, size_t size)
{
    char *clean = malloc(3 * size + 1), *end = clean;
    if (!clean) return NULL;
    for (size_t at = 0, length; at < size; at += length) {
        bool valid;
        length = character((const unsigned char *)text + at, size - at, &valid);
        memcpy(end, valid ? text + at : "\xEF\xBF\xBD", valid ? length : 3);
        end += valid ? length : 3;
    }
    json_t *value = json_stringn(clean, (size_t)(end - clean));
    free(clean);
    return value;
}

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

static void add_cell(print_table *t, const char *format, va_list args)
{
    if (!t || t->failed) return;
    char **cells = realloc(t->cells, ((size_t)t->count + 1) * sizeof *cells);
    char *text = NULL;
    if (cells) t->cells = cells;
    t->failed = !cells || vasprintf(&text, format, args) < 0;
    if (!t->failed) t->cells[t->count++] = text;
}

void print_cell(print_table *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_cell(t, format, args);
    va_end(args);
}

void print_cells(print_table *t, const char *const *texts)
{
    for (; *texts; texts++) print_cell(t, "%s", *texts);
}

void print_row(print_table *t, const char *name, const char *format, ...)
{
    print_cell(t, "%s", name);
    va_list args;
    va_start(args, format);
    add_cell(t, format, args);
    va_end(args);
}

/* Characters on the screen: bytes that do not continue a character. */
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
    printf("%s%*s%s%*s%s", column ? "  " : "", right ? gap : 0, "", t->cells[cell],
        right || last ? 0 : gap, "", last ? "\n" : "");
}

int print_table_end(print_table *t)
{
    bool failed = !t || t->failed;
    for (int i = 0; !failed && i < t->count; i++) put_cell(t, i, (int)strlen(t->columns));
    for (int i = 0; t && i < t->count; i++) free(t->cells[i]);
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
    snprintf(text, PRINT_NUMBER,
        u == 0    ? "%.0f%s%s"
        : x < 10  ? "%.2f%s%s"
        : x < 100 ? "%.1f%s%s"
                  : "%.0f%s%s",
        x, *units[u] ? " " : "", units[u]);
    return text;
}

const char *print_short_count(double n, char text[PRINT_NUMBER])
{
    return scaled(n, (const char *const[]){ "", "thousand", "M", "B", "T", NULL }, text);
}

const char *print_bytes(double bytes, char text[PRINT_NUMBER])
{
    return scaled(
        bytes, (const char *const[]){ "bytes", "kB", "MB", "GB", "TB", "PB", NULL }, text);
}

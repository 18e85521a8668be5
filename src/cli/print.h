/* print.h - results on stdout: tables for people, JSON for programs, and numbers as people read
 * them. */
#ifndef CADRE_CLI_PRINT_H
#define CADRE_CLI_PRINT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* Prints one line of JSON and drops the reference. NULL means out of memory, which is reported.
 * Returns an exit code. */
int print_json(json_t *value);

json_t *print_json_real(double x);                      /* null if x is not finite */
json_t *print_json_text(const char *text, size_t size); /* malformed UTF-8 becomes U+FFFD */

/* ---- tables: cells come row by row; a column is as wide as its widest cell ---- */

typedef struct print_table print_table;

/* `columns` has one letter for each column, l or r. If memory runs out, cells are left out and
 * print_table_end reports it. */
print_table *print_table_begin(const char *columns);
void print_cell(print_table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void print_cells(print_table *t, const char *const *texts); /* NULL after the last */
/* Adds two cells. */
void print_row(print_table *t, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int print_table_end(print_table *t); /* prints and frees; returns an exit code */

/* Writes "1,234,567", "46.7 B" or "1.50 GB" into text, which is returned. */
enum { PRINT_NUMBER = 40 };
const char *print_count(int64_t n, char text[PRINT_NUMBER]);
const char *print_short_count(double n, char text[PRINT_NUMBER]);
const char *print_bytes(double bytes, char text[PRINT_NUMBER]);

#endif

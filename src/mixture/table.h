/* table.h - tables of numbers in CSV files: a line of names, then rows of cells between commas.
 *
 * Cells may be in double quotes (RFC 4180) and have blanks around them. Lines may end as on any
 * system, and empty lines are skipped. What is not a table is refused with its file, line and
 * column. */
#ifndef CADRE_MIXTURE_TABLE_H
#define CADRE_MIXTURE_TABLE_H

#include <stdint.h>

#include "base/file.h"

typedef struct table {
    const char *path; /* the caller's */
    file_map map;
    int64_t columns;
    char **name;   /* [columns], all different, none empty */
    size_t body;   /* where the rows begin */
    int64_t lines; /* before the body */
} table;

cadre_status table_open(const char *path, table *t);
void table_close(table *t);

int64_t table_column(const table *t, const char *name, size_t size); /* -1: there is none */

typedef struct table_numbers {
    int64_t rows, columns;
    double *value; /* [rows, columns] */
    int64_t *line; /* [rows] the line where each begins, from 1 */
} table_numbers;

/* Reads the numbers of the chosen columns [count], in that order, for every row. Other columns are
 * not looked at. */
cadre_status table_read(
    const table *t, const int64_t *chosen, int64_t count, table_numbers *numbers);
void table_numbers_free(table_numbers *n);

#endif

/* matrix.h - a table of shares drawn as squares: the area of a square is the share, so that no
 * colour is needed to read it. */
#ifndef CADRE_REPORT_MATRIX_H
#define CADRE_REPORT_MATRIX_H

#include <stdbool.h>

#include "base/buffer.h"

typedef struct matrix {
    int rows, columns;
    const double *share;         /* [rows, columns] */
    double full;                 /* the share that fills its cell */
    const char *const *row_name; /* [rows], escaped here */
    /* [columns] which column of `share` is drawn and named here */
    const int *column;
    const bool *gap; /* [columns] whether a line stands before this column */
    int layer;       /* the sparse layer whose experts the columns are */
    /* The id of the table that holds the shares, for the tooltip; NULL: none */
    const char *table;
    const char *label;
} matrix;

void matrix_draw(byte_buffer *page, const matrix *m);
void matrix_legend(byte_buffer *page, double full); /* shows which area means which share */

#endif

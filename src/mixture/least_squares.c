/* least_squares.c - Householder's QR of the weighted rows, column by column.
 *
 * The normal equations would square the condition number of the inputs, which may be years or
 * prices. With Q R = sqrt(weight) input, the map solves R map^T = Q^T sqrt(weight) target. */
#include "mixture/least_squares.h"

#include <math.h>
#include <string.h>

/* The largest remainder that rounding may leave of a column that is a combination of earlier
 * ones */
static const double nothing_left = 1e-11;

int64_t least_squares_room(int64_t rows, int64_t width, int64_t targets)
{
    return rows * (width + targets) + 2 * width;
}

/* Gathers the weighted rows by columns: columns [D + M, N]. */
static void gather(const weighted_rows *w, double *columns)
{
    for (int64_t n = 0; n < w->rows; n++) {
        double root = sqrt(w->weight[n * w->stride]);
        for (int64_t j = 0; j < w->width; j++)
            columns[j * w->rows + n] = root * w->input[n * w->width + j];
        for (int64_t j = 0; j < w->targets; j++)
            columns[(w->width + j) * w->rows + n] = root * w->target[n * w->targets + j];
    }
}

static double norm(const double *v, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += v[i] * v[i];
    return sqrt(sum);
}

/* Reflects v [count] onto its first coordinate, and in the same way the `others` columns of `rows`
 * after it. v becomes the diagonal element of R and the tail of the reflector. */
static void reflect(double *v, int64_t count, double length, int64_t rows, int64_t others)
{
    double diagonal = v[0] > 0 ? -length : length, head = v[0] - diagonal;
    double scale = -1 / (diagonal * head); /* 2 / ||reflector||^2 */
    v[0] = head;
    for (int64_t c = 1; c <= others; c++) {
        double *other = v + c * rows, sum = 0;
        for (int64_t i = 0; i < count; i++) sum += v[i] * other[i];
        sum *= scale;
        for (int64_t i = 0; i < count; i++) other[i] -= sum * v[i];
    }
    v[0] = diagonal;
}

/* Reduces the columns to R. row_of[j] is the row of R that column j begins; -1: none. */
static void triangulate(const weighted_rows *w, double *columns, double *row_of, double *whole)
{
    int64_t rank = 0;
    for (int64_t j = 0; j < w->width; j++) whole[j] = norm(columns + j * w->rows, w->rows);
    for (int64_t j = 0; j < w->width; j++) {
        double *v = columns + j * w->rows + rank;
        double length = rank < w->rows ? norm(v, w->rows - rank) : 0;
        row_of[j] = -1;
        if (!(length > nothing_left * whole[j])) continue;
        reflect(v, w->rows - rank, length, w->rows, w->width + w->targets - 1 - j);
        row_of[j] = (double)rank++;
    }
}

/* Computes one target's coefficients [D], from the last to the first. */
static void substitute(
    const weighted_rows *w, const double *columns, const double *row_of, int64_t m, double *map)
{
    const double *target = columns + (w->width + m) * w->rows;
    for (int64_t j = w->width - 1; j >= 0; j--) {
        int64_t row = (int64_t)row_of[j];
        map[j] = 0;
        if (row < 0) continue;
        double sum = target[row];
        for (int64_t k = j + 1; k < w->width; k++) sum -= columns[k * w->rows + row] * map[k];
        map[j] = sum / columns[j * w->rows + row];
    }
}

void least_squares(const weighted_rows *w, double *room, double *map)
{
    double *columns = room, *row_of = room + w->rows * (w->width + w->targets);
    gather(w, columns);
    triangulate(w, columns, row_of, row_of + w->width);
    for (int64_t m = 0; m < w->targets; m++) substitute(w, columns, row_of, m, map + m * w->width);
}

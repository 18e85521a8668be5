/* expert_rows.h - where the rows of an expert begin, and which tokens they read; for the files of
 * the experts' arithmetic. */
#ifndef CADRE_MOE_EXPERT_ROWS_H
#define CADRE_MOE_EXPERT_ROWS_H

#include "moe/experts.h"

static inline int64_t rows_of(const expert_pass *e, int64_t i)
{
    return e->rows.first[i + 1] - e->rows.first[i];
}

/* Returns whether the experts' rows are gathered from [T, D] by the token of each row; otherwise
 * they are read one after the other. */
static inline bool is_gathered(const expert_pass *e, bool by_row)
{
    return e->rows.token && !by_row;
}

static inline const int32_t *tokens_of(const expert_pass *e, int64_t i, bool by_row)
{
    return is_gathered(e, by_row) ? e->rows.token + e->rows.first[i] : NULL;
}

static inline const real *start_of(const expert_pass *e, int64_t i, bool by_row, const real *x)
{
    return is_gathered(e, by_row) ? x : x + e->rows.first[i] * e->width;
}

/* Elements of an output row, and where this rank's columns begin in it */
static inline int64_t output_width(const expert_pass *e)
{
    return e->columns == COLUMNS_PACKED ? gather_own(e->tensor, e->width, e->width) : e->width;
}

static inline int64_t output_first(const expert_pass *e)
{
    return e->columns == COLUMNS_PACKED ? 0 : gather_first(e->tensor, e->width, e->width);
}

#endif

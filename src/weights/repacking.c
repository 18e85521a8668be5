/* repacking.c - copies a parameter of a mapped file into the interleaved layout. */
#include "weights/repacking.h"

#include "base/file.h"
#include "kernel/quant.h"
#include "kernel/quant_interleaved.h"

size_t repacking_bytes(const compute *c, const param_source *s)
{
    const param *p = s->param;
    if (param_row_of(p->role)->repacking == AS_IT_IS || s->block_scales.form ||
        !param_source_in_place(s))
        return 0;
    return quant_interleaved_bytes(c->variant, s->tensor.format, p->rows, p->cols);
}

void repacking_lay(const compute *c, const param_source *s, void *copy)
{
    const param *p = s->param;
    const number_format *format = s->tensor.format;
    const void *from = param_source_in_place(s);
    int64_t lanes = quant_grain(c->variant);
    quant_interleave(c->variant, format, p->rows, p->cols, from, s->place.row, 0,
        (p->rows + lanes - 1) / lanes, copy);
    file_map_let_go(from, number_row_bytes(format, (p->rows - 1) * s->place.row + p->cols));
}

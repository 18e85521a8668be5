/* repacking.c - from a parameter in a mapped file to strips. */
#include "model/repacking.h"

#include "base/file.h"
#include "kernel/quant.h"
#include "kernel/quant_strips.h"

/* Rows of the embedding are looked up, and latent attention takes its matrices apart. */
static bool is_multiplied_whole(param_role role)
{
    switch (role) {
    case ROLE_HEAD:
    case ROLE_Q: case ROLE_K: case ROLE_V: case ROLE_O:
    case ROLE_Q_A: case ROLE_Q_B: case ROLE_KV_A:
    case ROLE_CROSS_Q: case ROLE_CROSS_K: case ROLE_CROSS_V: case ROLE_CROSS_O:
    case ROLE_GATE: case ROLE_UP: case ROLE_DOWN:
    case ROLE_EXPERT_GATE: case ROLE_EXPERT_UP: case ROLE_EXPERT_DOWN:
    case ROLE_SHARED_GATE: case ROLE_SHARED_UP: case ROLE_SHARED_DOWN: return true;
    default: return false;
    }
}

size_t repacking_bytes(const compute *c, const param_source *s)
{
    const param *p = s->param;
    if (!is_multiplied_whole(p->role) || s->factors.form || !param_source_in_place(s)) return 0;
    return quant_strips_bytes(c->variant, s->tensor.format, p->rows, p->cols);
}

void repacking_lay(const compute *c, const param_source *s, void *copy)
{
    const param *p = s->param;
    const number_format *format = s->tensor.format;
    const void *from = param_source_in_place(s);
    int64_t lanes = quant_grain(c->variant);
    quant_strips_lay(c->variant, format, p->rows, p->cols, from, s->place.row, 0, (p->rows + lanes - 1) / lanes, copy);
    file_map_let_go(from, number_row_bytes(format, (p->rows - 1) * s->place.row + p->cols));
}

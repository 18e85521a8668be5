/* residence.c - the advice that follows from where each parameter is placed. */
#include "weights/residence.h"

#include "base/file.h"

void residence_begin(const weight_file *f)
{
    char name[GGUF_NAME];
    stored_tensor t;
    for (size_t i = 0; i < weight_file_count(f); i++) {
        weight_file_at(f, i, name, &t);
        file_map_want_little(t.data, t.size);
    }
}

static void fill(const param *p, const param_place *place)
{
    const number_block_scales *x = &place->block_scales;
    int64_t elements = (p->rows - 1) * place->stride + p->cols;
    file_map_want(place->data, number_row_bytes(place->format, elements));
    if (x->form) file_map_want(x->at, (size_t)number_block_scale_bytes(x->form, p->rows, p->cols));
}

void residence_fill(const model_config *config, const param_table *table, const param_place *place)
{
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        if (place[i].kind != PLACE_MAPPED || !place[i].data) continue;
        if (p->role != ROLE_EMBED || config->tie) fill(p, &place[i]);
    }
}

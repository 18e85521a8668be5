/* traffic.c - takes sizes from the table of parameters, and counts from the plans. */
#include "bench/traffic.h"

#include "base/memory.h"

static int64_t bytes_of(const param *p, const param_place *place)
{
    int64_t count = p->rows * p->cols;
    if (!place->format) return count * (int64_t)sizeof(real);
    return (int64_t)number_row_bytes(place->format, count) +
           number_block_scale_bytes(place->block_scales.form, p->rows, p->cols);
}

cadre_status traffic_open(const cadre_model *m, traffic *t)
{
    *t = (traffic){ .model = m, .expert = MEM_ARRAY(int64_t, m->config.layers) };
    if (!t->expert) return CADRE_ENOMEM;
    for (int64_t i = 0; i < m->table.count; i++) {
        const param *p = &m->table.rows[i];
        int64_t bytes = bytes_of(p, &m->placement.place[i]);
        if (p->expert == 0) t->expert[p->layer] += bytes;
        else if (p->expert < 0 && (p->role != ROLE_EMBED || m->config.tie)) t->dense += bytes;
    }
    return CADRE_OK;
}

void traffic_close(traffic *t)
{
    mem_free(t->expert);
    *t = (traffic){ 0 };
}

void traffic_watch(void *arg, int64_t layer, const plan *p)
{
    traffic *t = arg;
    for (int32_t e = 0; e < p->experts; e++)
        if (plan_rows_of(p, (gexp){ e })) t->experts_read += t->expert[layer];
}

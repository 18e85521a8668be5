/* adapter_merge.c - finds the pair of a matrix, and adds it row by row. */
#include "weights/adapter_merge.h"

#include "base/memory.h"
#include "weights/adapter_file.h"

cadre_status adapter_merge_open(const char *folder, const model_config *config, adapter_merge *m)
{
    adapter_spec spec;
    *m = (adapter_merge){ 0 };
    CADRE_TRY(adapter_read_config(folder, config, &spec));
    CADRE_TRY(adapter_make(config, &spec, &m->adapter));
    m->values = MEM_ARRAY(real, m->adapter.table.elements);
    m->pairs = MEM_ARRAY(low_rank, m->adapter.count);
    if (!m->values || !m->pairs) return CADRE_ENOMEM;
    CADRE_TRY(adapter_read_values(folder, config, &m->adapter, m->values));
    adapter_views(&m->adapter, &m->adapter.table, m->values, NULL, m->pairs);
    return CADRE_OK;
}

void adapter_merge_close(adapter_merge *m)
{
    mem_free(m->values);
    mem_free(m->pairs);
    adapter_free(&m->adapter);
    *m = (adapter_merge){ 0 };
}

const low_rank *adapter_merge_find(const adapter_merge *m, const param *p, int64_t *first)
{
    for (int64_t i = 0; i < m->adapter.count; i++) {
        const adapter_pair *pair = &m->adapter.pair[i];
        bool up = p->role == ROLE_EXPERT_UP && pair->fused && pair->role == ROLE_EXPERT_GATE;
        if (pair->layer != p->layer || pair->expert != p->expert) continue;
        if (pair->role != p->role && !up) continue;
        *first = up ? p->rows : 0;
        return &m->pairs[i];
    }
    return NULL;
}

void adapter_merge_row(const low_rank *pair, int64_t row, float *values)
{
    for (int64_t r = 0; r < pair->rank; r++) {
        float by = (float)(pair->scale * pair->b[row * pair->rank + r]);
        for (int64_t i = 0; i < pair->in; i++) values[i] += by * (float)pair->a[r * pair->in + i];
    }
}

/* model_adapter.c - reads an adapter, and binds it to the weights of a model. */
#include "model/model_adapter.h"

#include "base/memory.h"
#include "op/low_rank.h"
#include "weights/adapter_file.h"

cadre_status model_adapter_open(
    const char *folder, const model_config *config, model_weights *w, model_adapter *m)
{
    adapter_spec spec;
    CADRE_TRY(adapter_read_config(folder, config, &spec));
    CADRE_TRY(adapter_make(config, &spec, &m->adapter));
    m->values = MEM_ARRAY(real, m->adapter.table.elements);
    m->pairs = MEM_ARRAY(low_rank, m->adapter.count);
    if (!m->values || !m->pairs) return CADRE_ENOMEM;
    CADRE_TRY(adapter_read_values(folder, config, &m->adapter, m->values));
    adapter_bind(&m->adapter, &m->adapter.table, m->values, NULL, m->pairs, config, w);
    return CADRE_OK;
}

void model_adapter_close(model_adapter *m)
{
    mem_free(m->values);
    mem_free(m->pairs);
    adapter_free(&m->adapter);
    *m = (model_adapter){ 0 };
}

cadre_status model_adapter_reserve(
    const model_adapter *m, const model_config *config, const batch_limits *most, compute *c)
{
    if (!m->pairs) return CADRE_OK;
    int64_t rows = adapter_most_rows(config, most->tokens, most->sequences);
    return low_rank_reserve(c, rows, m->adapter.spec.rank);
}

/* expert_record.c - the ranges of streamed parameters, for each expert. */
#include "weights/expert_record.h"

#include "base/memory.h"

static int64_t bytes_of(const expert_record *r)
{
    int64_t bytes = 0;
    for (int i = 0; i < EXPERT_RANGES; i++) bytes += r->range[i].bytes;
    return bytes;
}

static void add(expert_record *r, param_role role, const param_place *place)
{
    int part = role == ROLE_EXPERT_GATE ? 0 : role == ROLE_EXPERT_UP ? 1 : 2;
    r->range[part] = place->range;
    r->range[part + EXPERT_MATRICES] = place->scales_range;
}

cadre_status expert_records_make(const model_config *config, const param_table *table,
    const param_place *place, expert_records *out)
{
    int64_t count = 0;
    expert_records made = { .first = MEM_ARRAY(int64_t, config->layers) };
    for (int64_t l = 0; made.first && l < config->layers; l++) {
        made.first[l] = count;
        if (config->layer[l].sparse) count += moe_config_weighted(&config->layer[l].moe);
    }
    made.record = MEM_ARRAY(expert_record, count);
    if (!made.first || !made.record) {
        expert_records_free(&made);
        return CADRE_ENOMEM;
    }
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        if (place[i].kind == PLACE_STREAMED)
            add(&made.record[made.first[p->layer] + p->expert], p->role, &place[i]);
    }
    for (int64_t i = 0; i < count; i++)
        if (bytes_of(&made.record[i]) > made.most_bytes)
            made.most_bytes = bytes_of(&made.record[i]);
    *out = made;
    return CADRE_OK;
}

void expert_records_free(expert_records *r)
{
    mem_free(r->record);
    mem_free(r->first);
    *r = (expert_records){ 0 };
}

/* pairs.c - tables of pairs of experts. */
#include "report/pairs.h"

#include "base/memory.h"

cadre_status expert_pairs_make(const model_shape *shape, expert_pairs *out)
{
    expert_pairs p = { .layers = shape->layers, .load = MEM_ARRAY(double, shape->experts) };
    int64_t cells = 0;
    for (int s = 0; s < shape->layers; s++)
        cells += (int64_t)shape->layer[s].experts * shape->layer[s].experts;
    bool counted = cells <= PAIRS_CELLS, made = p.load;
    if (made && counted) made = (p.count = MEM_ARRAY(int32_t *, shape->layers)) != NULL;
    for (int s = 0; made && counted && s < shape->layers; s++) {
        size_t experts = (size_t)shape->layer[s].experts;
        made = (p.count[s] = MEM_ARRAY(int32_t, experts * experts)) != NULL;
    }
    if (made) *out = p;
    else expert_pairs_free(&p);
    return made ? CADRE_OK : CADRE_ENOMEM;
}

void expert_pairs_free(expert_pairs *p)
{
    for (int s = 0; p->count && s < p->layers; s++) mem_free(p->count[s]);
    mem_free(p->count);
    mem_free(p->load);
    *p = (expert_pairs){ 0 };
}

cadre_status expert_pairs_read(
    const json_node *lists, const model_shape *shape, int s, expert_pairs *p)
{
    int experts = shape->layer[s].experts;
    if (json_count(lists) != (size_t)experts)
        return json_refuse(lists, "%d lists, one an expert", experts);
    for (int a = 0; a < experts; a++) {
        json_node row = json_item(lists, (size_t)a);
        CADRE_TRY(json_as_array(&row));
        if (json_count(&row) != (size_t)a)
            return json_refuse(&row, "%d counts, one an earlier expert", a);
        for (int b = 0; b < a; b++) {
            json_node item = json_item(&row, (size_t)b);
            int64_t count;
            CADRE_TRY(json_as_int(&item, 0, INT32_MAX, &count));
            if (p->count)
                p->count[s][a * experts + b] = p->count[s][b * experts + a] = (int32_t)count;
        }
    }
    return CADRE_OK;
}

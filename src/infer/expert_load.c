/* expert_load.c - counting the rows of every plan. */
#include "infer/expert_load.h"

#include <string.h>

#include "base/memory.h"
#include "infer/routes.h"

static void fill_experts(expert_load *load)
{
    int64_t s = 0;
    for (int64_t l = 0; l < load->config->layers; l++)
        if (load->config->layer[l].sparse)
            load->layer_experts[s++] = load->config->layer[l].moe.experts;
}

cadre_status expert_load_open(expert_load *l, const model_config *config)
{
    *l = (expert_load){ .config = config,
        .layers = model_config_sparse_layers(config),
        .experts = route_log_experts(config) };
    l->rows = MEM_ARRAY(int64_t, l->layers * l->experts);
    l->largest = MEM_ARRAY(int64_t, l->layers);
    l->layer_experts = MEM_ARRAY(int64_t, l->layers);
    if (!l->rows || !l->largest || !l->layer_experts) {
        expert_load_close(l);
        return CADRE_ENOMEM;
    }
    fill_experts(l);
    return CADRE_OK;
}

void expert_load_close(expert_load *l)
{
    mem_free(l->rows);
    mem_free(l->largest);
    mem_free(l->layer_experts);
    *l = (expert_load){ 0 };
}

void expert_load_add(expert_load *l, int64_t layer, const plan *p)
{
    int64_t s = model_config_sparse_before(l->config, layer), largest = 0;
    int64_t *rows = l->rows + s * l->experts;
    for (int32_t e = 0; e < p->experts && e < l->experts; e++) {
        rows[e] += p->kept[e];
        if (p->kept[e] > largest) largest = p->kept[e];
    }
    l->largest[s] += largest;
}

void expert_load_copy(expert_load *to, const expert_load *from)
{
    size_t cells = (size_t)(from->layers * from->experts);
    to->passes = from->passes;
    memcpy(to->rows, from->rows, cells * sizeof *to->rows);
    memcpy(to->largest, from->largest, (size_t)from->layers * sizeof *to->largest);
}

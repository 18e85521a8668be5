/* placement_change.c - decides whether to place experts anew, and has all ranks do it. */
#include "infer/placement_change.h"

#include <string.h>

#include "base/memory.h"
#include "infer/lead.h"
#include "model/expert_placement.h"

/* A placement that makes less of a difference is not worth the reading of experts. */
static const double worth = 0.02;

/* What each expert took since: [experts of all sparse layers] of the caller's; *count: of them */
static cadre_status use_since(
    const cadre_model *m, const expert_load *load, const int64_t *before, double **use, int64_t *n)
{
    int64_t at = 0, s = 0;
    double *made = MEM_ARRAY(double, load->layers * load->experts);
    if (!made) return CADRE_ENOMEM;
    for (int64_t l = 0; l < m->config.layers; l++) {
        if (!m->config.layer[l].sparse) continue;
        int64_t experts = moe_config_weighted(&m->config.layer[l].moe), row = s++ * load->experts;
        for (int64_t e = 0; e < experts; e++)
            made[at++] = (double)(load->rows[row + e] - before[row + e]);
    }
    *use = made;
    *n = at;
    return CADRE_OK;
}

static cadre_status place_if_worth(
    cadre_model *m, const double *use, int64_t experts, cadre_placed *placed)
{
    placement_balance found;
    CADRE_TRY(expert_placement_weigh(m, use, &found));
    placed->before = placed->after = found.now;
    if (found.then > found.now * (1 - worth)) return CADRE_OK;
    CADRE_TRY(lead_experts(m, use, experts));
    placed->after = found.then;
    placed->changed = true;
    return CADRE_OK;
}

cadre_status placement_change(
    cadre_model *m, const expert_load *load, int64_t *before, cadre_placed *placed)
{
    int64_t experts;
    double *use;
    CADRE_TRY(use_since(m, load, before, &use, &experts));
    cadre_status status = place_if_worth(m, use, experts, placed);
    mem_free(use);
    if (status == CADRE_OK)
        memcpy(before, load->rows, (size_t)(load->layers * load->experts) * sizeof *before);
    return status;
}

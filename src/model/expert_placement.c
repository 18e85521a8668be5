/* expert_placement.c - reads how much experts were used, and places those of each layer. */
#include "model/expert_placement.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "moe/placed_experts.h"
#include "store/expert_heat.h"

static spread_kind kind_of(const cadre_model *m)
{
    spread_kind kind = SPREAD_EVEN;
    if (m->context->placement) spread_kind_by_word(m->context->placement, &kind);
    return kind;
}

/* ---- how much experts were used ---- */

/* Experts of sparse layers, numbered through */
static cadre_status shape_of(const model_config *c, int32_t **first, policy_shape *shape)
{
    int64_t layers = model_config_sparse_layers(c), at = 0;
    if (!(*first = MEM_ARRAY(int32_t, layers + 1))) return CADRE_ENOMEM;
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse) {
            (*first)[at + 1] = (*first)[at] + moe_config_weighted(&c->layer[l].moe);
            at++;
        }
    *shape = (policy_shape){ layers, *first };
    return CADRE_OK;
}

static cadre_status read_use(const cadre_model *m, policy_shape shape, double *use)
{
    const char *given = m->context->loads;
    char *kept = NULL;
    expert_heat heat = { 0 };
    if (!given) CADRE_TRY(model_kept_use_path(m, &kept));
    cadre_status status = CADRE_OK;
    if (kept && !file_exists(kept)) {
        status = cadre_fail(CADRE_EARGUMENT, m->path,
            "--placement %s: expected to know how much experts are used, found no %s",
            m->context->placement, kept);
        cadre_fail_advice("--placement-from takes a file that 'cadre generate --routes' wrote");
    }
    if (status == CADRE_OK) status = expert_heat_read(given ? given : kept, shape, &heat);
    if (status == CADRE_OK) memcpy(use, heat.use, (size_t)shape.first[shape.layers] * sizeof *use);
    expert_heat_close(&heat);
    mem_free(kept);
    return status;
}

/* ---- where they are ---- */

static cadre_status place_layer(
    const cadre_model *m, const moe_config *layer, const double *use, expert_spread *s)
{
    int experts = moe_config_weighted(layer), ranks = m->ranks->owners->size;
    int replicas = m->context->replicas;
    int64_t *load = MEM_ARRAY(int64_t, experts);
    if (!load) return CADRE_ENOMEM;
    double most = 1;
    for (int e = 0; e < experts; e++) most = fmax(most, use[e]);
    for (int e = 0; e < experts; e++) load[e] = (int64_t)(use[e] / most * 1e9);
    cadre_status status =
        spread_make(kind_of(m), experts, ranks, replicas ? replicas : ranks, load, s);
    mem_free(load);
    return status;
}

static cadre_status place_all(cadre_model *m, policy_shape shape, double *use)
{
    model_ranks *r = m->ranks;
    int64_t sparse = 0;
    cadre_status status = r->world->rank ? CADRE_OK : read_use(m, shape, use);
    CADRE_TRY(model_ranks_agree(r->world, status));
    comm_broadcast(r->world, use, (size_t)shape.first[shape.layers] * sizeof *use, 0);
    CADRE_TRY(comm_status(r->world));
    if (!(r->placed = MEM_ARRAY(expert_spread, m->config.layers))) return CADRE_ENOMEM;
    for (int64_t l = 0; l < m->config.layers; l++)
        if (m->config.layer[l].sparse)
            CADRE_TRY(place_layer(
                m, &m->config.layer[l].moe, use + shape.first[sparse++], &r->placed[l]));
    r->share.placed = r->placed;
    return CADRE_OK;
}

static cadre_status check(const cadre_model *m)
{
    const char *word = m->context->placement;
    if (!m->ranks || !m->ranks->owners)
        return cadre_fail(CADRE_EARGUMENT, m->path,
            "--placement %s: expected ranks that divide experts (--parallel expert=N), found none",
            word);
    if (m->ranks->owners->size > PLACED_MOST_OWNERS)
        return cadre_fail(CADRE_EARGUMENT, m->path,
            "--placement %s: expected experts divided among at most %d ranks, found %d", word,
            PLACED_MOST_OWNERS, m->ranks->owners->size);
    if (m->config.encoder)
        return cadre_fail(CADRE_EARGUMENT, m->path,
            "--placement %s: expected a model without an encoder, found one with", word);
    return CADRE_OK;
}

cadre_status expert_placement_make(cadre_model *m)
{
    int32_t *first;
    policy_shape shape;
    if (kind_of(m) == SPREAD_EVEN) return CADRE_OK;
    CADRE_TRY(check(m));
    CADRE_TRY(shape_of(&m->config, &first, &shape));
    double *use = MEM_ARRAY(double, first[shape.layers]);
    cadre_status status = use ? place_all(m, shape, use) : CADRE_ENOMEM;
    mem_free(use);
    mem_free(first);
    return status;
}

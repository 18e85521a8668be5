/* expert_placement.c - reads how much experts were used, and places those of each layer. */
#include "model/expert_placement.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/binding.h"
#include "moe/placed_experts.h"
#include "store/expert_frequency.h"

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

static cadre_status refuse_unknown_use(const cadre_model *m, const char *kept)
{
    cadre_fail(CADRE_EARGUMENT, m->path,
        "--placement %s: expected to know how much experts are used, found no %s",
        m->context->placement, kept);
    cadre_fail_advice("--placement-from takes a file that 'cadre generate --routes' wrote");
    return CADRE_EARGUMENT;
}

static cadre_status read_use(const char *path, policy_shape shape, double *use)
{
    expert_frequency frequency = { 0 };
    CADRE_TRY(expert_frequency_read(path, shape, &frequency));
    memcpy(use, frequency.use, (size_t)shape.first[shape.layers] * sizeof *use);
    expert_frequency_close(&frequency);
    return CADRE_OK;
}

/* By the file that was given, else by what earlier runs left. Where it may not be known (loads ""),
 * it stays zero. */
static cadre_status find_use(const cadre_model *m, policy_shape shape, double *use)
{
    const char *given = m->context->loads;
    char *kept;
    if (given && *given) return read_use(given, shape, use);
    CADRE_TRY(model_kept_use_path(m, &kept));
    cadre_status status = CADRE_OK;
    if (file_exists(kept)) status = read_use(kept, shape, use);
    else if (!given) status = refuse_unknown_use(m, kept);
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

static void free_spreads(const cadre_model *m, expert_spread *s)
{
    for (int64_t l = 0; s && l < m->config.layers; l++) spread_free(&s[l]);
    mem_free(s);
}

/* [layers], the caller's */
static cadre_status place_layers(const cadre_model *m, const double *use, expert_spread **out)
{
    expert_spread *s = MEM_ARRAY(expert_spread, m->config.layers);
    cadre_status status = s ? CADRE_OK : CADRE_ENOMEM;
    for (int64_t l = 0; l < m->config.layers && status == CADRE_OK; l++) {
        const moe_config *layer = &m->config.layer[l].moe;
        if (!m->config.layer[l].sparse) continue;
        status = place_layer(m, layer, use, &s[l]);
        use += moe_config_weighted(layer);
    }
    if (status == CADRE_OK) *out = s;
    else free_spreads(m, s);
    return status;
}

static cadre_status place_all(cadre_model *m, policy_shape shape, double *use)
{
    model_ranks *r = m->ranks;
    cadre_status status = r->world->rank ? CADRE_OK : find_use(m, shape, use);
    CADRE_TRY(model_ranks_agree(r->world, status));
    comm_broadcast(r->world, use, (size_t)shape.first[shape.layers] * sizeof *use, 0);
    CADRE_TRY(comm_status(r->world));
    CADRE_TRY(place_layers(m, use, &r->placed));
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

/* ---- placed anew ---- */

/* Rows of the busiest rank of a layer; the copies of an expert have the same number each. */
static double busiest(const expert_spread *s, const double *use, double *rank)
{
    double most = 0;
    memset(rank, 0, (size_t)s->ranks * sizeof *rank);
    for (int e = 0; e < s->experts; e++)
        for (int c = s->first[e]; c < s->first[e + 1]; c++)
            rank[s->rank[c]] += use[e] / (s->first[e + 1] - s->first[e]);
    for (int i = 0; i < s->ranks; i++) most = fmax(most, rank[i]);
    return most;
}

static double weigh(
    const cadre_model *m, const expert_spread *placed, const double *use, double *rank)
{
    double sum = 0, most = 0;
    for (int64_t l = 0; l < m->config.layers; l++) {
        if (!m->config.layer[l].sparse) continue;
        most += busiest(&placed[l], use, rank);
        for (int e = 0; e < placed[l].experts; e++) sum += *use++;
    }
    return sum > 0 ? most * m->ranks->owners->size / sum : 1;
}

cadre_status expert_placement_weigh(
    const cadre_model *m, const double *use, placement_balance *found)
{
    expert_spread *then = NULL;
    if (!m->ranks || !m->ranks->placed)
        return cadre_fail(CADRE_EARGUMENT, m->path,
            "experts are placed anew: expected a model that was opened with a placement that "
            "follows use (balanced, replicated), found none");
    double *rank = MEM_ARRAY(double, m->ranks->owners->size);
    cadre_status status = rank ? place_layers(m, use, &then) : CADRE_ENOMEM;
    if (status == CADRE_OK)
        *found =
            (placement_balance){ weigh(m, m->ranks->placed, use, rank), weigh(m, then, use, rank) };
    free_spreads(m, then);
    mem_free(rank);
    return status;
}

/* The transformers point to r->placed: what is in it changes places with what is in `other`. */
static void swap_spreads(const cadre_model *m, expert_spread *other)
{
    for (int64_t l = 0; l < m->config.layers; l++) {
        const expert_spread before = m->ranks->placed[l];
        m->ranks->placed[l] = other[l];
        other[l] = before;
    }
}

cadre_status expert_placement_change(cadre_model *m, const double *use)
{
    model_ranks *r = m->ranks;
    expert_spread *other = NULL;
    binding made = { 0 };
    cadre_status status = place_layers(m, use, &other);
    if (status == CADRE_OK) {
        swap_spreads(m, other);
        status = binding_make_again(m, &made);
    }
    status = model_ranks_agree(r->world, status);
    if (status == CADRE_OK) binding_swap(m, &made);
    else if (other) swap_spreads(m, other);
    binding_free(m, &made);
    free_spreads(m, other);
    return status;
}

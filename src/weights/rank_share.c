/* rank_share.c - makes a rank's share of the table of parameters and of the mixers'
 * configuration. */
#include "weights/rank_share.h"

#include <string.h>

#include "base/memory.h"
#include "base/share.h"

/* ---- what can be divided ---- */

static cadre_status check_heads(const model_config *c, int64_t l, const rank_share *s)
{
    const mixer_config *mixers[] = { &c->layer[l].mixer, &c->layer[l].cross };
    for (int i = 0; i < 2; i++)
        if (mixers[i]->row && mixers[i]->kv_heads && mixers[i]->kv_heads < s->slices)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--parallel: tensor=%d: expected at most one shard a key-value head, found %lld "
                "heads "
                "in layer %lld",
                s->slices, (long long)mixers[i]->kv_heads, (long long)l);
    return CADRE_OK;
}

static cadre_status check_experts(const model_config *c, int64_t l, const rank_share *s)
{
    int64_t experts = c->layer[l].sparse ? moe_config_weighted(&c->layer[l].moe) : s->groups;
    if (experts >= s->groups) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--parallel: expert=%d: expected at most one group of ranks an expert, found %lld experts "
        "in "
        "layer %lld",
        s->groups, (long long)experts, (long long)l);
}

cadre_status rank_share_check(const model_config *c, const rank_share *s)
{
    if (s->groups > 1 && !model_config_sparse_layers(c))
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--parallel: expert=%d: expected a model with experts, found none in any layer",
            s->groups);
    for (int64_t l = 0; l < c->layers; l++) {
        if (s->slices > 1) CADRE_TRY(check_heads(c, l, s));
        CADRE_TRY(check_experts(c, l, s));
        bool before = c->layer[l].sparse && c->layer[l].moe.route.residual;
        if (before && l == s->first && l > 0)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--parallel: pipeline: expected layers that read no other layer's routing, found "
                "layer %lld, which reads the one before",
                (long long)l);
    }
    return CADRE_OK;
}

/* ---- parameters ---- */

static bool is_held(const model_config *c, const rank_share *s, const param *p)
{
    if (p->role == ROLE_OUT_NORM || p->role == ROLE_HEAD) return s->end == c->layers;
    if (p->role == ROLE_EMBED) return s->first == 0 || (c->tie && s->end == c->layers);
    if (p->layer >= 0 && (p->layer < s->first || p->layer >= s->end)) return false;
    /* The biases of experts' outputs are added where their rows are combined: on every rank. */
    if (p->expert < 0 || p->role == ROLE_EXPERT_DOWN_BIAS) return true;
    if (s->placed) return spread_has(&s->placed[p->layer], p->expert, s->group);
    int64_t experts = moe_config_weighted(&c->layer[p->layer].moe);
    return p->expert >= share_begin(experts, s->group, s->groups) &&
           p->expert < share_begin(experts, s->group + 1, s->groups);
}

/* In how many pieces a parameter of `rows` rows or elements may be divided; 1: it is not divided.
 * An embedding is not, because its rows are looked up, and those of tokens that do not occur are
 * never read. */
static int64_t pieces_of(const model_config *c, const param *p, int64_t rows)
{
    param_cut cut = param_row_of(p->role)->cut;
    if (cut == WHOLE || p->role == ROLE_EMBED || p->role == ROLE_EXPERT_DOWN_BIAS) return 1;
    if (cut == BY_ROW) return rows;
    const layer_config *l = &c->layer[p->layer];
    if (param_part_of(p->role) == PART_CROSS_ATTENTION) return l->cross.kv_heads;
    return l->mixer.kv_heads ? l->mixer.kv_heads : 1; /* a recurrent mixer is not divided */
}

static param cut_of(const model_config *c, const rank_share *s, const param *p)
{
    bool vector = param_is_vector(p);
    param cut = *p;
    int64_t rows = vector ? p->cols : p->rows, pieces = pieces_of(c, p, rows);
    int32_t slices = pieces > 1 ? s->slices : 1, slice = pieces > 1 ? s->slice : 0;
    int64_t first = share_begin(pieces, slice, slices) * (rows / pieces),
            end = share_begin(pieces, slice + 1, slices) * (rows / pieces);
    cut.first = first;
    cut.whole = rows;
    if (vector) cut.cols = end - first;
    else cut.rows = end - first;
    if (!is_held(c, s, p)) cut.rows = 0;
    return cut;
}

cadre_status rank_share_table(
    const model_config *c, const rank_share *s, const param_table *whole, param_table *out)
{
    param_table t = *whole;
    t.rows = MEM_ARRAY(param, whole->count);
    if (!t.rows) return CADRE_ENOMEM;
    for (int64_t i = 0; i < t.count; i++) t.rows[i] = cut_of(c, s, &whole->rows[i]);
    *out = t;
    return CADRE_OK;
}

param rank_share_whole(const param *p)
{
    param whole = *p;
    whole.first = 0;
    if (param_is_vector(p)) whole.rows = 1, whole.cols = p->whole;
    else whole.rows = p->whole;
    return whole;
}

/* ---- mixers ---- */

static void cut_heads(const rank_share *s, mixer_config *m)
{
    if (!m->row || !m->heads || !m->kv_heads) return;
    int64_t queries = m->heads / m->kv_heads,
            own = share_begin(m->kv_heads, s->slice + 1, s->slices) -
                  share_begin(m->kv_heads, s->slice, s->slices);
    m->whole_kv_heads = m->kv_heads;
    m->kv_heads = own;
    m->heads = own * queries;
}

void rank_share_mixers(const rank_share *s, model_config *c)
{
    for (int64_t l = 0; l < c->layers; l++) {
        if (s->slices > 1) {
            cut_heads(s, &c->layer[l].mixer);
            cut_heads(s, &c->layer[l].cross);
        }
        c->layer[l].mixer.elsewhere = l < s->first || l >= s->end;
    }
}

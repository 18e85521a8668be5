/* route_census.c - counts routing decisions while a text is evaluated. */
#include "infer/route_census.h"

#include "arch/token_types.h"
#include "base/memory.h"
#include "moe/metrics.h"

enum { SEGMENT_LEAST = 64, SEGMENTS_MOST = 2048, LOGGED_MOST = 1 << 17 };
#define PICKS_MOST ((int64_t)1 << 24) /* picks that are kept of all texts together */
#define PAIRS_MOST ((int64_t)1 << 20) /* of all layers together */

/* ---- how much is kept ---- */

static int64_t at_most(int64_t value, int64_t most) { return value < most ? value : most; }

static void measure(const model_config *config, census_form *f, int64_t *pairs)
{
    for (int64_t l = 0; l < config->layers; l++) {
        const layer_config *layer = &config->layer[l];
        if (!layer->sparse) continue;
        f->layers++;
        if (layer->moe.experts > f->experts) f->experts = layer->moe.experts;
        int32_t picks = moe_config_most_picks(&layer->moe);
        if (picks > f->picks) f->picks = picks;
        *pairs += layer->moe.experts * layer->moe.experts;
    }
}

static cadre_status make_pairs(const model_config *config, census_form *f)
{
    if (!(f->together = MEM_ARRAY(int64_t *, f->layers))) return CADRE_ENOMEM;
    for (int64_t l = 0, s = 0; l < config->layers; l++) {
        if (!config->layer[l].sparse) continue;
        int64_t experts = config->layer[l].moe.experts;
        if (!(f->together[s++] = MEM_ARRAY(int64_t, experts * experts))) return CADRE_ENOMEM;
    }
    return CADRE_OK;
}

cadre_status census_form_make(
    const model_config *config, int64_t texts, int64_t tokens, census_form *form)
{
    census_form f = { .config = config, .segment = tokens / SEGMENTS_MOST + 1 };
    int64_t pairs = 0;
    measure(config, &f, &pairs);
    if (f.segment < SEGMENT_LEAST) f.segment = SEGMENT_LEAST;
    if (texts && f.layers)
        f.logged = at_most(LOGGED_MOST, PICKS_MOST / (f.layers * f.picks)) / texts;
    cadre_status status = f.layers && pairs <= PAIRS_MOST ? make_pairs(config, &f) : CADRE_OK;
    if (status == CADRE_OK) *form = f;
    else census_form_free(&f);
    return status;
}

void census_form_free(census_form *f)
{
    for (int64_t s = 0; f->together && s < f->layers; s++) mem_free(f->together[s]);
    mem_free(f->together);
    *f = (census_form){ 0 };
}

/* ---- one text ---- */

cadre_status route_census_open(
    const census_form *form, const int32_t *ids, int64_t tokens, route_census *out)
{
    route_census c = { .form = form,
        .ids = ids,
        .tokens = tokens,
        .logged = at_most(form->logged, tokens),
        .segments = (tokens + form->segment - 1) / form->segment };
    c.load = MEM_ARRAY(int64_t, form->layers * form->experts);
    c.by_type = MEM_ARRAY(int64_t, form->config->types.count * form->layers * form->experts);
    c.part = MEM_ARRAY(int32_t, c.segments * form->layers * form->experts);
    c.pick = MEM_ARRAY(int32_t, c.logged * form->layers * form->picks);
    for (int64_t i = 0; c.pick && i < c.logged * form->layers * form->picks; i++) c.pick[i] = -1;
    if (!c.load || !c.by_type || !c.part || !c.pick) {
        route_census_close(&c);
        return CADRE_ENOMEM;
    }
    *out = c;
    return CADRE_OK;
}

void route_census_close(route_census *c)
{
    mem_free(c->load);
    mem_free(c->by_type);
    mem_free(c->part);
    mem_free(c->pick);
    *c = (route_census){ 0 };
}

/* ---- counting ---- */

static void take_places(void *arg, const int64_t *place, int64_t tokens)
{
    (void)tokens;
    ((route_census *)arg)->place = place;
}

static void count_token(route_census *c, int64_t s, int64_t place, const plan *p, int64_t t)
{
    const census_form *f = c->form;
    int32_t *part = c->part + (place / f->segment * f->layers + s) * f->experts;
    int32_t *kept = place < c->logged ? c->pick + (place * f->layers + s) * f->picks : NULL;
    const gexp *pick = p->edge_expert + p->token_start[t];
    int64_t *by_type = f->config->types.count
                           ? route_census_by_type(c, token_type_of(f->config, c->ids[place]), s)
                           : NULL;
    for (int32_t k = 0; k < plan_edges_of(p, t); k++) {
        c->load[s * f->experts + pick[k].id]++;
        if (by_type) by_type[pick[k].id]++;
        part[pick[k].id]++;
        if (kept) kept[k] = pick[k].id;
        for (int32_t j = 0; f->together && j < plan_edges_of(p, t); j++)
            f->together[s][(int64_t)pick[k].id * p->experts + pick[j].id]++;
    }
}

static void count_layer(void *arg, int64_t layer, const plan *p)
{
    route_census *c = arg;
    int64_t s = model_config_sparse_before(c->form->config, layer);
    for (int64_t t = 0; t < p->tokens; t++)
        if (c->place[t] >= 0) count_token(c, s, c->place[t], p, t);
}

evaluation_watch route_census_watch(route_census *c)
{
    return (evaluation_watch){ .places = take_places, .layer = count_layer, .layer_arg = c };
}

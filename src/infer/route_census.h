/* route_census.h - where the tokens of one text were routed: counts by expert, by pair of experts
 * and by segment of the text, and the picks of its first tokens. Every token counts once, in
 * however many windows of the evaluation it is. */
#ifndef CADRE_INFER_ROUTE_CENSUS_H
#define CADRE_INFER_ROUTE_CENSUS_H

#include "infer/evaluate.h"

/* How much is kept, the same for all texts of an analysis. */
typedef struct census_form {
    const model_config *config;     /* borrowed */
    int64_t layers, experts, picks; /* S; E and K, the most of any layer */
    int64_t segment;                /* tokens of a segment */
    int64_t logged;                 /* most tokens of a text whose picks are kept */
    /* [S] of [experts, experts of the layer] tokens that picked both; NULL: not counted */
    int64_t **together;
} census_form;

/* For texts of this many tokens together. `together` is made if the pairs of all layers are not too
 * many. */
cadre_status census_form_make(
    const model_config *config, int64_t texts, int64_t tokens, census_form *form);
void census_form_free(census_form *form);

typedef struct route_census {
    const census_form *form; /* borrowed, as ids */
    const int32_t *ids;      /* [tokens] */
    int64_t tokens, logged, segments;
    int64_t *load;        /* [S, E] picks */
    int64_t *by_type;     /* [types, S, E] picks by tokens of a type; no types: nothing */
    int32_t *part;        /* [segments, S, E] picks */
    int32_t *pick;        /* [logged, S, K], -1: none */
    const int64_t *place; /* of the batch that is being evaluated */
} route_census;

cadre_status route_census_open(
    const census_form *form, const int32_t *ids, int64_t tokens, route_census *c);
void route_census_close(route_census *c);

/* A watch that counts into `c` */
evaluation_watch route_census_watch(route_census *c);

static inline int64_t *route_census_by_type(const route_census *c, int32_t type, int64_t layer)
{
    return c->by_type + (type * c->form->layers + layer) * c->form->experts;
}

static inline const int32_t *route_census_picks(const route_census *c, int64_t token, int64_t layer)
{
    return c->pick + (token * c->form->layers + layer) * c->form->picks;
}

#endif

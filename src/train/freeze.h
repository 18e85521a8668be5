/* freeze.h - the frozen part of a model, which stays as it is while the rest is trained (--freeze).
 * Gradients pass through it, but its own gradient does not count in the norm, and the optimiser
 * neither updates nor decays it. In a model with an encoder, layers=A-B freezes layers of both the
 * encoder and the decoder. */
#ifndef CADRE_TRAIN_FREEZE_H
#define CADRE_TRAIN_FREEZE_H

#include "arch/param.h"

/* The indices first .. end - 1; end 0: none. */
typedef struct freeze_range {
    int64_t first, end;
} freeze_range;

/* All zero: nothing is frozen. */
typedef struct freeze_list {
    bool attention, embeddings, shared; /* shared: experts that every token passes through */
    freeze_range router, experts;       /* rows of routers; routed experts */
    freeze_range layers;                /* all of a layer */
} freeze_list;

/* Parses "router,experts=0-7,layers=0-11"; NULL or "none" freezes nothing. */
cadre_status freeze_parse(const char *text, freeze_list *list);

/* Says which of a parameter's elements are frozen: begin .. end - 1; begin == end: none. */
void freeze_elements(const freeze_list *list, const param *p, int64_t *begin, int64_t *end);

/* Refuses an item that the model does not have, and a list that leaves nothing to train. */
cadre_status freeze_check(const freeze_list *list, const param_table *table);

#endif

/* freeze.h - what of a model stays as it is while the rest is trained: --freeze. Losses flow
 * through it; its gradient is not in the norm, and it neither steps nor decays. Of a model with an
 * encoder, layers are those of both. */
#ifndef CADRE_TRAIN_FREEZE_H
#define CADRE_TRAIN_FREEZE_H

#include "arch/param.h"

/* first .. end - 1; end 0: none. */
typedef struct freeze_range {
    int64_t first, end;
} freeze_range;

/* All zero: nothing. */
typedef struct freeze_list {
    bool attention, embeddings, shared; /* shared: experts that every token passes through */
    freeze_range router, experts;       /* rows of routers; routed experts */
    freeze_range layers;                /* whole */
} freeze_list;

/* "router,experts=0-7,layers=0-11"; NULL or "none": nothing. */
cadre_status freeze_parse(const char *text, freeze_list *list);

/* Of a parameter's elements begin .. end - 1 stay; begin == end: none. */
void freeze_elements(const freeze_list *list, const param *p, int64_t *begin, int64_t *end);

/* Refuses an item that the model has nothing of, and a list that leaves nothing to train. */
cadre_status freeze_check(const freeze_list *list, const param_table *table);

#endif

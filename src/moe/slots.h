/* slots.h - Soft MoE's mixtures, which stand where other routers have picks. */
#ifndef CADRE_MOE_SLOTS_H
#define CADRE_MOE_SLOTS_H

#include "moe/routing.h"

/* [T, E P] each: what a slot takes of each token, what a token takes of each slot's output, and the
 * gradients by both. */
typedef struct slot_weights {
    real *dispatch, *combine, *ddispatch, *dcombine;
} slot_weights;
slot_weights slot_weights_of(const routing *r);

#endif

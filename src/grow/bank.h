/* bank.h - the banks of a sparse layer's experts, each for tokens of one type: experts are added to
 * each, or taken from each. A layer without banks is one bank. */
#ifndef CADRE_GROW_BANK_H
#define CADRE_GROW_BANK_H

#include "arch/config.h"

typedef struct bank_range {
    int32_t first, count; /* experts of the layer */
} bank_range;

int32_t bank_count(const moe_config *moe);
bank_range bank_range_of(const moe_config *moe, int32_t i);
/* The bank that has an expert */
int32_t bank_of_expert(const moe_config *moe, int32_t expert);

/* Gives every bank of the model the size that `size` says, and every sparse layer the experts of
 * its banks. Layers without banks have one size. */
void bank_resize(model_config *config,
    int32_t (*size)(void *arg, const layer_config *layer, bank_range old), void *arg);

#endif

/* switch.h - the two stacks of Switch Transformers, of a file or of a recipe. */
#ifndef CADRE_ARCH_SWITCH_H
#define CADRE_ARCH_SWITCH_H

#include "arch/architecture.h"

extern const architecture architecture_switch;

typedef struct switch_layers {
    int64_t decoder, sparse_encoder, sparse_decoder; /* the encoder's are config->layers */
} switch_layers;

/* What all models of the family have, before they are derived. */
void switch_numbers(model_config *config);
/* A configuration of the encoder's numbers becomes the decoder, which owns the encoder. */
cadre_status switch_stacks(model_config *config, const switch_layers *layers, const char *where);

#endif

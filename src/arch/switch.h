/* switch.h - the two stacks of Switch Transformers, from a file or a recipe. */
#ifndef CADRE_ARCH_SWITCH_H
#define CADRE_ARCH_SWITCH_H

#include "arch/architecture.h"

extern const architecture architecture_switch;

typedef struct switch_layers {
    int64_t decoder, sparse_encoder, sparse_decoder; /* the encoder has config->layers */
} switch_layers;

/* Sets what all models of the family have, before they are derived. */
void switch_numbers(model_config *config);
/* Turns a configuration of the encoder into the decoder's, which then owns the encoder. */
cadre_status switch_stacks(model_config *config, const switch_layers *layers, const char *where);

#endif

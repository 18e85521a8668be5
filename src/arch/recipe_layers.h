/* recipe_layers.h - reads what options say of each layer of a model whose layers are alike so
 * far. */
#ifndef CADRE_ARCH_RECIPE_LAYERS_H
#define CADRE_ARCH_RECIPE_LAYERS_H

#include "arch/config.h"
#include "base/options.h"

/* Adds a sentence to the notes, which end where the room does. */
void recipe_note(char *text, size_t room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads --mixer, --experts, --topk, --expert-width, --dense-width, --shared-experts, --latent-width
 * and --residual-width, each with one item, or with one for each layer. */
cadre_status recipe_layers(const cadre_options *o, model_config *c, char *notes, size_t room);

#endif

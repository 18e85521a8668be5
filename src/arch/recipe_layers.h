/* recipe_layers.h - what options say of each layer of a model whose layers are alike so far. */
#ifndef CADRE_ARCH_RECIPE_LAYERS_H
#define CADRE_ARCH_RECIPE_LAYERS_H

#include "arch/config.h"
#include "base/options.h"

/* One more sentence of the notes, which end where the room does. */
void recipe_note(char *text, size_t room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --mixer, --experts, --topk, --expert-width, --dense-width, --shared-experts, --latent-width and
 * --residual-width, each one item, or one a layer. */
cadre_status recipe_layers(const cadre_options *o, model_config *c, char *notes, size_t room);

#endif

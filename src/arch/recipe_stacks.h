/* recipe_stacks.h - the encoder and the decoder of a recipe that has both. */
#ifndef CADRE_ARCH_RECIPE_STACKS_H
#define CADRE_ARCH_RECIPE_STACKS_H

#include "arch/recipe.h"

/* Makes two stacks from a configuration that is not derived yet. */
cadre_status recipe_stacks(const cadre_options *o, model_config *c, char *notes, size_t room);

/* Checks that the family's files can describe the model; no other files have two stacks. */
cadre_status recipe_stacks_check(const recipe *r, const model_config *c);

#endif

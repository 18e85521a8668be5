/* recipe_stacks.h - the encoder and the decoder of a recipe that has both. */
#ifndef CADRE_ARCH_RECIPE_STACKS_H
#define CADRE_ARCH_RECIPE_STACKS_H

#include "arch/recipe.h"

/* Two of what the numbers say, which are not derived yet. */
cadre_status recipe_stacks(const cadre_options *o, model_config *c, char *notes, size_t room);

/* That the family's files can say what it is: no others have a form for two stacks. */
cadre_status recipe_stacks_check(const recipe *r, const model_config *c);

#endif

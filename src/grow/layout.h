/* layout.h - which family's files hold a model that was made of others. */
#ifndef CADRE_GROW_LAYOUT_H
#define CADRE_GROW_LAYOUT_H

#include "arch/config.h"
#include "cadre.h"

/* Sets config->arch: the first of `types` (ended by NULL) whose files can say what the model is,
 * else cadre's own layout, which is told. Refuses what not even that can say. */
cadre_status layout_choose(const char *const *types, const char *where,
    const cadre_output_listener *listener, model_config *config);

#endif

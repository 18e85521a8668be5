/* layout.h - chooses the family whose files hold a model that was made of others. */
#ifndef CADRE_GROW_LAYOUT_H
#define CADRE_GROW_LAYOUT_H

#include "cadre/write.h"
#include "arch/config.h"

/* Sets config->arch to the first of `types` (ended by NULL) whose files can describe the model. If
 * there is none, takes cadre's own layout and notes that. Refuses a model that even this cannot
 * describe. */
cadre_status layout_choose(const char *const *types, const char *where,
    const cadre_output_listener *listener, model_config *config);

#endif

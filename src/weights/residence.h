/* residence.h - tells the system which parts of a model's mapped files belong in memory, where
 * experts are read by other means: what is not used through the map must not come there with what
 * is. */
#ifndef CADRE_WEIGHTS_RESIDENCE_H
#define CADRE_WEIGHTS_RESIDENCE_H

#include "weights/weights.h"

/* Before anything is read: no read brings the bytes around it. */
void residence_begin(const weight_file *f);
/* Brings what is mapped to memory, but for an embedding of which tokens read single rows. */
void residence_fill(const model_config *config, const param_table *table, const param_place *place);

#endif

/* residence.h - tells the system which parts of a model's mapped files are needed in memory, when
 * experts are read by other means: reading what is used must not bring in what is not. */
#ifndef CADRE_WEIGHTS_RESIDENCE_H
#define CADRE_WEIGHTS_RESIDENCE_H

#include "weights/weights.h"

/* Called before anything is read: turns read-ahead off. */
void residence_begin(const weight_file *f);
/* Reads what is used through the map into memory, except an embedding, of which tokens read single
 * rows. */
void residence_fill(const model_config *config, const param_table *table, const param_place *place);

#endif

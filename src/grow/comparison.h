/* comparison.h - how far a model is from the one that it was made of: logits, token by token, and
 * losses. */
#ifndef CADRE_GROW_COMPARISON_H
#define CADRE_GROW_COMPARISON_H

#include "cadre/grow.h"
#include "grow/reading.h"

/* Fills in what cadre_growth says of the comparison. The models must share one vocabulary. */
cadre_status compare_models(
    cadre_model *before, cadre_model *after, const passage *p, cadre_growth *growth);

#endif

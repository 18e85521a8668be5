/* finite.h - refuses logits and losses that are not finite, and names the tensor at fault. */
#ifndef CADRE_INFER_FINITE_H
#define CADRE_INFER_FINITE_H

#include "cadre/model.h"
#include "base/real.h"
#include "model/model.h"

/* Whether all values are finite. */
bool reals_are_finite(const real *values, int64_t count);

/* Refuses logits [V] that are not all finite. position: that of the token that they were computed
 * from. */
cadre_status logits_check(const cadre_model *model, const real *logits, int64_t position);
/* The refusal itself, of logits that were found not to be. */
cadre_status logits_refuse(const cadre_model *model, int64_t position);

/* The same, for any value that is not finite (`what`: "its loss"). Looks for a tensor
 * that contains such a value. */
cadre_status refuse_not_finite(const cadre_model *model, const char *what);

#endif

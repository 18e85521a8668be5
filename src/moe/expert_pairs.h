/* expert_pairs.h - the pairs of small matrices beside experts' matrices (op/low_rank.h), forwards
 * and backwards.
 *
 * Each expert has pairs of its own. A pair of `gate` has H outputs, or, where it is that of gate
 * and up together, 2H: gate's first, as they stand in a row of pre. Where a matrix has no pairs,
 * nothing is done. */
#ifndef CADRE_MOE_EXPERT_PAIRS_H
#define CADRE_MOE_EXPERT_PAIRS_H

#include "moe/experts.h"

/* Add to the results of the experts of a wave: pre += (s x a^T) b^T; out += (s act a^T) b^T. */
void expert_pairs_add_inputs(
    const expert_pass *e, const expert_wave *wave, const real *x, real *pre);
void expert_pairs_add_output(
    const expert_pass *e, const expert_wave *wave, const real *act, real *out);

/* da += (s dy b) a, before the rows' weights */
void expert_pairs_output_backward(const expert_pass *e, const real *dy, real *da);
/* act: times the rows' weights */
void expert_pairs_output_gradients(
    const expert_pass *e, const real *dy, const real *act, const expert_gradients *g);
/* dx_rows += (s dpre b) a, and the gradients */
void expert_pairs_inputs_backward(const expert_pass *e, const real *x, const real *dpre,
    const expert_gradients *g, real *dx_rows);

#endif

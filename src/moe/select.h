/* select.h - taking picks from a row of keys, and what several routers share in scoring, weighing
 * and differentiating.
 *
 * A key orders experts: the larger comes first, of equal ones the lower index, and NaN counts as
 * -inf. So k picks are always k distinct ids within range. */
#ifndef CADRE_MOE_SELECT_H
#define CADRE_MOE_SELECT_H

#include "moe/router.h"

enum { SELECT_MAX_GROUPS = 256 };

/* The entries of THE LIST; router.c puts them in order. */
extern const router router_softmax, router_softmax_renorm, router_topk_softmax, router_sigmoid_bias,
    router_sigmoid_bias_raw, router_sqrtsoftplus_bias, router_softmax_bias, router_noisy_topk,
    router_top_p;

/* pick[0..k) = the ids of the k largest keys, best first; k <= n. NaN keys become -inf. */
void select_topk(int32_t n, real *key, int32_t k, gexp *pick);

/* `assign` where every token chooses by itself (choose_token.c). */
void assign_by_token(struct routing *r);

/* Masks, in place, the keys of all but the best groups_used groups. */
void select_limit_groups(const router_options *o, int32_t n, real *key);

static inline bool select_is_grouped(const router_options *o) { return o->groups_used < o->groups; }

/* ---- scores and keys ---- */

/* score = softmax(z) */
void score_softmax(const router_token *t);

/* key = score + correction, limited to groups */
void key_of_scores(const router_token *t);

/* key = what orders experts as their softmax does: the logits themselves, or scores where groups
 * are compared */
void key_of_softmax(const router_token *t);

/* ---- weights ---- */

/* w = scale * score */
void weigh_raw(const router_token *t);

/* w = scale * score / (sum over picks of score + norm_eps) */
void weigh_normalised(const router_token *t);

/* w = scale * softmax over the picks of z, z any row of logits */
void weigh_softmax(const router_token *t, const real *z);

/* Whether edge k takes part in a sum over the token's edges. */
static inline bool edge_counts(const router_token *t, int32_t k)
{
    return !(t->options->survivors && t->row && t->row[k] < 0);
}

/* ---- gradients ---- */

/* Of weigh_raw with softmax scores, and of balancing losses. */
void backward_raw(const router_token *t, const token_gradient *d);

/* dlogits = gradient of balancing losses through softmax scores alone. */
void backward_probability(const router_token *t, const token_gradient *d);

/* dlogits[pick] += gradient of weights that are softmax over the picks, or softmax renormalised,
 * which is the same. */
void backward_picked_softmax(const router_token *t, const token_gradient *d);

/* ds[pick] += gradient of weigh_normalised by the scores */
void backward_normalised(const router_token *t, const real *dweight, real *ds);

/* ds[pick] += gradient of weigh_raw by the scores */
void backward_scaled(const router_token *t, const real *dweight, real *ds);

/* Of weights made of independent scores s = f(z), weighed as backward_normalised or backward_scaled
 * has it, and of balancing losses by s / sum s. derivative(z, s) = f'(z). */
void backward_independent(const router_token *t, const token_gradient *d,
    real (*derivative)(real z, real s),
    void (*weighed)(const router_token *t, const real *dweight, real *ds));

#endif

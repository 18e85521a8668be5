/* select.h - taking picks from a row of keys, and what several routers share in scoring, weighing
 * and differentiating.
 *
 * A key orders experts: the larger comes first, of equal ones the lower index, and NaN counts as
 * -inf. So k picks are always k distinct ids within range. */
#ifndef CADRE_MOE_SELECT_H
#define CADRE_MOE_SELECT_H

#include <string.h>

#include "moe/router.h"

enum { SELECT_MAX_GROUPS = 256 };

/* The entries of THE LIST; router.c puts them in order. */
extern const router router_softmax, router_softmax_renorm, router_topk_softmax, router_sigmoid_bias,
    router_sigmoid_bias_raw, router_sqrtsoftplus_bias, router_softmax_bias, router_noisy_topk,
    router_top_p, router_expert_choice, router_hash, router_hash_next, router_multi_hash,
    router_base, router_sinkhorn, router_relu, router_sparsemixer, router_sparsemixer_1,
    router_sigmoid_input, router_cosine, router_product, router_quantile, router_threshold,
    router_dense, router_hierarchical, router_soft;

/* pick[0..k) = the ids of the k largest keys, best first; k <= n. NaN keys become -inf. */
void select_topk(int32_t n, real *key, int32_t k, gexp *pick);

/* ---- `assign` ---- */

/* Each token chooses its K best experts independently (choose_token.c). */
void assign_by_token(struct routing *r);

/* Calls the row's `score` for every token. */
void score_each(struct routing *r);

/* `choose` names a token's experts: it writes them to t->expert, in descending order of key, and
 * returns how many there are. It is called for padding too, whose count is ignored. */
typedef int32_t choose_function(const router_token *t);
void assign_each(struct routing *r, choose_function *choose);
/* Helps to write such a function: it chooses the experts for which `chosen` returns true. */
int32_t choose_where(const router_token *t, bool (*chosen)(const router_token *t, int32_t expert));

/* Experts choose tokens (choose_expert.c): of each group of tokens, expert e takes the `most`
 * tokens with the highest keys, but never padding or a key of -inf. */
typedef struct choose_columns {
    int64_t groups;
    const int64_t *start; /* [groups + 1] */
    int64_t (*most)(const struct routing *r, int64_t group, int32_t expert);
    const real *key;     /* [T, E] */
    unsigned char *mark; /* [T, E] 1: taken; written */
    int32_t *heap;       /* [T, E] scratch */
} choose_columns;
void choose_by_column(const struct routing *r, const choose_columns *c);

/* Masks, in place, the keys of all but the best groups_used groups. */
void select_limit_groups(const router_options *o, int32_t n, real *key);

static inline bool select_is_grouped(const router_options *o) { return o->groups_used < o->groups; }

/* `most_picks` where a token may have every expert. */
int32_t picks_of_all(const router_options *o, int32_t experts);

/* ---- scores and keys ---- */

/* score = softmax(z); score and lse, as the next two. */
void score_softmax(const router_token *t);

/* score = sigmoid(z), or sqrt(log(1 + exp z)), and their derivatives (score.c) */
void score_sigmoid(const router_token *t);
void score_root_softplus(const router_token *t);
real derivative_sigmoid(real z, real s);
real derivative_root_softplus(real z, real s);

/* The function that options->score names. */
void score_by_option(const router_token *t);

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

/* Returns whether edge k takes part in a sum over the token's edges. */
static inline bool edge_counts(const router_token *t, int32_t k)
{
    if (t->options->drop_last && t->expert[k].id == t->experts - 1) return false;
    return !(t->options->renormalise_kept && t->row && t->row[k] < 0);
}

/* w = scale * sigmoid(z) of a single pick; its gradient, and that of losses through softmax
 * scores */
void weigh_sigmoid(const router_token *t);
void backward_weigh_sigmoid(const router_token *t, const token_gradient *d);

/* weigh_normalised or weigh_raw, as the option renormalise says; its gradient with softmax
 * scores */
void weigh_by_renormalise(const router_token *t);
void backward_by_renormalise(const router_token *t, const token_gradient *d);

/* ---- gradients ---- */

/* The gradient of weigh_raw with softmax scores, and of balancing losses. */
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

/* The gradient of weights made of independent scores s = f(z), weighed as backward_normalised or
 * backward_scaled has it, and of balancing losses by s / sum s. derivative(z, s) = f'(z). */
typedef void backward_weights(const router_token *t, const real *dweight, real *ds);
void backward_independent(const router_token *t, const token_gradient *d,
    real (*derivative)(real z, real s), backward_weights *weighed);

/* The gradient of the scores that options->score names. */
void backward_by_option(const router_token *t, const token_gradient *d, backward_weights *weighed);

#endif

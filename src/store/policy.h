/* policy.h - cache policies: which expert is evicted when another is read.
 *
 * A policy sees every visit of a layer by a pass: how many rows each of its experts got. From that
 * it computes the worth of keeping each expert in memory; the one of least worth is evicted first.
 * Experts that a pass still needs are never evicted.
 *
 * Belady's rule, to evict what will be used last of all, is the best that any policy can do. It
 * needs to know the future, and so is not in the list (best_possible.h). */
#ifndef CADRE_STORE_POLICY_H
#define CADRE_STORE_POLICY_H

#include <stdint.h>

#include "base/status.h"

/* The experts of all layers have one numbering: layer l has first[l] .. first[l + 1] - 1. */
typedef struct policy_shape {
    int64_t layers;
    const int32_t *first; /* [layers + 1]; borrowed */
} policy_shape;

typedef struct policy policy;

typedef struct policy_row {
    const char *name, *help;
    int arrays; /* how many doubles it keeps for each expert */
    /* rows [E of the layer]: how many rows each expert gets in a pass of so many tokens */
    void (*visit)(policy *p, int64_t layer, const int32_t *rows, int64_t tokens);
    double (*worth)(const policy *p, int32_t expert);
    /* Called before any visit; chance: the share of an earlier run's tokens that used the expert */
    void (*expect)(policy *p, int32_t expert, double chance);
} policy_row;

/* THE LIST of policies; the first is the default. */
extern const policy_row *const policy_list[];
const policy_row *policy_by_name(const char *name); /* NULL: there is none */

enum { POLICY_ARRAYS = 8, POLICY_WEIGHTS = 8 };

struct policy {
    const policy_row *row;
    policy_shape shape;
    int64_t visits;                                        /* so far, of any layer */
    int64_t layer;                                         /* that was visited last */
    double time;                                           /* in tokens */
    double *array[POLICY_ARRAYS];                          /* [experts] each */
    double weight[POLICY_WEIGHTS], square[POLICY_WEIGHTS]; /* of what is learnt */
};

cadre_status policy_open(const policy_row *row, policy_shape shape, policy *p);
void policy_close(policy *p);
void policy_visit(policy *p, int64_t layer, const int32_t *rows, int64_t tokens);
/* Called before any visit; use [experts]: how many of `tokens` tokens of earlier runs used each */
void policy_expect(policy *p, const double *use, double tokens);

static inline double policy_worth(const policy *p, int32_t expert)
{
    return p->row->worth(p, expert);
}

/* How many steps of time a pass of `tokens` counts as, and how many uses its `rows` of an expert
 * count as: a whole prompt predicts the next tokens' experts no better than a few tokens do. */
double policy_time_of(int64_t tokens);
double policy_use_of(int32_t rows, int64_t tokens);

#endif

/* policy.h - which expert gives its place up when another is read.
 *
 * A policy sees every visit of a layer: how many rows each of its experts got. From that it tells
 * the worth of keeping an expert in memory; the one of least worth goes first. Experts that a pass
 * still needs never go, whatever they are worth.
 *
 * Belady's rule, to evict what will be wanted last, is the best that any policy can do; it needs
 * to know the future, so it stands apart (best_possible.h). */
#ifndef CADRE_STORE_POLICY_H
#define CADRE_STORE_POLICY_H

#include <stdint.h>

#include "base/status.h"

/* Experts of all layers are numbered through: those of layer l are first[l] .. first[l + 1] - 1. */
typedef struct policy_shape {
    int64_t layers;
    const int32_t *first; /* [layers + 1]; borrowed */
} policy_shape;

typedef struct policy policy;

typedef struct policy_row {
    const char *name, *help;
    int arrays; /* of doubles, one an expert */
    /* rows [E of the layer]: of the layer's experts, in a pass of so many tokens */
    void (*visit)(policy *p, int64_t layer, const int32_t *rows, int64_t tokens);
    double (*worth)(const policy *p, int32_t expert);
    /* Before any visit: what an earlier run tells, a chance in 0 .. 1 that a token uses it */
    void (*expect)(policy *p, int32_t expert, double chance);
} policy_row;

/* THE LIST of policies; the first is the one that is used where none is named. */
extern const policy_row *const policy_list[];
const policy_row *policy_by_name(const char *name); /* NULL: there is none */

enum { POLICY_ARRAYS = 8, POLICY_WEIGHTS = 8 };

struct policy {
    const policy_row *row;
    policy_shape shape;
    int64_t visits;                                        /* so far, of any layer */
    int64_t layer;                                         /* the last one that was visited */
    double time;                                           /* in tokens */
    double *array[POLICY_ARRAYS];                          /* [experts] each */
    double weight[POLICY_WEIGHTS], square[POLICY_WEIGHTS]; /* of what is learnt */
};

cadre_status policy_open(const policy_row *row, policy_shape shape, policy *p);
void policy_close(policy *p);
void policy_visit(policy *p, int64_t layer, const int32_t *rows, int64_t tokens);
/* Before any visit: use [experts], of so many tokens, in earlier runs */
void policy_expect(policy *p, const double *use, double tokens);

static inline double policy_worth(const policy *p, int32_t expert)
{
    return p->row->worth(p, expert);
}

/* How many tokens' time passes with a pass of `tokens`, and how much use `rows` of them are: a
 * prompt tells of the tokens to come no more than a few of them do. */
double policy_time_of(int64_t tokens);
double policy_use_of(int32_t rows, int64_t tokens);

#endif

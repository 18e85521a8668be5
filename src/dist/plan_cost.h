/* plan_cost.h - the cost model of layouts: the time of a pass or a step, and the memory of a rank.
 * All of it rests on five numbers of a machine and its links. */
#ifndef CADRE_DIST_PLAN_COST_H
#define CADRE_DIST_PLAN_COST_H

#include "base/layout.h"
#include "dist/cost.h"
#include "dist/plan_model.h"

typedef struct plan_machine {
    double memory, bandwidth, flops; /* bytes; bytes a second; operations a second */
    link_cost link;
} plan_machine;

enum { PLAN_PROCESS = 24000000 }; /* bytes of a process that has opened nothing */

typedef enum plan_purpose { PLAN_TRAIN, PLAN_DECODE, PLAN_PREFILL } plan_purpose;

typedef struct plan_work {
    plan_purpose purpose;
    double streams; /* decoding: texts side by side */
    double batch;   /* training: sequences of a step */
    double context; /* tokens of a sequence, or of a prompt */
    /* Training: bytes of one rank beside parameters, gradients and moments, if it had the whole
     * batch */
    double activations;
} plan_work;

typedef struct plan_cost {
    double compute, communication; /* seconds: of a pass that gives `tokens`, or of a step */
    double tokens, memory;
} plan_cost;

/* NULL: the layout is possible; otherwise why it is not. static */
const char *plan_refusal(const plan_model *m, const plan_work *w, const rank_layout *l);
plan_cost plan_cost_of(
    const plan_model *m, const plan_machine *machine, const plan_work *w, const rank_layout *l);

/* The largest of `parts` loads, in expectation, when `picks` different ones of `things` that lie on
 * them evenly are drawn: one token's experts on ranks */
double plan_expected_most(int things, int picks, int parts);

#endif
